"""Which doors closed when: the order in words, and the picture that shows it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterglow.clock import Gap
from afterglow.delay import Interval
from afterglow.doors import (
    ABOUT,
    Kind,
    absent_told,
    clocks_told,
    closing_list,
    closing_sentence,
    doors_svg,
    lines_of,
)
from afterglow.measurement import Absent, Control, LayerResult, Measurement
from afterglow.readings import Moments, Reading, State

MOMENTS = Moments(clicked_s=99.8, requested_s=99.85, acknowledged_s=100.0)


def door(
    layer: str,
    lower_s: float,
    upper_s: float = math.inf,
    *,
    session: str = "secondary",
    refused_s: float | None = None,
    flaps: int = 0,
    window_s: float = 30.0,
) -> LayerResult:
    """A door that closed in an interval; one without an upper end never did."""
    delay = Interval(lower_s, upper_s)
    closed = math.isfinite(upper_s)
    return LayerResult(
        session=session,
        layer=layer,
        delay=delay,
        verdict=delay.verdict(window_s),
        first_refusal_s=upper_s if closed and refused_s is None else refused_s,
        confirmed_s=upper_s + 2.5 if closed else None,
        flaps=flaps,
        unknowns=0,
        codes=(),
        residual_chance=0.0007 if closed else None,
        readings=(Reading(session, layer, 101.0, 101.1, State.ALIVE),),
        every_edge=Interval(lower_s, upper_s + 1.5),
    )


def measurement(*doors: LayerResult, window_s: float = 30.0) -> Measurement:
    return Measurement("log out one", window_s, MOMENTS, doors)


ACCESS = door("access", 11.0, 11.3, refused_s=4.2, flaps=9)
PAGE = door("page", 5.0, 5.4)
MINT = door("mint", 0.0, 0.2)
ENDLESS = door("tab", 35.0)


def texts(svg: str) -> list[str]:
    """Every text of the picture, from top to bottom. Reading it as XML proves that it is XML."""
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own picture, not a stranger's
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


def size(svg: str) -> tuple[float, float]:
    """Width and height of a picture in pixels."""
    found = re.search(r'width="([\d.]+)" height="([\d.]+)"', svg)
    assert found
    return float(found.group(1)), float(found.group(2))


def test_the_doors_are_listed_in_the_order_in_which_they_closed() -> None:
    """Not in the order in which they were watched; what never closed comes last."""
    assert closing_list(measurement(ENDLESS, ACCESS, MINT, PAGE)) == [
        "secondary mint: closed after 0.00 to 0.20 s",
        "secondary page: closed after 5.00 to 5.40 s",
        "secondary access: closed after 11.00 to 11.30 s, after it had come back 9 times",
        "secondary tab: not seen to close, over 35.00 s",
    ]


def test_one_sentence_tells_the_order() -> None:
    """With the delays, and apart from them what was never seen to close."""
    assert closing_sentence(measurement(ENDLESS, PAGE, MINT)) == (
        "Closed: secondary mint (0.00 to 0.20 s), then secondary page (5.00 to 5.40 s); "
        "not seen to close: secondary tab (over 35.00 s)."
    )


def test_an_order_that_is_not_known_is_not_claimed() -> None:
    """Where two intervals overlap, either door may have closed first."""
    overlap = measurement(door("session", 4.9, 5.2), PAGE)
    assert closing_sentence(overlap).endswith("where two intervals overlap, either may have been first.")
    assert "overlap" not in closing_sentence(measurement(MINT, PAGE))


def test_a_measurement_without_any_closed_door_says_so() -> None:
    """No end seen is a result."""
    assert closing_sentence(measurement(ENDLESS)).startswith("No door was seen to close; not seen to close:")


def test_the_clocks_are_told_one_by_one() -> None:
    """Click, request, acknowledgement, refusals, settled, confirmed, row and notice are different things."""
    timed = replace(
        measurement(ENDLESS, PAGE, ACCESS), clocks=(door("row", 0.2, 0.4), replace(ENDLESS, layer="notice"))
    )
    assert clocks_told(timed) == [
        "click → request: 50 ms",
        "click → acknowledged: 200 ms",
        "first refusal: 4.20 s (secondary access) to 5.40 s (secondary page); not seen at 1 door",
        "settled (first uncontradicted refusal): 5.40 s (secondary page) to 11.30 s (secondary access); "
        "not seen at 1 door",
        "confirmed: 7.90 s (secondary page) to 13.80 s (secondary access); not seen at 1 door",
        "seen: row gone, secondary: 0.20 to 0.40 s (not counted)",
        "seen: tab noticed, secondary: not seen, over 35.00 s (not counted)",
    ]


def test_a_request_that_was_not_seen_gets_no_time() -> None:
    """The click stands in for it in the arithmetic, but not in the words."""
    unseen = replace(measurement(PAGE), moments=replace(MOMENTS, requested_s=None))
    assert clocks_told(unseen)[0] == "click → request: not seen"


def test_what_is_not_applicable_for_the_same_reason_is_told_together() -> None:
    """One line for each reason and session."""
    absent = [
        Absent("primary", "codex", "not offered"),
        Absent("primary", "stream", "nothing was streaming"),
        Absent("primary", "platform", "not offered"),
    ]
    assert absent_told(absent) == [
        "primary codex, platform: not offered",
        "primary stream: nothing was streaming",
    ]


def test_the_picture_has_the_doors_of_each_session_as_they_closed() -> None:
    """Grouped by session with the session's own result, sorted by closing time, each with its words."""
    other = door("page", 1.0, 1.2, session="primary")
    lines = lines_of(measurement(other, ENDLESS, ACCESS, PAGE))
    assert [(line.kind, line.name) for line in lines] == [
        (Kind.HEADING, "primary"),
        (Kind.DOOR, "page"),
        (Kind.HEADING, "secondary"),
        (Kind.DOOR, "page"),
        (Kind.DOOR, "access"),
        (Kind.DOOR, "tab"),
    ]
    assert [line.told for line in lines[2:5]] == [
        "over 35.00 s, late",
        "5.00 to 5.40 s, within",
        "11.00 to 11.30 s, within",
    ]
    words = texts(doors_svg(measurement(other, ENDLESS, ACCESS, PAGE)))
    assert {"primary", "secondary", "access", ABOUT["access"], "11.00 to 11.30 s, within"} <= {*words}


