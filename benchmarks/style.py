"""The look of every picture here: that of the report's own timelines."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from afterglow.timeline import FAINT, FONT, HAIR, INK, PADDING

if TYPE_CHECKING:
    import altair as alt

GOOD, BAD = "#0072b2", "#d55e00"
"""Two colours that the colour-blind tell apart, as in the timelines."""


def reports() -> Path:
    """Where results go."""
    folder = Path(os.environ.get("REPORTS_DIR") or "reports")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def svg(chart: alt.TopLevelMixin) -> str:
    """The chart as an SVG with a white ground; it loads nothing."""
    out = io.StringIO()
    dressed = (
        chart.configure(background="white", font=FONT, padding=PADDING, aria=False)
        .configure_view(stroke=None)
        .configure_title(
            anchor="start",
            color=INK,
            fontSize=17,
            offset=14,
            subtitleColor=FAINT,
            subtitleFontSize=12,
            subtitlePadding=5,
        )
        .configure_axis(
            gridColor=HAIR,
            domainColor=FAINT,
            tickColor=HAIR,
            labelColor=INK,
            titleColor=INK,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
        )
        .configure_header(labelColor=INK, labelFontSize=13, titleColor=INK)
        .configure_legend(orient="bottom", title=None, labelColor=INK, labelFontSize=12, columnPadding=12)
    )
    dressed.save(out, format="svg")
    return out.getvalue()
