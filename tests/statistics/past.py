"""Nights for the tests, written down in a line each."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from afterglow.delay import Interval, Verdict, longest
from afterglow.history.past import Night, PastDoor, PastLogOut, PastRun, nights

WINDOW_S = 30.0
FIRST_NIGHT = datetime(2026, 11, 1, 2, 15, tzinfo=UTC)


def log_out(
    doors: Mapping[str, Interval | tuple[float, float]],
    *,
    action: str = "log out all",
    usable: bool = True,
    verdict: Verdict | None = None,
) -> PastLogOut:
    """One log-out, with the delay of each layer; the verdict is what the longest of them says."""
    delays = {
        layer: delay if isinstance(delay, Interval) else Interval(*delay) for layer, delay in doors.items()
    }
    return PastLogOut(
        run="",
        number=1,
        action=action,
        clicked=FIRST_NIGHT,
        window_s=WINDOW_S,
        verdict=verdict or longest(delays.values()).verdict(WINDOW_S),
        doors=tuple(PastDoor("secondary", layer, d.lower_s, d.upper_s) for layer, d in delays.items()),
        usable=usable,
    )


def run(night: int, *log_outs: PastLogOut, browser: str = "chromium 156.0", repetition: int = 1) -> PastRun:
    """One run of a night, which are a day apart."""
    started = FIRST_NIGHT + timedelta(days=night, minutes=repetition)
    return PastRun(
        id=f"{started:%Y%m%dT%H%M%SZ}-{repetition:04x}",
        path=Path("run.jsonl"),
        started=started,
        target="replica",
        window_s=WINDOW_S,
        state="complete",
        night=f"{started:%Y%m%d}",
        log_outs=log_outs,
        repetition=repetition,
        browser=browser,
    )


def simple_nights(*delays: Interval | tuple[float, float]) -> list[Night]:
    """A night for each delay, with one log-out of all and one door."""
    return nights(run(number, log_out({"session": delay})) for number, delay in enumerate(delays))


UNSEEN = math.inf
