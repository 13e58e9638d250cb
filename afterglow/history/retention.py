"""What is old enough to go, and its removal: nothing goes before a line in `removed.jsonl` says what it was.

Reports of nights can be removed by a nightly run; the runs' files, which are what was measured, only by a
person (`afterglow runs prune --yes`).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.filesize import decimal

from afterglow.history.past import PastLogOut, PastRun
from afterglow.measurement import Json, delay_json
from afterglow.runs import RunState

NIGHTS, REPORT = "nights", "index.html"

REMOVED = "removed.jsonl"
"""Beside what was removed: when, which, how large, and of a run what it had measured."""


@dataclass(frozen=True, slots=True)
class Removal:
    """A file or folder that is to go. what: in words. told: what is left of it in `removed.jsonl`."""

    path: Path
    what: str
    told: Json = field(default_factory=dict)

    @property
    def size(self) -> int:
        """In bytes, with all that is in it."""
        return _size(self.path)


def outdated_reports(reports: Path, keep_days: int, now: datetime) -> list[Path]:
    """The folders of the nights whose report is older than that, oldest first."""
    return reports_before(reports, now - timedelta(days=keep_days))


def reports_before(reports: Path, moment: datetime) -> list[Path]:
    """The folders of the nights whose report was built before that moment, oldest first."""
    built = ((_built(report), report.parent) for report in (reports / NIGHTS).glob(f"*/{REPORT}"))
    return [night for at, night in sorted(built) if at < moment]


def runs_before(runs: Iterable[PastRun], moment: datetime) -> list[PastRun]:
    """The runs that began before that moment and are over, oldest first."""
    over = (run for run in runs if run.started < moment and run.state != RunState.RUNNING)
    return sorted(over, key=lambda run: (run.started, run.path.name))


def remove(paths: Iterable[Path], reports: Path) -> list[str]:
    """Remove the reports of these nights; a sentence for each. Raises ValueError for anything else."""
    removals = [removal_of_report(path) for path in paths]
    if strange := [each.path for each in removals if each.path.parent != reports / NIGHTS]:
        raise ValueError(f"{strange[0]} is not the folder of a night")
    return list(remove_all(removals, reports))


def removal_of_report(night: Path) -> Removal:
    """The report of a night."""
    return Removal(night, "the report of a night")


def removal_of_run(run: PastRun) -> Removal:
    """A run's file: what it had measured is kept in brief."""
    log_outs = [_brief(log_out) for log_out in run.log_outs]
    started = run.started.isoformat()
    told: Json = {"run": run.id, "started": started, "target": run.target, "log_outs": log_outs}
    many = "1 log-out" if len(log_outs) == 1 else f"{len(log_outs)} log-outs"
    return Removal(run.path, f"run {run.id}, {many}", told)


def remove_all(removals: Iterable[Removal], reports: Path) -> Iterator[str]:
    """Remove each, after a line says that it goes; a sentence tells of each what became of it."""
    for each in removals:
        name, size = _named(each.path, reports), each.size
        line: Json = {"utc": _now(), "removed": name, "bytes": size, **each.told}
        try:
            _note(reports, line)
        except OSError as error:
            yield f"{name} is kept: {reports / REMOVED} cannot be written ({error.strerror or error})"
            continue
        try:
            _remove(each.path)
        except OSError as error:
            why = error.strerror or str(error)
            yield f"{name} could not be removed ({why}): remove it by hand"
            _note(reports, {"utc": _now(), "not_removed": name, "why": why})
        else:
            yield f"removed {name}: {each.what}, {decimal(size)}"


def _brief(log_out: PastLogOut) -> Json:
    return {
        "action": log_out.action,
        "clicked": log_out.clicked.isoformat(),
        "delay_s": delay_json(log_out.delay),
        "verdict": log_out.verdict.value,
        "usable": log_out.usable,
    }


def _named(path: Path, reports: Path) -> str:
    return str(path.relative_to(reports) if path.is_relative_to(reports) else path)


def _note(reports: Path, line: Json) -> None:
    with (reports / REMOVED).open("a", encoding="utf-8", errors="replace") as file:
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _size(path: Path) -> int:
    within = path.rglob("*") if path.is_dir() else [path]
    return sum(each.lstat().st_size for each in within if each.is_file())


def _built(report: Path) -> datetime:
    return datetime.fromtimestamp(report.stat().st_mtime, UTC)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
