"""`runs export`: the history as a table for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from afterglow.history.export import FORMATS, What, write_table
from afterglow.history.read import read_history
from cli.place import Stop, reports_folder


def main(
    file: Annotated[
        Path, typer.Argument(help=f"Where to write it; its name ends in {' or '.join(FORMATS)}.")
    ],
    what: Annotated[What, typer.Option(help="What a row is.")] = What.DOORS,
) -> None:
    """Write all runs into a table: CSV or Parquet. Delays are in seconds, times in UTC."""
    if file.suffix.lower() not in FORMATS:
        raise Stop(f"{file} would be no table: let its name end in {' or '.join(FORMATS)}")
    history = read_history(reports_folder() / "runs")
    try:
        rows = write_table(history.runs, file, what)
    except OSError as error:
        raise Stop(f"{file} cannot be written ({error.strerror or error}): choose another place") from None
    for line in history.passed_over:
        typer.echo(line, err=True)
    typer.echo(f"{file}: {rows:,} {what.value} of {len(history.runs):,} runs")
