"""Many watches at once: none of them waits for another, and nothing that breaks is passed over.

Real threads and real time, but no promise about how long anything takes: only what came, and in which order.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, pairwise, repeat

import pytest

from afterglow.budget import Budget
from afterglow.clock import Gap, Pulse, now_s
from afterglow.conductor import (
    BUSY_S,
    IDLE_AT_MOST_S,
    BrowserProbe,
    Conductor,
    HttpProbe,
    Lane,
    Role,
    StreamProbe,
)
from afterglow.readings import Answer, Exchange, Moments, Reading, State
from afterglow.schedule import Schedule
from afterglow.watch import LayerWatch, Patience

ALIVE = Answer(State.ALIVE)
REFUSED = Answer(State.REVOKED, "token_revoked")
OF = {"a": ALIVE, "r": REFUSED, "u": Answer(State.UNKNOWN, "http_503")}

LONG_S = 20.0
"""Nothing here takes a tenth of it; it only keeps a broken conductor from hanging the run."""


@dataclass
class Scripted:
    """Answers as it is told, and says the last word for ever."""

    letters: str
    asked: int = 0

    def __post_init__(self) -> None:
        """Line the answers up."""
        self._answers: Iterator[Answer] = map(OF.__getitem__, chain(self.letters, repeat(self.letters[-1])))

    async def ask(self) -> Answer:
        """Ask once."""
        self.asked += 1
        return next(self._answers)


@dataclass
class InBrowser:
    """The same in the browser's way: the page owes each answer for a few rounds."""

    letters: str
    owed_for: int = 2
    begun: int = 0

    def __post_init__(self) -> None:
        """Line the answers up."""
        self._answers: Iterator[Answer] = map(OF.__getitem__, chain(self.letters, repeat(self.letters[-1])))

    def begin(self) -> None:
        """Start one look."""
        self.begun += 1
        self._owed = self.owed_for

    def finish(self) -> Answer | None:
        """The answer, once the page has stopped owing it."""
        self._owed -= 1
        return None if self._owed > 0 else next(self._answers)


class Hung:
    """Never answers."""

    async def ask(self) -> Answer:
        """Ask once."""
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")


class Broken:
    """Has a bug."""

    asked = 0

    async def ask(self) -> Answer:
        """Ask once."""
        self.asked += 1
        raise RuntimeError("a probe with a bug")


class Limited:
    """Wants to be left alone for an hour."""

    asked = 0

    async def ask(self) -> Answer:
        """Ask once."""
        self.asked += 1
        return Answer(State.UNKNOWN, "http_429", retry_after_s=3600.0)


@dataclass(slots=True)
class Noted(LayerWatch):
    """A watch that writes down what it was asked for and what it was given, in order."""

    log: list[str] = field(default_factory=list)

    def next_look_s(self, now_s: float) -> float | None:
        """What the watch wants."""
        look_s = super(Noted, self).next_look_s(now_s)
        self.log.append("end" if look_s is None else "look")
        return look_s

    def take(self, reading: Reading) -> None:
        """What it is given."""
        super(Noted, self).take(reading)
        self.log.append(reading.state.value)


def watch(window_s: float = 5.0, grace_s: float = 5.0, session: str = "secondary") -> Noted:
    schedule = Schedule(window_s, floor_s=0.002, cap_s=0.02)
    patience = Patience(quiet_s=0.01, grace_s=grace_s, chance=0.1, assumed_edges=2)
    return Noted(session, "session", schedule, patience)


def lane(
    probe: HttpProbe | BrowserProbe | StreamProbe,
    *,
    control: bool = False,
    timeout_s: float = LONG_S,
    session: str = "secondary",
) -> Lane:
    return Lane(watch(session=session), probe, timeout_s, Role.CONTROL if control else Role.DOOR)


def log_of(one: Lane) -> list[str]:
    assert isinstance(one.watch, Noted)
    return one.watch.log


def now() -> Moments:
    at_s = now_s()
    return Moments(at_s, at_s, at_s)


def pause(seconds: float) -> None:
    """Stands in for the browser's own loop."""
    time.sleep(min(seconds, 0.001))


