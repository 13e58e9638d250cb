"""What a run of the suite has come to, by what it left behind: nothing of another run counts for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.limited import Ended
from cli.night_record import WORST_FIRST, Code, Found, worst
from cli.night_results import Before, suite_found
from cli.scenario import USAGE_ERROR

WITHIN: dict[str, Any] = {
    "action": "log out one",
    "started": "2026-11-22T02:15:00+00:00",
    "window_s": 30.0,
    "verdict": "within",
    "why_undetermined": None,
    "all_devices": {"delay_s": [11.2, 11.4]},
}
LATE = {**WITHIN, "verdict": "late", "all_devices": {"delay_s": [31.2, None]}}
UNSURE = {**WITHIN, "verdict": "undetermined", "why_undetermined": "it could not be read"}

LATE_TOLD = "AssertionError: the secondary session outlived the window\nassert False"
DRIFT = "afterglow.outcomes.LocatorDrift: locator drift: the list is not on the screen\n- button"
BLOCKED = "afterglow.outcomes.NeedsPerson: sign-in blocked: needs a person: the site asks for one (challenge)"
OUTAGE = "afterglow.outcomes.NotMeasured: the site could not be reached"

Left = Callable[..., Found]


@pytest.fixture
def left(tmp_path: Path) -> Left:
    """What is found of a run that has left these statuses and log-outs."""

    def run(
        *tests: tuple[str, str],
        log_outs: list[dict[str, Any]] | None = None,
        ended: Ended | None = None,
        measures: bool = True,
    ) -> Found:
        results = tmp_path / "allure-results"
        results.mkdir(exist_ok=True)
        before = Before.of(tmp_path)
        for number, (status, message) in enumerate(tests):
            told = {"name": f"test {number}", "status": status, "start": number}
            if message:
                told["statusDetails"] = {"message": message}
            (results / f"new-{number}-result.json").write_text(json.dumps(told))
        (tmp_path / "summary.json").write_text(json.dumps({"log_outs": log_outs or []}))
        (tmp_path / "junit.xml").write_text("<testsuites/>")
        trouble = any(status in ("failed", "broken") for status, _ in tests)
        folder = tmp_path / "nights" / "tonight"
        return suite_found(
            "scenario-1", ended or Ended(int(trouble)), tmp_path, folder, before, measures=measures
        )

    return run


PASSED = ("passed", "")


@pytest.mark.parametrize(
    ("tests", "log_outs", "ended", "code"),
    [
        ([PASSED], [WITHIN], Ended(0), Code.WITHIN),
        ([PASSED, ("skipped", "not applicable")], [WITHIN], Ended(0), Code.WITHIN),
        ([("failed", LATE_TOLD)], [LATE], Ended(1), Code.BROKEN_PROMISE),
        ([("failed", "AssertionError: the row is gone")], [WITHIN], Ended(1), Code.BROKEN_PROMISE),
        ([("broken", DRIFT)], [], Ended(1), Code.NOT_MEASURED),
        ([("broken", "undetermined: …")], [UNSURE], Ended(1), Code.NOT_MEASURED),
        ([("failed", LATE_TOLD), ("broken", DRIFT)], [LATE], Ended(1), Code.BROKEN_PROMISE),
        ([("failed", LATE_TOLD)], [LATE], Ended(2, interrupted=True), Code.BROKEN_PROMISE),
        ([PASSED], [WITHIN], Ended(2, interrupted=True), Code.INTERRUPTED),
        ([PASSED], [WITHIN], Ended(-9, hung=True), Code.NOT_MEASURED),
        ([PASSED], [WITHIN], Ended(3), Code.NOT_MEASURED),
        ([PASSED], [WITHIN], Ended(5), Code.NOT_MEASURED),
        ([("skipped", "no such view")], [], Ended(0), Code.NOT_MEASURED),
        ([], [], Ended(USAGE_ERROR), Code.NOT_MEASURED),
    ],
)
def test_the_exit_code_by_what_happened(
    left: Left, tests: list[tuple[str, str]], log_outs: list[dict[str, Any]], ended: Ended, code: Code
) -> None:
    found = left(*tests, log_outs=log_outs, ended=ended)
    assert found.stage.code is code
    assert found.stage.code is Code.WITHIN or found.stage.why or found.troubles


def test_a_catalogue_that_applies_nowhere_is_no_trouble(left: Left) -> None:
    assert left(("skipped", "no such view"), measures=False).stage.code is Code.WITHIN


@given(st.lists(st.sampled_from(list(Code))))
def test_a_broken_promise_outranks_all_and_nothing_hides_trouble(codes: list[Code]) -> None:
    of_all = worst(codes)
    assert (of_all is Code.BROKEN_PROMISE) == (Code.BROKEN_PROMISE in codes)
    assert (of_all is Code.WITHIN) == (set(codes) <= {Code.WITHIN})
    assert not codes or of_all in codes
    assert worst(reversed(codes)) is of_all
    assert set(WORST_FIRST) == set(Code)


@pytest.mark.parametrize(
    ("message", "why", "remedy"),
    [
        (DRIFT, "locator drift: the list is not on the screen", "make capture"),
        (BLOCKED, "sign-in blocked: needs a person: the site asks for one (challenge)", "make signin"),
        (OUTAGE, "the site could not be reached", "the report"),
        ("", "no reason was given", "the report"),
        ("x" * 1000, "x" * 300 + "…", "the report"),
    ],
)
def test_what_could_not_be_measured_is_told_in_one_line_with_what_to_do(
    left: Left, message: str, why: str, remedy: str
) -> None:
    [trouble] = left(("broken", message)).troubles
    assert trouble.why == why
    assert remedy in trouble.remedy
    assert not trouble.broken_promise


def test_results_of_the_stage_before_count_for_that_stage_alone(left: Left) -> None:
    first = left(("failed", LATE_TOLD), PASSED, PASSED, log_outs=[LATE])
    assert first.stage.tests == {"failed": 1, "passed": 2}
    second = left(log_outs=[WITHIN])
    assert second.stage.tests == {}
    assert second.stage.code is Code.WITHIN


def test_each_run_is_kept_in_the_nights_folder(left: Left, tmp_path: Path) -> None:
    found = left(PASSED, log_outs=[WITHIN])
    assert found.stage.files == ("summary-scenario-1.json", "junit-scenario-1.xml")
    assert {path.name for path in (tmp_path / "nights/tonight").iterdir()} == set(found.stage.files)
    assert found.log_outs[0].delay_s == (11.2, 11.4)


def test_what_a_run_did_not_write_is_not_kept_as_its_own(tmp_path: Path) -> None:
    """A run that was ended before it had written anything leaves the files of the run before."""
    (tmp_path / "summary.json").write_text(json.dumps({"log_outs": [LATE]}))
    (tmp_path / "junit.xml").write_text("<testsuites/>")
    found = suite_found(
        "scenario-1",
        Ended(-9, hung=True),
        tmp_path,
        tmp_path / "nights",
        Before.of(tmp_path),
        measures=True,
    )
    assert (found.stage.files, found.log_outs) == ((), [])
    assert found.stage.code is Code.NOT_MEASURED


def test_while_another_run_has_the_reports_nothing_of_it_is_taken(left: Left) -> None:
    found = left(("failed", LATE_TOLD), log_outs=[LATE], ended=Ended(USAGE_ERROR))
    assert (found.stage.code, found.stage.files, found.troubles) == (Code.NOT_MEASURED, (), [])
