"""The access token: is the bearer that was held at the log-out still served?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import httpx

from afterglow.readings import Answer
from probes.asking import Copy, failed, get_as_bearer, of_me


@dataclass(slots=True)
class AccessProbe:
    """Asks `/backend-api/me` with the held token and nothing else.

    A refusal with `token_expired` is the token's natural end; the code is kept, so that it can be told
    from a revocation.
    """

    copy: Copy
    layer: ClassVar[str] = "access"

    async def ask(self) -> Answer:
        """Ask once."""
        try:
            return of_me(await get_as_bearer(self.copy, "/backend-api/me", self.copy.access_token))
        except httpx.HTTPError as error:
            return failed(error)