def wait_for(true: Callable[[], bool]) -> None:
    """Wait until something holds that the probes' thread sees to."""
    until_s = time.monotonic() + LONG_S
    while not true():
        assert time.monotonic() < until_s, "it never came to that"
        pause(1)


def interrupted_when(true: Callable[[], bool]) -> None:
    """Ctrl-C, at the right moment."""
    wait_for(true)
    raise KeyboardInterrupt


def run_until(conductor: Conductor, true: Callable[[], bool | None]) -> None:
    """Run until something holds; a conductor with which it never does fails here."""
    until_s = time.monotonic() + LONG_S
    while not true():
        assert time.monotonic() < until_s, "it never came to that"
        conductor.run(pause, until_s=now_s() + 0.005)
        pause(1)


def run_to_the_end(conductor: Conductor) -> None:
    conductor.run(pause, until_s=now_s() + LONG_S)
    assert conductor.done


def conducting(*lanes: Lane, on_reading: Callable[[Reading], None] = lambda _: None) -> Conductor:
    return Conductor(list(lanes), on_reading)


def read(lanes: Iterable[Lane]) -> list[int]:
    return [len(one.watch.readings) for one in lanes]


@pytest.fixture(autouse=True)
def no_thread_is_left_behind() -> Iterator[None]:
    """Whatever happened in the block, its thread is gone afterwards."""
    yield
    assert [thread.name for thread in threading.enumerate() if thread.name == "probes"] == []


def test_a_hung_probe_holds_up_no_other() -> None:
    """The others are read again and again while the one has not answered even once."""
    hung, by_http, in_browser = lane(Hung()), lane(Scripted("a")), lane(InBrowser("a"))
    with conducting(hung, by_http, in_browser) as conductor:
        run_until(conductor, lambda: min(read([by_http, in_browser])) >= 20)
        assert read([hung]) == [0]


def test_a_page_that_owes_its_answer_holds_up_no_other() -> None:
    """The browser's thread looks after each lane in small steps and waits for none."""
    slow, quick = lane(InBrowser("a", owed_for=10**9)), lane(InBrowser("a"))
    with conducting(slow, quick) as conductor:
        run_until(conductor, lambda: len(quick.watch.readings) >= 20)
        assert read([slow]) == [0]


@pytest.mark.parametrize("probe", [Hung(), InBrowser("a", owed_for=10**9)])
def test_an_answer_that_does_not_come_in_time_is_unknown(probe: HttpProbe | BrowserProbe) -> None:
    """It says nothing of the session, and the next look goes out."""
    one = lane(probe, timeout_s=0.01)
    with conducting(one) as conductor:
        run_until(conductor, lambda: len(one.watch.readings) >= 3)
    assert {(reading.state, reading.code) for reading in one.watch.readings} == {(State.UNKNOWN, "timeout")}
    assert all(reading.received_s - reading.sent_s >= 0.01 for reading in one.watch.readings)


@pytest.mark.parametrize("kind", [Scripted, InBrowser])
def test_it_asks_on_without_a_pause_until_an_answer_is_no_refusal(kind: type[Scripted | InBrowser]) -> None:
    """Then the watch is asked anew; as long as the layer refuses, it waits for nothing."""
    one = lane(kind("aa" + "rrarrrruraarrrrar"))
    with conducting(one) as conductor:
        conductor.logged_out(now())
        run_to_the_end(conductor)
    looks = [look.split() for look in " ".join(log_of(one)).removesuffix(" end").split("look")[1:]]
    assert any(len(answers) > 1 for answers in looks)
    for answers in looks:
        assert set(answers[:-1]) <= {"revoked"}
    last_alive = max(i for i, answers in enumerate(looks) if "alive" in answers)
    for answers in looks[:last_alive]:
        assert answers[-1] != "revoked", "it paused although the layer refused"
    assert len(looks[last_alive + 1]) >= 2
    assert one.watch.settled


def test_a_probe_that_raises_stops_the_run() -> None:
    """A bug of ours is no answer of the site, and must not look like one."""
    with (
        pytest.raises(RuntimeError, match="a probe with a bug"),
        conducting(lane(Broken()), lane(Scripted("a"))) as conductor,
    ):
        run_until(conductor, lambda: False)


