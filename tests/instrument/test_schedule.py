"""When to look next: the pace, its pins and its limits."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterglow.readings import Moments
from afterglow.schedule import Schedule

MOMENTS = Moments(clicked_s=99.8, requested_s=99.9, acknowledged_s=100.0)


def schedule(window_s: float = 1800.0, jitter: float = 0.0) -> Schedule:
    return Schedule(window_s, floor_s=1.0, jitter=jitter, random=Random(1))  # noqa: S311 - dice, not secrets


@pytest.mark.parametrize(
    ("elapsed_s", "step_s"),
    [(-5.0, 1.0), (0.0, 1.0), (50.0, 1.0), (100.0, 2.0), (500.0, 10.0), (1800.0, 15.0)],
)
def test_the_step_grows_with_the_elapsed_time_between_floor_and_cap(elapsed_s: float, step_s: float) -> None:
    """A fiftieth of what has passed: as wide for seconds as for half an hour, taken relatively."""
    assert schedule().step_s(elapsed_s, growth=0.02) == pytest.approx(step_s)


@given(st.floats(0, 2000), st.integers(0, 10_000))
def test_jitter_stays_within_a_tenth(elapsed_s: float, seed: int) -> None:
    """It keeps the looks out of step with the site, and the pace as it was."""
    jittered = Schedule(1800.0, floor_s=1.0, jitter=0.1, random=Random(seed))  # noqa: S311
    plain_s = schedule().step_s(elapsed_s, growth=0.02)
    assert 0.9 * plain_s <= jittered.step_s(elapsed_s, growth=0.02) <= 1.1 * plain_s


@given(st.floats(0, 3000), st.one_of(st.none(), st.floats(0, 3000)), st.floats(0, 5))
def test_the_next_look_always_lies_ahead(now_s: float, refused_s: float | None, round_trip_s: float) -> None:
    """However long an answer takes, and even if a refusal seems to lie in the future."""
    next_s = schedule(jitter=0.1).next_s(now_s, MOMENTS, refused_s, round_trip_s)
    assert now_s < next_s <= now_s + 15.0 * 1.1


def test_before_the_log_out_the_pace_is_the_floor() -> None:
    """There is no elapsed time to grow with."""
    assert schedule().next_s(1000.0, None, None, 0.1) == 1001.0


def test_after_a_refusal_the_steps_are_small_again_and_grow_faster() -> None:
    """A flap must be met soon; a quiet time need not be filled with looks."""
    assert schedule().next_s(1000.0, MOMENTS, 999.5, 0.1) == 1001.0
    assert schedule().next_s(1000.0, MOMENTS, 980.0, 0.1) == 1005.0


def test_a_look_is_pinned_on_either_side_of_the_window() -> None:
    """What is refused to the first is within, what is served to the second is late."""
    before_s, after_s = schedule().pins_s(MOMENTS, round_trip_s=0.1)
    assert before_s + 0.1 <= 99.9 + 1800.0
    assert 100.0 + 1800.0 < after_s < 100.0 + 1800.1
    assert schedule().next_s(before_s - 3.0, MOMENTS, None, 0.1) == before_s
    assert schedule().next_s(before_s, MOMENTS, None, 0.1) == after_s
    assert schedule().next_s(after_s, MOMENTS, None, 0.1) == after_s + 15.0


@given(st.floats(0.5, 1800), st.floats(0, 60))
def test_the_first_pin_never_lies_far_before_the_window(window_s: float, round_trip_s: float) -> None:
    """A site that answers slowly moves it by a tenth of the window at most."""
    before_s, after_s = schedule(window_s).pins_s(MOMENTS, round_trip_s)
    assert 99.9 + 0.9 * window_s - 1e-9 <= before_s < after_s
