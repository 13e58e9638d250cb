"""The estimate of the delay's distribution: that it is the likeliest one, and what its band allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterglow.delay import Interval
from afterglow.statistics import npmle
from afterglow.statistics.npmle import Cell, Distribution, estimate
from tests.statistics.intervals import REFERENCES, interval, many_intervals, published, simulated

RADIOTHERAPY = {
    (4, 5): 0.0463,
    (6, 7): 0.0334,
    (7, 8): 0.0887,
    (11, 12): 0.0708,
    (24, 25): 0.0926,
    (33, 34): 0.0818,
    (38, 40): 0.1209,
    (46, 48): 0.4656,
}
"""The published estimate for the 46 patients of Finkelstein and Wolfe (1985), Biometrics 41, 933-945."""

REMISSION = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
"""The Kaplan-Meier estimate for 21 patients under 6-mercaptopurine, as textbooks print it."""


def mass_in(found: Distribution, within: Interval) -> float:
    """What an estimate gives to an interval: the cells that lie in it, but no point at its begin."""
    lower_s, upper_s = within.lower_s, within.upper_s
    return math.fsum(
        cell.mass
        for cell in found.cells
        if lower_s <= cell.lower_s
        and cell.upper_s <= upper_s
        and (cell.upper_s > lower_s or lower_s == upper_s)
    )


def log_likelihood(found: Distribution, intervals: Sequence[Interval]) -> float:
    return math.fsum(math.log(mass_in(found, each)) for each in intervals)


def masses(found: Distribution) -> dict[tuple[float, float], float]:
    return {(cell.lower_s, cell.upper_s): cell.mass for cell in found.cells}


def test_the_published_masses_of_the_breast_cosmesis_data_come_out() -> None:
    found = masses(estimate(published("radiotherapy")))
    assert found.keys() == RADIOTHERAPY.keys()
    assert found == pytest.approx(RADIOTHERAPY, abs=0.00006)


def test_the_published_kaplan_meier_estimate_comes_out() -> None:
    found = estimate(published("leukaemia"))
    assert {t: found.survival(t)[1] for t in REMISSION} == pytest.approx(REMISSION, abs=0.0006)


@pytest.mark.parametrize("name", REFERENCES)
def test_another_implementation_finds_the_same(name: str) -> None:
    """SurPyval tells the share at the end of each cell, where all of its mass is behind."""
    found = estimate(published(name))
    for t, share in REFERENCES[name]["survival"]:
        assert found.survival(t)[1] == pytest.approx(share, abs=2e-6), t


@given(many_intervals, st.randoms(use_true_random=False))
def test_no_other_masses_are_likelier(intervals: list[Interval], chance: Random) -> None:
    found = estimate(intervals)
    best = log_likelihood(found, intervals)
    assert found.converged
    for _ in range(5):
        weights = [cell.mass * math.exp(chance.uniform(-0.5, 0.5)) for cell in found.cells]
        cells = [
            replace(cell, mass=weight / sum(weights))
            for cell, weight in zip(found.cells, weights, strict=True)
        ]
        assert log_likelihood(replace(found, cells=tuple(cells)), intervals) <= best + 1e-6


@given(many_intervals)
def test_no_cell_anywhere_would_gain_by_mass(intervals: list[Interval]) -> None:
    """Kuhn and Tucker: mass adds to the likelihood no faster than n, also on spots that have none."""
    found = estimate(intervals)
    values = sorted({end for each in intervals for end in (each.lower_s, each.upper_s)})
    spots = [Interval(value, value) for value in values] + [Interval(*ends) for ends in pairwise(values)]
    for spot in spots:
        with_mass_there = Distribution((Cell(spot.lower_s, spot.upper_s, 1.0),), 1)
        gain = sum(mass_in(with_mass_there, each) / mass_in(found, each) for each in intervals)
        assert gain <= len(intervals) * (1 + 1e-6)


@given(many_intervals)
def test_cells_are_in_order_do_not_overlap_and_share_one_mass(intervals: list[Interval]) -> None:
    found = estimate(intervals)
    assert math.fsum(cell.mass for cell in found.cells) == pytest.approx(1)
    assert all(cell.mass > 0 for cell in found.cells)
    assert all(left.upper_s <= right.lower_s for left, right in pairwise(found.cells))


@given(many_intervals.flatmap(lambda drawn: st.tuples(st.just(drawn), st.permutations(drawn))))
def test_the_order_of_the_nights_does_not_matter(drawn: tuple[list[Interval], list[Interval]]) -> None:
    one, other = drawn
    assert masses(estimate(one)) == pytest.approx(masses(estimate(other)), abs=1e-5)


@given(many_intervals)
def test_the_same_nights_twice_tell_the_same(intervals: list[Interval]) -> None:
    twice = estimate(intervals * 2)
    assert twice.n == 2 * len(intervals)
    assert masses(twice) == pytest.approx(masses(estimate(intervals)), abs=1e-5)


@given(many_intervals, st.sampled_from([0.001, 0.5, 3600.0]))
def test_other_units_of_time_change_nothing_but_the_times(intervals: list[Interval], unit: float) -> None:
    found = masses(estimate(intervals))
    scaled = masses(estimate([Interval(each.lower_s * unit, each.upper_s * unit) for each in intervals]))
    assert scaled == pytest.approx({(a * unit, b * unit): mass for (a, b), mass in found.items()}, abs=1e-5)


@given(st.lists(st.integers(1, 9).map(float), min_size=1, max_size=30))
def test_of_exact_delays_it_is_their_empirical_distribution(delays_s: list[float]) -> None:
    found = estimate([Interval(each, each) for each in delays_s])
    n = len(delays_s)
    assert masses(found) == pytest.approx({(t, t): delays_s.count(t) / n for t in delays_s})
    assert found.survival(4.0) == pytest.approx((sum(t > 4 for t in delays_s) / n,) * 2)


@given(st.lists(st.tuples(st.integers(1, 9).map(float), st.booleans()), min_size=1, max_size=30))
def test_of_exact_and_open_ended_delays_it_is_the_kaplan_meier_estimate(
    seen: list[tuple[float, bool]],
) -> None:
    """Its product over the moments of an end: of those that were still there, the share that went on."""
    found = estimate([interval(t, t if ended else None) for t, ended in seen])
    share = 1.0
    for t in sorted({t for t, ended in seen if ended}):
        share *= 1 - sum(ended and each == t for each, ended in seen) / sum(each >= t for each, _ in seen)
        assert found.survival(t)[1] == pytest.approx(share, abs=1e-5)


def test_an_interval_does_not_contain_its_lower_end() -> None:
    """Half-open: after (0, 5] comes (5, 7], and a delay of exactly 5 s is in the first of them alone."""
    found = estimate([Interval(0, 5), Interval(5, 7)])
    assert masses(found) == pytest.approx({(0, 5): 0.5, (5, 7): 0.5})
    assert masses(estimate([Interval(0, 5), Interval(5, 5)])) == pytest.approx({(5, 5): 1})
    assert masses(estimate([Interval(5, 5), Interval(5, 7)])) == pytest.approx({(5, 5): 0.5, (5, 7): 0.5})


def test_where_in_a_cell_the_mass_lies_nobody_knows() -> None:
    found = estimate([Interval(2, 4), Interval(6, 6), Interval(8), Interval(8)])
    band = {t: found.survival(t) for t in (0, 2, 3, 4, 6, 8, 9, 1e9)}
    assert band == {
        0: (1, 1),
        2: (1, 1),
        3: (0.75, 1),
        4: (0.75, 0.75),
        6: pytest.approx((0.5, 0.5)),
        8: pytest.approx((0.5, 0.5)),
        9: (0, pytest.approx(0.5)),
        1e9: (0, pytest.approx(0.5)),
    }


def test_the_steps_are_the_band_just_after_each_of_its_ends() -> None:
    found = estimate([Interval(2, 4), Interval(6, 6), Interval(8), Interval(8)])
    assert found.steps() == [
        (0.0, 1, 1),
        (2, 0.75, 1),
        (4, 0.75, 0.75),
        (6, pytest.approx(0.5), pytest.approx(0.5)),
        (8, 0, pytest.approx(0.5)),
    ]


@given(many_intervals)
def test_the_band_falls_from_one_and_its_steps_tell_it_everywhere(intervals: list[Interval]) -> None:
    found = estimate(intervals)
    steps = found.steps()
    assert steps[0][0] == 0
    for (t, low, high), (until, lower, higher) in pairwise(steps):
        assert found.survival((t + until) / 2) == pytest.approx((low, high))
        assert 0 <= lower <= low <= high <= 1
        assert higher <= high
    assert found.survival(steps[-1][0] + 1) == pytest.approx(steps[-1][1:])


@given(many_intervals, st.floats(0.01, 1))
def test_a_quantile_is_in_the_cell_that_reaches_the_share(intervals: list[Interval], p: float) -> None:
    found = estimate(intervals)
    where = found.quantile(p)
    beyond = found.survival(where.upper_s)[1] if math.isfinite(where.upper_s) else 0.0
    assert beyond <= 1 - p + 1e-6
    assert found.survival(where.lower_s)[1] >= 1 - p - 1e-6 or where.lower_s == where.upper_s


def test_the_median_of_three_exact_delays_is_the_second() -> None:
    found = estimate([Interval(t, t) for t in (1.0, 2.0, 7.0)])
    assert found.quantile(0.5) == Interval(2, 2)
    assert found.quantile(1 / 3) == Interval(1, 1)
    assert found.quantile(1) == Interval(7, 7)


@pytest.mark.parametrize("p", [0, -0.1, 1.1])
def test_a_share_that_is_none_has_no_quantile(p: float) -> None:
    with pytest.raises(ValueError, match="not a share"):
        estimate([Interval(1, 2)]).quantile(p)


def test_of_nothing_there_is_no_estimate() -> None:
    with pytest.raises(ValueError, match="without any interval"):
        estimate([])


def test_nights_without_an_end_leave_the_rest_of_the_mass_beyond_them() -> None:
    """Never an average of mid-points and time-outs: nobody knows where beyond a time-out the end was."""
    found = estimate([Interval(1, 2), Interval(35), Interval(35)])
    assert masses(found) == pytest.approx({(1, 2): 1 / 3, (35, math.inf): 2 / 3})
    assert found.quantile(0.5) == Interval(35)


def test_what_did_not_converge_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npmle, "ROUNDS", 1)
    assert not estimate(published("radiotherapy")).converged


@pytest.mark.parametrize("seed", range(5))
def test_the_band_comes_to_lie_around_the_truth(seed: int) -> None:
    """Among 2,000 delays that are spread evenly, the estimate is off by some hundredths at most."""
    chance = Random(seed)  # noqa: S311
    found = estimate(simulated(2000, lambda: chance.uniform(2, 12), chance))
    for t in (3, 5, 7, 9, 11):
        low, high = found.survival(t)
        assert low - 0.06 <= (12 - t) / 10 <= high + 0.06
