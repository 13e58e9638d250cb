"""What so many nights promise: exact bounds, and words that claim no more than was shown."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterglow.delay import Verdict
from afterglow.statistics.promise import Promise, promise_of

WITHIN, LATE, UNDETERMINED = Verdict.WITHIN, Verdict.LATE, Verdict.UNDETERMINED


def at_most_so_many(count: int, trials: int, share: float) -> float:
    """The binomial sum, term by term."""
    terms = (math.comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(count + 1))
    return math.fsum(terms)


def test_fifty_nine_nights_none_of_them_late_promise_ninety_five_per_cent() -> None:
    promise = Promise(59)
    assert promise.at_least == pytest.approx(0.05 ** (1 / 59), rel=1e-12)
    assert promise.at_most == 1
    assert promise.told == "59 nights, none late: at least 95 % within the window, with 95 % confidence"


@pytest.mark.parametrize(
    ("promise", "told"),
    [
        (
            Promise(0),
            "no nights: too few nights to show 95 %, which takes 59, none of them late",
        ),
        (
            Promise(1),
            "1 night, none late: at least 5 % within the window, with 95 % confidence; "
            "too few nights to show 95 %, which takes 59, none of them late",
        ),
        (
            Promise(58),
            "58 nights, none late: at least 94 % within the window, with 95 % confidence; "
            "too few nights to show 95 %, which takes 59, none of them late",
        ),
        (
            Promise(60, late=2),
            "60 nights, 2 late: at least 89 % within the window and at most 99.5 %, "
            "each with 95 % confidence; too few nights to show 95 %, which takes 124 if no more are late",
        ),
        (
            Promise(60, late=2, undetermined=3),
            "60 nights, 2 late, 3 undetermined: at least 83 % within the window (undetermined counted as "
            "late) and at most 99.5 % (counted as within), each with 95 % confidence; "
            "too few nights to show 95 %, which takes 208 if no more are late or undetermined",
        ),
        (
            Promise(10, late=8),
            "10 nights, 8 late: at least 3 % within the window and at most 51 %, each with 95 % confidence",
        ),
        (
            Promise(3650),
            "3650 nights, none late: at least 99.9 % within the window, with 95 % confidence",
        ),
    ],
    ids=["none", "one", "one too few", "some late", "undetermined", "most late", "ten years"],
)
def test_the_words_say_what_was_shown_and_what_it_would_take(promise: Promise, told: str) -> None:
    assert promise.told == told


@given(st.integers(1, 80).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_the_bounds_are_where_the_binomial_sum_says(counts: tuple[int, int]) -> None:
    """With that share, as many nights within or more have a chance of 5 %; and with the other, as few."""
    nights, late = counts
    promise = Promise(nights, late)
    within = nights - late
    if within:
        assert 1 - at_most_so_many(within - 1, nights, promise.at_least) == pytest.approx(0.05, abs=1e-9)
    else:
        assert promise.at_least == 0
    if late:
        assert at_most_so_many(within, nights, promise.at_most) == pytest.approx(0.05, abs=1e-9)
    else:
        assert promise.at_most == 1


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("nights", [1, 7, 59, 300])
def test_whatever_the_share_is_a_bound_is_wrong_in_one_of_twenty_histories_at_most(
    share: float, nights: int
) -> None:
    """Not by simulation: each number of late nights, with its exact chance."""
    wrong_below = wrong_above = 0.0
    for late in range(nights + 1):
        chance = math.comb(nights, late) * (1 - share) ** late * share ** (nights - late)
        wrong_below += chance * (Promise(nights, late).at_least > share)
        wrong_above += chance * (Promise(nights, late).at_most < share)
    assert wrong_below <= 0.05
    assert wrong_above <= 0.05


@given(st.integers(0, 20), st.sampled_from([0.9, 0.95, 0.99]))
def test_the_nights_that_are_said_to_be_needed_are_just_enough(late: int, confidence: float) -> None:
    needed = Promise(late, late, confidence=confidence).needed
    assert Promise(needed, late, confidence=confidence).at_least >= 0.95
    assert Promise(needed - 1, late, confidence=confidence).at_least < 0.95


def test_what_is_undetermined_counts_against_the_lower_bound_and_for_the_upper_one() -> None:
    unclear = Promise(60, late=2, undetermined=3)
    assert unclear.at_least == Promise(60, late=5).at_least
    assert unclear.at_most == Promise(60, late=2).at_most


def test_more_confidence_promises_less() -> None:
    assert Promise(59, confidence=0.99).at_least < Promise(59).at_least
    assert "with 99 % confidence" in Promise(59, confidence=0.99).told


def test_a_night_is_as_late_as_the_latest_of_its_log_outs() -> None:
    nights = [
        [WITHIN, WITHIN],
        [WITHIN, LATE],
        [LATE, UNDETERMINED],
        [WITHIN, UNDETERMINED],
        [],
    ]
    assert promise_of(nights) == Promise(nights=5, late=2, undetermined=2)


@pytest.mark.parametrize("counts", [(1, 2, 0), (1, 1, 1), (3, -1, 0)])
def test_counts_that_cannot_be_are_refused(counts: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="late and"):
        Promise(*counts)
