"""Puts the pictures of all the nights into the report of one: as attachments of the whole run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import TypeAlias

OURS = "trend"
"""What the names of the files begin with, so that they are found, and replaced, the next time."""

AT_LEAST = 2
"""Of one night there is no trend."""

SEED = 1
"""The same nights give the same pictures."""

WHERE = (
    "All nights, interactive",
    "propagation.html in the folder of reports: `python -m cli trend` writes it anew\n",
)
"""A link would be better, but Allure makes none of what is attached to a run."""

Attached: TypeAlias = tuple[str, str, str]
"""A title, what it holds, and its ending."""

MIME = {"svg": "image/svg+xml", "txt": "text/plain"}


def attach_plots(reports: Path, results: Path) -> str | None:
    """Put the plots of the history among the results, in place of former ones.

    Returns why that could not be done: a picture that fails must not cost the report.
    """
    for former in results.glob(f"{OURS}-*"):
        former.unlink()
    try:
        plots = [(title, svg, "svg") for title, svg in _pictures(reports)]
    except Exception as error:  # noqa: BLE001 - whatever it is: the night's own findings are worth more
        return f"trend: not in the report ({type(error).__name__}: {str(error).partition(chr(10))[0]})"
    if plots:
        _write(results, [*plots, (*WHERE, "txt")])
    return None


def _write(results: Path, attached: list[Attached]) -> None:
    now_ms = int(time.time() * 1000)
    links = []
    for number, (title, content, ending) in enumerate(attached, start=1):
        name = f"{OURS}-{number}-attachment.{ending}"
        (results / name).write_text(content, encoding="utf-8")
        links.append({"name": title, "source": name, "type": MIME[ending], "timestamp": now_ms})
    told = json.dumps({"attachments": links}, ensure_ascii=False)
    (results / f"{OURS}-globals.json").write_text(told, encoding="utf-8")


def _pictures(reports: Path) -> Iterator[tuple[str, str]]:
    """A title and an SVG each, of the site that was measured last; none where there is no trend yet."""
    # they take a second to load, and most reports have no nights before them
    from afterglow.history.read import read_history

    history = read_history(reports / "runs")
    if history.latest_site is None:
        return
    history = history.of(*history.latest_site)
    if len(history.nights) < AT_LEAST:
        return
    from afterglow.pictures.plots import run_level_svgs

    yield from run_level_svgs(history, Random(SEED))  # noqa: S311 - a permutation test needs no secrets
