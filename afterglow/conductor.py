"""Runs many watches at once: asks the probes when their watches say so, and hands the readings back.

Probes that ask over HTTP run together on a thread of their own, so that none of them ever waits for the
browser or for each other. Probes that need the browser can only be driven from the browser's thread;
they are begun and looked after in small steps, so that none of them holds up the rest either.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from afterglow.budget import BudgetSpent
from afterglow.clock import Gap, Pulse, now_s
from afterglow.readings import Answer, Exchange, Moments, Reading, State
from afterglow.watch import LayerWatch

BUSY_S = 0.02
"""How long the browser's thread waits between two rounds while a page owes an answer."""

IDLE_SHARE, IDLE_AT_MOST_S = 0.002, 0.25
"""How long it waits at most while none does: a share of the time since the log-out. To notice the end of a
half-hour's watch a quarter of a second late costs nothing; to look for it fifty times a second does."""

PULSE_S = 0.25
"""How often it is felt whether the process and the machine were running at all."""

FINISHED_WITHIN_S = 2.0
"""An interrupted watch gives the requests under way so long to bring their readings home."""


@runtime_checkable
class HttpProbe(Protocol):
    """Asks one layer over HTTP. Every call opens a connection of its own."""

    async def ask(self) -> Answer:
        """Ask once. A network failure is an unknown answer, never an exception."""
        ...


@runtime_checkable
class StreamProbe(Protocol):
    """Listens to something that the site keeps sending."""

    def follow(self) -> AsyncIterator[Answer]:
        """An answer whenever something came, the last one when it ended."""
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


Probe = HttpProbe | StreamProbe | BrowserProbe


class Role(StrEnum):
    """What a lane is for.

    door: a way in; its delay counts. clock: something to see that lets nobody in; it is timed, but counts for
    nothing. control: a session that must stay alive. A watch waits for its doors only.
    """

    DOOR = "door"
    CLOCK = "clock"
    CONTROL = "control"


@dataclass(slots=True, eq=False)
class Lane:
    """One probe and its watch.

    stopped: why it was not looked at to the end, if it was not. lost: why there is nothing left to look at.
    """

    watch: LayerWatch
    probe: Probe
    timeout_s: float = 10.0
    role: Role = Role.DOOR
    last_alive: Exchange | None = None
    first_refused: Exchange | None = None
    last_unknown: Exchange | None = None
    renewals: int = 0
    next_at_s: float | None = None
    stopped: str | None = None
    lost: str | None = None

    @property
    def gone(self) -> str | None:
        """Why there was nothing left to look at, by no doing of the log-out; None if there was."""
        if self.lost is not None or not isinstance(self.probe, StreamProbe) or not self.watch.readings:
            return self.lost
        last = self.watch.readings[-1]
        if last.state is State.UNKNOWN:
            return f"the connection broke ({last.code}), which says nothing of the session"
        if last.state is State.REVOKED and not self.watch.settled:
            return f"it had ended before the log-out ({last.code})"
        return None

    @property
    def control(self) -> bool:
        """Whether its session must stay alive."""
        return self.role is Role.CONTROL

    @property
    def too_late(self) -> bool:
        """Whether the next look lies past the deadline.

        Only one that was planned before the log-out can, where the site asked to be left alone for long.
        """
        return self.next_at_s is not None and self.next_at_s > self.watch.deadline_s

    def take(self, answer: Answer, sent_s: float, received_s: float) -> Reading:
        """Place an answer in time, keep the telling exchanges, and give the reading to the watch."""
        reading = Reading(self.watch.session, self.watch.layer, sent_s, received_s, answer.state, answer.code)
        self.renewals += answer.renewed
        if answer.state is State.ALIVE:
            self.last_alive = answer.exchange
        elif answer.state is State.UNKNOWN:
            self.last_unknown = answer.exchange
        elif self.first_refused is None:
            self.first_refused = answer.exchange
        self.watch.take(reading)
        return reading


TIMED_OUT = Answer(State.UNKNOWN, "timeout")


