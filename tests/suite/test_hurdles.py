"""What a real site puts before automation is recognised, never solved, and ends nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import allure
import pyotp
import pytest

from tests.instrument.imap_server import imap_server
from tests.suite.conftest import ACCOUNT, Ran, Suite, running_site

LISTED = ("tests/scenario", "-k", "listed")

pytestmark = [allure.epic("The suite itself"), allure.feature("Hurdles of a real site")]

Words = Callable[[Ran], str]


@pytest.mark.parametrize(
    ("hurdle", "words"),
    [
        ("challenge", "needs a person: the site asks for one (challenge)"),
        ("sso", "needs a person: the sign-in leads to sso.localhost, which is not in ALLOWED_HOSTS"),
        ("blocked_account", "has been deleted or deactivated"),
        ("sent_elsewhere", "the sign-in leads to elsewhere.localhost, which is not in ALLOWED_HOSTS"),
        ("sent_elsewhere_later", "the sign-in leads to elsewhere.localhost, which is not in ALLOWED_HOSTS"),
        ("form_elsewhere", "the sign-in leads to elsewhere.localhost, which is not in ALLOWED_HOSTS"),
    ],
)
def test_a_hurdle_at_the_sign_in_blocks_it_and_nothing_is_typed_elsewhere(
    suite: Suite, in_its_own_words: Words, hurdle: str, words: str
) -> None:
    """The sign-in is blocked: broken and not failed, pictured, and not a key is pressed elsewhere."""
    with running_site("--hurdles", hurdle) as site:
        ran = suite.run(*LISTED, BASE_URL=site.base_url, **site.account)
        truth = site.truth()
    assert words in in_its_own_words(ran)
    assert "sign-in blocked: " in ran.output
    assert ran.statuses == {"broken"}
    assert truth["typed_elsewhere"] == 0
    assert truth["sessions"] == []
    assert "primary: when the test stopped" in attached(suite.folder)


def test_an_identity_to_be_verified_is_no_locator_drift(suite: Suite, in_its_own_words: Words) -> None:
    """The site wants to know once more who it is before it shows the view: that takes a person."""
    with running_site("--hurdles", "verify_identity") as site:
        ran = suite.run(*LISTED, BASE_URL=site.base_url, **site.account)
    assert "needs a person: the site wants the identity verified" in in_its_own_words(ran)
    assert "locator drift" not in ran.output
    assert ran.statuses == {"broken"}
    assert "primary: when the test stopped" in attached(suite.folder)


def test_another_account_than_the_test_account_is_left_alone(
    suite: Suite, in_its_own_words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is let in as somebody else is told so by the site's own word, and ends nobody's session."""
    both = [
        {"email": ACCOUNT["ACCOUNT_EMAIL"], "password": ACCOUNT["ACCOUNT_PASSWORD"], "name": "Q"},
        {"email": "somebody.else@example.test", "password": "irrelevant", "name": "S"},
    ]
    monkeypatch.setattr("tests.suite.conftest.accounts", lambda: json.dumps(both))
    with running_site("--hurdles", "another_account") as site:
        ran = suite.run("tests/scenario", BASE_URL=site.base_url, KEEP_SIGNED_IN="yes", **site.account)
        ends = {each["action"] for each in site.truth()["revocations"]}
    assert "is signed in to s…@example.test, which is not the test account q…@example.test" in (
        in_its_own_words(ran)
    )
    assert ran.statuses == {"broken"}
    assert ends <= {"self"}, "somebody was logged out from afar"
    kept = list((suite.folder.parent / "auth").rglob("*.json"))
    assert kept == [], "a session of somebody else's was kept for the next run"


def test_a_mailed_code_is_fetched_from_the_testers_own_mailbox(suite: Suite, tmp_path: Path) -> None:
    """The site mails a code for each of two sign-ins; both are read from the mailbox, over IMAP."""
    maildir = tmp_path / "maildir"
    with ExitStack() as stack:
        site = stack.enter_context(running_site("--hurdles", "email_code", "--maildir", str(maildir)))
        mail = stack.enter_context(imap_server(maildir, "mailbox", "a password of the mailbox", tls=False))
        ran = suite.run(
            *LISTED,
            BASE_URL=site.base_url,
            SIGN_IN_CODE="imap",
            IMAP_HOST=mail.host,
            IMAP_PORT=str(mail.port),
            IMAP_USER="mailbox",
            IMAP_PASSWORD="a password of the mailbox",
            **site.account,
        )
    assert ran.statuses == {"passed"}, ran.output


def test_a_mailed_code_without_a_mailbox_takes_a_person(
    suite: Suite, in_its_own_words: Words, tmp_path: Path
) -> None:
    """It is said which settings would do; a code of the authenticator is not typed instead."""
    with running_site("--hurdles", "email_code", "--maildir", str(tmp_path / "maildir")) as site:
        secret = {"ACCOUNT_TOTP_SECRET": pyotp.random_base32()}
        ran = suite.run(*LISTED, BASE_URL=site.base_url, **site.account, **secret)
    assert "the site mailed a code: set SIGN_IN_CODE=imap or SIGN_IN_CODE=prompt" in in_its_own_words(ran)
    assert ran.statuses == {"broken"}


def attached(folder: Path) -> list[str]:
    """The names of everything that a run has attached to its tests and fixtures."""
    paths = [*(folder / "allure-results").glob("*-result.json")]
    paths += (folder / "allure-results").glob("*-container.json")
    found: list[str] = []

    def collect(part: object) -> None:
        if isinstance(part, dict):
            found.extend(each["name"] for each in part.get("attachments", ()))
            for value in part.values():
                collect(value)
        elif isinstance(part, list):
            for value in part:
                collect(value)

    for path in paths:
        collect(json.loads(path.read_text(encoding="utf-8")))
    return found
