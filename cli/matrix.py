"""`matrix` and `noise`: what the checks say of a replica that lies, and of one that is only in trouble."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from cli.place import Stop, setting
from cli.running import Failed, in_foreground, quietly

TESTS = "tests/matrix/test_matrix.py"

HEALTHY = "healthy"
ROWS = {HEALTHY: "test_the_healthy_replica_passes_every_check"}
"""The test that runs a row; of a defect, `test_row` with its name."""

NOISE = "test_trouble_is_no_broken_promise"

SWITCHES = ("python", "-m", "replica", "--list-switches")

INTERRUPTED = 2
"""pytest's exit code after Ctrl-C: a page would show rows of different times."""

Only = Annotated[str, typer.Option(help="Only these rows, separated by commas; the others are kept.")]


Quick = Annotated[bool, typer.Option(help="Of each defect only the checks that should catch it.")]


def matrix(context: typer.Context, only: Only = "", *, quick: Quick = False) -> None:
    """Run the catalogue on a replica with each of its defects, one at a time, and build the page.

    Takes minutes for each defect, or half a minute with --quick. Whatever else is given goes to pytest.
    """
    names = [name.strip() for name in only.split(",") if name.strip()]
    if unknown := [name for name in names if name not in {*ROWS, *_defects()}]:
        raise Stop(f"there is no defect {', '.join(unknown)}: `{' '.join(SWITCHES)}` lists them")
    row = "test_quick_row" if quick else "test_row"
    rows = [f"{TESTS}::{ROWS.get(name, f'{row}[{name}]')}" for name in names]
    chosen = rows or [f"{TESTS}::{ROWS[HEALTHY]}", f"{TESTS}::{row}"]
    code = _rows(*chosen, *context.args)
    if code != INTERRUPTED:
        code = in_foreground([sys.executable, "-m", "tests.matrix"]) or code
    raise typer.Exit(code)


def noise(context: typer.Context) -> None:
    """Run the catalogue on a replica with each kind of trouble: no check may fail.

    Takes minutes for each. Whatever else is given goes to pytest.
    """
    raise typer.Exit(_rows(f"{TESTS}::{NOISE}", *context.args))


def _defects() -> list[str]:
    """The names of the defects, as the replica lists them: among several workers, none tells of a typo."""
    try:
        said = quietly(sys.executable, *SWITCHES[1:], limit_s=60)
    except Failed as error:
        raise Stop(f"the replica does not say what its defects are: {error}") from None
    listed, _, _ = said.partition("--noise")
    return [line.split()[0] for line in listed.splitlines() if line.startswith("  ")]


def _rows(*arguments: str) -> int:
    """Run rows side by side; each is a process, a browser and a replica of its own."""
    if setting("BASE_URL"):
        raise Stop("BASE_URL is set, but a site of somebody else has no defects to switch on: unset it")
    # worksteal: a row takes minutes, and a worker that is done must not look on
    side_by_side = ("-n", str(max(2, (os.cpu_count() or 1) - 1)), "--dist", "worksteal")
    # -m "": also the rows that are left out of everybody else's runs
    return in_foreground([sys.executable, "-m", "pytest", "-v", "-m", "", *side_by_side, *arguments])