@pytest.mark.parametrize("control", [True, False])
def test_a_probe_that_raised_while_nobody_looked_is_told_at_the_end(control: bool) -> None:
    """Even where it was the control's, for whose end nobody waits."""
    broken, other = lane(Broken(), control=control), lane(Scripted("a"))
    with pytest.raises(RuntimeError, match="a probe with a bug"), conducting(broken, other):
        wait_for(lambda: len(other.watch.readings) >= 5)


def test_an_error_in_the_block_is_not_hidden_by_one_of_a_probe() -> None:
    """What went wrong first is what is told."""
    broken = Broken()
    with pytest.raises(KeyboardInterrupt), conducting(lane(broken)):
        interrupted_when(lambda: broken.asked > 0)


def test_a_reading_that_cannot_be_kept_stops_the_run() -> None:
    """A full disk, say: going on would lose what is measured."""

    def keep(_: Reading) -> None:
        raise OSError("no space left")

    with (
        pytest.raises(OSError, match="no space left"),
        conducting(lane(Scripted("a")), on_reading=keep) as conductor,
    ):
        run_until(conductor, lambda: False)


def test_every_reading_is_handed_on_in_order() -> None:
    """From the probes' thread and from the browser's: nothing is lost, nothing twice."""
    kept: list[tuple[Reading, str]] = []
    by_http, in_browser = lane(Scripted("aar")), lane(InBrowser("aar"))
    with conducting(
        by_http,
        in_browser,
        on_reading=lambda reading: kept.append((reading, threading.current_thread().name)),
    ) as conductor:
        conductor.logged_out(now())
        run_to_the_end(conductor)
    here = threading.current_thread().name
    assert [reading for reading, thread in kept if thread == "probes"] == by_http.watch.readings
    assert [reading for reading, thread in kept if thread == here] == in_browser.watch.readings


def test_readings_of_one_lane_never_overlap() -> None:
    """Each request is sent after the answer to the one before has come in."""
    lanes = [lane(Scripted("arar")), lane(InBrowser("arar"))]
    with conducting(*lanes) as conductor:
        conductor.logged_out(now())
        run_to_the_end(conductor)
    for one in lanes:
        readings = one.watch.readings
        assert all(a.received_s <= b.sent_s for a, b in pairwise(readings))
        assert all(reading.sent_s <= reading.received_s for reading in readings)


def test_a_lane_can_join_while_the_others_go_on() -> None:
    """A control that signs in only after the log-out, for one."""
    first = lane(Scripted("a"))
    with conducting(first) as conductor:
        run_until(conductor, lambda: len(first.watch.readings) >= 3)
        late = [lane(Scripted("a"), control=True), lane(InBrowser("a"))]
        for one in late:
            conductor.add(one)
        before = len(first.watch.readings)
        run_until(conductor, lambda: min(*read(late), len(first.watch.readings) - before) >= 3)
    assert all(count >= 3 for count in read(late))
    assert len(first.watch.readings) - before >= 3


@pytest.mark.parametrize("kind", [Scripted, InBrowser])
def test_a_control_never_holds_up_the_end(kind: type[Scripted | InBrowser]) -> None:
    """It stays alive for ever, as it should; the run ends when all that is measured has settled."""
    measured, control = lane(Scripted("ar")), lane(kind("a"), control=True)
    with conducting(measured, control) as conductor:
        conductor.logged_out(now())
        run_to_the_end(conductor)
        assert measured.watch.settled
        assert "end" not in log_of(control), "the run has waited until the control's own deadline"


@pytest.mark.parametrize("kind", [Scripted, InBrowser])
def test_a_layer_that_never_dies_ends_at_its_deadline(kind: type[Scripted | InBrowser]) -> None:
    """A nightly run never hangs."""
    one = Lane(watch(window_s=0.1, grace_s=0.05), kind("a"))
    with conducting(one) as conductor:
        conductor.logged_out(now())
        run_to_the_end(conductor)
    assert not one.watch.settled
    assert log_of(one)[-1] == "end"


