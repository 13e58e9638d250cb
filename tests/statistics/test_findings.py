"""What the nights say to one question, in sentences and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random

import pytest

from afterglow.delay import Interval
from afterglow.history.past import Night, nights
from afterglow.statistics.findings import Finding, find
from afterglow.statistics.groups import Question
from tests.statistics.past import UNSEEN, log_out, run, simple_nights

ALL = Question("log out all")


def found(history: list[Night], question: Question = ALL, last: int = 7) -> Finding:
    return find(history, question, last=last, chance=Random(1))  # noqa: S311 - dice, not secrets


def test_fifty_nine_good_nights_are_told_from_the_promise_to_the_change() -> None:
    """Delays of 1 to 7 s, the same every week, each seen to a tenth of a second."""
    assert found(simple_nights(*((1 + night % 7, 1.1 + night % 7) for night in range(59)))).told == (
        "59 nights, none late: at least 95 % within the window, with 95 % confidence",
        "the median is 4.00 to 4.10 s; bounds 3.00 to 5.10 s, each with 95 % confidence",
        "p90 is 7.00 to 7.10 s; bounds 6.00 to 7.10 s, each with 95 % confidence",
        "p95 is 7.00 to 7.10 s; bounds 7.00 to 7.10 s, each with 95 % confidence",
        "too few nights for p99 (it takes 299); p99 is over 7.00 s, with 95 % confidence",
        "no change is seen: the last 7 nights beside the 52 before, p = 0.45 for longer",
    )


def test_without_nights_it_says_so_and_what_it_takes() -> None:
    finding = found([])
    assert finding.told == ("no nights: too few nights to show 95 %, which takes 59, none of them late",)
    assert (finding.n_nights, finding.n_log_outs, finding.distribution) == (0, 0, None)
    assert json.dumps(finding.to_json(), allow_nan=False)


def test_one_night_is_an_anecdote() -> None:
    finding = found(simple_nights((4, 5)))
    assert finding.told == (
        "1 night, none late: at least 5 % within the window, with 95 % confidence; "
        "too few nights to show 95 %, which takes 59, none of them late",
        "too few nights for the median (it takes 5), p90 (29), p95 (59), p99 (299); "
        "p95 is over 4.00 s, p99 is over 4.00 s, with 95 % confidence",
        "too few nights to see a change: 1 lately, 0 before; it takes 9 or more",
    )


def test_a_delay_that_got_longer_is_told_with_the_night_since_when() -> None:
    finding = found(simple_nights(*[(4, 5)] * 40, *[(19, 20)] * 20))
    longer, since = finding.told[-2:]
    assert longer.startswith("the delay has got longer: the last 7 nights beside the 53 before, p = 0.00")
    assert since == (
        "since 2026-12-11 longer: the median was 4.00 to 5.00 s before and is 19.00 to 20.00 s from then on "
        "(p = 0.0005)"
    )
    assert finding.change_points[0].index == 40


def test_nights_that_saw_no_end_leave_the_high_quantiles_without_an_upper_bound() -> None:
    """They are never averaged with the others, nor taken for delays that ended with the watch."""
    finding = found(simple_nights(*[(4, 5)] * 60, *[(35, UNSEEN)] * 10))
    assert finding.promise.late == 10
    assert finding.told[2] == (
        "p90 is over 35.00 s; over 4.00 s with 95 % confidence; no upper bound, as too many nights saw no end"
    )


def test_bounds_are_by_one_log_out_of_each_night_and_the_estimate_by_all() -> None:
    """What happens in one night is not independent: five nights of two are five, and not ten."""
    history = nights(
        run(night, log_out({"session": (1, 2)}), log_out({"session": (8, 9)})) for night in range(5)
    )
    finding = found(history)
    assert (finding.n_nights, finding.n_log_outs) == (5, 10)
    estimate, bounds = finding.quantiles[0.9]
    assert estimate == Interval(8, 9)
    assert bounds == Interval(1)
    assert finding.quantiles[0.5][1] == Interval(1, 2)
    assert finding.change.n_before + finding.change.n_lately == 5


@pytest.mark.parametrize(("count", "last", "parts"), [(30, 7, (23, 7)), (30, 3, (27, 3)), (9, 7, (4, 5))])
def test_the_last_nights_are_half_of_all_at_most(count: int, last: int, parts: tuple[int, int]) -> None:
    change = found(simple_nights(*[(1, 2)] * count), last=last).change
    assert (change.n_before, change.n_lately) == parts


def test_what_was_left_out_is_said() -> None:
    history = nights([run(0, log_out({"session": (1, 2)}), log_out({"session": (3, 4)}, usable=False))])
    assert found(history).told[-1] == "1 log-out left out: what was measured is not usable"


def test_an_estimate_that_did_not_converge_is_called_so() -> None:
    finding = found(simple_nights((1, 2)))
    assert finding.distribution is not None
    doubtful = replace(finding, distribution=replace(finding.distribution, converged=False))
    assert "did not converge" in doubtful.told[-1]


def test_the_json_has_no_infinity_and_every_figure() -> None:
    finding = found(simple_nights(*[(4, 5)] * 40, *[(19, 20)] * 19, (35, UNSEEN)))
    told = json.loads(json.dumps(finding.to_json(), allow_nan=False))
    assert told["question"] == {
        "action": "log out all",
        "layer": None,
        "surface": None,
        "engine": None,
        "told": "log out all, all doors",
    }
    assert (told["nights"], told["log_outs"], told["left_out"]) == (60, 60, 0)
    assert told["quantiles_s"]["0.5"] == {"estimate": [4.0, 5.0], "bounds": [4.0, 5.0]}
    assert told["quantiles_s"]["0.99"] == {"estimate": [35.0, None], "bounds": [19.0, None]}
    assert told["distribution_s"]["cells"][-1] == [35.0, None, pytest.approx(1 / 60)]
    assert told["promise"]["late"] == 1
    (point,) = told["change_points"]
    assert (point["night"], point["longer"]) == ("20261211", True)
    assert point["median_after_s"] == [19.0, 20.0]


def test_in_short_is_the_same_without_the_quantiles() -> None:
    finding = found(simple_nights(*[(4, 5)] * 40, *[(19, 20)] * 20))
    assert finding.in_short == (finding.told[0], *finding.told[-2:])
    assert finding.to_json()["in_short"] == list(finding.in_short)
    assert len(finding.told) > len(finding.in_short)
