"""Which doors closed when: the result of a measurement in words, and in one picture.

The picture is for reading a result, not for checking it: every reading is in `timeline.py`. Like there, it
is worked out as rows of plain data first, and drawn afterwards.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from afterglow.delay import Interval, Verdict
from afterglow.measurement import CLOCKS, Absent, LayerResult, Measurement, clock_name
from afterglow.timeline import (
    BARS,
    BESIDE,
    BOLD_LETTER,
    FAINT,
    INK,
    LEAST,
    LETTER,
    LOOKS,
    NO_END,
    NOBODY,
    PADDING,
    SHOWN_WINDOW,
    SPARE,
    STILL_IN,
    STYLES,
    WIDTH,
    Look,
    Mark,
    Row,
    Span,
    clock_told,
    control_fate,
    counted,
    draw_bars,
    draw_ground,
    draw_marks,
    draw_rules,
    draw_words,
    dressed,
    many,
    printable,
    remarks,
    rule_names,
    rules,
    shades,
    title,
)

if TYPE_CHECKING:
    import altair as alt

ABOUT = {
    "page": "the page, loaded anew",
    "session": "its own cookies",
    "access": "the token it held",
    "replay": "a copy of its cookies",
    "elsewhere": "the copy, other device",
    "mint": "a new access token",
    "codex": "Codex, same account",
    "platform": "the API platform",
    "tab": "a second tab",
    "message": "a message, open tab",
    "stream": "an answer under way",
    "back": "the back button",
}
"""What each door is, for who has not read the manual."""

HEAD, LINE, APART = 26.0, 24.0, 12.0
"""Pixels: the height of a heading, of a line below it, and the space before the next heading."""

BAR, THIN, WHISKER = 6.0, 2.5, 0.8
"""Pixels: half the height of a door's bar, of a clock's, and of the line on to where it was confirmed."""

PRESSED_FROM_S, PRESSED_IF = 120.0, 60.0
"""In a picture of minutes, doors that closed in seconds are a hair's breadth: time is pressed together when
the first one closed in less than this part of it. A picture of seconds needs no such thing."""

AT_ONCE_S = 1.0
"""What closed faster closed at once, and nobody needs to see how fast."""


# In words


def closing_list(measurement: Measurement) -> list[str]:
    """The doors in the order in which they closed, a line for each; those that never did come last."""
    return [printable(f"{door.session} {door.layer}: {_closing(door)}") for door in measurement.closing_order]


def closing_sentence(measurement: Measurement) -> str:
    """The same in one sentence, with what may have been the other way round."""
    closed = [door for door in measurement.closing_order if math.isfinite(door.delay.upper_s)]
    never = [door for door in measurement.closing_order if not math.isfinite(door.delay.upper_s)]
    told = ", then ".join(f"{door.session} {door.layer} ({door.delay})" for door in closed)
    sentence = f"Closed: {told}" if told else "No door was seen to close"
    if never:
        sentence += "; not seen to close: "
        sentence += ", ".join(f"{door.session} {door.layer} ({door.delay})" for door in never)
    if any(_overlap(one, other) for one, other in pairwise(closed)):
        sentence += "; where two intervals overlap, either may have been first"
    return printable(f"{sentence}.")


def _overlap(one: LayerResult, other: LayerResult) -> bool:
    return other.delay.lower_s < one.delay.upper_s


def _closing(door: LayerResult) -> str:
    flaps = f", after it had come back {many(door.flaps, 'time')}" if door.flaps else ""
    return f"closed after {door.delay}{flaps}" if _closed(door) else f"not seen to close, {door.delay}"


def _closed(door: LayerResult) -> bool:
    return math.isfinite(door.delay.upper_s)


def clocks_told(measurement: Measurement) -> list[str]:
    """Every clock of the log-out in words, in the order in which they run: nobody shall mix them up."""
    moments = measurement.moments
    return [
        f"click → request: {_ms(moments.clicked_s, moments.requested_s)}",
        f"click → acknowledged: {_ms(moments.clicked_s, moments.acknowledged_s)}",
        *_extremes("first refusal", measurement, [door.first_refusal_s for door in measurement.layers]),
        *_extremes(
            "settled (first uncontradicted refusal)",
            measurement,
            [door.delay.upper_s if _closed(door) else None for door in measurement.layers],
        ),
        *_extremes("confirmed", measurement, [door.confirmed_s for door in measurement.layers]),
        *(
            printable(f"{clock_name(clock.layer)}, {clock.session}: {clock_told(clock)} (not counted)")
            for clock in measurement.clocks
        ),
    ]


def _ms(from_s: float, to_s: float | None) -> str:
    return "not seen" if to_s is None else f"{(to_s - from_s) * 1000:,.0f} ms"


def _extremes(what: str, measurement: Measurement, at_s: Sequence[float | None]) -> Iterator[str]:
    """Which door was the first at something and which the last, and how many never were."""
    pairs = zip(at_s, measurement.layers, strict=True)
    known = sorted(
        ((at, f"{door.session} {door.layer}") for at, door in pairs if at is not None),
    )
    never = len(at_s) - len(known)
    if not known:
        yield f"{what}: not seen at any door"
        return
    (first_s, first), (last_s, last) = known[0], known[-1]
    line = f"{what}: {first_s:.2f} s ({first})"
    if len(known) > 1:
        line += f" to {last_s:.2f} s ({last})"
    yield printable(line + (f"; not seen at {many(never, 'door')}" if never else ""))


def absent_told(absent: Sequence[Absent]) -> list[str]:
    """What is not applicable and why, what has the same reason in one line."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for each in absent:
        reasons.setdefault((each.session, each.why), []).append(each.layer)
    return [printable(f"{session} {', '.join(names)}: {why}") for (session, why), names in reasons.items()]


