"""The history as a table for other programs: CSV or Parquet, with a row for each door, log-out or run.

Times ending in `_utc` are UTC; delays are seconds, `upper_s` empty where no end was seen.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from afterglow.delay import Interval, Verdict
from afterglow.history.past import PastDoor, PastLogOut, PastRun
from afterglow.measurement import Age

if TYPE_CHECKING:
    import duckdb

Row = dict[str, object]

FORMATS = (".csv", ".parquet")
"""How the name of a table's file ends, which says what becomes of it."""

TIME_IN_CSV = "%Y-%m-%dT%H:%M:%S.%fZ"

OF_A_RUN = {
    "run": "VARCHAR",
    "night": "VARCHAR",
    "repetition": "INTEGER",
    "machine": "VARCHAR",
    "browser": "VARCHAR",
    "target": "VARCHAR",
    "site": "VARCHAR",
    "run_state": "VARCHAR",
    "run_started_utc": "TIMESTAMP",
}

OF_A_LOG_OUT = {
    **OF_A_RUN,
    "log_out": "INTEGER",
    "action": "VARCHAR",
    "clicked_utc": "TIMESTAMP",
    "window_s": "DOUBLE",
    "usable": "BOOLEAN",
    "why": "VARCHAR",
}

A_DELAY = {"lower_s": "DOUBLE", "upper_s": "DOUBLE", "censored": "BOOLEAN", "verdict": "VARCHAR"}

ITS_READINGS = {"flaps": "BIGINT", "readings": "BIGINT", "unknowns": "BIGINT"}

OF_A_DOOR = {"session": "VARCHAR", "layer": "VARCHAR", "surface": "VARCHAR"}

AGES = {"session_age_s": "DOUBLE", "token_age_s": "DOUBLE"}

FILE = {"file": "VARCHAR"}


class What(StrEnum):
    """What a row of the table is."""

    DOORS = "doors"
    LOG_OUTS = "log-outs"
    RUNS = "runs"


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of a table with their SQL types, and the rows that a run makes in it."""

    columns: Mapping[str, str]
    rows: Callable[[PastRun], Iterator[Row]]


def write_table(runs: Iterable[PastRun], to: Path, what: What = What.DOORS) -> int:
    """Write the runs to a file, whole or not at all, and tell how many rows it has.

    Raises ValueError for a name that ends in none of FORMATS, OSError where it cannot be written.
    """
    if to.suffix.lower() not in FORMATS:
        raise ValueError(f"{to.name} ends in none of {', '.join(FORMATS)}")
    shape = SHAPES[what]
    rows = (row for run in runs for row in shape.rows(run))
    with TemporaryDirectory() as raw, TemporaryDirectory(dir=to.parent, prefix=".afterglow-") as beside:
        lines, new = Path(raw) / "rows.jsonl", Path(beside) / f"table{to.suffix.lower()}"
        count = _write_down(rows, lines)
        _convert(lines, new, shape.columns)
        new.replace(to)
    return count


def _write_down(rows: Iterable[Row], lines: Path) -> int:
    """As lines of JSON: of Python's own objects, DuckDB takes in nothing faster."""
    count = 0
    with lines.open("w", encoding="utf-8", errors="replace") as file:  # a file's name may be no text
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def _convert(lines: Path, new: Path, columns: Mapping[str, str]) -> None:
    import duckdb  # here, because it takes a tenth of a second

    with duckdb.connect() as connection:
        try:
            table = connection.read_json(str(lines), format="newline_delimited", columns=dict(columns))
            _save(table, new)
        except duckdb.Error as error:
            raise OSError(str(error).partition("\n")[0]) from None


def _save(table: duckdb.DuckDBPyRelation, new: Path) -> None:
    if new.suffix == ".csv":
        table.write_csv(str(new), timestamp_format=TIME_IN_CSV)
    else:
        table.write_parquet(str(new), compression="zstd")


# Rows


def _doors(run: PastRun) -> Iterator[Row]:
    for log_out in run.log_outs:
        for door in log_out.doors:
            yield {
                **_log_out(run, log_out),
                **_door(door),
                **_delay(door.delay, door.delay.verdict(log_out.window_s), log_out),
                **_age(log_out.ages.get(door.session)),
                "file": run.path.name,
            }


def _log_outs(run: PastRun) -> Iterator[Row]:
    for log_out in run.log_outs:
        doors = log_out.doors
        yield {
            **_log_out(run, log_out),
            **_delay(log_out.delay, log_out.verdict, log_out),
            "flaps": sum(door.flaps for door in doors),
            "readings": sum(door.readings for door in doors),
            "unknowns": sum(door.unknowns for door in doors),
            "doors": len(doors),
            "token_age_s": log_out.token_age_s,
            "file": run.path.name,
        }


def _runs(run: PastRun) -> Iterator[Row]:
    yield {
        **_run(run),
        "window_s": run.window_s,
        "log_outs": len(run.log_outs),
        "notes": "; ".join(run.notes) or None,
        "telemetry": json.dumps(dict(run.telemetry)) if run.telemetry else None,
        "file": run.path.name,
    }


SHAPES = {
    What.DOORS: Shape({**OF_A_LOG_OUT, **OF_A_DOOR, **A_DELAY, **ITS_READINGS, **AGES, **FILE}, _doors),
    What.LOG_OUTS: Shape(
        {**OF_A_LOG_OUT, **A_DELAY, **ITS_READINGS, "doors": "INTEGER", "token_age_s": "DOUBLE", **FILE},
        _log_outs,
    ),
    What.RUNS: Shape(
        {
            **OF_A_RUN,
            "window_s": "DOUBLE",
            "log_outs": "INTEGER",
            "notes": "VARCHAR",
            "telemetry": "VARCHAR",
            **FILE,
        },
        _runs,
    ),
}


def _run(run: PastRun) -> Row:
    return {
        "run": run.id,
        "night": run.night,
        "repetition": run.repetition,
        "machine": run.machine,
        "browser": run.browser,
        "target": run.target,
        "site": run.site,
        "run_state": run.state,
        "run_started_utc": _utc(run.started),
    }


def _log_out(run: PastRun, log_out: PastLogOut) -> Row:
    return {
        **_run(run),
        "log_out": log_out.number,
        "action": log_out.action,
        "clicked_utc": _utc(log_out.clicked),
        "window_s": log_out.window_s,
        "usable": log_out.usable,
        "why": log_out.why,
    }


def _door(door: PastDoor) -> Row:
    return {
        "session": door.session,
        "layer": door.layer,
        "surface": door.surface,
        "flaps": door.flaps,
        "readings": door.readings,
        "unknowns": door.unknowns,
    }


def _delay(delay: Interval, verdict: Verdict, log_out: PastLogOut) -> Row:
    """A delay; its verdict stands only if the log-out's measurement does."""
    censored = math.isinf(delay.upper_s)
    return {
        "lower_s": delay.lower_s,
        "upper_s": None if censored else delay.upper_s,
        "censored": censored,
        "verdict": (verdict if log_out.usable else Verdict.UNDETERMINED).value,
    }


def _age(age: Age | None) -> Row:
    return {"session_age_s": age.session_s, "token_age_s": age.token_s} if age else {}


def _utc(moment: datetime) -> str:
    """Without its zone, which the column's name tells: not every reader has zones."""
    return moment.replace(tzinfo=None).isoformat()
