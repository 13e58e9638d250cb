"""What is made of rows: who catches what, who alone, what nobody sees, and the page that shows it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import allure
import pytest
from typer.testing import CliRunner

import cli.matrix
from cli import app
from cli.place import ROOT
from replica.defects import Defect
from tests.matrix import __main__ as builder
from tests.matrix import test_matrix as rows_of_it
from tests.matrix.expected import EXPECTED, JUSTIFIED, Expectation
from tests.matrix.matrix import Line, Mark, Matrix, brief, misses
from tests.matrix.page import render
from tests.matrix.rows import CATALOGUE, HEALTHY, Result, Row, cut_off, results_in

pytestmark = [allure.epic("The suite itself"), allure.feature("What the checks see")]

STREAM, TAB = "test_an_open_stream_is_cut", "test_a_second_tab_is_out_too"
ABOUT_STREAMS = {Defect.STREAM_SURVIVES: (Expectation(STREAM, "stream"),)}


def row(name: str, **said: str) -> Row:
    """A row in which the checks ended as given: a status, and a message behind a colon."""
    results = (
        Result("test_after_log_out", check, "", check, *_status_and_message(words))
        for check, words in said.items()
    )
    return Row(name, "2026-11-21T18:00:00Z", 12.5, True, tuple(results))


def _status_and_message(words: str) -> tuple[str, str]:
    status, _, message = words.partition(": ")
    return status, message


def matrix(*rows: Row, justified: dict[str, str] | None = None) -> Matrix:
    """A matrix in which only one defect is expected by anybody."""
    return Matrix.of(rows, ABOUT_STREAMS, justified or {})


def line(found: Matrix, defect: Defect) -> Line:
    """A line of it."""
    return next(each for each in found.lines if each.name == defect)


# What is expected


def test_every_defect_has_a_check_that_must_catch_it() -> None:
    missing = [defect.value for defect in Defect if not EXPECTED.get(defect)]
    assert not missing, f"no check is named for {', '.join(missing)}: name one in expected.py"


def test_every_check_that_is_named_exists() -> None:
    """A check that was renamed must be renamed here too, or nobody would notice that its promise is gone."""
    files = (path for folder in CATALOGUE for path in (ROOT / folder).glob("test_*.py"))
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    checks = set(re.findall(r"^def (test_\w+)\(", code, re.MULTILINE))
    named = {each.check for expected in EXPECTED.values() for each in expected} | set(JUSTIFIED)
    assert not named - checks, f"there is no check {', '.join(sorted(named - checks))}"


def test_a_check_that_fails_in_other_words_has_not_caught_the_defect() -> None:
    expected = ABOUT_STREAMS[Defect.STREAM_SURVIVES]
    assert list(misses(row("a", **{STREAM: "failed: the Stream goes on"}), expected)) == []
    assert list(misses(row("a", **{STREAM: "failed: it goes on"}), expected)) == [
        f"{STREAM} failed, but its message lacks /stream/: it goes on"
    ]


@pytest.mark.parametrize(
    ("said", "missed"),
    [
        ({STREAM: "passed"}, f"{STREAM} should have failed, but passed"),
        ({STREAM: "broken: 503 stream"}, f"{STREAM} should have failed, but could not measure: 503 stream"),
        ({TAB: "failed: stream"}, f"{STREAM} did not run"),
    ],
)
def test_what_is_missing_is_told_in_a_line(said: dict[str, str], missed: str) -> None:
    assert list(misses(row("a", **said), ABOUT_STREAMS[Defect.STREAM_SURVIVES])) == [missed]


# Reading


def test_results_are_read_with_their_parameters_in_the_order_of_running(tmp_path: Path) -> None:
    """The browser's name, which every test has for a parameter, is none of them."""
    result = {"name": "A title", "fullName": "tests.sessions.test_visibility#test_listed", "start": 2}
    browser = {"name": "browser_name", "value": "'chromium'"}
    of_codex = {
        **result,
        "status": "failed",
        "statusDetails": {"message": "it is listed"},
        "parameters": [browser, {"name": "app", "value": "'codex-cli'"}],
    }
    earlier = {**result, "status": "unknown", "start": 1, "parameters": [browser]}
    for number, each in enumerate((of_codex, earlier)):
        (tmp_path / f"{number}-result.json").write_text(json.dumps(each), encoding="utf-8")
    assert results_in(tmp_path) == (
        Result("test_visibility", "test_listed", "", "A title", "broken", ""),
        Result("test_visibility", "test_listed", "codex-cli", "A title", "failed", "it is listed"),
    )


def test_a_row_that_was_kept_is_read_as_it_was(tmp_path: Path) -> None:
    kept = row("late", **{STREAM: "failed: “still” alive", TAB: "passed"})
    kept.write(tmp_path / "matrix")
    assert Row.read(tmp_path / "matrix" / "late.json") == kept


