"""From readings to the delay, by hand: what each reading proves, and what it does not."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from afterglow.delay import (
    Ending,
    Interval,
    Tally,
    Verdict,
    delay,
    edges_seen,
    ending,
    every_edge,
    longest,
    met,
    refusals_for,
    residual_chance,
    tells,
)
from afterglow.readings import Moments, Reading, State

MOMENTS = Moments(clicked_s=9.5, requested_s=9.9, acknowledged_s=10.0)


def reading(state: State, sent_s: float, received_s: float | None = None) -> Reading:
    return Reading("secondary", "session", sent_s, sent_s + 0.1 if received_s is None else received_s, state)


def log(states: str, start_s: float = 11.0, step_s: float = 1.0) -> list[Reading]:
    """A log written as letters, a second apart: a for alive, r for refused, u for unknown."""
    of = {"a": State.ALIVE, "r": State.REVOKED, "u": State.UNKNOWN}
    return [reading(of[letter], start_s + step_s * i) for i, letter in enumerate(states)]


def readings() -> st.SearchStrategy[list[Reading]]:
    one = st.builds(
        lambda state, sent_s, took_s: reading(state, sent_s, sent_s + took_s),
        st.sampled_from(State),
        st.integers(0, 40).map(float),
        st.integers(0, 8).map(float),
    )
    return st.lists(one, max_size=25)


@given(readings().flatmap(lambda log: st.tuples(st.just(log), st.permutations(log))))
@example(
    (
        [reading(State.ALIVE, 1.0, 2.0), reading(State.ALIVE, 1.0, 1.0)],
        [reading(State.ALIVE, 1.0, 1.0), reading(State.ALIVE, 1.0, 2.0)],
    )
)
def test_the_order_in_which_readings_come_in_does_not_matter(
    logs: tuple[list[Reading], list[Reading]],
) -> None:
    """Readings of different connections may overtake each other."""
    log, shuffled = logs
    assert ending(log) == ending(shuffled)


def plainly(log: list[Reading]) -> Ending:
    """What a log tells, read as it is said: all of it, from the beginning, for every question anew."""
    heard = sorted(
        (r for r in log if r.state is not State.UNKNOWN),
        key=lambda r: (r.received_s, r.sent_s, r.state, r.code),
    )
    alive = [r for r in heard if r.state is State.ALIVE]
    refused = [r for r in heard if r.state is State.REVOKED]
    heard_alive_s = max((r.received_s for r in alive), default=-math.inf)
    since = heard[heard.index(refused[0]) :] if refused else []
    back = [i for i, r in enumerate(since) if r.state is State.ALIVE]
    return Ending(
        last_alive=max(alive, key=lambda r: (r.sent_s, r.received_s), default=None),
        first_refusal=refused[0] if refused else None,
        run=tuple(r for r in refused if r.sent_s >= heard_alive_s),
        flaps=sum(since[i].received_s > refused[0].received_s for i in back),
        flapping=back[-1] + 1 if back else 0,
    )


@given(readings(), st.integers(0, 25))
def test_adding_up_as_they_come_tells_the_same_as_reading_the_whole_log(
    log: list[Reading], asked_after: int
) -> None:
    """However the answers overtake each other, and whether or not anybody asks in between."""
    tally = Tally()
    heard = sorted(log, key=lambda r: (r.received_s, r.sent_s, r.state, r.code))
    for i, each in enumerate(heard):
        tally.add(each)
        if i >= asked_after:
            assert tally.ending == plainly(heard[: i + 1])
    assert tally.ending == ending(log) == plainly(log)


@given(readings(), st.floats(0, 45))
def test_a_refusal_from_before_the_log_out_is_none_of_its_doing(log: list[Reading], since_s: float) -> None:
    """All else counts: the alive answers from before, and the refusals that came after it was asked for."""
    counted = [r for r in log if r.state is not State.REVOKED or r.received_s > since_s]
    assert [r for r in log if tells(r, since_s)] == counted
    assert ending(log, since_s) == plainly(counted)


@given(readings())
def test_unknown_readings_say_nothing(log: list[Reading]) -> None:
    """With and without them, a layer has ended in the same way."""
    assert ending(log) == ending([r for r in log if r.state is not State.UNKNOWN])


@given(readings())
def test_no_refusal_of_the_last_run_was_sent_before_the_last_alive_answer_had_come_in(
    log: list[Reading],
) -> None:
    """What overlaps proves nothing, in whichever order it came back."""
    found = ending(log)
    heard_s = max((r.received_s for r in log if r.state is State.ALIVE), default=-math.inf)
    proving = [r for r in log if r.state is State.REVOKED and r.sent_s >= heard_s]
    assert found.refusals == len(proving)
    assert found.first_of_run in [None, *proving]


@given(readings(), st.floats(0, 5), st.floats(0, 5), st.booleans())
def test_an_interval_is_never_upside_down(
    log: list[Reading], clicked_s: float, more_s: float, request_seen: bool
) -> None:
    """Whatever was read, and wherever the log-out lies in it."""
    moments = Moments(clicked_s, clicked_s if request_seen else None, clicked_s + more_s)
    interval = delay(ending(log), moments, settled=True)
    assert 0 <= interval.lower_s <= interval.upper_s


def test_a_plain_sign_out_lies_between_the_last_alive_and_the_first_refused() -> None:
    """The lower end counts from the acknowledgement, the upper one from the request."""
    interval = delay(ending(log("aaarrr")), MOMENTS, settled=True)
    assert interval.lower_s == pytest.approx(13.0 - 10.0)
    assert interval.upper_s == pytest.approx(14.1 - 9.9)


def test_where_no_request_was_seen_the_click_stands_in() -> None:
    """The upper end counts from the earliest moment at which the site can have begun."""
    unseen = Moments(clicked_s=9.5, requested_s=None, acknowledged_s=10.0)
    assert delay(ending(log("ar")), unseen, settled=True).upper_s == pytest.approx(12.1 - 9.5)


def test_a_flap_moves_both_ends_and_is_counted() -> None:
    """First refusal and settled are two things: between them, the layer came back twice."""
    found = ending(log("aararr"))
    assert (found.flaps, found.refusals) == (1, 2)
    assert found.first_refusal == reading(State.REVOKED, 13.0)
    assert found.first_of_run == reading(State.REVOKED, 15.0)
    assert delay(found, MOMENTS, settled=True).lower_s == pytest.approx(14.0 - 10.0)


def test_every_edge_ends_with_the_refusal_that_leaves_no_more_than_the_chance() -> None:
    """The first refusal ends what was honoured to those who asked; an edge not met takes some more."""
    found = ending(log("aarrrr"))
    for_those_who_asked = delay(found, MOMENTS, settled=True)
    for_all = every_edge(found, MOMENTS, refusals=3, settled=True)
    assert for_those_who_asked.lower_s == for_all.lower_s == 2.0
    assert for_those_who_asked.upper_s == pytest.approx(13.1 - 9.9)
    assert for_all.upper_s == pytest.approx(15.1 - 9.9)


@pytest.mark.parametrize(("refusals", "settled"), [(3, False), (5, True)])
def test_without_enough_refusals_nothing_is_said_of_every_edge(refusals: int, settled: bool) -> None:
    """Not even while another thread is about to add the one that is missing."""
    found = ending(log("aarrrr"))
    assert every_edge(found, MOMENTS, refusals=refusals, settled=settled) == Interval(2.0, math.inf)


def test_without_having_settled_there_is_no_upper_end() -> None:
    """What was read alive is still a lower one."""
    assert delay(ending(log("aar")), MOMENTS, settled=False) == Interval(2.0, math.inf)


def test_a_layer_that_was_refused_before_the_request_has_a_delay_of_nothing() -> None:
    """Not a negative one."""
    assert delay(ending(log("arrr", start_s=2.0)), MOMENTS, settled=True) == Interval(0.0, 0.0)


def test_an_unknown_reading_only_widens_the_interval() -> None:
    """It stands where a reading might have stood."""
    sure = delay(ending(log("aaarr")), MOMENTS, settled=True)
    unsure = delay(ending(log("aauurr")), MOMENTS, settled=True)
    assert unsure.lower_s < sure.lower_s
    assert unsure.upper_s > sure.upper_s


@pytest.mark.parametrize(
    ("interval", "text"),
    [
        (Interval(4.111, 4.228), "4.11 to 4.23 s"),
        (Interval(0.0, 0.5), "0.00 to 0.50 s"),
        (Interval(35.0), "over 35.00 s"),
    ],
)
def test_an_interval_reads_as_a_person_says_it(interval: Interval, text: str) -> None:
    """No infinity and no brackets."""
    assert str(interval) == text


@given(st.floats(0, 1e5), st.one_of(st.floats(0, 1e4), st.just(math.inf)), st.sampled_from([2, 4]))
def test_rounding_an_interval_loses_nothing_that_it_contains(
    lower_s: float, more_s: float, digits: int
) -> None:
    """The ends are rounded outwards, to less than one unit of the last digit."""
    interval = Interval(lower_s, lower_s + more_s)
    unit_s, noise_s = 10.0**-digits, 1e-6 * 10.0**-digits + 1e-9
    rounded_lower_s, rounded_upper_s = interval.rounded(digits)
    assert lower_s - unit_s < rounded_lower_s <= lower_s + noise_s
    assert interval.upper_s - noise_s <= rounded_upper_s <= interval.upper_s + unit_s


@pytest.mark.parametrize("ends", [(-1.0, 2.0), (3.0, 2.0), (math.nan, 2.0), (math.inf, math.nan)])
def test_an_interval_that_nothing_can_lie_in_is_refused(ends: tuple[float, float]) -> None:
    """An error of ours must not become a result."""
    with pytest.raises(ValueError, match="not an interval"):
        Interval(*ends)


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        (Interval(29.0, 30.0), Verdict.WITHIN),
        (Interval(30.0, 30.2), Verdict.LATE),
        (Interval(29.9, 30.1), Verdict.UNDETERMINED),
        (Interval(31.0), Verdict.LATE),
        (Interval(29.0), Verdict.UNDETERMINED),
    ],
)
def test_a_verdict_needs_the_whole_interval_on_one_side(interval: Interval, verdict: Verdict) -> None:
    """(lower, upper] against a window of 30 s: 30 itself still lies within."""
    assert interval.verdict(30.0) is verdict


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 9)).map(sorted), min_size=1), st.data())
def test_the_longest_delay_contains_the_largest_of_the_true_ones(
    ends: list[list[float]], data: st.DataObject
) -> None:
    """Of a session's layers, and of all devices; it need not be one of the intervals."""
    true_s = max(data.draw(st.floats(lower_s, upper_s)) for lower_s, upper_s in ends)
    interval = longest(Interval(lower_s, upper_s) for lower_s, upper_s in ends)
    assert interval.lower_s <= true_s <= interval.upper_s


