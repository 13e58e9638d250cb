"""The nights as intervals over time: a bar for every log-out, from its lower end to its upper one.

There is no dot in the middle of a bar: the delay may lie anywhere in it. A bar of which no end was seen runs
to the top, with an arrow. Late ones and those that could not be judged, or not even measured, have lines and
shapes of their own above the bars, so that colour is never all that tells.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from afterglow.delay import Verdict
from afterglow.pictures.drawing import (
    Picture,
    Spec,
    ends,
    finished,
    named_rows,
    time_axis,
    time_scale,
    window_rows,
)
from afterglow.pictures.palette import named
from afterglow.statistics.words import since_when
from afterglow.timeline import CROSS, many

if TYPE_CHECKING:
    import altair as alt

    from afterglow.history.past import Night
    from afterglow.statistics.change import Change, ChangePoint
    from afterglow.statistics.groups import Answer

UNMEASURED = "not measured"
SHAPES = {
    Verdict.WITHIN.value: "square",
    Verdict.LATE.value: "diamond",
    Verdict.UNDETERMINED.value: "circle",
    UNMEASURED: CROSS,
}
LINES_PX = {Verdict.LATE.value: -10, Verdict.UNDETERMINED.value: -24, UNMEASURED: -38}
"""Pixels above the bars: the line on which each kind is marked."""

PARAMS = ("to_s", "pressed_s", "ticks", "window_s", "starts", "from_at", "to_at", "shown")

ROOM = 0.02
"""Time before the first and after the last night, as a share of what is shown."""
LEAST_ROOM_MS, ALONE_ROOM_MS = 10 * 60 * 1000, 12 * 3600 * 1000

TOLD = (
    "isValid(datum.upper_s) ? datum.lower_s + ' to ' + datum.upper_s + ' s' : 'over ' + datum.lower_s + ' s'"
)
"""Vega's expression for an interval in words."""

MOMENT = "%Y-%m-%d %H:%M UTC"

UP = "M-.8,.5L0,-.8L.8,.5Z"

SHARE_MS = "((to_at - from_at) / max(2, width / 150))"
STEP_MS = (
    f"({SHARE_MS} <= 9e5 ? 9e5 : {SHARE_MS} <= 36e5 ? 36e5 : {SHARE_MS} <= 216e5 ? 216e5 : "
    f"864e5 * ceil({SHARE_MS} / 864e5))"
)
TIMES = f"sequence(ceil(from_at / {STEP_MS}) * {STEP_MS}, to_at, {STEP_MS})"
TIME_LABEL = f"utcFormat(datum.value, {STEP_MS} < 864e5 ? '%Y-%m-%d %H:%M' : '%Y-%m-%d')"
"""Vega's expressions for the times that are named, as many as there is room for: quarters of an hour, hours,
six hours, days."""

BAR_PX = "max(1, min(8 * datum.beside, 0.62 * width / shown))"
TURN_PX = f"({BAR_PX} + 1) * ((datum.turn + 0.5) / datum.beside - 0.5)"
"""Vega's expressions for the width of a night's bars, which have a place of their own as long as there is
room, and for where each of them stands in it."""


def picture(
    answers: Sequence[Answer],
    nights: Sequence[Night],
    left_out: Collection[str],
    changes: Sequence[ChangePoint],
    window_s: float | None,
    time: Mapping[str, Any],
) -> Picture:
    """Bars, marks, changes; nights are told by their number. left_out: those without an answer, by name."""
    number = {night.name: index for index, night in enumerate(nights)}
    bars = list(bars_of(answers, number))
    marks = [{"night": row["night"], "kind": row["kind"]} for row in bars if row["kind"] in LINES_PX]
    marks += [{"night": number[name], "kind": UNMEASURED} for name in left_out]
    datasets = {"bars": bars, "marks": _each_once(marks), "changes": changes_of(answers, changes, number)}
    return Picture(datasets, dict(time) | {"window_s": window_s})


