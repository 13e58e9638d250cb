"""What the pictures draw: exactly what was measured, and nothing between."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterglow.delay import Interval, Verdict
from afterglow.history.past import PastLogOut
from afterglow.history.read import History
from afterglow.pictures import doors_of_night, over_time, survival, table, token_age
from afterglow.pictures.drawing import ends, plain_ticks, pressed_from_s, reach_s, ticks
from afterglow.pictures.page import Study, packed, propagation_html, studied
from afterglow.pictures.palette import DARK, LIGHT, painted
from afterglow.pictures.plots import run_level_svgs
from afterglow.pictures.references import DOCUMENTED, beyond, fitting
from afterglow.statistics.npmle import estimate
from tests.pictures.conftest import HOSTILE, MANY
from tests.pictures.histories import ALL, Made, history

seconds = st.floats(0, 1e5, allow_nan=False)
intervals = st.builds(
    lambda lower_s, width_s: Interval(lower_s, lower_s + width_s), seconds, seconds | st.just(math.inf)
)


@pytest.fixture(scope="module")
def past() -> History:
    """Ninety nights: one late, one without an end, three that could not be measured, and worse in the end."""
    return history(MANY)


@pytest.fixture(scope="module")
def studies(past: History) -> list[Study]:
    return studied(past.nights, Random(1))  # noqa: S311 - permutations


def usable(past: History, action: str) -> list[PastLogOut]:
    """What the nights hold, read off without the statistics."""
    return [each for night in past.nights for each in night.log_outs if each.usable and each.action == action]


def rows(study: Study, picture: str, dataset: str) -> list[Any]:
    return list(study.pictures[picture].datasets[dataset])


def test_every_bar_is_an_interval_that_was_measured(past: History, studies: list[Study]) -> None:
    """One bar for each log-out that counts, from its lower end to its upper one; nothing else is drawn."""
    for study in studies:
        asked = study.question
        logged_out = [
            each
            for night in past.nights
            for run in night.runs
            for each in run.log_outs
            if each.usable and each.action == asked.action and asked.engine in (None, run.engine)
        ]
        measured = [each.of(layer=asked.layer, surface=asked.surface) for each in logged_out]
        drawn = [(row["lower_s"], row["upper_s"]) for row in rows(study, "nights", "bars")]
        assert drawn == [tuple(ends(delay).values()) for delay in measured if delay is not None], asked.told
        assert {frozenset(row) for row in rows(study, "nights", "bars")} == {
            frozenset({"night", "lower_s", "upper_s", "kind", "turn", "beside", "age_s"})
        }


@given(interval=intervals)
def test_what_is_drawn_contains_what_was_measured(interval: Interval) -> None:
    """Ends are rounded outwards, by a millisecond at most, and no end is made up where none was seen."""
    drawn = ends(interval)
    lower_s, upper_s = drawn["lower_s"], drawn["upper_s"]
    assert lower_s is not None
    assert interval.lower_s - 0.0011 <= lower_s <= interval.lower_s + 1e-9
    if math.isinf(interval.upper_s):
        assert upper_s is None
    else:
        assert upper_s is not None
        assert interval.upper_s - 1e-9 <= upper_s <= interval.upper_s + 0.0011


@given(measured=st.lists(intervals, max_size=8), window_s=st.none() | seconds)
def test_an_axis_reaches_every_end_that_was_seen(measured: list[Interval], window_s: float | None) -> None:
    """And the window; its ticks lie on it, begin with 0 and leave each other room."""
    to_s = reach_s(measured, window_s)
    seen = [end for each in measured for end in (each.lower_s, each.upper_s) if math.isfinite(end)]
    assert to_s >= max([*seen, window_s or 0])
    named = ticks(to_s, pressed_from_s(measured))
    assert named[0] == 0
    assert named == sorted(set(named))
    assert named[-1] <= to_s
    plain = plain_ticks(to_s, 6)
    assert plain[-1] <= to_s
    assert len(plain) <= 8 or to_s > 6 * 86_400


def test_late_nights_and_those_without_a_verdict_have_a_mark(past: History, studies: list[Study]) -> None:
    """Each on a line of its own; nights that could not be measured are shown as such and have no bar."""
    marks = rows(studies[0], "nights", "marks")
    by_kind = {kind: [row["night"] for row in marks if row["kind"] == kind] for kind in over_time.LINES_PX}
    assert by_kind == {"late": [30], "undetermined": [44], "not measured": [20, 22, 50]}
    assert not {20, 22, 50} & {row["night"] for row in rows(studies[0], "nights", "bars")}
    assert set(over_time.LINES_PX) <= set(over_time.SHAPES)
    assert len(set(over_time.SHAPES.values())) == len(over_time.SHAPES)
    assert len(past.nights) == 90


def test_a_night_of_another_browser_is_not_one_that_could_not_be_measured(studies: list[Study]) -> None:
    """Where nights take turns, only those with the browser in question can lack its answer."""
    (firefox,) = (each for each in studies if each.question == replace(studies[0].question, engine="firefox"))
    assert [row["night"] for row in rows(firefox, "nights", "marks")] == [22]


def test_a_change_is_drawn_at_the_first_night_after_it(studies: list[Study]) -> None:
    """The made-up delays are longer from night 60 on; the test may be some nights off."""
    (change,) = rows(studies[0], "nights", "changes")
    assert abs(change["night"] - 60) < 10
    assert change["told"].startswith("longer from 2026-03-")


def test_the_band_is_the_estimate_s_own(past: History, studies: list[Study]) -> None:
    """Every step of it, low and high; somewhere they differ, as intervals leave it open."""
    band = rows(studies[0], "survival", "band")
    found = estimate([each.delay for each in usable(past, ALL)])
    assert [(row["t_s"], row["low"], row["high"]) for row in band[:-1]] == [
        (t_s, round(low, survival.PLACES), round(high, survival.PLACES))
        for t_s, low, high in found.steps()
        if t_s < band[-1]["t_s"]
    ]
    assert any(row["low"] < row["high"] for row in band)
    assert band[0]["t_s"] == 0


def test_what_had_no_end_is_shown_as_unknown() -> None:
    """Two of four: the curve ends where the last of them was still in, and the rest is grey, not dropped."""
    found = estimate([Interval(1, 2), Interval(3, 4), Interval(10), Interval(12)])
    assert survival.unknown(found) == [{"from_s": 12, "share": 0.5}]
    band = survival.band(found, 50)
    assert band[-1] == {"t_s": 12, "low": 0.5, "high": 0.5}
    assert "Of 50.0 % no end was seen" in survival.told(found, 30)


def test_the_window_and_what_others_document_are_there_to_compare(studies: list[Study]) -> None:
    """Only what fits the axis is drawn; the others are named below; who is a secondary source is told."""
    drawn = rows(studies[0], "survival", "references")
    assert [row["name"] for row in drawn if row["is_window"]] == ["window 30 min · ChatGPT, log out of all"]
    assert "Clerk (secondary source), 1 min" in [row["name"] for row in drawn]
    to_s = studies[0].time["to_s"]
    assert all(row["at_s"] <= to_s for row in drawn)
    assert len(list(beyond(to_s))) + sum(each.delay_s <= to_s for each in DOCUMENTED) == len(DOCUMENTED)
    assert "Firebase 1 h" in studies[0].captions()["beyond"]
    assert fitting(4) == {}


def test_an_age_that_nobody_noted_is_not_made_up(past: History) -> None:
    """The picture leaves such log-outs out, and says of how many it knows."""
    runs = tuple(
        replace(run, log_outs=tuple(replace(each, ages={}) for each in run.log_outs)) if number % 2 else run
        for number, run in enumerate(past.runs)
    )
    study = studied(History(runs).nights, Random(1))[0]  # noqa: S311 - permutations
    ages = rows(study, "ages", "ages")
    assert {row["night"] % 2 for row in ages} == {0}
    assert f"{len(ages)} log-outs of {study.finding.n_log_outs}" in study.captions()["ages"]
    none = replace(past, runs=tuple(replace(run, log_outs=()) for run in past.runs[:2]) + runs[1:2])
    (alone, *_) = studied(none.nights, Random(1))  # noqa: S311 - permutations
    assert alone.captions()["ages"] == token_age.told(alone.answers, [])


def test_the_doors_stand_in_the_order_in_which_they_closed(past: History) -> None:
    """Session by session; one that was never seen to close comes last, without an upper end."""
    night = next(each for each in past.nights if any(math.isinf(log.delay.upper_s) for log in each.log_outs))
    log_out = next(each for each in night.log_outs if math.isinf(each.delay.upper_s))
    drawn = [(row["line"].split("\n"), row["upper_s"]) for row in doors_of_night.rows_of(log_out)]
    for session in ("primary", "secondary"):
        head, *doors = [(layer, upper_s) for (whose, layer), upper_s in drawn if whose == session]
        assert head == ("", None)
        assert doors[-1] == ("access", None)
        closed = [upper_s for _, upper_s in doors[:-1]]
        assert closed == sorted(closed)
    assert "2 doors never seen to close" in doors_of_night.told(log_out)


def test_the_doors_are_those_of_the_last_night_that_tells() -> None:
    """A last night that was blocked has no doors: the one before is shown."""
    blocked = history(replace(MANY, nights=6, blocked=(5,), unusable=(4,)))
    shown = doors_of_night.log_outs_to_show(blocked.nights)
    assert shown is not None
    assert shown[0].name == blocked.nights[3].name
    assert doors_of_night.log_outs_to_show([]) is None


def test_the_table_holds_every_log_out(past: History) -> None:
    """Also those that count for nothing, which have no verdict and a reason."""
    listed = table.rows_of(past.nights)
    assert len(listed) == sum(len(night.log_outs) for night in past.nights)
    verdicts = Counter(row["verdict"] for row in listed)
    assert verdicts == {"within": 172, "late": 1, "undetermined": 1, table.LEFT_OUT: 4}
    assert all(bool(row["why"]) == (row["verdict"] == table.LEFT_OUT) for row in listed)


def test_only_a_report_that_is_there_is_linked(past: History, tmp_path: Path) -> None:
    """Relative to the page; a night whose name leads elsewhere has no link, whatever lies there."""
    nights = past.nights
    for name in (nights[3].name, "..", "a b"):
        (tmp_path / "nights" / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "nights" / name / "index.html").touch()
    links = table.links(nights, tmp_path)
    assert [number for number, link in enumerate(links) if link] == [3]
    assert links[3] == f"nights/{nights[3].name}/index.html"
    hostile = [
        replace(nights[0], name=name) for name in ("..", "a b", "../x", "javascript:alert(1)", HOSTILE, "")
    ]
    assert table.links(hostile, tmp_path) == [None] * len(hostile)


def test_columns_say_what_the_rows_said() -> None:
    """A column of words is told as the words there are and which of them it is."""
    rows: list[dict[str, Any]] = [
        {"a": 1, "b": "x"},
        {"a": None, "b": "y"},
        {"a": 2, "b": "x", "c": "only here"},
    ]
    assert packed(rows) == {
        "a": [1, None, 2],
        "b": {"of": ["x", "y"], "is": [0, 1, 0]},
        "c": [None, None, "only here"],
    }
    assert packed([{"a": "x"}, {"a": "x"}]) == {"a": {"all": "x", "times": 2}}
    assert packed([]) == {}


def test_light_and_dark_have_the_same_colours(studies: list[Study]) -> None:
    """Every colour that a picture names is there in both."""
    assert set(LIGHT) == set(DARK)
    for spec in (survival.spec(), over_time.spec(), token_age.spec(), doors_of_night.spec()):
        assert '"@' in json.dumps(spec)
        assert '"@' not in json.dumps(painted(spec, LIGHT))
    assert studies


def test_nothing_in_a_file_gets_out_of_the_page_s_data(histories: dict[str, History], tmp_path: Path) -> None:
    """What a run's file says is text: it opens no element, and ends none."""
    hostile = propagation_html(histories["hostile"], reports=tmp_path, chance=Random(1))  # noqa: S311
    healthy = propagation_html(histories["one"], reports=tmp_path, chance=Random(1))  # noqa: S311
    assert hostile.count("<script") == healthy.count("<script")
    assert hostile.count("</script") == healthy.count("</script")
    assert "<img src=x" not in hostile


