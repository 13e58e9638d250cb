"""The watch, against a site that answers by chance, fails, lies and hangs: what it reports stays true."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from afterglow.delay import Verdict
from afterglow.readings import Moments, Reading, State
from afterglow.schedule import Schedule
from afterglow.watch import LayerWatch, Patience
from tests.instrument.simulated import World, run, watch_of, worlds

MANY = settings(max_examples=300)
SOME = settings(max_examples=120)
LOGGED_OUT = Moments(clicked_s=9.8, requested_s=9.9, acknowledged_s=10.0)


def said(state: State, sent_s: float, took_s: float = 0.05, code: str = "") -> Reading:
    return Reading("secondary", "session", sent_s, sent_s + took_s, state, code)


def alive(sent_s: float, took_s: float = 0.05) -> Reading:
    return said(State.ALIVE, sent_s, took_s)


def refused(sent_s: float, took_s: float = 0.05) -> Reading:
    return said(State.REVOKED, sent_s, took_s, "token_revoked")


def unknown(sent_s: float, took_s: float = 0.05) -> Reading:
    return said(State.UNKNOWN, sent_s, took_s, "http_503")


def watching(*readings: Reading, moments: Moments | None = LOGGED_OUT, **patience: Any) -> LayerWatch:
    patience_of_it = Patience(**{"quiet_s": 2.0, "grace_s": 3.0, **patience})
    schedule = Schedule(30.0, random=Random(1))  # noqa: S311 - dice, not secrets
    watch = LayerWatch("secondary", "session", schedule, patience_of_it, moments)
    for reading in readings:
        watch.take(reading)
    return watch


# What holds against any site


@MANY
@given(worlds(), st.sampled_from([0.0, 0.003, 0.3]))
@example(World(edges=(math.inf,)), 0.0)
@example(World(edges=(0.0,), performed=0.0, until_answer_s=2.0), 0.0)
@example(World(edges=(0.0, 9.0)), 0.0)
def test_the_interval_contains_the_last_time_that_the_site_honoured_the_layer(
    world: World, oversleep_s: float
) -> None:
    """Wherever between request and acknowledgement the site performed the log-out, whatever it answered."""
    it = run(world, oversleep_s=oversleep_s)
    interval = it.watch.interval
    assert interval.lower_s < it.true_delay_s <= interval.upper_s or it.true_delay_s == interval.lower_s == 0


@SOME
@given(worlds())
def test_the_interval_is_open_above_exactly_until_the_layer_has_settled(world: World) -> None:
    """A layer that never settled has no upper end: that is a result, not an error."""
    watch = run(world).watch
    assert math.isfinite(watch.interval.upper_s) == watch.settled


@SOME
@given(worlds(), st.floats(0.5, 12))
def test_a_verdict_is_never_wrong(world: World, window_s: float) -> None:
    """Within is said only of what ended in time, late only of what was honoured after the window."""
    it = run(world, watch_of(world, window_s=window_s))
    verdict = it.watch.interval.verdict(window_s)
    if verdict is Verdict.WITHIN:
        assert it.true_delay_s <= window_s
    if verdict is Verdict.LATE:
        assert it.true_delay_s >= window_s


@SOME
@given(worlds())
def test_unknown_answers_alone_settle_nothing(world: World) -> None:
    """An outage from the log-out to the end is never a sign-out."""
    dark = World(world.seed, world.edges, world.latency_s, world.clicked_s, outages=((0.0, math.inf),))
    watch = run(dark).watch
    assert not watch.settled
    assert watch.state is State.UNKNOWN
    assert watch.found.first_refusal is None
    assert watch.interval.upper_s == math.inf


@SOME
@given(worlds())
def test_no_flap_is_lost(world: World) -> None:
    """Every alive answer that came after a refusal since the log-out is counted."""
    watch = run(world).watch
    flaps, refusal_seen = 0, False
    for reading in watch.readings:
        if reading.state is State.REVOKED:
            refusal_seen = refusal_seen or reading.received_s > world.moments.earliest_s
        elif reading.state is State.ALIVE:
            flaps += refusal_seen
    assert watch.found.flaps == flaps


@SOME
@given(worlds())
def test_nothing_is_asked_while_the_site_wants_to_be_left_alone(world: World) -> None:
    """Retry-After is obeyed, before the log-out as well as after it."""
    it = run(world)
    for came_s, wish_s in it.wishes:
        asked_since = [reading.sent_s for reading in it.watch.readings if reading.sent_s >= came_s]
        assert it.watch.held_until_s >= came_s + wish_s
        assert min(asked_since, default=math.inf) >= came_s + wish_s


@SOME
@given(worlds(), st.sampled_from([0.0, 0.2]))
def test_nothing_is_asked_after_the_deadline(world: World, oversleep_s: float) -> None:
    """Not even after a refusal just before it; a conductor that wakes late is late by that much only."""
    it = run(world, oversleep_s=oversleep_s)
    assert max(reading.sent_s for reading in it.watch.readings) <= it.watch.deadline_s + oversleep_s


@SOME
@given(worlds())
def test_the_watch_ends_after_a_bounded_number_of_looks(world: World) -> None:
    """At the floor of its pace from beginning to end, it would look no more often than this."""
    it = run(world)
    shortest_s = it.watch.schedule.floor_s * (1 - it.watch.schedule.jitter)
    pins = 3
    assert len(it.looks) <= 1 + pins + math.ceil(it.watch.deadline_s / shortest_s)
    assert it.watch.settled or it.ended_s >= it.watch.deadline_s or it.wishes


@SOME
@given(worlds())
def test_a_layer_that_was_never_revoked_is_late_and_never_settles(world: World) -> None:
    """With refusals by mistake and outages: a site that forgets the log-out is not called signed out."""
    forgetful = World(
        world.seed,
        (math.inf,),
        world.latency_s,
        world.clicked_s,
        stray=min(world.stray, 0.1),
        broken=world.broken,
    )
    watch = run(forgetful).watch
    assert not watch.settled
    assert watch.interval.verdict(10.0) is not Verdict.WITHIN


@pytest.mark.parametrize("edges", [2, 3, 5])
def test_the_slowest_edge_is_missed_no_more_often_than_stated(edges: int) -> None:
    """One edge of several never hears of the log-out: however often it flaps, it is rarely called dead.

    300 seeded watches with a stated chance of one in five; a third more is allowed to mere chance. The quiet
    time is left out, since the refusals that fill it make a miss far rarer than stated.
    """
    watches, chance, missed = 300, 0.2, 0
    for seed in range(watches):
        world = World(seed=seed, edges=(*[0.0] * (edges - 1), math.inf), latency_s=0.002)
        watch = watch_of(world, window_s=1.0, quiet_s=0.001, grace_s=1.0, chance=chance, assumed_edges=edges)
        missed += run(world, watch).watch.settled
    assert 0 < missed <= 1.33 * chance * watches


# What it does, step by step


def test_before_the_log_out_nothing_settles_and_no_deadline_runs() -> None:
    """A layer that refuses before anybody logged out is not a sign-out."""
    watch = watching(*(refused(0.1 * i) for i in range(100)), moments=None)
    assert not watch.settled
    assert watch.deadline_s == math.inf
    with pytest.raises(ValueError, match="none has happened yet"):
        _ = watch.interval


def test_a_refusal_before_the_log_out_is_not_counted_as_one_of_it() -> None:
    """A healthy account gets one 401 now and then; the alive answers that follow are no flaps."""
    watch = watching(refused(3.0), alive(4.0), alive(9.0), alive(10.5), refused(11.0))
    assert watch.found.flaps == 0
    assert watch.found.first_refusal == refused(11.0)


def test_it_settles_after_enough_refusals_over_enough_time() -> None:
    """With two edges and a chance of one in eight, four refusals are needed, and two quiet seconds."""
    watch = watching(alive(10.0), chance=1 / 8, assumed_edges=2)
    steps = []
    for sent_s in (11.0, 11.1, 11.2, 12.0, 13.2):
        watch.take(refused(sent_s))
        steps.append(watch.settled)
    assert watch.refusals_needed == 4
    assert steps == [False, False, False, False, True]
    assert watch.interval.upper_s == pytest.approx(11.05 - 9.9)


def test_a_slow_answer_does_not_pass_for_a_quiet_time() -> None:
    """The last refusal was sent at once and took three seconds: nothing was asked in between."""
    watch = watching(alive(10.0), refused(11.0), refused(11.1, took_s=3.0), chance=0.5, assumed_edges=1)
    assert watch.found.refusals == watch.refusals_needed
    assert not watch.settled


def test_a_refusal_that_overlaps_the_last_alive_answer_never_settles_anything() -> None:
    """It was sent before the alive answer had come in, so it says nothing of what came after."""
    overlapping = [refused(12.0 + 0.01 * i, took_s=9.0) for i in range(50)]
    watch = watching(alive(11.0, took_s=1.5), *overlapping)
    assert watch.found.refusals == 0
    assert not watch.settled
    watch.take(refused(12.5))
    assert watch.found.refusals == 1
    assert not watch.settled


def test_every_flap_asks_for_more_refusals() -> None:
    """Each flap is one more try to miss the edge that still honours the layer."""
    run_of_refusals = [refused(12.0 + 0.1 * i) for i in range(20)]
    calm = watching(alive(10.0), *run_of_refusals)
    flapping = watching(alive(10.0), refused(11.0), alive(11.2), refused(11.4), alive(11.6), *run_of_refusals)
    assert calm.refusals_needed < flapping.refusals_needed
    assert calm.chance is not None
    assert flapping.chance is not None
    assert calm.chance < flapping.chance


def test_a_layer_that_states_no_chance_settles_after_a_few_refusals() -> None:
    """A page is reloaded too rarely for a chance worth stating; the quiet time still has to pass."""
    few = [refused(12.0 + i) for i in range(3)]
    settled = watching(alive(10.0), *few, chance=None, refusals=3, quiet_s=1.0)
    assert (settled.settled, settled.chance) == (True, None)
    assert not watching(alive(10.0), *few, chance=None, refusals=4, quiet_s=1.0).settled
    assert not watching(alive(10.0), *few, chance=None, refusals=3, quiet_s=5.0).settled


def test_the_first_look_is_at_once_and_then_the_pace_is_the_floor() -> None:
    """Before the log-out there is nothing to grow with."""
    watch = watching(moments=None)
    assert watch.next_look_s(5.0) == 5.0
    watch.take(alive(5.0))
    assert watch.next_look_s(5.05) == pytest.approx(5.095, abs=0.006)


def test_a_step_counts_from_the_sending_unless_the_look_failed_or_was_dear() -> None:
    """An interval counts from there too; but a site in trouble, and a browser, are left a pause."""
    assert watching(alive(5.0, took_s=4.0), moments=None).next_look_s(9.0) == 9.0
    for rests in (
        watching(unknown(5.0, took_s=4.0), moments=None),
        watching(alive(5.0, took_s=4.0), moments=None, chance=None),
    ):
        assert rests.next_look_s(9.0) == pytest.approx(9.095, abs=0.006)


@pytest.mark.parametrize(
    ("reading", "goes_on"), [(refused(11.2), True), (alive(11.2), False), (unknown(11.2), False)]
)
def test_it_asks_again_at_once_only_after_a_refusal(reading: Reading, goes_on: bool) -> None:
    """One alive answer tells all; an unknown one is a reason to leave the site alone."""
    watch = watching(refused(11.0), reading)
    assert watch.goes_on(reading) is goes_on


def test_it_asks_again_at_once_until_the_refusals_suffice_for_the_chance() -> None:
    """From then on only the quiet time has to pass, which takes a look now and then."""
    watch = watching(alive(10.0), chance=1 / 8, assumed_edges=2)
    again = []
    for i in range(6):
        watch.take(refused(11.0 + 0.1 * i))
        again.append(watch.goes_on(watch.readings[-1]))
    assert watch.refusals_needed == 4
    assert again == [True, True, True, False, False, False]


def test_nothing_is_asked_again_at_once_before_the_log_out_or_where_no_chance_is_stated() -> None:
    """There is no reason to before it; and a page is too dear for that."""
    assert not watching(refused(1.0), moments=None).goes_on(refused(1.0))
    assert not watching(refused(11.0), chance=None).goes_on(refused(11.0))


def test_a_hold_stops_even_what_is_asked_at_once() -> None:
    """The site asked another layer of the session to leave it alone."""
    watch = watching(alive(10.5), refused(11.0))
    watch.hold(12.0)
    watch.hold(11.5)  # the longest wish counts
    assert not watch.goes_on(refused(11.0))
    assert watch.next_look_s(11.05) == 12.0


def test_every_edge_takes_longer_than_what_was_honoured_to_those_who_asked() -> None:
    """With two edges and a chance of one in eight, the fourth refusal ends it; and no chance, no end."""
    four = [refused(11.0 + i) for i in range(5)]
    found = watching(alive(10.5), *four, chance=1 / 8, assumed_edges=2)
    assert found.every_edge is not None
    assert found.every_edge.upper_s == pytest.approx(14.05 - 9.9)
    assert found.every_edge.lower_s == found.interval.lower_s
    assert watching(alive(10.5), *four, chance=None, refusals=2).every_edge is None
    assert watching(alive(10.5), *four, moments=None).every_edge is None


def test_the_moments_that_come_late_change_what_was_read_before() -> None:
    """A refusal that is read while nobody knows of the log-out yet may have come before it, or after."""
    watch = watching(alive(8.0), refused(9.0), alive(9.5), refused(9.95), moments=None)
    before = watch.found
    watch.moments = LOGGED_OUT
    assert (before.flaps, before.refusals) == (1, 1)
    assert (watch.found.flaps, watch.found.first_refusal) == (0, refused(9.95))


def test_nothing_is_asked_at_once_past_the_deadline() -> None:
    """Refused or not: when time is up, nothing more is asked."""
    watch = watching(refused(42.0))
    assert watch.deadline_s == 43.0
    assert watch.goes_on(refused(42.9))
    assert not watch.goes_on(refused(42.96))


def test_a_wish_that_outlasts_the_deadline_ends_the_watch() -> None:
    """A site that asks for more patience than there is left is not asked again."""
    watch = watching(unknown(11.0))
    watch.hold(3600.0)
    assert watch.next_look_s(11.05) is None
    assert watch.interval.upper_s == math.inf


def test_what_it_last_heard_passes_over_the_unknown() -> None:
    """The state on display is the last one that said anything."""
    assert watching().state is State.UNKNOWN
    assert watching(alive(1.0), unknown(2.0)).state is State.ALIVE


@pytest.mark.parametrize("ends_s", [29.5, 29.95, 30.02, 30.5])
def test_an_end_near_the_window_still_gets_a_verdict(ends_s: float) -> None:
    """A look just before the window closes and one just after keep the interval from straddling it."""
    world = World(
        edges=(ends_s,), latency_s=0.003, until_request_s=0.001, until_answer_s=0.004, performed=0.0
    )
    it = run(world, watch_of(world, window_s=30.0))
    expected = Verdict.WITHIN if ends_s < 30 else Verdict.LATE
    assert it.watch.interval.verdict(30.0) is expected


def test_half_an_hour_takes_a_few_hundred_looks() -> None:
    """A layer that lives through the whole window of 30 minutes is looked at about 300 times, not 1,800."""
    world = World(edges=(math.inf,), latency_s=0.1)
    it = run(world, watch_of(world, window_s=1800.0, floor_s=1.0, quiet_s=90.0, grace_s=180.0))
    assert 200 < len(it.looks) < 400
    assert max(later_s - look_s for look_s, later_s in pairwise(it.looks)) <= 15.0 + world.latency_s