def test_one_layer_without_an_end_leaves_all_devices_without_one() -> None:
    """A session is out only when nothing of it gives access."""
    assert longest([Interval(1.0, 2.0), Interval(0.5)]) == Interval(1.0, math.inf)


@pytest.mark.parametrize(
    ("states", "edges"),
    [
        ("aaarrr", 4),  # no flap: as many as assumed
        ("ararararrr", 4),  # every second one: no more than assumed
        ("arrrrrrrrrarrr", 10),  # one in ten came back
        ("arrruuuuuuuuuuuuarrr", 4),  # unknown ones say nothing of it
    ],
)
def test_rare_flaps_mean_more_edges(states: str, edges: int) -> None:
    """While one edge of E still honours the layer, one reading in E is alive."""
    assert edges_seen(ending(log(states)), assumed=4) == edges


def test_the_chance_of_missing_an_edge_falls_with_every_refusal() -> None:
    """(1 - 1/E)^n: two edges, three refusals, one in eight."""
    assert residual_chance(3, edges=2) == 1 / 8
    assert residual_chance(0, edges=2) == 1.0
    assert residual_chance(1, edges=1) == 0.0


@given(st.floats(1e-9, 0.99), st.integers(2, 100))
def test_so_many_refusals_are_asked_for_as_the_chance_needs_and_no_more(chance: float, edges: int) -> None:
    """And never fewer than two: healthy accounts have been seen to get a single 401."""
    needed = refusals_for(chance, edges)
    assert needed >= 2
    assert residual_chance(needed, edges) <= chance * (1 + 1e-9)
    assert needed == 2 or residual_chance(needed - 1, edges) > chance * (1 - 1e-9)


