"""A site that breaks its promise is found out, and one that cannot be measured is not accused."""

from __future__ import annotations

import threading

import allure
import pytest

from tests.suite.conftest import Suite, running_site

ALL = "test_log_out_of_all_reaches_every_device_within_the_window"
ONE = "test_a_logged_out_session_is_invalidated"

pytestmark = [allure.epic("The suite itself"), allure.feature("Verdicts")]


def test_a_site_that_is_late_fails_and_the_doors_are_named(suite: Suite) -> None:
    """Every edge learns after the window: log-out of all is late, and that is a promise broken."""
    with running_site("--window-s", "30", "--delay-min-s", "4", "--delay-max-s", "5") as site:
        ran = suite.run(
            "tests/scenario",
            "-k",
            "all_reaches",
            REVOCATION_WINDOW_S="3",
            BASE_URL=site.base_url,
            **site.account,
        )
    assert ran.exit_code == pytest.ExitCode.TESTS_FAILED
    assert ran.results[ALL]["status"] == "failed"
    assert "log-out of all was late" in ran.results[ALL]["statusDetails"]["message"]
    assert "Too late:" in ran.results[ALL]["statusDetails"]["message"]
    assert ran.summary["verdict"] == "late"
    [all_devices] = ran.summary["all_devices"]
    assert all_devices["delay_s"][0] >= 3


def test_a_row_that_stays_is_seen_to_stay(suite: Suite) -> None:
    """The session ends in time and its row does not go: the clock of the row sees no end, the test fails.

    A row is looked for as another device sees it: there it bears no mark of the current session.
    """
    ran = suite.run(
        "tests/scenario",
        "-k",
        "invalidated",
        LAYERS="page,session,access,replay",
        REPLICA_DEFECTS="row_stays",
    )
    assert ran.results[ONE]["status"] == "failed", ran.output
    [row] = [clock for clock in ran.summary["clocks"] if clock["layer"] == "row"]
    assert row["delay_s"][1] is None
    assert {each["verdict"] for each in ran.summary["measurements"]} == {"within"}


def test_an_outage_until_the_end_is_no_verdict_and_accuses_nobody(suite: Suite) -> None:
    """The site goes down after the log-out and stays down: undetermined, broken, and said so."""
    with running_site("--window-s", "30", "--delay-min-s", "20", "--delay-max-s", "25") as site:
        # without the stream: an answer that is under way goes on through the outage, and truly is late
        run = suite.start(
            "tests/scenario",
            "-k",
            "invalidated",
            LAYERS="page,session,access,replay,tab",
            BASE_URL=site.base_url,
            **site.account,
        )
        pause = threading.Event()
        while not any(each["action"] == "one" for each in site.truth()["revocations"]):
            assert run.poll() is None, run.communicate()[0]
            pause.wait(0.1)
        pause.wait(1)  # so that some readings are alive after the log-out
        site.outage(60)
        ran = suite.ended(run)
    assert ran.results[ONE]["status"] == "broken"
    message = ran.results[ONE]["statusDetails"]["message"]
    assert "could not be read at the end (http_503)" in message
    assert "the site asked to be left alone (Retry-After) until after the end" in message
    assert "the run left sessions behind" in ran.output
    assert ran.summary["verdict"] == "undetermined"
    assert all(each["delay_s"][1] is None for each in ran.summary["measurements"])
