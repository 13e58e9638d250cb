"""The delay against the age of the access token at the log-out.

A delay is often what was left of the token's life. The bars then lie along a line that falls by a second for
each second of age, and begins anew with each token: a sawtooth. Both scales are plain: it is straight.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from afterglow.delay import Interval
from afterglow.pictures.drawing import (
    Picture,
    Spec,
    finished,
    named_rows,
    plain_ticks,
    reach_s,
    time_axis,
)
from afterglow.pictures.over_time import LINES_PX, UP, draw_bars, draw_marks, draw_window
from afterglow.pictures.palette import named
from afterglow.timeline import SPARE, many

if TYPE_CHECKING:
    from afterglow.statistics.groups import Answer

PARAMS = ("to_s", "window_s", "oldest_s", "ticks", "age_ticks", "starts")

BAR_PX = "max(1.5, min(6, 0.5 * width / max(1, length(data('ages')))))"


def picture(bars: Sequence[Mapping[str, Any]], window_s: float | None) -> Picture:
    """Those of the nights' bars whose token's age is known."""
    rows = [row for row in bars if row["age_s"] is not None]
    oldest_s = SPARE * max((row["age_s"] for row in rows), default=1.0)
    to_s = reach_s((Interval(row["lower_s"], _end_s(row)) for row in rows), None)
    params = {
        "to_s": to_s,
        "ticks": plain_ticks(to_s, 6),
        "window_s": window_s if window_s is not None and window_s <= to_s else None,
        "oldest_s": oldest_s,
        "age_ticks": plain_ticks(oldest_s, 10),
    }
    return Picture({"ages": rows}, params)


def _end_s(row: Mapping[str, Any]) -> float:
    return math.inf if row["upper_s"] is None else row["upper_s"]


def told(answers: Sequence[Answer], rows: Sequence[Mapping[str, Any]]) -> str:
    """What the picture shows, in a sentence or two."""
    of = sum(len(answer.log_outs) for answer in answers)
    if not rows:
        return "No log-out has noted how old its access token was."
    ages = sorted(row["age_s"] for row in rows)
    old = f"a token {ages[0]:g} s old" if len(ages) == 1 else f"tokens {ages[0]:g} to {ages[-1]:g} s old"
    said = f"{many(len(rows), 'log-out')} of {of} with {old} at the log-out. "
    return (
        said
        + "Where a delay is what is left of a token's life, the bars fall by a second for each second of age."
    )


def spec() -> Spec:
    """Without data."""
    import altair as alt

    def plain(most: str) -> alt.Scale:
        return alt.Scale(domain=[0, alt.ExprRef(most)], nice=False)

    x = alt.X(
        "age_s:Q",
        scale=plain("oldest_s"),
        axis=time_axis(values=alt.ExprRef("age_ticks"), grid=False),
    )
    y = alt.Y("lower_s:Q", scale=plain("to_s"), axis=time_axis())
    ages = alt.Chart(named_rows("ages")).transform_calculate(at="starts[datum.night]")
    layers = [
        *draw_window(plain("to_s")),
        draw_bars(ages, x, y, BAR_PX, extra=[alt.Tooltip("age_s:Q", title="age of the token, s")]),
        ages.transform_filter("!isValid(datum.upper_s)")
        .mark_point(shape=UP, filled=True, size=70, color=named("ink"), opacity=1)
        .encode(x=x, y=alt.value(3)),
        *(draw_marks(ages, x, kind) for kind in LINES_PX),
    ]
    return finished(alt.layer(*layers), PARAMS, height=280)
