"""`report`: one self-contained HTML file from the results of the last run, with the runs before it."""

from __future__ import annotations

import re
from pathlib import Path

import typer

from cli.history import forget
from cli.node import ALLURE, allure_is_installed, find_node
from cli.place import ROOT, Stop, reports_folder
from cli.running import Failed, quietly

RESULTS = "allure-results"
HISTORY = "history.jsonl"
REPORT = Path("allure-report") / "index.html"

BUILDS_WITHIN_S = 120.0
"""It takes about a second, some more with large attachments."""

TELLTALE = re.compile(
    r"<script[^>]*googletagmanager[^>]*></script>\s*<script>[^<]*gtag\([^<]*</script>", re.DOTALL
)
"""Allure's usage statistics, which no option turns off: evidence must not tell a third party who reads it."""


def main() -> None:
    """Build the report of the last run again."""
    typer.echo(f"report: {build(reports_folder())}")


def build(reports: Path) -> Path:
    """Build the report in the given folder, and return its path. Raises Stop."""
    if not any((reports / RESULTS).glob("*-result.json")):
        raise Stop(f"{reports / RESULTS} has no results: run `python -m cli scenario` first")
    node = find_node()
    if node is None or not allure_is_installed():
        raise Stop("Allure is not installed: run `python -m cli setup`")
    forget(reports / HISTORY, reports / RESULTS)
    try:
        quietly(
            *(node.node, ALLURE, "generate", RESULTS, "--config", ROOT / "reports" / "allurerc.mjs"),
            limit_s=BUILDS_WITHIN_S,
            cwd=reports,
        )
    except Failed as error:
        raise Stop(f"Allure could not build the report from {reports / RESULTS}: {error}") from None
    _keep_to_itself(reports / REPORT)
    return reports / REPORT


def _keep_to_itself(report: Path) -> None:
    html = report.read_text(encoding="utf-8")
    report.write_text(TELLTALE.sub("", html), encoding="utf-8")