def test_a_long_wish_from_before_the_log_out_does_not_outlast_the_deadline() -> None:
    """A site that wanted an hour of peace is left in peace, and the run still ends in time."""
    probe = Limited()
    one = Lane(watch(window_s=0.1, grace_s=0.05), probe)
    with conducting(one) as conductor:
        run_until(conductor, lambda: one.next_at_s is not None and len(one.watch.readings) == 1)
        conductor.logged_out(now())
        run_to_the_end(conductor)
    assert probe.asked == 1


def test_a_look_under_way_in_the_browser_comes_home_and_no_other_is_begun() -> None:
    """Whoever uses the page next shall not meet a reload; and what was asked for counts."""
    probe = InBrowser("a", owed_for=5)
    one = lane(probe)
    with conducting(one) as conductor:
        run_until(conductor, lambda: probe.begun == 1)
        assert not one.watch.readings
        conductor.bring_home(pause)
        assert (len(one.watch.readings), probe.begun) == (1, 1)
        conductor.bring_home(pause)
        assert (len(one.watch.readings), probe.begun) == (1, 1)


def test_it_can_be_stopped_at_any_time_and_keeps_what_was_read() -> None:
    """Ctrl-C in the middle of a night: nothing that was measured is lost."""
    one = lane(Scripted("a"))

    def ctrl_c() -> None:
        if len(one.watch.readings) >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), conducting(one, lane(Hung())) as conductor:
        conductor.run(pause, until_s=now_s() + LONG_S, on_tick=ctrl_c)
    assert len(one.watch.readings) >= 3


@pytest.mark.parametrize("kind", [Scripted, InBrowser])
def test_a_long_wish_to_one_layer_ends_the_others_of_its_session_in_time(
    kind: type[Scripted | InBrowser],
) -> None:
    """Else a run would wait for a look that never comes."""
    limited, other = lane(Limited()), Lane(watch(window_s=0.1, grace_s=60.0), kind("a"))
    other.watch.schedule = Schedule(0.1, floor_s=0.2)  # it waits for its next look when the wish comes
    with conducting(other) as conductor:
        run_until(conductor, lambda: len(other.watch.readings) >= 2)
        conductor.logged_out(now())
        conductor.add(limited)
        limited.watch.moments = other.watch.moments
        run_to_the_end(conductor)
    assert other.watch.held_until_s > other.watch.deadline_s
    assert not other.watch.settled


def test_a_wish_to_be_left_alone_holds_for_the_whole_session_and_for_no_other() -> None:
    """The site counts the requests of a session, whichever way in they try."""
    limited, by_http, in_browser = lane(Limited()), lane(Scripted("a")), lane(InBrowser("a"))
    other = lane(Scripted("a"), session="primary")
    with conducting(by_http, in_browser, other) as conductor:
        run_until(conductor, lambda: min(read([by_http, in_browser, other])) >= 3)
        conductor.add(limited)
        run_until(conductor, lambda: len(limited.watch.readings) == 1)
        told_s = limited.watch.readings[0].received_s
        before = len(other.watch.readings)
        run_until(conductor, lambda: len(other.watch.readings) >= before + 20)
    for held in (limited, by_http, in_browser):
        assert held.watch.held_until_s == pytest.approx(told_s + 3600.0)
        assert all(reading.sent_s <= told_s for reading in held.watch.readings)
    assert other.watch.held_until_s < 0


def test_a_probe_that_hangs_for_its_whole_time_out_keeps_no_other_from_being_asked() -> None:
    """Its own answer is unknown in the end; all that while the other was asked, many times."""
    hung, other = lane(Hung(), timeout_s=0.2), lane(Scripted("a"))
    with conducting(hung, other) as conductor:
        run_until(conductor, lambda: len(hung.watch.readings) == 1)
    (lost,) = hung.watch.readings[:1]
    meanwhile = [
        r for r in other.watch.readings if lost.sent_s <= r.sent_s and r.received_s <= lost.received_s
    ]
    assert (lost.state, lost.code) == (State.UNKNOWN, "timeout")
    assert len(meanwhile) >= 5


@dataclass
class OnItsWay:
    """Answers once somebody wants to leave."""

    asked: threading.Event = field(default_factory=threading.Event)
    leaving: threading.Event = field(default_factory=threading.Event)

    async def ask(self) -> Answer:
        """Ask once."""
        self.asked.set()
        while not self.leaving.is_set():
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        return ALIVE


