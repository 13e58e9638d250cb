"""From readings to the delay: the interval that contains it, and the verdict against the window.

The delay of a layer is how long it outlived its log-out: from the log-out, which the site performed
between `requested` and `acknowledged`, to the last time that the site honoured the layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
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

    run: the revoked readings since the last alive one, none of them contradicted. flaps: the alive readings
    that came after a refusal. flapping: the answers from the first refusal to the last such reading.
    """

    last_alive: Reading | None = None
    first_refusal: Reading | None = None
    run: tuple[Reading, ...] = ()
    flaps: int = 0
    flapping: int = 0

    @property
    def first_of_run(self) -> Reading | None:
        """The first refusal that was never contradicted."""
        return self.run[0] if self.run else None

    @property
    def last_of_run(self) -> Reading | None:
        """The last refusal, if nothing has contradicted it."""
        return self.run[-1] if self.run else None

    @property
    def refusals(self) -> int:
        """How many refusals in a row nothing has contradicted."""
        return len(self.run)

    @property
    def quiet_s(self) -> float:
        """For how long: to the last one's sending, as a slow answer must not pass for a quiet time."""
        if not self.run:
            return 0.0
        return max(0.0, max(reading.sent_s for reading in self.run) - self.run[0].received_s)


def tells(reading: Reading, since_s: float) -> bool:
    """Whether a reading can tell of a log-out that was asked for at `since_s`.

    Refusals from before are none of its doing: accounts in good health have been seen to get one, and every
    alive reading that follows would count as a flap.
    """
    return reading.state is not State.REVOKED or reading.received_s > since_s


@dataclass(slots=True)
class Tally:
    """Adds up the readings of a layer as they come in, so that nobody has to read the whole log again.

    A refusal counts towards the end only if it was asked for after every alive answer had come in:
    one that overlaps an alive answer proves nothing about what came after it. Unknown readings say nothing.
    """

    _last_alive: Reading | None = None
    _last_heard_s: float = -math.inf
    _first_refusal: Reading | None = None
    _run: list[Reading] = field(default_factory=list)
    _flaps: int = 0
    _answers_since_refusal: int = 0
    _flapping: int = 0

    def add(self, reading: Reading) -> None:
        """Add one more; in the order in which they were received."""
        if reading.state is State.UNKNOWN:
            return
        if reading.state is State.REVOKED:
            self._first_refusal = self._first_refusal or reading
            if reading.sent_s >= self._last_heard_s:
                self._run.append(reading)
        else:
            self._add_alive(reading)
        self._answers_since_refusal += self._first_refusal is not None
        if reading.state is State.ALIVE and self._first_refusal is not None:
            self._flapping = self._answers_since_refusal

    def _add_alive(self, reading: Reading) -> None:
        if self._last_alive is None or reading.sent_s >= self._last_alive.sent_s:
            self._last_alive = reading
        self._last_heard_s = max(self._last_heard_s, reading.received_s)
        self._run = [refusal for refusal in self._run if refusal.sent_s >= self._last_heard_s]
        first = self._first_refusal
        self._flaps += first is not None and reading.received_s > first.received_s

    @property
    def ending(self) -> Ending:
        """What they tell so far."""
        return Ending(self._last_alive, self._first_refusal, tuple(self._run), self._flaps, self._flapping)


def ending(readings: Iterable[Reading], since_s: float = -math.inf) -> Ending:
    """Read a layer's whole log, in any order, for what it tells of a log-out asked for at `since_s`."""
    tally = Tally()
    for reading in sorted(readings, key=lambda r: (r.received_s, r.sent_s, r.state, r.code)):
        if tells(reading, since_s):
            tally.add(reading)
    return tally.ending


def delay(found: Ending, moments: Moments, *, settled: bool) -> Interval:
    """The interval that contains the layer's delay.

    The lower end counts from the acknowledgement, the upper one from the request, so that the moment at
    which the site performed the log-out may lie anywhere between the two.

    The upper end is the first refusal that was never contradicted. It bounds what was honoured to the looks
    at this layer; how long an edge that none of them met may have gone on is what `every_edge` tells.
    """
    return _until(found, moments, found.first_of_run if settled else None)


def every_edge(found: Ending, moments: Moments, *, refusals: int, settled: bool) -> Interval:
    """The interval that contains the moment at which the slowest edge learned of the log-out.

    It ends with the refusal by which an edge that still honoured the layer would have been met, but for the
    residual chance: the one that makes `refusals` in a row.
    """
    enough = settled and found.refusals >= refusals
    return _until(found, moments, found.run[refusals - 1] if enough else None)


def _until(found: Ending, moments: Moments, refusal: Reading | None) -> Interval:
    lower_s = 0.0
    if found.last_alive is not None:
        lower_s = max(0.0, found.last_alive.sent_s - moments.acknowledged_s)
    if refusal is None:
        return Interval(lower_s)
    # A layer that was already refused before anything was asked of the site has a delay of nothing.
    return Interval(lower_s, max(lower_s, refusal.received_s - moments.earliest_s))


def longest(intervals: Iterable[Interval]) -> Interval:
    """The interval of the largest of several delays: of a session's layers, or of all devices.

    Of none it is open: nothing is known.
    """
    many = list(intervals)
    upper_s = max((i.upper_s for i in many), default=math.inf)
    return Interval(max((i.lower_s for i in many), default=0.0), upper_s)


def edges_seen(found: Ending, *, assumed: int) -> int:
    """How many edges the site seems to have: at least the assumed number, more if flaps were rare.

    While a single edge of E still honours a layer, one answer in E is alive. Over all the answers from
    the first refusal to the last alive one, the share of alive ones is therefore at least about 1/E.
    """
    return max(assumed, math.ceil(found.flapping / found.flaps)) if found.flaps else assumed


def met(edges: int, opinions: int = 0) -> float:
    """The chance that one look meets the last of `edges` that still honours the layer.

    A look of two questions must meet two of them: after the edge that still honours the cookie, one that
    still serves the token which it gives, for which it asks `opinions` times at most; 0 where there is no
    second question.
    """
    return 1 / edges * (1 - (1 - 1 / edges) ** opinions if opinions else 1)


def residual_chance(refusals: int, edges: int, opinions: int = 0) -> float:
    """The chance that one edge of `edges` still honours the layer and was missed by every refusal.

    Assumes that each request is answered by an edge drawn at random: (1 - 1/E)^n for a look of one question.
    """
    return float((1 - met(edges, opinions)) ** refusals)


def refusals_for(chance: float, edges: int, opinions: int = 0) -> int:
    """How many refusals in a row bring the residual chance down to `chance`; at least two.

    One refusal alone is never enough: healthy accounts have been seen to get a single 401.
    """
    if edges == 1:
        return 2
    return max(2, math.ceil(math.log(chance) / math.log(1 - met(edges, opinions))))
