"""Sessions of other apps: what somebody has let a command-line or third-party app do.

They are no sessions of a browser. The Active sessions view does not show them, and no log-out ends them.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from replica.accounts import Account

CLIENTS = {
    "codex-cli": "Codex CLI",
    "third-party": "Third-party app",
    "connected-app": "Connected app",
}
"""The apps that may ask to use an account, by their ids."""

CODE_LIFE_S = 600
"""How long a code waits for its app: RFC 6749, 4.1.2 recommends ten minutes at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Grant:
    """One app that may use an account, and the bearer by which it does."""

    account: Account
    app: str
    id: str = field(default_factory=lambda: f"gr_{secrets.token_hex(12)}")
    access_token: str = field(default_factory=lambda: f"oat-{secrets.token_urlsafe(32)}", repr=False)
    created_wall: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class _Promise:
    account: Account
    client_id: str
    ends_monotonic_s: float = field(default_factory=lambda: time.monotonic() + CODE_LIFE_S)


class Grants:
    """All grants, and the codes that were shown and not yet redeemed. They end with the process."""

    def __init__(self) -> None:
        self._promised: dict[str, _Promise] = {}
        self._by_token: dict[str, Grant] = {}

    def of(self, account: Account) -> list[Grant]:
        """The grants of an account, oldest first."""
        return [grant for grant in self._by_token.values() if grant.account is account]

    def by_token(self, access_token: str) -> Grant | None:
        """The grant of a bearer, if it is one."""
        return self._by_token.get(access_token)

    def promise(self, account: Account, client_id: str) -> str:
        """A code for which this app, one of CLIENTS, will get its grant."""
        code = secrets.token_urlsafe(12)
        self._promised[code] = _Promise(account, client_id)
        return code

    def redeem(self, client_id: str, code: str) -> Grant | None:
        """Take a code, once; None if it is unknown, used, too old or another app's."""
        promised = self._promised.pop(code, None)
        if promised is None or promised.client_id != client_id:
            return None
        if promised.ends_monotonic_s <= time.monotonic():
            return None
        grant = Grant(promised.account, CLIENTS[client_id])
        self._by_token[grant.access_token] = grant
        return grant
