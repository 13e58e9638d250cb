"""A site and a clock that exist in memory only, and watches that are driven against them.

Everything is drawn from one seed, so that a run can be repeated; nothing waits. The watches, their budget
and what they tell are those of production. What drives them here is a queue of moments, since ten thousand
watches are many for an event loop; that the real conductor does the same is shown in `test_many_watches.py`.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import selectors
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import Any

from hypothesis import strategies as st

from afterglow.budget import Budget, BudgetSpent
from afterglow.readings import Answer, Moments, Reading, State
from afterglow.schedule import Schedule
from afterglow.watch import LayerWatch, Patience

TIMEOUT_S = 3.0
"""How long the simulated conductor waits for an answer."""

ALIVE = Answer(State.ALIVE)
REFUSED = Answer(State.REVOKED, "token_revoked")
BROKEN = Answer(State.UNKNOWN, "http_503")
HUNG = Answer(State.UNKNOWN, "timeout")


@dataclass(frozen=True, slots=True)
class World:
    """What the site is to one layer, and when the log-out happens. Seconds; the watch begins at 0.

    edges: how long after the log-out each edge stops honouring the layer; infinite if it never does.
    quickest: what part of the latency an answer takes at least; 1 if it always takes all of it.
    performed: where between the request and its acknowledgement the site performs the log-out, from 0 to 1.
    outages: from when to when nothing but errors is answered.
    hung, broken, limited, stray: the chances that a request is never answered, gets an error, gets a 429
    with Retry-After, or is refused by an edge that honours the layer.
    clock_ahead_s: by how much the site's clock is ahead: a Retry-After with a date is off by so much. Every
    other one has seconds, if it is not None.
    """

    seed: int = 0
    edges: tuple[float, ...] = (2.0,)
    latency_s: float = 0.05
    quickest: float = 0.05
    clicked_s: float = 1.0
    until_request_s: float = 0.01
    until_answer_s: float = 0.1
    performed: float = 0.5
    request_seen: bool = True
    outages: tuple[tuple[float, float], ...] = ()
    hung: float = 0.0
    broken: float = 0.0
    limited: float = 0.0
    stray: float = 0.0
    clock_ahead_s: float | None = None

    @property
    def log_out_s(self) -> float:
        """When the site truly performed the log-out."""
        return self.clicked_s + self.until_request_s + self.performed * self.until_answer_s

    @property
    def moments(self) -> Moments:
        """What the suite gets to know of it."""
        requested_s = self.clicked_s + self.until_request_s
        return Moments(
            self.clicked_s, requested_s if self.request_seen else None, requested_s + self.until_answer_s
        )

    @property
    def slowest_s(self) -> float:
        """How long the slowest edge honours the layer, whoever meets it."""
        return max(self.edges)


@dataclass(frozen=True, slots=True)
class Coming:
    """An answer on its way: when the site gives it and when it is here."""

    sent_s: float
    served_s: float
    received_s: float
    answer: Answer


@dataclass(slots=True)
class Run:
    """One watch and the site that it asks, with what really happened.

    honoured_s: when the site last served somebody who asked; minus infinity if it never did.
    looks: when the watch wanted to look. wishes: when each wish to be left alone came, and for how long.
    """

    world: World
    watch: LayerWatch
    honoured_s: float = -math.inf
    looks: list[float] = field(default_factory=list)
    wishes: list[tuple[float, float]] = field(default_factory=list)
    stopped: str | None = None
    _random: Random = field(default_factory=Random)
    _log_out_s: float = 0.0
    _troubled: bool = True

    def __post_init__(self) -> None:
        """Seed the site's dice."""
        world = self.world
        self._random.seed(world.seed)
        self._log_out_s = world.log_out_s
        self._troubled = bool(world.outages or world.hung or world.broken or world.limited)

    @property
    def true_delay_s(self) -> float:
        """How long the layer outlived its log-out, as far as anybody asked."""
        return max(0.0, self.honoured_s - self._log_out_s)

    @property
    def ended_s(self) -> float:
        """When the last answer came."""
        return self.watch.readings[-1].received_s

    def ask(self, sent_s: float) -> Coming:
        """What a request sent now will bring: the site answers strictly between sending and receiving."""
        roll, world = self._random.random, self.world
        least, span = world.quickest, 1 - world.quickest
        served_s = sent_s + (least + span * roll()) * world.latency_s / 2
        received_s = served_s + (least + span * roll()) * world.latency_s / 2
        answer = self._answer(served_s, roll)
        return Coming(sent_s, served_s, sent_s + TIMEOUT_S if answer is HUNG else received_s, answer)

    def take(self, came: Coming) -> Reading:
        """Give the watch an answer that is here."""
        answer = came.answer
        if answer.state is State.ALIVE:
            self.honoured_s = max(self.honoured_s, came.served_s)
        watch = self.watch
        reading = Reading(watch.session, watch.layer, came.sent_s, came.received_s, answer.state, answer.code)
        watch.take(reading)
        return reading

    def _answer(self, served_s: float, roll: Any) -> Answer:
        """What the edge that the request has met by chance says. An answer that never comes serves nobody."""
        world = self.world
        if self._troubled and (trouble := self._trouble(served_s, roll)) is not None:
            return trouble
        edges = world.edges
        lives_until_s = self._log_out_s + edges[int(roll() * len(edges))]
        if served_s < lives_until_s and not (world.stray and roll() < world.stray):
            return ALIVE
        return REFUSED

    def _trouble(self, served_s: float, roll: Any) -> Answer | None:
        world = self.world
        if roll() < world.hung:
            return HUNG
        if any(begin <= served_s < end for begin, end in world.outages) or roll() < world.broken:
            return BROKEN
        if roll() >= world.limited:
            return None
        wish_s = 0.1 + 4.9 * roll()
        if world.clock_ahead_s is not None and roll() < 0.5:
            wish_s = max(0.0, wish_s + world.clock_ahead_s)
        return Answer(State.UNKNOWN, "http_429", retry_after_s=wish_s)


