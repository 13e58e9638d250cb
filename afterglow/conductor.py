"""Runs many watches at once: asks the probes when their watches say so, and hands the readings back.

Probes that ask over HTTP run together on a thread of their own, so that none of them ever waits for the
browser or for each other. Probes that need the browser can only be driven from the browser's thread;
they are begun and looked after in small steps, so that none of them holds up the rest either.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from afterglow.readings import Answer, Exchange, Moments, Reading, State
from afterglow.watch import LayerWatch, Look

TICK_S = 0.02
"""How long the browser's thread waits between two rounds: well below the floor of any schedule."""


@runtime_checkable
class HttpProbe(Protocol):
    """Asks one layer over HTTP. Every call opens a connection of its own."""

    async def ask(self) -> Answer:
        """Ask once. A network failure is an unknown answer, never an exception."""
        ...


@runtime_checkable
class BrowserProbe(Protocol):
    """Asks one layer in the browser, without ever waiting for it."""

    def begin(self) -> None:
        """Start one look."""
        ...

    def finish(self) -> Answer | None:
        """The answer, or None while the page still owes it."""
        ...


@dataclass(slots=True, eq=False)
class Lane:
    """One probe and its watch. A control lane is looked at, but nobody waits for it to settle."""

    watch: LayerWatch
    probe: HttpProbe | BrowserProbe
    timeout_s: float = 10.0
    control: bool = False
    last_alive: Exchange | None = None
    first_refused: Exchange | None = None
    next_at_s: float | None = None

    @property
    def too_late(self) -> bool:
        """Whether the next look lies past the deadline.

        Only one that was planned before the log-out can, where the site asked to be left alone for long.
        """
        return self.next_at_s is not None and self.next_at_s > self.watch.deadline_s

    def take(self, answer: Answer, sent_s: float, received_s: float) -> Reading:
        """Place an answer in time, keep the telling exchanges, and give the reading to the watch."""
        reading = Reading(self.watch.session, self.watch.layer, sent_s, received_s, answer.state, answer.code)
        if answer.state is State.ALIVE:
            self.last_alive = answer.exchange
        elif answer.state is State.REVOKED and self.first_refused is None:
            self.first_refused = answer.exchange
        self.watch.take(reading, answer.retry_after_s)
        return reading


TIMED_OUT = Answer(State.UNKNOWN, "timeout")


@dataclass(slots=True)
class _BrowserTurn:
    """Where a browser lane stands: waiting for its next look, or in the middle of one."""

    lane: Lane
    probe: BrowserProbe
    look: Look | None
    left: int = 0
    sent_s: float | None = None

    def step(self, clock: Callable[[], float]) -> Reading | None:
        """Do what is due now. Returns a reading when one has come in."""
        if self.look is None or self.lane.too_late:
            return None
        if self.sent_s is None:
            if clock() >= self.look.at_s:
                self.left = self.left or self.look.burst
                self.sent_s = clock()
                self.probe.begin()
            return None
        answer = self.probe.finish()
        if answer is None and clock() - self.sent_s < self.lane.timeout_s:
            return None
        reading = self.lane.take(answer or TIMED_OUT, self.sent_s, clock())
        self._plan(reading)
        return reading

    def _plan(self, reading: Reading) -> None:
        """Go on with the burst while the layer refuses, else ask the watch."""
        self.sent_s = None
        self.left = self.left - 1 if self.lane.watch.goes_on(reading) else 0
        if not self.left:
            self.look = self.lane.watch.next_look(reading.received_s)
            self.lane.next_at_s = self.look.at_s if self.look else None


@dataclass(slots=True)
class Conductor:
    """Follows its lanes from `with` until the block ends.

    `on_reading` is called for every reading, from either thread, before anybody acts on it.
    """

    lanes: list[Lane]
    on_reading: Callable[[Reading], None]
    clock: Callable[[], float] = time.monotonic
    _turns: list[_BrowserTurn] = field(default_factory=list)
    _following: dict[Lane, asyncio.Task[None]] = field(default_factory=dict)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Start to look over HTTP; the browser's turn comes in `run`."""
        self._thread = threading.Thread(target=self._loop.run_forever, name="probes", daemon=True)
        self._thread.start()
        for lane in self.lanes:
            self._start(lane)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop all probes; what was read is kept. A probe that broke is an error of ours: it is raised."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join()
        self._loop.close()
        if error is None:
            self._raise_failure()

    def add(self, lane: Lane) -> None:
        """Follow one lane more, while the others go on."""
        self.lanes.append(lane)
        self._start(lane)

    def logged_out(self, moments: Moments) -> None:
        """Tell every watch when the log-out happened."""
        for lane in self.lanes:
            lane.watch.moments = moments

    @property
    def done(self) -> bool:
        """Whether every lane that is measured has ended."""
        in_browser = {turn.lane: turn.look is None for turn in self._turns}
        over_http = {lane: task.done() for lane, task in self._following.items()}
        return all(
            ended or lane.too_late for lane, ended in (in_browser | over_http).items() if not lane.control
        )

    def run(
        self,
        wait: Callable[[float], None],
        *,
        until_s: float = math.inf,
        on_tick: Callable[[], None] = lambda: None,
    ) -> None:
        """Drive the browser's lanes until all lanes are done, or until the clock shows `until_s`.

        `wait` must let the browser's events in; it is called with at most TICK_S.
        """
        while not self.done and self.clock() < until_s:
            self._raise_failure()
            for turn in self._turns:
                reading = turn.step(self.clock)
                if reading is not None:
                    self.on_reading(reading)
            on_tick()
            wait(TICK_S)
        self._raise_failure()

    def _start(self, lane: Lane) -> None:
        if isinstance(lane.probe, BrowserProbe):
            self._turns.append(_BrowserTurn(lane, lane.probe, lane.watch.next_look(self.clock())))
        else:
            asyncio.run_coroutine_threadsafe(self._begin(lane, lane.probe), self._loop).result()

    async def _begin(self, lane: Lane, probe: HttpProbe) -> None:
        self._following[lane] = asyncio.create_task(self._follow(lane, probe))

    async def _stop(self) -> None:
        for task in self._following.values():
            task.cancel()
        await asyncio.gather(*self._following.values(), return_exceptions=True)

    def _raise_failure(self) -> None:
        for task in self._following.values():
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _follow(self, lane: Lane, probe: HttpProbe) -> None:
        """Look whenever the watch says so, until it says no more."""
        while (look := lane.watch.next_look(self.clock())) is not None:
            lane.next_at_s = look.at_s
            await asyncio.sleep(max(0.0, look.at_s - self.clock()))
            if lane.too_late:
                break
            for _ in range(look.burst):
                reading = await self._ask(lane, probe)
                if not lane.watch.goes_on(reading):
                    break
        lane.next_at_s = None

    async def _ask(self, lane: Lane, probe: HttpProbe) -> Reading:
        sent_s = self.clock()
        try:
            async with asyncio.timeout(lane.timeout_s):
                answer = await probe.ask()
        except TimeoutError:
            answer = TIMED_OUT
        reading = lane.take(answer, sent_s, self.clock())
        self.on_reading(reading)
        return reading