def test_of_a_row_that_was_cut_off_the_last_result_is_not_believed() -> None:
    """Allure writes "passed" for a test that Ctrl-C ended."""
    results = row("late", **{STREAM: "passed", TAB: "passed"}).results
    assert [result.status for result in cut_off(results)] == ["passed", "broken"]
    assert cut_off(()) == ()


def test_of_a_message_the_words_of_the_check_are_shown() -> None:
    assert brief("AssertionError: it goes on\nassert 1 == 2\n +  where 1 = x") == "it goes on"
    assert brief("playwright._impl._errors.TimeoutError: no answer\nCall log:\n  - x") == "no answer"
    assert brief("the site said: 503") == "the site said: 503"
    assert len(brief("x" * 5000)) < 700


# Who catches what


def test_one_parameter_that_fails_is_a_check_that_fails() -> None:
    passed = Result("test_visibility", "test_listed", "codex", "", "passed", "")
    failed = Result("test_visibility", "test_listed", "third-party", "", "failed", "it is listed")
    late = Row("late", "2026-11-21T18:00:00Z", 1, True, (passed, failed))
    found = matrix(late)
    assert line(found, Defect.LATE).caught_by == {"test_listed": "[third-party] it is listed"}
    assert [check.name for check in found.checks] == ["test_listed"]


def test_who_catches_a_defect_alone_is_told() -> None:
    alone = row("stream_survives", **{STREAM: "failed: stream", TAB: "broken: 503"})
    shared = row("late", **{STREAM: "failed: late", TAB: "failed: late"})
    found = matrix(alone, shared)
    assert found.alone(STREAM) == ["stream_survives"]
    assert found.alone(TAB) == []
    assert found.catches(TAB) == ["late"]
    assert line(found, Defect.STREAM_SURVIVES).broken == {TAB: "503"}


def test_a_defect_that_was_tried_with_some_checks_alone_says_nothing_of_the_others() -> None:
    """That only one check caught it is no wonder if only one was run."""
    partly = row("stream_survives", **{STREAM: "failed: stream"})
    every = row("late", **{STREAM: "passed", TAB: "failed: late"})
    found = matrix(partly, every)
    assert found.alone(STREAM) == []
    assert found.alone(TAB) == ["late"]
    assert (found.totals["ran"], found.totals["ran_with_every_check"]) == (2, 1)
    assert "1 defects were tried only with the checks that should catch them" in render(found)


@pytest.mark.parametrize(
    ("words", "check", "mark"),
    [
        ("failed: stream", STREAM, Mark.CAUGHT),
        ("failed: x", STREAM, Mark.MISSED),
        ("passed", STREAM, Mark.MISSED),
        ("failed: x", TAB, Mark.AS_WELL),
        ("broken: x", TAB, Mark.BROKEN),
        ("passed", TAB, Mark.PASSED),
        ("skipped: x", TAB, Mark.SKIPPED),
    ],
)
def test_a_cell_tells_how_a_check_did(words: str, check: str, mark: Mark) -> None:
    cells = line(matrix(row("stream_survives", **{check: words})), Defect.STREAM_SURVIVES)
    assert cells.cell(check).mark is mark


def test_what_was_not_run_is_neither_passed_nor_missed() -> None:
    assert line(matrix(), Defect.STREAM_SURVIVES).cell(STREAM).mark is Mark.NOT_RUN
    assert matrix().problems == []


def test_a_defect_that_no_check_sees_is_a_problem() -> None:
    [problem] = matrix(row("late", **{STREAM: "passed", TAB: "broken: 503"})).problems
    assert problem == f"late is seen by no check. {Defect.LATE.about}"


def test_a_defect_that_only_others_see_is_a_problem() -> None:
    [problem] = matrix(row("stream_survives", **{STREAM: "passed", TAB: "failed: x"})).problems
    assert problem == f"stream_survives: {STREAM} should have failed, but passed"


def test_a_healthy_site_that_is_accused_or_not_measured_is_a_problem() -> None:
    assert matrix(row(HEALTHY, **{STREAM: "passed", TAB: "skipped: none"})).problems == []
    [failed, broken] = matrix(row(HEALTHY, **{STREAM: "failed: goes on", TAB: "broken: 503"})).problems
    assert failed == f"The healthy site: {STREAM} failed: goes on"
    assert broken == f"The healthy site: {TAB} broken: 503"


def test_a_check_without_a_defect_of_its_own_needs_a_reason_once_all_were_run() -> None:
    all_rows = [
        row(defect.value, **{STREAM: "failed: stream", TAB: "passed"}) for defect in (HEALTHY_TOO, *Defect)
    ]
    healthy = row(HEALTHY, **{STREAM: "passed", TAB: "passed"})
    without_one = matrix(healthy, *all_rows[2:])
    assert without_one.problems == []
    whole = matrix(healthy, *all_rows[1:])
    assert whole.problems == [f"{TAB} has no defect of its own, and nobody says why it stays."]
    assert matrix(healthy, *all_rows[1:], justified={TAB: "records"}).problems == []


