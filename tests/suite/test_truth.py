"""What the suite reports is held against what the site knows: the replica's own truth."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import allure
import httpx
import pytest

from tests.suite.conftest import ROOT, Suite

EMAIL, PASSWORD = "q@example.test", "a password for this test"


@dataclass(frozen=True)
class Site:
    """A replica that this test started, and may ask for the truth."""

    base_url: str
    control_url: str
    token: str

    def truth(self) -> dict[str, Any]:
        """Everything that the replica knows."""
        answer = httpx.get(f"{self.control_url}/truth", headers={"Authorization": f"Bearer {self.token}"})
        truth: dict[str, Any] = answer.raise_for_status().json()
        return truth


@pytest.fixture
def site() -> Iterator[Site]:
    """A replica with short delays, started by the test and not by the suite."""
    accounts = json.dumps([{"email": EMAIL, "password": PASSWORD, "totp_secret": None, "name": "Q"}])
    token = "only tests read the truth"
    process = subprocess.Popen(
        [sys.executable, "-m", "replica", "--window-s", "8", "--delay-min-s", "0.5", "--delay-max-s", "3"],
        cwd=ROOT,
        env={**os.environ, "REPLICA_ACCOUNTS": accounts, "REPLICA_CONTROL_TOKEN": token},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    yield Site(ready["base_url"], ready["control_url"], token)
    process.terminate()
    process.communicate(timeout=10)


@allure.epic("The suite itself")
@allure.feature("Truth")
def test_the_reported_delay_of_all_devices_contains_the_truth(suite: Suite, site: Site) -> None:
    """The interval for all devices holds the last moment at which the site honoured any of them.

    Its lower end is not beyond the moment at which the slowest edge learned of the log-out, and its upper
    end not before the last request that any edge honoured. Both moments come from the replica itself.
    """
    ran = suite.run("tests/scenario", BASE_URL=site.base_url, ACCOUNT_EMAIL=EMAIL, ACCOUNT_PASSWORD=PASSWORD)
    assert ran.exit_code == 0, ran.output
    truth = site.truth()
    honoured = {each["session_id"]: each["last_honoured_monotonic_s"] for each in truth["sessions"]}
    summary = json.loads((suite.folder / "summary.json").read_text(encoding="utf-8"))
    reported = {each["action"]: each["delay_s"] for each in summary["all_devices"]}
    assert set(reported) == {"log out one", "log out all"}
    for action, (lower_s, upper_s) in reported.items():
        ended = [each for each in truth["revocations"] if f"log out {each['action']}" == action]
        assert len(ended) == (1 if action == "log out one" else 2)
        requested_s = min(each["requested_monotonic_s"] for each in ended)
        acknowledged_s = max(each["acknowledged_monotonic_s"] for each in ended)
        slowest_s = max(effect["at_monotonic_s"] for each in ended for effect in each["effects"])
        last_s = max(moment for each in ended for moment in honoured[each["session_id"]].values())
        assert lower_s <= slowest_s - requested_s
        assert upper_s >= last_s - acknowledged_s
