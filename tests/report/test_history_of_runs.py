"""The history that Allure keeps: each run once, from however many machines, and no line costs another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.report.by_hand import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def night(folder: Folder) -> None:
    """A run of its own, in place of the one before."""
    for file in folder.results.glob("*"):
        file.unlink()
    folder.add("log-out", "passed")


def test_the_runs_of_one_night_in_one_folder_count_once(folder: Folder) -> None:
    folder.add("log-out", "passed", parameters=[{"name": "repetition", "value": "1"}])
    folder.build()
    folder.add("log-out", "passed", parameters=[{"name": "repetition", "value": "2"}])
    folder.build()
    (run,) = folder.runs()
    assert len(run["testResults"]) == 2


def test_the_histories_of_two_machines_make_one(folder: Folder) -> None:
    night(folder)
    folder.build()
    shared = folder.history.read_text(encoding="utf-8")
    night(folder)
    folder.build()
    here = folder.history.read_text(encoding="utf-8")
    folder.history.write_text(shared, encoding="utf-8")
    night(folder)
    folder.build()
    there = folder.history.read_text(encoding="utf-8")

    folder.history.write_text(there + here, encoding="utf-8")
    night(folder)
    html = folder.build().html

    stamps = [run["timestamp"] for run in folder.runs()]
    assert len(stamps) == 4
    assert stamps == sorted(stamps)
    assert html.count('d("data/history/') == 3


def test_a_run_that_is_reported_again_counts_once_wherever_its_entry_is(folder: Folder) -> None:
    night(folder)
    folder.build()
    later = {"uuid": "later", "name": "Afterglow", "timestamp": 2_000_000_000_000, "knownTestCaseIds": []}
    with folder.history.open("a", encoding="utf-8") as file:
        file.write(json.dumps({**later, "testResults": {}, "metrics": {}, "url": ""}) + "\n")
    folder.build()
    assert len(folder.runs()) == 2


DAMAGED = (
    b'{"uuid": "1", "testRes',
    b"\x00\xff\xfe",
    b"[1, 2]",
    b'{"uuid": "1", "timestamp": 1, "testResults": [1]}',
    b'{"uuid": "1", "timestamp": 1, "testResults": {"a": 1}}',
    b'{"uuid": "1", "timestamp": 1, "testResults": {}, "x": NaN}',
    b'\xef\xbb\xbf{"uuid": "1", "timestamp": 1, "testResults": {}}',
)


def test_a_damaged_line_costs_neither_the_report_nor_the_runs_beside_it(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    night(folder)
    folder.build()
    (first,) = folder.runs()
    folder.history.write_bytes(
        b"\n".join(DAMAGED[:3]) + b"\n" + folder.history.read_bytes() + b"\n".join(DAMAGED[3:])
    )
    night(folder)
    html = folder.build().html

    assert folder.runs()[0] == first
    assert len(folder.runs()) == 2
    assert html.count('d("data/history/') == 1
    told = (
        "history: 7 damaged lines of history.jsonl put aside into history-damaged.jsonl, which leaves 1 run"
    )
    assert told in capsys.readouterr().out.splitlines()
    aside = (folder.path / "history-damaged.jsonl").read_bytes()
    assert tuple(aside.splitlines()) == DAMAGED


def test_a_last_line_without_its_end_is_read_and_not_run_together_with_the_next(folder: Folder) -> None:
    night(folder)
    folder.build()
    folder.history.write_bytes(folder.history.read_bytes().rstrip(b"\n"))
    night(folder)
    folder.build()
    assert len(folder.runs()) == 2
