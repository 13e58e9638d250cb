"""Tests that fail with every secret in hand. Run by test_nothing_secret.py only; not collected otherwise."""

from __future__ import annotations

import base64
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import allure
import pytest

from fixtures.profile import Profile
from fixtures.run import Run
from fixtures.target import Account
from tests.suite.canaries import note, note_account, note_profile


@pytest.fixture(scope="session")
def secrets_in_hand(account: Account) -> dict[str, str]:
    """Every secret of the run as a plain text, filled in as they come into being."""
    return note_account(account)


@allure.step("A step that is given {secret}")
def a_step(secret: str) -> None:
    """A step whose argument Allure publishes."""
    with allure.step(f"another step, {secret}"):
        logging.getLogger("leaky").warning("logged: %s", secret)


def test_fails_with_secrets(
    primary: Profile,
    run: Run,
    secrets_in_hand: dict[str, str],
    record_property: Callable[[str, object], None],
    pytestconfig: pytest.Config,
) -> None:
    """Everything secret is printed, logged, attached, put into steps, parameters, files and the failure."""
    primary.copy(run)
    secrets_in_hand |= note_profile(primary)
    for name, secret in secrets_in_hand.items():
        print(name, secret)  # noqa: T201 - captured, and then in JUnit
        a_step(secret)
        record_property(name, secret)
        allure.attach(f"<p>{secret}</p>", name, allure.attachment_type.HTML)
        allure.dynamic.parameter(name, secret)
        around = " " if name == "API key" else "x"  # what is known by its looks must stand alone
        run.file.append("leak", {name: secret, "within": [f"{around}{secret}{around}"]})
    allure.dynamic.description(" ".join(secrets_in_hand.values()))
    write_har(Path(pytestconfig.getoption("output")), secrets_in_hand)
    assert not secrets_in_hand, " ".join(secrets_in_hand.values())


def write_har(folder: Path, secrets: dict[str, str]) -> None:
    """What somebody may do who looks into something: with bodies in base64, and a cookie nobody knows of."""
    folder.mkdir(parents=True, exist_ok=True)
    body = base64.b64encode(json.dumps(secrets).encode()).decode()
    cookies = [{"name": "unheard-of", "value": note(unheard="of-Kanarienvogel-cookie")["unheard"]}]
    har = {"request": {"cookies": cookies}, "response": {"text": body, "encoding": "base64"}}
    (folder / "leaky.har").write_text(json.dumps(har), encoding="utf-8")


def test_breaks_with_secrets(secrets_in_hand: dict[str, str]) -> None:
    """An error of somebody else's carries secrets in its message, and was logged with its traceback."""
    token, password = list(secrets_in_hand.values())[-1], secrets_in_hand["password"]
    try:
        break_with(f"{token} and {password}")
    except RuntimeError:
        logging.getLogger("leaky").exception("it broke")
        raise


def break_with(words: str) -> None:
    """Somebody else's error."""
    raise RuntimeError(words)


def test_fails_to_type_a_secret(primary: Profile, secrets_in_hand: dict[str, str]) -> None:
    """Playwright's own error tells what was being typed."""
    primary.page.get_by_label("no such field").fill(secrets_in_hand["password"], timeout=200)


def test_compares_a_secret(secrets_in_hand: dict[str, str]) -> None:
    """pytest shows a long value cut short, and what differs line by line."""
    long = max(secrets_in_hand.values(), key=len)
    assert long == "x" * 200
    assert secrets_in_hand == {}


def test_skips_with_secrets(secrets_in_hand: dict[str, str]) -> None:
    """A reason is shown at the end."""
    pytest.skip(f"for {secrets_in_hand['password']}")


@pytest.mark.filterwarnings("default")
def test_warns_with_secrets(secrets_in_hand: dict[str, str]) -> None:
    """pytest collects warnings and shows them at the end; what is said past it goes to the terminal."""
    warnings.warn(f"{secrets_in_hand['password']} and {secrets_in_hand['email']}", stacklevel=1)


@pytest.fixture
def breaks_afterwards(secrets_in_hand: dict[str, str]) -> Iterator[None]:
    """A clean-up that fails."""
    yield
    raise RuntimeError(secrets_in_hand["password"])


def test_breaks_afterwards_with_secrets(breaks_afterwards: None) -> None:
    """The test itself is fine."""
