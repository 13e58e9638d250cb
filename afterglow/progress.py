"""What a person sees in the terminal: the watch while it waits, and the table of delays at the end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from types import TracebackType
from typing import ClassVar, Protocol, Self

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from afterglow.conductor import Lane
from afterglow.delay import Verdict, longest
from afterglow.measurement import LayerResult, Measurement
from afterglow.readings import Moments, Reading, State
from afterglow.timeline import control_fate, printable

REDRAW_S = 0.2
"""Five pictures a second look alive, and leave the processor to the probes."""

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
    when the answers began to be as they are. `fate` is told once the lane has settled.
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
    control: bool
    next_in_s: float | None = None

    @property
    def name(self) -> str:
        """Such as "secondary access"."""
        return f"{self.session} {self.layer}" + (" (control)" if self.control else "")

    @property
    def told(self) -> object:
        """What is worth a line when it changes: the first refusal, the first flap, the end, an outage."""
        refused = self.word == State.REVOKED.value or self.flaps > 0
        return self.word == State.UNKNOWN.value, refused, self.flaps > 0, self.settled

    @property
    def line(self) -> str:
        """The lane in one line of a log."""
        code = f" ({self.code})" if self.code else ""
        flaps = f"  came back {_times(self.flaps)}" if self.flaps else ""
        when_s, fate = (self.answered_s, f"  settled: {self.fate}") if self.settled else (self.changed_s, "")
        return f"{_clock(when_s)}  {self.name:<18}  {self.word}{code}{flaps}{fate}"


def view(lane: Lane) -> View:
    """What there is to show of a lane now. Its readings may grow meanwhile, on another thread."""
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
        changed_s=_since(watch.moments, _first_like(last, watch.readings)),
        settled=settled,
        fate=_fate(lane) if settled else "",
        control=lane.control,
    )


def _fate(lane: Lane) -> str:
    return "was ended too" if lane.control else str(lane.watch.interval)


def _first_like(last: Reading | None, readings: Sequence[Reading]) -> Reading | None:
    """The first of the readings that have said the same as the last one ever since."""
    same = takewhile(lambda reading: last is not None and reading.state is last.state, reversed(readings))
    return min(same, key=lambda reading: reading.received_s, default=last)


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
    """A way to show the watch, at most every `pause_s`. `since_s` counts from the log-out, None before it."""

    pause_s: ClassVar[float]

    def start(self) -> None:
        """Take the console."""

    def show(self, views: Sequence[View], since_s: float | None) -> None:
        """Show the lanes as they are."""

    def stop(self) -> None:
        """Give the console back."""


class Screen:
    """A terminal: one picture, drawn over and over."""

    pause_s: ClassVar[float] = REDRAW_S

    def __init__(self, console: Console, window_s: float, title: str) -> None:
        self._window_s, self._title = window_s, title
        # drawn from the watching thread alone: a thread of rich's own would take time from the probes
        self._live = Live(console=console, auto_refresh=False)

    def start(self) -> None:
        """Hide the cursor and begin to draw."""
        self._live.start()

    def show(self, views: Sequence[View], since_s: float | None) -> None:
        """Draw everything anew."""
        bar = ProgressBar(total=self._window_s, completed=max(0.0, since_s or 0.0), width=12)
        head = Table.grid(padding=(0, 2))
        head.add_row(
            Text(self._title, style="bold"), bar, f"{_against(since_s, self._window_s)}, {_settled(views)}"
        )
        self._live.update(Group(head, _watch_table(views)), refresh=True)

    def stop(self) -> None:
        """Leave the last picture where it is."""
        self._live.stop()


class Log:
    """No terminal: a line when a lane changes, and one now and then while none does."""

    pause_s: ClassVar[float] = LINES_S

    def __init__(self, console: Console, window_s: float, title: str) -> None:
        self._console, self._window_s, self._title = console, window_s, title
        self._told: dict[str, object] = {}
        self._last_line_s = 0.0

    def start(self) -> None:
        """Say what the lines that follow are about."""
        self._write(f"{self._title}: watching until every layer has settled")

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

    def __init__(self, console: Console, window_s: float, title: str) -> None:
        # a dumb terminal cannot be drawn over any more than a file can
        kind = Screen if console.is_interactive else Log
        self._display: Display = kind(console, window_s, title)
        self._lanes: Sequence[Lane] = ()
        self._views: dict[Lane, tuple[object, View]] = {}
        self._now_s = self._shown_s = -math.inf

    def __enter__(self) -> Self:
        """Take the console."""
        self._display.start()
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
        if now_s - self._shown_s >= self._display.pause_s:
            self._shown_s = now_s
            self._show()

    def _show(self) -> None:
        views = [replace(self._view(lane), next_in_s=self._next_in_s(lane)) for lane in self._lanes]
        moments = next((lane.watch.moments for lane in self._lanes if lane.watch.moments), None)
        self._display.show(views, None if moments is None else self._now_s - moments.acknowledged_s)

    def _view(self, lane: Lane) -> View:
        """The lane's view, worked out anew only if something came in: it reads the whole log of a lane."""
        state = (len(lane.watch.readings), lane.watch.moments)
        known = self._views.get(lane)
        if known is None or known[0] != state:
            known = self._views[lane] = (state, view(lane))
        return known[1]

    def _next_in_s(self, lane: Lane) -> float | None:
        return None if lane.next_at_s is None else max(0.0, lane.next_at_s - self._now_s)


