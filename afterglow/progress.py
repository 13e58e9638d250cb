"""What a person sees in the terminal: the watch while it waits, and the table of delays at the end."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Protocol, Self

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.live import Live
from rich.segment import Segment
from rich.style import Style
from rich.table import Table
from rich.text import Text

from afterglow.conductor import Lane, Role
from afterglow.delay import Verdict, longest
from afterglow.doors import absent_told
from afterglow.measurement import CLOCKS, Absent, LayerResult, Measurement, clock_name
from afterglow.readings import Moments, Reading, State
from afterglow.timeline import control_fate, gaps_told, printable

REDRAW_S = 0.2
"""Five pictures a second look alive, and leave the processor to the probes."""

LIVELY_S, CALM_S = 60.0, 1.0
"""After the first minute of a watch little happens, and its half hour shall cost next to nothing: with one
picture a second the seconds still go by."""

LINES_S = 1.0
"""A layer that flaps ten times a second shall not fill a log: its lines say how often it came back."""

HEARTBEAT_S = 15.0
"""A log in which nothing happens for longer looks like a run that hangs."""

LONGEST_CODE = 40
"""A site may answer with a whole sentence where a code was due."""

BEFORE = "before the log-out"
NONE = "-"

STYLES = {
    "alive": "blue",
    "alive again": "bold magenta",
    "revoked": "yellow",
    "unknown": "dim",
    "not asked": "dim",
    Verdict.WITHIN.value: "green",
    Verdict.LATE.value: "bold red",
    Verdict.UNDETERMINED.value: "bold yellow",
}
"""Colour only underlines: every word says by itself what it means."""


# What is known of a lane


@dataclass(frozen=True, slots=True)
class View:
    """One lane as it is shown.

    Seconds count from the log-out, None before it: `answered_s` is when the last answer came, `changed_s`
    when the answers began to be as they are. `fate` is told once the lane has settled, or was stopped.
    """

    session: str
    layer: str
    word: str
    code: str
    flaps: int
    readings: int
    answered_s: float | None
    changed_s: float | None
    settled: bool
    fate: str
    role: Role
    next_in_s: float | None = None

    @property
    def name(self) -> str:
        """Such as "secondary access"."""
        if self.role is Role.CLOCK:
            return f"{self.session} {clock_name(self.layer)}"
        return f"{self.session} {self.layer}" + (" (control)" if self.role is Role.CONTROL else "")

    @property
    def told(self) -> object:
        """What is worth a line when it changes: the first refusal, the first flap, the end, an outage."""
        refused = self.word == State.REVOKED.value or self.flaps > 0
        return self.word == State.UNKNOWN.value, refused, self.flaps > 0, self.settled, self.fate

    @property
    def line(self) -> str:
        """The lane in one line of a log."""
        code = f" ({self.code})" if self.code else ""
        flaps = f"  came back {_times(self.flaps)}" if self.flaps else ""
        when_s = self.answered_s if self.settled else self.changed_s
        fate = f"  {'settled' if self.settled else 'ended'}: {self.fate}" if self.fate else ""
        return f"{_clock(when_s)}  {self.name:<18}  {self.word}{code}{flaps}{fate}"


def view(lane: Lane, first_like: Reading | None = None) -> View:
    """What there is to show of a lane now. Its readings may grow meanwhile, on another thread.

    `first_like` is the first of the readings that have said the same as the last one ever since.
    """
    watch = lane.watch
    last = watch.readings[-1] if watch.readings else None
    flaps, settled = watch.found.flaps, watch.settled
    return View(
        session=printable(watch.session),
        layer=printable(watch.layer),
        word=_word(last, flaps),
        code=_short(last.code) if last else "",
        flaps=flaps,
        readings=len(watch.readings),
        answered_s=_since(watch.moments, last),
        changed_s=_since(watch.moments, first_like or last),
        settled=settled,
        fate=_fate(lane, settled=settled),
        role=lane.role,
    )


def _fate(lane: Lane, *, settled: bool) -> str:
    """What became of a lane that is not looked at any more: its delay, or why it was given up."""
    if settled:
        return "was ended too" if lane.control else str(lane.watch.interval)
    return printable(lane.stopped or "")


class Seen:
    """A lane's view, worked out anew only if something came in, and from nothing but what did."""

    def __init__(self) -> None:
        self._state: object = None
        self._count = 0
        self._first_like: Reading | None = None
        self._view: View | None = None

    def view(self, lane: Lane) -> View:
        """The lane as it is now."""
        state = (len(lane.watch.readings), lane.watch.moments, lane.stopped)
        if self._view is None or state != self._state:
            self._take(lane.watch.readings[self._count :])
            self._state, self._view = state, view(lane, self._first_like)
        return self._view

    def _take(self, fresh: Sequence[Reading]) -> None:
        for reading in fresh:
            if self._first_like is None or reading.state is not self._first_like.state:
                self._first_like = reading
        self._count += len(fresh)


