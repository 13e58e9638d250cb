"""Has the delay got longer? What raises the alarm, what does not, and what too few nights can tell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise, permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterglow.delay import Interval
from afterglow.statistics.change import ALARM, Change, change_points, has_changed
from tests.statistics.intervals import looked_at, many_intervals, published


def chance(seed: int = 1) -> Random:
    return Random(seed)  # noqa: S311 - dice, not secrets


def nights(
    count: int, dice: Random, *, slower: float = 1.0, unseen: float = 0.1, of: int = 1, spread: float = 0.0
) -> list[list[Interval]]:
    """So many nights, of `of` log-outs each. The larger `spread`, the more one night differs from another."""
    found = []
    for _ in range(count):
        factor = slower * math.exp(dice.gauss(0, spread))
        found.append([looked_at(factor * dice.uniform(2, 12), dice, unseen=unseen) for _ in range(of)])
    return found


def test_the_published_difference_between_the_treatments_comes_out() -> None:
    """Breast cosmesis: after radiotherapy alone it takes longer; score tests are published with p = 0.007."""
    change = has_changed(
        published("radiotherapy and chemotherapy"), published("radiotherapy"), chance=chance(), rounds=20_000
    )
    assert change.p_two_sided == pytest.approx(0.0073, abs=0.0025)
    assert change.p_value == pytest.approx(0.0036, abs=0.0018)
    assert change.longer


def test_of_exact_delays_the_scores_are_those_of_the_log_rank_test() -> None:
    """By hand: a delay's score is the sum, over the delays up to it, of 1 / (those not yet over), less one.

    Finkelstein's scores are those of continuous time, in which log S takes the place of that sum.
    """
    delays = [1.0, 2.0, 3.0, 4.0, 5.0]
    survival = [1.0, 0.8, 0.6, 0.4, 0.2, 0.0]

    def s_log_s(s: float) -> float:
        return s * math.log(s) if s else 0.0

    scores = [(s_log_s(b) - s_log_s(a)) / (a - b) for a, b in pairwise(survival)]
    lately = scores[3] + scores[4]
    every = [sum(order[:2]) for order in permutations(scores)]
    exact = sum(each >= lately - 1e-9 for each in every) / len(every)
    seen = [Interval(t, t) for t in delays]
    change = has_changed(seen[:3], seen[3:], chance=chance(), rounds=20_000)
    assert exact == pytest.approx(0.1)
    assert change.p_value == pytest.approx(exact, abs=0.01)


def test_the_chance_is_what_all_permutations_give() -> None:
    """An example with intervals that overlap and one without an end, where all 35 ways can be counted."""
    seen = [Interval(*ends) for ends in ((0, 2), (1, 3), (2, 5), (1, 2), (3, 6), (4, math.inf), (2, 4))]
    change = has_changed(seen[:4], seen[4:], chance=chance(), rounds=20_000)
    assert change.p_value == pytest.approx(2 / 35, abs=0.01)


def test_a_delay_three_times_as_long_raises_the_alarm_and_a_third_of_it_is_called_shorter() -> None:
    dice = chance()
    before = nights(52, dice)
    longer = has_changed(before, nights(14, dice, slower=3.0), chance=dice)
    shorter = has_changed(before, nights(14, dice, slower=0.3), chance=dice)
    assert longer.longer
    assert longer.told == "the delay has got longer: the last 14 nights beside the 52 before, p = 0.0001"
    assert shorter.shorter
    assert not shorter.longer
    assert shorter.p_value > 0.99
    assert shorter.told.startswith(
        "the delay has got shorter: the last 14 nights beside the 52 before, p = 0.00"
    )


def test_nights_like_those_before_raise_none() -> None:
    dice = chance()
    change = has_changed(nights(52, dice), nights(7, dice), chance=dice)
    assert change.p_value > ALARM
    assert change.told.startswith("no change is seen: the last 7 nights beside the 52 before, p = ")


def test_one_in_a_hundred_histories_without_a_change_raises_the_alarm() -> None:
    """Half the intervals see no end. Of 500, five are expected; 15 would be there by chance once in 4,000."""
    dice = chance()
    raised = 0
    for _ in range(500):
        seen = nights(20, dice, unseen=0.5)
        raised += has_changed(seen[:13], seen[13:], chance=dice, rounds=299).longer
    assert raised < 15


def test_what_happens_in_one_night_stays_together() -> None:
    """Nights that differ, of six log-outs each: shuffled one by one, an eighth of these raise alarms."""
    dice = chance()
    raised = 0
    for _ in range(200):
        seen = nights(20, dice, of=6, spread=1.0)
        raised += has_changed(seen[:13], seen[13:], chance=dice, rounds=299).longer
    assert raised < 10


def test_a_night_of_many_log_outs_counts_as_one() -> None:
    """One night before was as slow as those lately, and had ten log-outs, which must not hide these."""
    before = [[Interval(4, 5)]] * 19 + [[Interval(9, 10)] * 10]
    assert has_changed(before, [[Interval(9, 10)]] * 7, chance=chance()).longer


def test_all_log_outs_of_a_night_count() -> None:
    first, then, lately = Interval(4, 5), Interval(6, 7), Interval(19, 20)
    assert has_changed([[first, then]] * 20, [[first, lately]] * 7, chance=chance()).longer


def test_that_every_night_says_the_same_is_no_change() -> None:
    change = has_changed([Interval(1, 2)] * 20, [Interval(1, 2)] * 7, chance=chance())
    assert change.p_value == change.p_two_sided == 1


def test_time_outs_beyond_a_delay_are_longer_than_it_however_early_they_came() -> None:
    """No end was seen for 5 s: that is no delay of 5 s, which would be shorter than the 6 s before."""
    change = has_changed([Interval(5.9, 6.1)] * 20, [Interval(5.0)] * 7, chance=chance())
    assert not change.longer
    assert not change.shorter
    assert has_changed([Interval(5.9, 6.1)] * 20, [Interval(6.1)] * 7, chance=chance()).longer


@pytest.mark.parametrize("counts", [(0, 1), (3, 4), (4, 4), (40, 1), (8, 0), (0, 0)])
def test_too_few_nights_say_so(counts: tuple[int, int]) -> None:
    before, lately = counts
    change = has_changed([Interval(1, 2)] * before, [Interval(30)] * lately, chance=chance())
    assert change.too_few
    assert not change.longer
    assert change.told == (
        f"too few nights to see a change: {lately} lately, {before} before; it takes 9 or more"
    )


@pytest.mark.parametrize("counts", [(4, 5), (3, 7), (99, 1)])
def test_so_few_nights_are_just_enough(counts: tuple[int, int]) -> None:
    before, lately = counts
    assert not Change(1.0, 1.0, before, lately).too_few
    assert has_changed(
        [Interval(1, 2)] * before, [Interval(30)] * lately, chance=chance(), rounds=20_000
    ).p_value == pytest.approx(1 / math.comb(before + lately, lately), abs=0.005)


@given(many_intervals, many_intervals, st.sampled_from([0.001, 60.0]))
def test_units_of_time_do_not_matter(before: list[Interval], lately: list[Interval], unit: float) -> None:
    def scaled(intervals: Sequence[Interval]) -> list[Interval]:
        return [Interval(each.lower_s * unit, each.upper_s * unit) for each in intervals]

    one = has_changed(before, lately, chance=chance(), rounds=50)
    other = has_changed(scaled(before), scaled(lately), chance=chance(), rounds=50)
    assert other.p_value == pytest.approx(one.p_value, abs=0.05)


def test_the_night_since_which_the_delay_is_another_is_found() -> None:
    dice = chance()
    seen = nights(40, dice) + nights(20, dice, slower=3.0)
    (point,) = change_points(seen, chance=dice)
    assert abs(point.index - 40) <= 2
    assert point.longer
    assert point.p_value <= ALARM
    assert point.before.upper_s < 12 < point.after.lower_s


@pytest.mark.parametrize("seed", range(3))
def test_a_change_in_the_last_few_nights_is_seen_as_well(seed: int) -> None:
    """Wherever nights are parted, contrasts are measured in what chance gives there."""
    dice = chance(seed)
    seen = nights(56, dice, unseen=0.0) + nights(4, dice, slower=8.0, unseen=0.0)
    (point,) = change_points(seen, chance=dice)
    assert abs(point.index - 56) <= 1


def test_several_changes_are_told_in_the_nights_order() -> None:
    """Binary segmentation finds the sharpest first; each is told beside the regimes that it parts."""
    dice = chance()
    slow, fast = [Interval(19, 20)], [Interval(4, 5)]
    seen = [fast] * 30 + [slow] * 30 + [fast] * 40
    first, second = change_points(seen, chance=dice)
    assert (first.index, first.longer, first.before, first.after) == (
        30,
        True,
        Interval(4, 5),
        Interval(19, 20),
    )
    assert (second.index, second.longer) == (60, False)
    assert (second.before, second.after) == (Interval(19, 20), Interval(4, 5))
    assert first.p_value == second.p_value == pytest.approx(1 / 2001)
    assert len(change_points(seen, chance=dice, at_most=1)) == 1


def test_a_change_is_found_where_it_is_also_if_nights_have_unequal_numbers_of_log_outs() -> None:
    seen = [[Interval(4, 5)] * 9] * 20 + [[Interval(9, 10)]] * 10
    assert [point.index for point in change_points(seen, chance=chance())] == [20]


def test_nights_that_do_not_change_have_no_change_points() -> None:
    """Of 200 histories, two are expected to raise an alarm; nine would by chance in one of 4,000 cases."""
    dice = chance()
    raised = sum(bool(change_points(nights(30, dice), chance=dice, rounds=299)) for _ in range(200))
    assert raised < 9


@pytest.mark.parametrize("at", [30, 299])
def test_a_single_late_night_is_no_new_regime(at: int) -> None:
    seen = [[Interval(4, 5)]] * 300
    seen[at] = [Interval(90, 91)]
    assert change_points(seen, chance=chance()) == []


@pytest.mark.parametrize("count", [0, 1, 5])
def test_too_few_nights_have_no_change_points(count: int) -> None:
    assert change_points([[Interval(4, 5)]] * count, chance=chance()) == []


def test_a_night_without_an_answer_changes_nothing() -> None:
    seen: list[list[Interval]] = [[Interval(4, 5)]] * 20 + [[]] * 5 + [[Interval(19, 20)]] * 20
    (point,) = change_points(seen, chance=chance())
    assert 20 <= point.index <= 25
    assert has_changed([[]] * 5, [[]] * 5, chance=chance()).p_value == 1


def test_the_same_dice_give_the_same_answer() -> None:
    seen = nights(30, chance(7))
    assert has_changed(seen[:23], seen[23:], chance=chance()) == has_changed(
        seen[:23], seen[23:], chance=chance()
    )
