"""Figures in words never claim more than was found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterglow.statistics.words import chance_told, counted, percent_down, percent_up, since_when


@pytest.mark.parametrize(
    ("share", "down", "up"),
    [
        (0.9505, "95 %", "96 %"),
        (0.95, "95 %", "95 %"),
        (0.29, "29 %", "29 %"),
        (0.99999, "99.9 %", "100 %"),
        (0.9913, "99.1 %", "99.2 %"),
        (0.0001, "0 %", "1 %"),
        (0.0, "0 %", "0 %"),
        (1.0, "100 %", "100 %"),
    ],
)
def test_lower_bounds_are_rounded_down_and_upper_ones_up(share: float, down: str, up: str) -> None:
    assert percent_down(share) == down
    assert percent_up(share) == up


@given(st.floats(0, 1))
def test_what_is_said_is_never_beyond_what_was_found(share: float) -> None:
    assert float(percent_down(share).removesuffix(" %")) <= 100 * share + 1e-6
    assert float(percent_up(share).removesuffix(" %")) >= 100 * share - 1e-6


@pytest.mark.parametrize(
    ("p_value", "told"),
    [
        (1.0, "p = 1"),
        (0.3123, "p = 0.32"),
        (0.05, "p = 0.05"),
        (0.0004997, "p = 0.0005"),
        (0.999, "p = 1"),
    ],
)
def test_a_chance_is_told_with_two_digits_at_most_rounded_up(p_value: float, told: str) -> None:
    assert chance_told(p_value) == told


def test_one_is_no_plural() -> None:
    assert [counted(n, "night") for n in (0, 1, 2)] == ["0 nights", "1 night", "2 nights"]


def test_nights_of_one_day_are_told_by_the_time() -> None:
    first = datetime(2026, 11, 22, 1, 0, tzinfo=UTC)
    assert since_when(first + timedelta(minutes=27), first) == "01:27 UTC"
    assert since_when(first + timedelta(days=1), first) == "2026-11-23"