@dataclass(slots=True)
class _BrowserTurn:
    """Where a browser lane stands: waiting for its next look, or in the middle of one."""

    lane: Lane
    probe: BrowserProbe
    look_s: float | None
    sent_s: float | None = None

    @property
    def ended(self) -> bool:
        lane, watch = self.lane, self.lane.watch
        if self.look_s is None or lane.stopped is not None or lane.lost is not None:
            return True
        # Another lane may have been told since to leave the site alone for longer than there is time.
        return self.sent_s is None and max(self.look_s, watch.held_until_s) > watch.deadline_s

    @property
    def due_s(self) -> float:
        """When there is something to do; now, while the page owes an answer."""
        if self.ended or self.look_s is None:
            return math.inf
        return -math.inf if self.sent_s is not None else max(self.look_s, self.lane.watch.held_until_s)

    def step(self, clock: Callable[[], float]) -> tuple[Reading, Answer] | None:
        """Do what is due now. Returns a reading when one has come in."""
        if self.ended or clock() < self.due_s:
            return None
        try:
            return self._step(clock)
        except BudgetSpent as spent:
            self.lane.stopped = str(spent)
            return None

    def _step(self, clock: Callable[[], float]) -> tuple[Reading, Answer] | None:
        if self.sent_s is None:
            sent_s = clock()
            self.probe.begin()
            self.sent_s = sent_s
            return None
        answer = self.probe.finish()
        if answer is None and clock() - self.sent_s < self.lane.timeout_s:
            return None
        answer = answer or TIMED_OUT
        reading = self.lane.take(answer, self.sent_s, clock())
        self.sent_s = None
        return reading, answer

    def plan(self, reading: Reading) -> None:
        """Go on while the layer refuses and every edge is still to be met, else ask the watch."""
        watch = self.lane.watch
        self.look_s = reading.received_s if watch.goes_on(reading) else watch.next_look_s(reading.received_s)
        self.lane.next_at_s = self.look_s


