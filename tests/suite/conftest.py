"""Runs the suite as its user does: in a process of its own, against a replica in short time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from afterglow.settings import without_settings

ROOT = Path(__file__).parents[2]

SHORT = {
    "REVOCATION_WINDOW_S": "8",
    "GRACE_S": "2",
    "QUIET_S": "0.5",
    "REPLICA_DELAY_MIN_S": "0.2",
    "REPLICA_DELAY_MAX_S": "1",
}
"""A window of seconds: these tests are about what the suite does, not about how long a site takes."""

SHORT_REPLICA = frozenset(name for name in SHORT if name.startswith("REPLICA_"))
"""Those of them that are for a replica which the run starts itself."""


@dataclass(frozen=True)
class Ran:
    """What a run left behind."""

    exit_code: int
    output: str
    folder: Path

    @property
    def results(self) -> dict[str, dict[str, Any]]:
        """The Allure results by the names of their tests."""
        paths = (self.folder / "allure-results").glob("*-result.json")
        results = (json.loads(path.read_text(encoding="utf-8")) for path in paths)
        return {result["fullName"].rpartition("#")[2]: result for result in results}

    @property
    def statuses(self) -> set[str]:
        """The statuses of all tests."""
        return {result["status"] for result in self.results.values()}

    @property
    def summary(self) -> dict[str, Any]:
        """What the run says to machines."""
        summary: dict[str, Any] = json.loads((self.folder / "summary.json").read_text(encoding="utf-8"))
        return summary

    @property
    def complaints(self) -> list[str]:
        """The lines that tell of something wrong."""
        return [line for line in self.output.splitlines() if line.startswith("ERROR:") or "Exit:" in line]


@dataclass(frozen=True)
class Suite:
    """The suite with a reports folder of its own."""

    folder: Path

    def command(self, *arguments: str) -> list[str]:
        """The command line, as the README gives it."""
        return [
            sys.executable,
            "-m",
            "pytest",
            *arguments,
            f"--alluredir={self.folder / 'allure-results'}",
            "--clean-alluredir",
            f"--junitxml={self.folder / 'junit.xml'}",
            f"--output={self.folder / 'playwright'}",
            "-p",
            "no:cacheprovider",
        ]

    def environment(self, settings: Mapping[str, str]) -> dict[str, str]:
        """This process's environment with none of its settings, and those given."""
        kept = {
            "STATE_DIR": str(self.folder.parent / "auth"),
            "XDG_STATE_HOME": str(self.folder.parent / "state"),
        }
        given = {**SHORT, "REPORTS_DIR": str(self.folder), "COLUMNS": "120", **kept, **settings}
        if "BASE_URL" in settings:  # that site behaves as it was started
            given = {name: value for name, value in given.items() if name not in SHORT_REPLICA}
        return {**without_settings(os.environ), **given}

    def start(self, *arguments: str, **settings: str) -> subprocess.Popen[str]:
        """Start a run in a session of its own, so that a signal to all of it reaches nobody else."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=ROOT,
            env=self.environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **settings: str) -> Ran:
        """Run to the end."""
        return self.ended(self.start(*arguments, **settings))

    def ended(self, process: subprocess.Popen[str]) -> Ran:
        """Wait for the end of a run."""
        output, _ = process.communicate(timeout=120)
        return Ran(process.returncode, output, self.folder)


@dataclass(frozen=True)
class Site:
    """A replica that a test started itself; the suite meets it as it would any site."""

    base_url: str
    control_url: str
    account: dict[str, str]

    def truth(self) -> dict[str, Any]:
        """Everything that the replica knows."""
        truth: dict[str, Any] = (
            httpx.get(f"{self.control_url}/truth", headers=CONTROL).raise_for_status().json()
        )
        return truth

    def outage(self, for_s: float) -> None:
        """Let the site answer 503 to everything for so long."""
        httpx.post(f"{self.control_url}/outage", headers=CONTROL, json={"for_s": for_s}).raise_for_status()


CONTROL_TOKEN = "only tests may ask"
CONTROL = {"Authorization": f"Bearer {CONTROL_TOKEN}"}

ACCOUNT = {"ACCOUNT_EMAIL": "q@example.test", "ACCOUNT_PASSWORD": "a password for this test"}


def accounts() -> str:
    """The one account, as the replica is told of it."""
    return json.dumps(
        [{"email": ACCOUNT["ACCOUNT_EMAIL"], "password": ACCOUNT["ACCOUNT_PASSWORD"], "name": "Q"}]
    )


@contextmanager
def running_site(*options: str) -> Iterator[Site]:
    """Run a replica with one account for as long as the block lasts."""
    secrets = {"REPLICA_ACCOUNTS": accounts(), "REPLICA_CONTROL_TOKEN": CONTROL_TOKEN}
    process = subprocess.Popen(
        [sys.executable, "-m", "replica", *options],
        cwd=ROOT,
        env={**os.environ, **secrets},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield Site(ready["base_url"], ready["control_url"], ACCOUNT)
    finally:
        process.terminate()
        process.communicate(timeout=10)


def wait_for(true: Callable[[], bool], what: str, within_s: float = 60) -> None:
    """Wait for another process to get somewhere."""
    deadline_s = time.monotonic() + within_s
    pause = threading.Event()
    while not true():
        assert time.monotonic() < deadline_s, f"waited {within_s} s for {what}"
        pause.wait(0.1)


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """The suite, to be run in a process of its own with a reports folder of its own."""
    return Suite(tmp_path / "reports")


@pytest.fixture
def in_its_own_words() -> Callable[[Ran], str]:
    """The output of a run, after making sure that no traceback is in it."""

    def words(ran: Ran) -> str:
        assert "Traceback" not in ran.output, ran.output
        assert ".py:" not in ran.output.replace("test_active_sessions.py", ""), ran.output
        return ran.output

    return words
