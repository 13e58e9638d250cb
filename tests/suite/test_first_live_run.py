"""The first live run, rehearsed on a replica that plays the live site: a person signs in, the suite measures.

The commands are those of the README, in their order.
"""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import allure
import pytest
from playwright.sync_api import Playwright

from tests.suite.conftest import ACCOUNT, ROOT, Site, Suite, running_site
from tests.suite.person import Person, person, signs_in

pytestmark = [allure.epic("The suite itself"), allure.feature("The first live run")]

QUICK = ("--window-s", "20", "--delay-min-s", "1", "--delay-max-s", "6")

LIVE = {
    "TARGET": "chatgpt",
    "SIGN_IN": "state",
    "ACCOUNT_EMAIL": ACCOUNT["ACCOUNT_EMAIL"],
    "TEST_ACCOUNT": ACCOUNT["ACCOUNT_EMAIL"],
    "ALLOWED_HOSTS": "127.0.0.1,localhost",
    "HEADED": "no",
    "REVOCATION_WINDOW_S": "20",
    # what the browser has to do is done every five seconds at that pace: too seldom for so short a window
    "LAYERS": "session,access,replay",
}
"""The live site but for its address: the pace of somebody else's, the browser as it is, kept sign-ins."""


@pytest.fixture
def somebody(playwright: Playwright, tmp_path: Path) -> Person:
    """A person at the window that a command opens."""
    return person(playwright, tmp_path)


@contextmanager
def signin(
    suite: Suite, somebody: Person, settings: dict[str, str], *profiles: str
) -> Iterator[subprocess.Popen[str]]:
    """`afterglow signin`, under way; it does not outlive the block."""
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "signin", *profiles],
        cwd=ROOT,
        env=suite.environment({**settings, "CHROMIUM_EXECUTABLE": str(somebody.program)}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        try:
            yield running
        except AssertionError as error:
            running.kill()
            raise AssertionError(f"{error}; it said: {running.communicate()[0]}") from None
        finally:
            running.kill()


def kept_by_person(suite: Suite, somebody: Person, site: Site, *profiles: str) -> str:
    """Let a person sign in for each of the profiles, and return what the command said."""
    with signin(suite, somebody, {**LIVE, "BASE_URL": site.base_url}, *profiles) as running:
        for _ in profiles:
            with somebody.at_window("http://localhost") as page:
                signs_in(page, *ACCOUNT.values())
                page.wait_for_event("close", timeout=60_000)
        said, _ = running.communicate(timeout=60)
    assert running.returncode == 0, said
    return said


def states(suite: Suite) -> list[dict[str, str]]:
    """What is known of every kept sign-in."""
    paths = sorted((suite.folder.parent / "auth").rglob("*.about.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def command(suite: Suite, settings: dict[str, str], *line: str) -> str:
    """Run `python -m cli …` to its end, and return what it said. It must succeed."""
    ran = subprocess.run(
        [sys.executable, "-m", "cli", *line],
        cwd=ROOT,
        env=suite.environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=150,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert ACCOUNT["ACCOUNT_EMAIL"] not in ran.stdout
    return ran.stdout


def test_the_first_live_run_as_the_readme_tells_it(suite: Suite, somebody: Person) -> None:
    """Look at the settings, sign in by hand, ask the doctor, run the main job, share the evidence.

    The main job passes on the kept sign-ins, and all of them are spent then: no run after it takes them for
    alive. The files can be read by nobody else, no password was ever set, and the doctor has ended nothing.
    """
    with running_site(*QUICK) as site:
        settings = {**LIVE, "BASE_URL": site.base_url}
        assert "q…@example.test" in command(suite, settings, "config")
        said = kept_by_person(suite, somebody, site, "primary", "secondary", "secondary")
        assert "primary 1, secondary 2" in said
        assert ACCOUNT["ACCOUNT_EMAIL"] not in said
        files = list((suite.folder.parent / "auth").rglob("*.json"))
        assert len(files) == 6
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
        assert "ready: a run can begin" in command(suite, settings, "doctor")
        assert site.truth()["revocations"] == []
        ran = command(suite, settings, "scenario")
        evidence = command(suite, settings, "share")
        again = suite.run("tests/scenario", "-k", "listed", **settings)
        ends = [each["action"] for each in site.truth()["revocations"]]
    assert "3 passed" in ran
    assert "a log-out of all ends every one of them" in ran
    assert "spent by this run: primary 1, secondary 2" in ran
    assert all(each["spent"] for each in states(suite))
    assert "searched: nothing secret" in evidence
    assert "no kept sign-in of the primary profile stands: run `python -m cli signin primary`" in again.output
    assert again.statuses == {"broken"}
    assert "self" not in ends, "a session that a person had signed in was signed out by the suite's clean-up"


def test_a_sign_in_is_used_again_as_long_as_it_stands(suite: Suite, somebody: Person) -> None:
    """Two runs that end nothing go on with the same two sessions: no further sign-in, no session more."""
    settings = {**LIVE}
    with running_site(*QUICK) as site:
        kept_by_person(suite, somebody, site, "primary", "secondary")
        settings["BASE_URL"] = site.base_url
        ran = [suite.run("tests/scenario", "-k", "listed", **settings) for _ in range(2)]
        sessions = site.truth()["sessions"]
    assert [each.statuses for each in ran] == [{"passed"}, {"passed"}], ran[-1].output
    assert len(sessions) == 2
    assert not any(each["spent"] for each in states(suite))


def test_a_sign_in_to_another_account_is_not_kept(suite: Suite, somebody: Person) -> None:
    """Whoever signs in as somebody else by mistake is told so, and no run gets that session."""
    with running_site(*QUICK) as site:
        named = {"ACCOUNT_EMAIL": "somebody.else@example.test", "TEST_ACCOUNT": "somebody.else@example.test"}
        settings = {**LIVE, "BASE_URL": site.base_url, **named}
        with signin(suite, somebody, settings, "primary") as running:
            with somebody.at_window("http://localhost") as page:
                signs_in(page, *ACCOUNT.values())
            said, _ = running.communicate(timeout=60)
    assert running.returncode == 2
    assert "that is q…@example.test, and ACCOUNT_EMAIL is s…@example.test: nothing was kept" in said
    assert states(suite) == []


def test_a_window_that_is_closed_keeps_nothing(suite: Suite, somebody: Person) -> None:
    """A person who changes their mind closes the window: one line, and nothing on the disk."""
    with running_site(*QUICK) as site:
        settings = {**LIVE, "BASE_URL": site.base_url}
        with signin(suite, somebody, settings, "primary") as running:
            with somebody.at_window("http://localhost") as page:
                page.close()
            said, _ = running.communicate(timeout=60)
    assert running.returncode == 2
    assert "the window went away before anybody had signed in" in said
    assert "Traceback" not in said
    assert states(suite) == []
