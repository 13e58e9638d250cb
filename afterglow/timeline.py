"""The picture of one measurement: what every layer answered, when, and how long it outlived its log-out.

The picture is worked out first, as rows of plain data in seconds and pixels, and drawn afterwards. Only
drawing needs altair, whose import takes half a second: nobody should pay that before there is a picture.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from afterglow.delay import Ending, Interval, Verdict, ending, telling
from afterglow.measurement import Control, LayerResult, Measurement
from afterglow.readings import Moments, Reading, State

if TYPE_CHECKING:
    import altair as alt

Row = dict[str, str | float]

WIDTH, LEAST = 1000, 400
PADDING, BESIDE = 16, 10
LETTER, BOLD_LETTER = 6.7, 7.7
"""Pixels: the whole picture, and the least for its time; the air around it, and beside a track's words; a
letter of theirs, plain and bold.

The letters are wide ones. The picture is laid out with Arial; where a reader has only a wider font, such as
DejaVu Sans, the words must not run out of it.
"""

HEIGHT = 40
GAP = 14
"""Pixels: the height of a track, and the space between two sessions."""

ROWS = {State.ALIVE: -6, State.UNKNOWN: 0, State.REVOKED: 6}
"""Within a track an alive answer lies above, a refusal below: a flap then jumps out of the line."""

SPARE = 1.03
"""A little air at the right, so that the last mark and the window's line are not on the edge."""

BEFORE = 0.12
"""At most this share of the picture is for the time before the log-out, which is usually dull and long."""

SHOWN_WINDOW = 3.0
"""A window further away than this many times the data would squash them: a note stands in for it."""

CELL_PX = 2.0
"""Two answers of the same kind that are closer than this look like one."""

FONT = "Arial, 'Liberation Sans', Helvetica, sans-serif"
INK, FAINT, HAIR = "#1c2733", "#5c6773", "#dfe3e8"


class Mark(StrEnum):
    """The kinds of marks, as the legend names them."""

    ALIVE = "alive"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    AGAIN = "alive again"
    REFUSED = "first refusal"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Look:
    """How a mark looks: a colour that the colour-blind tell from the others, a shape, its area in pixels."""

    colour: str
    shape: str
    area: int
    opacity: float = 1.0


CROSS = "M-1,-.6L-.6,-1L0,-.4L.6,-1L1,-.6L.4,0L1,.6L.6,1L0,.4L-.6,1L-1,.6L-.4,0Z"
SQUARE = "M-.6,-.6H.6V.6H-.6Z"
FLAG = "M-.07,1L-.07,-1L.85,-.6L.07,-.2L.07,1Z"

LOOKS = {
    Mark.ALIVE: Look("#0072b2", "circle", 26, 0.75),
    Mark.REVOKED: Look("#d55e00", CROSS, 30, 0.75),
    Mark.UNKNOWN: Look("#7a7f85", "triangle-up", 34, 0.9),
    Mark.AGAIN: Look("#a3346f", "diamond", 52),
    Mark.REFUSED: Look("#d55e00", "triangle-up", 60),
    Mark.SETTLED: Look(INK, FLAG, 480),
}

STILL_IN = "still let in"
ENDED = "ended in here"
NO_END = "no end seen"
BARS = {STILL_IN: "#fdeac2", ENDED: "#f2a71b", NO_END: "#d8dde3"}

STYLES: dict[str, dict[str, Any]] = {
    "name": {"align": "right", "fontSize": 12, "color": INK},
    "told": {"align": "left", "fontSize": 12, "color": INK, "fontWeight": "bold"},
    "counted": {"align": "left", "fontSize": 11, "color": FAINT},
    "click": {"align": "right", "fontSize": 11, "color": FAINT},
    "acknowledged": {"align": "left", "fontSize": 11, "color": FAINT},
    "window": {"align": "right", "fontSize": 12, "color": INK, "fontWeight": "bold"},
}
"""How each kind of text looks, and to which side of its place it runs."""

