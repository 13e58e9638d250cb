"""The watch on one layer: decides when to look and when it has seen enough. It asks nobody itself.

All of it is arithmetic on readings, so that it runs on a simulated clock as well as on the real one.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field

from afterglow.delay import (
    Ending,
    Interval,
    Tally,
    delay,
    edges_seen,
    every_edge,
    refusals_for,
    residual_chance,
    tells,
)
from afterglow.readings import Moments, Reading, State
from afterglow.schedule import Schedule

LATELY = 10
"""So many of the last readings tell how long an answer takes: enough for a slow one to be among them."""


@dataclass(frozen=True, slots=True)
class Patience:
    """When a watch may stop.

    chance: the residual chance, of having missed an edge that still honours the layer, to come down to;
    None for a layer that is asked too rarely to state one: then `refusals` of them in a row are enough.
    assumed_edges: how many edges to reckon with while nothing better is known.
    opinions: how many edges are asked about the token that a cookie gave, where a look goes on like that.
    quiet_s: the time over which the refusals must stay uncontradicted.
    grace_s: how long after the window a layer that has not settled is still watched.
    """

    quiet_s: float
    grace_s: float
    chance: float | None = 0.001
    refusals: int = 8
    assumed_edges: int = 4
    opinions: int = 0


@dataclass(slots=True)
class LayerWatch:
    """Follows one layer of one session, from before the log-out until it has settled or time is up.

    Readings are taken on one thread, in the order in which they come; anybody may look at what they tell.
    """

    session: str
    layer: str
    schedule: Schedule
    patience: Patience
    moments: Moments | None = None
    readings: list[Reading] = field(default_factory=list)
    held_until_s: float = -math.inf
    _tally: Tally = field(default_factory=Tally, repr=False)
    _tallied: int = 0
    _since_s: float = -math.inf
    _found: Ending = field(default_factory=Ending, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def take(self, reading: Reading) -> None:
        """Add a reading."""
        self.readings.append(reading)

    def hold(self, until_s: float) -> None:
        """Ask nothing before this moment: the site wants to be left alone."""
        with self._lock:  # two lanes of a session may be told at once, on two threads
            self.held_until_s = max(self.held_until_s, until_s)

    @property
    def found(self) -> Ending:
        """What the readings tell of the log-out so far."""
        with self._lock:
            since_s = self.moments.earliest_s if self.moments else -math.inf
            if since_s != self._since_s:
                self._tally, self._tallied, self._since_s = Tally(), 0, since_s
                self._found = Ending()
            fresh = self.readings[self._tallied :]
            if fresh:
                for reading in fresh:
                    if tells(reading, since_s):
                        self._tally.add(reading)
                self._tallied += len(fresh)
                self._found = self._tally.ending
            return self._found

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
        return edges_seen(self.found, assumed=self.patience.assumed_edges)

    @property
    def refusals_needed(self) -> int:
        """How many uncontradicted refusals settle the layer."""
        if self.patience.chance is None:
            return self.patience.refusals
        return refusals_for(self.patience.chance / self._tries, self.edges, self.patience.opinions)

    @property
    def chance(self) -> float | None:
        """The chance that an edge which still honours the layer has been missed so far, if it is stated."""
        if self.patience.chance is None:
            return None
        missed = residual_chance(self.found.refusals, self.edges, self.patience.opinions)
        return min(1.0, self._tries * missed)

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
    def every_edge(self) -> Interval | None:
        """When the last edge had learned of the log-out, but for the chance; None where none is stated."""
        if self.moments is None or self.patience.chance is None:
            return None
        return every_edge(self.found, self.moments, refusals=self.refusals_needed, settled=self.settled)

    @property
    def deadline_s(self) -> float:
        """When a layer that has not settled is given up; never, while the log-out has not happened."""
        if self.moments is None:
            return math.inf
        return self.moments.acknowledged_s + self.schedule.window_s + self.patience.grace_s

    def next_look_s(self, now_s: float) -> float | None:
        """When to look next, or None when the layer has settled or the deadline has passed."""
        if self.settled or now_s >= self.deadline_s or self.held_until_s > self.deadline_s:
            return None
        if not self.readings:
            return now_s
        first, last = self.found.first_of_run, self.readings[-1]
        # A step counts from the sending, as an interval does; but a look that failed, and one that is dear,
        # are followed by a pause.
        rests = last.state is State.UNKNOWN or self.patience.chance is None
        at_s = self.schedule.next_s(
            now_s,
            self.moments,
            first.received_s if first else None,
            self._round_trip_s(),
            asked_s=last.sent_s,
            paced_s=now_s if rests else last.sent_s,
        )
        return min(max(at_s, self.held_until_s), self.deadline_s)

    def goes_on(self, reading: Reading) -> bool:
        """Whether to ask again at once: after a refusal, until an edge that honours it would have been met.

        Where no chance is stated a look is too dear for that, and before the log-out there is no reason to.
        """
        return (
            reading.state is State.REVOKED
            and self.moments is not None
            and self.patience.chance is not None
            and self.found.refusals < self.refusals_needed
            and reading.received_s < self.deadline_s
            and self.held_until_s <= reading.received_s
        )

    def _round_trip_s(self) -> float:
        """How long an answer that said anything took lately, at most."""
        lately = self.readings[-LATELY:]
        telling = [reading for reading in lately if reading.state is not State.UNKNOWN] or lately
        return max(reading.received_s - reading.sent_s for reading in telling)
