"""The quality gate: what a run comes to as words and exit code, whatever was tried again or is known."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli import app
from cli.gate import Gate, read_gate
from cli.place import ROOT, Stop
from tests.report.by_hand import Folder, Report, in_node

LATE = "AssertionError: still alive after 30 s"


def day(after_days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=after_days)).date().isoformat()


def issue(test: str, *, says: str = "still alive", until: str | None = None) -> dict[str, str]:
    """An entry of known-issues.json."""
    why = "the vendor was told, case 4711"
    return {"test": f"tests.made#{test}", "says": says, "why": why, "until": until or day(1)}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.setenv("REPORTS_DIR", str(tmp_path))
    return Folder(tmp_path)


def gate() -> Result:
    """Build the report and pass the gate, as a build server does."""
    return CliRunner().invoke(app, ["report", "--gate"])


def judged(folder: Folder, attempts: list[dict[str, object]]) -> Gate:
    """What the gate says of attempts, as Allure hands them over, and what becomes of that."""
    results = in_node("verdict-gate.mjs", f"gateResults({json.dumps(attempts)})", folder.path)
    (folder.path / "allure-report").mkdir()
    folder.write("allure-report/quality-gate.json", results)
    return read_gate(folder.path)


@pytest.mark.parametrize(
    ("statuses", "code", "says"),
    [
        (["passed", "skipped"], 0, "no promise broken"),
        (["passed", "failed"], 1, "1 promise broken: test 1"),
        (["failed", "failed"], 1, "2 promises broken: test 0; test 1"),
        (["passed", "broken"], 2, "could not be measured: test 1"),
        (["broken", "failed"], 1, "1 promise broken: test 1"),
        (["skipped"], 2, "could not be measured: nothing of what was asked for applies here"),
        (["unknown", "passed"], 2, "could not be measured: test 0"),
    ],
)
def test_the_exit_code_tells_what_the_run_comes_to(
    folder: Folder, statuses: list[str], code: int, says: str
) -> None:
    said = judged(
        folder,
        [
            {"id": str(n), "name": f"test {n}", "status": each, "isRetry": False}
            for n, each in enumerate(statuses)
        ],
    )
    assert says in said.told
    assert said.code == code


@pytest.mark.parametrize(
    ("attempts", "code", "says"),
    [
        (["failed", "passed"], 1, "1 promise broken: log-out (passed on retry)"),
        (["failed", "broken"], 1, "1 promise broken: log-out"),
        (["failed", "failed"], 1, "1 promise broken: log-out"),
        (["broken", "passed"], 0, "all that applies here was measured"),
        (["passed", "broken"], 2, "could not be measured: log-out"),
    ],
)
def test_a_promise_that_was_broken_once_is_not_mended_by_trying_again(
    folder: Folder, attempts: list[str], code: int, says: str
) -> None:
    """What could be measured in the end was measured, but a retry that passes hides no broken promise."""
    first, last = attempts
    same = {"name": "log-out", "retryHash": "the same test"}
    said = judged(
        folder,
        [
            {"id": "1", "status": first, "isRetry": True, **same},
            {"id": "2", "status": last, "isRetry": False, **same},
        ],
    )
    assert says in said.told
    assert said.code == code


def test_a_report_fails_nobody_and_its_gate_does(folder: Folder) -> None:
    folder.add("log-out", "failed", LATE)
    assert CliRunner().invoke(app, ["report"]).exit_code == 0
    ended = gate()
    assert ended.stdout.splitlines()[-2:] == [
        "gate: 1 promise broken: log-out",
        "gate: all that applies here was measured",
    ]
    assert ended.exit_code == 1


def test_a_gate_that_says_nothing_is_not_passed(folder: Folder) -> None:
    (folder.path / "allure-report").mkdir()
    folder.write("allure-report/quality-gate.json", [])
    with pytest.raises(Stop, match="does not say what the run comes to: build the report again"):
        read_gate(folder.path)


def test_the_report_shows_retries_as_such_and_what_the_gate_says(folder: Folder) -> None:
    folder.add("kept", "passed")
    folder.add("tried again", "failed", LATE)
    folder.add("missed", "broken", "locator drift: the row is not on the screen")
    folder.add("tried again", "passed")
    report = folder.build()
    told = {test["name"]: (test["status"], test["retriesCount"]) for test in report.tests}
    assert told == {"kept": ("passed", 0), "tried again": ("passed", 1), "missed": ("broken", 0)}
    ids = {test["name"]: test["nodeId"] for test in report.tests}
    assert {rule: (said["message"], said["testResults"]) for rule, said in report.gate.items()} == {
        "every promise kept": ("1 promise broken: tried again (passed on retry)", [ids["tried again"]]),
        "everything measured": ("could not be measured: missed", [ids["missed"]]),
    }


def test_the_repetitions_of_a_night_are_no_retries_of_each_other(folder: Folder) -> None:
    for number in ("1", "2", "3"):
        repetition = {"name": "repetition", "value": number, **({"excluded": True} if number == "1" else {})}
        folder.add("log-out", "failed" if number == "2" else "passed", parameters=[repetition])
    report = folder.build()
    assert [(test["status"], test["retriesCount"]) for test in report.tests] == [
        ("passed", 0),
        ("failed", 0),
        ("passed", 0),
    ]
    assert report.gate["every promise kept"]["message"] == "1 promise broken: log-out"


def test_what_is_known_is_passed_over_by_name_and_said_to_be(folder: Folder) -> None:
    folder.add("known", "failed", LATE)
    folder.add("kept", "passed")
    folder.write("known-issues.json", [issue("known")])
    before = (folder.path / "known-issues.json").read_bytes()
    ended = gate()
    assert "gate: no promise broken. Known, and passed over: known" in ended.stdout.splitlines()
    assert ended.exit_code == 0
    report = Report(folder.html.read_text(encoding="utf-8"))
    (group,) = report.data("widgets/resolution-categories.json")["groups"]
    assert [test["name"] for test in group["testResults"]] == ["known"]
    assert group["comment"] == f"Known until {day(1)}: the vendor was told, case 4711"
    after = (folder.path / "known-issues.json").read_bytes()
    assert after == before, "Allure writes a file of that name: not over the user's"


def test_all_that_is_not_that_test_with_those_words_on_that_day_counts(folder: Folder) -> None:
    for name in ("another test", "other words", "words, not a pattern", "its day is over"):
        folder.add(name, "failed", LATE)
    folder.write(
        "known-issues.json",
        [
            issue("a test"),
            issue("other words", says="was answered"),
            issue("words, not a pattern", says="still.alive"),
            issue("its day is over", until=day(-1)),
        ],
    )
    ended = gate()
    all_four = "another test; other words; words, not a pattern; its day is over"
    assert f"gate: 4 promises broken: {all_four}" in ended.stdout.splitlines()
    told = f"known issues: tests.made#its day is over was known until {day(-1)}, and counts again"
    assert told in ended.stdout.splitlines()
    assert ended.exit_code == 1


def test_the_last_day_of_a_known_issue_still_counts(folder: Folder) -> None:
    folder.write("known-issues.json", [issue("x", until=day(0)), issue("y", until=day(-1))])
    (rule,) = in_node("known-issues.mjs", "resolutionRules()", folder.path)
    assert rule["comment"] == f"Known until {day(0)}: the vendor was told, case 4711"


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("{", "it is no JSON"),
        ("{}", "it is no list"),
        ([1], "entry 1 is no object"),
        ([{**issue("x"), "why": " "}], 'entry 1 has no "why"'),
        ([{**issue("x"), "untill": "2027-01-31"}], 'entry 1 has "untill", which nothing reads'),
        ([issue("x"), issue("y", until="soon")], 'entry 2\'s "until" is no day such as 2027-01-31'),
        ([issue("x", until="2027-02-30")], 'entry 1\'s "until" is no day such as 2027-01-31'),
    ],
)
def test_a_file_of_known_issues_that_cannot_be_read_is_named_in_one_line(
    folder: Folder, content: object, wrong: str
) -> None:
    folder.write("known-issues.json", content)
    said = in_node("known-issues.mjs", "resolutionRules()", folder.path)
    assert said == f"known-issues.json: {wrong}: see reports/README.md for an example"


def test_what_is_wrong_with_the_known_issues_stops_the_report_with_the_line_that_says_so(
    folder: Folder,
) -> None:
    folder.add("log-out", "passed")
    folder.write("known-issues.json", "{}")
    with pytest.raises(Stop, match=r"error: known-issues\.json: it is no list: see reports/README"):
        folder.build()


def test_the_example_that_a_person_copies_is_read_and_names_a_test(folder: Folder) -> None:
    """The one in reports/README.md."""
    page = (ROOT / "reports" / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.+?)```", page, re.DOTALL)
    folder.write("known-issues.json", example)
    assert in_node("known-issues.mjs", "expired().concat(module.resolutionRules()).length", folder.path) == 1
    module, _, test = json.loads(example)[0]["test"].partition("#")
    file = ROOT / f"{module.replace('.', '/')}.py"
    assert f"def {test}(" in file.read_text(encoding="utf-8")
