"""Runs that were made up: lanes with the readings that a test wants, and the files that they leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from afterglow.clock import Gap
from afterglow.conductor import Lane, Role
from afterglow.delay import Interval
from afterglow.measurement import Absent, Age, Measurement, controls_of, lane_result, undermining
from afterglow.readings import Answer, Moments, Reading, State
from afterglow.record import RunFile, gap_json, lanes_json, moments_json, reading_json
from afterglow.redaction import Redactor
from afterglow.runs import StoredRun, read_run
from afterglow.schedule import Schedule
from afterglow.watch import LayerWatch, Patience

STARTED = "2026-11-21T15:04:01.000+00:00"
MOMENTS = Moments(10.0, 10.01, 10.1)
PATIENCE = Patience(quiet_s=0.5, grace_s=2.0)
NAME = "20261121T150401Z-0123abcd.jsonl"

TIMES = (9.0, 9.5, 10.5, 11.0, 11.5, 11.6, 11.7, 11.8, 11.9, 12.0)
"""When the lanes of these tests are looked at, and from 12.1 on every 0.1 s."""


class Never:
    """A probe that nobody asks: these lanes are given their readings."""

    async def ask(self) -> Answer:
        """Ask once."""
        raise AssertionError("nobody asks")


def lane(session: str, layer: str, told: str, role: Role = Role.DOOR) -> Lane:
    """A lane with one reading for every letter: alive, revoked or unknown."""
    watch = LayerWatch(session, layer, Schedule(8.0, 0.1), PATIENCE, MOMENTS)
    states = {"a": State.ALIVE, "r": State.REVOKED, "u": State.UNKNOWN}
    for number, letter in enumerate(told):
        at_s = TIMES[number] if number < len(TIMES) else 12.0 + 0.1 * (number - len(TIMES) + 1)
        at_s += 0.7e-6  # what a rounding to microseconds would lift
        code = "" if letter == "a" else "token_revoked" if letter == "r" else "http_503"
        watch.take(Reading(session, layer, at_s, at_s + 1 / 70, states[letter], code))
    return Lane(watch, Never(), role=role)


GONE = "aaaar" + 30 * "r"
STILL_IN = "aaaaraua"


def lanes_of_a_run() -> list[Lane]:
    """Two doors, one of which has settled, a clock and a control."""
    return [
        lane("secondary", "session", GONE),
        lane("secondary", "access", STILL_IN),
        lane("secondary", "presence", "aar" + 40 * "r", Role.CLOCK),
        lane("primary", "session", "aaaa", Role.CONTROL),
    ]


def measured(lanes: Sequence[Lane]) -> Measurement:
    """What a live run makes of its lanes, with everything that no reading tells."""
    controls = controls_of(each.watch for each in lanes if each.control)
    return Measurement(
        action="log out one",
        window_s=8.0,
        moments=MOMENTS,
        layers=tuple(lane_result(each) for each in lanes if each.role is Role.DOOR),
        controls=controls,
        ages={"secondary": Age(12.5, None)},
        undermined=undermining(controls),
        clocks=tuple(lane_result(each) for each in lanes if each.role is Role.CLOCK),
        absent=(Absent("secondary", "stream", "the target has none"),),
        gaps=(Gap(10.6, 10.9, "process not running"),),
        requests={"secondary": 71},
        budget=500,
        pattern="sparse",
    )


Line = tuple[str, Mapping[str, object]]


def watch_lines(lanes: Sequence[Lane]) -> Iterator[Line]:
    """What is written when a watch begins and its log-out is done, the readings and a gap."""
    yield "settings", {"target": "replica", "revocation_window_s": 8.0}
    yield (
        "watch",
        {
            "watch": 1,
            "action": "log out one",
            "window_s": 8.0,
            "ended": ["secondary"],
            "controls": ["primary"],
            "lanes": lanes_json(lanes),
        },
    )
    yield "log-out", {"watch": 1, "utc": STARTED, **moments_json(MOMENTS)}
    yield "gap", {"watch": 1, **gap_json(Gap(10.6, 10.9, "process not running"))}
    for each in lanes:
        for reading in each.watch.readings:
            yield "reading", {"watch": 1, **reading_json(reading)}


def summed_up(measurement: Measurement) -> Line:
    """What the run writes when a watch is over."""
    return "measurement", {"watch": 1, **measurement.to_json(STARTED)}


@dataclass(frozen=True)
class Written:
    """The content of a run's file."""

    content: bytes

    def killed(self) -> Written:
        """The same run without its end."""
        return Written(self.content[: self.content.rindex(b'{"kind": "end"')])

    def without(self, *numbers: int) -> Written:
        """The same with some lines damaged, counted from 1."""
        lines = self.content.split(b"\n")
        for number in numbers:
            lines[number - 1] = lines[number - 1][:-5]
        return Written(b"\n".join(lines))

    def number_of(self, text: str) -> int:
        """The number of the first line with this text."""
        return next(n for n, line in enumerate(self.content.split(b"\n"), 1) if text.encode() in line)

    def read(self, name: str = NAME) -> StoredRun:
        """Read it back as a file of that name."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(self.content)
            return read_run(path)


def written(*lines: Line) -> Written:
    """A run that wrote these lines and ended by itself."""
    with TemporaryDirectory() as folder:
        file = RunFile(Path(folder), Redactor())
        for kind, fields in lines:
            file.append(kind, fields)
        file.close()
        return Written(file.path.read_bytes())


def delays(stored: StoredRun) -> dict[str, Interval]:
    """The delays of the one measurement, by layer."""
    [measurement] = stored.measurements
    return {layer.layer: layer.delay for layer in measurement.layers}
