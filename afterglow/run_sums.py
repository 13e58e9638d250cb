"""From what the lines of one watch say to what was measured, by the same sums as in the run itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from afterglow.measurement import (
    Absent,
    Control,
    LayerResult,
    delay_json,
    layer_result,
    watched_by,
)
from afterglow.readings import Moments, Reading
from afterglow.run_lines import LogOutLine, MeasurementLine, Noted
from afterglow.schedule import Schedule
from afterglow.watch import LayerWatch, Patience

ROUNDED_S = 0.5e-6
"""What the rounding in files of the first version may have cost: an interval is widened by it, so that it
still holds the truth."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen in one watch after its log-out."""

    moments: Moments
    doors: tuple[LayerResult, ...]
    clocks: tuple[LayerResult, ...]
    controls: tuple[Control, ...]
    absent: tuple[Absent, ...] = ()
    notes: tuple[str, ...] = ()


def summed_up(noted: Noted, *, rounded: bool) -> Seen | None:
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


def _moments(line: LogOutLine) -> Moments:
    return Moments(line.clicked_s, line.requested_s, line.acknowledged_s)


def _as_watched(noted: Noted, moments: Moments) -> Seen:
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
    return Seen(
        moments=moments,
        doors=watched.doors,
        clocks=watched.clocks,
        controls=watched.controls,
        absent=watched.lost,
        notes=(*notes, *_differences(noted, watched.doors)),
    )


def _lost(noted: Noted) -> dict[tuple[str, str], str]:
    """Why some lanes had nothing left to look at: as the run noted it, or as it summed it up."""
    said = noted.said.not_applicable if noted.said else ()
    return {(each.session, each.layer): each.why for each in said} | noted.lost


def _differences(noted: Noted, doors: Iterable[LayerResult]) -> Iterator[str]:
    """Where the readings no longer say what the run had found in them."""
    said = {(each.session, each.layer): each for each in noted.said.layers} if noted.said else {}
    for door in doors:
        was = said.get((door.session, door.layer))
        if was is not None and list(was.delay_s) != delay_json(door.delay):
            then = was.result(1.0, ()).delay
            yield f"the run had found {then} for {door.session} {door.layer}: its readings are not all here"


def _as_said(noted: Noted, said: MeasurementLine) -> Seen:
    """What the run itself made of its readings."""
    log_out = noted.log_out
    return Seen(
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


def _still_open(noted: Noted, moments: Moments, *, rounded: bool) -> Seen:
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
    return Seen(
        moments=moments,
        doors=tuple(map(layer_result, doors)),
        clocks=(),
        controls=tuple(Control(session, _of_session(noted, session), died=False) for session in controls),
        notes=("nothing tells how its layers were watched, so that none is taken as settled",),
    )


def _of_session(noted: Noted, session: str) -> tuple[Reading, ...]:
    found = (reading for (whose, _), many in noted.readings.items() if whose == session for reading in many)
    return tuple(sorted(found, key=lambda reading: reading.received_s))


def _widened(readings: Iterable[Reading]) -> list[Reading]:
    return [
        replace(each, sent_s=each.sent_s - ROUNDED_S, received_s=each.received_s + ROUNDED_S)
        for each in readings
    ]
