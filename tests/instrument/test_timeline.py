"""The picture of a measurement: what must be in it, and what must never be left out of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import replace
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from afterglow.clock import Gap
from afterglow.delay import Interval, ending
from afterglow.measurement import Control, LayerResult, Measurement
from afterglow.readings import Moments, Reading, State
from afterglow.timeline import LOOKS, Mark, gaps_shown, span_of, thinned, timeline_svg, tracks_of

MOMENTS = Moments(clicked_s=99.8, requested_s=99.9, acknowledged_s=100.0)
ALIVE, REVOKED, UNKNOWN = State.ALIVE, State.REVOKED, State.UNKNOWN


def readings(
    *told: tuple[float, State], session: str = "secondary", layer: str = "access"
) -> tuple[Reading, ...]:
    """Readings at so many seconds after the log-out, each answered after 20 ms."""
    return tuple(
        Reading(session, layer, 100 + at_s, 100.02 + at_s, state, "" if state is ALIVE else "code")
        for at_s, state in told
    )


def result(
    read: tuple[Reading, ...], delay: Interval, *, window_s: float = 30.0, session: str = "secondary"
) -> LayerResult:
    found = ending(read)
    return LayerResult(
        session=session,
        layer="access",
        delay=delay,
        verdict=delay.verdict(window_s),
        first_refusal_s=None,
        confirmed_s=None,
        flaps=found.flaps,
        unknowns=0,
        codes=(),
        residual_chance=None,
        readings=read,
    )


def measurement(*layers: LayerResult, window_s: float = 30.0) -> Measurement:
    return Measurement("log out one", window_s, MOMENTS, layers)


CUT = result(readings((-1, ALIVE), (4, ALIVE), (4.1, REVOKED), (6, REVOKED)), Interval(4.0, 4.22))
FLAPPING = result(
    readings((1, ALIVE), (2, REVOKED), (3, ALIVE), (4, ALIVE), (5, REVOKED), (8, REVOKED)), Interval(4, 5.12)
)
UNREAD = result((), Interval(0.0))
CONTROL = Control("primary", readings((1, ALIVE), (5, ALIVE), session="primary", layer="session"), died=False)


def texts(svg: str) -> list[str]:
    """Every text of the picture. Reading it as XML proves that it is XML."""
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own picture, not a stranger's
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


def height(svg: str) -> float:
    """How high a picture is, in pixels."""
    found = re.search(r'height="([\d.]+)"', svg)
    assert found
    return float(found.group(1))


def drawn(svg: str, mark: Mark) -> int:
    """How many marks of a kind are drawn, not counting the one in the legend."""
    return len(re.findall(rf'fill="{LOOKS[mark].colour}"', svg)) - sum(
        look.colour == LOOKS[mark].colour for look in LOOKS.values()
    )


def test_the_picture_tells_the_result_in_words() -> None:
    """The title tells the action, the delay and the verdict; beside each layer stands its own."""
    words = texts(timeline_svg(measurement(CUT)))
    assert "Log out one: secondary out after 4.00 to 4.22 s — within the 30 s window" in words
    assert {"secondary · access", "4.00 to 4.22 s, within", "4 readings"} <= {*words}


def test_with_several_sessions_the_title_is_about_all_devices() -> None:
    """Several sessions are out when the slowest of them is; the picture has a track for each layer."""
    other = result(
        readings((1, ALIVE), (2, REVOKED), session="primary"), Interval(1, 2.12), session="primary"
    )
    words = texts(timeline_svg(replace(measurement(other, CUT), action="log out all")))
    assert "Log out all: all devices out after 4.00 to 4.22 s — within the 30 s window" in words
    assert {"primary · access", "secondary · access"} <= {*words}


def test_a_layer_that_never_settled_is_told_and_drawn_without_an_end() -> None:
    """No end seen is a result: the title says so, and no flag is set that would claim one."""
    endless = result(readings((1, ALIVE), (35, ALIVE)), Interval(35.0))
    svg = timeline_svg(measurement(endless))
    assert "Log out one: no end seen, over 35.00 s — late, the window is 30 s" in texts(svg)
    assert "over 35.00 s, late" in texts(svg)
    assert drawn(svg, Mark.SETTLED) < drawn(timeline_svg(measurement(CUT)), Mark.SETTLED)


def test_a_picture_says_why_there_is_no_verdict() -> None:
    """Whoever sees "undetermined" finds the reason right below it."""
    undermined = replace(measurement(CUT), undermined="the control primary was signed out too")
    words = texts(timeline_svg(undermined))
    assert any("Why: the control primary was signed out too" in text for text in words)
    assert "4.00 to 4.22 s, undetermined" in words


def test_a_layer_that_was_never_read_keeps_its_track() -> None:
    """An empty measurement is a picture too, and not an error that hides the rest."""
    words = texts(timeline_svg(replace(measurement(UNREAD), controls=(Control("primary", (), died=False),))))
    assert {"secondary · access", "no readings", "primary (control)", "never seen"} <= {*words}


def test_controls_are_in_the_picture() -> None:
    """Whether the control stayed alive decides what the delays are worth."""
    lived = texts(timeline_svg(replace(measurement(CUT), controls=(CONTROL,))))
    ended = texts(timeline_svg(replace(measurement(CUT), controls=(replace(CONTROL, died=True),))))
    assert {"primary · session (control)", "stayed alive"} <= {*lived}
    assert "was ended too" in ended


def test_a_flap_has_a_mark_of_its_own() -> None:
    """An alive answer after a refusal looks like no other: it is the one thing nobody may overlook."""
    assert drawn(timeline_svg(measurement(FLAPPING)), Mark.AGAIN) == 2
    assert drawn(timeline_svg(measurement(CUT)), Mark.AGAIN) == 0


def test_a_refusal_before_the_log_out_makes_no_flap() -> None:
    """It was none of the log-out's doing, and what follows it has not come back from anywhere."""
    early = result(readings((-3, REVOKED), (-2, ALIVE), (4, ALIVE), (4.1, REVOKED)), Interval(4.0, 4.22))
    assert drawn(timeline_svg(measurement(early)), Mark.AGAIN) == 0


