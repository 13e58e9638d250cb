"""Reads runs' files back: what was measured, worked out from the readings as the run itself does it.

A run may have been killed at any moment, and its file damaged since: whatever can be read counts, and what
cannot is told. Every line is checked before it is believed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from afterglow.measurement import (
    Measurement,
    undermining,
)
from afterglow.record import COMPLETE, INTERRUPTED, VERSION, being_written
from afterglow.run_lines import (
    LINE,
    Checked,
    EndLine,
    Line,
    MeasurementLine,
    Noted,
    RunLine,
    SettingsLine,
    Version,
    WatchLine,
)
from afterglow.run_sums import summed_up
from afterglow.settings import WINDOW_S

Valid = TypeVar("Valid", bound=Checked)

EXACT_SINCE = 2
"""The first version whose readings are not rounded."""

LONGEST_HEAD = 1 << 16
"""A first line is a hundred letters long; a foreign file may be one line of gigabytes."""

NAME = re.compile(r"(\d{8}T\d{6}Z)-([0-9a-f]{8})$")
"""What a run's file is called; it tells enough of a run that was killed before its first line."""

NO_END = (
    "the file has no end: the run was killed, or its machine went down. A layer that had not settled by then "
    "was out some time after it was last seen alive"
)

NAMED_LINES = 5
"""So many damaged lines are named; who has more knows what to do with the file."""


class NotARun(Exception):
    """The file cannot be read as a run's. The message is one line that names it, and the reason."""


class RunState(StrEnum):
    """How a run stands. Running is only told where the system can tell it for sure."""

    COMPLETE = COMPLETE
    INTERRUPTED = INTERRUPTED
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class StoredWatch:
    """One watch of a run. `measurement` is None if nothing was logged out, or nothing is known of it.

    started: the click in UTC, ISO 8601. readings: how many the file holds, the controls' included.
    """

    number: int
    action: str
    started: str
    readings: int
    measurement: Measurement | None


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run as its file tells it. `notes` are sentences on what a reader should know of the file itself."""

    id: str
    path: Path
    version: int
    started: datetime
    target: str | None
    window_s: float | None
    state: RunState
    watches: tuple[StoredWatch, ...] = ()
    damaged: tuple[int, ...] = ()
    truncated: bool = False
    notes: tuple[str, ...] = ()

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """What was measured, in order."""
        return tuple(watch.measurement for watch in self.watches if watch.measurement is not None)


def run_files(folder: Path) -> list[Path]:
    """The runs' files in a folder, newest first."""
    return sorted(folder.glob("*.jsonl"), key=lambda path: path.name, reverse=True)


def files_of_run(folder: Path, run_id: str) -> list[Path]:
    """The files of the runs whose id begins like this."""
    found = ((path, NAME.search(path.stem)) for path in run_files(folder))
    return [path for path, name in found if name is not None and name[2].startswith(run_id)]


def read_run(path: Path) -> StoredRun:
    """Read a run's file. Raises NotARun for a file that is none, or that only a newer version can read."""
    held = being_written(path)  # first: a run that ends meanwhile has written its last line by then
    try:
        with path.open("rb") as file:
            first = file.readline(LONGEST_HEAD)
            head = _head(path, first)
            content = first + file.read()
    except OSError as error:
        raise NotARun(f"{path} cannot be read ({error.strerror or error})") from None
    return _Pages(path, head, held).read(content)