PROMISE = {
    Verdict.WITHIN: "within the {} s window",
    Verdict.LATE: "late, the window is {} s",
    Verdict.UNDETERMINED: "undetermined, the window is {} s",
}


def timeline_svg(measurement: Measurement) -> str:
    """One measurement as an SVG with a white ground, about 1,000 pixels wide; it loads nothing."""
    out = io.StringIO()
    _chart(measurement).save(out, format="svg")
    return out.getvalue()


def warm_up() -> None:
    """Do once what the first picture of a process would do besides drawing: it takes about a second."""
    import altair as alt

    alt.Chart(alt.Data(values=[])).mark_point().save(io.StringIO(), format="svg")


# What there is to see


@dataclass(frozen=True, slots=True)
class Track:
    """One layer, or one control: what was read of it, how it ended, and what is told at its right."""

    group: str
    name: str
    readings: Sequence[Reading]
    found: Ending
    told: str
    counted: str
    delay: Interval | None = None

    @property
    def telling(self) -> list[Reading]:
        """The readings on which the result rests."""
        found = (self.found.last_alive, self.found.first_refusal, self.found.first_of_run)
        return [reading for reading in found if reading is not None]

    def mark(self, reading: Reading) -> Mark:
        """How to mark a reading: an alive one after a refusal is of its own kind."""
        refused = self.found.first_refusal
        again = reading.state is State.ALIVE and refused and reading.received_s > refused.received_s
        return Mark.AGAIN if again else Mark(reading.state.value)


def tracks_of(measurement: Measurement) -> list[Track]:
    """The layers by session, in the order in which they were watched, and the controls below."""
    by_session = sorted(measurement.layers, key=lambda layer: measurement.sessions.index(layer.session))
    return [
        *(_layer_track(layer, measurement) for layer in by_session),
        *(_control_track(control, measurement.moments) for control in measurement.controls),
    ]


def _layer_track(layer: LayerResult, measurement: Measurement) -> Track:
    return Track(
        group=layer.session,
        name=f"{layer.session} · {layer.layer}",
        readings=layer.readings,
        found=ending(telling(layer.readings, measurement.moments.earliest_s)),
        told=f"{layer.delay}, {measurement.verdict_of(layer.delay)}",
        counted=_counted(len(layer.readings), layer.flaps, layer.unknowns),
        delay=layer.delay,
    )


def _control_track(control: Control, moments: Moments) -> Track:
    layers = dict.fromkeys(reading.layer for reading in control.readings)
    unknowns = sum(reading.state is State.UNKNOWN for reading in control.readings)
    found = ending(telling(control.readings, moments.earliest_s))
    return Track(
        group="controls",
        name=" · ".join([control.session, *layers]) + " (control)",
        readings=control.readings,
        found=found,
        told=control_fate(control),
        counted=_counted(len(control.readings), found.flaps, unknowns),
    )


def control_fate(control: Control) -> str:
    """What became of a session that had to stay alive."""
    if control.died:
        return "was ended too"
    if control.refused_last:
        return "was refused at the end"
    return "stayed alive" if control.seen_alive else "never seen"


def _counted(readings: int, flaps: int, unknowns: int) -> str:
    """Such as "57 readings, 2 flaps, 1 unknown"; what did not happen is left out."""
    parts = [_many(readings, "reading")] if readings else ["no readings"]
    parts += [_many(flaps, "flap")] if flaps else []
    parts += [f"{unknowns} unknown"] if unknowns else []
    return ", ".join(parts)


