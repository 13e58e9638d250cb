"""The share of log-outs after which a session still lives on, by the time that has passed.

It is drawn as the band that the estimate allows: inside of a cell nobody knows how the mass lies. Where no
end was seen, the rest is shown as unknown, as high as its mass; it is neither dropped nor taken for late.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from afterglow.pictures.drawing import (
    Picture,
    Spec,
    finished,
    named_rows,
    time_axis,
    time_scale,
)
from afterglow.pictures.palette import named
from afterglow.pictures.references import UNSTATED, beyond, fitting
from afterglow.timeline import many

if TYPE_CHECKING:
    import altair as alt

    from afterglow.delay import Interval
    from afterglow.statistics.npmle import Distribution

PARAMS = ("to_s", "pressed_s", "ticks")

PLACES = 6
"""Decimals of a share: more are noise of floats."""


def picture(estimate: Distribution, window_s: float | None, time: Mapping[str, Any]) -> Picture:
    """The band, what is unknown of it, and the lines to read it by. time: the numbers of its axis."""
    to_s = time["to_s"]
    datasets = {
        "band": band(estimate, to_s),
        "unknown": unknown(estimate),
        "references": [*references(estimate, window_s, time)],
    }
    return Picture(datasets, time)


def references(
    estimate: Distribution, window_s: float | None, time: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """The window, and what others document.

    below, after: where there is room for its name: under the curve or above it, to the right or to the left.
    """
    to_s = time["to_s"]
    names = {at_s: f"{name}, {told_s(at_s)}" for at_s, name in fitting(to_s).items()}
    if window_s is not None:
        theirs = fitting(to_s).get(window_s)
        names[window_s] = f"window {told_s(window_s)}" + (f" · {theirs}" if theirs else "")
    for at_s, name in names.items():
        below = sum(estimate.survival(at_s)) > 1
        yield {
            "at_s": at_s,
            "name": name,
            "is_window": at_s == window_s,
            "below": below,
            "after": at_s < time["pressed_s"] * math.expm1(math.log1p(to_s / time["pressed_s"]) / 2),
        }


def band(estimate: Distribution, to_s: float) -> list[dict[str, Any]]:
    """The lowest and the highest share from each moment on, up to where nothing is known any more."""
    until_s = min((row["from_s"] for row in unknown(estimate)), default=to_s)
    rows = [
        {"t_s": t_s, "low": round(low, PLACES), "high": round(high, PLACES)}
        for t_s, low, high in estimate.steps()
        if t_s < until_s
    ]
    return [*rows, {**rows[-1], "t_s": until_s}] if rows else []


def unknown(estimate: Distribution) -> list[dict[str, float]]:
    """The share of which no end was seen, and from when on."""
    return [
        {"from_s": cell.lower_s, "share": round(cell.mass, PLACES)}
        for cell in estimate.cells
        if math.isinf(cell.upper_s)
    ]


def told(estimate: Distribution, window_s: float | None) -> str:
    """What the picture shows, in a sentence or two."""
    if estimate.n == 1:
        said = f"The one log-out had taken effect {_after(estimate.quantile(0.5))}."
    else:
        said = f"Half of the log-outs had taken effect {_after(estimate.quantile(0.5))}"
        said += f", 95 % {_after(estimate.quantile(0.95))} ({many(estimate.n, 'log-out')})."
    if window_s is not None:
        low, high = estimate.survival(window_s)
        said += f" When the window of {told_s(window_s)} ended, {shares_told(low, high)} were still in."
    tail = sum(row["share"] for row in unknown(estimate))
    if tail:
        said += f" Of {share_told(tail)} no end was seen: unknown, shown in grey."
    return said


def _after(interval: Interval) -> str:
    return f"after {interval}".replace("after over", "after more than")


def shares_told(low: float, high: float) -> str:
    """A band of shares, rounded outwards; none is "none"."""
    lowest, highest = math.floor(low * 1000 + 1e-6) / 10, math.ceil(high * 1000 - 1e-6) / 10
    if highest == 0:
        return "none"
    return f"{lowest:g} %" if lowest == highest else f"{lowest:g} to {highest:g} %"


def share_told(share: float) -> str:
    """One share in words: never 0 % of what there is."""
    return f"{share * 100:.1f} %" if share >= 0.001 else "less than 0.1 %"


def told_s(seconds: float) -> str:
    """A round time as a person says it."""
    if seconds >= 60 and seconds % 60 == 0:
        return f"{seconds / 60:g} min" if seconds < 3600 or seconds % 3600 else f"{seconds / 3600:g} h"
    return f"{seconds:g} s"


def documented_beyond(to_s: float) -> str:
    """The documented delays that the axis does not hold, in a sentence."""
    named_only = ", ".join(f"{each} {told_s(each.delay_s)}" for each in beyond(to_s))
    return (f"Documented, and beyond this axis: {named_only}. " if named_only else "") + UNSTATED


def spec() -> Spec:
    """Without data."""
    import altair as alt

    x = alt.X("t_s:Q", scale=time_scale(), axis=time_axis(grid=False))
    share = alt.Y(
        "high:Q",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format=".0%", tickCount=5, title=None),
    )
    band_of = alt.Chart(named_rows("band"))
    line: dict[str, Any] = {"interpolate": "step-after", "strokeWidth": 1.6, "color": named("estimate")}
    layers = [
        alt.Chart(named_rows("unknown"))
        .mark_rect(color=named("no-end"), clip=True)
        .transform_calculate(nothing="0", end_s="to_s")
        .encode(
            x=alt.X("from_s:Q", scale=time_scale(), axis=time_axis(grid=False)),
            x2="end_s:Q",
            y=alt.Y("share:Q"),
            y2="nothing:Q",
            tooltip=[alt.Tooltip("share:Q", format=".1%", title="no end seen")],
        ),
        *_references(),
        band_of.mark_area(interpolate="step-after", color=named("estimate"), opacity=0.28).encode(
            x=x, y=share, y2="low:Q"
        ),
        band_of.mark_line(**line).encode(x=x, y=share),
        band_of.mark_line(**line).encode(x=x, y="low:Q"),
    ]
    return finished(alt.layer(*layers), PARAMS, height=300)


def _references() -> list[alt.Chart]:
    """A line through the picture for each, with its name along it."""
    import altair as alt

    rows = alt.Chart(named_rows("references"))
    x = alt.X("at_s:Q", scale=time_scale(), axis=time_axis(grid=False))
    ink = alt.condition("datum.is_window", alt.value(named("ink")), alt.value(named("faint")))
    looks: list[dict[str, Any]] = [{"stroke": named("paper"), "strokeWidth": 4}, {}]
    return [
        rows.mark_rule(clip=True).encode(
            x=x,
            color=ink,
            strokeDash=alt.condition("datum.is_window", alt.value([6, 4]), alt.value([1, 3])),
        ),
        *(
            rows.mark_text(
                angle=270,
                align=alt.ExprRef("datum.below ? 'left' : 'right'"),
                baseline=alt.ExprRef("datum.after ? 'top' : 'bottom'"),
                dy=alt.ExprRef("datum.after ? 3 : -3"),
                fontSize=11,
                limit=280,
                **look,
            ).encode(x=x, y=alt.value(alt.ExprRef("datum.below ? height - 6 : 6")), text="name:N", color=ink)
            for look in looks
        ),
    ]
