"""The result of one watch: a delay for every layer, every session, and for all devices."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from afterglow.clock import Gap
from afterglow.conductor import Lane, Role
from afterglow.delay import Interval, Verdict, longest
from afterglow.readings import Exchange, Moments, Reading, State
from afterglow.watch import LayerWatch

Json = dict[str, object]

CLOCKS = {"row": "row gone", "notice": "tab noticed"}
"""What each clock times, in a word or two: both let nobody in."""


def clock_name(layer: str) -> str:
    """Such as "seen: row gone": nobody shall take a clock for a door."""
    return f"seen: {CLOCKS.get(layer, layer)}"


def delay_json(interval: Interval) -> list[float | None]:
    """An interval as JSON: [lower, upper], where the upper end is null if no end was seen."""
    lower_s, upper_s = interval.rounded(4)
    return [lower_s, None if math.isinf(upper_s) else upper_s]


@dataclass(frozen=True, slots=True)
class LayerResult:
    """What the watch on one layer found. `delay` is open above if the layer never settled.

    Seconds count from the log-out. `every_edge` contains the moment at which the slowest edge learned of it,
    but for the residual chance; None where no chance is stated. `confirmed_s` is when the last refusal came
    that was needed to settle. `renewals`: how often the site set the session's cookie anew when it was asked.
    `stopped`: why the watch could not go on to its end.
    """

    session: str
    layer: str
    delay: Interval
    verdict: Verdict
    first_refusal_s: float | None
    confirmed_s: float | None
    flaps: int
    unknowns: int
    codes: tuple[str, ...]
    residual_chance: float | None
    readings: tuple[Reading, ...]
    last_alive: Exchange | None = None
    first_refused: Exchange | None = None
    every_edge: Interval | None = None
    renewals: int = 0
    stopped: str | None = None
    last_unknown: Exchange | None = None

    def to_json(self) -> Json:
        """The fields of summary.json; seconds count from the log-out."""
        return {
            "session": self.session,
            "layer": self.layer,
            "delay_s": delay_json(self.delay),
            "first_refusal_s": None if self.first_refusal_s is None else round(self.first_refusal_s, 4),
            "confirmed_s": None if self.confirmed_s is None else round(self.confirmed_s, 4),
            "flaps": self.flaps,
            "readings": len(self.readings),
            "unknowns": self.unknowns,
            "codes": list(self.codes),
            "every_edge_s": None if self.every_edge is None else delay_json(self.every_edge),
            "residual_chance": self.residual_chance,
            "renewals": self.renewals,
            "stopped": self.stopped,
            "verdict": self.verdict.value,
        }


@dataclass(frozen=True, slots=True)
class Absent:
    """A layer that could not be watched, and why: the target lacks it, or it ended by something else."""

    session: str
    layer: str
    why: str

    def to_json(self) -> Json:
        """The fields of summary.json."""
        return {"session": self.session, "layer": self.layer, "why": self.why}


def lane_result(lane: Lane) -> LayerResult:
    """Sum up a lane whose log-out has happened."""
    return replace(
        layer_result(lane.watch),
        last_alive=lane.last_alive,
        first_refused=lane.first_refused,
        last_unknown=lane.last_unknown,
        renewals=lane.renewals,
        stopped=lane.stopped or _left_alone(lane.watch),
    )


def _left_alone(watch: LayerWatch) -> str | None:
    """Why a watch had to end early although nothing stopped it but the site's own wish."""
    if watch.settled or watch.held_until_s <= watch.deadline_s:
        return None
    return "the site asked to be left alone (Retry-After) until after the end"


def layer_result(watch: LayerWatch) -> LayerResult:
    """Sum up a watch whose log-out has happened."""
    assert watch.moments is not None
    readings = tuple(watch.readings)
    found = watch.found
    refused = found.first_refusal
    confirmed = found.last_of_run if watch.settled else None
    codes = Counter(reading.code for reading in readings if reading.state is State.REVOKED)
    return LayerResult(
        session=watch.session,
        layer=watch.layer,
        delay=watch.interval,
        verdict=watch.interval.verdict(watch.schedule.window_s),
        first_refusal_s=refused.received_s - watch.moments.earliest_s if refused else None,
        confirmed_s=confirmed.received_s - watch.moments.earliest_s if confirmed else None,
        flaps=found.flaps,
        unknowns=sum(reading.state is State.UNKNOWN for reading in readings),
        codes=tuple(code for code, _ in codes.most_common()),
        residual_chance=watch.chance if watch.settled else None,
        readings=readings,
        every_edge=watch.every_edge,
    )