def _many(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


# Where it is


@dataclass(frozen=True, slots=True)
class Span:
    """The stretch of time that is shown, in seconds since the acknowledgement, and its width in pixels."""

    zero_s: float
    from_s: float
    to_s: float
    width: float

    def at_s(self, reading: Reading) -> float:
        """Where a reading belongs: an alive answer tells of when it was asked, a refusal of when it came."""
        when_s = reading.sent_s if reading.state is State.ALIVE else reading.received_s
        return when_s - self.zero_s

    def px(self, at_s: float) -> float:
        """How far from the left a moment is, in pixels."""
        return (at_s - self.from_s) / (self.to_s - self.from_s) * self.width

    def shows(self, at_s: float) -> bool:
        """Whether a moment lies within the picture."""
        return self.from_s <= at_s <= self.to_s


def span_of(measurement: Measurement, tracks: Sequence[Track]) -> Span:
    """As much time as the readings need, and the window if that does not squash them."""
    moments = measurement.moments
    width = max(LEAST, WIDTH - 2 * (PADDING + BESIDE) - sum(_beside(tracks)))
    whole = Span(moments.acknowledged_s, -math.inf, math.inf, width)
    at_s = [whole.at_s(reading) for track in tracks for reading in track.readings]
    ends_s = [
        end_s for track in tracks if track.delay for end_s in (track.delay.lower_s, track.delay.upper_s)
    ]
    to_s = SPARE * max([1.0, *at_s, *filter(math.isfinite, ends_s)])
    if measurement.window_s <= SHOWN_WINDOW * to_s:
        to_s = max(to_s, SPARE * measurement.window_s)
    # What the result rests on is never cut off, however long before the log-out it was.
    needed_s = [whole.at_s(reading) for track in tracks for reading in track.telling]
    before_s = max(min([0.0, *at_s]), -BEFORE * to_s)
    from_s = min([before_s, 1.1 * (moments.clicked_s - moments.acknowledged_s), *needed_s])
    return Span(moments.acknowledged_s, from_s, to_s, width)


def _beside(tracks: Sequence[Track]) -> tuple[float, float]:
    """How many pixels the words at the left and at the right of the tracks take at most."""
    names = max(len(track.name) for track in tracks)
    told, counted = max(len(track.told) for track in tracks), max(len(track.counted) for track in tracks)
    return LETTER * names, max(BOLD_LETTER * told, LETTER * counted)


def _middles(tracks: Sequence[Track]) -> list[float]:
    """The middle of every track, in pixels from the top, with a gap wherever another session begins."""
    middles: list[float] = []
    for number, track in enumerate(tracks):
        if number == 0:
            middles.append(HEIGHT / 2)
        else:
            middles.append(middles[-1] + HEIGHT + (GAP if track.group != tracks[number - 1].group else 0))
    return middles


# What is drawn of it


def _marks(track: Track, y: float, span: Span) -> Iterator[Row]:
    """The readings of a track, and with them the two moments that the eye should find first."""
    for reading in thinned(track, span):
        yield {"x": span.at_s(reading), "y": y + ROWS[reading.state], "mark": track.mark(reading)}
    if track.delay is None:
        return
    if track.found.first_refusal is not None:
        yield {"x": span.at_s(track.found.first_refusal), "y": y + 15, "mark": Mark.REFUSED}
    if track.found.first_of_run is not None and math.isfinite(track.delay.upper_s):
        yield {"x": span.at_s(track.found.first_of_run), "y": y - 7, "mark": Mark.SETTLED}


def thinned(track: Track, span: Span) -> Iterator[Reading]:
    """What the eye can tell apart of the readings. No flap is left out, and nothing a result rests on."""
    drawn: set[tuple[Mark, int]] = set()
    for reading in track.readings:
        if not span.shows(span.at_s(reading)):
            continue
        mark = track.mark(reading)
        place = (mark, math.floor(span.px(span.at_s(reading)) / CELL_PX))
        if mark is Mark.AGAIN or place not in drawn or reading in track.telling:
            drawn.add(place)
            yield reading


def _bars(track: Track, y: float, span: Span) -> Iterator[Row]:
    """How long the layer was still let in, and the interval in which that ended, as the numbers say it.

    The upper end counts from the request, not from the acknowledgement, so that the bar reaches a little
    beyond the reading that gave it: the log-out itself happened somewhere between those two.
    """
    if track.delay is None:
        return
    lower_s, upper_s = track.delay.lower_s, track.delay.upper_s
    last = (ENDED, upper_s) if math.isfinite(upper_s) else (NO_END, span.to_s)
    for start_s, (bar, end_s) in ((0.0, (STILL_IN, lower_s)), (lower_s, last)):
        yield {"x": start_s, "x2": end_s, "y": y - 14, "y2": y + 11, "bar": bar}


def _lines(measurement: Measurement, span: Span) -> Iterator[Row]:
    """The lines through all tracks: the log-out, and the window if it is in the picture."""
    moments = measurement.moments
    yield {"x": moments.clicked_s - moments.acknowledged_s, "y": -17, "dash": 0}
    yield {"x": 0.0, "y": -17, "dash": 0}
    if span.shows(measurement.window_s):
        yield {"x": measurement.window_s, "y": -35, "dash": 1}


def _names(measurement: Measurement, span: Span) -> Iterator[Row]:
    """The lines' names, each at the side where it cannot run into another."""
    moments, window_s = measurement.moments, measurement.window_s
    clicked_s = moments.clicked_s - moments.acknowledged_s
    yield {"text": "click", "px": span.px(clicked_s) - 5, "y": -12, "style": "click"}
    yield {"text": "acknowledged", "px": span.px(0.0) + 5, "y": -12, "style": "acknowledged"}
    if span.shows(window_s):
        yield {"text": f"window {window_s:g} s", "px": span.px(window_s) - 5, "y": -30, "style": "window"}
    else:
        yield {"text": f"window {window_s:g} s →", "px": span.width, "y": -30, "style": "window"}


def _words(track: Track, y: float, span: Span) -> Iterator[Row]:
    """What stands beside a track: its name at the left, what was found at the right."""
    right = span.width + BESIDE
    yield {"text": printable(track.name), "px": -BESIDE, "y": y, "style": "name"}
    yield {"text": track.told, "px": right, "y": y - 8, "style": "told"}
    yield {"text": track.counted, "px": right, "y": y + 8, "style": "counted"}


def _title(measurement: Measurement) -> str:
    """The result in one line."""
    sessions = measurement.sessions
    who = "all devices" if len(sessions) > 1 else sessions[0]
    delay = measurement.all_devices
    out = f"{who} out after {delay}" if math.isfinite(delay.upper_s) else f"no end seen, {delay}"
    promise = PROMISE[measurement.verdict].format(f"{measurement.window_s:g}")
    return printable(f"{measurement.action.capitalize()}: {out} — {promise}")


def _subtitle(measurement: Measurement, tracks: Sequence[Track], span: Span) -> list[str]:
    """What one must know to read the picture rightly."""
    moments = measurement.moments
    why = measurement.why_undetermined()
    took_s = moments.acknowledged_s - moments.earliest_s
    hidden = sum(span.at_s(reading) < span.from_s for track in tracks for reading in track.readings)
    since = "request" if moments.requested_s is not None else "click"
    lines = textwrap.wrap(f"Why: {why}", 150, max_lines=3, placeholder=" …") if why else []
    lines.append(f"From the {since} to its acknowledgement: {took_s:.2f} s, which every interval allows for.")
    if hidden:
        lines[-1] += f" {_many(hidden, 'earlier reading')} not shown."
    return [printable(line) for line in lines]


def printable(text: str) -> str:
    """Text in one line without control characters; a site's code is shown as it is, but for those.

    A terminal would obey them, and one that XML forbids makes vl-convert abort the whole process.
    """
    return "".join(letter if letter.isprintable() else " " for letter in text)


# Drawing


def _chart(measurement: Measurement) -> alt.LayerChart:
    """The picture in altair's words. Heights are pixels already, so only the time has a scale."""
    import altair as alt

    tracks = tracks_of(measurement)
    span = span_of(measurement, tracks)
    placed = list(zip(tracks, _middles(tracks), strict=True))
    height = placed[-1][1] + HEIGHT / 2
    words = [*_names(measurement, span), *(row for track, y in placed for row in _words(track, y, span))]
    layers = [
        _draw_ground(span, *_beside(tracks)),
        _draw_bars([row for track, y in placed for row in _bars(track, y, span)], span),
        _draw_lines(list(_lines(measurement, span)), height),
        _draw_marks([row for track, y in placed for row in _marks(track, y, span)]),
        *(_draw_words([row for row in words if row["style"] == style], style) for style in STYLES),
    ]
    title = alt.TitleParams(_title(measurement), subtitle=_subtitle(measurement, tracks, span))
    chart: alt.LayerChart = (
        alt.layer(*layers)
        .properties(width=span.width, height=height, title=title)
        .configure(background="white", font=FONT, padding=PADDING, aria=False)
        .configure_view(stroke=None)
        .configure_title(
            anchor="start",
            frame="bounds",
            offset=16,
            color=INK,
            fontSize=17,
            subtitleColor=FAINT,
            subtitleFontSize=12,
        )
        .configure_axis(gridColor=HAIR, domainColor=FAINT, tickColor=HAIR, labelFontSize=12, titleFontSize=12)
        .configure_legend(
            orient="bottom",
            labelFontSize=12,
            title=None,
            columnPadding=12,
            symbolStrokeWidth=0,
            padding=6,
        )
    )
    return chart


def _draw_ground(span: Span, left: float, right: float) -> alt.Chart:
    """Nothing to see: it holds the room that the words may take, whatever the reader's font."""
    import altair as alt

    row = {"from": -left - BESIDE, "to": span.width + right + BESIDE}
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=[row]))
        .mark_rule(opacity=0)
        .encode(x=alt.X("from:Q", scale=None, axis=None), x2="to:Q", y=alt.value(0))
    )
    return chart


