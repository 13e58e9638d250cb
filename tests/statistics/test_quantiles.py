"""The bounds of the quantiles hold whatever the distribution is, and however the delays were looked at."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterglow.delay import Interval
from afterglow.statistics.quantiles import nights_needed, quantile_bounds
from tests.statistics.intervals import many_intervals, simulated

TRIALS = 800


DRAWN: dict[str, tuple[Callable[[Random], float], dict[float, float]]] = {
    "spread evenly": (lambda chance: chance.uniform(2, 12), {0.5: 7.0, 0.9: 11.0, 0.95: 11.5}),
    "log-normal": (
        lambda chance: chance.lognormvariate(1.5, 0.6),
        {p: math.exp(1.5 + 0.6 * NormalDist().inv_cdf(p)) for p in (0.5, 0.9, 0.95)},
    ),
}
"""How delays are drawn, and the quantiles of that."""


@pytest.mark.parametrize("p", [0.5, 0.9, 0.95])
@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("unseen", [0.0, 0.3])
def test_each_bound_is_wrong_in_one_of_twenty_histories_at_most(name: str, p: float, unseen: float) -> None:
    """Of 800, 40 are expected at most; 64 would be there by chance in one of some ten thousand cases."""
    chance = Random(f"{name} {p} {unseen}")  # noqa: S311 - dice, not secrets
    draw, true_s = DRAWN[name][0], DRAWN[name][1][p]
    too_high = too_low = 0
    for _ in range(TRIALS):
        bounds = quantile_bounds(simulated(60, lambda: draw(chance), chance, unseen=unseen), p)
        too_high += true_s <= bounds.lower_s
        too_low += true_s > bounds.upper_s
    assert too_high < 64
    assert too_low < 64


def test_the_bounds_of_exact_delays_are_the_ranks_of_the_binomial_table() -> None:
    """Of 20 throws of a coin, five heads or fewer have a chance of 0.0207, six or fewer one of 0.0577."""
    delays = [Interval(t, t) for t in range(1, 21)]
    assert quantile_bounds(delays, 0.5, confidence=0.975) == Interval(6, 15)


@pytest.mark.parametrize(("p", "nights"), [(0.5, 5), (0.9, 29), (0.95, 59), (0.99, 299)])
def test_an_upper_bound_takes_so_many_nights(p: float, nights: int) -> None:
    seen = [Interval(t, t + 1) for t in range(nights)]
    assert nights_needed(p) == nights
    assert quantile_bounds(seen, p).upper_s == nights
    assert quantile_bounds(seen[1:], p).upper_s == math.inf


def test_too_few_nights_bound_nothing() -> None:
    assert quantile_bounds([], 0.5) == Interval(0)
    assert quantile_bounds([Interval(3, 4)], 0.5) == Interval(0)


def test_nights_without_an_end_leave_the_quantile_without_an_upper_bound() -> None:
    seen = [Interval(3, 4)] * 80 + [Interval(35)] * 20
    assert quantile_bounds(seen, 0.5) == Interval(3, 4)
    assert math.isinf(quantile_bounds(seen, 0.9).upper_s)


@given(many_intervals, st.floats(0.01, 0.99), st.floats(0.5, 0.99))
def test_more_confidence_never_makes_the_bounds_narrower(
    intervals: list[Interval], p: float, confidence: float
) -> None:
    sure, surer = quantile_bounds(intervals, p, confidence), quantile_bounds(intervals, p, 0.999)
    assert surer.lower_s <= sure.lower_s
    assert surer.upper_s >= sure.upper_s


@pytest.mark.parametrize("p", [0, 1, -0.5, 2])
def test_a_share_that_is_none_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match="not a share"):
        quantile_bounds([], p)
    with pytest.raises(ValueError, match="not a share"):
        nights_needed(p)