# In a picture


class Kind(StrEnum):
    """What a line of the picture is about."""

    HEADING = "heading"
    DOOR = "door"
    CLOCK = "clock"
    ABSENT = "not applicable"
    CONTROL = "control"


FLAPPING = "in and out"
SETTLING = "being confirmed"
UNSEEN = "not seen yet"
SEEN = "seen in here"
CLOSED = "closed in here"
COLOURS = {
    STILL_IN: BARS[STILL_IN],
    FLAPPING: "#cc86ae",
    CLOSED: "#f2a71b",
    NO_END: BARS[NO_END],
    SETTLING: FAINT,
    UNSEEN: "#9cc7e4",
    SEEN: "#0072b2",
    NOBODY: BARS[NOBODY],
}


class Sign(StrEnum):
    """The marks, as the legend names them."""

    REFUSED = "first refusal"
    SETTLED = "settled"
    EVERY_EDGE = "every edge"
    CONFIRMED = "confirmed"
    SEEN = "seen"
    OPEN = "goes on"


TICK = "M-.12,-1H.12V1H-.12Z"
ARROW = "M-.5,-.8L.8,0L-.5,.8Z"
SIGNS = {
    Sign.REFUSED: replace(LOOKS[Mark.REFUSED], area=46),
    Sign.SETTLED: replace(LOOKS[Mark.SETTLED], area=300),
    Sign.EVERY_EDGE: Look(INK, TICK, 130),
    Sign.CONFIRMED: Look(INK, "circle", 38),
    Sign.SEEN: Look("#0072b2", "diamond", 100),
    Sign.OPEN: Look("#7a7f85", ARROW, 150),
}

ALARM = "#a8321a"

