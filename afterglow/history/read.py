"""All that the runs' files tell: every run once, oldest first, and which files could not be counted."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from afterglow.history.index import Index, Stamp
from afterglow.history.one_run import read_past_run
from afterglow.history.past import Night, PastRun, nights
from afterglow.runs import NotARun, RunState, run_files
from afterglow.settings import HOME


@dataclass(frozen=True, slots=True)
class History:
    """The runs that are known, oldest first. passed_over: a line for each file that does not count: why."""

    runs: tuple[PastRun, ...] = ()
    passed_over: tuple[str, ...] = ()

    @property
    def nights(self) -> list[Night]:
        """The nights that the runs make, oldest first."""
        return nights(self.runs)

    @property
    def latest_site(self) -> tuple[str, str | None] | None:
        """Target and site of the newest run that tells them."""
        told = ((run.target, run.site) for run in reversed(self.runs) if run.target is not None)
        return next(told, None)

    def of(self, target: str, site: str | None = None) -> History:
        """Only the runs on one site: by default where the target is if nobody says otherwise."""
        at = site or _home(target)
        there = (run for run in self.runs if run.target == target and (run.site or _home(target)) == at)
        return History(tuple(there), self.passed_over)


def _home(target: str) -> str | None:
    """Where a target is if nobody says otherwise."""
    return next((address for known, address in HOME.items() if known == target), None)


@dataclass(frozen=True, slots=True)
class Files:
    """A folder's files: what each of them tells, copies included, and what is wrong with the others."""

    runs: tuple[PastRun, ...]
    wrong: tuple[str, ...]


def read_history(runs_folder: Path) -> History:
    """Read every run of a folder. What is wrong with a file is told, and never raised."""
    files = read_files(runs_folder)
    runs, copies = _each_once(files.runs)
    return History(tuple(runs), (*files.wrong, *copies))


def read_files(runs_folder: Path) -> Files:
    """Read every file of a folder, by its index where that knows it."""
    with _collecting_no_garbage():
        index = Index.of(runs_folder)
        runs: list[PastRun] = []
        wrong: list[str] = []
        for path in run_files(runs_folder):
            try:
                runs.append(_read(path, index))
            except NotARun as error:
                wrong.append(str(error))
        index.save()
    return Files(tuple(runs), tuple(wrong))


def _read(path: Path, index: Index) -> PastRun:
    stamp = Stamp.of(path)
    known = index.get(path, stamp)
    if known is not None:
        return known
    run = read_past_run(path)
    index.put(run, stamp)
    return run


@contextmanager
def _collecting_no_garbage() -> Iterator[None]:
    """All that is made of the files is kept: to look through it again and again takes half of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


# Copies


def _each_once(runs: Iterable[PastRun]) -> tuple[list[PastRun], list[str]]:
    """The runs, oldest first, and what is told of further files of the same run."""
    found: list[PastRun] = []
    told: list[str] = []
    for _, of_one in groupby(sorted(runs, key=_identity), _identity):
        best, *others = sorted(of_one, key=_completeness)
        found.append(best)
        told += [
            f"{each.path} tells of run {best.id} as {best.path.name} does: counted once" for each in others
        ]
    return sorted(found, key=lambda run: (run.started, run.id)), told


def _identity(run: PastRun) -> tuple[object, ...]:
    """What no two runs share. To the second: a file's name, which may be all that is left, says no more."""
    return run.started.replace(microsecond=0), run.id


def _completeness(run: PastRun) -> tuple[object, ...]:
    """Sorts the file first that tells most: of a run that had ended, undamaged, with the most readings."""
    readings = sum(door.readings for log_out in run.log_outs for door in log_out.doors)
    has_ended = run.state != RunState.COMPLETE, len(run.notes)
    return *has_ended, -len(run.log_outs), -readings, run.path.name
