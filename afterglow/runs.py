"""Reads runs' files back: what was measured, worked out from the readings as the run itself does it.

A run may have been killed at any moment, and its file damaged since: whatever can be read counts, and what
cannot is told. Every line is checked before it is believed.
"""

from __future__ import annotations

import math
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from afterglow.clock import Gap
from afterglow.conductor import Lane, Role
from afterglow.delay import Interval
from afterglow.measurement import (
    Absent,
    Age,
    Control,
    LayerResult,
    Measurement,
    delay_json,
    layer_result,
    undermining,
    watched_by,
)
from afterglow.readings import Answer, Moments, Reading, State
from afterglow.record import COMPLETE, INTERRUPTED, VERSION, being_written
from afterglow.schedule import Schedule
from afterglow.settings import WINDOW_S, Target
from afterglow.watch import LayerWatch, Patience

EXACT_SINCE = 2
"""The first version whose readings are not rounded."""

ROUNDED_S = 0.5e-6
"""What the rounding before may have cost: an interval is widened by it, so that it still holds the truth."""

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


# The lines, checked

Seconds = Annotated[float, Field(ge=0, le=1e12)]
Positive = Annotated[float, Field(gt=0, le=1e12)]
Number = Annotated[float, Field(ge=-1e12, le=1e12)]
Count = Annotated[int, Field(ge=0, le=10**9)]