@dataclass(slots=True)
class Conductor:
    """Follows its lanes from `with` until the block ends.

    `on_reading` is called for every reading, from either thread, before anybody acts on it; `on_gap` when
    the process or the machine is found to have stood still.
    """

    lanes: list[Lane]
    on_reading: Callable[[Reading], None]
    clock: Callable[[], float] = now_s
    on_gap: Callable[[Gap], None] = lambda _: None
    pulse: Pulse | None = None
    gaps: list[Gap] = field(default_factory=list)
    _turns: list[_BrowserTurn] = field(default_factory=list)
    _following: dict[Lane, asyncio.Task[None]] = field(default_factory=dict)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _beating: asyncio.Task[None] | None = None
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Start to look over HTTP; the browser's turn comes in `run`."""
        self._thread = threading.Thread(target=self._loop.run_forever, name="probes", daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._begin_to_beat(), self._loop).result()
        for lane in self.lanes:
            self._start(lane)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop all probes; what was read is kept, and what is under way may still come in.

        A probe that broke is an error of ours: it is raised.
        """
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

    def note(self, gap: Gap) -> None:
        """Remember a time in which something could not be looked at."""
        self.gaps.append(gap)
        self.on_gap(gap)

    def logged_out(self, moments: Moments) -> None:
        """Tell every watch when the log-out happened."""
        for lane in self.lanes:
            lane.watch.moments = moments

    @property
    def done(self) -> bool:
        """Whether every door has been watched to its end."""
        in_browser = {turn.lane: turn.ended for turn in self._turns}
        over_http = {lane: task.done() or lane.too_late for lane, task in self._following.items()}
        return all(ended for lane, ended in (in_browser | over_http).items() if lane.role is Role.DOOR)

    def run(
        self,
        wait: Callable[[float], None],
        *,
        until_s: float = math.inf,
        on_tick: Callable[[], None] = lambda: None,
    ) -> None:
        """Drive the browser's lanes until all doors are done, or until the clock shows `until_s`.

        `wait` must let the browser's events in; it is called with at most IDLE_AT_MOST_S.
        """
        while not self.done and self.clock() < until_s:
            self._raise_failure()
            self.turn()
            on_tick()
            wait(max(0.0, min(self._pause_s(), until_s - self.clock())))
        self._raise_failure()

    def turn(self) -> None:
        """Do once what is due in the browser."""
        for turn in self._turns:
            if (came := turn.step(self.clock)) is not None:
                self._came(turn.lane, *came)
                turn.plan(came[0])

    def bring_home(self, wait: Callable[[float], None]) -> None:
        """Let the looks that are under way in the browser end, if they hurry; nothing new is begun.

        Whoever uses the pages afterwards would otherwise meet their reloads.
        """
        until_s = self.clock() + FINISHED_WITHIN_S
        while self.clock() < until_s and (under_way := [t for t in self._turns if t.sent_s is not None]):
            for turn in under_way:
                if (came := turn.step(self.clock)) is not None:
                    self._came(turn.lane, *came)
            wait(BUSY_S)

    def _pause_s(self) -> float:
        """How long nothing is due in the browser, within what idling may take."""
        now_s = self.clock()
        moments = next((lane.watch.moments for lane in self.lanes), None)
        since_s = max(0.0, now_s - moments.acknowledged_s) if moments else 0.0
        idle_s = min(IDLE_AT_MOST_S, max(BUSY_S, IDLE_SHARE * since_s))
        due_s = min((turn.due_s for turn in self._turns), default=math.inf)
        return BUSY_S if due_s == -math.inf else min(idle_s, max(0.001, due_s - now_s))

    def _came(self, lane: Lane, reading: Reading, answer: Answer) -> None:
        """Pass a reading on. A site that wants to be left alone is, by every lane of that session."""
        self.on_reading(reading)
        if answer.retry_after_s is not None:
            for other in self.lanes:
                if other.watch.session == lane.watch.session:
                    other.watch.hold(reading.received_s + answer.retry_after_s)

    def _start(self, lane: Lane) -> None:
        if isinstance(lane.probe, BrowserProbe):
            lane.next_at_s = lane.watch.next_look_s(self.clock())
            self._turns.append(_BrowserTurn(lane, lane.probe, lane.next_at_s))
        else:
            asyncio.run_coroutine_threadsafe(self._begin(lane, lane.probe), self._loop).result()

    # On the thread of the probes

    async def _begin_to_beat(self) -> None:
        self._beating = asyncio.create_task(self._beat())

    async def _beat(self) -> None:
        """Feel the pulse, and end what only listens and would never notice that time is up."""
        pulse = self.pulse or Pulse(clock=self.clock)
        while True:
            await asyncio.sleep(PULSE_S)
            if (gap := pulse.feel()) is not None:
                self.note(gap)
            for lane, task in self._following.items():
                if isinstance(lane.probe, StreamProbe) and self.clock() >= lane.watch.deadline_s:
                    task.cancel()

    async def _begin(self, lane: Lane, probe: HttpProbe | StreamProbe) -> None:
        following = self._listen(lane, probe) if isinstance(probe, StreamProbe) else self._follow(lane, probe)
        self._following[lane] = asyncio.create_task(self._within_budget(lane, following))

    @staticmethod
    async def _within_budget(lane: Lane, following: Coroutine[None, None, None]) -> None:
        try:
            await following
        except BudgetSpent as spent:
            lane.stopped = str(spent)
        lane.next_at_s = None

    async def _stop(self) -> None:
        """Let the requests under way come home, if they hurry; listen no more."""
        self._stopping.set()
        asking = [task for lane, task in self._following.items() if not isinstance(lane.probe, StreamProbe)]
        if asking:
            await asyncio.wait(asking, timeout=FINISHED_WITHIN_S)
        tasks = [*self._following.values(), *filter(None, [self._beating])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _raise_failure(self) -> None:
        for task in [*self._following.values(), *filter(None, [self._beating])]:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def _follow(self, lane: Lane, probe: HttpProbe) -> None:
        """Look whenever the watch says so, until it says no more."""
        while (look_s := lane.watch.next_look_s(self.clock())) is not None:
            await self._until(lane, look_s)
            while not (self._stopping.is_set() or lane.too_late):
                if not lane.watch.goes_on(await self._ask(lane, probe)):
                    break
            else:
                return

    async def _until(self, lane: Lane, look_s: float) -> None:
        """Wait for the moment of a look, which may move away meanwhile, or for the end of it all."""
        while not self._stopping.is_set() and not lane.too_late:
            lane.next_at_s = max(look_s, lane.watch.held_until_s)
            left_s = lane.next_at_s - self.clock()
            if left_s <= 0:
                return
            try:
                await asyncio.wait_for(self._stopping.wait(), left_s)
            except TimeoutError:
                continue

    async def _ask(self, lane: Lane, probe: HttpProbe) -> Reading:
        sent_s = self.clock()
        try:
            async with asyncio.timeout(lane.timeout_s):
                answer = await probe.ask()
        except TimeoutError:
            answer = TIMED_OUT
        reading = lane.take(answer, sent_s, self.clock())
        self._came(lane, reading, answer)
        return reading

    async def _listen(self, lane: Lane, probe: StreamProbe) -> None:
        """Place what comes between the time at which the thing before it came, and its own.

        It left the site after the thing before had arrived, unless the network held both back.
        """
        sent_s = self.clock()
        async for answer in probe.follow():
            received_s = self.clock()
            self._came(lane, lane.take(answer, sent_s, received_s), answer)
            sent_s = received_s