def test_clocks_stand_apart_from_the_doors() -> None:
    """Below a heading that says what they are, and without a verdict."""
    timed = replace(measurement(PAGE), clocks=(door("notice", 6.0, 6.5), door("row", 0.2, 0.4)))
    names = [(line.kind, line.name, line.told) for line in lines_of(timed)]
    assert names[2:] == [
        (Kind.HEADING, "Timed, but no way in", ""),
        (Kind.CLOCK, "seen: row gone", "0.20 to 0.40 s"),
        (Kind.CLOCK, "seen: tab noticed", "6.00 to 6.50 s"),
    ]
    words = texts(doors_svg(timed))
    assert {"seen: row gone", "seen in here", "seen"} <= {*words}
    assert "seen in here" not in texts(doors_svg(measurement(PAGE)))


def test_a_door_that_is_not_applicable_is_named_with_the_reason() -> None:
    """Also where a session has no other door, and for a clock among the clocks."""
    absent = (
        Absent("secondary", "codex", "the target has none"),
        Absent("primary", "stream", "nothing was streaming"),
        Absent("secondary", "row", "nobody could look"),
    )
    words = texts(doors_svg(replace(measurement(PAGE), absent=absent)))
    assert {"codex", "not applicable: the target has none"} <= {*words}
    assert {"primary", "stream", "not applicable: nothing was streaming"} <= {*words}
    assert words.count("seen: row gone") == words.count("not applicable: nobody could look") == 1
    assert "row" not in words


def test_who_had_to_stay_alive_is_in_the_picture() -> None:
    """Whether a control lived decides what the order is worth."""
    words = texts(doors_svg(replace(measurement(PAGE), controls=(Control("primary", PAGE.readings, True),))))
    assert {"Had to stay alive", "primary", "was ended too, 1 reading"} <= {*words}


@pytest.mark.parametrize(
    ("doors", "drawn", "not_drawn"),
    [
        ([PAGE], {"closed in here", "settled", "every edge", "confirmed"}, {"in and out", "no end seen"}),
        ([ACCESS], {"in and out", "first refusal"}, {"no end seen", "goes on"}),
        ([ENDLESS], {"still let in", "no end seen", "goes on"}, {"closed in here", "settled", "confirmed"}),
    ],
)
def test_the_legend_names_what_is_drawn_and_nothing_else(
    doors: list[LayerResult], drawn: set[str], not_drawn: set[str]
) -> None:
    """A door that never closed has no flag, one that never came back was never in and out."""
    words = {*texts(doors_svg(measurement(*doors)))}
    assert drawn <= words
    assert not not_drawn & words


