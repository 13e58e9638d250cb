"""The watch on one layer: decides when to look and when it has seen enough. It asks nobody itself.

All of it is arithmetic on readings, so that it runs on a simulated clock as well as on the real one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from afterglow.delay import (
    Ending,
    Interval,
    delay,
    edges_seen,
    ending,
    refusals_for,
    residual_chance,
    telling,
)
from afterglow.readings import Moments, Reading, State
from afterglow.schedule import Schedule


@dataclass(frozen=True, slots=True)
class Patience:
    """When a watch may stop.

    chance: the residual chance, of having missed an edge that still honours the layer, to come down to;
    None for a layer that is asked too rarely to state one: then `refusals` of them in a row are enough.
    assumed_edges: how many edges to reckon with while nothing better is known.
    quiet_s: the time over which the refusals must stay uncontradicted.
    grace_s: how long after the window a layer that has not settled is still watched.
    """

    quiet_s: float
    grace_s: float
    chance: float | None = 0.001
    refusals: int = 8
    assumed_edges: int = 4
    # The refusals that confirm an end are spread over at least this many looks.
    looks: int = 3


@dataclass(frozen=True, slots=True)
class Look:
    """The next thing to do: ask at `at_s`, up to `burst` times in a row as long as the layer refuses."""

    at_s: float
    burst: int


@dataclass(slots=True)
class LayerWatch:
    """Follows one layer of one session, from before the log-out until it has settled or time is up."""

    session: str
    layer: str
    schedule: Schedule
    patience: Patience
    moments: Moments | None = None
    readings: list[Reading] = field(default_factory=list)
    _hold_until_s: float = -math.inf

    def take(self, reading: Reading, retry_after_s: float | None = None) -> None:
        """Add a reading. A `retry_after_s` that the site asked for is obeyed to the second."""
        self.readings.append(reading)
        if retry_after_s is not None:
            self._hold_until_s = reading.received_s + retry_after_s

    @property
    def telling(self) -> list[Reading]:
        """The readings that can tell of the log-out."""
        return telling(self.readings, self.moments.earliest_s if self.moments else -math.inf)

    @property
    def found(self) -> Ending:
        """What the readings tell so far."""
        return ending(self.telling)

    @property
    def state(self) -> State:
        """What the last reading that said anything said."""
        telling = (reading.state for reading in reversed(self.readings) if reading.state is not State.UNKNOWN)
        return next(telling, State.UNKNOWN)

    @property
    def settled(self) -> bool:
        """Whether enough refusals, over enough time, have not been contradicted since the log-out."""
        if self.moments is None:
            return False
        found = self.found
        return found.quiet_s >= self.patience.quiet_s and found.refusals >= self.refusals_needed

    @property
    def edges(self) -> int:
        """The number of edges that the residual chance reckons with."""
        return edges_seen(self.telling, assumed=self.patience.assumed_edges)

    @property
    def refusals_needed(self) -> int:
        """How many uncontradicted refusals settle the layer."""
        if self.patience.chance is None:
            return self.patience.refusals
        return refusals_for(self.patience.chance / self._tries, self.edges)

    @property
    def chance(self) -> float | None:
        """The chance that an edge which still honours the layer has been missed so far, if it is stated."""
        if self.patience.chance is None:
            return None
        return min(1.0, self._tries * residual_chance(self.found.refusals, self.edges))

    @property
    def _tries(self) -> int:
        """What the chance is divided by, since every flap begins another try to miss that edge.

        The shares 1/2, 1/6, 1/12, … add up to one: the chance holds for all the tries together.
        """
        flaps = self.found.flaps
        return (flaps + 1) * (flaps + 2)

    @property
    def interval(self) -> Interval:
        """The delay so far; open above until the layer has settled. Needs the log-out's moments."""
        if self.moments is None:
            raise ValueError("a delay counts from a log-out, and none has happened yet")
        return delay(self.found, self.moments, settled=self.settled)

    @property
    def deadline_s(self) -> float:
        """When a layer that has not settled is given up; never, while the log-out has not happened."""
        if self.moments is None:
            return math.inf
        return self.moments.acknowledged_s + self.schedule.window_s + self.patience.grace_s

    def next_look(self, now_s: float) -> Look | None:
        """The next look, or None when the layer has settled or the deadline has passed."""
        if self.settled or now_s >= self.deadline_s or self._hold_until_s > self.deadline_s:
            return None
        if not self.readings:
            return Look(now_s, 1)
        found = self.found
        refused_s = found.first_of_run.received_s if found.first_of_run else None
        at_s = self.schedule.next_s(now_s, self.moments, refused_s, self._round_trip_s())
        at_s = min(max(at_s, self._hold_until_s), self.deadline_s)
        burst = 1 if found.first_refusal is None else math.ceil(self.refusals_needed / self.patience.looks)
        return Look(at_s, burst)

    def goes_on(self, reading: Reading) -> bool:
        """Whether the burst that brought this reading goes on: while the layer refuses and time is not up."""
        return reading.state is State.REVOKED and not self.settled and reading.received_s < self.deadline_s

    def _round_trip_s(self) -> float:
        """How long the last answer that said anything took."""
        last = next((r for r in reversed(self.readings) if r.state is not State.UNKNOWN), self.readings[-1])
        return last.received_s - last.sent_s
