"""The picture of one measurement: what every layer answered, when, and how long it outlived its log-out.

The picture is worked out first, as rows of plain data in seconds and pixels, and drawn afterwards. Only
drawing needs altair, whose import takes half a second: nobody should pay that before there is a picture.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from afterglow.clock import Gap
from afterglow.delay import Ending, Interval, Verdict, ending
from afterglow.measurement import Control, LayerResult, Measurement, clock_name
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

HEIGHT, LOW = 40.0, 29.0
MANY = 12
GAP = 14
"""Pixels: the height of a track, and of one where there are more than so many; the space between two
sessions. The low ones still hold the two lines of words at their right."""

ROWS = {State.ALIVE: -6, State.UNKNOWN: 0, State.REVOKED: 6}
"""Within a track an alive answer lies above, a refusal below: a flap then jumps out of the line."""

SPARE = 1.03
"""A little air at the right, so that the last mark and the window's line are not on the edge."""

BEFORE = 0.12
"""At most this share of the picture is for the time before the log-out, which is usually dull and long."""

SHOWN_WINDOW = 3.0
"""A window further away than this many times the data would squash them: a note stands in for it."""

LEGEND_LINE = 4
"""A legend of more kinds takes two lines."""

TICK_PX = 36.0
"""Pixels: the least between two numbers of a pressed axis."""

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
NOBODY = "nobody looked"
BARS = {STILL_IN: "#fdeac2", ENDED: "#f2a71b", NO_END: "#d8dde3", NOBODY: "rgba(112, 92, 168, 0.28)"}
"""What lies below the time in which nobody looked stays in sight."""

LINE = 150
"""Letters: how long a line below the title may be."""

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
    """A layer, a clock or a control: what was read of it, how it ended, and what is told at its right.

    Only a layer has a delay.
    """

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
    """The layers by session, in the order in which they were watched; the clocks and the controls below."""
    by_session = sorted(measurement.layers, key=lambda layer: measurement.sessions.index(layer.session))
    return [
        *(_layer_track(layer, measurement) for layer in by_session),
        *(_clock_track(clock, measurement.moments) for clock in measurement.clocks),
        *(_control_track(control, measurement.moments) for control in measurement.controls),
    ]


def _layer_track(layer: LayerResult, measurement: Measurement) -> Track:
    return Track(
        group=layer.session,
        name=f"{layer.session} · {layer.layer}",
        readings=layer.readings,
        found=ending(layer.readings, measurement.moments.earliest_s),
        told=f"{layer.delay}, {measurement.verdict_of(layer.delay)}",
        counted=counted(len(layer.readings), layer.flaps, layer.unknowns),
        delay=layer.delay,
    )


def _clock_track(clock: LayerResult, moments: Moments) -> Track:
    return Track(
        group="clocks",
        name=f"{clock.session} · {clock_name(clock.layer)}",
        readings=clock.readings,
        found=ending(clock.readings, moments.earliest_s),
        told=clock_told(clock),
        counted=counted(len(clock.readings), clock.flaps, clock.unknowns),
    )


def clock_told(clock: LayerResult) -> str:
    """When a clock stopped, such as "4.11 to 4.23 s", or that it was not seen to."""
    return f"{clock.delay}" if math.isfinite(clock.delay.upper_s) else f"not seen, {clock.delay}"


def _control_track(control: Control, moments: Moments) -> Track:
    layers = dict.fromkeys(reading.layer for reading in control.readings)
    unknowns = sum(reading.state is State.UNKNOWN for reading in control.readings)
    found = ending(control.readings, moments.earliest_s)
    return Track(
        group="controls",
        name=" · ".join([control.session, *layers]) + " (control)",
        readings=control.readings,
        found=found,
        told=control_fate(control),
        counted=counted(len(control.readings), found.flaps, unknowns),
    )


def control_fate(control: Control) -> str:
    """What became of a session that had to stay alive."""
    if control.died:
        return "was ended too"
    if control.refused_last:
        return "was refused at the end"
    return "stayed alive" if control.seen_alive else "never seen"


def counted(readings: int, flaps: int, unknowns: int) -> str:
    """Such as "57 readings, 2 flaps, 1 unknown"; what did not happen is left out."""
    parts = [many(readings, "reading")] if readings else ["no readings"]
    parts += [many(flaps, "flap")] if flaps else []
    parts += [f"{unknowns} unknown"] if unknowns else []
    return ", ".join(parts)


