"""One run, read back from its file: as the run itself summed it up, or else worked out from its readings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from afterglow.delay import Interval, Verdict
from afterglow.history.past import PastDoor, PastLogOut, PastRun
from afterglow.measurement import Age, Measurement
from afterglow.run_lines import MeasurementLine, SaidAge, SaidLayer
from afterglow.runs import Opened, Pages, StoredRun, StoredWatch, opened, worked_out

SUMMED_UP_IN = tuple(
    f'{{"kind": "{kind}", '.encode()
    for kind in ("run", "settings", "machine", "browser", "log-out", "measurement", "telemetry", "end")
)
"""How the lines begin that it takes to know what a run made of its readings: a few dozen of thousands."""

A_LINE = b'{"kind": "'

DIGITS = 4
"""Delays are known to a tenth of a millisecond, rounded outwards, as in `summary.json`."""

NO_LOG_OUT = "nothing was logged out that could be watched"


def read_past_run(path: Path) -> PastRun:
    """Read what a run's file tells. Raises NotARun for a file that is none, or is of a newer format.

    A run sums up each of its log-outs, and what it says counts if that is all of them and its file is whole:
    it is the same, and dozens of times as fast, as to work them out from their readings.
    """
    file = opened(path)
    return _as_summed_up(file) or _past(worked_out(file))


def _as_summed_up(file: Opened) -> PastRun | None:
    """What the run says of itself; None if it does not, or if its file is damaged."""
    *lines, cut_off = file.content.split(b"\n")
    needed = [line for line in lines if line.startswith(SUMMED_UP_IN)]
    others = (line for line in lines if not line.startswith(SUMMED_UP_IN))
    if cut_off or not all(line.startswith(A_LINE) and line.endswith(b"}") for line in others):
        return None
    pages = Pages(file)
    if not all(pages.take(line) for line in needed):
        return None
    watches = [pages.noted[number] for number in sorted(pages.noted) if number]
    said = [watch.said for watch in watches if watch.said is not None and watch.said.tells_of_controls]
    if len(said) < len(watches):
        return None
    run = pages.stored()
    return _past_run(run, [_said(run, line) for line in said])


def _past(run: StoredRun) -> PastRun:
    return _past_run(run, [_measured(run, watch, watch.measurement) for watch in run.watches])


def _past_run(run: StoredRun, log_outs: Iterable[PastLogOut | None]) -> PastRun:
    known = tuple(each for each in log_outs if each is not None and each.doors)
    notes = run.notes if known else (*run.notes, NO_LOG_OUT)
    return PastRun(
        id=run.id,
        path=run.path,
        started=run.started,
        target=run.target,
        window_s=run.window_s,
        state=run.state.value,
        night=run.night or run.id,
        log_outs=known,
        site=run.site,
        repetition=run.repetition,
        machine=run.machine,
        browser=run.browser,
        telemetry=run.telemetry,
        notes=notes,
    )


# A log-out


def _said(run: StoredRun, line: MeasurementLine) -> PastLogOut:
    doors = tuple(map(_said_door, line.layers))
    return PastLogOut(
        run=run.id,
        number=line.watch,
        action=line.action,
        clicked=_utc(line.started, run),
        window_s=line.window_s,
        verdict=_verdict(doors, line.window_s, line.undermined),
        doors=doors,
        why=line.why_undetermined,
        usable=line.undermined is None,
        ages={name: _age(age) for name, age in line.ages_s.items()},
    )


def _said_door(layer: SaidLayer) -> PastDoor:
    lower_s, upper_s = layer.delay_s
    open_s = math.inf if upper_s is None else max(lower_s, upper_s)
    return PastDoor(layer.session, layer.layer, lower_s, open_s, layer.flaps, layer.readings, layer.unknowns)


def _measured(run: StoredRun, watch: StoredWatch, measurement: Measurement | None) -> PastLogOut | None:
    if measurement is None:
        return None
    doors = tuple(_measured_doors(measurement))
    return PastLogOut(
        run=run.id,
        number=watch.number,
        action=measurement.action,
        clicked=_utc(watch.started, run),
        window_s=measurement.window_s,
        verdict=_verdict(doors, measurement.window_s, measurement.undermined),
        doors=doors,
        why=measurement.why_undetermined() or None,
        usable=measurement.undermined is None,
        ages=dict(measurement.ages),
    )


def _measured_doors(measurement: Measurement) -> Iterator[PastDoor]:
    for layer in measurement.layers:
        lower_s, upper_s = layer.delay.rounded(DIGITS)
        readings, unknowns = len(layer.readings), layer.unknowns
        yield PastDoor(layer.session, layer.layer, lower_s, upper_s, layer.flaps, readings, unknowns)


def _verdict(doors: Sequence[PastDoor], window_s: float, undermined: str | None) -> Verdict:
    """The verdict on all devices. Rounding outwards moves no end past a window of a few digits."""
    if undermined or not doors:
        return Verdict.UNDETERMINED
    all_out = Interval(max(door.lower_s for door in doors), max(door.upper_s for door in doors))
    return all_out.verdict(window_s)


def _age(age: SaidAge) -> Age:
    return Age(age.session, age.token)


def _utc(text: str, run: StoredRun) -> datetime:
    """When it was clicked; when the run began, where the file does not tell."""
    try:
        clicked = datetime.fromisoformat(text)
        return clicked.astimezone(UTC) if clicked.tzinfo else run.started
    except (ValueError, OverflowError):
        return run.started
