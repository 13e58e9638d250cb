"""The lines of a run's file, each checked before it is believed."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from afterglow.clock import Gap
from afterglow.conductor import Lane, Role
from afterglow.delay import Interval
from afterglow.measurement import (
    Absent,
    Age,
    LayerResult,
    Measurement,
)
from afterglow.readings import Answer, Moments, Reading, State
from afterglow.schedule import Schedule
from afterglow.settings import HOME, Target
from afterglow.watch import LayerWatch, Patience

Seconds = Annotated[float, Field(ge=0, le=1e12)]
Positive = Annotated[float, Field(gt=0, le=1e12)]
Number = Annotated[float, Field(ge=-1e12, le=1e12)]
Count = Annotated[int, Field(ge=0, le=10**9)]
Name = Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z-]{0,39}$")]
"""What may name a file or a folder."""


@dataclass(slots=True)
class Noted:
    """What the lines say of one watch."""

    number: int
    watch: WatchLine | None = None
    lanes: list[LaneNote] = field(default_factory=list)
    log_out: LogOutLine | None = None
    said: MeasurementLine | None = None
    readings: dict[tuple[str, str], list[Reading]] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    lost: dict[tuple[str, str], str] = field(default_factory=dict)


class Checked(BaseModel):
    """Checked, and never changed."""

    model_config = ConfigDict(frozen=True)


class Line(Checked, ABC):
    """A line on one watch."""

    watch: Count

    @abstractmethod
    def tell(self, noted: Noted) -> None:
        """Add what the line says. Where two lines contradict each other, the first one counts."""


class RunLine(Checked):
    """The first line: which run, which format."""

    kind: Literal["run"]
    v: Annotated[int, Field(ge=1)]
    id: Name
    utc: Annotated[
        AwareDatetime, Field(ge=datetime(1970, 1, 2, tzinfo=UTC), le=datetime(9000, 1, 1, tzinfo=UTC))
    ]


class SettingsLine(Checked):
    """What the run was told from outside, as far as it matters here."""

    kind: Literal["settings"]
    target: Target | None = None
    base_url: str | None = None
    revocation_window_s: Positive | None = None
    night: Name | None = None
    repetition: Count | None = None

    @property
    def site(self) -> str | None:
        """Where the site was: as told, else its target's address; None if the run started it itself."""
        address = self.base_url or (HOME.get(self.target) if self.target else None)
        return address.rstrip("/") if address else None


class MachineLine(Checked):
    """Where the run runs. machine: a name that tells machines apart, and tells nothing else."""

    kind: Literal["machine"]
    machine: str
    system: str
    afterglow: str


class BrowserLine(Checked):
    """The browser that stands for the devices."""

    kind: Literal["browser"]
    name: str
    version: str


class TelemetryLine(Checked):
    """What the run cost. Its fields are those of `afterglow/telemetry.py`, and are read there."""

    model_config = ConfigDict(frozen=True, extra="allow")

    kind: Literal["telemetry"]

    @property
    def fields(self) -> Mapping[str, object]:
        """All that it says."""
        return self.model_extra or {}


class PatienceNote(Checked):
    """The patience of one lane."""

    quiet_s: Seconds
    grace_s: Seconds
    chance: Annotated[float, Field(ge=1e-12, lt=1)] | None
    refusals: Annotated[int, Field(ge=1, le=10**6)]
    assumed_edges: Annotated[int, Field(ge=1, le=10**6)]
    opinions: Annotated[int, Field(ge=0, le=10**6)] = 0


class LaneNote(Checked):
    """One lane, as it was set up."""

    session: str
    layer: str
    role: Role
    window_s: Positive
    floor_s: Positive
    patience: PatienceNote
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
        """Nobody must: the answers are in the file."""
        raise RuntimeError("a run that is read back asks nobody")


class _NoStream:
    """The same for a probe that listened."""

    def follow(self) -> AsyncIterator[Answer]:
        """Nobody must listen either."""
        raise RuntimeError("a run that is read back listens to nobody")


class SaidAbsent(Checked):
    """A layer that did not apply."""

    session: str
    layer: str
    why: str

    def absent(self) -> Absent:
        """The same as a part of a measurement."""
        return Absent(self.session, self.layer, self.why)