def _since(moments: Moments | None, reading: Reading | None) -> float | None:
    return None if moments is None or reading is None else reading.received_s - moments.acknowledged_s


def _word(last: Reading | None, flaps: int) -> str:
    if last is None:
        return "not asked"
    return "alive again" if flaps and last.state is State.ALIVE else last.state.value


def _short(code: str) -> str:
    code = printable(code)
    return code if len(code) <= LONGEST_CODE else f"{code[: LONGEST_CODE - 1]}…"


def _clock(since_s: float | None) -> str:
    return BEFORE if since_s is None or since_s < 0 else f"{since_s:7.2f} s"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


# While the watch waits


class Display(Protocol):
    """A way to show the watch. `since_s` counts from the log-out, None before it."""

    def pause_s(self, since_s: float | None) -> float:
        """How long a picture may stay as it is."""

    def start(self, absent: Sequence[Absent]) -> None:
        """Take the console, and say what is not applicable."""

    def show(self, views: Sequence[View], since_s: float | None) -> None:
        """Show the lanes as they are."""

    def stop(self) -> None:
        """Give the console back."""


class Screen:
    """A terminal: one picture, drawn over and over."""

    def __init__(self, console: Console, window_s: float, title: str) -> None:
        self._console, self._window_s, self._title = console, window_s, title
        # drawn from the watching thread alone: a thread of rich's own would take time from the probes
        self._live = Live(console=console, auto_refresh=False)

    def pause_s(self, since_s: float | None) -> float:
        """Lively at first, calm later."""
        return REDRAW_S if since_s is None or since_s < LIVELY_S else CALM_S

    def start(self, absent: Sequence[Absent]) -> None:
        """Say once what will not change, hide the cursor and begin to draw."""
        for line in absent_told(absent):
            self._console.print(Text(f"not applicable: {line}", style="dim"))
        self._live.start()

    def show(self, views: Sequence[View], since_s: float | None) -> None:
        """Draw everything anew."""
        self._live.update(Picture(self._title, self._window_s, views, since_s), refresh=True)

    def stop(self) -> None:
        """Leave the last picture where it is."""
        self._live.stop()


