"""`doctor`: is all there that a run needs? Looks at it in under two minutes, and ends no session."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, Annotated

import typer
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.status import Status as Spinner
from rich.table import Table
from rich.text import Text

from afterglow.diagnosis import (
    ALL_OF_IT,
    CUT_OFF_S,
    FILE,
    IN_THE_WAY,
    LEFT_OUT,
    PAGE,
    SHORT,
    STOPPED,
    Area,
    Diagnosis,
    Finding,
    Status,
    Told,
    read,
    sections,
)
from afterglow.redaction import Redactor
from afterglow.settings import CodeFrom, Settings, SettingsError, load
from afterglow.timeline import printable
from cli.place import ROOT, Stop, reports_folder
from cli.running import CLEAN_UP_S, telling_line

EXAMINATIONS = tuple(f"tests/doctor/{name}.py" for name in ("surroundings", "signing_in", "views", "telling"))
"""In this order: each rests on those before."""

AT_MOST_S = sum(CUT_OFF_S.values()) + 600.0
"""Every area is cut off by itself; this is for a program that hangs beyond them. A person may have to type
two one-time codes, with five minutes for each."""

LOOK_S = 0.2
"""So often it is looked how far the examinations are."""

TEMPLATE = "doctor.html.jinja"

STYLES = {
    Status.OK: "green",
    Status.WARNING: "yellow",
    Status.MISSING: "bold red",
    Status.WRONG: "bold red",
    Status.UNKNOWN: "magenta",
    Status.NOT_LOOKED_AT: "dim",
}
"""Colour only underlines: every word says by itself what it means."""

LEFT_OUT_SIGN = "-"
"""How the terminal writes the status of what is left out on purpose: the words beside it say why."""

IN_SHORT = 8
"""So many of the things to see to are told once more at the end."""

STATUS = max(len(status) for status in Status if status is not Status.NOT_LOOKED_AT)
"""Letters of the longest status that is written out."""

INTERRUPTED = 2
"""pytest's exit code after Ctrl-C."""

HUNG = "the doctor hung before it was looked at, and was ended"
KILLED = "the doctor was ended from outside before it was looked at"

Messages = Annotated[
    bool, typer.Option("--messages", help="Look also by what leaves conversations behind: message, stream.")
]


def main(*, messages: Messages = False) -> None:
    """Look at all that a run needs, and end no session: exit code 0 ready, 2 not ready, 3 misconfigured.

    Settings, browser, network, clock, sign-in, every locator, the JSON behind the view, the probes. What was
    found is shown here, in `reports/doctor.html`, and for machines in `reports/doctor.json`.
    """
    console = Console()
    try:
        settings = load(ROOT / ".env")
    except SettingsError as wrong:
        diagnosis, redact, reports = misconfigured(str(wrong)), Redactor(), reports_folder()
    else:
        reports = ROOT / settings.reports_dir
        redact = Redactor()
        redact.learn(*settings.secrets)
        diagnosis = examined(settings, reports / FILE, console, messages=messages)
    keep(diagnosis, reports, redact)
    show(read(reports / FILE), reports, console)  # as it was written: nothing secret is in it
    raise typer.Exit(diagnosis.exit_code)


def misconfigured(why: str) -> Diagnosis:
    """What there is to say if the settings do not hold together."""
    diagnosis = Diagnosis(target=os.environ.get("TARGET", ""))
    what, _, detail = why.partition(": ")
    wrong = Finding(area=Area.SETTINGS, what=what, status=Status.WRONG, detail=detail)
    diagnosis.findings.append(wrong)
    diagnosis.end(f"{LEFT_OUT} “{Area.SETTINGS.value}”")
    return diagnosis


# The examinations, in a process of their own


def examined(settings: Settings, path: Path, console: Console, *, messages: bool) -> Diagnosis:
    """Run the examinations, and read what they wrote. What they could not get to is said, with the reason."""
    with suppress(OSError):  # a folder that cannot be written to is told of below
        path.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="afterglow-doctor-") as folder:
        command = [
            *(sys.executable, "-m", "pytest", *EXAMINATIONS),
            *("-q", "--no-header", "-p", "no:cacheprovider"),
            f"--output={Path(folder) / 'playwright'}",  # pytest-playwright deletes it first
            *(["--messages"] if messages else []),
        ]
        said = Path(folder) / "said"
        # a question for a one-time code must be seen by the person who is to answer it
        asks = settings.code_from is CodeFrom.PROMPT
        with said.open("w") as output:
            code = watched(command, None if asks else output, path, console)
        return completed(path, settings, code, said.read_text(encoding="utf-8", errors="replace"))


