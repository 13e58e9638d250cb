"""The mint: can the session still get a new access token?"""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import dataclass, field
from typing import ClassVar

from afterglow.readings import Answer, State
from probes.asking import Copy, Look, Wanted, unknown
from probes.session import SESSION, token_of

REMEMBERED = 1_000
"""Tokens that are known again: far more than a site gives one session during a watch."""


@dataclass(slots=True)
class MintProbe:
    """Asks for the session anew, `?refresh=true`, with the cookies as they were copied.

    Alive is a token that nobody has seen before. The one that was held, or one of an earlier look, tells
    only that the site did not care to make another: unknown. What the site says when it is over is the same
    as for the session. That `refresh=true` asks for a new token is seen in two public projects only.
    """

    copy: Copy
    layer: ClassVar[str] = "mint"
    _seen: deque[bytes] = field(default_factory=lambda: deque(maxlen=REMEMBERED), repr=False)

    def __post_init__(self) -> None:
        """The token that was copied is an old one."""
        self._seen.append(_digest(self.copy.access_token))

    def look(self) -> Look:
        """Ask once."""
        got = yield Wanted(f"{SESSION}?refresh=true", cookies=self.copy.cookies)
        token = token_of(got)
        if isinstance(token, Answer):
            return token
        digest = _digest(token)
        if digest in self._seen:
            return unknown("same_token", got)
        self._seen.append(digest)
        return Answer(State.ALIVE, exchange=got.exchange)


def _digest(token: str) -> bytes:
    """What is remembered of a token: enough to know it again, and nothing to use."""
    return hashlib.sha256(token.encode()).digest()
