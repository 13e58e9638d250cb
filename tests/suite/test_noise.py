"""A healthy site has trouble: nothing of that is ever a finding."""

from __future__ import annotations

import json

import allure
import pytest

from tests.suite.conftest import Ran, Suite, running_site

pytestmark = [allure.epic("The suite itself"), allure.feature("Noise")]

ONE = ("tests/scenario", "-k", "invalidated")
"""The log-out of one device: every kind of page in the shortest time."""

CORE = {"LAYERS": "page,session,access,replay", "GRACE_S": "10"}


def read_codes(ran: Ran) -> set[str]:
    """The codes of all readings of a run."""
    [path] = (ran.folder / "runs").glob("*.jsonl")
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {line.get("code", "") for line in lines}


@pytest.mark.long
def test_errors_and_late_answers_accuse_nobody(suite: Suite) -> None:
    """One answer of ten is a 5xx, and all come late. What could not be measured is broken, never failed."""
    ran = suite.run(*ONE, REPLICA_NOISE="errors,latency", REPLICA_SEED="1", **CORE)
    assert ran.statuses in ({"passed"}, {"broken"}), ran.output
    assert any(code.startswith("http_5") for code in read_codes(ran)), ran.output


def test_a_challenge_in_the_middle_of_a_watch_accuses_nobody(suite: Suite) -> None:
    """For two seconds after the log-out everybody is asked for a person: that says nothing of the session.

    What is settled all the same contains the truth: the last moment at which the session was let in.
    """
    times = ("--window-s", "8", "--delay-min-s", "0.5", "--delay-max-s", "3")
    noise = ("--noise", "challenge", "--behaviour", '{"challenge_s": 2}')
    with running_site(*times, *noise) as site:
        ran = suite.run(*ONE, BASE_URL=site.base_url, **site.account, **CORE)
        truth = site.truth()
    assert ran.statuses in ({"passed"}, {"broken"}), ran.output
    assert "challenge" in read_codes(ran), ran.output
    [end] = [each for each in truth["revocations"] if each["action"] == "one"]
    [last_s] = [
        each["last_honoured_monotonic_s"]["access"]
        for each in truth["sessions"]
        if each["session_id"] == end["session_id"]
    ]
    for reported in ran.summary["all_devices"]:
        assert reported["delay_s"][1] >= last_s - end["acknowledged_monotonic_s"]