def test_an_answer_under_way_comes_home_when_the_run_is_interrupted() -> None:
    """Once and no more: nothing new is asked."""
    probe, kept = OnItsWay(), list[Reading]()
    one = lane(probe)

    def leave() -> None:
        wait_for(probe.asked.is_set)
        probe.leaving.set()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), conducting(one, on_reading=kept.append):
        leave()
    assert [reading.state for reading in one.watch.readings] == [State.ALIVE]
    assert kept == one.watch.readings


def test_what_does_not_come_home_soon_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C must not wait for a site that hangs."""
    monkeypatch.setattr("afterglow.conductor.FINISHED_WITHIN_S", 0.01)
    one = lane(Hung())
    with pytest.raises(KeyboardInterrupt), conducting(one):
        raise KeyboardInterrupt
    assert one.watch.readings == []


@dataclass
class Stream:
    """Sends what it is told, one by one when it is let, and then stays open or ends."""

    letters: str
    ends: bool
    let: int = 0
    left: bool = False

    async def follow(self) -> AsyncIterator[Answer]:
        """Listen."""
        try:
            for number, letter in enumerate(self.letters):
                while self.let <= number:
                    await asyncio.sleep(0.001)
                yield OF[letter]
            while not self.ends:
                await asyncio.sleep(0.001)
        finally:
            self.left = True


def test_what_a_stream_sends_is_placed_between_its_coming_and_that_of_the_thing_before() -> None:
    """It left the site after the thing before had arrived."""
    probe = Stream("aaar", ends=True)
    one = lane(probe)
    began_s = now_s()
    with conducting(one) as conductor:
        for number in range(1, 5):
            probe.let = number
            wait_for(lambda: len(one.watch.readings) >= number)  # noqa: B023 - called at once
        run_to_the_end(conductor)
    readings = one.watch.readings
    assert [reading.state for reading in readings] == [State.ALIVE] * 3 + [State.REVOKED]
    assert began_s <= readings[0].sent_s < readings[0].received_s
    assert all(later.sent_s == before.received_s < later.received_s for before, later in pairwise(readings))


def test_a_stream_that_never_ends_is_left_at_the_deadline() -> None:
    """It only listens, and would never notice that time is up."""
    probe = Stream("a", ends=False, let=1)
    one = Lane(watch(window_s=0.1, grace_s=0.05), probe)
    with conducting(one) as conductor:
        conductor.logged_out(now())
        run_to_the_end(conductor)
        assert now_s() >= one.watch.deadline_s
        assert probe.left
    assert [reading.state for reading in one.watch.readings] == [State.ALIVE]


@dataclass
class Spending:
    """Costs one request of the budget a time."""

    budget: Budget
    asked: int = 0

    async def ask(self) -> Answer:
        """Ask once."""
        self.budget.spend()
        self.asked += 1
        return ALIVE


@dataclass
class SpendingInBrowser(InBrowser):
    """The same in the browser."""

    budget: Budget = field(default_factory=Budget)

    def begin(self) -> None:
        """Start one look."""
        self.budget.spend()
        super().begin()


def test_a_lane_whose_budget_is_spent_ends_and_says_why() -> None:
    """By either way of asking; the lanes of the other session go on."""
    budget = Budget(20)
    by_http, in_browser = lane(Spending(budget)), lane(SpendingInBrowser("a", budget=budget))
    other = lane(Scripted("a"), session="primary", control=True)
    with conducting(by_http, in_browser, other) as conductor:
        run_to_the_end(conductor)
        before = len(other.watch.readings)
        wait_for(lambda: len(other.watch.readings) >= before + 5)
    assert by_http.stopped == in_browser.stopped == "the budget of 20 requests is spent"
    assert other.stopped is None
    assert sum(read([by_http, in_browser])) == budget.spent == 20


@pytest.mark.parametrize("role", [Role.CONTROL, Role.CLOCK])
def test_a_watch_waits_for_its_doors_only(role: Role) -> None:
    """A clock is timed beside them, a control must stay alive."""
    door, beside = lane(Scripted("ar")), Lane(watch(), Scripted("a"), LONG_S, role)
    with conducting(door, beside) as conductor:
        conductor.logged_out(now())
        run_to_the_end(conductor)
    assert door.watch.settled
    assert "end" not in log_of(beside)


@dataclass
class Played:
    """The three clocks of a machine that is stopped, or put to sleep, when somebody says so."""

    stopped_s: float = 0.0
    asleep_s: float = 0.0

    def pulse(self) -> Pulse:
        """What feels them."""
        return Pulse(
            lambda: now_s() + self.stopped_s + self.asleep_s,
            lambda: now_s() + self.stopped_s,
            lambda: now_s() + self.stopped_s + self.asleep_s,
        )


@pytest.mark.parametrize(
    ("attribute", "why"), [("asleep_s", "machine suspended"), ("stopped_s", "process not running")]
)
def test_a_time_in_which_nobody_could_look_is_noted_with_its_reason(attribute: str, why: str) -> None:
    """Once, while the lanes go on; whoever wants to know is told."""
    machine, told = Played(), list[Gap]()
    one = lane(Scripted("a"))
    with Conductor([one], lambda _: None, on_gap=told.append, pulse=machine.pulse()) as conductor:
        run_until(conductor, lambda: len(one.watch.readings) >= 3)
        assert conductor.gaps == []
        setattr(machine, attribute, 60.0)
        run_until(conductor, lambda: bool(conductor.gaps))
        before = len(one.watch.readings)
        run_until(conductor, lambda: len(one.watch.readings) >= before + 3)
    assert [gap.why for gap in told] == [why]
    assert told == conductor.gaps
    assert told[0].to_s - told[0].from_s >= 60.0


def test_a_gap_that_cannot_be_kept_stops_the_run() -> None:
    """A full disk again: nobody would feel the pulse any more, and no stream would ever be left."""

    def keep(_: Gap) -> None:
        raise OSError("no space left")

    machine = Played()
    with (
        pytest.raises(OSError, match="no space left"),
        Conductor([lane(Scripted("a"))], lambda _: None, on_gap=keep, pulse=machine.pulse()) as conductor,
    ):
        run_until(conductor, lambda: setattr(machine, "asleep_s", 60.0))


def test_the_browsers_thread_idles_longer_the_longer_nothing_is_due() -> None:
    """A share of the time since the log-out; but never while a page owes an answer, nor past what is due."""
    at_s, asked = [0.0], list[float]()

    def wait(seconds: float) -> None:
        asked.append(seconds)
        at_s[0] += seconds

    def pauses(*lanes: Lane, since_s: float) -> list[float]:
        at_s[0], asked[:] = 0.0, []
        with Conductor(list(lanes), lambda _: None, clock=lambda: at_s[0]) as conductor:
            conductor.logged_out(Moments(-since_s, -since_s, -since_s))
            conductor.run(wait, until_s=1.0)
        return asked[:-1]

    def by_http() -> Lane:
        return Lane(watch(window_s=3600.0), Scripted("a"), LONG_S)

    def owed() -> Lane:
        return Lane(watch(window_s=3600.0), InBrowser("a", owed_for=10**9), LONG_S)

    assert set(pauses(by_http(), since_s=0.0)) == {BUSY_S}
    assert min(pauses(by_http(), since_s=50.0)) >= 0.1
    assert set(pauses(by_http(), since_s=1800.0)) == {IDLE_AT_MOST_S}
    assert set(pauses(owed(), since_s=1800.0)[1:]) == {BUSY_S}


def test_a_lane_keeps_the_last_alive_and_the_first_refused_exchange() -> None:
    """The evidence: what the layer last opened, and how it was first turned down."""
    one = lane(Scripted("a"))
    pages = [Exchange("GET", f"https://example.test/{i}", 200, (), "") for i in range(5)]
    states = [State.ALIVE, State.REVOKED, State.ALIVE, State.REVOKED, State.UNKNOWN]
    for i, (page, state) in enumerate(zip(pages, states, strict=True)):
        one.take(Answer(state, exchange=page), i, i + 0.5)
    assert one.last_alive is pages[2]
    assert one.first_refused is pages[1]