def bars_of(answers: Sequence[Answer], number: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """A row for every interval: exactly its ends, rounded outwards.

    turn and beside: which of how many of its night it is, as they stand side by side. age_s: of the youngest
    access token that was ended.
    """
    for answer in answers:
        night, beside = number[answer.night.name], len(answer.intervals)
        each = zip(answer.log_outs, answer.intervals, answer.verdicts, strict=True)
        for turn, (log_out, interval, verdict) in enumerate(each):
            yield {
                "night": night,
                **ends(interval),
                "kind": verdict.value,
                "turn": turn,
                "beside": beside,
                "age_s": None if log_out.token_age_s is None else round(log_out.token_age_s, 1),
            }


def changes_of(
    answers: Sequence[Answer], changes: Sequence[ChangePoint], number: Mapping[str, int]
) -> list[dict[str, Any]]:
    """The first night from which on the delays were longer or shorter than before."""
    return [
        {"night": number[answers[change.index].night.name], "told": _change_told(answers, change)}
        for change in changes
    ]


def _change_told(answers: Sequence[Answer], change: ChangePoint) -> str:
    since = since_when(answers[change.index].night.started, answers[0].night.started)
    return f"{'longer' if change.longer else 'shorter'} from {since} on"


def _each_once(marks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A night with two late log-outs is a late night."""
    return [dict(row) for row in dict.fromkeys(tuple(mark.items()) for mark in marks)]


def frame(nights: Sequence[Night]) -> dict[str, Any]:
    """What every picture over the same nights shares: when each began, and the stretch of time."""
    starts = [int(night.started.timestamp() * 1000) for night in nights]
    stretch = starts[-1] - starts[0]
    room = max(LEAST_ROOM_MS, ROOM * stretch) if stretch else ALONE_ROOM_MS
    return {"starts": starts, "from_at": starts[0] - room, "to_at": starts[-1] + room, "shown": len(starts)}


def told(
    answers: Sequence[Answer], left_out: Collection[str], points: Sequence[ChangePoint], change: Change
) -> str:
    """What the picture shows, in a sentence or two."""
    first, last = answers[0].night.started, answers[-1].night.started
    since = f"from {day(first)} to {day(last)}" if day(first) != day(last) else f"on {day(first)}"
    judged = [verdict for answer in answers for verdict in answer.verdicts]
    counts = {verdict: judged.count(verdict) for verdict in Verdict if judged.count(verdict)}
    fates = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    said = f"{many(len(answers), 'night')} {since}, {many(len(judged), 'log-out')}: {fates}."
    if left_out:
        said += f" {many(len(left_out), 'night')} could not be measured: nothing is counted of it."
    for point in points:
        said += f" Delays are {_change_told(answers, point)}."
    return said if points else f"{said} {change.told[:1].upper()}{change.told[1:]}."


def day(moment: datetime) -> str:
    """A date in UTC."""
    return f"{moment:%Y-%m-%d}"


def spec() -> Spec:
    """Without data."""
    import altair as alt

    when = alt.X(
        "at:T",
        scale=alt.Scale(type="utc", domain=[alt.ExprRef("from_at"), alt.ExprRef("to_at")], nice=False),
        axis=alt.Axis(
            title=None,
            grid=False,
            labelOverlap=True,
            values=alt.ExprRef(TIMES),
            labelExpr=TIME_LABEL,
        ),
    )
    y = alt.Y("lower_s:Q", scale=time_scale(), axis=time_axis())
    rows = {name: _nights(name) for name in ("bars", "marks", "changes")}
    layers = [
        *draw_window(time_scale()),
        draw_bars(rows["bars"], when, y, f"({BAR_PX} / datum.beside)", TURN_PX),
        rows["bars"]
        .transform_filter("!isValid(datum.upper_s)")
        .mark_point(
            shape=UP, filled=True, size=70, color=named("ink"), opacity=1, xOffset=alt.ExprRef(TURN_PX)
        )
        .encode(x=when, y=alt.value(3)),
        *_changes(rows["changes"], when),
        *(draw_marks(rows["marks"], when, kind) for kind in LINES_PX),
    ]
    return finished(alt.layer(*layers), PARAMS, height=300)


def draw_marks(rows: alt.Chart, x: alt.X, kind: str) -> alt.Chart:
    """The rows of a kind, each marked on the line of that kind."""
    import altair as alt

    shapes = alt.Scale(domain=list(SHAPES), range=list(SHAPES.values()))
    chart: alt.Chart = (
        rows.transform_filter(f"datum.kind === {kind!r}")
        .mark_point(filled=True, opacity=1, size=70)
        .encode(
            x=x,
            y=alt.value(LINES_PX[kind]),
            shape=alt.Shape("kind:N", scale=shapes),
            color=alt.Color("kind:N", scale=_colours()),
            tooltip=[
                alt.Tooltip("at:T", format=MOMENT, title="night"),
                alt.Tooltip("kind:N", title="verdict"),
            ],
        )
    )
    return chart


def _nights(name: str) -> alt.Chart:
    import altair as alt

    return alt.Chart(named_rows(name)).transform_calculate(at="starts[datum.night]")


def _colours() -> alt.Scale:
    import altair as alt

    return alt.Scale(domain=list(SHAPES), range=[named(kind.removeprefix("not ")) for kind in SHAPES])


def draw_bars(
    rows: alt.Chart, x: alt.X, y: alt.Y, width: str, aside: str = "0", extra: Sequence[alt.Tooltip] = ()
) -> alt.Chart:
    """From the lower end to the upper one; a hair is drawn around it, so that the narrowest is seen."""
    import altair as alt

    chart: alt.Chart = (
        rows.transform_calculate(end_s="isValid(datum.upper_s) ? datum.upper_s : to_s", told=TOLD)
        .mark_bar(size=alt.ExprRef(width), xOffset=alt.ExprRef(aside), strokeWidth=1)
        .encode(
            x=x,
            y=y,
            y2="end_s:Q",
            color=alt.Color("kind:N", scale=_colours()),
            stroke=alt.Stroke("kind:N", scale=_colours()),
            fillOpacity=alt.condition("isValid(datum.upper_s)", alt.value(0.85), alt.value(0.25)),
            tooltip=[
                alt.Tooltip("at:T", format=MOMENT, title="night"),
                alt.Tooltip("told:N", title="delay"),
                alt.Tooltip("kind:N", title="verdict"),
                *extra,
            ],
        )
    )
    return chart


def draw_window(scale: alt.Scale) -> list[alt.Chart]:
    """The line that no bar should cross."""
    import altair as alt

    rows = window_rows()
    y = alt.Y("at_s:Q", scale=scale)
    return [
        rows.mark_rule(color=named("ink"), strokeDash=[6, 4]).encode(y=y),
        rows.mark_text(align="right", baseline="bottom", dy=-3, fontSize=11, color=named("ink")).encode(
            y=y, x=alt.value(alt.ExprRef("width - 4")), text=alt.value("window")
        ),
    ]


def _changes(rows: alt.Chart, x: alt.X) -> list[alt.Chart]:
    """A line at each, and its words along it, which stand out from the bars."""
    import altair as alt

    words: dict[str, Any] = {"angle": 270, "align": "left", "baseline": "bottom", "dy": -4, "fontSize": 12}
    looks: list[dict[str, Any]] = [{"stroke": named("paper"), "strokeWidth": 4}, {}]
    y = alt.value(alt.ExprRef("height - 6"))
    return [
        rows.mark_rule(color=named("alarm"), strokeWidth=1.5).encode(x=x),
        *(
            rows.mark_text(**words, **look, fontWeight="bold", color=named("alarm")).encode(
                x=x, y=y, text="told:N"
            )
            for look in looks
        ),
    ]