def test_a_single_edge_needs_two_refusals() -> None:
    """It cannot be missed, but one refusal may still be a mistake."""
    assert refusals_for(0.001, edges=1) == 2


@pytest.mark.parametrize("edges", [2, 4, 8])
def test_a_look_of_two_questions_meets_the_last_edges_less_often(edges: int) -> None:
    """Played with dice: the cookie's edge must be met, and one that serves its token among the opinions."""
    dice, trials, opinions = Random(edges), 40_000, 6  # noqa: S311 - dice, not secrets

    def look() -> bool:
        return dice.randrange(edges) == 0 and any(dice.randrange(edges) == 0 for _ in range(opinions))

    seen = sum(look() for _ in range(trials)) / trials
    # five standard deviations of a share: the seeds are fixed, so it either holds or it does not
    assert abs(seen - met(edges, opinions)) < 5 * math.sqrt(seen * (1 - seen) / trials)
    assert met(edges, opinions) < met(edges)
    assert refusals_for(0.001, edges, opinions) > refusals_for(0.001, edges)
    assert residual_chance(refusals_for(0.001, edges, opinions), edges, opinions) <= 0.001


def test_the_largest_of_no_delays_is_open() -> None:
    """Where every door was lost by itself nothing is known, and nothing is made up."""
    assert longest([]) == Interval(0.0)
    assert longest([]).verdict(1.0) is Verdict.UNDETERMINED