def many(number: int, thing: str) -> str:
    """Such as "1 flap" or "2 flaps"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


# Where it is


@dataclass(frozen=True, slots=True)
class Span:
    """The stretch of time that is shown, in seconds since the acknowledgement, and its width in pixels.

    pressed_s: from about so many seconds on, time is pressed together as by a logarithm; None if it is not.
    """

    zero_s: float
    from_s: float
    to_s: float
    width: float
    pressed_s: float | None = None

    def at_s(self, reading: Reading) -> float:
        """Where a reading belongs: an alive answer tells of when it was asked, a refusal of when it came."""
        when_s = reading.sent_s if reading.state is State.ALIVE else reading.received_s
        return when_s - self.zero_s

    def px(self, at_s: float) -> float:
        """How far from the left a moment is, in pixels."""
        from_, at, to = map(self._pressed, (self.from_s, at_s, self.to_s))
        return (at - from_) / (to - from_) * self.width

    def _pressed(self, at_s: float) -> float:
        if self.pressed_s is None:
            return at_s
        return math.copysign(math.log1p(abs(at_s) / self.pressed_s), at_s)

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


@dataclass(frozen=True, slots=True)
class Place:
    """Where a track is: its middle, in pixels from the top, and its height."""

    middle: float
    height: float

    @property
    def scale(self) -> float:
        """How much smaller than usual everything in the track is."""
        return self.height / HEIGHT

    def y(self, offset: float) -> float:
        """What is so far below the middle of a track of the usual height."""
        return self.middle + self.scale * offset


def _places(tracks: Sequence[Track]) -> list[Place]:
    """Where every track is, with a space wherever another session begins; many tracks are lower ones."""
    height = LOW if len(tracks) > MANY else HEIGHT
    places = [Place(height / 2, height)]
    for before, track in pairwise(tracks):
        space = GAP if track.group != before.group else 0
        places.append(Place(places[-1].middle + height + space, height))
    return places


# What is drawn of it


def _marks(track: Track, place: Place, span: Span) -> Iterator[Row]:
    """The readings of a track, and with them the two moments that the eye should find first."""
    for reading in thinned(track, span):
        yield {"x": span.at_s(reading), "y": place.y(ROWS[reading.state]), "mark": track.mark(reading)}
    if track.delay is None:
        return
    if track.found.first_refusal is not None:
        yield {"x": span.at_s(track.found.first_refusal), "y": place.y(15), "mark": Mark.REFUSED}
    if track.found.first_of_run is not None and math.isfinite(track.delay.upper_s):
        yield {"x": span.at_s(track.found.first_of_run), "y": place.y(-7), "mark": Mark.SETTLED}


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


def _bars(track: Track, place: Place, span: Span) -> Iterator[Row]:
    """How long the layer was still let in, and the interval in which that ended, as the numbers say it.

    The upper end counts from the request, not from the acknowledgement, so that the bar reaches a little
    beyond the reading that gave it: the log-out itself happened somewhere between those two.
    """
    if track.delay is None:
        return
    lower_s, upper_s = track.delay.lower_s, track.delay.upper_s
    last = (ENDED, upper_s) if math.isfinite(upper_s) else (NO_END, span.to_s)
    for start_s, (bar, end_s) in ((0.0, (STILL_IN, lower_s)), (lower_s, last)):
        yield {"x": start_s, "x2": end_s, "y": place.y(-14), "y2": place.y(11), "bar": bar}


def gaps_shown(measurement: Measurement, from_s: float, to_s: float) -> list[Gap]:
    """The gaps that lie within so many seconds since the acknowledgement, cut to them."""
    zero_s = measurement.moments.acknowledged_s
    since = [replace(gap, from_s=gap.from_s - zero_s, to_s=gap.to_s - zero_s) for gap in measurement.gaps]
    seen = [gap for gap in since if gap.to_s > from_s and gap.from_s < to_s]
    return [replace(gap, from_s=max(gap.from_s, from_s), to_s=min(gap.to_s, to_s)) for gap in seen]


def gaps_told(measurement: Measurement) -> list[str]:
    """When nobody could look and why, a sentence for each time; seconds count from the acknowledgement."""
    zero_s = measurement.moments.acknowledged_s
    return [
        f"Nobody looked from {gap.from_s - zero_s:.1f} to {gap.to_s - zero_s:.1f} s: {gap.why}."
        for gap in measurement.gaps
    ]


def shades(measurement: Measurement, span: Span, height: float) -> Iterator[Row]:
    """The times in which nobody could look, from top to bottom."""
    for gap in gaps_shown(measurement, span.from_s, span.to_s):
        yield {"x": gap.from_s, "x2": gap.to_s, "y": 0.0, "y2": height, "bar": NOBODY}


def rules(measurement: Measurement, span: Span) -> Iterator[Row]:
    """The lines through all tracks: the log-out, and the window if it is in the picture."""
    moments = measurement.moments
    yield {"x": moments.clicked_s - moments.acknowledged_s, "y": -17, "dash": 0}
    yield {"x": 0.0, "y": -17, "dash": 0}
    if span.shows(measurement.window_s):
        yield {"x": measurement.window_s, "y": -35, "dash": 1}


def rule_names(measurement: Measurement, span: Span) -> Iterator[Row]:
    """The lines' names, each at the side where it cannot run into another."""
    moments, window_s = measurement.moments, measurement.window_s
    clicked_s = moments.clicked_s - moments.acknowledged_s
    yield {"text": "click", "px": span.px(clicked_s) - 5, "y": -12, "style": "click"}
    yield {"text": "acknowledged", "px": span.px(0.0) + 5, "y": -12, "style": "acknowledged"}
    if span.shows(window_s):
        yield {"text": f"window {window_s:g} s", "px": span.px(window_s) - 5, "y": -30, "style": "window"}
    else:
        yield {"text": f"window {window_s:g} s →", "px": span.width, "y": -30, "style": "window"}


