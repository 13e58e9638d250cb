"""API keys: bearers for programs, which somebody makes and revokes by hand. No log-out has a say in them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from replica.accounts import Account

_TOLD = 4
"""How many of its last characters tell a key apart from the others."""


@dataclass(slots=True, eq=False)
class Key:
    """One API key. Its text is shown once, when it is made."""

    account: Account
    id: str = field(default_factory=lambda: f"key_{secrets.token_hex(8)}")
    text: str = field(default_factory=lambda: f"sk-{secrets.token_urlsafe(32)}", repr=False)
    revoked: bool = False

    @property
    def masked(self) -> str:
        """The key as a list may show it."""
        return f"sk-\u2026{self.text[-_TOLD:]}"


class Keys:
    """All API keys. They end with the process."""

    def __init__(self) -> None:
        self._by_text: dict[str, Key] = {}

    def of(self, account: Account) -> list[Key]:
        """The keys of an account that were not revoked, oldest first."""
        return [key for key in self._by_text.values() if key.account is account and not key.revoked]

    def by_text(self, text: str) -> Key | None:
        """The key of a bearer, revoked or not, if it is one."""
        return self._by_text.get(text)

    def make(self, account: Account) -> Key:
        """A new key."""
        key = Key(account)
        self._by_text[key.text] = key
        return key

    def revoke(self, account: Account, key_id: str) -> bool:
        """End a key of the account at once; False if there is no such key."""
        key = next((key for key in self.of(account) if key.id == key_id), None)
        if key is not None:
            key.revoked = True
        return key is not None
