"""`runs prune`: removes what is old, if a person says so twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.filesize import decimal

from afterglow.history.read import read_files
from afterglow.history.retention import (
    REMOVED,
    Removal,
    removal_of_report,
    removal_of_run,
    remove_all,
    reports_before,
    runs_before,
)
from afterglow.timeline import printable
from cli.place import Stop, reports_folder

Before = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="What began before this day (UTC) goes.")
]
KeepDays = Annotated[
    int | None, typer.Option("--keep-days", metavar="N", min=1, max=36_500, help="What is older goes.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Do remove it; otherwise it is only listed.")]


def main(before: Before = None, keep_days: KeepDays = None, yes: Yes = False) -> None:
    """List the runs' files and the reports of nights that are old; with --yes, remove them for good."""
    reports = reports_folder()
    removals = list(_removals(reports, _moment(before, keep_days)))
    if not removals:
        typer.echo("nothing is as old as that")
    elif yes:
        for line in remove_all(removals, reports):
            typer.echo(printable(line))
        typer.echo(f"what they were is in {reports / REMOVED}")
    else:
        _list(removals, reports)


def _moment(before: datetime | None, keep_days: int | None) -> datetime:
    if before is not None and keep_days is None:
        return before.replace(tzinfo=UTC)
    if keep_days is not None and before is None:
        return datetime.now(UTC) - timedelta(days=keep_days)
    raise Stop("say either --before YYYY-MM-DD or --keep-days N: what is older than that goes")


def _removals(reports: Path, moment: datetime) -> Iterator[Removal]:
    yield from map(removal_of_run, runs_before(read_files(reports / "runs").runs, moment))
    yield from map(removal_of_report, reports_before(reports, moment))


def _list(removals: list[Removal], reports: Path) -> None:
    for each in removals:
        name = each.path.relative_to(reports)
        typer.echo(printable(f"{name}: {each.what}, {decimal(each.size)}"))
    size = decimal(sum(each.size for each in removals))
    typer.echo(f"nothing was removed: --yes removes these {len(removals)}, {size} in all, for good")