def test_a_window_within_sight_is_a_line() -> None:
    """The promise is drawn where it is, as long as the data keep a third of the picture."""
    assert "window 15 s" in texts(timeline_svg(measurement(CUT, window_s=15)))


def test_a_window_far_away_does_not_squash_the_data() -> None:
    """Four seconds of half an hour are a hair's breadth: the window is a note at the edge instead."""
    assert "window 1800 s →" in texts(timeline_svg(measurement(CUT, window_s=1800)))
    assert span_of(measurement(CUT, window_s=1800), tracks_of(measurement(CUT))).to_s < 10


def test_a_long_time_before_the_log_out_is_cut_and_said_so() -> None:
    """The minutes before the log-out are not what the picture is about."""
    long_before = result(
        readings(*((at_s, ALIVE) for at_s in range(-60, 4)), (4.1, REVOKED)), Interval(3, 4.22)
    )
    svg = timeline_svg(measurement(long_before))
    assert any(re.search(r"\d+ earlier readings not shown", text) for text in texts(svg))


def test_clocks_are_in_the_picture_as_what_they_are() -> None:
    """A row that is gone is no door that has closed: it is named, has no flag and no verdict."""
    row = replace(CUT, layer="row")
    timed = replace(measurement(FLAPPING), clocks=(row, replace(row, layer="notice")))
    svg = timeline_svg(timed)
    assert {"secondary · seen: row gone", "secondary · seen: tab noticed", "4.00 to 4.22 s"} <= {*texts(svg)}
    # without a delay of its own a track gets neither bars nor a flag
    assert [track.delay for track in tracks_of(timed)] == [FLAPPING.delay, None, None]


def test_a_clock_that_was_never_seen_to_stop_says_so() -> None:
    """A tab that keeps quiet to the end is a result too."""
    quiet = replace(CUT, layer="notice", delay=Interval(35.0))
    assert "not seen, over 35.00 s" in texts(timeline_svg(replace(measurement(CUT), clocks=(quiet,))))


