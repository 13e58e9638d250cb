"""From readings to the delay: the interval that contains it, and the verdict against the window.

The delay of a layer is how long it outlived its log-out: from the log-out, which the site performed
between `requested` and `acknowledged`, to the last time that the site honoured the layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from afterglow.readings import Moments, Reading, State


class Verdict(StrEnum):
    """What a delay says of the window that the site promises."""

    WITHIN = "within"
    LATE = "late"
    UNDETERMINED = "undetermined"


@dataclass(frozen=True, slots=True)
class Interval:
    """A half-open interval (lower, upper] in seconds; `upper_s` is infinite when no end was seen."""

    lower_s: float
    upper_s: float = math.inf

    def __post_init__(self) -> None:
        """Raise ValueError for an interval that nothing can lie in."""
        if not 0 <= self.lower_s <= self.upper_s:
            raise ValueError(f"not an interval of seconds: ({self.lower_s}, {self.upper_s}]")

    def __str__(self) -> str:
        """The interval as a person reads it, such as "4.11 to 4.23 s" or "over 35.0 s"."""
        lower_s, upper_s = self.rounded(2)
        return f"over {lower_s:.2f} s" if math.isinf(upper_s) else f"{lower_s:.2f} to {upper_s:.2f} s"

    def rounded(self, digits: int) -> tuple[float, float]:
        """The ends with so many decimals, rounded outwards: what the interval contains stays in it."""
        lower_s, upper_s = self.lower_s, self.upper_s
        if not math.isinf(upper_s):
            upper_s = math.ceil(_scaled(upper_s, digits)) / 10**digits
        return math.floor(_scaled(lower_s, digits)) / 10**digits, upper_s

    def verdict(self, window_s: float) -> Verdict:
        """Within if all of it lies in the window, late if none of it does."""
        if self.upper_s <= window_s:
            return Verdict.WITHIN
        return Verdict.LATE if self.lower_s >= window_s else Verdict.UNDETERMINED


def _scaled(seconds: float, digits: int) -> float:
    """Seconds in units of the last digit, without the noise of floats: 4.23 s is 423, not a bit more."""
    return round(seconds * 10.0**digits, 6)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a layer ended, as far as the readings tell: indices are avoided, the readings themselves are kept.

    `flaps` counts the alive readings that came after a refusal. The run is the revoked readings since the
    last alive one, none of them contradicted: `refusals` is their number, and they stayed so for `quiet_s`.
    """

    last_alive: Reading | None
    first_refusal: Reading | None
    first_of_run: Reading | None
    last_of_run: Reading | None
    refusals: int
    quiet_s: float
    flaps: int


def telling(readings: Iterable[Reading], since_s: float) -> list[Reading]:
    """The readings without the refusals from before `since_s`, when the log-out was asked for.

    They are none of its doing: accounts in good health have been seen to get one, and every alive reading
    that follows would count as a flap.
    """
    return [r for r in readings if r.state is not State.REVOKED or r.received_s > since_s]


def ending(readings: Sequence[Reading]) -> Ending:
    """Read a layer's whole log. The order does not matter; unknown readings say nothing.

    A refusal counts towards the end only if it was asked for after every alive answer had come in:
    one that overlaps an alive answer proves nothing about what came after it.
    """
    alive = [reading for reading in readings if reading.state is State.ALIVE]
    revoked = sorted(
        (r for r in readings if r.state is State.REVOKED), key=lambda r: (r.received_s, r.sent_s, r.code)
    )
    last_heard_s = max((reading.received_s for reading in alive), default=-math.inf)
    run = [reading for reading in revoked if reading.sent_s >= last_heard_s]
    first_refused_s = revoked[0].received_s if revoked else math.inf
    return Ending(
        last_alive=max(alive, key=lambda reading: (reading.sent_s, reading.received_s), default=None),
        first_refusal=revoked[0] if revoked else None,
        first_of_run=run[0] if run else None,
        last_of_run=run[-1] if run else None,
        refusals=len(run),
        # to the last one's sending: a slow answer must not pass for a quiet time
        quiet_s=max(0.0, max(r.sent_s for r in run) - run[0].received_s) if run else 0.0,
        flaps=sum(reading.received_s > first_refused_s for reading in alive),
    )


def delay(found: Ending, moments: Moments, *, settled: bool) -> Interval:
    """The interval that contains the layer's delay.

    The lower end counts from the acknowledgement, the upper one from the request, so that the moment at
    which the site performed the log-out may lie anywhere between the two.

    The upper end is the first refusal that was never contradicted. It bounds what was honoured to anybody
    who asked; an edge that nobody met may have gone on until the last refusal, with the residual chance.
    """
    lower_s = 0.0
    if found.last_alive is not None:
        lower_s = max(0.0, found.last_alive.sent_s - moments.acknowledged_s)
    if not settled or found.first_of_run is None:
        return Interval(lower_s)
    # A layer that was already refused before anything was asked of the site has a delay of nothing.
    return Interval(lower_s, max(lower_s, found.first_of_run.received_s - moments.earliest_s))


def longest(intervals: Iterable[Interval]) -> Interval:
    """The interval of the largest of several delays: of a session's layers, or of all devices."""
    many = list(intervals)
    return Interval(max(i.lower_s for i in many), max(i.upper_s for i in many))


def edges_seen(readings: Sequence[Reading], *, assumed: int) -> int:
    """How many edges the site seems to have: at least the assumed number, more if flaps were rare.

    While a single edge of E still honours a layer, one reading in E is alive. Over all the readings from
    the first refusal to the last alive one, the share of alive ones is therefore at least about 1/E.
    """
    found = ending(readings)
    if not found.flaps or found.first_refusal is None or found.last_alive is None:
        return assumed
    flapping = [
        reading
        for reading in readings
        if reading.state is not State.UNKNOWN
        and reading.received_s >= found.first_refusal.received_s
        and reading.sent_s <= found.last_alive.sent_s
    ]
    return max(assumed, math.ceil(len(flapping) / found.flaps))


def residual_chance(refusals: int, edges: int) -> float:
    """The chance that one edge of `edges` still honours the layer and was missed by every refusal.

    Assumes that each request is answered by an edge drawn at random: (1 - 1/E)^n.
    """
    return (1 - 1 / edges) ** refusals


def refusals_for(chance: float, edges: int) -> int:
    """How many refusals in a row bring the residual chance down to `chance`; at least two.

    One refusal alone is never enough: healthy accounts have been seen to get a single 401.
    """
    if edges == 1:
        return 2
    return max(2, math.ceil(math.log(chance) / math.log(1 - 1 / edges)))
