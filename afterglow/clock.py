"""The clock of all measuring, and what can go wrong with the time between two looks at it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

NOTICED_S = 2.0
"""A process that was not run for longer than this was stopped; less is a busy machine."""

CLOCK_SET_S = 1.0
"""A wall clock that moves by more against the other was set by somebody; less is its daily correction."""


_GOES_ON_ASLEEP: int | None = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))


def now_s() -> float:
    """Seconds of a clock that nobody sets and that goes on while the machine sleeps.

    Python's own monotonic clock stands still in a suspended Linux or macOS: a delay would come out too short.
    Linux has CLOCK_BOOTTIME for it; on macOS it is CLOCK_MONOTONIC. On Windows Python's own goes on, but in
    steps of 16 ms, by which an interval would miss what it must contain: the performance counter goes on too.
    """
    return time.perf_counter() if _GOES_ON_ASLEEP is None else time.clock_gettime(_GOES_ON_ASLEEP)


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which nobody could look: from when to when on the clock, and why."""

    from_s: float
    to_s: float
    why: str

    def __str__(self) -> str:
        """Such as "machine suspended for 61.2 s"."""
        return f"{self.why} for {self.to_s - self.from_s:.1f} s"


@dataclass(slots=True)
class Pulse:
    """Felt regularly; tells when it was not. The clocks are given, so that a sleeping machine can be played.

    clock: goes on while the machine sleeps. awake: stands still then. wall: the time of day.
    """

    clock: Callable[[], float] = now_s
    awake: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    _last: tuple[float, float, float] = field(init=False)

    def __post_init__(self) -> None:
        """Begin now."""
        self._last = self._read()

    def feel(self) -> Gap | None:
        """What has happened since the last time, if that was out of the ordinary."""
        before, self._last = self._last, self._read()
        clock_s, awake_s, wall_s = (new - old for new, old in zip(self._last, before, strict=True))
        from_s, to_s = before[0], self._last[0]
        if clock_s - awake_s > NOTICED_S:
            return Gap(from_s, to_s, "machine suspended")
        if abs(wall_s - clock_s) > CLOCK_SET_S:
            return Gap(from_s, to_s, f"time of day set by {wall_s - clock_s:+.0f} s; not looking")
        if clock_s > NOTICED_S:
            return Gap(from_s, to_s, "process not running")
        return None

    def _read(self) -> tuple[float, float, float]:
        return self.clock(), self.awake(), self.wall()