def _head(path: Path, first: bytes) -> RunLine:
    """The first line, or what the file's name says of a run whose first line is lost."""
    version = _valid(Version, first)
    if version is not None and version.v > VERSION:
        raise NotARun(
            f"{path} is of format {version.v}, and this Afterglow knows those up to {VERSION}: read it with "
            "a newer one"
        )
    head = _valid(RunLine, first)
    if head is not None:
        return head
    named = NAME.search(path.stem)
    if named is None:
        raise NotARun(f"{path} is not the file of a run: its first line does not say so")
    try:
        started = datetime.strptime(named[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise NotARun(
            f"{path} is not the file of a run: neither its first line nor its name say so"
        ) from None
    return RunLine(kind="run", v=VERSION, id=named[2], utc=started)


def _valid(kind: type[Valid], line: bytes) -> Valid | None:
    try:
        return kind.model_validate_json(line)
    except ValidationError:
        return None


# From lines to watches


@dataclass(slots=True)
class _Pages:
    """Goes through the lines of one file."""

    path: Path
    head: RunLine
    held: bool
    settings: SettingsLine | None = None
    end: EndLine | None = None
    noted: dict[int, Noted] = field(default_factory=dict)
    damaged: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def read(self, content: bytes) -> StoredRun:
        """Read all of it."""
        *lines, tail = content.split(b"\n")
        self.damaged = [number for number, line in enumerate(lines, 1) if not self._take(line)]
        truncated = bool(tail) and not self._take(tail)
        self._tell_of_the_file(truncated)
        return StoredRun(
            id=self.head.id,
            path=self.path,
            version=self.head.v,
            started=self.head.utc,
            target=self.settings.target.value if self.settings and self.settings.target else None,
            window_s=self._window_s,
            state=self._state,
            watches=tuple(self._watch(self.noted[number]) for number in sorted(self.noted) if number),
            damaged=tuple(self.damaged),
            truncated=truncated,
            notes=tuple(self.notes),
        )

    def _take(self, content: bytes) -> bool:
        """Take one line in. Whether it was one of ours, in one piece."""
        try:
            line = LINE.validate_json(content)
        except ValidationError:
            return False
        if isinstance(line, Line):
            line.tell(self.noted.setdefault(line.watch, Noted(line.watch)))
        elif isinstance(line, SettingsLine):
            self.settings = self.settings or line
        elif isinstance(line, EndLine):
            self.end = line
        return True

    def _tell_of_the_file(self, truncated: bool) -> None:
        if self.end is None and not self.held:
            self.notes.append(NO_END)
        if truncated and not self.held:
            self.notes.append("the last line was cut short, and is left out")
        if self.damaged:
            numbers = ", ".join(map(str, self.damaged[:NAMED_LINES]))
            more = ", …" if len(self.damaged) > NAMED_LINES else ""
            what = "line is" if len(self.damaged) == 1 else "lines are"
            self.notes.append(f"{len(self.damaged)} {what} damaged and left out: {numbers}{more}")

    @property
    def _state(self) -> RunState:
        if self.end is not None:
            return RunState(self.end.state)
        return RunState.RUNNING if self.held else RunState.INTERRUPTED

    @property
    def _window_s(self) -> float | None:
        """What the settings say, else what the first watch does."""
        if self.settings is not None and self.settings.revocation_window_s is not None:
            return self.settings.revocation_window_s
        watches = (noted.watch for noted in self.noted.values())
        watched_s = next((watch.window_s for watch in watches if watch is not None), None)
        by_default_s = WINDOW_S[self.settings.target] if self.settings and self.settings.target else None
        return watched_s or by_default_s

    def _watch(self, noted: Noted) -> StoredWatch:
        source = noted.watch or noted.said
        started = noted.log_out.utc if noted.log_out else noted.said.started if noted.said else ""
        return StoredWatch(
            number=noted.number,
            action=source.action if source else "log-out",
            started=started,
            readings=sum(map(len, noted.readings.values())),
            measurement=self._measurement(noted, source),
        )

    def _measurement(self, noted: Noted, source: WatchLine | MeasurementLine | None) -> Measurement | None:
        """The measurement, from the best that there is to make it of."""
        seen = summed_up(noted, rounded=self.head.v < EXACT_SINCE)
        window_s = source.window_s if source else self._window_s
        if seen is None or not seen.doors or window_s is None:
            return None
        measurement = Measurement(
            action=source.action if source else "log-out",
            window_s=window_s,
            moments=seen.moments,
            layers=seen.doors,
            controls=seen.controls,
            undermined=undermining(seen.controls),
            interrupted=noted.said.interrupted if noted.said else self._state is RunState.INTERRUPTED,
            clocks=seen.clocks,
            absent=(*(each.absent() for each in noted.watch.absent), *seen.absent) if noted.watch else (),
            gaps=tuple(noted.gaps),
        )
        self.notes += [f"watch {noted.number} ({measurement.action}): {note}" for note in seen.notes]
        return noted.said.complete(measurement) if noted.said else measurement