class Log:
    """No terminal: a line when a lane changes, and one now and then while none does."""

    def __init__(self, console: Console, window_s: float, title: str) -> None:
        self._console, self._window_s, self._title = console, window_s, title
        self._told: dict[str, object] = {}
        self._last_line_s = 0.0

    def pause_s(self, since_s: float | None) -> float:
        """The same from the beginning to the end."""
        del since_s
        return LINES_S

    def start(self, absent: Sequence[Absent]) -> None:
        """Say what the lines that follow are about."""
        self._write(f"{self._title}: watching until every door has settled")
        for line in absent_told(absent):
            self._write(f"not applicable: {line}")

    def show(self, views: Sequence[View], since_s: float | None) -> None:
        """Write what is new."""
        now_s = since_s or 0.0
        for new in [view for view in views if view.readings and self._told.get(view.name) != view.told]:
            self._told[new.name] = new.told
            self._last_line_s = now_s
            self._write(new.line)
        if now_s - self._last_line_s >= HEARTBEAT_S:
            self._last_line_s = now_s
            self._write(f"{_clock(now_s)}  {_against(since_s, self._window_s)}, {_waiting_for(views)}")

    def stop(self) -> None:
        """Nothing to give back."""

    def _write(self, line: str) -> None:
        # as it is: a code in brackets is no markup, and a long line is the reader's to wrap
        self._console.print(line, markup=False, emoji=False, highlight=False, soft_wrap=True)


class Progress:
    """Shows a watch while it waits: `with Progress(console, window_s, title) as progress`.

    `tick` may be called as often as one likes.
    """

    def __init__(self, console: Console, window_s: float, title: str, absent: Sequence[Absent] = ()) -> None:
        # a dumb terminal cannot be drawn over any more than a file can
        kind = Screen if console.is_interactive else Log
        self._display: Display = kind(console, window_s, title)
        self._absent = absent
        self._lanes: Sequence[Lane] = ()
        self._seen: dict[Lane, Seen] = {}
        self._now_s = self._due_s = -math.inf

    def __enter__(self) -> Self:
        """Take the console."""
        self._display.start(self._absent)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Show what came since the last time, and give the console back whatever happened."""
        try:
            if self._lanes:
                self._show()
        finally:
            self._display.stop()

    def tick(self, lanes: Sequence[Lane], now_s: float) -> None:
        """Show the lanes, unless they have just been shown."""
        self._lanes, self._now_s = lanes, now_s
        if now_s >= self._due_s:
            self._due_s = now_s + self._display.pause_s(self._show())

    def _show(self) -> float | None:
        """Show everything. Returns the seconds since the log-out."""
        views = [replace(self._view(lane), next_in_s=self._next_in_s(lane)) for lane in self._lanes]
        moments = next((lane.watch.moments for lane in self._lanes if lane.watch.moments), None)
        since_s = None if moments is None else self._now_s - moments.acknowledged_s
        self._display.show(views, since_s)
        return since_s

    def _view(self, lane: Lane) -> View:
        return self._seen.setdefault(lane, Seen()).view(lane)

    def _next_in_s(self, lane: Lane) -> float | None:
        return None if lane.next_at_s is None else max(0.0, lane.next_at_s - self._now_s)


def _against(since_s: float | None, window_s: float) -> str:
    return BEFORE if since_s is None else f"{since_s:.1f} s since the log-out, window {window_s:g} s"


def _settled(views: Sequence[View]) -> str:
    doors = _doors(views)
    return f"{sum(view.settled for view in doors)} of {len(doors)} settled"


def _doors(views: Sequence[View]) -> list[View]:
    return [view for view in views if view.role is Role.DOOR]


NAMED_AT_MOST = 3
"""Two dozen doors in one line tell nobody anything: then it says how many are as they are."""


def _waiting_for(views: Sequence[View]) -> str:
    waiting = [view for view in _doors(views) if not (view.settled or view.fate)]
    if len(waiting) > NAMED_AT_MOST:
        words = Counter(view.word for view in waiting)
        told = ", ".join(f"{number} {word}" for word, number in words.most_common())
    else:
        told = "waiting for " + ", ".join(f"{view.name} ({view.word})" for view in waiting)
    return f"{_settled(views)}" + (f", {told}" if waiting else "")


# The picture of a terminal

Piece = tuple[str, str]
"""A text and its style. A rich table takes ten times as long to draw, and it is drawn for half an hour."""

WORST_FIRST = ("alive again", State.REVOKED.value, State.UNKNOWN.value, State.ALIVE.value, "not asked")
"""What is worth a line most, where there are too few of them."""

SEEN = "seen: "
BAR = 6
SESSION, LAYER, WORD, ANSWERED, READINGS, FATE = 12, 10, 11, 9, 5, 20
"""Cells: how wide the window's bar is, and the columns at most. The code gets what is left of a line."""