@dataclass(slots=True)
class Session:
    """Drives the watches of one session, as the conductor does: none of them waits for another.

    oversleep_s: how late the conductor wakes for every look. budget: what they may cost together.
    """

    runs: Sequence[Run]
    oversleep_s: float = 0.0
    budget: Budget = field(default_factory=Budget)

    def to_the_end(self, at_most: int = 50_000) -> Session:
        """Look until no watch wants any more. A watch that does not end fails here."""
        number, moments = count(), self.runs[0].world.moments
        # (when, in which order, whose, the answer that is here or the moment planned for a look)
        queue: list[tuple[float, int, Run | None, Coming | float]] = []
        heapq.heappush(queue, (moments.acknowledged_s, next(number), None, 0.0))
        for each in self.runs:
            self._plan(each, 0.0, queue, number)
        while queue:
            now_s, order, run, came = heapq.heappop(queue)
            assert order < at_most, "the watch does not end"
            if run is None:
                for each in self.runs:
                    each.watch.moments = moments
            elif isinstance(came, float):
                self._look(run, came, now_s, queue, number)
            elif run.watch.goes_on(self._receive(run, came)):
                self._send(run, now_s, queue, number)
            else:
                self._plan(run, now_s, queue, number)
        return self

    def _plan(self, run: Run, now_s: float, queue: list[Any], number: Any) -> None:
        if (look_s := run.watch.next_look_s(now_s)) is not None:
            run.looks.append(look_s)
            heapq.heappush(queue, (look_s + self.oversleep_s, next(number), run, look_s))

    def _look(self, run: Run, planned_s: float, now_s: float, queue: list[Any], number: Any) -> None:
        """The moment of a look has come, but it may have moved away meanwhile."""
        held_s = run.watch.held_until_s
        if max(planned_s, held_s) > run.watch.deadline_s:
            return
        if held_s > now_s:
            heapq.heappush(queue, (held_s + self.oversleep_s, next(number), run, held_s))
        else:
            self._send(run, now_s, queue, number)

    def _send(self, run: Run, now_s: float, queue: list[Any], number: Any) -> None:
        try:
            self.budget.spend()
        except BudgetSpent as spent:
            run.stopped = str(spent)
            return
        coming = run.ask(now_s)
        heapq.heappush(queue, (coming.received_s, next(number), run, coming))

    def _receive(self, run: Run, came: Coming) -> Reading:
        reading, wish_s = run.take(came), came.answer.retry_after_s
        if wish_s is not None:
            for each in self.runs:
                each.wishes.append((came.received_s, wish_s))
                each.watch.hold(came.received_s + wish_s)
        return reading