def _draw_bars(rows: list[Row], span: Span) -> alt.Chart:
    """The bars, and with them the time axis for all that is drawn over them."""
    import altair as alt

    ticks = alt.Axis(
        title="seconds since the log-out was acknowledged", titleFontWeight="normal", tickCount=12
    )
    time = alt.Scale(domain=[span.from_s, span.to_s], nice=False)
    colours = alt.Scale(domain=list(BARS), range=list(BARS.values()))
    # a small square in a cell as high as the tallest mark: the two legends stand on one line
    legend = alt.Legend(symbolType=SQUARE, symbolSize=LOOKS[Mark.SETTLED].area)
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_rect()
        .encode(
            x=alt.X("x:Q", scale=time, axis=ticks),
            x2="x2:Q",
            y=alt.Y("y:Q", scale=None, axis=None),
            y2="y2:Q",
            # "fill", because "color" is the marks': each has a legend of its own
            fill=alt.Fill("bar:N", scale=colours, legend=legend),
        )
    )
    return chart


def _draw_lines(rows: list[Row], height: float) -> alt.Chart:
    import altair as alt

    dashes = alt.Scale(domain=[0, 1], range=[[1, 0], [6, 4]])
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_rule(color=INK)
        .encode(
            x="x:Q",
            y=alt.Y("y:Q", scale=None, axis=None),
            y2=alt.value(height),
            strokeDash=alt.StrokeDash("dash:O", scale=dashes, legend=None),
        )
    )
    return chart


def _draw_marks(rows: list[Row]) -> alt.Chart:
    """Every mark, as its kind looks; the four scales share one legend."""
    import altair as alt

    def scale(looks: list[Any]) -> alt.Scale:
        return alt.Scale(type="ordinal", domain=list(LOOKS), range=looks)

    looks = LOOKS.values()
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_point(filled=True)
        .encode(
            x="x:Q",
            y=alt.Y("y:Q", scale=None, axis=None),
            color=alt.Color("mark:N", scale=scale([look.colour for look in looks])),
            shape=alt.Shape("mark:N", scale=scale([look.shape for look in looks])),
            size=alt.Size("mark:N", scale=scale([look.area for look in looks])),
            opacity=alt.Opacity("mark:N", scale=scale([look.opacity for look in looks])),
        )
    )
    return chart


def _draw_words(rows: list[Row], style: str) -> alt.Chart:
    """Texts of one style, placed in pixels."""
    import altair as alt

    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_text(baseline="middle", **STYLES[style])
        .encode(
            text="text:N",
            x=alt.X("px:Q", scale=None, axis=None),
            y=alt.Y("y:Q", scale=None, axis=None),
        )
    )
    return chart
