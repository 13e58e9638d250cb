"""Codex: does it still let the held access token in?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from afterglow.readings import Answer, State
from probes.asking import Copy, Look, Wanted, not_telling, refused


@dataclass(slots=True)
class CodexProbe:
    """Asks Codex what is left of its allowance, with the held token: `/backend-api/wham/usage`.

    Four public projects tell by it whether Codex still lets a token in: any JSON object is alive.
    """

    copy: Copy
    layer: ClassVar[str] = "codex"

    def look(self) -> Look:
        """Ask once."""
        got = yield Wanted("/backend-api/wham/usage", bearer=self.copy.access_token)
        if (nothing := not_telling(got)) is not None:
            return nothing
        return refused(got) if got.status == 401 else Answer(State.ALIVE, exchange=got.exchange)