@dataclass(frozen=True, slots=True)
class Control:
    """What was seen of a session that had to stay alive."""

    session: str
    readings: tuple[Reading, ...]
    died: bool

    @property
    def refused_last(self) -> bool:
        """Whether the last thing that it was told was a refusal, confirmed or not."""
        told = [reading.state for reading in self.readings if reading.state is not State.UNKNOWN]
        return told[-1:] == [State.REVOKED]

    @property
    def lost(self) -> bool:
        """Whether it was signed out, as far as can be told."""
        return self.died or self.refused_last

    @property
    def seen_alive(self) -> int:
        """How many readings showed it alive."""
        return sum(reading.state is State.ALIVE for reading in self.readings)

    def to_json(self) -> Json:
        """What summary.json says of it."""
        return {
            "session": self.session,
            "readings": len(self.readings),
            "alive": self.seen_alive,
            "died": self.died,
        }


@dataclass(frozen=True, slots=True)
class Age:
    """How old a session and its access token were at the log-out, in seconds; None where not known.

    A delay is often what was left of the token's life, so a night that does not know the age cannot be
    compared with another.
    """

    session_s: float | None
    token_s: float | None

    def to_json(self) -> Json:
        """Rounded to milliseconds."""
        ages = {"session": self.session_s, "token": self.token_s}
        return {name: None if age_s is None else round(age_s, 3) for name, age_s in ages.items()}


@dataclass(frozen=True, slots=True)
class Measurement:
    """One log-out and all that outlived it.

    action: "log out one" or "log out all". layers: the doors, whose delays count. clocks: what was timed
    beside them. absent: the layers that could not be watched. gaps: when nobody could look. requests: what
    the watch cost each session, of the budget. undermined: why the delays may not be used although they were
    read, such as a control that died; None when nothing speaks against them.
    """

    action: str
    window_s: float
    moments: Moments
    layers: tuple[LayerResult, ...]
    controls: tuple[Control, ...] = ()
    ages: Mapping[str, Age] = field(default_factory=dict)
    undermined: str | None = None
    interrupted: bool = False
    clocks: tuple[LayerResult, ...] = ()
    absent: tuple[Absent, ...] = ()
    gaps: tuple[Gap, ...] = ()
    requests: Mapping[str, int] = field(default_factory=dict)
    budget: int | None = None
    pattern: str = "all"

    @property
    def closing_order(self) -> tuple[LayerResult, ...]:
        """The doors in the order in which they closed; those that never did come last."""
        return tuple(sorted(self.layers, key=lambda door: (door.delay.upper_s, door.delay.lower_s)))

    @property
    def sessions(self) -> tuple[str, ...]:
        """The sessions that were ended, in the order in which they were watched."""
        return tuple(dict.fromkeys(layer.session for layer in self.layers))

    def of_session(self, session: str) -> Interval:
        """The delay of one session: the largest over its layers."""
        return longest(layer.delay for layer in self.layers if layer.session == session)

    @property
    def all_devices(self) -> Interval:
        """The delay until every device was signed out."""
        return longest(layer.delay for layer in self.layers)

    def verdict_of(self, delay: Interval) -> Verdict:
        """The verdict on a delay of this measurement; undetermined if the measurement is undermined."""
        return Verdict.UNDETERMINED if self.undermined else delay.verdict(self.window_s)

    @property
    def verdict(self) -> Verdict:
        """The verdict on all devices."""
        return self.verdict_of(self.all_devices)

    def why_undetermined(self) -> str:
        """One sentence on what kept the measurement from a verdict; empty if nothing did."""
        if self.undermined:
            return self.undermined
        if self.interrupted:
            return "the watch was interrupted"
        if not self.layers:
            return "no door was left to watch: see what is not applicable"
        open_ended = [layer for layer in self.layers if layer.verdict is Verdict.UNDETERMINED]
        return "; ".join(_why(layer) for layer in open_ended)

    def layer_json(self, layer: LayerResult) -> Json:
        """One layer's fields; its verdict stands only if the measurement does."""
        return {**layer.to_json(), "verdict": self.verdict_of(layer.delay).value}

    def to_json(self, started: str) -> Json:
        """The whole measurement without its readings. `started` is the click in UTC, ISO 8601."""
        moments = self.moments
        return {
            "action": self.action,
            "started": started,
            "window_s": self.window_s,
            "verdict": self.verdict.value,
            "why_undetermined": self.why_undetermined() or None,
            "undermined": self.undermined,
            "interrupted": self.interrupted,
            "clicked_to_requested_s": (
                None if moments.requested_s is None else round(moments.requested_s - moments.clicked_s, 4)
            ),
            "clicked_to_acknowledged_s": round(moments.acknowledged_s - moments.clicked_s, 4),
            "request_seen": moments.requested_s is not None,
            "ages_s": {name: age.to_json() for name, age in self.ages.items()},
            "layers": [self.layer_json(layer) for layer in self.layers],
            "closing_order": [f"{door.session} {door.layer}" for door in self.closing_order],
            "sessions": [self._delay(self.of_session(name), session=name) for name in self.sessions],
            "all_devices": self.all_devices_json(),
            "controls": [control.to_json() for control in self.controls],
            "clocks": self.clocks_json(),
            "not_applicable": [absent.to_json() for absent in self.absent],
            "gaps": [self._gap_json(gap) for gap in self.gaps],
            "requests": dict(self.requests),
            "request_budget": self.budget,
            "probe_pattern": self.pattern,
            "looking_changed": self.looking_changed(),
        }

    def clocks_json(self) -> list[Json]:
        """The clocks' fields. A clock has no verdict: it is never counted as sign-out."""
        fields = [clock.to_json() for clock in self.clocks]
        return [{name: value for name, value in each.items() if name != "verdict"} for each in fields]

    def looking_changed(self) -> list[str]:
        """What the looking itself did to the sessions, as far as it shows: one sentence each."""
        return [
            f"the site set the cookie of the {each.session} session anew {each.renewals} times when its "
            f"{each.layer} was asked: looking may have kept it alive"
            for each in self.layers
            if each.renewals
        ]

    def _gap_json(self, gap: Gap) -> Json:
        zero_s = self.moments.acknowledged_s
        return {
            "from_s": round(gap.from_s - zero_s, 3),
            "to_s": round(gap.to_s - zero_s, 3),
            "why": gap.why,
        }

    def all_devices_json(self) -> Json:
        """The delay until every device was out, with what it rests on."""
        refusals = [layer.first_refusal_s for layer in self.layers]
        last_first = None if None in refusals else max(filter(None, refusals), default=0.0)
        return {
            **self._delay(self.all_devices, action=self.action),
            "first_refusal_s": None if last_first is None else round(last_first, 4),
            "flaps": sum(layer.flaps for layer in self.layers),
            "readings": sum(len(layer.readings) for layer in self.layers),
            "unknowns": sum(layer.unknowns for layer in self.layers),
        }

    def _delay(self, delay: Interval, **names: str) -> Json:
        return {**names, "delay_s": delay_json(delay), "verdict": self.verdict_of(delay).value}


