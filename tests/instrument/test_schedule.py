"""When to look next: the pace, its pins and its limits."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterglow.delay import Interval
from afterglow.expectation import KEPT, Expectation, Plan
from afterglow.readings import Moments
from afterglow.schedule import Schedule
from afterglow.statistics.npmle import estimate
from tests.instrument.simulated import World, run, watch_of

MOMENTS = Moments(clicked_s=99.8, requested_s=99.9, acknowledged_s=100.0)


def schedule(window_s: float = 1800.0, jitter: float = 0.0) -> Schedule:
    return Schedule(window_s, floor_s=1.0, jitter=jitter, random=Random(1))  # noqa: S311 - dice, not secrets


def next_s(
    now_s: float, took_s: float = 0.1, refused_s: float | None = None, moments: Moments | None = MOMENTS
) -> float:
    """The next look, after one that took so long."""
    asked_s = now_s - took_s
    return schedule().next_s(now_s, moments, refused_s, took_s, asked_s=asked_s, paced_s=asked_s)


@pytest.mark.parametrize(
    ("elapsed_s", "step_s"),
    [(-5.0, 1.0), (0.0, 1.0), (50.0, 1.0), (100.0, 2.0), (500.0, 10.0), (1800.0, 15.0)],
)
def test_the_step_grows_with_the_elapsed_time_between_floor_and_cap(elapsed_s: float, step_s: float) -> None:
    """A fiftieth of what has passed: as wide for seconds as for half an hour, taken relatively."""
    assert schedule().step_s(elapsed_s, growth=0.02) == pytest.approx(step_s)


@given(st.floats(0, 2000), st.integers(0, 10_000))
def test_jitter_shortens_a_step_by_a_tenth_at_most(elapsed_s: float, seed: int) -> None:
    """It keeps the looks out of step with the site, and never makes an interval wider than meant."""
    jittered = Schedule(1800.0, floor_s=1.0, jitter=0.1, random=Random(seed))  # noqa: S311
    plain_s = schedule().step_s(elapsed_s, growth=0.02)
    assert 0.9 * plain_s <= jittered.step_s(elapsed_s, growth=0.02) <= plain_s


@given(
    st.floats(0, 3000),
    st.floats(0, 5),
    st.booleans(),
    st.one_of(st.none(), st.floats(0, 3000)),
    st.booleans(),
)
def test_the_next_look_never_lies_in_the_past(
    now_s: float, took_s: float, rests: bool, refused_s: float | None, logged_out: bool
) -> None:
    """However long an answer takes, and even if a refusal seems to lie in the future."""
    asked_s = now_s - took_s
    then_s = schedule(jitter=0.1).next_s(
        now_s,
        MOMENTS if logged_out else None,
        refused_s,
        took_s,
        asked_s=asked_s,
        paced_s=now_s if rests else asked_s,
    )
    # a look gives way to a pin that it would overlap: later than a step, by a round trip at most
    assert now_s <= then_s <= now_s + 15.0 + took_s


def test_before_the_log_out_the_pace_is_the_floor() -> None:
    """There is no elapsed time to grow with. A step counts from the sending of the last look."""
    assert next_s(1000.0, moments=None) == pytest.approx(1000.9)
    assert next_s(1000.0, took_s=4.0, moments=None) == 1000.0


def test_a_step_and_a_round_trip_together_grow_with_the_elapsed_time() -> None:
    """They are what the interval is wide: a fiftieth of 500 s, from sending to the next answer."""
    sent_s = next_s(600.1, took_s=0.1)
    assert sent_s + 0.1 - 600.0 == pytest.approx(500 / 50)


def test_after_a_refusal_the_steps_are_small_again_and_grow_faster() -> None:
    """A flap must be met soon; a quiet time need not be filled with looks."""
    assert next_s(1000.0, refused_s=999.5) == 1001.0
    assert next_s(1000.0, refused_s=980.0) == 1005.0


def test_looks_are_pinned_on_either_side_of_the_window() -> None:
    """What is refused to the first two is within, what is served to the third is late."""
    far_s, near_s, after_s = schedule().pins_s(MOMENTS, round_trip_s=0.1)
    assert far_s + 2 * 0.1 <= near_s + 0.1 <= 99.9 + 1800.0
    assert 100.0 + 1800.0 < after_s < 100.0 + 1800.1
    assert next_s(far_s - 3.0) == far_s
    assert next_s(far_s + 0.1) == near_s
    assert next_s(near_s + 0.1) == after_s
    assert next_s(after_s + 0.1) == after_s + 15.0


def test_a_look_that_would_overlap_a_pin_gives_way_to_it() -> None:
    """Else its answer would come after the pin, and tell of neither side."""
    far_s, _, after_s = schedule().pins_s(MOMENTS, round_trip_s=0.1)
    assert next_s(far_s - 14.94) == far_s
    assert next_s(far_s - 15.3) == pytest.approx(far_s - 0.4)
    assert after_s > far_s


def test_a_pin_that_passed_while_an_answer_was_awaited_is_made_up_for_at_once() -> None:
    """A look that hangs across the end of the window must not cost the verdict."""
    after_s = schedule().pins_s(MOMENTS, round_trip_s=0.1)[-1]
    now_s = after_s + 5.0
    hung_s = schedule().next_s(now_s, MOMENTS, None, 0.1, asked_s=after_s - 5.0, paced_s=now_s)
    later_s = schedule().next_s(now_s, MOMENTS, None, 0.1, asked_s=after_s, paced_s=now_s)
    assert (hung_s, later_s) == (now_s, now_s + 15.0)


@given(st.floats(0.5, 1800), st.floats(0, 60))
def test_no_pin_lies_far_before_the_window(window_s: float, round_trip_s: float) -> None:
    """A site that answers slowly moves it by a tenth of the window at most."""
    far_s, near_s, after_s = schedule(window_s).pins_s(MOMENTS, round_trip_s)
    assert 99.9 + 0.9 * window_s - 1e-9 <= far_s <= near_s < after_s


ROUND_TRIP_S = 0.1


def read(delay_s: float, seed: int, floor_s: float) -> tuple[float, int]:
    """Watch a site of one edge, in good order, over half an hour: the width of the interval and the looks.

    The width is without the log-out's own round trip: no schedule can look into that.
    """
    world = World(seed, (delay_s,), ROUND_TRIP_S, quickest=1.0, until_answer_s=0.1)
    it = run(world, watch_of(world, window_s=1800.0, floor_s=floor_s, quiet_s=60.0, grace_s=180.0))
    interval = it.watch.interval
    assert interval.lower_s <= it.true_delay_s <= interval.upper_s
    return interval.upper_s - interval.lower_s - world.until_answer_s, len(it.watch.readings)


@pytest.mark.parametrize(("floor_s", "looks"), [(1.0, 400), (0.1, 520)])
@pytest.mark.parametrize("spread", ["evenly", "in every order of magnitude alike"])
def test_half_an_hour_is_read_to_a_fiftieth_with_a_few_hundred_looks(
    floor_s: float, looks: int, spread: str
) -> None:
    """The interval is 2 % of the delay wide at most, or as wide as the shortest step and one round trip.

    Looks are all that were made, those included that confirm the end. A floor of a tenth of a second costs
    more of them: to look twice as closely at all that ends within five minutes has its price.
    """
    random = Random(5)  # noqa: S311 - dice, not secrets
    shares = [random.random() for _ in range(200)]
    delays = [1 + 1799 * u if spread == "evenly" else 1800**u for u in shares]
    found = [(delay_s, *read(delay_s, seed, floor_s)) for seed, delay_s in enumerate(delays)]
    noise_s = 1e-9
    for delay_s, width_s, cost in found:
        assert width_s <= max(0.02 * delay_s, floor_s + ROUND_TRIP_S) + noise_s
        assert cost <= looks
    # Where the floor is a fiftieth of the delay or less, it no longer decides.
    relative = [width_s / delay_s for delay_s, width_s, _ in found if delay_s > 50 * (floor_s + ROUND_TRIP_S)]
    assert median(relative) <= 0.02
    if spread == "evenly" or floor_s < 1:
        assert median(width_s / delay_s for delay_s, width_s, _ in found) <= 0.02


# With the nights before


def after(*delays_s: float) -> Expectation:
    """What sixty nights let expect, that had these delays in turn."""
    found = estimate([Interval(delay_s, 1.02 * delay_s) for delay_s in delays_s * (60 // len(delays_s))])
    expectation = Expectation.of(found, horizon_s=1980.0)
    assert expectation is not None
    return expectation


HISTORIES = (after(2.0), after(40.0, 60.0), after(5.0, 600.0), after(*range(15, 900, 15)), after(1900.0))


@given(st.floats(-5, 2000), st.floats(0, 5), st.integers(0, 10_000))
def test_without_nights_before_the_steps_are_as_ever(elapsed_s: float, took_s: float, seed: int) -> None:
    """The same dice give the same steps: nothing is drawn but the jitter, and by the same formula."""
    pace = Schedule(1800.0, floor_s=1.0, random=Random(seed))  # noqa: S311
    wanted_s = min(15.0, max(1.0, 0.02 * elapsed_s - took_s))
    assert pace.expected_step_s(elapsed_s, took_s) == wanted_s * (1 - 0.1 * Random(seed).random())  # noqa: S311


@given(
    st.sampled_from(HISTORIES),
    st.floats(-5, 2500),
    st.floats(0, 5),
    st.sampled_from([0.1, 1.0, 5.0, 60.0]),
    st.sampled_from([0.02, 0.1]),
    st.integers(0, 10_000),
)
def test_whatever_is_expected_a_step_lies_between_floor_and_cap_and_is_never_blind(
    expectation: Expectation, elapsed_s: float, took_s: float, floor_s: float, growth: float, seed: int
) -> None:
    """No site is asked more often than it should be, and no moment is left out for having had no night."""
    pace = Schedule(1800.0, floor_s, growth=growth, random=Random(seed), expectation=expectation)  # noqa: S311
    step_s = pace.expected_step_s(elapsed_s, took_s)
    usual_s = min(15.0, max(floor_s, growth * elapsed_s - took_s))
    assert 0.9 * min(floor_s, 15.0) - 1e-9 <= step_s <= 15.0
    assert step_s + took_s <= (usual_s + took_s) / KEPT + 1e-9, "the interval would be too wide"


def test_looks_are_closest_where_the_nights_before_ended() -> None:
    """After nights of 600 s a step of 12 s is much shorter there, and a little longer where none ended."""
    pace = Schedule(1800.0, jitter=0.0, expectation=after(590.0, 610.0))
    assert pace.expected_step_s(600.0) < 3.0
    assert 6.0 < pace.expected_step_s(300.0) <= 6.0 / KEPT
    assert pace.expected_step_s(700.0) == pytest.approx(14.0, rel=0.02)


def test_a_step_does_not_leap_over_the_moment_when_the_revocation_is_likely() -> None:
    """The looks that fall due are counted on the way, not only where it begins."""
    likely = Expectation((0.0, 600.0, 601.0), (0.0, 1.0), 1980.0)
    pace = Schedule(1800.0, jitter=0.0, expectation=likely)
    assert 599.0 + pace.expected_step_s(599.0) < 601.0 < 599.0 + 0.02 * 599.0


@given(st.sampled_from(HISTORIES), st.floats(0, 2000), st.integers(0, 1000), st.floats(0, 2000))
def test_before_the_log_out_and_after_a_refusal_nothing_is_expected(
    expectation: Expectation, now_s: float, seed: int, refused_s: float
) -> None:
    """What confirms an end, and what shows that all was well before, is as without a history."""
    plain, informed = (
        Schedule(1800.0, 1.0, random=Random(seed), expectation=each)  # noqa: S311
        for each in (None, expectation)
    )
    for moments, refused in ((None, None), (MOMENTS, refused_s)):
        steps = [
            p.next_s(now_s, moments, refused, 0.1, asked_s=now_s, paced_s=now_s) for p in (plain, informed)
        ]
        assert steps[0] == steps[1]


def test_a_plan_is_made_once_and_not_for_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch of half an hour takes hundreds of steps."""
    made: list[Plan] = []
    make = Expectation.plan

    def counted(it: Expectation, *, floor_s: float, cap_s: float, growth: float) -> Plan:
        made.append(make(it, floor_s=floor_s, cap_s=cap_s, growth=growth))
        return made[-1]

    monkeypatch.setattr(Expectation, "plan", counted)
    pace = Schedule(1800.0, expectation=HISTORIES[0])
    for elapsed_s in range(1000):
        pace.expected_step_s(float(elapsed_s))
    assert len(made) == 1


