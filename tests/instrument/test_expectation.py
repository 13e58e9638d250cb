"""Where the nights before make a revocation likely, and the plan of looks that follows from it."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterglow.delay import Interval
from afterglow.expectation import FEWEST_NIGHTS, KEPT, Expectation, Plan
from afterglow.statistics.npmle import Cell, Distribution, estimate
from benchmarks import looking

HORIZON_S = 1980.0
FLOOR_S, CAP_S, GROWTH = 0.1, 15.0, 0.02


def usual_s(elapsed_s: float) -> float:
    """The step of a schedule that knows nothing of the nights before."""
    return min(CAP_S, max(FLOOR_S, GROWTH * elapsed_s))


def plan_of(expectation: Expectation, floor_s: float = FLOOR_S) -> Plan:
    return expectation.plan(floor_s=floor_s, cap_s=CAP_S, growth=GROWTH)


def per_second(plan: Plan, from_s: float, to_s: float) -> float:
    """How many looks a second a plan has between two moments."""
    looks = np.interp([from_s, to_s], plan.at_s, plan.looks)
    return float(looks[1] - looks[0]) / (to_s - from_s)


def looks_until_the_end(plan: Plan, expectation: Expectation) -> float:
    """How many looks are to be expected, if the expectation is right."""
    at = np.array(plan.at_s)
    alive = 1 - np.interp((at[1:] + at[:-1]) / 2, expectation.edges_s, np.cumsum([0, *expectation.masses]))
    return float(alive @ np.diff(plan.looks))


def nights(*delays_s: float, width_s: float = 0.1) -> Distribution:
    """What is estimated from nights with these delays."""
    return estimate([Interval(delay_s, delay_s + width_s) for delay_s in delays_s])


def expected(distribution: Distribution, nights: int | None = None) -> Expectation:
    found = Expectation.of(distribution, horizon_s=HORIZON_S, nights=nights)
    assert found is not None
    return found


@st.composite
def distributions(draw: st.DrawFn) -> Distribution:
    """Of nights of every kind, also such that saw no end."""
    ends = st.tuples(st.floats(0, 2500), st.one_of(st.just(0.0), st.floats(0, 400), st.just(math.inf)))
    drawn = draw(st.lists(ends, min_size=FEWEST_NIGHTS, max_size=40))
    return estimate([Interval(lower_s, lower_s + width_s) for lower_s, width_s in drawn])


def expectations() -> st.SearchStrategy[Expectation]:
    known = distributions().map(lambda each: Expectation.of(each, horizon_s=HORIZON_S))
    return known.filter(lambda each: each is not None).map(lambda each: each or pytest.fail("filtered"))


# What the nights let expect


def test_few_nights_let_expect_nothing() -> None:
    """Several log-outs of a night are no more than one night."""
    nine = nights(*range(FEWEST_NIGHTS - 1))
    ten = nights(*range(FEWEST_NIGHTS))
    assert Expectation.of(nine, horizon_s=HORIZON_S) is None
    assert Expectation.of(ten, horizon_s=HORIZON_S) is not None
    assert Expectation.of(ten, horizon_s=HORIZON_S, nights=FEWEST_NIGHTS - 1) is None


def test_nights_without_an_end_let_expect_nothing() -> None:
    """That it takes long does not tell how long."""
    assert Expectation.of(estimate([Interval(35.0)] * 50), horizon_s=HORIZON_S) is None


@given(distributions())
def test_all_of_the_seen_ends_is_expected_somewhere(distribution: Distribution) -> None:
    """No mass is lost, none is made, and what was never seen to end stays open."""
    found = Expectation.of(distribution, horizon_s=HORIZON_S)
    seen = math.fsum(cell.mass for cell in distribution.cells if math.isfinite(cell.upper_s))
    if found is None:
        assert seen == 0
        return
    assert math.fsum(found.masses) == pytest.approx(seen)
    assert min(found.masses) >= 0
    assert found.edges_s[0] == 0
    assert all(edge < following for edge, following in pairwise(found.edges_s))


def test_nights_that_agree_are_expected_closely_and_two_modes_stay_two() -> None:
    """A neighbourhood reaches as far as it takes to meet a few other nights, and no further."""
    random = Random(3)  # noqa: S311 - dice, not secrets
    found = expected(nights(*(random.choice([5.0, 600.0]) + random.random() for _ in range(60))))
    spread = [
        (a, b) for a, b, mass in zip(found.edges_s, found.edges_s[1:], found.masses, strict=False) if mass
    ]
    assert all(4.5 < a < b < 6.7 or 599.5 < a < b < 601.7 for a, b in spread)


def test_a_wide_cell_is_expected_all_over_it() -> None:
    """A night in which the site did not answer tells of no moment in particular."""
    found = expected(Distribution((Cell(100.0, 500.0, 1.0),), 20))
    plan = plan_of(found)
    assert per_second(plan, 120, 130) == pytest.approx(per_second(plan, 470, 480), rel=0.35)


# The plan


def test_steps_are_as_the_inverse_square_root_of_the_density() -> None:
    """Where four times as many revocations are expected, the steps are half as long."""
    plan = plan_of(Expectation((0.0, 400.0, 500.0, 600.0), (0.0, 0.8, 0.2), HORIZON_S))
    often_s, rarely_s = plan.step_s(450.0), plan.step_s(550.0)
    assert FLOOR_S < often_s < rarely_s < usual_s(550.0)
    assert rarely_s / often_s == pytest.approx(2.0)


@given(st.floats(0.05, 0.95), st.floats(300, 450), st.floats(20, 50), st.floats(20, 150))
def test_steps_are_so_for_every_two_densities_within_the_limits(
    share: float, from_s: float, first_s: float, second_s: float
) -> None:
    """Unless the floor or the usual step is in the way."""
    edges = (0.0, from_s, from_s + first_s, from_s + first_s + second_s)
    known = Expectation(edges, (0.0, share, 1 - share), HORIZON_S)
    plan = plan_of(known)
    steps = [per_second(plan, a + 1, b - 1) ** -1 for a, b in pairwise(edges[1:])]
    usually = [usual_s(at) for at in edges[1:3]]
    if all(1.01 * FLOOR_S < step < 0.95 * usual for step, usual in zip(steps, usually, strict=True)):
        densities = share / first_s, (1 - share) / second_s
        assert steps[0] / steps[1] == pytest.approx((densities[0] / densities[1]) ** -0.5, rel=1e-6)


@given(expectations())
def test_a_plan_costs_what_the_usual_steps_would(expectation: Expectation) -> None:
    """It moves looks, and makes none: unless the floor forbids to spend them."""
    plan = plan_of(expectation)
    usual = expectation.plan(floor_s=FLOOR_S, cap_s=CAP_S, growth=GROWTH, kept=1.0)
    costs, budget = (looks_until_the_end(each, expectation) for each in (plan, usual))
    assert costs <= budget * (1 + 1e-6)
    at = np.array(plan.at_s)
    rates = np.diff(plan.looks) / np.diff(at)
    if costs < 0.999 * budget:
        masses = np.interp(at, expectation.edges_s, np.cumsum([0, *expectation.masses]))
        there = np.diff(masses) > 1e-9
        assert rates[there] == pytest.approx(1 / FLOOR_S)


@given(expectations(), st.floats(0, 1970))
def test_no_step_is_blind(expectation: Expectation, elapsed_s: float) -> None:
    """Wherever the nights before saw nothing, most of the usual looks are made, and none is far."""
    step_s = plan_of(expectation).step_s(elapsed_s)
    # The usual steps grow on the way by a fiftieth at most, and the schedule itself forbids that.
    assert 0 < step_s <= 1.03 * usual_s(elapsed_s) / KEPT


def test_where_nothing_was_expected_any_more_the_usual_steps_are_back() -> None:
    """A history that has been refuted is believed no longer."""
    plan = plan_of(expected(nights(*[2.0] * 60)))
    for elapsed_s in (3.0, 50.0, 500.0, 1500.0):
        assert 1 / per_second(plan, elapsed_s, 1.01 * elapsed_s) == pytest.approx(
            usual_s(elapsed_s), rel=0.03
        )
    before = plan_of(expected(nights(*[600.0] * 60)))
    assert 1 / per_second(before, 50.0, 51.0) == pytest.approx(usual_s(50.0) / KEPT, rel=0.03)


def test_after_its_end_a_plan_goes_on() -> None:
    """The watch is given up there, but a step may be asked for a little later."""
    plan = plan_of(expected(nights(*[600.0] * 60)))
    assert plan.step_s(HORIZON_S) == pytest.approx(15.0)
    assert plan.step_s(HORIZON_S + 100) == pytest.approx(15.0)


# The goals, worked out: `make looking` measures them


@pytest.mark.parametrize("floor_s", looking.FLOORS_S)
def test_all_goals_hold_at_once_where_the_densities_are_known(floor_s: float) -> None:
    """Within 20 % of the optimum, never worse, and 1.25 times as wide at most when misled, in any case."""
    worst = looking.trade(KEPT, floor_s)
    assert worst.optimum <= looking.WITHIN
    assert worst.right < looking.NO_WORSE
    assert worst.as_it_runs <= 1 / KEPT + 1e-6 < looking.MISLED
    assert worst.same_requests <= looking.MISLED


def test_with_less_kept_of_the_usual_looks_a_history_that_misleads_costs_too_much() -> None:
    """And with more of them, the optimum is out of reach: the two goals leave little room."""
    assert looking.trade(0.7, 1.0).same_requests > looking.MISLED
    assert looking.trade(0.95, 0.1).optimum > looking.WITHIN


def test_the_optimum_of_the_sawtooth_is_known() -> None:
    """Evenly over 900 s: (∫√f)² is 900 s, and 400 s for one that stops looking at the end."""
    optimum, least = looking.bounds_of(looking.TRUTHS[looking.SAWTOOTH])
    assert optimum == pytest.approx(900, rel=0.01)
    assert least == pytest.approx(400, rel=0.01)


@given(st.floats(0.5, 1700), st.integers(0, 1000), st.sampled_from(looking.FLOORS_S))
def test_a_watch_of_the_benchmark_contains_the_delay(delay_s: float, seed: int, floor_s: float) -> None:
    """With and without a history, a good one or not."""
    known = looking.TRUTHS[looking.LOG_NORMAL].known
    for schedule in (looking.pace(floor_s, seed), looking.pace(floor_s, seed, known)):
        it = looking.watched(schedule, delay_s)
        assert it.delay.lower_s <= delay_s <= it.delay.upper_s


def test_the_benchmark_compares_at_the_same_number_of_requests() -> None:
    """The factor that stretches the steps is found, and the same log-outs are watched."""
    plot = looking.Plot(looking.TWO_MODES, looking.TWO_MODES, 60, 1.0, histories=3, draws=10, seed=1)
    found = looking.compare(plot)
    assert found.informed.looks == pytest.approx(found.geometric.looks, rel=0.02)
    assert found.is_right
    assert found.bounds[0] <= found.ratio <= found.bounds[1] < 1
    assert not found.missed


@pytest.mark.parametrize(
    ("truth", "widths_s", "missed", "unsure"),
    [
        (looking.TWO_MODES, (0.9, 0.9, 0.9), [], []),
        (looking.TWO_MODES, (1.1, 1.1, 1.1), ["no worse"], []),
        (looking.TWO_MODES, (0.8, 0.8, 1.3), [], ["no worse"]),
        (looking.SAWTOOTH, (1.2, 1.2, 1.2), [], []),
        (looking.SAWTOOTH, (1.3, 1.3, 1.3), ["same requests", "as it runs"], []),
    ],
)
def test_the_benchmark_names_the_goals_that_are_missed(
    truth: str, widths_s: tuple[float, ...], missed: list[str], unsure: list[str]
) -> None:
    """Beyond chance; and those of which it cannot be sure."""
    plot = looking.Plot(looking.TWO_MODES, truth, 60, 1.0, histories=3, draws=1, seed=1)
    usual, informed = (
        looking.Mean(float(np.mean(widths)), 100.0, np.array(widths))
        for widths in ((1.0, 1.0, 1.0), widths_s)
    )
    found = looking.Compared(plot, usual, informed, informed, 1.0)
    assert (found.missed, found.unsure) == (missed, unsure)
