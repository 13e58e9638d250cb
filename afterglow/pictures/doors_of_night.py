"""The doors of one log-out: which of them closed when, session by session, in the order in which they did."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from afterglow.delay import Verdict
from afterglow.doors import ABOUT, ARROW, CLOSED
from afterglow.pictures.drawing import (
    Picture,
    Spec,
    ends,
    finished,
    named_rows,
    time_axis,
    time_params,
    time_scale,
    window_rows,
)
from afterglow.pictures.palette import named
from afterglow.timeline import NO_END, STILL_IN, many, printable

if TYPE_CHECKING:
    import altair as alt

    from afterglow.history.past import Night, PastDoor, PastLogOut

PARAMS = ("to_s", "pressed_s", "ticks", "window_s")

APART = "\n"
"""Between session and layer in the name of a line: what is printable cannot contain it."""

STEP_PX = 21


def log_outs_to_show(nights: Sequence[Night]) -> tuple[Night, list[PastLogOut]] | None:
    """The newest night with a log-out that can be judged, and all its log-outs of this kind."""
    for night in reversed(nights):
        usable = [each for each in night.log_outs if each.usable and each.doors]
        if usable:
            return night, usable
    return None


def picture(log_out: PastLogOut) -> Picture:
    """Every session with its doors as they closed."""
    time = time_params([door.delay for door in log_out.doors], log_out.window_s)
    rows = list(rows_of(log_out))
    return Picture({"doors": rows}, time | {"window_s": log_out.window_s, "height": STEP_PX * len(rows)})


def rows_of(log_out: PastLogOut) -> Iterator[dict[str, Any]]:
    """A heading for every session, which no bar is drawn for, and a row for each of its doors."""
    for session in dict.fromkeys(door.session for door in log_out.doors):
        yield {"line": printable(session) + APART, "lower_s": None, "upper_s": None}
        for door in in_order(door for door in log_out.doors if door.session == session):
            yield {
                "line": f"{printable(session)}{APART}{printable(door.layer)}",
                "about": ABOUT.get(door.layer, ""),
                **ends(door.delay),
                "told": str(door.delay),
                "verdict": door.delay.verdict(log_out.window_s).value,
            }


def in_order(doors: Iterator[PastDoor]) -> list[PastDoor]:
    """As they closed; those that never did come last."""
    return sorted(doors, key=lambda door: (door.upper_s, door.lower_s, door.layer))


def told(log_out: PastLogOut) -> str:
    """What the picture shows, in a sentence or two."""
    closed = [door for door in log_out.doors if math.isfinite(door.upper_s)]
    promise = log_out.verdict if log_out.verdict is not Verdict.WITHIN else "within the window"
    never = len(log_out.doors) - len(closed)
    fate = f"{many(never, 'door')} never seen to close" if never else "every door closed"
    said = f"{printable(log_out.action).capitalize()}: {fate}, {log_out.delay}, {promise}."
    if closed:
        last = max(closed, key=lambda door: door.upper_s)
        said += f" The last seen closing: {printable(f'{last.session} {last.layer}')}, {last.delay}."
    return said


def spec() -> Spec:
    """Without data."""
    import altair as alt

    doors = alt.Chart(named_rows("doors"))
    closed, still_open = "isValid(datum.upper_s)", "isValid(datum.lower_s) && !isValid(datum.upper_s)"
    session, layer = (f"split(datum.value, '{_escaped(APART)}')[{part}]" for part in (0, 1))
    line = alt.Y(
        "line:N",
        sort=None,
        title=None,
        axis=alt.Axis(
            labelExpr=f"{layer} || {session}",
            labelFontWeight=alt.condition(f"{layer} == ''", alt.value("bold"), alt.value("normal")),
            labelLimit=110,
            domain=False,
            ticks=False,
            labelPadding=8,
        ),
    )
    x = alt.X("from_s:Q", scale=time_scale(), axis=time_axis())
    bars = [STILL_IN, CLOSED, NO_END]
    colour = alt.Color(
        "bar:N",
        scale=alt.Scale(domain=bars, range=[named("still-in"), named("closed"), named("no-end")]),
        legend=alt.Legend(symbolType="square"),
    )
    tooltip = [
        alt.Tooltip("line:N", title="door"),
        alt.Tooltip("about:N", title="which is"),
        alt.Tooltip("told:N", title="closed after"),
    ]

    def stretch(bar: str, where: str, from_s: str, to_s: str, stroke: int) -> alt.Chart:
        chart: alt.Chart = (
            doors.transform_filter(where)
            .transform_calculate(from_s=from_s, end_s=to_s, bar=repr(bar))
            .mark_bar(height=11, strokeWidth=stroke, clip=True)
            .encode(y=line, x=x, x2="end_s:Q", color=colour, stroke=colour, tooltip=tooltip)
        )
        return chart

    layers = [
        doors.mark_tick(opacity=0).encode(y=line),  # every line has its place, also a heading
        stretch(STILL_IN, "isValid(datum.lower_s)", "0", "datum.lower_s", 0),
        stretch(NO_END, still_open, "datum.lower_s", "to_s", 0),
        stretch(CLOSED, closed, "datum.lower_s", "datum.upper_s", 1),
        doors.transform_filter(still_open)
        .mark_point(shape=ARROW, filled=True, size=90, color=named("ink"), opacity=1)
        .encode(y=line, x=alt.value(alt.ExprRef("width - 4"))),
        *_window(),
    ]
    return finished(alt.layer(*layers), PARAMS, height=STEP_PX)


def _window() -> list[alt.Chart]:
    import altair as alt

    rows = window_rows()
    x = alt.X("at_s:Q", scale=time_scale(), axis=time_axis())
    return [
        rows.mark_rule(color=named("ink"), strokeDash=[6, 4]).encode(x=x),
        rows.mark_text(
            color=named("ink"), align="right", baseline="bottom", fontSize=12, fontWeight="bold", dx=2
        ).encode(x=x, y=alt.value(-4), text=alt.value("window")),
    ]


def _escaped(separator: str) -> str:
    return separator.encode("unicode_escape").decode()
