"""Access tokens: signed, short-lived bearers of the API calls."""

from __future__ import annotations

import math
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import jwt

from replica.refusals import Code, Refused

if TYPE_CHECKING:
    from replica.sessions import Session

# A token is replaced when less than this share of its life is left, as sites do that keep a session warm:
# asking for the session again and again gives the same token until then.
_RENEWED_BELOW = 0.1


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token and its times, in whole seconds since the epoch."""

    text: str = field(repr=False)
    issued_s: int
    expires_s: int

    def is_fresh(self, now_s: float) -> bool:
        """Whether enough of its life is left to hand it out again."""
        return self.expires_s - now_s > (self.expires_s - self.issued_s) * _RENEWED_BELOW


class Mint:
    """Makes and reads access tokens, with a key that dies with the process."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def token_for(self, session: Session, life_s: float) -> AccessToken:
        """The session's token: the one it has, or a new one when that is near its end."""
        now_s = time.time()
        if session.tokens and session.tokens[-1].is_fresh(now_s):
            return session.tokens[-1]
        issued_s = int(now_s)
        expires_s = issued_s + math.ceil(life_s)
        text = jwt.encode({"sid": session.id, "iat": issued_s, "exp": expires_s}, self._key, "HS256")
        token = AccessToken(text, issued_s, expires_s)
        session.tokens.append(token)
        return token

    def session_id_of(self, text: str) -> str:
        """The id of the session that a token speaks for. Raises Refused if it is not ours, or has expired."""
        try:
            claims = jwt.decode(text, self._key, ["HS256"], options={"require": ["sid", "iat", "exp"]})
        except jwt.ExpiredSignatureError:
            raise Refused(Code.EXPIRED) from None
        except jwt.InvalidTokenError:
            raise Refused(Code.UNAUTHORIZED) from None
        return str(claims["sid"])
