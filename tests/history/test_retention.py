"""What is old goes when somebody says so, and never silently."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from afterglow.history.read import read_history
from afterglow.history.retention import (
    outdated_reports,
    removal_of_run,
    remove,
    remove_all,
    runs_before,
)
from afterglow.record import RunFile
from afterglow.redaction import Redactor
from tests.history.nights import FIRST, made_up
from tests.instrument.made_up_runs import STARTED

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def night(reports: Path, name: str, days_old: float) -> Path:
    """The folder of a night whose report was built so long ago."""
    folder = reports / "nights" / name
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("<html>" + 994 * "x")
    (folder / "nightly.json").write_text("{}")
    at = (NOW - timedelta(days=days_old)).timestamp()
    os.utime(folder / "index.html", (at, at))
    return folder


def removed(reports: Path) -> list[dict[str, Any]]:
    """The lines on what was removed."""
    return [json.loads(line) for line in (reports / "removed.jsonl").read_text().splitlines()]


def test_the_reports_of_nights_are_outdated_after_so_many_days(tmp_path: Path) -> None:
    """Oldest first; a night without a report may still be going on."""
    old = [night(tmp_path, name, days) for name, days in (("b", 31), ("a", 30.1), ("c", 90))]
    night(tmp_path, "recent", 29.9)
    (tmp_path / "nights" / "going-on").mkdir()
    (tmp_path / "nights" / "index.html").touch()
    assert outdated_reports(tmp_path, 30, NOW) == [old[2], old[0], old[1]]
    assert outdated_reports(tmp_path / "nowhere", 30, NOW) == []


def test_a_report_that_goes_leaves_a_line(tmp_path: Path) -> None:
    old, recent = night(tmp_path, "20261001T021500Z-1a2b", 31), night(tmp_path, "20261130T021500Z-1a2b", 1)
    told = remove([old], tmp_path)
    assert told == ["removed nights/20261001T021500Z-1a2b: the report of a night, 1.0 kB"]
    assert (old.exists(), recent.exists()) == (False, True)
    [line] = removed(tmp_path)
    assert (line["removed"], line["bytes"]) == ("nights/20261001T021500Z-1a2b", 1002)
    assert datetime.fromisoformat(line["utc"]).tzinfo is not None


@pytest.mark.parametrize("where", ["runs/a.jsonl", "nights", ".", "nights/a/index.html"])
def test_nothing_but_the_folder_of_a_night_is_removed_as_one(tmp_path: Path, where: str) -> None:
    """And then nothing at all: the call is wrong."""
    old = night(tmp_path, "a", 31)
    run = made_up().put(tmp_path / "runs", "a.jsonl")
    with pytest.raises(ValueError, match="is not the folder of a night"):
        remove([old, tmp_path / where], tmp_path)
    assert old.exists()
    assert run.exists()
    assert not (tmp_path / "removed.jsonl").exists()


def test_nothing_goes_that_cannot_be_noted(tmp_path: Path) -> None:
    old = night(tmp_path, "a", 31)
    (tmp_path / "removed.jsonl").mkdir()
    [told] = remove([old], tmp_path)
    assert told == f"nights/a is kept: {tmp_path / 'removed.jsonl'} cannot be written (Is a directory)"
    assert (old / "index.html").exists()


def test_what_could_not_be_removed_is_told_and_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the others go nevertheless."""
    held, old = night(tmp_path, "held", 40), night(tmp_path, "old", 31)

    def only_old(path: Path) -> None:
        if path == held:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("afterglow.history.retention._remove", only_old)
    told = remove([held, old], tmp_path)
    assert told[0] == "nights/held could not be removed (Permission denied): remove it by hand"
    assert told[1].startswith("removed nights/old")
    assert [line.get("not_removed") for line in removed(tmp_path)] == [None, "nights/held", None]


def test_a_link_to_a_folder_goes_and_the_folder_stays(tmp_path: Path) -> None:
    """Somebody has put a night elsewhere: it is not ours to empty."""
    elsewhere = night(tmp_path / "elsewhere", "a", 31)
    (tmp_path / "nights").mkdir()
    (tmp_path / "nights" / "a").symlink_to(elsewhere)
    remove(outdated_reports(tmp_path, 30, NOW), tmp_path)
    assert not (tmp_path / "nights" / "a").exists()
    assert (elsewhere / "index.html").exists()


def test_a_run_that_goes_leaves_its_measurements_in_brief(tmp_path: Path) -> None:
    path = made_up().put(tmp_path / "runs")
    size = path.stat().st_size
    [run] = read_history(tmp_path / "runs").runs
    [told] = remove_all([removal_of_run(run)], tmp_path)
    assert told == f"removed runs/{path.name}: run 00000001, 1 log-out, {size / 1000:.1f} kB"
    assert not path.exists()
    [line] = removed(tmp_path)
    brief = {name: line[name] for name in ("removed", "bytes", "run", "started", "target")}
    assert brief == {
        "removed": f"runs/{path.name}",
        "bytes": size,
        "run": "00000001",
        "started": "2026-11-21T02:15:00+00:00",
        "target": "replica",
    }
    [log_out] = line["log_outs"]
    assert log_out == {
        "action": "log out one",
        "clicked": STARTED.replace(".000", ""),
        "delay_s": [1.7, None],
        "verdict": "undetermined",
        "usable": True,
    }


def test_only_runs_that_are_over_and_older_go(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        made_up(number).put(tmp_path)
    file = RunFile(tmp_path, Redactor())
    try:
        runs = read_history(tmp_path).runs
        old = runs_before(runs, FIRST + timedelta(days=3))
        assert [run.id[-1] for run in old] == ["1", "2"]
        assert file.id not in [run.id for run in runs_before(runs, datetime.now(UTC) + timedelta(days=9999))]
    finally:
        file.close()
