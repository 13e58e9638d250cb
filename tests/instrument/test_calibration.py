"""The figures by which the instrument is held against the truth."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterglow.delay import Interval
from afterglow.readings import Moments
from benchmarks.calibration import (
    BATCH,
    EDGES,
    LET_IN_BY,
    Case,
    Rate,
    Result,
    batches,
    honoured_s,
    slowest_s,
)
from benchmarks.figures import at_most, clopper_pearson, quantile
from benchmarks.lanes import PROBES, out_of_the_box
from benchmarks.load import asks_in, pictures_in, rounds_in
from benchmarks.pollers import Claim, by_hand

PROMISED = 0.001

GOOD = Case("access", 4, Interval(1.0, 1.2), Interval(1.0, 1.5), 1.05, 1.3, PROMISED, 1.0, 100)


def result(*cases: Case) -> Result:
    return Result(cases, out_of_the_box(), PROMISED)


# A rate from how often it showed


@pytest.mark.parametrize(
    ("count", "trials", "bounds"),
    [
        # each end leaves 2.5 % of the binomial distribution, as whole fractions of integers add it up
        (0, 10, (0.0, 0.3084971)),
        (1, 10, (0.0025286, 0.4450161)),
        (5, 10, (0.1870860, 0.8129140)),
        (10, 10, (0.6915029, 1.0)),
        (3, 300, (0.0020670, 0.0289445)),
    ],
)
def test_the_bounds_of_a_rate_are_those_of_clopper_and_pearson(
    count: int, trials: int, bounds: tuple[float, float]
) -> None:
    assert clopper_pearson(count, trials) == pytest.approx(bounds, abs=2e-6)


@given(st.integers(1, 400), st.data())
def test_a_rate_lies_within_its_own_bounds(trials: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, trials))

    lower, upper = clopper_pearson(count, trials)

    assert lower <= count / trials <= upper
    assert clopper_pearson(trials - count, trials) == pytest.approx((1 - upper, 1 - lower), abs=1e-9)


def test_nothing_tried_is_no_rate() -> None:
    with pytest.raises(ValueError, match="no rate"):
        clopper_pearson(0, 0)
    assert Rate(0, 0).bounds == (0.0, 1.0)


def test_the_binomial_distribution_adds_up_where_its_coefficients_overflow() -> None:
    assert at_most(1_000, 2_000, 0.5) == pytest.approx(0.5089, abs=1e-4)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0, 1))
def test_a_quantile_lies_between_the_least_and_the_largest(values: list[float], share: float) -> None:
    assert min(values) <= quantile(values, share) <= max(values)


def test_a_quantile_between_two_values_is_interpolated() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([0.0, 1.0], 0.95) == pytest.approx(0.95)
    with pytest.raises(ValueError, match="nothing"):
        quantile([], 0.5)


# What is true

END: dict[str, Any] = {
    "requested_monotonic_s": 100.0,
    "effects": [
        {"edge": 0, "layer": "session", "delay_s": 2.0},
        {"edge": 1, "layer": "session", "delay_s": 7.0},
        {"edge": 0, "layer": "access", "delay_s": 5.0},
        {"edge": 1, "layer": "access", "delay_s": 3.0},
    ],
}
SESSION: dict[str, Any] = {"last_honoured_monotonic_s": {"session": 106.5, "access": 104.5}}


@pytest.mark.parametrize(("layer", "slowest"), [("access", 5.0), ("codex", 5.0), ("mint", 7.0)])
def test_a_layer_outlives_its_log_out_until_the_slowest_edge_learns(layer: str, slowest: float) -> None:
    assert slowest_s(layer, END) == slowest


@pytest.mark.parametrize("layer", ["session", "replay", "elsewhere"])
def test_a_cookie_whose_token_nobody_serves_lets_nobody_in(layer: str) -> None:
    assert slowest_s(layer, END) == 5.0
    assert honoured_s(layer, SESSION, END) == 4.5


def test_what_was_honoured_before_the_log_out_only_outlived_it_by_nothing() -> None:
    assert honoured_s("mint", {"last_honoured_monotonic_s": {"session": 99.0}}, END) == 0.0
    assert honoured_s("mint", {"last_honoured_monotonic_s": {}}, END) == 0.0


def test_every_layer_that_is_watched_has_a_truth() -> None:
    assert set(LET_IN_BY) == set(PROBES)


# The promises


def test_intervals_that_contain_the_truth_keep_the_promises() -> None:
    assert result(GOOD, GOOD).kept


@pytest.mark.parametrize("honoured", [0.9, 1.21])
def test_one_miss_of_the_last_moment_honoured_breaks_the_first_promise(honoured: float) -> None:
    missed = replace(GOOD, honoured_s=honoured)

    found = result(*[GOOD] * 300, missed)

    assert not found.kept
    assert found.misses == [missed]


def test_one_missed_edge_in_three_hundred_is_chance_and_three_are_not() -> None:
    missed = replace(GOOD, slowest_s=1.6)

    assert result(*[GOOD] * 299, missed).kept
    assert not result(*[GOOD] * 297, *[missed] * 3).kept


def test_more_edges_than_assumed_are_counted_but_not_promised() -> None:
    missed = replace(GOOD, slowest_s=1.6, edges=8)

    found = result(*[GOOD] * 10, *[missed] * 10)

    assert found.kept
    assert found.slowest_beyond.missed == 10


def test_a_delay_without_an_end_misses_nothing_and_is_told() -> None:
    endless = replace(GOOD, delay=Interval(1.0), every_edge=Interval(1.0), settling_s=math.inf)

    told = result(GOOD, endless).to_json()

    assert (told["kept"], told["no_end_seen"]) == (True, 1)
    assert told["cases"][1]["delay_s"] == [1.0, None]
    assert told["all"]["width_s"]["median"] == pytest.approx(0.2)


@given(st.integers(0, 700))
def test_batches_come_to_the_revocations_that_were_asked_for(revocations: int) -> None:
    plan = list(batches(revocations))

    assert sum(len(layers) for _, layers in plan) == revocations
    assert all(len(layers) <= BATCH and edges in EDGES for edges, layers in plan)


# The pollers beside which Afterglow is held


def test_a_poller_that_says_dead_claims_the_time_since_its_look_before() -> None:
    moments = Moments(10.0, 10.0, 10.5)

    assert Claim("s", 3, before_s=12.0, dead_s=14.0).answer(moments)[0] == Interval(1.5, 4.0)
    assert Claim("s", 1, dead_s=11.0).answer(moments)[0] == Interval(0.0, 1.0)


def test_a_careful_reader_goes_back_to_the_last_look_that_was_let_in() -> None:
    looks = [(11.0, True), (12.0, False), (13.0, False)]

    claim = by_hand("s", looks, dead_s=13.5)

    assert claim.answer(Moments(10.0, 10.0, 10.5))[0] == Interval(1.5, 3.5)
    assert claim.careful(Moments(10.0, 10.0, 10.5)) == Interval(0.5, 3.5)


# What a watch of half an hour comes to


def test_a_watch_is_extrapolated_by_the_schedule_itself() -> None:
    settings = out_of_the_box(probe_floor_s=1.0, revocation_window_s=1800.0)

    assert asks_in(50, settings) == pytest.approx(50, abs=3)
    # 50 at a step of a second, 135 more while steps are 2 % of the time, 70 at a step of 15 s
    assert asks_in(1800, settings) == pytest.approx(255, rel=0.1)


def test_the_browsers_thread_is_counted_by_its_own_pause() -> None:
    assert rounds_in(10) == pytest.approx(500, abs=2)
    assert rounds_in(1800) - rounds_in(1000) == pytest.approx(3200, abs=2)


def test_pictures_are_counted_at_the_pace_of_the_terminal() -> None:
    assert pictures_in(60) == 300
    assert pictures_in(1800) == 300 + 1740
