"""All log-outs as rows of a table that can be filtered and sorted, also those that count for nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from afterglow.pictures.drawing import ends
from afterglow.timeline import printable

if TYPE_CHECKING:
    from afterglow.history.past import Night, PastLogOut, PastRun

LEFT_OUT = "left out"
"""Stands in for the verdict of a log-out that says nothing."""

SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""What the name of a night's folder may look like: a file of runs may come from anywhere."""


def rows_of(nights: Sequence[Night]) -> list[dict[str, Any]]:
    """A row for every log-out of every night, oldest first; nights are told by their number."""
    return [
        _row(number, run, log_out)
        for number, night in enumerate(nights)
        for run in night.runs
        for log_out in run.log_outs
    ]


def _row(night: int, run: PastRun, log_out: PastLogOut) -> dict[str, Any]:
    age_s = log_out.token_age_s
    return {
        "night": night,
        "clicked": f"{log_out.clicked:%Y-%m-%d %H:%M:%S}",
        "action": printable(log_out.action),
        **ends(log_out.delay),
        "verdict": log_out.verdict.value if log_out.usable else LEFT_OUT,
        "why": printable(log_out.why or ""),
        "window_s": log_out.window_s,
        "token_age_s": None if age_s is None else round(age_s, 1),
        "machine": printable(run.machine or ""),
        "browser": printable(run.browser or ""),
        "run": printable(run.id),
    }


def links(nights: Sequence[Night], reports: Path) -> list[str | None]:
    """For every night the way to its report, relative to the page; None where there is no report."""
    return [_link(night.name, reports) for night in nights]


def _link(night: str, reports: Path) -> str | None:
    if not SAFE.fullmatch(night) or not (reports / "nights" / night / "index.html").is_file():
        return None
    return f"nights/{quote(night)}/index.html"
