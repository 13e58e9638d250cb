"""`scenario`: the main job, and its report."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from cli.place import reports_folder
from cli.report import RESULTS, build
from cli.running import in_foreground

TAKES_ANYTHING = {"allow_extra_args": True, "ignore_unknown_options": True}
"""So that every option of pytest can be given: `python -m cli scenario --headed -k all_devices`."""

SCENARIO = "tests/scenario"

JUNIT = "junit.xml"

USAGE_ERROR = 4
"""pytest's exit code for a run that never began. pytest has said why; a report would show the run before."""


def main(context: typer.Context) -> None:
    """Run the scenario, and build its report. Whatever else is given goes to pytest."""
    code = run_scenario(context.args)
    raise typer.Exit(code)


def run_scenario(extra: list[str], env: Mapping[str, str] | None = None, folder: str = SCENARIO) -> int:
    """Run the scenario, or the tests of another folder, with some settings if need be, and build the report.

    Returns pytest's exit code.
    """
    reports = reports_folder()
    code = in_foreground(suite_command(reports, folder, extra=extra), env)
    if code != USAGE_ERROR and any((reports / RESULTS).glob("*-result.json")):
        typer.echo(f"report: {build(reports)}")
    return code


def suite_command(
    reports: Path, folder: str, *, clean: bool = True, extra: Sequence[str] = ()
) -> list[str | Path]:
    """The suite's command line. clean: whether the results of the run before go first."""
    return [
        *(sys.executable, "-m", "pytest", folder),
        f"--alluredir={reports / RESULTS}",
        *(["--clean-alluredir"] if clean else []),
        f"--junitxml={reports / JUNIT}",
        # pytest-playwright deletes this folder first: it must hold nothing else
        f"--output={reports / 'playwright'}",
        *extra,
    ]