LEAST_LINES = 6
"""A terminal lower than this is drawn as if it were so high."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The watch in as many lines as the terminal has: doors, then clocks and controls in a line each."""

    title: str
    window_s: float
    views: Sequence[View]
    since_s: float | None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it, cut to the terminal's width."""
        plain = options.ascii_only
        for line in self.lines(max(LEAST_LINES, console.height - 1), plain=plain):
            left = options.max_width
            for text, style in line:
                shown = _cut(text, left)
                left -= cell_len(shown)
                yield Segment(shown, Style.parse(style))
            yield Segment.line()

    def lines(self, room: int, *, plain: bool = False) -> list[list[Piece]]:
        """The lines of the picture, at most `room` of them."""
        below = [*self._clocks(), *self._controls()]
        doors = _doors(self.views)
        shown, folded = fold(doors, room - 2 - len(below))
        return [
            self._head(plain=plain),
            _columns(doors),
            *_rows_of(shown, doors),
            *folded,
            *below,
        ]

    def _head(self, *, plain: bool) -> list[Piece]:
        done = min(BAR, int(BAR * max(0.0, self.since_s or 0.0) / self.window_s))
        line = "-" if plain else "━"
        return [
            (f"{self.title}  ", "bold"),
            (line * done, "magenta"),
            ((" " if plain else line) * (BAR - done), "bright_black"),
            (f"  {_settled(self.views)}, {_against(self.since_s, self.window_s)}", ""),
        ]

    def _clocks(self) -> Iterator[list[Piece]]:
        """Such as "seen: row gone primary 0.69, secondary -"."""
        told: dict[str, list[str]] = {}
        for view in self.views:
            if view.role is Role.CLOCK:
                name = clock_name(view.layer).removeprefix(SEEN)
                told.setdefault(name, []).append(f"{view.session} {_clock_word(view)}")
        if told:
            yield [(SEEN + "; ".join(f"{name} {', '.join(each)}" for name, each in told.items()), "dim")]

    def _controls(self) -> Iterator[list[Piece]]:
        told = [
            f"{view.session} {view.fate or view.word}" for view in self.views if view.role is Role.CONTROL
        ]
        if told:
            yield [(f"control: {', '.join(told)}", "dim")]


def _clock_word(view: View) -> str:
    """When it was seen, to the later end; "yes" until that is sure, and the dash of what is not there yet."""
    if view.fate:
        return _upper(view)
    return {State.REVOKED.value: "yes", State.UNKNOWN.value: "?"}.get(view.word, NONE)


def _upper(view: View) -> str:
    """The upper end of a settled one's delay."""
    return view.fate.removesuffix(" s").rpartition(" ")[2] if view.settled else view.fate


def fold(doors: Sequence[View], room: int) -> tuple[list[View], list[list[Piece]]]:
    """The doors that get a line, in their order, and the lines that tell of the others.

    Settled ones are folded away first, all into one line; then whatever is least worth a line.
    """
    if len(doors) <= room:
        return list(doors), []
    settled = [view for view in doors if view.settled]
    waiting = sorted((view for view in doors if not view.settled), key=_worth)
    lines = [_folded("settled", settled, "green")] if settled else []
    left = max(1, room - len(lines))
    if len(waiting) > left:
        left = max(1, left - 1)
        lines.append(_folded("also waiting", waiting[left:], "dim"))
    kept = {id(view) for view in waiting[:left]}
    return [view for view in doors if id(view) in kept], lines


def _worth(view: View) -> int:
    return WORST_FIRST.index(view.word) if view.word in WORST_FIRST else 0


