"""`make trend`: what all the nights tell, on the screen, as a page and for machines."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from rich.console import Console

from afterglow.history.read import History
from afterglow.pictures.page import Study, is_narrowed, studied
from afterglow.statistics.change import ALARM
from cli import trend
from cli.place import ROOT, Stop
from tests.pictures.conftest import HOSTILE, MANY
from tests.pictures.histories import Made, history


def told(
    past: History, reports: Path, monkeypatch: pytest.MonkeyPatch, *, target: str | None = None
) -> tuple[Path, str]:
    """The page, and what was printed, for a history that was not read from files."""
    monkeypatch.setattr(trend, "read_history", lambda _: past)
    console = Console(file=io.StringIO(), width=100)
    page = trend.write_trend(reports, console, target=target)
    assert isinstance(console.file, io.StringIO)
    return page, console.file.getvalue()


def elsewhere(past: History) -> History:
    """The same runs on the replica, long ago."""
    runs = (replace(run, target="replica", site=None, id=f"{run.id}-old") for run in past.runs)
    return History(tuple(replace(run, started=run.started.replace(year=2025)) for run in runs))


def test_without_a_run_there_is_a_page_all_the_same(tmp_path: Path) -> None:
    """It says how to get the first night, and that is no error."""
    done = subprocess.run(
        [sys.executable, "-m", "cli", "trend"],
        cwd=ROOT,
        env={**os.environ, "REPORTS_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "no nights yet: `make nightly` measures one" in done.stdout
    assert "No nights yet" in (tmp_path / "propagation.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "trend.json").read_text())["findings"] == []


def test_a_file_that_is_no_run_is_named(tmp_path: Path) -> None:
    """On the screen, on the page and in the figures; the others count all the same."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "20260101T000000Z-abcd.jsonl").write_text("this is no run\n")
    console = Console(file=io.StringIO(), width=200)
    page = trend.write_trend(tmp_path, console)
    assert isinstance(console.file, io.StringIO)
    for text in (
        console.file.getvalue(),
        page.read_text("utf-8"),
        (tmp_path / "trend.json").read_text("utf-8"),
    ):
        assert "20260101T000000Z-abcd.jsonl" in text


def test_the_findings_are_told_and_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every action's on the screen; every question's in the figures; and the page shows the same words."""
    page, said = told(history(MANY), tmp_path, monkeypatch)
    assert page == tmp_path / "propagation.html"
    first = "87 nights, 1 late, 1 undetermined: at least 92 % within the window"
    assert first in " ".join(said.split())
    assert "log out one" in said
    assert first in page.read_text(encoding="utf-8")
    figures = json.loads((tmp_path / "trend.json").read_text(encoding="utf-8"))
    assert (figures["target"], figures["nights"], figures["runs"]) == ("chatgpt", 90, 90)
    asked = [finding["question"]["told"] for finding in figures["findings"]]
    assert asked[:2] == ["log out all, all doors", "log out one, all doors"]
    assert "log out all, access" in asked
    assert first in figures["findings"][0]["told"][0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["propagation.html", "trend.json"]


def test_sites_are_never_mixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest run's site is told; the others are named, and are told when asked for."""
    new, old = history(Made(4)), elsewhere(history(Made(9)))
    both = History((*old.runs, *new.runs))
    page, said = told(both, tmp_path, monkeypatch)
    assert "https://chatgpt.com: 4 nights, 4 runs" in said
    assert "other sites, not counted here: replica" in said
    assert "Not shown here, as they are other sites: replica" in page.read_text(encoding="utf-8")
    _, said = told(both, tmp_path, monkeypatch, target="replica")
    assert "replica: 9 nights, 9 runs" in said


def test_a_site_that_was_never_measured_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names those that were."""
    with pytest.raises(Stop, match=r"no run fits --target chatgtp: .*chatgpt at https://chatgpt\.com"):
        told(history(Made(2)), tmp_path, monkeypatch, target="chatgtp")


def test_the_terminal_obeys_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run's file says is printed as it is, but for what a terminal or rich would obey."""
    past = history(Made(2))
    runs = tuple(
        replace(
            run,
            log_outs=tuple(replace(each, action="[red]log\x1b[2Jout[/nonsense]") for each in run.log_outs),
        )
        for run in past.runs
    )
    _, said = told(History(runs, (f"\x1b[2J{HOSTILE}",)), tmp_path, monkeypatch)
    assert "\x1b" not in said
    assert "[red]log [2Jout[/nonsense]" in said


def test_the_same_nights_tell_the_same_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chance decides which permutations are tried, but not from one reading to the next."""
    page, said = told(history(Made(30)), tmp_path, monkeypatch)
    first = page.read_bytes()
    assert told(history(Made(30)), tmp_path, monkeypatch)[1] == said
    assert page.read_bytes() == first


def test_a_door_is_named_as_longer_only_if_that_is_sure_in_spite_of_all_the_others() -> None:
    """Each would raise one false alarm in a hundred by itself."""
    studies = studied(history(MANY).nights, Random(1))  # noqa: S311 - no secret
    narrowed = [study for study in studies if is_narrowed(study.question)]
    assert len(narrowed) > 1

    def with_chance(p_value: float) -> list[Study]:
        change = replace(narrowed[0].finding.change, p_value=p_value)
        first = replace(narrowed[0], finding=replace(narrowed[0].finding, change=change))
        calm = replace(narrowed[0].finding.change, p_value=0.5)
        others = [replace(each, finding=replace(each.finding, change=calm)) for each in narrowed[1:]]
        return [first, *others]

    assert trend.longer_too(with_chance(ALARM)) == []
    assert trend.longer_too(with_chance(ALARM / len(narrowed))) == [narrowed[0].question.told]
