"""The access token: is the bearer that was held at the log-out still served?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from probes.asking import ME, Copy, Look, Wanted, of_me


@dataclass(slots=True)
class AccessProbe:
    """Asks `/backend-api/me` with the held token and nothing else.

    A refusal with `token_expired` is the token's natural end; the code is kept, so that it can be told
    from a revocation.
    """

    copy: Copy
    layer: ClassVar[str] = "access"

    def look(self) -> Look:
        """Ask once."""
        return of_me((yield Wanted(ME, bearer=self.copy.access_token)))
