"""Many watches at once: none of them waits for another, and nothing that breaks is passed over.

Real threads and real time, but no promise about how long anything takes: only what came, and in which order.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, pairwise, repeat

import pytest

from afterglow.conductor import BrowserProbe, Conductor, HttpProbe, Lane
from afterglow.readings import Answer, Exchange, Moments, Reading, State
from afterglow.schedule import Schedule
from afterglow.watch import LayerWatch, Look, Patience

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

    def next_look(self, now_s: float) -> Look | None:
        """What the watch wants."""
        look = super(Noted, self).next_look(now_s)
        self.log.append(f"look {look.burst}" if look else "end")
        return look

    def take(self, reading: Reading, retry_after_s: float | None = None) -> None:
        """What it is given."""
        super(Noted, self).take(reading, retry_after_s)
        self.log.append(reading.state.value)


def watch(window_s: float = 5.0, grace_s: float = 5.0) -> Noted:
    schedule = Schedule(window_s, floor_s=0.002, cap_s=0.02)
    patience = Patience(quiet_s=0.01, grace_s=grace_s, chance=0.1, assumed_edges=2)
    return Noted("secondary", "session", schedule, patience)


def lane(probe: HttpProbe | BrowserProbe, *, control: bool = False, timeout_s: float = LONG_S) -> Lane:
    return Lane(watch(), probe, timeout_s, control)


def log_of(one: Lane) -> list[str]:
    assert isinstance(one.watch, Noted)
    return one.watch.log


def now() -> Moments:
    at_s = time.monotonic()
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


def run_until(conductor: Conductor, true: Callable[[], bool]) -> None:
    """Run until something holds; a conductor with which it never does fails here."""
    until_s = time.monotonic() + LONG_S
    while not true():
        assert time.monotonic() < until_s, "it never came to that"
        conductor.run(pause, until_s=time.monotonic() + 0.005)
        pause(1)


def run_to_the_end(conductor: Conductor) -> None:
    conductor.run(pause, until_s=time.monotonic() + LONG_S)
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
def test_a_burst_stops_at_the_first_answer_that_is_not_a_refusal(kind: type[Scripted | InBrowser]) -> None:
    """Then the watch is asked anew; as long as the layer refuses, the burst is used up."""
    one = lane(kind("aa" + "rrarrrruraarrrrar"))
    with conducting(one) as conductor:
        conductor.logged_out(now())
        run_to_the_end(conductor)
    bursts = [burst.split() for burst in " ".join(log_of(one)).removesuffix(" end").split("look ")[1:]]
    assert any(len(answers) > 1 for _, *answers in bursts)
    for most, *answers in bursts:
        assert len(answers) <= int(most)
        assert set(answers[:-1]) <= {"revoked"}
    for most, *answers in bursts[:-1]:
        assert answers[-1] != "revoked" or len(answers) == int(most), "a burst was cut short"
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


def test_it_can_be_stopped_at_any_time_and_keeps_what_was_read() -> None:
    """Ctrl-C in the middle of a night: nothing that was measured is lost."""
    one = lane(Scripted("a"))

    def ctrl_c() -> None:
        if len(one.watch.readings) >= 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), conducting(one, lane(Hung())) as conductor:
        conductor.run(pause, until_s=time.monotonic() + LONG_S, on_tick=ctrl_c)
    assert len(one.watch.readings) >= 3


def test_a_lane_keeps_the_last_alive_and_the_first_refused_exchange() -> None:
    """The evidence: what the layer last opened, and how it was first turned down."""
    one = lane(Scripted("a"))
    pages = [Exchange("GET", f"https://example.test/{i}", 200, (), "") for i in range(5)]
    states = [State.ALIVE, State.REVOKED, State.ALIVE, State.REVOKED, State.UNKNOWN]
    for i, (page, state) in enumerate(zip(pages, states, strict=True)):
        one.take(Answer(state, exchange=page), i, i + 0.5)
    assert one.last_alive is pages[2]
    assert one.first_refused is pages[1]
