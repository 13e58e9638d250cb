"""A sign-in that breaks with the password typed and the code due. Run by test_nothing_secret.py only."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from fixtures.devices import DESKTOP
from fixtures.profiles import Profiles
from fixtures.signing_in import SigningIn
from fixtures.target import Account
from pages.signin import SignIn
from tests.suite.canaries import note_account


def test_breaks_while_signing_in(
    profiles: Profiles, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the code is asked for, everything breaks, with the plain password in a local and in the words."""
    note_account(account)

    def breaks(*_arguments: object) -> SecretStr | None:
        password = account.password.get_secret_value()
        raise RuntimeError(f"typed {password} for {account.email.get_secret_value()}")

    monkeypatch.setattr(SigningIn, "_fresh_code", breaks)
    profiles.signed_in("primary", DESKTOP)


def test_is_blocked_while_signing_in(
    profiles: Profiles, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no code: blocked, with a snapshot of the page, on which the address stands."""
    monkeypatch.setattr(SigningIn, "_fresh_code", lambda *_: None)
    monkeypatch.setattr(SignIn, "__repr__", lambda _: account.email.get_secret_value(), raising=False)
    profiles.signed_in("secondary", DESKTOP)