def test_a_gap_is_shaded_and_told() -> None:
    """A closing that falls into a time in which nobody looked is wide because of it."""
    gap = Gap(102.0, 106.0, "machine suspended")
    words = texts(doors_svg(replace(measurement(PAGE), gaps=(gap,))))
    assert "nobody looked" in words
    assert any("Nobody looked from 2.0 to 6.0 s: machine suspended." in text for text in words)


def test_late_doors_are_told_late_and_an_undermined_measurement_promises_nothing() -> None:
    """The picture never says more than the verdict does."""
    late = measurement(PAGE, door("access", 33.0, 33.4))
    assert "33.00 to 33.40 s, late" in texts(doors_svg(late))
    undermined = texts(doors_svg(replace(late, undermined="the control primary died")))
    assert "5.00 to 5.40 s, undetermined" in undermined
    assert not any("within" in text for text in undermined)
    assert any("Why: the control primary died" in text for text in undermined)


@pytest.mark.parametrize(
    ("ends_s", "pressed"),
    [
        ((3.0, 8.0, 1700.0), True),
        ((600.0, 900.0, 1700.0), False),
        ((1.2, 8.0, 100.0), False),
    ],
    ids=["seconds and half an hour", "minutes", "seconds"],
)
def test_time_is_pressed_together_only_where_it_must_be(ends_s: Sequence[float], pressed: bool) -> None:
    """What closed in seconds is still to be seen beside what took half an hour; the axis says so."""
    doors = [door(f"door{number}", end_s - 0.04, end_s) for number, end_s in enumerate(ends_s)]
    words = texts(doors_svg(measurement(*doors, window_s=1800.0)))
    assert any("pressed together" in text for text in words) is pressed


@pytest.mark.parametrize("window_s", [30.0, 1800.0])
@pytest.mark.parametrize("number", [1, 12])
def test_the_picture_stays_about_as_wide_as_a_report(window_s: float, number: int) -> None:
    """From one door to twenty-four, whatever the numbers: one picture that needs no scrolling sideways."""
    doors = [
        door(name, window_s * (0.1 + each / 20), window_s * (0.1 + each / 20) + 0.3, session=session)
        for session in ("primary", "secondary")
        for each, name in enumerate([*ABOUT][:number])
    ]
    clocks = (door("row", 0.2, 0.4), door("notice", 0.2 * window_s))
    everything = replace(
        measurement(*doors, ENDLESS, window_s=window_s),
        clocks=clocks,
        gaps=(Gap(101.0, 102.0, "machine suspended"),),
    )
    width, height = size(doors_svg(everything))
    assert width < 1050
    assert height < 26 * len(lines_of(everything)) + 320


def test_the_picture_loads_nothing_and_has_a_white_ground() -> None:
    """A report is read offline, and may be dark."""
    svg = doors_svg(measurement(PAGE, ACCESS, ENDLESS))
    assert not re.search(r"<(image|script|style|link|use)|@import|url\(|href=", svg)
    assert re.search(r'<rect width="[\d.]+" height="[\d.]+" fill="white"/>', svg)


def test_odd_names_break_no_picture() -> None:
    """Markup and control characters in a name or a reason are letters like any other."""
    odd = replace(PAGE, session='<b>&"\x1b[31m\x00', layer="\x07door")
    absent = Absent(odd.session, "stream", "\x07<script>alert(1)</script> " + "long " * 80)
    svg = doors_svg(replace(measurement(odd), absent=(absent,)))
    assert any(text.startswith('<b>&"') for text in texts(svg))
    assert "<script" not in svg


@given(
    st.lists(
        st.tuples(st.floats(0, 2000), st.one_of(st.just(math.inf), st.floats(0, 50))),
        min_size=1,
        max_size=30,
    )
)
def test_every_door_is_told_whatever_was_found(found: list[tuple[float, float]]) -> None:
    """No door is lost, and none is told before one that closed earlier."""
    doors = [door(f"door{each}", lower, lower + more) for each, (lower, more) in enumerate(found)]
    told = closing_list(measurement(*doors))
    numbers = [int(re.findall(r"door(\d+):", line)[0]) for line in told]
    assert sorted(numbers) == [*range(len(doors))]
    uppers = [doors[number].delay.upper_s for number in numbers]
    assert uppers == sorted(uppers)