def _why(layer: LayerResult) -> str:
    """Why one layer has no verdict."""
    name = f"{layer.session} {layer.layer}"
    last = layer.readings[-1] if layer.readings else None
    if last is None:
        return f"{name} was never read"
    if last.state is State.UNKNOWN:
        return f"{name} could not be read at the end ({last.code})"
    if layer.stopped:
        return f"{name} was not watched to the end: {layer.stopped}"
    return f"{name} outlived the log-out by {layer.delay}"


def controls_of(watches: Iterable[LayerWatch]) -> tuple[Control, ...]:
    """Sum up the watches on sessions that had to stay alive."""
    return tuple(Control(watch.session, tuple(watch.readings), watch.settled) for watch in watches)


@dataclass(frozen=True, slots=True)
class Watched:
    """What all the lanes of one log-out found, by what they are for. lost: what went by itself."""

    doors: tuple[LayerResult, ...]
    clocks: tuple[LayerResult, ...]
    controls: tuple[Control, ...]
    lost: tuple[Absent, ...]


def watched_by(lanes: Iterable[Lane]) -> Watched:
    """Sum up every lane of a log-out that has happened."""
    by_role: dict[Role, list[Lane]] = {role: [] for role in Role}
    for lane in lanes:
        by_role[lane.role].append(lane)
    seen = (*by_role[Role.DOOR], *by_role[Role.CLOCK])
    lost = {lane: why for lane in seen if (why := lane.gone) and not lane.watch.settled}
    return Watched(
        doors=tuple(lane_result(lane) for lane in by_role[Role.DOOR] if lane not in lost),
        clocks=tuple(lane_result(lane) for lane in by_role[Role.CLOCK] if lane not in lost),
        controls=controls_of(lane.watch for lane in by_role[Role.CONTROL]),
        lost=tuple(Absent(lane.watch.session, lane.watch.layer, why) for lane, why in lost.items()),
    )


def undermining(controls: Sequence[Control]) -> str | None:
    """What the controls say against a measurement."""
    died = [control.session for control in controls if control.died]
    if died:
        return f"the control {', '.join(died)} was signed out too, although nobody ended it"
    refused = [control.session for control in controls if control.refused_last]
    if refused:
        return f"the control {', '.join(refused)} was being refused when the watch ended"
    blind = [control.session for control in controls if not control.seen_alive]
    return f"the control {', '.join(blind)} was not once seen alive" if blind else None