def completed(path: Path, settings: Settings, code: int | None, said: str) -> Diagnosis:
    """What was written, however it ended. code: None if it hung."""
    try:
        diagnosis = read(path)
    except (OSError, ValueError):
        diagnosis = Diagnosis(target=settings.target.value, site=settings.home)
    if diagnosis.ended is None and code == INTERRUPTED:
        diagnosis.end(STOPPED)
    elif diagnosis.ended is None and code is not None and code > 0:
        detail = telling_line(said).removeprefix("ERROR: ") or f"pytest ended with exit code {code}"
        why = Finding(area=Area.SETTINGS, what="could not begin", status=Status.UNKNOWN, detail=detail)
        diagnosis.findings.append(why)
        diagnosis.end(f"{LEFT_OUT} “{Area.SETTINGS.value}”")
    elif diagnosis.ended is None:
        diagnosis.end(HUNG if code is None else KILLED)
    return diagnosis


def watched(command: list[str], output: IO[str] | None, path: Path, console: Console) -> int | None:
    """Run a program and show how far it is. Its exit code; None if it hung and had to be ended.

    Ctrl-C reaches it by itself, as it shares the terminal; being asked to end reaches only us.
    """
    program = subprocess.Popen(  # noqa: S603 - our own command line
        command,
        cwd=ROOT,
        env={**os.environ, "PYTEST_ADDOPTS": ""},  # such as --alluredir: this run is none for the reports
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
    )
    with passing_on_the_end(program), progress(console, silent=output is None) as spinner:
        deadline_s = time.monotonic() + AT_MOST_S
        try:
            while (code := ended_within(program, LOOK_S)) is None and time.monotonic() < deadline_s:
                with suppress(OSError, ValueError):
                    tell(spinner, read(path).looking_at)
        except KeyboardInterrupt:
            spinner.update("stopped: signing out and finishing")
            code = ended_within(program, CLEAN_UP_S)
        if code is None:
            end(program)
        return code


def ended_within(program: subprocess.Popen[bytes], seconds: float) -> int | None:
    """Its exit code, once it has ended; None if it takes longer."""
    try:
        return program.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def end(program: subprocess.Popen[bytes]) -> None:
    """Ask a program that hangs to finish, as with Ctrl-C, and make it."""
    program.send_signal(signal.SIGINT)
    with suppress(KeyboardInterrupt):
        if ended_within(program, CLEAN_UP_S) is not None:
            return
    program.kill()
    program.wait()


@contextmanager
def passing_on_the_end(program: subprocess.Popen[bytes]) -> Iterator[None]:
    """A nightly job's runner that asks us to end means the program too: it obeys Ctrl-C."""

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        program.send_signal(signal.SIGINT)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def progress(console: Console, *, silent: bool) -> Iterator[Spinner]:
    """Something that moves while it is looked, on a terminal that nobody else writes on."""
    spinner = console.status("looking; nothing is ended")
    if silent or not console.is_terminal:
        yield spinner
    else:
        with spinner:
            yield spinner


def tell(spinner: Spinner, area: Area | None) -> None:
    """Say what is looked at."""
    if area is not None:
        spinner.update(f"looking, and ending nothing: {area.value}")


# What is left behind


def keep(diagnosis: Diagnosis, reports: Path, redact: Redactor) -> None:
    """Write both files. Raises Stop if that is impossible."""
    try:
        diagnosis.write(reports / FILE, redact)
        page = Environment(
            loader=FileSystemLoader(Path(__file__).parent),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        ).get_template(TEMPLATE)
        content = page.render(
            diagnosis=diagnosis,
            sections=sections(diagnosis),
            headline=headline(diagnosis),
            when=when(diagnosis),
            first=first_to_see_to(diagnosis),
        )
        (reports / PAGE).write_text(redact(content), encoding="utf-8")
    except OSError as error:
        raise Stop(
            f"REPORTS_DIR: {reports} cannot be written to ({error.strerror}): choose another"
        ) from None