def _folded(what: str, views: Sequence[View], style: str) -> list[Piece]:
    """Such as "3 settled: primary access 4.23, page 5.10, secondary access 6.20"."""
    told, session = [], None
    for view in views:
        name = view.layer if view.session == session else view.name
        told.append(f"{name} {_upper(view) if view.settled else view.word}")
        session = view.session
    return [(f"{len(views)} {what}: ", style), (", ".join(told), "")]


def _columns(doors: Sequence[View]) -> list[Piece]:
    session, layer = _name_widths(doors)
    names = _cell("session", session) + _cell("door", layer) + _cell("state", WORD)
    numbers = f"{'answered':>{ANSWERED}} {'read':>{READINGS}} {'out after / next look':>{FATE + 1}}  code"
    return [(names + numbers, "bold")]


def _name_widths(doors: Sequence[View]) -> tuple[int, int]:
    sessions = max((len(view.session) for view in doors), default=0)
    layers = max((len(view.layer) for view in doors), default=0)
    return min(SESSION, max(7, sessions)), min(LAYER, max(4, layers))


def _rows_of(shown: Sequence[View], doors: Sequence[View]) -> Iterator[list[Piece]]:
    """A line for each door, its session named where it changes."""
    session, layer = _name_widths(doors)
    before = None
    for view in shown:
        name = view.session if view.session != before else ""
        before = view.session
        answered = NONE if view.answered_s is None else _clock(view.answered_s).strip()
        if answered == BEFORE:
            answered = "before"
        yield [
            (_cell(name, session) + _cell(view.layer, layer), ""),
            (_cell(view.word, WORD), STYLES.get(view.word, "")),
            (f"{answered:>{ANSWERED}} {view.readings:>{READINGS}} ", ""),
            (f"{_next(view):>{FATE + 1}}", "green" if view.settled else ""),
            (f"  {view.code}", ""),
        ]


def _next(view: View) -> str:
    if view.fate:
        return view.fate if view.settled else _cut(view.fate, FATE + 1)
    return NONE if view.next_in_s is None else f"in {view.next_in_s:.1f} s"


def _cell(text: str, width: int) -> str:
    return set_cell_size(_cut(text, width), width) + " "


def _cut(text: str, width: int) -> str:
    """A text in so many cells of a terminal; what does not fit ends in an ellipsis."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""


# When all is over


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table of delays: a layer, or the total of several. A clock has no verdict."""

    name: str
    layers: Sequence[LayerResult]
    verdict: Verdict | None
    style: str = ""

    def cells(self) -> Iterator[Text]:
        """The row as it is printed."""
        yield Text(f" {printable(self.name)}")
        yield Text(str(longest(layer.delay for layer in self.layers)).removesuffix(" s"))
        yield Text(_last([layer.first_refusal_s for layer in self.layers]))
        yield Text(str(sum(layer.flaps for layer in self.layers)))
        yield Text(str(sum(len(layer.readings) for layer in self.layers)))
        yield Text(str(sum(layer.unknowns for layer in self.layers)))
        yield Text(_chance(self.layers))
        yield Text(_seen(self.layers)) if self.verdict is None else Text(self.verdict, STYLES[self.verdict])


def _seen(clocks: Sequence[LayerResult]) -> str:
    return "not seen" if any(math.isinf(clock.delay.upper_s) for clock in clocks) else "seen"