@dataclass(slots=True)
class _Noted:
    """What the lines say of one watch."""

    number: int
    watch: _WatchLine | None = None
    lanes: list[_Lane] = field(default_factory=list)
    log_out: _LogOutLine | None = None
    said: _MeasurementLine | None = None
    readings: dict[tuple[str, str], list[Reading]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    lost: dict[tuple[str, str], str] = field(default_factory=dict)


class _Checked(BaseModel):
    model_config = ConfigDict(frozen=True)


Checked = TypeVar("Checked", bound=_Checked)


class _Line(_Checked):
    """A line on one watch."""

    watch: Count

    def tell(self, noted: _Noted) -> None:
        """Add what the line says. Where two lines contradict each other, the first one counts."""
        raise NotImplementedError


class _RunLine(_Checked):
    kind: Literal["run"]
    v: Annotated[int, Field(ge=1)]
    id: str = "unknown"
    utc: AwareDatetime


class _SettingsLine(_Checked):
    kind: Literal["settings"]
    target: Target | None = None
    revocation_window_s: Positive | None = None


class _Patience(_Checked):
    quiet_s: Seconds
    grace_s: Seconds
    chance: Annotated[float, Field(ge=1e-12, lt=1)] | None
    refusals: Annotated[int, Field(ge=1, le=10**6)]
    assumed_edges: Annotated[int, Field(ge=1, le=10**6)]


class _Lane(_Checked):
    session: str
    layer: str
    role: Role
    window_s: Positive
    floor_s: Positive
    patience: _Patience
    stream: bool = False

    def lane(self, moments: Moments, readings: list[Reading], lost: str | None) -> Lane:
        """The lane of the run, given the same readings once more."""
        schedule = Schedule(self.window_s, floor_s=self.floor_s)
        patience = Patience(**self.patience.model_dump())
        watch = LayerWatch(self.session, self.layer, schedule, patience, moments, readings=readings)
        return Lane(watch, _NoStream() if self.stream else _Nobody(), role=self.role, lost=lost)


class _Nobody:
    """Stands where a probe was: nothing is asked again."""

    async def ask(self) -> Answer:
        """Nothing to ask."""
        raise NotImplementedError


class _NoStream:
    """The same for a probe that listened."""

    def follow(self) -> AsyncIterator[Answer]:
        """Nothing to listen to."""
        raise NotImplementedError


class _SaidAbsent(_Checked):
    session: str
    layer: str
    why: str

    def absent(self) -> Absent:
        """The same as a part of a measurement."""
        return Absent(self.session, self.layer, self.why)


class _WatchLine(_Line):
    kind: Literal["watch"]
    action: str
    window_s: Positive
    ended: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    lanes: tuple[_Lane, ...] = ()
    absent: tuple[_SaidAbsent, ...] = ()

    def tell(self, noted: _Noted) -> None:
        """What is watched."""
        noted.watch = noted.watch or self
        noted.lanes.extend(self.lanes)


class _LanesLine(_Line):
    kind: Literal["lanes"]
    lanes: tuple[_Lane, ...]

    def tell(self, noted: _Noted) -> None:
        """What joined it later."""
        noted.lanes.extend(self.lanes)


class _LostLine(_Line):
    kind: Literal["lost"]
    session: str
    layer: str
    why: str

    def tell(self, noted: _Noted) -> None:
        """What could not be looked at any more."""
        noted.lost.setdefault((self.session, self.layer), self.why)


class _LogOutLine(_Line):
    kind: Literal["log-out"]
    utc: str
    clicked_s: Seconds
    requested_s: Seconds | None
    acknowledged_s: Seconds

    def tell(self, noted: _Noted) -> None:
        """When the log-out happened."""
        noted.log_out = noted.log_out or self


class _ReadingLine(_Line):
    kind: Literal["reading"]
    session: str
    layer: str
    sent_s: Seconds
    received_s: Seconds
    state: State
    code: str

    def tell(self, noted: _Noted) -> None:
        """One reading, in the order in which they came."""
        reading = Reading(self.session, self.layer, self.sent_s, self.received_s, self.state, self.code)
        noted.readings.setdefault((self.session, self.layer), []).append(reading)


class _GapLine(_Line):
    kind: Literal["gap"]
    from_s: Seconds
    to_s: Seconds
    why: str

    def tell(self, noted: _Noted) -> None:
        """When nobody could look."""
        noted.gaps.append(Gap(self.from_s, self.to_s, self.why))


class _SaidLayer(_Checked):
    """A layer as the run itself summed it up."""

    session: str
    layer: str
    delay_s: tuple[Seconds, Seconds | None]
    first_refusal_s: Number | None = None
    confirmed_s: Number | None = None
    flaps: Count = 0
    unknowns: Count = 0
    codes: tuple[str, ...] = ()
    residual_chance: Annotated[float, Field(ge=0, le=1)] | None = None
    renewals: Count = 0
    stopped: str | None = None

    def result(self, window_s: float, readings: Iterable[Reading]) -> LayerResult:
        """The same as a result."""
        lower_s, upper_s = self.delay_s
        delay = Interval(lower_s, math.inf if upper_s is None else max(lower_s, upper_s))
        return LayerResult(
            session=self.session,
            layer=self.layer,
            delay=delay,
            verdict=delay.verdict(window_s),
            first_refusal_s=self.first_refusal_s,
            confirmed_s=self.confirmed_s,
            flaps=self.flaps,
            unknowns=self.unknowns,
            codes=self.codes,
            residual_chance=self.residual_chance,
            readings=tuple(readings),
            renewals=self.renewals,
            stopped=self.stopped,
        )


class _SaidControl(_Checked):
    session: str
    died: bool


class _SaidAge(_Checked):
    session: Number | None = None
    token: Number | None = None


class _MeasurementLine(_Line):
    """What the run made of a watch, with the facts that no reading tells."""

    kind: Literal["measurement"]
    action: str
    started: str
    window_s: Positive
    interrupted: bool = False
    clicked_to_acknowledged_s: Seconds = 0.0
    layers: tuple[_SaidLayer, ...] = ()
    clocks: tuple[_SaidLayer, ...] = ()
    controls: tuple[_SaidControl, ...] = ()
    ages_s: Mapping[str, _SaidAge] = Field(default_factory=dict)
    not_applicable: tuple[_SaidAbsent, ...] = ()
    requests: Mapping[str, Count] = Field(default_factory=dict)
    request_budget: Count | None = None
    probe_pattern: str = "all"

    def tell(self, noted: _Noted) -> None:
        """What was made of it."""
        noted.said = noted.said or self

    def complete(self, measurement: Measurement) -> Measurement:
        """The measurement with what no reading tells."""
        told = {(each.session, each.layer): each for each in (*self.layers, *self.clocks)}

        def completed(results: tuple[LayerResult, ...]) -> tuple[LayerResult, ...]:
            return tuple(
                replace(result, renewals=said.renewals, stopped=said.stopped)
                if (said := told.get((result.session, result.layer)))
                else result
                for result in results
            )

        return replace(
            measurement,
            layers=completed(measurement.layers),
            clocks=completed(measurement.clocks),
            ages={name: Age(age.session, age.token) for name, age in self.ages_s.items()},
            absent=tuple(each.absent() for each in self.not_applicable),
            requests=self.requests,
            budget=self.request_budget,
            pattern=self.probe_pattern,
        )


class _EndLine(_Checked):
    kind: Literal["end"]
    state: Literal["complete", "interrupted"] = "complete"


_Known = (
    _RunLine
    | _SettingsLine
    | _WatchLine
    | _LanesLine
    | _LostLine
    | _LogOutLine
    | _ReadingLine
    | _GapLine
    | _MeasurementLine
    | _EndLine
)

LINE: TypeAdapter[_Known] = TypeAdapter(Annotated[_Known, Field(discriminator="kind")])


class _Version(_Checked):
    kind: Literal["run"]
    v: int


def _head(path: Path, first: bytes) -> _RunLine:
    """The first line, or what the file's name says of a run whose first line is lost."""
    version = _valid(_Version, first)
    if version is not None and version.v > VERSION:
        raise NotARun(
            f"{path} is of format {version.v}, and this Afterglow knows those up to {VERSION}: read it with "
            "a newer one"
        )
    head = _valid(_RunLine, first)
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
    return _RunLine(kind="run", v=VERSION, id=named[2], utc=started)


def _valid(kind: type[Checked], line: bytes) -> Checked | None:
    try:
        return kind.model_validate_json(line)
    except ValidationError:
        return None


# From lines to watches


@dataclass(slots=True)
class _Pages:
    """Goes through the lines of one file."""

    path: Path
    head: _RunLine
    held: bool
    settings: _SettingsLine | None = None
    end: _EndLine | None = None
    noted: dict[int, _Noted] = field(default_factory=dict)
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
        if isinstance(line, _Line):
            line.tell(self.noted.setdefault(line.watch, _Noted(line.watch)))
        elif isinstance(line, _SettingsLine):
            self.settings = self.settings or line
        elif isinstance(line, _EndLine):
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

    def _watch(self, noted: _Noted) -> StoredWatch:
        source = noted.watch or noted.said
        started = noted.log_out.utc if noted.log_out else noted.said.started if noted.said else ""
        return StoredWatch(
            number=noted.number,
            action=source.action if source else "log-out",
            started=started,
            readings=sum(map(len, noted.readings.values())),
            measurement=self._measurement(noted, source),
        )

    def _measurement(self, noted: _Noted, source: _WatchLine | _MeasurementLine | None) -> Measurement | None:
        """The measurement, from the best that there is to make it of."""
        seen = _seen(noted, rounded=self.head.v < EXACT_SINCE)
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


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen in one watch after its log-out."""

    moments: Moments
    doors: tuple[LayerResult, ...]
    clocks: tuple[LayerResult, ...]
    controls: tuple[Control, ...]
    absent: tuple[Absent, ...] = ()
    notes: tuple[str, ...] = ()


def _seen(noted: _Noted, *, rounded: bool) -> _Seen | None:
    """Sum up a watch: exactly where the file tells how it was made, else by what the run said of it.

    Where neither is known, nothing is taken as settled.
    """
    if noted.log_out is not None and noted.lanes:
        return _as_watched(noted, _moments(noted.log_out))
    if noted.said is not None:
        return _as_said(noted, noted.said)
    if noted.log_out is not None:
        return _still_open(noted, _moments(noted.log_out), rounded=rounded)
    return None


def _moments(line: _LogOutLine) -> Moments:
    return Moments(line.clicked_s, line.requested_s, line.acknowledged_s)


def _as_watched(noted: _Noted, moments: Moments) -> _Seen:
    """The lanes of the run, given the same readings once more."""
    unclaimed, lost = dict(noted.readings), _lost(noted)
    lanes = [
        lane.lane(moments, unclaimed.pop(key, []), lost.get(key))
        for lane in noted.lanes
        for key in [(lane.session, lane.layer)]
    ]
    watched = watched_by(lanes)
    notes = [
        f"{len(readings)} readings of {session} {layer} are left out: nothing tells how it was watched"
        for (session, layer), readings in unclaimed.items()
    ]
    return _Seen(
        moments=moments,
        doors=watched.doors,
        clocks=watched.clocks,
        controls=watched.controls,
        absent=watched.lost,
        notes=(*notes, *_differences(noted, watched.doors)),
    )


def _lost(noted: _Noted) -> dict[tuple[str, str], str]:
    """Why some lanes had nothing left to look at: as the run noted it, or as it summed it up."""
    said = noted.said.not_applicable if noted.said else ()
    return {(each.session, each.layer): each.why for each in said} | noted.lost


def _differences(noted: _Noted, doors: Iterable[LayerResult]) -> Iterator[str]:
    """Where the readings no longer say what the run had found in them."""
    said = {(each.session, each.layer): each for each in noted.said.layers} if noted.said else {}
    for door in doors:
        was = said.get((door.session, door.layer))
        if was is not None and list(was.delay_s) != delay_json(door.delay):
            then = was.result(1.0, ()).delay
            yield f"the run had found {then} for {door.session} {door.layer}: its readings are not all here"


def _as_said(noted: _Noted, said: _MeasurementLine) -> _Seen:
    """What the run itself made of its readings."""
    log_out = noted.log_out
    return _Seen(
        moments=_moments(log_out) if log_out else Moments(0.0, 0.0, said.clicked_to_acknowledged_s),
        doors=tuple(
            each.result(said.window_s, noted.readings.get((each.session, each.layer), ()))
            for each in said.layers
        ),
        clocks=tuple(each.result(said.window_s, ()) for each in said.clocks),
        controls=tuple(
            Control(each.session, _of_session(noted, each.session), each.died) for each in said.controls
        ),
    )


def _still_open(noted: _Noted, moments: Moments, *, rounded: bool) -> _Seen:
    """Every layer outlived the log-out at least until it was last seen alive."""
    controls = noted.watch.controls if noted.watch else ()
    # no time is quiet enough: how much would have been, nobody knows any more
    patience = Patience(quiet_s=math.inf, grace_s=0.0)
    schedule = Schedule(noted.watch.window_s if noted.watch else 1.0)
    doors = [
        LayerWatch(session, layer, schedule, patience, moments, _widened(readings) if rounded else readings)
        for (session, layer), readings in noted.readings.items()
        if session not in controls
    ]
    return _Seen(
        moments=moments,
        doors=tuple(map(layer_result, doors)),
        clocks=(),
        controls=tuple(Control(session, _of_session(noted, session), died=False) for session in controls),
        notes=("nothing tells how its layers were watched, so that none is taken as settled",),
    )


def _of_session(noted: _Noted, session: str) -> tuple[Reading, ...]:
    found = (reading for (whose, _), many in noted.readings.items() if whose == session for reading in many)
    return tuple(sorted(found, key=lambda reading: reading.received_s))


def _widened(readings: Iterable[Reading]) -> list[Reading]:
    return [
        replace(each, sent_s=each.sent_s - ROUNDED_S, received_s=each.received_s + ROUNDED_S)
        for each in readings
    ]
