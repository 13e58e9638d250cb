"""`trend`: what all the nights tell together, in words, in one page, and for machines."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from afterglow.history.read import History, read_history
from afterglow.pictures.page import (
    Site,
    Study,
    is_narrowed,
    other_sites,
    propagation_page,
    site_told,
    studied,
)
from afterglow.statistics.change import ALARM
from afterglow.timeline import many, printable
from cli.place import Stop, reports_folder

PAGE, FIGURES = "propagation.html", "trend.json"

SEED = 20_260_101
"""Chance decides which permutations are tried. Who asks twice about the same nights gets the same answer."""

PASSED_OVER = 5
"""So many files that were passed over are named here; the page names all."""


def main(
    target: Annotated[str | None, typer.Option(help="Whose nights: replica or chatgpt.")] = None,
    site: Annotated[str | None, typer.Option(help="Its address, if it is not the target's own.")] = None,
) -> None:
    """Tell what all the nights say, and write reports/propagation.html and reports/trend.json.

    By default about the site of the newest run; nights on different sites are never mixed.
    """
    console = Console()
    page = write_trend(reports_folder(), console, target=target, site=site)
    console.print(f"page: {page}", soft_wrap=True, markup=False, highlight=False)


def write_trend(
    reports: Path, console: Console, *, target: str | None = None, site: str | None = None
) -> Path:
    """Tell it, and return the page that was written. Raises Stop for a site that was never measured."""
    history = read_history(reports / "runs")
    chosen = _site(history, target, site)
    here = history.of(*chosen) if chosen else History((), history.passed_over)
    studies = studied(here.nights, Random(SEED))  # noqa: S311 - no secret
    _tell(console, history, here, chosen, studies)
    reports.mkdir(parents=True, exist_ok=True)
    html = propagation_page(history, studies, site=chosen, reports=reports)
    _keep(reports / FIGURES, json.dumps(_figures(here, chosen, studies), indent=2, allow_nan=False))
    return _keep(reports / PAGE, html)


def _site(history: History, target: str | None, site: str | None) -> Site | None:
    """The site that is asked for, else the newest run's. Raises Stop."""
    if target is None and site is None:
        return history.latest_site
    found = [
        (run.target, run.site)
        for run in reversed(history.runs)
        if run.target is not None and target in (None, run.target) and site in (None, run.site)
    ]
    if not found:
        asked = " ".join(f"--{name} {value}" for name, value in (("target", target), ("site", site)) if value)
        known = ", ".join(other_sites(history, None)) or "none"
        raise Stop(f"no run fits {asked}: leave it out, or name one that was measured ({known})")
    return found[0]


def _tell(
    console: Console, history: History, here: History, chosen: Site | None, studies: list[Study]
) -> None:
    if chosen is None:
        console.print("no nights yet: `make nightly` measures one", markup=False, highlight=False)
    else:
        told = f"{site_told(chosen)}: {many(len(here.nights), 'night')}, {many(len(here.runs), 'run')}"
        console.print(Text(told, "bold"), soft_wrap=True)
    _tell_found(console, studies)
    if others := other_sites(history, chosen):
        console.print(Text(f"other sites, not counted here: {', '.join(others)}", "dim"), soft_wrap=True)
    _tell_passed_over(console, history)


def _tell_found(console: Console, studies: list[Study]) -> None:
    for study in studies:
        if not is_narrowed(study.question):
            console.print(Text(printable(study.question.action), "bold"))
            for sentence in study.told:
                console.print(Padding(Text(sentence), (0, 0, 0, 2)))
    if worse := longer_too(studies):
        console.print(Text(f"longer lately, also by themselves: {' · '.join(worse)}", "yellow"))


def _tell_passed_over(console: Console, history: History) -> None:
    for line in history.passed_over[:PASSED_OVER]:
        console.print(Text(printable(line), "dim"), soft_wrap=True)
    if len(history.passed_over) > PASSED_OVER:
        console.print(Text(f"{len(history.passed_over) - PASSED_OVER} more passed over", "dim"))


def longer_too(studies: list[Study]) -> list[str]:
    """The narrowed questions whose delay has got longer.

    They are many: each is held to its share of the level, so that all together raise no more false alarms
    than one does.
    """
    narrowed = [study for study in studies if is_narrowed(study.question)]
    level = ALARM / max(1, len(narrowed))
    return [printable(study.question.told) for study in narrowed if study.finding.change.p_value <= level]


def _figures(here: History, chosen: Site | None, studies: list[Study]) -> dict[str, object]:
    """What was found, for machines. longer_too: see `longer_too`."""
    target, site = chosen or (None, None)
    return {
        "target": target,
        "site": site,
        "nights": len(here.nights),
        "runs": len(here.runs),
        "passed_over": list(here.passed_over),
        "longer_too": longer_too(studies),
        "findings": [study.finding.to_json() for study in studies],
    }


def _keep(path: Path, text: str) -> Path:
    """Write it whole or not at all: somebody may be reading the last one."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)
    return path
