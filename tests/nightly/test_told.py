"""A night as a person reads it: in a log without colours, and on the page of a CI server's run."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from cli.night_record import Code, Found, LogOut, Record, Stage, State, Trouble
from cli.night_told import duration, escaped, markdown, show

BEGAN = datetime(2026, 11, 22, 2, 15, tzinfo=UTC)


@pytest.fixture
def record() -> Record:
    """A night with something of everything."""
    night = Record(night="20261122T021500Z-1a2b", target="chatgpt", site="https://chatgpt.com", started=BEGAN)
    night.add(Found(stage=Stage(name="doctor", state=State.DONE, code=Code.WITHIN, took_s=41)))
    late = LogOut(
        stage="scenario-1",
        action="log out all",
        started="2026-11-22T02:17:00+00:00",
        window_s=1800,
        delay_s=(1980.2, None),
        verdict="late",
    )
    broken = Trouble(
        stage="scenario-1",
        what="Log-out of all",
        why="it was late",
        remedy="read on",
        broken_promise=True,
    )
    blocked = Trouble(stage="scenario-2", what="Both", why="sign-in blocked", remedy="make signin")
    scenario = Stage(
        name="scenario-1",
        state=State.DONE,
        code=Code.BROKEN_PROMISE,
        took_s=2000,
        tests={"passed": 2, "failed": 1},
        cost="3,500 requests",
    )
    night.add(Found(stage=scenario, log_outs=[late], troubles=[broken, blocked]))
    why = "the day's sign-ins do not suffice"
    night.add(Found(stage=Stage(name="catalogue", state=State.LEFT_OUT, code=Code.WITHIN, why=why)))
    night.trend = ["59 nights, none late"]
    night.removed = ["nights/20250101T000000Z-0000: 3 MB"]
    night.ended = BEGAN + timedelta(hours=1, minutes=40)
    return night


@pytest.fixture
def shown(record: Record, tmp_path: Path) -> str:
    """The lines of a log."""
    said = io.StringIO()
    show(record, tmp_path, Console(file=said, width=100))
    return said.getvalue()


@pytest.mark.parametrize(
    "words",
    [
        "scenario-1  done      33 min  2 passed, 1 failed",
        "catalogue   left out          the day's sign-ins do not suffice",
        "scenario-1  log out all  over 1980.20 s  window 1800 s  late",
        "promise broken: Log-out of all (scenario-1)",
        "not measured: Both (scenario-2)",
        "-> make signin",
        "59 nights, none late",
        "nights/20250101T000000Z-0000: 3 MB",
        "scenario-1: 3,500 requests",
        "a promise was broken (exit code 1)",
        "night 20261122T021500Z-1a2b, chatgpt at https://chatgpt.com, 2026-11-22 02:15 UTC, 1 h 40 min",
    ],
)
def test_a_log_tells_all_of_it_without_colours(shown: str, words: str) -> None:
    assert words in shown
    assert "\x1b" not in shown


def test_only_files_that_are_there_are_named(record: Record, tmp_path: Path) -> None:
    (tmp_path / "nightly.json").write_text("{}")
    said = io.StringIO()
    show(record, tmp_path, Console(file=said, width=100))
    assert said.getvalue().splitlines()[-1] == str(tmp_path / "nightly.json")


def test_the_page_of_a_run_tells_the_same(record: Record) -> None:
    page = markdown(record)
    assert page.startswith("## Afterglow: a promise was broken (exit code 1)\n")
    assert "| scenario-1 | log out all | over 1980.20 s | 1800 s | late |" in page
    assert "- **promise broken**: Log-out of all (scenario-1): it was late → read on" in page
    assert "| catalogue | left out |  | the day's sign-ins do not suffice |" in page


def test_what_a_site_said_is_nothing_but_words_on_that_page(record: Record) -> None:
    """A message may hold what a site has sent: no markup, no link, no image, no row of a table."""
    hostile = "<img src=x> [click](http://evil) | `x` ![i](u)\n# heading"
    record.troubles = [Trouble(stage="s", what="w", why=hostile)]
    [line] = [line for line in markdown(record).splitlines() if "img" in line]
    assert "heading" in line
    assert "<img" not in line.replace("\\<", "")
    assert "](" not in line.replace("\\]", "")
    assert escaped("a_b*c") == "a\\_b\\*c"


def test_a_known_issue_is_called_one(record: Record, tmp_path: Path) -> None:
    record.pass_over_known(Code.WITHIN)
    record.add(Found(stage=Stage(name="report", state=State.DONE, code=Code.WITHIN)))
    said = io.StringIO()
    show(record, tmp_path, Console(file=said, width=100))
    assert "known issue: Log-out of all" in said.getvalue()
    assert "all within the window (exit code 0)" in said.getvalue()


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (5300, "88 min"), (7500, "2 h 05 min")]
)
def test_how_long_it_took_is_short(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_what_was_written_is_read_back(record: Record, tmp_path: Path) -> None:
    record.write(tmp_path / "a.json", tmp_path / "deeper" / "b.json")
    assert Record.model_validate_json((tmp_path / "deeper" / "b.json").read_text()) == record