def delays_table(measurements: Sequence[Measurement]) -> Group:
    """How long everything outlived its log-out: the doors of every session, all devices, and the clocks.

    Below stands what the numbers rest on: what was not applicable, what it cost, and what went wrong.
    """
    table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
    table.add_column("log-out")
    for heading in ("delay, s", "first\nrefusal", "flaps", "read-\nings", "un-\nknown", "missed\nup to"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for measurement in measurements:
        table.add_row(Text(measurement.action, "bold"), Text(f"window {measurement.window_s:g} s"))
        for row in _rows(measurement):
            table.add_row(*row.cells(), style=row.style)
        for name, clocks in _by_name(measurement.clocks):
            table.add_row(Text(f" {name}"))
            for clock in clocks:
                table.add_row(*Row(f"  {clock.session}", [clock], None).cells())
        if measurement.controls:
            table.add_row(" controls")
        for control in measurement.controls:
            table.add_row(Text(f"   {printable(control.session)}"), Text(control_fate(control)))
        table.add_section()
    return Group(table, "", _notes(measurements))


def _rows(measurement: Measurement) -> Iterator[Row]:
    """A row for each session, its doors below it, and all devices last."""
    for session in measurement.sessions:
        layers = [layer for layer in measurement.layers if layer.session == session]
        yield Row(session, layers, measurement.verdict_of(measurement.of_session(session)), "bold")
        for layer in layers:
            yield Row(f"  {layer.layer}", [layer], measurement.verdict_of(layer.delay))
    yield Row("all devices", measurement.layers, measurement.verdict, "bold")


def _by_name(clocks: Sequence[LayerResult]) -> Iterator[tuple[str, list[LayerResult]]]:
    for layer in dict.fromkeys(clock.layer for clock in clocks):
        yield printable(CLOCKS.get(layer, layer)), [clock for clock in clocks if clock.layer == layer]


def _notes(measurements: Sequence[Measurement]) -> Table:
    """Everything beside the numbers, a line or a few for each thing that there is to say."""
    notes = Table.grid(padding=(0, 2, 0, 1))
    notes.add_column(no_wrap=True, style="dim")
    notes.add_column(overflow="fold")
    notes.add_row(
        "missed up to",
        "the chance that a server which still let the session in was never met; not stated for pages",
    )
    if any(measurement.clocks for measurement in measurements):
        notes.add_row("seen", "timed beside the doors; it lets nobody in, and is not counted as sign-out")
    for measurement in measurements:
        told = [(what, line) for what, lines in _beside_the_numbers(measurement) for line in lines]
        if told:
            notes.add_row(Text(measurement.action, "bold"), "")
        before = None
        for what, line in told:
            notes.add_row(Text(f" {what}" if what != before else ""), Text(printable(line)))
            before = what
    return notes


def _beside_the_numbers(measurement: Measurement) -> Iterator[tuple[str, Iterable[str]]]:
    why = measurement.why_undetermined()
    yield "no verdict", [why] if why else []
    yield "not applicable", absent_told(measurement.absent)
    yield "gaps", gaps_told(measurement)
    yield "looking", measurement.looking_changed()
    stopped = [layer for layer in measurement.layers if layer.stopped and layer.stopped not in why]
    yield "stopped", [f"{layer.session} {layer.layer}: {layer.stopped}" for layer in stopped]
    yield "requests", requests_told(measurement)


def requests_told(measurement: Measurement) -> list[str]:
    """What the watch cost each session, of what it may."""
    budget = "" if measurement.budget is None else f"; of {measurement.budget:,} each"
    cost = "; ".join(f"{session} {spent:,}" for session, spent in measurement.requests.items())
    return [f"{cost}{budget}"] if cost else []


def _last(refusals_s: Sequence[float | None]) -> str:
    """When the last of several layers refused for the first time."""
    known = [refused_s for refused_s in refusals_s if refused_s is not None]
    return f"{max(known):.2f}" if known and len(known) == len(refusals_s) else NONE


def _chance(layers: Sequence[LayerResult]) -> str:
    """The chance that any of several was missed: at most their sum, however they hang together.

    A layer that states none, such as a page, is left out; one that never settled leaves nothing to state.
    """
    known = [layer.residual_chance for layer in layers if layer.residual_chance is not None]
    if not known or any(math.isinf(layer.delay.upper_s) for layer in layers):
        return NONE
    total = min(1.0, sum(known))
    return "<0.1%" if 0 < total < 0.001 else f"{total:.1%}"
