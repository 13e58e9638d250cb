"""A night in a few lines: on a terminal or in a log, and as Markdown for the page of a CI server's run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from afterglow.delay import Interval
from afterglow.timeline import printable
from cli.night_record import FILE, Code, LogOut, Record, Stage, State, Trouble

STATES = {State.DONE: "green", State.FAILED: "bold red", State.HUNG: "bold red", State.INTERRUPTED: "yellow"}
VERDICTS = {"within": "green", "late": "bold red", "undetermined": "magenta"}
"""Colour only underlines: every word says by itself what it means."""

STATUSES = ("passed", "failed", "broken", "skipped")


def show(record: Record, reports: Path, console: Console) -> None:
    """Show it all."""
    console.print()
    console.rule("the night", align="left", characters="-")
    parts: list[RenderableType] = [_stages(record.stages)]
    if record.log_outs:
        parts.append(_log_outs(record.log_outs))
    parts += [_trouble(trouble) for trouble in record.troubles]
    parts += [_list(heading, lines) for heading, lines in _lists(record)]
    for part in parts:
        console.print(Padding(part, (0, 0, 1, 2), expand=False))
    style = "bold green" if record.exit_code is Code.WITHIN else "bold red"
    console.print(Text(headline(record), style), soft_wrap=True)
    console.print(Text(circumstances(record), "dim"), soft_wrap=True)
    for path in files(record, reports):
        console.print(Text(str(path), "dim"), soft_wrap=True)


def headline(record: Record) -> str:
    """All of it in a few words."""
    return f"{record.told} (exit code {record.exit_code.value})"


def circumstances(record: Record) -> str:
    """Which night, of what, when, and how long it took."""
    where = f" at {record.site}" if record.site else ""
    target = f"{record.target}{where}, " if record.target else ""
    when = f"{record.started:%Y-%m-%d %H:%M} UTC, {duration(record.took_s)}"
    return f"night {record.night}, {target}{when}"


def duration(seconds: float) -> str:
    """Short for a person: 12 s, 31 min, 2 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"


def files(record: Record, reports: Path) -> Iterator[Path]:
    """Where a reader goes on, as far as it is there."""
    report = [reports / record.report] if record.report else []
    for path in (*report, reports / "propagation.html", reports / FILE):
        if path.exists():
            yield path


def tests_told(stage: Stage) -> str:
    """How many tests had each status."""
    return ", ".join(f"{stage.tests[status]} {status}" for status in STATUSES if stage.tests.get(status))


def about(stage: Stage) -> str:
    """What there is to say of a stage."""
    return "; ".join(filter(None, (tests_told(stage), stage.why)))


def took_told(stage: Stage) -> str:
    """How long it took, if it began."""
    return "" if stage.state is State.LEFT_OUT else duration(stage.took_s)


def delay_of(log_out: LogOut) -> str:
    """As everywhere: an interval that contains it."""
    lower_s, upper_s = log_out.delay_s
    return str(Interval(lower_s, math.inf if upper_s is None else upper_s))


def kind(trouble: Trouble) -> str:
    """What kind of trouble it is."""
    if trouble.known:
        return "known issue"
    return "promise broken" if trouble.broken_promise else "not measured"


def costs(record: Record) -> list[str]:
    """What the runs cost, a line each."""
    return [f"{stage.name}: {stage.cost}" for stage in record.stages if stage.cost]


def _lists(record: Record) -> Iterator[tuple[str, list[str]]]:
    for heading, lines in (
        ("what it cost", costs(record)),
        ("all nights together", record.trend),
        ("removed, as KEEP_REPORTS_DAYS says", record.removed),
    ):
        if lines:
            yield heading, lines


def _stages(stages: list[Stage]) -> Table:
    table = _table(4)
    for stage in stages:
        took = took_told(stage)
        state = Text(stage.state.value, STATES.get(stage.state, "dim"))
        table.add_row(stage.name, state, Text(took, justify="right"), Text(printable(about(stage))))
    return table


def _log_outs(log_outs: list[LogOut]) -> Table:
    table = _table(5)
    for each in log_outs:
        verdict = Text(each.verdict, VERDICTS.get(each.verdict, ""))
        window = f"window {each.window_s:g} s"
        table.add_row(each.stage, each.action, delay_of(each), window, verdict)
    return table


def _table(columns: int) -> Table:
    """Only its last column gives way in a narrow log."""
    table = Table.grid(padding=(0, 2))
    for number in range(columns):
        table.add_column(no_wrap=number < columns - 1)
    return table


def _trouble(trouble: Trouble) -> Text:
    style = "bold red" if trouble.broken_promise else "magenta"
    text = Text.assemble((kind(trouble), style), f": {printable(trouble.what)} ({trouble.stage})")
    text.append(f"\n  {printable(trouble.why)}")
    if trouble.remedy:
        text.append(f"\n  -> {printable(trouble.remedy)}", "bold")
    return text


def _list(heading: str, lines: list[str]) -> Text:
    return Text.assemble((heading, "bold"), *(f"\n  {printable(line)}" for line in lines))


# For the page of a CI server's run


def markdown(record: Record) -> str:
    """The same as GitHub shows it ($GITHUB_STEP_SUMMARY)."""
    return "\n".join(_markdown(record)) + "\n"


def _markdown(record: Record) -> Iterator[str]:
    yield f"## Afterglow: {escaped(headline(record))}"
    yield from ("", escaped(circumstances(record)))
    if record.log_outs:
        yield from ("", "| stage | log-out | delay | window | verdict |", "|---|---|---|---|---|")
        for each in record.log_outs:
            cells = (each.stage, each.action, delay_of(each), f"{each.window_s:g} s", each.verdict)
            yield _row(*cells)
    yield from ("", "| stage | | took | |", "|---|---|---|---|")
    for stage in record.stages:
        yield _row(stage.name, stage.state.value, took_told(stage), about(stage))
    for trouble in record.troubles:
        remedy = f" → {escaped(trouble.remedy)}" if trouble.remedy else ""
        what = f"{escaped(trouble.what)} ({trouble.stage})"
        yield from ("", f"- **{kind(trouble)}**: {what}: {escaped(trouble.why)}{remedy}")
    for heading, lines in _lists(record):
        yield from ("", f"**{heading}**", "", *(f"- {escaped(line)}" for line in lines))


def _row(*cells: str) -> str:
    return f"| {' | '.join(escaped(cell) for cell in cells)} |"


def escaped(words: str) -> str:
    """What a site has said must be nothing but words: no markup, no table, no link."""
    line = " ".join(printable(words).split())
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#|!~" else letter for letter in line)