def test_the_same_history_gives_the_same_page(past: History, tmp_path: Path) -> None:
    """Chance is given, never drawn: a page can be made again."""
    few = history(Made(9))
    one, other = (propagation_html(few, reports=tmp_path, chance=Random(3)) for _ in range(2))  # noqa: S311
    assert one == other
    assert past


def test_the_report_gets_pictures_of_each_action(histories: dict[str, History]) -> None:
    """As SVGs that are XML, with a white ground and their finding in words; without nights there is none."""
    drawn = dict(run_level_svgs(histories["many"], Random(1)))  # noqa: S311 - permutations
    assert list(drawn) == [
        "How likely a session still lives: log out all",
        "Night by night: log out all",
        "How likely a session still lives: log out one",
        "Night by night: log out one",
    ]
    for title, svg in drawn.items():
        root = ElementTree.fromstring(svg)  # noqa: S314 - our own picture
        words = [text.text or "" for text in root.iter("{http://www.w3.org/2000/svg}text")]
        assert title in words
        assert 'fill="#ffffff"' in svg
        assert any("longer from 2026-0" in word for word in words) == title.startswith("Night by night: log")
    assert not dict(run_level_svgs(histories["empty"], Random(1)))  # noqa: S311 - permutations
    assert len(dict(run_level_svgs(histories["one"], Random(1)))) == 4  # noqa: S311 - permutations


def test_verdicts_are_what_the_pictures_know() -> None:
    """A verdict that is added one day needs a colour and a shape."""
    assert set(over_time.SHAPES) == {verdict.value for verdict in Verdict} | {over_time.UNMEASURED}