@given(st.sampled_from(HISTORIES), st.floats(0, 1900), st.integers(0, 10_000))
def test_a_whole_watch_contains_the_truth_whatever_was_expected(
    expectation: Expectation, delay_s: float, seed: int
) -> None:
    """And sees the window's end from both sides; between two looks no more time passes than is allowed."""
    world = World(seed, (delay_s,), ROUND_TRIP_S, quickest=1.0, until_answer_s=0.1)
    watch = watch_of(world, window_s=1800.0, floor_s=1.0, quiet_s=60.0, grace_s=180.0)
    watch.schedule = Schedule(1800.0, 1.0, random=Random(seed), expectation=expectation)  # noqa: S311
    it = run(world, watch)
    assert watch.interval.lower_s <= it.true_delay_s <= watch.interval.upper_s
    acknowledged_s, refused = world.moments.acknowledged_s, watch.found.first_refusal
    assert refused is not None
    looks_s = [each.sent_s - acknowledged_s for each in watch.readings if each.sent_s <= refused.sent_s]
    for sent_s, following_s in pairwise(each for each in looks_s if each >= 0):
        allowed_s = min(15.0, max(1.0 + ROUND_TRIP_S, 0.02 * sent_s) / KEPT)
        assert following_s - sent_s <= allowed_s + ROUND_TRIP_S + 1e-9