def _words(track: Track, place: Place, span: Span) -> Iterator[Row]:
    """What stands beside a track: its name at the left, what was found at the right."""
    right, y = span.width + BESIDE, place.middle
    line = min(8.0, 0.23 * place.height)
    yield {"text": printable(track.name), "px": -BESIDE, "y": y, "style": "name"}
    yield {"text": track.told, "px": right, "y": y - line, "style": "told"}
    yield {"text": track.counted, "px": right, "y": y + line, "style": "counted"}


def title(measurement: Measurement) -> str:
    """The result in one line."""
    sessions = measurement.sessions
    who = sessions[0] if len(sessions) == 1 else "all devices"
    delay = measurement.all_devices
    out = f"{who} out after {delay}" if math.isfinite(delay.upper_s) else f"no end seen, {delay}"
    promise = PROMISE[measurement.verdict].format(f"{measurement.window_s:g}")
    return printable(f"{measurement.action.capitalize()}: {out} — {promise}")


def _subtitle(measurement: Measurement, tracks: Sequence[Track], span: Span) -> list[str]:
    """What one must know to read the picture rightly."""
    hidden = sum(span.at_s(reading) < span.from_s for track in tracks for reading in track.readings)
    lines = remarks(measurement)
    if hidden:
        lines[-1] += f" {many(hidden, 'earlier reading')} not shown."
    return lines


def remarks(measurement: Measurement) -> list[str]:
    """Why there is no verdict, when nobody looked, and what every interval allows for: in lines."""
    moments = measurement.moments
    took_s = moments.acknowledged_s - moments.earliest_s
    since = "request" if moments.requested_s is not None else "click"
    why = measurement.why_undetermined()
    lines = _wrapped(f"Why: {why}") if why else []
    lines += _wrapped(" ".join(gaps_told(measurement)))
    lines.append(f"From the {since} to its acknowledgement: {took_s:.2f} s, which every interval allows for.")
    return [printable(line) for line in lines]


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, LINE, max_lines=3, placeholder=" …")


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
    placed = list(zip(tracks, _places(tracks), strict=True))
    last = placed[-1][1]
    height = last.middle + last.height / 2
    words = [
        *rule_names(measurement, span),
        *(row for track, at in placed for row in _words(track, at, span)),
    ]
    bars = [row for track, at in placed for row in _bars(track, at, span)]
    bars += shades(measurement, span, height)
    layers = [
        draw_ground(span, *_beside(tracks)),
        draw_bars(bars, span, BARS),
        draw_rules(list(rules(measurement, span)), height),
        draw_marks([row for track, at in placed for row in _marks(track, at, span)], LOOKS, last.scale),
        *draw_words(words, STYLES),
    ]
    heading = alt.TitleParams(title(measurement), subtitle=_subtitle(measurement, tracks, span))
    return dressed(alt.layer(*layers).properties(width=span.width, height=height, title=heading))


