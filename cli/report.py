"""`report`: one self-contained HTML file from the results of the last run, with the runs before it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.gate import read_gate
from cli.history import make_ready
from cli.node import allure_is_installed, find_node
from cli.place import ROOT, Stop, reports_folder
from cli.plots import attach_plots
from cli.report_page import mend
from cli.running import Failed, quietly

RESULTS = "allure-results"
HISTORY = "history.jsonl"
REPORT = Path("allure-report") / "index.html"

BUILDS_WITHIN_S = 120.0
"""It takes about a second, some more with large attachments."""

WithGate = Annotated[
    bool, typer.Option("--gate", help="End with 1 if a promise was broken, 2 if something was not measured.")
]


def main(gate: WithGate = False) -> None:
    """Build the report of the last run again."""
    reports = reports_folder()
    typer.echo(f"report: {build(reports)}")
    if gate:
        said = read_gate(reports)
        for line in said.told:
            typer.echo(f"gate: {line}")
        raise typer.Exit(said.code)


def build(reports: Path) -> Path:
    """Build the report in the given folder, and return its path. Raises Stop."""
    if not any((reports / RESULTS).glob("*-result.json")):
        raise Stop(f"{reports / RESULTS} has no results: run `python -m cli scenario` first")
    node = find_node()
    if node is None or not allure_is_installed():
        raise Stop("Allure is not installed: run `python -m cli setup`")
    notes = (make_ready(reports / HISTORY, reports / RESULTS), attach_plots(reports, reports / RESULTS))
    for note in notes:
        if note:
            typer.echo(note)
    (reports / REPORT).unlink(missing_ok=True)  # an old one must not be taken for that of these results
    try:
        said = quietly(
            *(node.node, ROOT / "reports" / "build.mjs", RESULTS), limit_s=BUILDS_WITHIN_S, cwd=reports
        )
        mend(reports / REPORT)
    except Failed as error:
        raise Stop(f"Allure could not build the report from {reports / RESULTS}: {error}") from None
    except FileNotFoundError:
        raise Stop(
            f"Allure built no report from {reports / RESULTS}: {said.strip() or 'it said nothing'}"
        ) from None
    for line in said.splitlines():
        typer.echo(line)
    return reports / REPORT