def headline(diagnosis: Diagnosis) -> str:
    """All of it in one line."""
    statuses = [finding.status for finding in diagnosis.findings]
    warnings = statuses.count(Status.WARNING)
    also = f"; {counted(warnings, 'warning')}" if warnings else ""
    if diagnosis.ready:
        return f"ready: a run can begin{also}"
    numbers = {status.value: statuses.count(status) for status in IN_THE_WAY}
    told = ", ".join(f"{number} {what}" for what, number in numbers.items() if number)
    why = f" ({diagnosis.interrupted})" if diagnosis.interrupted else ""
    return f"not ready: {told}{why}{also}"


def counted(number: int, what: str) -> str:
    """One of it, or several."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def when(diagnosis: Diagnosis) -> str:
    """Of what, when, and how long it took."""
    target = diagnosis.target or "unknown target"
    where = f" at {diagnosis.site}" if diagnosis.site else ""
    return f"{target}{where}, {diagnosis.started:%Y-%m-%d %H:%M} UTC, {diagnosis.took_s:.0f} s"


def show(diagnosis: Diagnosis, reports: Path, console: Console) -> None:
    """Show what was found, area by area, and where the files are."""
    for heading, lines in sections(diagnosis):
        console.print(Text(heading, "bold"))
        console.print(Padding(lines_of(lines), (0, 0, 1, 2)))
    console.print(Text(headline(diagnosis), "bold green" if diagnosis.ready else "bold red"))
    if first_to_see_to(diagnosis):
        console.print(Padding(in_short(diagnosis), (0, 0, 0, 2)))
    console.print(Text(f"{when(diagnosis)}; no session but its own was ended", "dim"), soft_wrap=True)
    for name in (PAGE, FILE):
        console.print(Text(f"{reports / name}", "dim"), soft_wrap=True)


def first_to_see_to(diagnosis: Diagnosis) -> list[tuple[Finding, str]]:
    """What is in the way, with what to do about it; what merely follows from it is left out."""
    found = [each for each in diagnosis.in_the_way if each.status is not Status.UNKNOWN]
    own = (each for each in diagnosis.in_the_way if each.locator is None and each.what != ALL_OF_IT)
    first = found or list(own)
    return [(each, f"{each.area.value}: {each.remedy or each.detail}") for each in first[:IN_SHORT]]


def in_short(diagnosis: Diagnosis) -> Table:
    """The same, for those who do not scroll up."""
    table = Table.grid(padding=(0, 2))
    for each, words in first_to_see_to(diagnosis):
        status = Text(each.status.value, STYLES[each.status])
        table.add_row(status, Text(printable(each.what)), Text(printable(words)))
    return table


def lines_of(lines: Sequence[Told]) -> Group:
    """The lines of one area, and what is on the screen instead in its full width."""
    parts: list[RenderableType] = []
    for line in lines:
        parts.append(row_of(line))
        if line.seen:
            parts.append(seen_by(line))
    return Group(*parts)


def row_of(line: Told) -> Table:
    """What it is about, what was found, and what to do about it."""
    left_out = line.status is Status.NOT_LOOKED_AT
    row = Table.grid(padding=(0, 2))
    row.add_column(width=STATUS)
    row.add_column(width=SHORT)
    row.add_column()
    status = Text(LEFT_OUT_SIGN if left_out else line.status.value, STYLES[line.status])
    quiet = left_out or line.status is Status.OK
    words = Text(printable(line.in_short), "dim" if quiet else "")
    if line.remedy:
        words.append(f"\n-> {printable(line.remedy)}", "bold")
    row.add_row(status, Text(printable(line.name), "dim" if left_out else ""), words)
    return row


def seen_by(line: Told) -> Padding:
    """What is on the screen instead."""
    seen = "\n".join(map(printable, line.seen.splitlines()))
    return Padding(
        Text.assemble(("on the screen instead:\n", "italic"), (seen, "dim")), (0, 0, 0, STATUS + 2)
    )
