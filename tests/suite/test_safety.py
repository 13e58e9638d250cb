"""Nobody is hurt: no session is ended that a run cannot account for, and accounts are used with restraint."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

import allure
import pytest
from playwright.sync_api import Browser
from pydantic import SecretStr

from pages.signin import SignIn
from tests.suite.conftest import ACCOUNT, Ran, Site, Suite, running_site, wait_for

LISTED = ("tests/scenario", "-k", "listed")
LOG_OUT_OF_ALL = ("tests/scenario", "-k", "reaches_every_device")
QUICK = {"LAYERS": "session,access,replay"}

pytestmark = [allure.epic("The suite itself"), allure.feature("Safety")]

Words = Callable[[Ran], str]


@pytest.fixture
def site() -> Iterator[Site]:
    """A site that is there before the run, and after it."""
    with running_site("--window-s", "8", "--delay-min-s", "0.2", "--delay-max-s", "1") as site:
        yield site


@pytest.fixture
def stranger(browser: Browser, site: Site) -> None:
    """Somebody is signed in to the account whom no run knows."""
    page = browser.new_context().new_page()
    email, password = (SecretStr(value) for value in ACCOUNT.values())
    SignIn(page, site.base_url).sign_in(email, password, lambda _mailed: None)


def ended(site: Site) -> list[str]:
    """How sessions were ended, in order."""
    return [each["action"] for each in site.truth()["revocations"]]


@pytest.mark.usefixtures("stranger")
def test_a_session_that_nobody_knows_is_named_and_spared_until_somebody_does(
    suite: Suite, in_its_own_words: Words, site: Site
) -> None:
    """Log-out of all is refused while a row is unaccounted for; its name in the setting lets it go on."""
    ran = suite.run(*LOG_OUT_OF_ALL, BASE_URL=site.base_url, **site.account, **QUICK)
    refusal = re.search(r"this run cannot account for \((.*?)\)", in_its_own_words(ran))
    assert ran.statuses == {"broken"}
    assert refusal is not None, ran.output
    assert set(ended(site)) <= {"self"}
    assert re.fullmatch(r"Chrome on \w+ @ \d{4}-\d\d-\d\d \d\d:\d\d", refusal[1])
    known = suite.run(
        *LOG_OUT_OF_ALL, BASE_URL=site.base_url, KNOWN_SESSIONS=refusal[1], **site.account, **QUICK
    )
    assert known.statuses == {"passed"}, known.output
    assert "all" in ended(site)


@pytest.mark.usefixtures("stranger")
def test_whoever_says_so_ends_whatever_is_listed(suite: Suite, site: Site) -> None:
    """END_UNKNOWN_SESSIONS=yes: the account is a test account, and all of it may go."""
    ran = suite.run(
        *LOG_OUT_OF_ALL, BASE_URL=site.base_url, END_UNKNOWN_SESSIONS="yes", **site.account, **QUICK
    )
    assert ran.statuses == {"passed"}, ran.output
    assert "all" in ended(site)


def test_two_runs_never_share_an_account(suite: Suite, in_its_own_words: Words, site: Site) -> None:
    """The second is broken in one line, signs nobody in, and the first is not disturbed."""
    first = suite.start(*LOG_OUT_OF_ALL, BASE_URL=site.base_url, **site.account, **QUICK)
    try:
        wait_for(lambda: bool(site.truth()["sessions"]), "the first run to sign in")
        other = replace(suite, folder=suite.folder.with_name("other"))
        second = other.run(*LISTED, BASE_URL=site.base_url, **site.account)
    finally:
        output, _ = first.communicate(timeout=120)
    assert "the account is in use by another run (process " in in_its_own_words(second)
    assert second.statuses == {"broken"}
    assert first.returncode == 0, output


def test_an_account_is_not_signed_in_more_often_than_it_may(
    suite: Suite, in_its_own_words: Words, site: Site
) -> None:
    """The second of two profiles is one sign-in too many: broken, with the time at which it may be tried."""
    ran = suite.run(*LISTED, BASE_URL=site.base_url, SIGN_INS_PER_DAY="1", **site.account)
    assert "signed in as often as SIGN_INS_PER_DAY allows (1 within 24 hours): wait until" in (
        in_its_own_words(ran)
    )
    assert ran.statuses == {"broken"}
    assert len(site.truth()["sessions"]) == 1


def test_what_stays_signed_in_is_used_by_the_next_run(suite: Suite, site: Site) -> None:
    """KEEP_SIGNED_IN=yes: a second run goes on with the sessions of the first, and signs in nobody."""
    settings = {"BASE_URL": site.base_url, "KEEP_SIGNED_IN": "yes", **site.account}
    first = suite.run(*LISTED, **settings)
    second = suite.run(*LISTED, **settings, SIGN_INS_PER_DAY="2")
    assert first.exit_code == second.exit_code == 0, second.output
    assert "kept sign-ins: primary 1, secondary 1" in second.output
    assert len(site.truth()["sessions"]) == 2
    assert ended(site) == []


def test_a_log_out_of_all_that_was_held_back_spends_nothing(suite: Suite, site: Site) -> None:
    """A check presses the button and keeps the request from leaving: the kept sign-ins still stand."""
    settings = {"BASE_URL": site.base_url, "KEEP_SIGNED_IN": "yes", **site.account}
    suite.run(*LISTED, **settings)
    ran = suite.run("tests/sessions", "-k", "asks_for_the_password_again", **settings)
    assert ran.statuses == {"passed"}, ran.output
    assert "spent by this run" not in ran.output
    assert ended(site) == []
