"""`test`: everything that must hold before a change is kept. Stops at the first stage that fails."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from xml.etree import ElementTree

import typer
from rich.console import Console

from cli.place import reports_folder
from cli.running import in_foreground
from cli.scenario import JUNIT, run_scenario

TESTS = ("tests", "--ignore=tests/scenario", "--ignore=tests/sessions")
"""The catalogue is run whole by the healthy row of the matrix, in a process of its own."""

AT_ONCE = max(2, (os.cpu_count() or 1) - 1)
"""Each has a browser and a site of its own. On a machine that is too busy for them the suite rightly says
"undetermined", of a site that is well."""

SIDE_BY_SIDE = ("-n", str(AT_ONCE), "--no-loadscope-reorder")
"""What stays together is said in `tests/side_by_side.py`, what begins first in `tests/conftest.py`."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage: its name, how it is run, and the JUnit file that counts its tests, if it has any."""

    name: str
    run: Callable[[], int]
    junit: Path | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a stage went. One without tests counts as one."""

    stage: str
    code: int
    passed: int
    failed: int
    took_s: float


LONG = ("-m", "not whole_matrix")
"""What else there is: `pyproject.toml` leaves the long tests out."""

Long = Annotated[bool, typer.Option("--long", help="The long tests too, before a release and at night.")]


def main(*, long: Long = False) -> None:
    """Check the code, run all tests, then the scenario with its report."""
    outcomes: list[Outcome] = []
    for stage in _stages(reports_folder(), LONG if long else ()):
        outcomes.append(_outcome(stage))
        if outcomes[-1].code:
            break
    _tell(outcomes)
    raise typer.Exit(outcomes[-1].code)


def _stages(reports: Path, more: tuple[str, ...]) -> list[Stage]:
    """The quick ones first: who mistyped something shall not wait for a browser."""
    junit = reports / "junit-tests.xml"
    lint_imports = Path(sys.executable).with_name("lint-imports")  # it cannot be run as a module
    return [
        Stage("ruff check", _module("ruff", "check")),
        Stage("ruff format", _module("ruff", "format", "--check")),
        Stage("mypy", _module("mypy")),
        Stage("lint-imports", lambda: in_foreground([lint_imports])),
        Stage("tests", _module("pytest", *TESTS, *more, *SIDE_BY_SIDE, f"--junitxml={junit}"), junit),
        Stage("scenario", lambda: run_scenario([]), reports / JUNIT),
    ]


def _module(*command: str) -> Callable[[], int]:
    return lambda: in_foreground([sys.executable, "-m", *command])


def _outcome(stage: Stage) -> Outcome:
    Console().rule(stage.name, align="left")
    if stage.junit is not None:
        stage.junit.unlink(missing_ok=True)  # an older run's must not be counted for one that never began
    began_s = time.monotonic()
    code = stage.run()
    took_s = time.monotonic() - began_s
    if stage.junit is None:
        passed, failed = (0, 1) if code else (1, 0)
    else:
        passed, failed = counted(stage.junit)
    # a stage can fail without a failing test: interrupted, or nothing collected
    return Outcome(stage.name, code, passed, max(failed, 1) if code else failed, took_s)


def counted(junit: Path) -> tuple[int, int]:
    """How many tests passed and failed, by a JUnit file; none if it was never written."""
    if not junit.exists():
        return 0, 0
    cases = list(ElementTree.parse(junit).iter("testcase"))  # noqa: S314 - pytest wrote it just now
    said = [{child.tag for child in case} for case in cases]
    failed = sum(bool(tags & {"failure", "error"}) for tags in said)
    skipped = sum("skipped" in tags and not tags & {"failure", "error"} for tags in said)
    return len(cases) - failed - skipped, failed


def _tell(outcomes: list[Outcome]) -> None:
    Console().rule("all stages", align="left")
    for each in outcomes:
        typer.echo(f"{each.stage:14}{each.passed:5} passed{each.failed:4} failed{each.took_s:8.1f} s")
    typer.echo(
        f"{sum(each.passed for each in outcomes)} passed, {sum(each.failed for each in outcomes)} failed"
    )