class WatchLine(Line):
    """A watch begins."""

    kind: Literal["watch"]
    action: str
    window_s: Positive
    ended: tuple[str, ...] = ()
    controls: tuple[str, ...] = ()
    lanes: tuple[LaneNote, ...] = ()
    absent: tuple[SaidAbsent, ...] = ()

    def tell(self, noted: Noted) -> None:
        """What is watched."""
        noted.watch = noted.watch or self
        noted.lanes.extend(self.lanes)


class LanesLine(Line):
    """Lanes that joined a watch."""

    kind: Literal["lanes"]
    lanes: tuple[LaneNote, ...]

    def tell(self, noted: Noted) -> None:
        """What joined it later."""
        noted.lanes.extend(self.lanes)


class LostLine(Line):
    """A lane has nothing left to look at."""

    kind: Literal["lost"]
    session: str
    layer: str
    why: str

    def tell(self, noted: Noted) -> None:
        """What could not be looked at any more."""
        noted.lost.setdefault((self.session, self.layer), self.why)


class LogOutLine(Line):
    """The log-out of a watch."""

    kind: Literal["log-out"]
    utc: str
    clicked_s: Seconds
    requested_s: Seconds | None
    acknowledged_s: Seconds

    def tell(self, noted: Noted) -> None:
        """When the log-out happened."""
        noted.log_out = noted.log_out or self


class ReadingLine(Line):
    """One reading."""

    kind: Literal["reading"]
    session: str
    layer: str
    sent_s: Seconds
    received_s: Seconds
    state: State
    code: str

    def tell(self, noted: Noted) -> None:
        """One reading, in the order in which they came."""
        reading = Reading(self.session, self.layer, self.sent_s, self.received_s, self.state, self.code)
        noted.readings.setdefault((self.session, self.layer), []).append(reading)


class GapLine(Line):
    """A time in which nobody looked."""

    kind: Literal["gap"]
    from_s: Seconds
    to_s: Seconds
    why: str

    def tell(self, noted: Noted) -> None:
        """When nobody could look."""
        noted.gaps.append(Gap(self.from_s, self.to_s, self.why))


class SaidLayer(Checked):
    """A layer as the run itself summed it up."""

    session: str
    layer: str
    delay_s: tuple[Seconds, Seconds | None]
    first_refusal_s: Number | None = None
    confirmed_s: Number | None = None
    flaps: Count = 0
    readings: Count = 0
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


class SaidControl(Checked):
    """What the run said of one control."""

    session: str
    died: bool


class SaidAge(Checked):
    """What the run said of one session's age."""

    session: Number | None = None
    token: Number | None = None


class MeasurementLine(Line):
    """What the run made of a watch, with the facts that no reading tells."""

    kind: Literal["measurement"]
    action: str
    started: str
    window_s: Positive
    why_undetermined: str | None = None
    undermined: str | None = None
    interrupted: bool = False
    clicked_to_acknowledged_s: Seconds = 0.0
    layers: tuple[SaidLayer, ...] = ()
    clocks: tuple[SaidLayer, ...] = ()
    controls: tuple[SaidControl, ...] = ()
    ages_s: Mapping[str, SaidAge] = Field(default_factory=dict)
    not_applicable: tuple[SaidAbsent, ...] = ()
    requests: Mapping[str, Count] = Field(default_factory=dict)
    request_budget: Count | None = None
    probe_pattern: str = "all"

    @property
    def tells_of_controls(self) -> bool:
        """Whether `undermined` was said at all: the first two versions leave it to their readings."""
        return "undermined" in self.model_fields_set

    def tell(self, noted: Noted) -> None:
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


class EndLine(Checked):
    """The last line."""

    kind: Literal["end"]
    state: Literal["complete", "interrupted"] = "complete"


Known = (
    RunLine
    | SettingsLine
    | MachineLine
    | BrowserLine
    | TelemetryLine
    | WatchLine
    | LanesLine
    | LostLine
    | LogOutLine
    | ReadingLine
    | GapLine
    | MeasurementLine
    | EndLine
)

LINE: TypeAdapter[Known] = TypeAdapter(Annotated[Known, Field(discriminator="kind")])


class Version(Checked):
    """The least that a first line says, whatever its format."""

    kind: Literal["run"]
    v: int
