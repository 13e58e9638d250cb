"""Reads runs' files back: what was measured, worked out from the readings as the run itself does it.

A run may have been killed at any moment, and its file damaged since: whatever can be read counts, and what
cannot is told. Every line is checked before it is believed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from afterglow.measurement import Measurement, undermining
from afterglow.record import COMPLETE, INTERRUPTED, VERSION, being_written
from afterglow.run_lines import (
    LINE,
    BrowserLine,
    Checked,
    EndLine,
    Line,
    MachineLine,
    MeasurementLine,
    Noted,
    RunLine,
    SettingsLine,
    TelemetryLine,
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

HEAD = b'{"kind": "run", '
"""How a run's first line begins, and none of the others."""

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
    """One run as its file tells it. `notes` are sentences on what a reader should know of the file itself.

    site: its address if it was given one, else its target's; None if the run started it itself. machine: a
    name that tells machines apart. browser: name and version. None stands for what the file does not tell.
    """

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
    site: str | None = None
    night: str | None = None
    repetition: int | None = None
    machine: str | None = None
    browser: str | None = None
    telemetry: Mapping[str, object] = field(default_factory=dict)

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
    return worked_out(opened(path))


@dataclass(frozen=True, slots=True)
class Opened:
    """A run's file, read but for its meaning. held: its run goes on."""

    path: Path
    head: RunLine
    content: bytes
    held: bool


def opened(path: Path) -> Opened:
    """Read a file as far as it takes to tell that it is a run's. Raises NotARun."""
    if path.is_fifo():
        raise NotARun(f"{path} is not the file of a run: it is a pipe")  # and might never end
    held = being_written(path)  # first: a run that ends meanwhile has written its last line by then
    try:
        with path.open("rb") as file:
            first = file.readline(LONGEST_HEAD)
            head = _head(path, first)
            rest = file.read()
    except OSError as error:
        raise NotARun(f"{path} cannot be read ({error.strerror or error})") from None
    if rest.startswith(HEAD) or b"\n" + HEAD in rest:
        raise NotARun(f"{path} holds more than one run: let each have a file of its own")
    return Opened(path, head, first + rest, held)


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


def worked_out(file: Opened) -> StoredRun:
    """What the readings of a run's file say, by the sums of the run itself."""
    pages = Pages(file)
    *lines, tail = file.content.split(b"\n")
    pages.damaged = [number for number, line in enumerate(lines, 1) if not pages.take(line)]
    pages.truncated = bool(tail) and not pages.take(tail)
    return pages.stored(tuple(pages.watch(pages.noted[number]) for number in sorted(pages.noted) if number))


@dataclass(slots=True)
class Pages:
    """What the lines of one file say, taken in one by one. Of two that say the same, the first one counts."""

    file: Opened
    once: dict[type[Checked], Checked] = field(default_factory=dict)
    noted: dict[int, Noted] = field(default_factory=dict)
    damaged: list[int] = field(default_factory=list)
    truncated: bool = False
    notes: list[str] = field(default_factory=list)

    def take(self, content: bytes) -> bool:
        """Take one line in. Whether it was one of ours, in one piece."""
        try:
            line = LINE.validate_json(content)
        except ValidationError:
            return False
        if isinstance(line, Line):
            line.tell(self.noted.setdefault(line.watch, Noted(line.watch)))
        else:
            self.once.setdefault(type(line), line)
        return True

    def said(self, kind: type[Valid]) -> Valid | None:
        """The line of a kind of which a run writes one."""
        line = self.once.get(kind)
        return line if isinstance(line, kind) else None

    def stored(self, watches: tuple[StoredWatch, ...] = ()) -> StoredRun:
        """The run, with these watches."""
        head, told = self.file.head, self.said(SettingsLine)
        machine, browser, cost = self.said(MachineLine), self.said(BrowserLine), self.said(TelemetryLine)
        target = told.target if told else None
        return StoredRun(
            id=head.id,
            path=self.file.path,
            version=head.v,
            started=head.utc.astimezone(UTC),
            target=target.value if target else None,
            window_s=self._window_s,
            state=self._state,
            watches=watches,
            damaged=tuple(self.damaged),
            truncated=self.truncated,
            notes=(*self._of_the_file(), *self.notes),
            site=told.site if told else None,
            night=told.night if told else None,
            repetition=told.repetition if told else None,
            machine=machine.machine if machine else None,
            browser=f"{browser.name} {browser.version}" if browser else None,
            telemetry=cost.fields if cost else {},
        )

    def _of_the_file(self) -> Iterator[str]:
        if self.said(EndLine) is None and not self.file.held:
            yield NO_END
        if self.truncated and not self.file.held:
            yield "the last line was cut short, and is left out"
        if self.damaged:
            numbers = ", ".join(map(str, self.damaged[:NAMED_LINES]))
            more = ", …" if len(self.damaged) > NAMED_LINES else ""
            what = "line is" if len(self.damaged) == 1 else "lines are"
            yield f"{len(self.damaged)} {what} damaged and left out: {numbers}{more}"

    @property
    def _state(self) -> RunState:
        if end := self.said(EndLine):
            return RunState(end.state)
        return RunState.RUNNING if self.file.held else RunState.INTERRUPTED

    @property
    def _window_s(self) -> float | None:
        """What the settings say, else what the first watch does."""
        told = self.said(SettingsLine)
        if told is not None and told.revocation_window_s is not None:
            return told.revocation_window_s
        noted = (each.watch or each.said for each in self.noted.values())
        watched_s = next((line.window_s for line in noted if line is not None), None)
        by_default_s = WINDOW_S[told.target] if told and told.target else None
        return watched_s or by_default_s

    def watch(self, noted: Noted) -> StoredWatch:
        """One watch, worked out from its readings."""
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
        seen = summed_up(noted, rounded=self.file.head.v < EXACT_SINCE)
        window_s = source.window_s if source else self._window_s
        if seen is None or not seen.doors or window_s is None:
            return None
        said = noted.said if noted.said and noted.said.tells_of_controls else None
        measurement = Measurement(
            action=source.action if source else "log-out",
            window_s=window_s,
            moments=seen.moments,
            layers=seen.doors,
            controls=seen.controls,
            undermined=said.undermined if said else undermining(seen.controls),
            interrupted=noted.said.interrupted if noted.said else self._state is RunState.INTERRUPTED,
            clocks=seen.clocks,
            absent=(*(each.absent() for each in noted.watch.absent), *seen.absent) if noted.watch else (),
            gaps=tuple(noted.gaps),
        )
        self.notes += [f"watch {noted.number} ({measurement.action}): {note}" for note in seen.notes]
        return noted.said.complete(measurement) if noted.said else measurement
