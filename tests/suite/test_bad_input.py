"""A user's own mistake is answered with one clear line, before anything irreversible happens."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import allure
import pytest

from tests.suite.conftest import Ran, Suite, running_site, wait_for

SCENARIO = "tests/scenario"
LISTED = ("tests/scenario", "-k", "listed")

pytestmark = [allure.epic("The suite itself"), allure.feature("Bad input")]

Words = Callable[[Ran], str]


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"PROBE_FLOOR_S": "often"}, "PROBE_FLOOR_S"),
        ({"REVOCATION_WINDOW_S": "-1"}, "REVOCATION_WINDOW_S"),
        ({"TARGET": "chatgpt"}, "ACCOUNT_EMAIL is missing"),
        ({"TARGET": "elsewhere"}, "TARGET"),
        ({"ACCOUNT_EMAIL": "q@example.test"}, "ACCOUNT_EMAIL and ACCOUNT_PASSWORD go together"),
        ({"BASE_URL": "not an address"}, "BASE_URL"),
    ],
)
def test_a_bad_setting_is_named(
    suite: Suite, in_its_own_words: Words, settings: dict[str, str], line: str
) -> None:
    """A malformed, missing or contradictory setting stops the run before it starts, in one line."""
    ran = suite.run(SCENARIO, **settings)
    assert ran.exit_code == pytest.ExitCode.USAGE_ERROR
    assert line in in_its_own_words(ran)
    assert len(ran.complaints) == 1


def test_a_browser_that_is_not_there_is_named(suite: Suite, in_its_own_words: Words) -> None:
    """A path to no browser stops the run in one line that names the setting."""
    ran = suite.run(*LISTED, CHROMIUM_EXECUTABLE="/nowhere/chromium")
    assert ran.exit_code == pytest.ExitCode.USAGE_ERROR
    assert "CHROMIUM_EXECUTABLE" in in_its_own_words(ran)
    assert len(ran.complaints) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a screen")
def test_a_headed_browser_without_a_screen_is_named(suite: Suite, in_its_own_words: Words) -> None:
    """HEADED=yes where nothing can be shown makes the tests broken, in one line with the remedy."""
    ran = suite.run(*LISTED, HEADED="yes", DISPLAY="", WAYLAND_DISPLAY="")
    assert "HEADED=yes needs a screen" in in_its_own_words(ran)
    assert ran.statuses == {"broken"}


def test_a_site_that_cannot_be_reached_is_named(suite: Suite, in_its_own_words: Words) -> None:
    """An address that nobody answers at makes the tests broken, each in one line with the remedy."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        ran = suite.run(
            *LISTED,
            BASE_URL=f"http://127.0.0.1:{taken.getsockname()[1]}",
            ACCOUNT_EMAIL="q@example.test",
            ACCOUNT_PASSWORD="irrelevant",
        )
    assert ran.exit_code == pytest.ExitCode.TESTS_FAILED
    assert "cannot be reached (ConnectError): check BASE_URL" in in_its_own_words(ran)
    assert ran.statuses == {"broken"}


def test_a_taken_port_is_named(suite: Suite, in_its_own_words: Words) -> None:
    """A port that somebody else has is named in the replica's own words."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = suite.run(*LISTED, REPLICA_PORT=str(port))
    assert str(port) in in_its_own_words(ran)
    assert "the replica did not start" in ran.output
    assert ran.statuses == {"broken"}


def test_a_wrong_password_is_told_in_the_sites_words_and_tried_once(
    suite: Suite, in_its_own_words: Words
) -> None:
    """A refused sign-in is broken, not failed, and is not tried again: that could lock the account."""
    with running_site() as site:
        wrong = {**site.account, "ACCOUNT_PASSWORD": "the wrong one"}
        ran = suite.run(SCENARIO, BASE_URL=site.base_url, **wrong)
    assert "sign-in blocked: the site says" in in_its_own_words(ran)
    assert "ACCOUNT_PASSWORD" in ran.output
    assert "the wrong one" not in ran.output
    assert ran.statuses == {"broken"}
    reported = (path.read_text(encoding="utf-8") for path in (ran.folder / "allure-results").glob("*.json"))
    assert sum(content.count("Sign in on the") for content in reported) == 1


def test_a_second_run_in_the_same_folder_is_refused(suite: Suite, in_its_own_words: Words) -> None:
    """While a run writes its reports, another one in the same folder stops in one line and wipes nothing."""
    first = suite.start(*LISTED)
    try:
        wait_for(lambda: any((suite.folder / "runs").glob("*.jsonl")), "the first run to begin")
        before = sorted((suite.folder / "runs").iterdir())
        second = suite.run(SCENARIO)
        assert second.exit_code == pytest.ExitCode.USAGE_ERROR
        assert "is in use by another run" in in_its_own_words(second)
        assert f"process {first.pid}" in second.output
        assert sorted((suite.folder / "runs").iterdir()) == before
    finally:
        output, _ = first.communicate(timeout=120)
    assert first.returncode == 0, output


def test_layers_that_cannot_be_watched_end_nothing(suite: Suite, in_its_own_words: Words) -> None:
    """Where none of the layers that were asked for applies, it is said before anybody is logged out."""
    with running_site("--window-s", "8", "--delay-max-s", "3") as site:
        ran = suite.run(
            SCENARIO,
            "-k",
            "invalidated",
            LAYERS="stream",
            PROBE_TRANSPORT="browser",
            BASE_URL=site.base_url,
            **site.account,
        )
        ends = [each["action"] for each in site.truth()["revocations"]]
    assert "no layer of secondary can be watched here" in in_its_own_words(ran)
    assert "widen LAYERS" in ran.output
    assert ran.statuses == {"broken"}
    assert set(ends) <= {"self"}, "somebody was logged out from afar"


def test_ctrl_c_in_the_middle_of_a_watch_loses_nothing(suite: Suite) -> None:
    """What was read until Ctrl-C is kept: as intervals without an upper end, marked as interrupted."""
    run = suite.start(SCENARIO, "-k", "invalidated", REPLICA_DELAY_MIN_S="7", REPLICA_DELAY_MAX_S="7.5")
    wait_for(lambda: "log-out" in kinds(suite.folder), "the log-out")
    wait_for(lambda: kinds(suite.folder)[-20:].count("reading") == 20, "readings after it")
    os.killpg(run.pid, signal.SIGINT)
    ran = suite.ended(run)
    assert ran.exit_code == pytest.ExitCode.INTERRUPTED, ran.output
    assert "Traceback" not in ran.output
    assert ran.statuses == {"broken"}, "a test that was cut off has not passed"
    assert kinds(suite.folder)[-3:] == ["measurement", "telemetry", "end"]
    summary = json.loads((suite.folder / "summary.json").read_text(encoding="utf-8"))
    assert (summary["state"], summary["verdict"]) == ("interrupted", "undetermined")
    assert {measurement["layer"] for measurement in summary["measurements"]} >= {"session", "access", "page"}
    assert all(measurement["delay_s"][1] is None for measurement in summary["measurements"])
    assert any(measurement["delay_s"][0] > 0 for measurement in summary["measurements"])


def kinds(folder: Path) -> list[str]:
    """The kinds of the lines in the one run's file so far; a line that is still being written is left out."""
    lines = (
        line
        for path in (folder / "runs").glob("*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True)
    )
    return [json.loads(line)["kind"] for line in lines if line.endswith("\n")]