def test_a_time_in_which_nobody_looked_is_shaded_and_told() -> None:
    """Who sees no readings there must not think that the site kept silent."""
    gaps = (Gap(102.0, 103.5, "machine suspended"), Gap(900.0, 990.0, "process not running"))
    svg = timeline_svg(replace(measurement(CUT), gaps=gaps))
    assert any("Nobody looked from 2.0 to 3.5 s: machine suspended." in text for text in texts(svg))
    assert "nobody looked" in texts(svg)
    assert "nobody looked" not in texts(timeline_svg(measurement(CUT)))
    shown = gaps_shown(replace(measurement(CUT), gaps=gaps), 3.0, 30.0)
    assert [(gap.from_s, gap.to_s) for gap in shown] == [(3.0, 3.5)]


def test_many_tracks_are_lower_and_all_there() -> None:
    """Twenty-four layers, with clocks and a control: a picture of one page, no track over another."""
    many = [replace(CUT, session=who, layer=f"door{each}") for who in ("one", "two") for each in range(12)]
    few, all_of_them = timeline_svg(measurement(*many[:12])), timeline_svg(measurement(*many))
    assert {f"{layer.session} · {layer.layer}" for layer in many} <= {*texts(all_of_them)}
    assert height(all_of_them) < 1.5 * height(few)


def test_the_picture_loads_nothing() -> None:
    """A report is read offline, and nobody outside learns that it is being read."""
    svg = timeline_svg(replace(measurement(CUT, FLAPPING), controls=(CONTROL,)))
    links = {*re.findall(r"[\w:]+=\"https?:[^\"]*\"", svg)}
    assert links == {'xmlns="http://www.w3.org/2000/svg"', 'xmlns:xlink="http://www.w3.org/1999/xlink"'}
    assert not re.search(r"<(image|script|style|link|use)|@import|url\(|href=", svg)


def test_the_ground_is_white() -> None:
    """A report may be dark; the picture brings its own paper."""
    assert re.search(r'<rect width="[\d.]+" height="[\d.]+" fill="white"/>', timeline_svg(measurement(CUT)))


def test_odd_names_break_no_picture() -> None:
    """Markup and control characters in a name or in a site's code are letters like any other."""
    odd = replace(CUT, session='<b>&"\x1b[31m\x00')
    svg = timeline_svg(replace(measurement(odd), undermined="\x07<script>alert(1)</script>"))
    assert any(text.startswith('<b>&"') for text in texts(svg))
    assert "<script" not in svg


def test_a_long_log_stays_small_and_keeps_every_flap() -> None:
    """Five thousand readings are thinned to what the eye can tell apart; three hundred flaps all stay."""

    def state(at: int) -> State:
        return ALIVE if at < 2000 or (at < 4700 and at % 9 == 0) else REVOKED

    told = [(at / 100, state(at)) for at in range(5000)]
    long = result(readings(*told), Interval(46.98, 47.1))
    svg = timeline_svg(measurement(long))
    assert long.flaps > 290
    assert drawn(svg, Mark.AGAIN) == long.flaps
    assert len(svg) < 400_000


@given(
    st.lists(st.tuples(st.floats(-50, 2000), st.sampled_from(State)), max_size=60),
    st.integers(1, 40),
)
def test_thinning_never_loses_what_the_result_rests_on(told: list[tuple[float, State]], crowd: int) -> None:
    """Whatever was read: the last alive, the first refusal, the settled one and every flap are drawn."""
    read = readings(*(at for at in told for _ in range(crowd)))
    found = ending([r for r in read if r.state is not REVOKED or r.received_s > MOMENTS.earliest_s])
    watched = measurement(result(read, Interval(0.0, math.inf)))
    (track,) = tracks_of(watched)
    kept = [*thinned(track, span_of(watched, [track]))]
    needed: Iterable[Reading | None] = (found.last_alive, found.first_refusal, found.first_of_run)
    assert all(reading is None or reading in kept for reading in needed)
    refused_s = found.first_refusal.received_s if found.first_refusal else math.inf
    assert sum(r.state is ALIVE and r.received_s > refused_s for r in kept) == found.flaps


def test_thinning_leaves_few_of_many_alike() -> None:
    """A thousand answers within a pixel are one mark."""
    many = result(readings(*((at / 1e6, ALIVE) for at in range(1000)), (10, REVOKED)), Interval(0, 10.1))
    (track,) = tracks_of(measurement(many))
    assert len([*thinned(track, span_of(measurement(many), [track]))]) < 5
