"""Whole nights on the replica, in short time, as cron would run them: what they leave, and how they end."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import allure
import pytest

from afterglow.history.read import read_history
from tests.nightly.test_ready_to_copy import FOLDER, WHERE, cron_command
from tests.suite.conftest import ROOT, SHORT

pytestmark = [
    allure.epic("The suite itself"),
    allure.feature("Nights"),
    pytest.mark.skipif(os.name != "posix", reason="there is no cron"),
]

QUICK = {**SHORT, "REVOCATION_WINDOW_S": "6", "AGE_AT_MOST_S": "1"}

ROOM = {"REVOCATION_WINDOW_S": "30"}
"""Costs nothing where all is well, and lets a busy machine come to a verdict."""

FEW = "page,session,access,replay"

WITHIN_S = 400
"""Each takes half a minute where the machine is not busy."""


@dataclass(frozen=True)
class Cron:
    """Runs the crontab's line as cron does: hardly any environment, no terminal, nobody there."""

    folder: Path

    @property
    def reports(self) -> Path:
        """Where its nights are."""
        return self.folder / "reports"

    def night(self, *options: str, **settings: str) -> tuple[int, str]:
        """A night, with some options more: its exit code and its log."""
        log = self.folder / "nightly.log"
        told = " ".join(["nightly", *options])
        command = cron_command().replace(WHERE, str(ROOT)).replace("reports/nightly.log", str(log))
        ran = subprocess.run(
            ["/bin/sh", "-c", command.replace("cli nightly", f"cli {told}")],
            env={
                "HOME": str(self.folder),
                "SHELL": "/bin/sh",
                **self.path,
                **QUICK,
                "REPORTS_DIR": str(self.reports),
                **settings,
            },
            stdin=subprocess.DEVNULL,
            timeout=WITHIN_S,
            check=False,
        )
        return ran.returncode, log.read_text(encoding="utf-8")

    @property
    def attached(self) -> list[dict[str, Any]]:
        """What is attached to the runs as a whole, in the report's order; without what is of all nights."""
        paths = sorted((self.reports / "allure-results").glob("0*-globals.json"))
        return [each for path in paths for each in json.loads(path.read_text("utf-8"))["attachments"]]

    @property
    def path(self) -> dict[str, str]:
        """The PATH of the crontab."""
        [path] = re.findall(r"^PATH=(.*)$", (FOLDER / "crontab").read_text(encoding="utf-8"), re.M)
        return {"PATH": path}

    @property
    def record(self) -> dict[str, Any]:
        """What the last night says to machines."""
        record: dict[str, Any] = json.loads((self.reports / "nightly.json").read_text(encoding="utf-8"))
        return record

    @property
    def states(self) -> dict[str, str]:
        """How its stages went."""
        return {stage["name"]: stage["state"] for stage in self.record["stages"]}

    @property
    def results(self) -> list[dict[str, Any]]:
        """The Allure results."""
        paths = (self.reports / "allure-results").glob("*-result.json")
        return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


@pytest.fixture
def cron(tmp_path: Path) -> Cron:
    """A crontab with one line, and reports of its own."""
    return Cron(tmp_path)


@pytest.mark.timeout(WITHIN_S)
def test_a_night_on_a_healthy_site_ends_with_0_and_leaves_all_that_it_should(cron: Cron) -> None:
    """Doctor, main job, report and trend; everything of the night in a folder of its own."""
    code, log = cron.night("--without catalogue", **ROOM)
    assert code == 0, log
    done = dict.fromkeys(("doctor", "scenario-1", "report", "trend"), "done")
    assert cron.states == {**done, "catalogue": "left out"}
    assert "all within the window (exit code 0)" in log
    assert "\x1b" not in log
    night = cron.reports / "nights" / cron.record["night"]
    left = {path.name for path in night.iterdir()}
    assert left >= {
        *("index.html", "nightly.json", "doctor.json"),
        *("summary-scenario-1.json", "junit-scenario-1.xml", "metrics-scenario-1.txt"),
    }
    assert [each["verdict"] for each in cron.record["log_outs"]] == ["within", "within"]
    assert len(cron.record["trend"]) == 2
    assert f"nights/{night.name}/index.html" in (cron.reports / "propagation.html").read_text("utf-8")
    [run] = read_history(cron.reports / "runs").runs
    assert (run.night, run.repetition) == (night.name, 1)
    assert not any(repetitions(each) for each in cron.results), "its history is not that of a run of its own"


@pytest.mark.timeout(WITHIN_S)
def test_a_broken_promise_ends_with_1_and_repetitions_are_no_retries_of_each_other(cron: Cron) -> None:
    """Both repetitions are in one report; the first goes on with the history of a run of its own."""
    code, log = cron.night(
        "--without doctor --without catalogue",
        LAYERS=FEW,
        REPETITIONS="2",
        REPLICA_DEFECTS="held_token_lives",
    )
    assert code == 1, log
    assert "promise broken: " in log
    assert {each["verdict"] for each in cron.record["log_outs"]} == {"late"}
    first = [each for each in cron.results if repetition_of(each) == "1"]
    second = [each for each in cron.results if repetition_of(each) == "2"]
    assert len(first) == len(second) == 3
    assert {each["historyId"] for each in first}.isdisjoint(each["historyId"] for each in second)
    assert all(parameter["excluded"] for each in first for parameter in repetitions(each))
    attached = [each["name"] for each in cron.attached]
    assert len(attached) == len(set(attached)), "nobody knows which repetition these are of"
    assert [name.endswith("(repetition 1)") for name in attached] == sorted(
        (name.endswith("(repetition 1)") for name in attached), reverse=True
    ), "the first repetition's do not come first"
    runs = read_history(cron.reports / "runs").runs
    assert [run.repetition for run in runs] == [1, 2]
    assert len({run.night for run in runs}) == 1


def repetitions(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in result.get("parameters", []) if each["name"] == "repetition"]


def repetition_of(result: dict[str, Any]) -> str | None:
    return next((str(each["value"]) for each in repetitions(result)), None)


@pytest.mark.timeout(WITHIN_S)
def test_a_site_that_asks_for_a_person_ends_with_2_and_nothing_is_logged_out(cron: Cron) -> None:
    """The doctor says what is in the way; the rest of the night goes on as far as it makes sense."""
    code, log = cron.night(REPLICA_HURDLES="challenge")
    assert code == 2, log
    assert cron.states == {
        "doctor": "failed",
        "scenario-1": "left out",
        "catalogue": "left out",
        "report": "left out",
        "trend": "done",
    }
    assert "needs a person: the site asks for one (challenge)" in log
    assert cron.record["log_outs"] == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"QUIET_S": "600"}, "QUIET_S is as long as"),
        ({"SIGN_IN_CODE": "prompt"}, "nobody types a code at night"),
        ({"REPETITIONS": "many"}, "REPETITIONS: should be a valid integer"),
    ],
)
def test_wrong_settings_end_with_3_and_say_what_to_mend(
    cron: Cron, settings: dict[str, str], words: str
) -> None:
    """Nothing is run; the trend of the nights before is told all the same."""
    code, log = cron.night(**settings)
    assert code == 3, log
    assert words in log
    assert "Traceback" not in log
    assert cron.states == {"settings": "failed", "report": "left out", "trend": "done"}
