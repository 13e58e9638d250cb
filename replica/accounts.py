"""Who may sign in: the test accounts, their passwords and their one-time codes."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import secrets
import time

import pyotp
from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from replica.behaviour import explain

CODE_STEP_S = 30
"""Time step of a one-time code, from RFC 6238 (TOTP)."""


class Account(BaseModel):
    """One account, as it was given: what has been changed since, only `Accounts` knows.

    `totp_secret` is base32 of at least 112 bits (RFC 4226, 4: 128 bits, 160 recommended). Without it the
    account has no second factor at first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    password: SecretStr = Field(min_length=1)
    totp_secret: SecretStr | None = None
    name: str = "Test Account"
    sso: bool = False
    """Whether it is tied to an organisation's single sign-on: it then has no Active sessions view."""

    @field_validator("totp_secret")
    @classmethod
    def _is_base32(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None:
            try:
                pyotp.TOTP(secret.get_secret_value()).at(0)
            except (binascii.Error, ValueError):
                # "from None": the cause could quote the secret
                raise PydanticCustomError("totp_secret", "not base32 of at least 112 bits") from None
        return secret

    @property
    def user_id(self) -> str:
        """What names the account to others; it tells nothing of the address."""
        return f"user-{hashlib.sha256(f'user/{self.email}'.encode()).hexdigest()[:24]}"

    @property
    def masked_email(self) -> str:
        """The address as it may be shown to anybody: `a***@example.com`."""
        user, _, domain = self.email.partition("@")
        return f"{user[0]}***@{domain}"


class Accounts:
    """All accounts, found by e-mail address, and how each signs in by now: its password and second factor.

    Remembers which one-time codes were used. Raises ValueError when there is no account, or when two share an
    address.
    """

    def __init__(self, accounts: list[Account]) -> None:
        self._by_email = {account.email.casefold(): account for account in accounts}
        self._passwords = {account.email: account.password for account in accounts}
        self._totp_secrets = {a.email: a.totp_secret for a in accounts if a.totp_secret}
        self._enrolling: dict[str, SecretStr] = {}
        self.used_codes: set[tuple[str, int]] = set()
        """E-mail address and time step of each one-time code that was used."""
        if not accounts:
            raise ValueError("lists no account")
        if len(self._by_email) < len(accounts):
            raise ValueError("lists the same e-mail address twice")

    def __len__(self) -> int:
        """How many there are."""
        return len(self._by_email)

    def after(self, account: Account) -> Account:
        """The next one of the list; after the last comes the first."""
        listed = list(self._by_email.values())
        return listed[(listed.index(account) + 1) % len(listed)]

    def find(self, email: str) -> Account | None:
        """The account of an address, if there is one."""
        return self._by_email.get(email.strip().casefold())

    def check_password(self, email: str, password: str) -> Account | None:
        """The account, if there is one and this is its password."""
        account = self.find(email)
        if account is None:
            return None
        known = self._passwords[account.email].get_secret_value()
        return account if hmac.compare_digest(known.encode(), password.encode()) else None

    def change_password(self, account: Account, password: SecretStr) -> None:
        """From now on this is its password, and the old one is none."""
        self._passwords[account.email] = password

    def has_second_factor(self, account: Account) -> bool:
        """Whether its sign-in asks for a one-time code."""
        return account.email in self._totp_secrets

    def use_code(self, account: Account, code: str) -> bool:
        """Whether this one-time code is right and new; from then on it is used."""
        secret = self._totp_secrets.get(account.email)
        return secret is not None and self._use_code(account, secret, code)

    def begin_second_factor(self, account: Account) -> SecretStr:
        """A new secret, which counts once a code of it was shown; an earlier one never will."""
        self._enrolling[account.email] = SecretStr(pyotp.random_base32())
        return self._enrolling[account.email]

    def confirm_second_factor(self, account: Account, code: str) -> bool:
        """Whether this is a code of the secret begun with; from then on sign-in asks for another."""
        secret = self._enrolling.get(account.email)
        if secret is None or not self._use_code(account, secret, code):
            return False
        self._totp_secrets[account.email] = self._enrolling.pop(account.email)
        return True

    def _use_code(self, account: Account, secret: SecretStr, code: str) -> bool:
        # one step early or late, for clocks that disagree, and never twice: RFC 6238, 5.2
        totp = pyotp.TOTP(secret.get_secret_value(), interval=CODE_STEP_S)
        now = int(time.time()) // CODE_STEP_S
        for step in (now, now - 1, now + 1):
            if hmac.compare_digest(totp.generate_otp(step).encode(), code.strip().encode()):
                fresh = (account.email, step) not in self.used_codes
                self.used_codes.add((account.email, step))
                return fresh
        return False


def read_accounts(text: str) -> Accounts:
    """The accounts of a JSON list. Raises ValueError saying what is wrong, never quoting a value."""
    try:
        return Accounts(TypeAdapter(list[Account]).validate_json(text))
    except ValidationError as problem:
        raise ValueError(explain(problem)) from None


def demo_account() -> Account:
    """An account to look around with, with a password of its own each time."""
    return Account(email="demo@example.com", password=SecretStr(secrets.token_urlsafe(9)), name="Demo")