def _against(since_s: float | None, window_s: float) -> str:
    return BEFORE if since_s is None else f"{since_s:.1f} s since the log-out, window {window_s:g} s"


def _settled(views: Sequence[View]) -> str:
    measured = [view for view in views if not view.control]
    return f"{sum(view.settled for view in measured)} of {len(measured)} settled"


def _waiting_for(views: Sequence[View]) -> str:
    waiting = [f"{view.name} ({view.word})" for view in views if not view.settled and not view.control]
    return f"{_settled(views)}" + (f", waiting for {', '.join(waiting)}" if waiting else "")


def _watch_table(views: Sequence[View]) -> Table:
    """The lanes, one a row."""
    table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
    for heading in ("session", "layer", "state"):
        table.add_column(heading, no_wrap=True)
    for heading in ("answered", "readings", "next look", "out after"):
        table.add_column(heading, no_wrap=True, justify="right")
    # the one column that gives way on a narrow terminal
    table.add_column("code", overflow="ellipsis")
    for view in views:
        table.add_row(
            Text(view.session),
            Text(view.layer),
            Text(view.word, STYLES.get(view.word, "")),
            NONE if view.answered_s is None else _clock(view.answered_s).strip(),
            str(view.readings),
            NONE if view.next_in_s is None else f"in {view.next_in_s:.1f} s",
            Text(view.fate or ("(control)" if view.control else "")),
            Text(view.code),
        )
    return table


# When all is over


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table of delays: a layer, or the total of several."""

    name: str
    layers: Sequence[LayerResult]
    verdict: Verdict
    total: bool = False

    def cells(self) -> Iterator[Text]:
        """The row as it is printed."""
        yield Text(f" {printable(self.name)}")
        yield Text(str(longest(layer.delay for layer in self.layers)).removesuffix(" s"))
        yield Text(_last([layer.first_refusal_s for layer in self.layers]))
        yield Text(str(sum(layer.flaps for layer in self.layers)))
        yield Text(str(sum(len(layer.readings) for layer in self.layers)))
        yield Text(str(sum(layer.unknowns for layer in self.layers)))
        yield Text(_chance(self.layers))
        yield Text(self.verdict, STYLES[self.verdict])


def delays_table(measurements: Sequence[Measurement]) -> Table:
    """How long everything outlived its log-out: every layer, then every session, then all devices."""
    table = Table(box=SIMPLE_HEAD, padding=0, show_edge=False, caption=_caption(measurements))
    table.caption_justify = "left"
    table.add_column("log-out")
    for heading in ("delay, s", "first\nrefusal", "flaps", "read-\nings", "un-\nknown", "missed\nup to"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for measurement in measurements:
        table.add_row(Text(measurement.action, "bold"), Text(f"window {measurement.window_s:g} s"))
        for row in _rows(measurement):
            table.add_row(*row.cells(), style="bold" if row.total else "")
        for control in measurement.controls:
            table.add_row(Text(f" {printable(control.session)} (control)"), Text(control_fate(control)))
        table.add_section()
    return table


def _rows(measurement: Measurement) -> Iterator[Row]:
    for layer in measurement.layers:
        name = f"{layer.session} {layer.layer}"
        yield Row(name, [layer], measurement.verdict_of(layer.delay))
    if len(measurement.sessions) > 1:
        for session in measurement.sessions:
            layers = [layer for layer in measurement.layers if layer.session == session]
            yield Row(session, layers, measurement.verdict_of(measurement.of_session(session)), total=True)
    yield Row("all devices", measurement.layers, measurement.verdict, total=True)


def _caption(measurements: Sequence[Measurement]) -> Text:
    """What the numbers rest on, and what kept a measurement from a verdict."""
    lines = [
        "missed up to: the chance that a server which still let the session in was never met; "
        "not stated for pages",
        *(f"{m.action}: {why}" for m in measurements if (why := m.why_undetermined())),
    ]
    return Text("\n".join(map(printable, lines)))


def _last(refusals_s: Sequence[float | None]) -> str:
    """When the last of several layers refused for the first time."""
    known = [refused_s for refused_s in refusals_s if refused_s is not None]
    return f"{max(known):.2f}" if len(known) == len(refusals_s) else NONE


def _chance(layers: Sequence[LayerResult]) -> str:
    """The chance that any of several was missed: at most their sum, however they hang together.

    A layer that states none, such as a page, is left out; one that never settled leaves nothing to state.
    """
    known = [layer.residual_chance for layer in layers if layer.residual_chance is not None]
    if not known or any(math.isinf(layer.delay.upper_s) for layer in layers):
        return NONE
    total = min(1.0, sum(known))
    return "<0.1%" if 0 < total < 0.001 else f"{total:.1%}"