HEALTHY_TOO = Defect.LATE
"""Any: its row is left out."""


# What is written


class Texts(HTMLParser):
    """The tags and the texts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data


def read(html: str) -> Texts:
    """A page, as a browser would take it apart."""
    texts = Texts()
    texts.feed(html)
    return texts


EVIL = """<script>alert("1")</script> stream' onfocus="alert(2)"""


def test_a_message_stays_a_text_whatever_is_in_it() -> None:
    """What a check quotes came from a site."""
    page = read(render(matrix(row("stream_survives", **{STREAM: f"failed: {EVIL}", TAB: f"failed: {EVIL}"}))))
    assert "script" not in page.tags
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert page.text.count(EVIL) == 2
    assert sum(EVIL in (value or "") for name, value in page.attributes if name == "data-tip") == 2


def test_the_page_needs_nothing_from_elsewhere() -> None:
    page = read(render(matrix(row("late", **{STREAM: "failed: late"}))))
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    links = [value or "" for name, value in page.attributes if name in ("href", "src")]
    assert links
    targets = {f"#{value}" for name, value in page.attributes if name == "id"}
    assert set(links) <= targets


def test_the_page_says_at_its_top_what_is_not_as_it_must_be() -> None:
    quiet = read(render(matrix(row("late", **{STREAM: "failed: late"}))))
    assert ("role", "alert") not in quiet.attributes
    loud = read(render(matrix(row("late", **{STREAM: "passed"}))))
    assert ("role", "alert") in loud.attributes
    assert loud.text.index("late is seen by no check") < loud.text.index("could not be measured")


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for reports, and little that is expected."""
    monkeypatch.setenv("REPORTS_DIR", str(tmp_path))
    monkeypatch.setattr(builder, "EXPECTED", ABOUT_STREAMS)
    return tmp_path


def test_both_files_are_built_from_the_rows_that_were_kept(reports: Path) -> None:
    row("late", **{STREAM: "failed: late"}).write(reports / "matrix")
    row("a_defect_that_is_no_more", **{STREAM: "passed"}).write(reports / "matrix")
    assert builder.main() == 0
    kept = json.loads((reports / "defect-matrix.json").read_text(encoding="utf-8"))
    assert kept["totals"]["ran"] == 1
    assert kept["defects"]["late"]["caught_by"] == {STREAM: "late"}
    assert kept["checks"][STREAM]["only_it_catches"] == ["late"]
    assert "a_defect_that_is_no_more" not in kept["defects"]
    assert "an open stream is cut" in read((reports / "defect-matrix.html").read_text("utf-8")).text


def test_the_matrix_fails_where_something_is_not_as_it_must_be(reports: Path) -> None:
    row("late", **{STREAM: "passed"}).write(reports / "matrix")
    assert builder.main() == 1


# The command


@pytest.fixture
def commands(reports: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the command runs, with an end for each."""
    assert reports.exists()
    monkeypatch.delenv("BASE_URL", raising=False)
    ran: list[list[str]] = []

    def noted(command: list[str]) -> int:
        ran.append(command)
        return 0

    monkeypatch.setattr(cli.matrix, "in_foreground", noted)
    return ran


def test_the_command_runs_the_rows_that_were_asked_for_and_builds_the_page(commands: list[list[str]]) -> None:
    assert CliRunner().invoke(app, ["matrix", "--only", "late, healthy", "-x"]).exit_code == 0
    rows, page = commands
    file = "tests/matrix/test_matrix.py"
    assert rows[-3:] == [
        f"{file}::{rows_of_it.test_row.__name__}[late]",
        f"{file}::{rows_of_it.test_the_healthy_replica_passes_every_check.__name__}",
        "-x",
    ]
    assert page[-2:] == ["-m", "tests.matrix"]


def test_without_a_choice_every_row_is_run(commands: list[list[str]]) -> None:
    CliRunner().invoke(app, ["matrix"])
    assert [argument.rpartition("::")[2] for argument in commands[0][-2:]] == [
        rows_of_it.test_the_healthy_replica_passes_every_check.__name__,
        rows_of_it.test_row.__name__,
    ]


def test_a_row_that_there_is_not_is_named(commands: list[list[str]]) -> None:
    ended = CliRunner().invoke(app, ["matrix", "--only", "late,latte"])
    assert "there is no defect latte:" in str(ended.exception)
    assert commands == []


def test_no_defect_is_looked_for_on_somebody_elses_site(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BASE_URL", "https://example.test")
    ended = CliRunner().invoke(app, ["matrix"])
    assert ended.exit_code != 0
    assert "BASE_URL" in str(ended.exception)
    assert commands == []
