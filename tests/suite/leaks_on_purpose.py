"""Tests that fail with every secret in hand. Run by test_nothing_secret.py only; not collected otherwise."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import allure
import pytest

from fixtures.profiles import Profile
from fixtures.run import Run
from fixtures.target import Account


@pytest.fixture(scope="session")
def secrets_in_hand(account: Account) -> dict[str, str]:
    """Every secret of the run as a plain text, filled in as they come into being."""
    assert account.totp is not None
    return {
        "email": account.email.get_secret_value(),
        "password": account.password.get_secret_value(),
        "totp": account.totp.get_secret_value(),
    }


@allure.step("A step that is given {secret}")
def a_step(secret: str) -> None:
    """A step whose argument Allure publishes."""
    with allure.step(f"another step, {secret}"):
        logging.getLogger("leaky").warning("logged: %s", secret)


def test_fails_with_secrets(primary: Profile, run: Run, secrets_in_hand: dict[str, str]) -> None:
    """Everything secret is printed, logged, attached, put into steps, parameters and the failure."""
    copy = primary.copy(run)
    secrets_in_hand |= {f"cookie {name}": value for name, value in copy.cookies.items()}
    secrets_in_hand["token"] = copy.access_token
    Path(os.environ["CANARIES"]).write_text(json.dumps(secrets_in_hand), encoding="utf-8")
    for name, secret in secrets_in_hand.items():
        print(name, secret)  # noqa: T201 - captured, and then in JUnit
        a_step(secret)
        allure.attach(f"<p>{secret}</p>", name, allure.attachment_type.HTML)
        allure.dynamic.parameter(name, secret)
        run.file.append("leak", {name: secret, "within": [f"x{secret}y"]})
    allure.dynamic.description(" ".join(secrets_in_hand.values()))
    assert not secrets_in_hand, " ".join(secrets_in_hand.values())


def test_breaks_with_secrets(secrets_in_hand: dict[str, str]) -> None:
    """An error of somebody else's carries a secret in its message."""
    cookie, password = list(secrets_in_hand.values())[-1], secrets_in_hand["password"]
    raise RuntimeError(f"{cookie} and {password}")


def test_fails_to_type_a_secret(primary: Profile, secrets_in_hand: dict[str, str]) -> None:
    """Playwright's own error tells what was being typed."""
    primary.page.get_by_label("no such field").fill(secrets_in_hand["password"], timeout=200)
