"""What the pictures share: the scale of time, how a specification is filled with data, and its SVG.

A picture is a Vega-Lite specification without data, made once, and data for it: many sets for the page, whose
reader chooses, one for an SVG. Every number that is drawn is a row of data; the specification computes none.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from afterglow.delay import Interval
from afterglow.pictures.palette import LIGHT, named, painted
from afterglow.timeline import FONT, SPARE

if TYPE_CHECKING:
    import altair as alt

Spec = dict[str, Any]

AT_ONCE_S = 1.0
"""Time is drawn as it is up to where the first tenth of the log-outs had taken effect, at least up to here,
and pressed together more and more beyond: seconds and half an hour fit one axis. Unlike a logarithm this has
a place for 0, which is where an interval may begin."""

LEAST_TO_S = 5.0
"""An axis is at least so long, so that noise of milliseconds is not blown up to a finding."""

TICKS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 18_000, 43_200, 86_400)
STEPS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18_000, 43_200, 86_400)
APART = 0.055
"""The least between two ticks, as a share of the axis."""

TIME_TOLD = (
    "datum.value < 60 ? format(datum.value, '~r') + ' s' : datum.value < 3600 ? "
    "format(datum.value / 60, '~r') + ' min' : format(datum.value / 3600, '~r') + ' h'"
)
"""Vega's expression for a tick's label."""

DIGITS = 3
"""Milliseconds, rounded outwards: what the interval contains stays in it."""

WIDTH, LETTERS = 960, 140
"""Pixels: an SVG's time; how long a line below its title may be."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn: sets of rows, and the numbers that the specification asks for by name."""

    datasets: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)


def ends(interval: Interval) -> dict[str, float | None]:
    """An interval as a row has it: the upper end is None where no end was seen."""
    lower_s, upper_s = interval.rounded(DIGITS)
    return {"lower_s": lower_s, "upper_s": None if math.isinf(upper_s) else upper_s}


def reach_s(intervals: Iterable[Interval], window_s: float | None) -> float:
    """How long the axis must be to show every end that was seen, and the window."""
    seen = [end_s for each in intervals for end_s in (each.lower_s, each.upper_s) if math.isfinite(end_s)]
    return SPARE * max([LEAST_TO_S, window_s or 0.0, *seen])


def time_params(intervals: Collection[Interval], window_s: float | None) -> dict[str, Any]:
    """The numbers that an axis of time asks for: how far it reaches, and from when on it is pressed."""
    to_s, pressed_s = reach_s(intervals, window_s), pressed_from_s(intervals)
    return {"to_s": to_s, "pressed_s": pressed_s, "ticks": ticks(to_s, pressed_s)}


def pressed_from_s(intervals: Collection[Interval]) -> float:
    """Where the first tenth of them begin."""
    begun = sorted(each.lower_s for each in intervals)
    return max(AT_ONCE_S, begun[len(begun) // 10]) if begun else AT_ONCE_S


def ticks(to_s: float, pressed_s: float) -> list[float]:
    """Round moments that leave each other room for their labels on a pressed axis."""
    chosen = [0.0]
    for at_s in TICKS_S:
        apart = math.log1p(at_s / pressed_s) - math.log1p(chosen[-1] / pressed_s)
        if at_s <= to_s and apart >= APART * math.log1p(to_s / pressed_s):
            chosen.append(float(at_s))
    return chosen


def plain_ticks(to_s: float, most: int) -> list[float]:
    """Round moments at the same distance from each other."""
    step_s = next((step for step in STEPS_S if to_s / step <= most), STEPS_S[-1])
    return [float(number * step_s) for number in range(int(to_s / step_s) + 1)]


def time_scale() -> alt.Scale:
    """From the log-out to as far as the data reach."""
    import altair as alt

    return alt.Scale(
        type="symlog", constant=alt.ExprRef("pressed_s"), domain=[0, alt.ExprRef("to_s")], nice=False
    )


def time_axis(**more: Any) -> alt.Axis:
    """Its ticks in seconds, minutes and hours."""
    import altair as alt

    return alt.Axis(
        **{
            "values": alt.ExprRef("ticks"),
            "labelExpr": TIME_TOLD,
            "labelOverlap": True,
            "title": None,
            **more,
        }
    )


def filled(spec: Spec, picture: Picture) -> Spec:
    """The specification with its data; a height among the numbers is its own. The page does the same."""
    params = [{**each, "value": picture.params[each["name"]]} for each in spec.get("params", [])]
    datasets = {name: list(rows) for name, rows in picture.datasets.items()}
    height = picture.params.get("height", spec["height"])
    return {**spec, "height": height, "params": params, "datasets": {**spec.get("datasets", {}), **datasets}}


def named_rows(name: str) -> alt.NamedData:
    """A set of rows that a specification asks for by name."""
    import altair as alt

    return alt.NamedData(name=name)


def window_rows() -> alt.Chart:
    """One row that knows where the window ends, `at_s`; none where there is no window."""
    import altair as alt

    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=[{"is": "window"}]))
        .transform_filter("isValid(window_s)")
        .transform_calculate(at_s="window_s")
    )
    return chart


def finished(chart: Any, params: Sequence[str], *, height: int) -> Spec:
    """A chart as all of them look, as wide as its place, without data."""
    spec: Spec = chart.to_dict(validate=False)
    return {
        **spec,
        "params": [{"name": name, "value": None} for name in params],
        "width": "container",
        "height": height,
        "autosize": {"type": "fit-x", "contains": "padding"},
        "background": None,
        "padding": {"left": 4, "right": 10, "top": 8, "bottom": 4},
        "config": CONFIG,
    }


CONFIG: Spec = {
    "aria": False,  # a picture has one description, and a table of its numbers
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, Arial, 'Liberation Sans', sans-serif",
    "view": {"stroke": None},
    "axis": {
        "gridColor": named("hair"),
        "domainColor": named("faint"),
        "tickColor": named("hair"),
        "labelColor": named("ink"),
        "titleColor": named("faint"),
        "titleFontWeight": "normal",
        "labelFontSize": 12,
        "titleFontSize": 12,
    },
    "legend": {
        "orient": "bottom",
        "direction": "horizontal",
        "title": None,
        "labelColor": named("ink"),
        "labelFontSize": 12,
        "symbolSize": 90,
        "columnPadding": 14,
        "labelLimit": 260,
        "columns": {"expr": "width < 420 ? 2 : 5"},
    },
}


def static_svg(spec: Spec, picture: Picture, title: str, subtitle: str) -> str:
    """The same picture as an SVG with a white ground, about 1,000 pixels wide; it loads nothing."""
    import vl_convert

    heading = {
        "text": title,
        "subtitle": textwrap.wrap(subtitle, LETTERS),
        "anchor": "start",
        "frame": "bounds",
        "offset": 14,
        "fontSize": 17,
        "color": named("ink"),
        "subtitleColor": named("faint"),
        "subtitleFontSize": 12,
    }
    full = filled(spec, picture) | {
        "title": heading,
        "width": WIDTH,
        "background": named("paper"),
        "padding": 16,
    }
    full["config"] = {**spec["config"], "font": FONT}
    return str(vl_convert.vegalite_to_svg(painted(full, LIGHT)))
