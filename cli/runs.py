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

from afterglow.history.one_run import read_past_run
from afterglow.history.past import PastLogOut, PastRun
from afterglow.history.read import read_history
from afterglow.measurement import Json
from afterglow.progress import STYLES, delays_table
from afterglow.runs import NotARun, RunState, StoredRun, files_of_run, read_run, run_files
from afterglow.settings import Target
from afterglow.timeline import printable
from cli import runs_export, runs_prune
from cli.place import Stop, reports_folder

LAST = 20
"""So many runs fit a screen, and of thousands no others are read."""

HEADINGS = ("when / log-out", "id / all devices out after", "target / verdict", "state")

NOTHING = "no log-out was noted"

STATE_STYLES = {RunState.COMPLETE: "", RunState.INTERRUPTED: "bold yellow", RunState.RUNNING: "bold blue"}

Last = Annotated[int, typer.Option(min=1, help="How many runs to list.")]
OfTarget = Annotated[Target | None, typer.Option("--target", help="Only runs on this target.")]
OfSite = Annotated[str | None, typer.Option("--site", metavar="URL", help="Only runs on the site there.")]

app = typer.Typer(
    help="List the runs, newest first; show, export or prune them.", invoke_without_command=True
)
app.command("export")(runs_export.main)
app.command("prune")(runs_prune.main)


@app.callback()
def main(context: typer.Context, last: Last = LAST, target: OfTarget = None, site: OfSite = None) -> None:
    """List the runs, newest first: when, id, target, state, and the delay of every log-out."""
    if context.invoked_subcommand is None:
        list_runs(last, target, site)


@app.command("list")
def list_runs(last: Last = LAST, target: OfTarget = None, site: OfSite = None) -> None:
    """List the runs, newest first, as `runs` alone does."""
    folder = reports_folder() / "runs"
    if target or site:
        _list(*_chosen(folder, last, target, site))
    else:
        _list(*_newest(folder, last))


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
        "site": run.site,
        "night": run.night,
        "repetition": run.repetition,
        "machine": run.machine,
        "browser": run.browser,
        "telemetry": dict(run.telemetry),
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


def _newest(folder: Path, last: int) -> tuple[list[PastRun], list[str], int]:
    """The newest runs, what is told of files that are none, and how many files there are besides."""
    files = run_files(folder)
    if not files:
        raise Stop(f"no runs in {folder} yet: run `python -m cli scenario` first")
    runs: list[PastRun] = []
    passed_over: list[str] = []
    for path in files[:last]:
        try:
            runs.append(read_past_run(path))
        except NotARun as error:
            passed_over.append(str(error))
    return runs, passed_over, len(files) - last


def _chosen(
    folder: Path, last: int, target: Target | None, site: str | None
) -> tuple[list[PastRun], list[str], int]:
    """The same of the runs on one target or site. All are looked at, by their index."""
    at = site.rstrip("/") if site else None
    runs = [
        run
        for run in reversed(read_history(folder).runs)
        if (target is None or run.target == target) and at in (None, run.site)
    ]
    if not runs:
        raise Stop(f"no runs in {folder} on {at or target}: `python -m cli runs` lists those there are")
    return runs[:last], [], len(runs) - last


def _list(runs: list[PastRun], passed_over: list[str], older: int) -> None:
    console = Console()
    table = Table(box=SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    for heading in HEADINGS:
        table.add_column(heading, no_wrap=True)
    for run in runs:
        _add(table, run)
    console.print(table)
    for line in passed_over:
        console.print(Text(printable(line), "dim"), soft_wrap=True)
    if older > 0:
        console.print(f"{older} older ones: --last {older + len(runs) + len(passed_over)} lists them too")


def _add(table: Table, run: PastRun) -> None:
    """One line for the run, and one for each of its log-outs."""
    state = RunState(run.state)
    head = Text(_when(run), "bold"), Text(printable(run.id), "bold"), Text(run.target or "-")
    table.add_row(*head, Text(state.value, STATE_STYLES[state]))
    for log_out in run.log_outs:
        table.add_row(*_result(log_out))
    if not run.log_outs:
        table.add_row("", Text(NOTHING, "dim"))


def _result(log_out: PastLogOut) -> Iterator[Text]:
    yield Text(f"  {printable(log_out.action)}")
    yield Text(str(log_out.delay))
    yield Text(log_out.verdict.value, STYLES[log_out.verdict])


def _when(run: PastRun | StoredRun) -> str:
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