WORDS: dict[str, dict[str, Any]] = {
    **{name: STYLES[name] for name in ("click", "acknowledged", "window")},
    "heading": {"align": "left", "fontSize": 13, "color": INK, "fontWeight": "bold"},
    "name": {"align": "left", "fontSize": 12, "color": INK},
    "about": {"align": "left", "fontSize": 11, "color": FAINT},
    "told": {"align": "left", "fontSize": 12, "color": INK},
    "alarm": {"align": "left", "fontSize": 12, "color": ALARM, "fontWeight": "bold"},
    "total": {"align": "left", "fontSize": 12, "color": INK, "fontWeight": "bold"},
    "note": {"align": "left", "fontSize": 11, "color": FAINT, "fontStyle": "italic"},
    "absent": {"align": "left", "fontSize": 12, "color": FAINT},
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the picture.

    name and about stand at its left, told at its right, note in its middle. alarm: whether what is told is
    no good news. result: the door or the clock that is drawn.
    """

    kind: Kind
    name: str
    about: str = ""
    told: str = ""
    note: str = ""
    alarm: bool = False
    result: LayerResult | None = None

    @property
    def height(self) -> float:
        """In pixels."""
        return HEAD if self.kind is Kind.HEADING else LINE


def doors_svg(measurement: Measurement) -> str:
    """Which doors closed when, as an SVG with a white ground, about 1,000 pixels wide; it loads nothing."""
    out = io.StringIO()
    _chart(measurement).save(out, format="svg")
    return out.getvalue()


def lines_of(measurement: Measurement) -> list[Line]:
    """Every session with its doors as they closed, then the clocks, then who had to stay alive."""
    sessions = dict.fromkeys([*measurement.sessions, *(each.session for each in _doors_absent(measurement))])
    lines = [line for session in sessions for line in _session_lines(measurement, session)]
    clocks = [*_clock_lines(measurement)]
    if clocks:
        lines += [Line(Kind.HEADING, "Timed, but no way in"), *clocks]
    if measurement.controls:
        lines.append(Line(Kind.HEADING, "Had to stay alive"))
    for control in measurement.controls:
        found = f"{control_fate(control)}, {counted(len(control.readings), 0, 0)}"
        lines.append(Line(Kind.CONTROL, control.session, note=found))
    return lines


def _doors_absent(measurement: Measurement) -> list[Absent]:
    return [each for each in measurement.absent if each.layer not in CLOCKS]


def _session_lines(measurement: Measurement, session: str) -> Iterator[Line]:
    doors = [door for door in measurement.closing_order if door.session == session]
    if doors:
        delay = measurement.of_session(session)
        yield Line(Kind.HEADING, session, told=_told(measurement, delay), alarm=_alarms(measurement, delay))
    else:
        yield Line(Kind.HEADING, session)
    for door in doors:
        told, alarm = _told(measurement, door.delay), _alarms(measurement, door.delay)
        yield Line(Kind.DOOR, door.layer, ABOUT.get(door.layer, ""), told, alarm=alarm, result=door)
    for each in _doors_absent(measurement):
        if each.session == session:
            yield Line(Kind.ABSENT, each.layer, ABOUT.get(each.layer, ""), note=f"not applicable: {each.why}")


def _told(measurement: Measurement, delay: Interval) -> str:
    return f"{delay}, {measurement.verdict_of(delay)}"


def _alarms(measurement: Measurement, delay: Interval) -> bool:
    return measurement.verdict_of(delay) is not Verdict.WITHIN


def _clock_lines(measurement: Measurement) -> Iterator[Line]:
    for clock in sorted(measurement.clocks, key=lambda clock: [*CLOCKS, clock.layer].index(clock.layer)):
        yield Line(Kind.CLOCK, clock_name(clock.layer), clock.session, told=clock_told(clock), result=clock)
    for each in measurement.absent:
        if each.layer in CLOCKS:
            why = f"not applicable: {each.why}"
            yield Line(Kind.ABSENT, clock_name(each.layer), each.session, note=why)


# Where it is


@dataclass(frozen=True, slots=True)
class Columns:
    """How wide what stands beside the bars is, in pixels."""

    name: float
    about: float
    told: float

    @property
    def left(self) -> float:
        """Both columns at the left."""
        return self.name + self.about


def _columns(lines: Sequence[Line]) -> Columns:
    below = [line for line in lines if line.kind is not Kind.HEADING]
    return Columns(
        name=LETTER * max((len(line.name) for line in below), default=0) + BESIDE,
        about=(LETTER - 0.6) * max((len(line.about) for line in below), default=0),
        told=max(_width(line) for line in lines),
    )


def _width(line: Line) -> float:
    bold = line.alarm or line.kind is Kind.HEADING
    return (BOLD_LETTER if bold else LETTER) * len(line.told)


def span_of(measurement: Measurement, columns: Columns) -> Span:
    """As much time as the doors needed, and the window if that does not squash them."""
    moments = measurement.moments
    ends_s = sorted(end_s for each in measurement.layers for end_s in _ends(each))
    seen_s = [end_s for clock in measurement.clocks for end_s in _ends(clock)]
    to_s = SPARE * max([1.0, *ends_s, *seen_s])
    if measurement.window_s <= SHOWN_WINDOW * to_s:
        to_s = max(to_s, SPARE * measurement.window_s)
    width = max(LEAST, WIDTH - 2 * (PADDING + BESIDE) - columns.left - columns.told)
    from_s = min(1.1 * (moments.clicked_s - moments.acknowledged_s), -0.01 * to_s)
    closed_s = [door.delay.upper_s for door in measurement.layers if _closed(door)]
    first_s = max(AT_ONCE_S, min(closed_s, default=to_s))
    pressed_s = first_s if to_s > PRESSED_FROM_S and to_s / first_s > PRESSED_IF else None
    if pressed_s:  # before the log-out there is little to see
        from_s = 1.1 * (moments.clicked_s - moments.acknowledged_s) - 0.1 * pressed_s
    return Span(moments.acknowledged_s, from_s, to_s, width, pressed_s)


def _ends(result: LayerResult) -> list[float]:
    """The moments of a result that are drawn."""
    edge_s = result.every_edge.upper_s if result.every_edge else None
    ends = (result.delay.lower_s, result.delay.upper_s, result.first_refusal_s, result.confirmed_s, edge_s)
    return [end_s for end_s in ends if end_s is not None and math.isfinite(end_s)]


def _middles(lines: Sequence[Line]) -> list[float]:
    """The middle of every line, in pixels from the top."""
    middles, top = [], 0.0
    for number, line in enumerate(lines):
        top += APART if line.kind is Kind.HEADING and number else 0
        middles.append(top + line.height / 2)
        top += line.height
    return middles


# What is drawn of it


def _bars(line: Line, y: float, span: Span) -> Iterator[Row]:
    """A door's or a clock's stretches of time, as the numbers say them."""
    if line.result is None:
        return
    half = BAR if line.kind is Kind.DOOR else THIN
    stretches = _door_stretches if line.kind is Kind.DOOR else _clock_stretches
    for bar, from_s, to_s in stretches(line.result, span.to_s):
        high = WHISKER if bar == SETTLING else half
        if to_s > from_s:
            yield {"x": from_s, "x2": to_s, "y": y - high, "y2": y + high, "bar": bar}


Stretch = tuple[str, float, float]


def _door_stretches(door: LayerResult, to_s: float) -> Iterator[Stretch]:
    """Let in, let in now and then, the interval in which it closed, and what it took to make sure."""
    lower_s, upper_s = door.delay.lower_s, door.delay.upper_s
    refused_s = lower_s if door.first_refusal_s is None else min(lower_s, door.first_refusal_s)
    yield STILL_IN, 0.0, refused_s
    yield FLAPPING, refused_s, lower_s
    if _closed(door):
        yield CLOSED, lower_s, upper_s
        yield SETTLING, upper_s, door.confirmed_s or upper_s
    else:
        yield NO_END, lower_s, to_s


def _clock_stretches(clock: LayerResult, to_s: float) -> Iterator[Stretch]:
    yield UNSEEN, 0.0, clock.delay.lower_s
    yield (
        (SEEN, clock.delay.lower_s, clock.delay.upper_s)
        if _closed(clock)
        else (
            NO_END,
            clock.delay.lower_s,
            to_s,
        )
    )


def _signs(line: Line, y: float, span: Span) -> Iterator[Row]:
    """The moments that the eye should find."""
    result = line.result
    if result is None:
        return
    if not _closed(result):
        yield {"x": span.to_s, "y": y, "mark": Sign.OPEN}
    if line.kind is Kind.CLOCK:
        yield from _at(result.delay.upper_s, y, Sign.SEEN)
        return
    yield from _at(result.first_refusal_s, y + BAR + 3, Sign.REFUSED)
    yield from _at(result.delay.upper_s, y - 3, Sign.SETTLED)
    yield from _at(result.every_edge.upper_s if result.every_edge else None, y, Sign.EVERY_EDGE)
    yield from _at(result.confirmed_s, y, Sign.CONFIRMED)


def _at(at_s: float | None, y: float, sign: Sign) -> Iterator[Row]:
    if at_s is not None and math.isfinite(at_s):
        yield {"x": at_s, "y": y, "mark": sign}


def _words(line: Line, y: float, span: Span, columns: Columns) -> Iterator[Row]:
    """What stands beside a line, and in it."""
    left, right = -BESIDE - columns.left, span.width + BESIDE
    name = {Kind.HEADING: "heading", Kind.ABSENT: "absent"}.get(line.kind, "name")
    yield {"text": printable(line.name), "px": left, "y": y, "style": name}
    yield {"text": printable(line.about), "px": left + columns.name, "y": y, "style": "about"}
    if line.note:
        start = span.px(0) + 6
        room = int((right + columns.told - start) / (LETTER - 0.6))
        note = textwrap.shorten(printable(line.note), room, placeholder=" …")
        yield {"text": note, "px": start, "y": y, "style": "note"}
    told = "alarm" if line.alarm else "total" if line.kind is Kind.HEADING else "told"
    yield {"text": line.told, "px": right, "y": y, "style": told}


# Drawing


def _chart(measurement: Measurement) -> alt.LayerChart:
    import altair as alt

    lines = lines_of(measurement)
    columns = _columns(lines)
    span = span_of(measurement, columns)
    placed = list(zip(lines, _middles(lines), strict=True))
    height = placed[-1][1] + placed[-1][0].height / 2
    bars = [row for line, y in placed for row in _bars(line, y, span)]
    bars += shades(measurement, span, height)
    signs = [row for line, y in placed for row in _signs(line, y, span)]
    words = [row for line, y in placed for row in _words(line, y, span, columns)]
    words += rule_names(measurement, span)
    used = {row["mark"] for row in signs}
    layers = [
        draw_ground(span, columns.left, columns.told),
        draw_bars(bars, span, COLOURS),
        draw_rules(list(rules(measurement, span)), height),
        draw_marks(signs, {sign: look for sign, look in SIGNS.items() if sign in used}),
        *draw_words(words, WORDS),
    ]
    heading = alt.TitleParams(title(measurement), subtitle=remarks(measurement))
    return dressed(alt.layer(*layers).properties(width=span.width, height=height, title=heading))
