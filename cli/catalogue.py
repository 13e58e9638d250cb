"""`catalogue`: every check of the sessions, and their report."""

from __future__ import annotations

import typer

from cli.scenario import run_scenario

CATALOGUE = "tests/sessions"


def main(context: typer.Context) -> None:
    """Run every check of the catalogue, and build the report. Whatever else is given goes to pytest."""
    raise typer.Exit(run_scenario(context.args, folder=CATALOGUE))
