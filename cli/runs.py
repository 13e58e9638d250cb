"""`runs`: what was measured so far, read back from the runs' own files."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from afterglow.measurement import Json
from afterglow.progress import STYLES, delays_table
from afterglow.runs import NotARun, RunState, StoredRun, StoredWatch, files_of_run, read_run, run_files
from afterglow.timeline import printable
from cli.place import Stop, reports_folder

LAST = 20
"""So many runs fit a screen, and every run shown is read anew."""

HEADINGS = ("when / log-out", "id / all devices out after", "target / verdict", "state")

NOTHING = "no log-out was noted"

STATE_STYLES = {RunState.COMPLETE: "", RunState.INTERRUPTED: "bold yellow", RunState.RUNNING: "bold blue"}

app = typer.Typer(help="List the runs, newest first, or show one of them.", invoke_without_command=True)


@app.callback()
def main(
    context: typer.Context,
    last: Annotated[int, typer.Option(min=1, help="How many runs to list.")] = LAST,
) -> None:
    """List the runs, newest first: when, id, target, state, and the delay of every log-out."""
    if context.invoked_subcommand is None:
        _list(reports_folder() / "runs", last)


@app.command()
def show(
    run: Annotated[str, typer.Argument(metavar="ID|FILE", help="A run's id, its beginning, or its file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the measurements as JSON.")] = False,
) -> None:
    """Show one run: every layer's delay, and what it rests on."""
    try:
        stored = read_run(_file(reports_folder() / "runs", run))
    except NotARun as error:
        raise Stop(str(error)) from None
    if as_json:
        typer.echo(json.dumps(run_json(stored), indent=2, ensure_ascii=False, allow_nan=False))
    else:
        _show(Console(), stored)


def run_json(run: StoredRun) -> Json:
    """A run for machines: its measurements as in summary.json, and how far to trust its file."""
    return {
        "id": run.id,
        "started": run.started.isoformat(),
        "target": run.target,
        "window_s": run.window_s,
        "state": run.state.value,
        "notes": list(run.notes),
        "measurements": [
            watch.measurement.to_json(watch.started) for watch in run.watches if watch.measurement is not None
        ],
    }


def _file(folder: Path, run: str) -> Path:
    """The file that a person means. Raises Stop."""
    if run.endswith(".jsonl") or os.sep in run:
        return folder / run if (folder / run).exists() else Path(run)
    found = files_of_run(folder, run.lower())
    if not found:
        raise Stop(f"no run {run} in {folder}: `python -m cli runs` lists those there are")
    if len(found) > 1:
        raise Stop(f"{len(found)} runs begin with {run}: give more of the id")
    return found[0]


# The list


def _list(folder: Path, last: int) -> None:
    files = run_files(folder)
    if not files:
        raise Stop(f"no runs in {folder} yet: run `python -m cli scenario` first")
    console = Console()
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for heading in HEADINGS:
        table.add_column(heading, no_wrap=True)
    passed_over: list[str] = []
    for path in files[:last]:
        try:
            _add(table, read_run(path))
        except NotARun as error:
            passed_over.append(str(error))
    console.print(table)
    for line in passed_over:
        console.print(Text(line, "dim"), soft_wrap=True)
    if len(files) > last:
        console.print(f"{len(files) - last} older ones: --last {len(files)} lists them too")


def _add(table: Table, run: StoredRun) -> None:
    """One line for the run, and one for each of its log-outs."""
    state = Text(run.state.value, STATE_STYLES[run.state])
    table.add_row(Text(_when(run), "bold"), Text(printable(run.id), "bold"), Text(run.target or "-"), state)
    for watch in run.watches:
        table.add_row(*_result(watch))


def _result(watch: StoredWatch) -> Iterator[Text]:
    yield Text(f"  {printable(watch.action)}")
    if watch.measurement is None:
        yield Text(NOTHING, "dim")
    else:
        measurement = watch.measurement
        yield Text(str(measurement.all_devices))
        yield Text(measurement.verdict.value, STYLES[measurement.verdict])


def _when(run: StoredRun) -> str:
    """In the reader's own time."""
    return f"{run.started.astimezone():%Y-%m-%d %H:%M}"


# One run


def _show(console: Console, run: StoredRun) -> None:
    window = f", window {run.window_s:g} s" if run.window_s else ""
    head = Text.assemble(
        (f"run {printable(run.id)}", "bold"),
        f", {_when(run)} {run.started.astimezone():%Z}, {run.target or 'unknown target'}{window}: ",
        (run.state.value, STATE_STYLES[run.state] or "bold"),
    )
    console.print(head)
    console.print(Text(str(run.path), "dim"), soft_wrap=True)
    console.line()
    if run.measurements:
        console.print(delays_table(run.measurements))
        console.line()
    else:
        console.print(f"{NOTHING}: there is no delay to show")
    for note in _notes(run):
        bullet = Table.grid(padding=(0, 1))
        bullet.add_row("·", Text(printable(note)))
        console.print(Padding(bullet, (0, 0, 0, 1)))


def _notes(run: StoredRun) -> Iterator[str]:
    """What a reader should know of the file; the table has notes of its own on what it shows."""
    yield from run.notes
    for watch in run.watches:
        if watch.measurement is None:
            yield f"{watch.action}: {NOTHING} ({watch.readings} readings)"
