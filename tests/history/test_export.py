"""The history as a table: every column as it was read, in CSV and in Parquet alike."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from afterglow.history.export import SHAPES, What, write_table
from afterglow.history.past import PastRun
from afterglow.history.read import read_history
from tests.history.nights import doors_of, made_up
from tests.instrument.made_up_runs import GONE, STILL_IN


@pytest.fixture
def runs(tmp_path: Path) -> tuple[PastRun, ...]:
    """Two runs, of which one was killed."""
    folder = tmp_path / "runs"
    made_up(1, night="20261121T021500Z-1a2b", repetition=3).put(folder)
    made_up(2, doors_of(GONE, STILL_IN)).killed().put(folder)
    return read_history(folder).runs


def in_parquet(path: Path) -> list[dict[str, Any]]:
    """The rows of a Parquet file."""
    found = duckdb.connect().execute("select * from read_parquet(?)", [str(path)])
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def in_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, as texts."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_of_the_table_is_a_door_with_all_that_is_known_of_it(
    runs: tuple[PastRun, ...], tmp_path: Path
) -> None:
    """Where no end was seen, the upper end is empty, and `censored` says so."""
    assert write_table(runs, tmp_path / "doors.parquet") == 4
    session, access, *_ = in_parquet(tmp_path / "doors.parquet")
    assert session == {
        "run": "00000001",
        "night": "20261121T021500Z-1a2b",
        "repetition": 3,
        "machine": "0badcafe",
        "browser": "chromium 156.0.7000.1",
        "target": "replica",
        "site": None,
        "run_state": "complete",
        "run_started_utc": datetime(2026, 11, 21, 2, 15),  # noqa: DTZ001 - as the table has it
        "log_out": 1,
        "action": "log out one",
        "clicked_utc": datetime(2026, 11, 21, 15, 4, 1),  # noqa: DTZ001
        "window_s": 8.0,
        "usable": True,
        "why": "secondary access outlived the log-out by over 1.70 s",
        "session": "secondary",
        "layer": "session",
        "surface": "ChatGPT",
        "lower_s": 0.9,
        "upper_s": 1.5043,
        "censored": False,
        "verdict": "within",
        "flaps": 0,
        "readings": 35,
        "unknowns": 0,
        "session_age_s": 12.5,
        "token_age_s": None,
        "file": "20261121T021500Z-00000001.jsonl",
    }
    assert (access["layer"], access["lower_s"], access["upper_s"]) == ("access", 1.7, None)
    assert (access["censored"], access["verdict"]) == (True, "undetermined")


def test_a_csv_file_says_the_same(runs: tuple[PastRun, ...], tmp_path: Path) -> None:
    """Times with their Z, and nothing where nothing is known."""
    write_table(runs, tmp_path / "doors.csv")
    write_table(runs, tmp_path / "doors.parquet")
    for text, row in zip(in_csv(tmp_path / "doors.csv"), in_parquet(tmp_path / "doors.parquet"), strict=True):
        assert text["clicked_utc"] == row["clicked_utc"].isoformat(timespec="microseconds") + "Z"
        assert text["upper_s"] == ("" if row["upper_s"] is None else str(row["upper_s"]))
        assert (text["usable"], text["censored"]) == ("true", str(row["censored"]).lower())
        assert text["layer"] == row["layer"]


def test_a_row_may_be_a_log_out_or_a_run(runs: tuple[PastRun, ...], tmp_path: Path) -> None:
    assert write_table(runs, tmp_path / "a.parquet", What.LOG_OUTS) == 2
    log_out = in_parquet(tmp_path / "a.parquet")[0]
    assert (log_out["lower_s"], log_out["upper_s"], log_out["verdict"]) == (1.7, None, "undetermined")
    assert (log_out["doors"], log_out["flaps"], log_out["unknowns"]) == (2, 2, 1)
    assert write_table(runs, tmp_path / "b.parquet", What.RUNS) == 2
    whole, killed = in_parquet(tmp_path / "b.parquet")
    assert json.loads(whole["telemetry"])["requests"] == 812
    assert (whole["log_outs"], whole["notes"]) == (1, None)
    assert killed["run_state"] == "interrupted"
    assert killed["notes"].startswith("the file has no end")


@pytest.mark.parametrize("what", What)
@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".CSV"])
def test_no_runs_make_a_table_without_rows(tmp_path: Path, what: What, suffix: str) -> None:
    """Its columns are there."""
    path = tmp_path / f"none{suffix}"
    assert write_table([], path, what) == 0
    if suffix == ".csv":
        assert path.read_text().strip().split(",") == list(SHAPES[what].columns)
    if suffix == ".parquet":
        assert in_parquet(path) == []


def test_a_verdict_that_does_not_stand_is_not_exported(tmp_path: Path) -> None:
    whole = made_up(1, doors_of(GONE))
    said = whole.content.replace(b'"undermined": null', b'"undermined": "the control died"')
    whole.changed(said).put(tmp_path / "runs")
    write_table(read_history(tmp_path / "runs").runs, tmp_path / "doors.parquet")
    [row] = in_parquet(tmp_path / "doors.parquet")
    assert (row["usable"], row["verdict"], row["upper_s"]) == (False, "undetermined", 1.5043)


def test_what_was_there_is_replaced_whole_or_stays(
    runs: tuple[PastRun, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody meets half a table, not even who reads the old one; nothing is left of an attempt."""
    path = tmp_path / "doors [*].csv"
    path.write_text("as it was")
    before = sorted(each.name for each in tmp_path.iterdir())

    def breaks(*_: object) -> None:
        raise duckdb.IOException("No space left on device\nmore")

    with monkeypatch.context() as broken:
        broken.setattr("afterglow.history.export._save", breaks)
        with pytest.raises(OSError, match=r"^No space left on device$"):
            write_table(runs, path)
    assert path.read_text() == "as it was"
    assert sorted(each.name for each in tmp_path.iterdir()) == before
    reader = path.open()
    write_table(runs, path)
    with reader:
        assert reader.read() == "as it was"
    assert len(in_csv(path)) == 4
    assert sorted(each.name for each in tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["doors.xlsx", "doors", "doors.csv.gz"])
def test_a_name_that_tells_of_no_table_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"ends in none of \.csv, \.parquet"):
        write_table([], tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_texts_come_through_as_they_are(tmp_path: Path) -> None:
    """Quotes, commas, line ends, umlauts, and what no file name should have."""
    why = 'he said "no", then\nü\x00🦉'
    run = read_one(tmp_path, why)
    write_table([run], tmp_path / "a.csv")
    write_table([run], tmp_path / "a.parquet")
    assert {row["why"] for row in in_csv(tmp_path / "a.csv")} == {why}
    assert {row["why"] for row in in_parquet(tmp_path / "a.parquet")} == {why}


def read_one(folder: Path, why: str) -> PastRun:
    """A run that gives this reason."""
    whole = made_up(1)
    was = b'"why_undetermined": "secondary access outlived the log-out by over 1.70 s"'
    assert was in whole.content
    said = whole.content.replace(was, f'"why_undetermined": {json.dumps(why)}'.encode())
    whole.changed(said).put(folder / "runs")
    [run] = read_history(folder / "runs").runs
    assert run.log_outs[0].why == why
    return run