def dressed(chart: Any) -> alt.LayerChart:
    """A picture as all of them look: white ground, letters, legend."""
    dressed: alt.LayerChart = (
        chart.configure(background="white", font=FONT, padding=PADDING, aria=False)
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
    return dressed


def draw_ground(span: Span, left: float, right: float) -> alt.Chart:
    """Nothing to see: it holds the room that the words may take, whatever the reader's font."""
    import altair as alt

    row = {"from": -left - BESIDE, "to": span.width + right + BESIDE}
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=[row]))
        .mark_rule(opacity=0)
        .encode(x=alt.X("from:Q", scale=None, axis=None), x2="to:Q", y=alt.value(0))
    )
    return chart


def draw_bars(rows: list[Row], span: Span, colours: Mapping[str, str]) -> alt.Chart:
    """The bars, and with them the time axis for all that is drawn over them."""
    import altair as alt

    used = {row["bar"] for row in rows}
    kinds = [kind for kind in colours if kind in used]
    # a small square in a cell as high as the tallest mark: the two legends stand on one line
    high = LOOKS[Mark.SETTLED].area
    legend = alt.Legend(symbolType=SQUARE, symbolSize=high, columns=_legend_columns(kinds))
    scale = alt.Scale(domain=kinds, range=[colours[kind] for kind in kinds])
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_rect()
        .encode(
            x=alt.X("x:Q", scale=_time(span), axis=_ticks(span)),
            x2="x2:Q",
            y=alt.Y("y:Q", scale=None, axis=None),
            y2="y2:Q",
            # "fill", because "color" is the marks': each has a legend of its own
            fill=alt.Fill("bar:N", scale=scale, legend=legend),
        )
    )
    return chart


def _legend_columns(kinds: Collection[str]) -> int:
    """More than a line holds beside the other legend take two lines."""
    return len(kinds) if len(kinds) <= LEGEND_LINE else math.ceil(len(kinds) / 2)


def _time(span: Span) -> alt.Scale:
    import altair as alt

    domain = [span.from_s, span.to_s]
    if span.pressed_s is None:
        return alt.Scale(domain=domain, nice=False)
    return alt.Scale(domain=domain, nice=False, type="symlog", constant=span.pressed_s)


def _ticks(span: Span) -> alt.Axis:
    import altair as alt

    since = "seconds since the log-out was acknowledged"
    if span.pressed_s is None:
        return alt.Axis(title=since, titleFontWeight="normal", tickCount=12)
    title = f"{since}, pressed together more and more towards the right"
    return alt.Axis(title=title, titleFontWeight="normal", values=_pressed_ticks(span), format=",~r")


def _pressed_ticks(span: Span) -> list[float]:
    """Round moments that leave each other room for their numbers."""
    ticks = [0.0]
    for at_s in (step * 10.0**power for power in range(-1, 5) for step in (1, 2, 5)):
        if span.shows(at_s) and span.px(at_s) - span.px(ticks[-1]) >= TICK_PX:
            ticks.append(at_s)
    return ticks


def draw_rules(rows: list[Row], height: float) -> alt.Chart:
    """The lines through everything, so many pixels high."""
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


def draw_marks(rows: list[Row], kinds: Mapping[Any, Look], size: float = 1.0) -> alt.Chart:
    """Every mark, as its kind looks, so many times as large; the four scales share one legend."""
    import altair as alt

    def scale(looks: list[Any]) -> alt.Scale:
        return alt.Scale(type="ordinal", domain=list(kinds), range=looks)

    looks = kinds.values()
    legend = alt.Legend(columns=_legend_columns(kinds))
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_point(filled=True)
        .encode(
            x="x:Q",
            y=alt.Y("y:Q", scale=None, axis=None),
            color=alt.Color("mark:N", scale=scale([look.colour for look in looks]), legend=legend),
            shape=alt.Shape("mark:N", scale=scale([look.shape for look in looks]), legend=legend),
            size=alt.Size("mark:N", scale=scale([size * look.area for look in looks]), legend=legend),
            opacity=alt.Opacity("mark:N", scale=scale([look.opacity for look in looks]), legend=legend),
        )
    )
    return chart


def draw_words(rows: Sequence[Row], styles: Mapping[str, Mapping[str, Any]]) -> list[alt.Chart]:
    """Texts placed in pixels: a chart for each style."""
    import altair as alt

    return [
        alt.Chart(alt.InlineData(values=[row for row in rows if row["style"] == name]))
        .mark_text(baseline="middle", **style)
        .encode(
            text="text:N",
            x=alt.X("px:Q", scale=None, axis=None),
            y=alt.Y("y:Q", scale=None, axis=None),
        )
        for name, style in styles.items()
    ]
