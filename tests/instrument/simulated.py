"""A site and a clock that exist in memory only, and a watch that is driven against them.

Everything is drawn from one seed, so that a run can be repeated; nothing waits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from random import Random

from hypothesis import strategies as st

from afterglow.readings import Answer, Moments, Reading, State
from afterglow.schedule import Schedule
from afterglow.watch import LayerWatch, Look, Patience

TIMEOUT_S = 3.0
"""How long the simulated conductor waits for an answer."""


@dataclass(frozen=True, slots=True)
class World:
    """What the site is like, and when the log-out happens. Seconds; the watch begins at 0.

    edges: how long after the log-out each edge stops honouring the layer; infinite if it never does.
    performed: where between the request and its acknowledgement the site performs the log-out, from 0 to 1.
    outages: from when to when nothing but errors is answered.
    hung, broken, limited, stray: the chances that a request is never answered, gets an error, gets a 429
    with Retry-After, or is refused by an edge that honours the layer.
    """

    seed: int = 0
    edges: tuple[float, ...] = (2.0,)
    latency_s: float = 0.05
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


@dataclass(slots=True)
class Run:
    """Drives one watch as the conductor does, and keeps what really happened.

    honoured_s: when the site last served somebody who asked; minus infinity if it never did.
    """

    world: World
    watch: LayerWatch
    oversleep_s: float = 0.0
    now_s: float = 0.0
    honoured_s: float = -math.inf
    looks: list[Look] = field(default_factory=list)
    # (when it came, for how long) of every wish to be left alone
    wishes: list[tuple[float, float]] = field(default_factory=list)
    _random: Random = field(default_factory=Random)

    def __post_init__(self) -> None:
        """Seed the site's dice."""
        self._random.seed(self.world.seed)

    @property
    def true_delay_s(self) -> float:
        """How long the layer outlived its log-out, as far as anybody asked."""
        return max(0.0, self.honoured_s - self.world.log_out_s)

    def to_the_end(self, at_most: int = 20_000) -> Run:
        """Look until the watch wants no more. A watch that does not end fails here."""
        while (look := self.watch.next_look(self.now_s)) is not None:
            self.looks.append(look)
            assert len(self.looks) < at_most, "the watch does not end"
            self._pass_until(look.at_s + self.oversleep_s)
            for _ in range(look.burst):
                if not self.watch.goes_on(self._ask()):
                    break
        return self

    def _pass_until(self, then_s: float) -> None:
        self.now_s = max(self.now_s, then_s)
        if self.now_s >= self.world.moments.acknowledged_s:
            self.watch.moments = self.world.moments

    def _ask(self) -> Reading:
        sent_s = self.now_s
        # the site answers strictly between the sending and the receiving
        served_s = sent_s + self._random.uniform(0.05, 1.0) * self.world.latency_s
        received_s = served_s + self._random.uniform(0.05, 1.0) * self.world.latency_s
        answer = self._answer(served_s)
        if answer.code == "timeout":
            received_s = sent_s + TIMEOUT_S
        if answer.state is State.ALIVE:
            self.honoured_s = served_s
        self._pass_until(received_s)
        reading = Reading("secondary", "session", sent_s, received_s, answer.state, answer.code)
        if answer.retry_after_s is not None:
            self.wishes.append((received_s, answer.retry_after_s))
        self.watch.take(reading, answer.retry_after_s)
        return reading

    def _answer(self, served_s: float) -> Answer:
        """What the edge that the request has met by chance says. An answer that never comes serves nobody."""
        world, dice = self.world, self._random
        if dice.random() < world.hung:
            return Answer(State.UNKNOWN, "timeout")
        if any(begin <= served_s < end for begin, end in world.outages) or dice.random() < world.broken:
            return Answer(State.UNKNOWN, "http_503")
        if dice.random() < world.limited:
            return Answer(State.UNKNOWN, "http_429", retry_after_s=dice.uniform(0.1, 5.0))
        lives_until_s = world.log_out_s + dice.choice(world.edges)
        if served_s < lives_until_s and dice.random() >= world.stray:
            return Answer(State.ALIVE)
        return Answer(State.REVOKED, "token_revoked")


def watch_of(
    world: World,
    *,
    window_s: float = 10.0,
    floor_s: float = 0.1,
    quiet_s: float = 2.0,
    grace_s: float = 4.0,
    chance: float = 0.001,
    assumed_edges: int = 4,
) -> LayerWatch:
    """A watch as a run on the replica has it, with a window that is a third as long."""
    schedule = Schedule(window_s, floor_s, random=Random(world.seed))  # noqa: S311 - dice, not secrets
    patience = Patience(quiet_s, grace_s, chance, assumed_edges=assumed_edges)
    return LayerWatch("secondary", "session", schedule, patience)


def run(world: World, watch: LayerWatch | None = None, oversleep_s: float = 0.0) -> Run:
    """Watch a whole log-out."""
    return Run(world, watch or watch_of(world), oversleep_s).to_the_end()


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
        latency_s=st.sampled_from([0.002, 0.05, 0.4]),
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
    )