def watch_of(
    world: World,
    *,
    layer: str = "session",
    window_s: float = 10.0,
    floor_s: float = 0.1,
    quiet_s: float = 2.0,
    grace_s: float = 4.0,
    chance: float | None = 0.001,
    assumed_edges: int = 4,
    **pace: Any,
) -> LayerWatch:
    """A watch as a run on the replica has it, with a window that is a third as long."""
    schedule = Schedule(window_s, floor_s, random=Random(world.seed), **pace)  # noqa: S311
    patience = Patience(quiet_s, grace_s, chance, assumed_edges=assumed_edges)
    return LayerWatch("secondary", layer, schedule, patience)


def run(world: World, watch: LayerWatch | None = None, oversleep_s: float = 0.0) -> Run:
    """Watch a whole log-out by one layer."""
    one = Run(world, watch or watch_of(world))
    Session([one], oversleep_s).to_the_end()
    return one


# The real conductor on a clock that is moved by hand


class _Still(selectors.DefaultSelector):
    """A selector that moves the clock instead of waiting, as far as it may be moved."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = self.until_s = 0.0
        self.there = threading.Event()

    def select(self, timeout: float | None = None) -> Any:
        """What asyncio waits with."""
        self.now_s += 1e-9  # every round takes its time, or what is due in less than that would never be
        if timeout is not None and timeout <= 0:
            return super().select(0)
        then_s = math.inf if timeout is None else self.now_s + timeout
        if then_s <= self.until_s:
            self.now_s = then_s
            return super().select(0)
        self.now_s = max(self.now_s, self.until_s)
        self.there.set()
        return super().select()


class PlayedLoop(asyncio.SelectorEventLoop):
    """An event loop on a clock that stands still but for `move`."""

    def __init__(self) -> None:
        self._still = _Still()
        super().__init__(self._still)

    def time(self) -> float:
        """The played clock."""
        return self._still.now_s

    def move(self, by_s: float) -> None:
        """Let so much time pass, with all that happens in it; from another thread."""
        still = self._still
        still.there.clear()
        still.until_s = still.now_s + by_s
        self.call_soon_threadsafe(lambda: None)
        assert still.there.wait(20.0), "the played clock does not move"

    def let_go(self) -> None:
        """Stand still no longer: whoever waits for a time has it."""
        self._still.until_s = math.inf
        self.call_soon_threadsafe(lambda: None)


# Sites of every kind


def _rarely(largest: float) -> st.SearchStrategy[float]:
    return st.one_of(st.just(0.0), st.floats(0, largest))


def worlds() -> st.SearchStrategy[World]:
    """Sites of every kind that a watch may meet, the ones that lie included."""
    delays = st.one_of(st.just(0.0), st.floats(0, 12), st.just(math.inf))
    outage = st.tuples(st.floats(0, 15), st.floats(0, 6)).map(lambda at: (at[0], at[0] + at[1]))
    return st.builds(
        World,
        seed=st.integers(0, 2**32),
        edges=st.lists(delays, min_size=1, max_size=6).map(tuple),
        latency_s=st.sampled_from([0.004, 0.1, 0.8]),
        clicked_s=st.floats(0, 3),
        until_request_s=st.floats(0, 0.5),
        until_answer_s=st.floats(0, 2),
        performed=st.floats(0, 1),
        request_seen=st.booleans(),
        outages=st.lists(outage, max_size=2).map(tuple),
        hung=_rarely(0.1),
        broken=_rarely(0.3),
        limited=_rarely(0.1),
        stray=_rarely(0.2),
        clock_ahead_s=st.one_of(st.none(), st.sampled_from([-180.0, 180.0])),
    )
