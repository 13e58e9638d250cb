"""What watching costs, and what many probes at once do to each other.

    python -m benchmarks.load [hang] [crowd] [watch] [--minutes N]

Everything runs on two cores, against a stand-in in a process of its own whose answers cost next to nothing.

*hang*: how long it takes from the moment for which a look was planned to its answer, without and with probes
that hang for their whole time-out beside it.
*crowd*: how wide the intervals of 100 probes at once are against those of 4.
*watch*: the processor time and the memory of a watch of half an hour, outside of the browser: twelve layers
that never end, asked at the pace for somebody else's site, written to a run's file and shown in a terminal.
N minutes of it are run (2); the whole is extrapolated from the number of asks, of rounds and of pictures, at
prices that are measured apart and put right by what the run did cost.

Prints what was measured, and beside it the goal. Exit code 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

from afterglow.conductor import (
    BUSY_S,
    IDLE_AT_MOST_S,
    IDLE_SHARE,
    Conductor,
    HttpProbe,
    Lane,
)
from afterglow.progress import CALM_S, LIVELY_S, REDRAW_S, Progress
from afterglow.readings import Answer, Moments, Reading, State
from afterglow.record import RunFile, reading_json
from afterglow.redaction import Redactor
from afterglow.schedule import Schedule
from afterglow.settings import Settings, Target
from afterglow.watch import LayerWatch, Patience
from benchmarks.figures import quantile
from benchmarks.lanes import PROBES, lane_of, out_of_the_box
from benchmarks.stand_in import StandIn, running_stand_in

CORES = 2
NEVER_S = float("inf")

HANG_FOR_S, HANG_TIMEOUT_S, HANGING, HANG_ROUNDS = 5.0, 1.5, 4, 5
"""Each round is long enough for several whole time-outs. With and without hanging probes take turns, and the
median over the rounds is compared: whatever else the machine does falls on both."""

FEW, MANY = 4, 100
FEW_ROUNDS, MANY_ROUNDS = 6, 2
"""Few probes give few intervals: they are watched more often, so that their median stands as firmly."""

WATCH_S, ROUND_TRIP_S = 1800.0, 0.005
LATE_GOAL_S, WIDER_GOAL, CPU_GOAL_S, GROWTH_GOAL_KIB = 0.050, 1.10, 30.0, 4_096.0
"""Memory is called flat if a whole watch adds less than 4 MiB: its readings themselves are about one."""


@dataclass(frozen=True, slots=True)
class Found:
    """One figure beside its goal."""

    what: str
    measured: str
    goal: str
    good: bool


# What all three need


@contextmanager
def recording() -> Iterator[Callable[[Reading], None]]:
    """Write every reading down as a run does."""
    with tempfile.TemporaryDirectory() as folder:
        redact = Redactor()
        redact.learn("a secret of the run", "another secret of the run", "and the third of them")
        file = RunFile(Path(folder), redact)

        def read(reading: Reading) -> None:
            file.append("reading", {"watch": 1, **reading_json(reading)})

        yield read
        file.close()


def twelve(stand_in: StandIn, settings: Settings) -> list[Lane]:
    """Two sessions with six layers each, none of which ever ends."""
    return [
        lane_of(session, layer, stand_in.copy(NEVER_S), settings)
        for session in ("primary", "secondary")
        for layer in PROBES
    ]


# How late a look is answered


@dataclass(slots=True)
class Timed:
    """A probe that notes how long it takes from the moment for which its look was planned to its answer."""

    probe: HttpProbe
    lane: Lane
    late_s: list[float] = field(default_factory=list)

    async def ask(self) -> Answer:
        """Ask once."""
        planned_s = self.lane.next_at_s
        answer = await self.probe.ask()
        if planned_s is not None:
            self.late_s.append(time.monotonic() - planned_s)
        return answer


class HangingPage:
    """A page that never loads."""

    def begin(self) -> None:
        """Start a reload."""

    def finish(self) -> Answer | None:
        """It still loads."""
        return None


def lateness_s(stand_in: StandIn, *, hanging: int) -> list[float]:
    """How late each look of twelve probes was answered, with so many hanging ones beside them."""
    settings = out_of_the_box()
    timed: list[Timed] = []
    lanes = twelve(stand_in, settings)
    for lane in lanes:
        assert isinstance(lane.probe, HttpProbe)
        timed.append(Timed(lane.probe, lane))
        lane.probe = timed[-1]
    for number in range(hanging):
        lanes.append(lane_of(f"hanging {number}", "access", stand_in.silence, settings))
    if hanging:
        page = lane_of("hanging page", "access", stand_in.silence, settings)
        page.probe = HangingPage()
        lanes.append(page)
    for lane in lanes[len(timed) :]:
        lane.timeout_s = HANG_TIMEOUT_S
    with recording() as read, Conductor(lanes, read, clock=time.monotonic) as conductor:
        conductor.run(time.sleep, until_s=time.monotonic() + HANG_FOR_S)
    return [late_s for each in timed for late_s in each.late_s]


def hang(stand_in: StandIn) -> list[Found]:
    """A probe that hangs must not hold up the others."""
    alone: list[list[float]] = []
    beside: list[list[float]] = []
    for _ in range(HANG_ROUNDS):
        alone.append(lateness_s(stand_in, hanging=0))
        beside.append(lateness_s(stand_in, hanging=HANGING))
    looks = sum(map(len, beside))
    found = []
    for name, share in (("median", 0.5), ("99th percentile", 0.99), ("largest", 1.0)):
        without_s, with_s = (
            statistics.median(quantile(late_s, share) for late_s in rounds) for rounds in (alone, beside)
        )
        told = f"{1000 * without_s:.1f} ms → {1000 * with_s:.1f} ms ({with_s / without_s:.2f} times)"
        what = f"plan to answer, {looks} looks in {HANG_ROUNDS} rounds, {name}, {HANGING} hanging + 1 page"
        goal = f"at most {1000 * LATE_GOAL_S:.0f} ms more"
        found.append(Found(what, told, goal, with_s - without_s <= LATE_GOAL_S))
    return found


# How wide the intervals of many are


def widths_s(stand_in: StandIn, count: int, settings: Settings, seed: int) -> list[float]:
    """How wide the intervals of so many probes at once are. Their sessions end 1 to 5 s after the log-out."""
    chance = Random(seed)  # noqa: S311 - chance, not a secret
    log_out_s = time.monotonic() + 1.0
    moments = Moments(log_out_s, log_out_s, log_out_s)
    lanes = []
    for number in range(count):
        copy = stand_in.copy(log_out_s + chance.uniform(1.0, 5.0))
        lanes.append(lane_of(str(number), list(PROBES)[number % len(PROBES)], copy, settings))
    with recording() as read, Conductor(lanes, read, clock=time.monotonic) as conductor:
        conductor.run(time.sleep, until_s=log_out_s)
        conductor.logged_out(moments)
        conductor.run(time.sleep)
    intervals = [lane.watch.interval for lane in lanes]
    return [interval.upper_s - interval.lower_s for interval in intervals]


def crowd(stand_in: StandIn) -> list[Found]:
    """Many probes at once must not blur each other's intervals."""
    found = []
    for floor_s, whose in ((1.0, "somebody else's site"), (0.1, "the replica")):
        settings = out_of_the_box(probe_floor_s=floor_s, quiet_s=1.0)
        few = [w for n in range(FEW_ROUNDS) for w in widths_s(stand_in, FEW, settings, n)]
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        many = [w for n in range(MANY_ROUNDS) for w in widths_s(stand_in, MANY, settings, n)]
        busy = (time.process_time() - began_cpu_s) / (time.monotonic() - began_s)
        few_s, many_s = statistics.median(few), statistics.median(many)
        wider = many_s / few_s
        told = f"{1000 * few_s:.0f} ms → {1000 * many_s:.0f} ms ({wider:.2f} times; {busy:.0%} of a core)"
        what = f"median of {len(few)} and {len(many)} intervals, {FEW} → {MANY} probes, pace of {whose}"
        goal = f"at most {WIDER_GOAL:.2f} times wider"
        found.append(Found(what, told, goal, wider <= WIDER_GOAL))
    return found


# What a whole watch costs


@dataclass(slots=True)
class Cost:
    """What a stretch of watching took: processor time, and how often everything that takes some happened."""

    lasted_s: float = 0.0
    cpu_s: float = 0.0
    asks: int = 0
    rounds: int = 0
    memory_kib: list[float] = field(default_factory=list)


def run_for(lanes: list[Lane], seconds: float, *, shown: bool, moments: Moments | None = None) -> Cost:
    """Watch for so long, with or without a picture of it in a terminal."""
    cost = Cost()
    terminal = Console(file=io.StringIO(), force_terminal=shown, width=120)
    next_s = 0.0

    def wait(pause_s: float) -> None:
        nonlocal next_s
        cost.rounds += 1
        if (now_s := time.monotonic()) >= next_s:
            cost.memory_kib.append(memory_kib())
            assert isinstance(terminal.file, io.StringIO)
            terminal.file.truncate(0)  # a terminal does not keep what it has shown
            terminal.file.seek(0)
            next_s = now_s + 5.0
        time.sleep(pause_s)

    with recording() as read, Progress(terminal, WATCH_S, "log out all") as progress:

        def tick() -> None:
            if shown:
                progress.tick(lanes, time.monotonic())

        with Conductor(lanes, read, clock=time.monotonic) as conductor:
            if moments:
                conductor.logged_out(moments)
            began_s, began_cpu_s = time.monotonic(), time.process_time()
            conductor.run(wait, until_s=began_s + seconds, on_tick=tick)
            cost.cpu_s, cost.lasted_s = time.process_time() - began_cpu_s, time.monotonic() - began_s
            cost.asks = sum(len(lane.watch.readings) for lane in lanes)
    return cost


def memory_kib() -> float:
    """What this process holds of the machine's memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024


def held(lanes: list[Lane]) -> list[Lane]:
    """The same lanes, but the site wants to be left alone."""
    for lane in lanes:
        lane.watch.hold(time.monotonic() + 3600)
    return lanes


def asks_in(seconds: float, settings: Settings) -> int:
    """How often a layer that never ends is asked in so many seconds after its log-out."""
    quiet_s, grace_s = settings.patience_s
    pace = Schedule(settings.window_s, floor_s=settings.floor_s, random=Random(1))  # noqa: S311 - no secret
    watch = LayerWatch("primary", "access", pace, Patience(quiet_s, grace_s))
    watch.moments = Moments(0.0, 0.0, 0.0)
    now_s = 0.0
    while (look_s := watch.next_look_s(now_s)) is not None and look_s < seconds:
        now_s = look_s + ROUND_TRIP_S
        watch.take(Reading("primary", "access", look_s, now_s, State.ALIVE))
    return len(watch.readings)


def rounds_in(seconds: float) -> int:
    """How many rounds the browser's thread makes in so many seconds after a log-out."""
    now_s, rounds = 0.0, 0
    while now_s < seconds:
        now_s, rounds = now_s + min(IDLE_AT_MOST_S, max(BUSY_S, IDLE_SHARE * now_s)), rounds + 1
    return rounds


def pictures_in(seconds: float) -> float:
    """How many pictures a terminal shows in so many seconds after a log-out."""
    lively_s = min(seconds, LIVELY_S)
    return lively_s / REDRAW_S + (seconds - lively_s) / CALM_S


@dataclass(frozen=True, slots=True)
class Prices:
    """Processor seconds for one ask, one round of the browser's thread, and one picture in the terminal."""

    ask_s: float
    round_s: float
    picture_s: float

    def of(self, asks: int, rounds: int, pictures: float) -> tuple[float, float, float]:
        """What so much watching costs, by its parts."""
        return asks * self.ask_s, rounds * self.round_s, pictures * self.picture_s


def prices(stand_in: StandIn, settings: Settings) -> Prices:
    """Measure each by itself, for ten seconds."""
    silent = run_for(held(twelve(stand_in, settings)), 10.0, shown=False)
    shown = run_for(held(twelve(stand_in, settings)), 10.0, shown=True)
    asked = run_for(twelve(stand_in, out_of_the_box()), 10.0, shown=False)
    round_s = silent.cpu_s / silent.rounds
    return Prices(
        ask_s=(asked.cpu_s - asked.rounds * round_s) / asked.asks,
        round_s=round_s,
        picture_s=(shown.cpu_s - shown.rounds * round_s) / (shown.lasted_s / REDRAW_S),
    )


def watch(stand_in: StandIn, minutes: float) -> list[Found]:
    """Half an hour must cost little, and must not fill the memory."""
    settings = out_of_the_box(target=Target.CHATGPT)
    each = prices(stand_in, settings)
    now_s = time.monotonic()
    cost = run_for(twelve(stand_in, settings), 60 * minutes, shown=True, moments=Moments(now_s, now_s, now_s))
    asks, rounds, pictures = 12 * asks_in(WATCH_S, settings), rounds_in(WATCH_S), pictures_in(WATCH_S)
    share = "all of it" if minutes >= WATCH_S / 60 else f"the first {minutes:g} min"
    parts = each.of(asks, rounds, pictures)
    # the first sample is taken before anything was imported or asked for the first time
    settled = cost.memory_kib[2:] or cost.memory_kib
    grown = settled[-1] - settled[0]
    predicted_s = sum(each.of(cost.asks, cost.rounds, pictures_in(cost.lasted_s)))
    # An ask now and then costs more than one of many in a row: the prices are put right by the run.
    dearer = cost.cpu_s / predicted_s
    whole_s = cost.cpu_s if minutes >= WATCH_S / 60 else dearer * sum(parts)
    return [
        Found(
            f"processor time of {share}, measured",
            f"{cost.cpu_s:.2f} s for {cost.asks} asks, {cost.rounds} rounds; {dearer:.2f} times the prices",
            "",
            good=True,
        ),
        Found(
            "prices, measured over 10 s each",
            f"ask {1000 * each.ask_s:.2f} ms, round {1000 * each.round_s:.2f} ms, "
            f"picture {1000 * each.picture_s:.2f} ms",
            "",
            good=True,
        ),
        Found(
            f"processor time of 30 min, {'measured' if minutes >= WATCH_S / 60 else 'extrapolated'}",
            f"{whole_s:.1f} s; at the prices {asks} asks {parts[0]:.1f} s, {rounds} rounds {parts[1]:.1f} s, "
            f"{pictures:.0f} pictures {parts[2]:.1f} s",
            f"at most {CPU_GOAL_S:.0f} s",
            whole_s <= CPU_GOAL_S,
        ),
        Found(
            f"memory over {share} but its first 10 s, measured",
            f"{settled[0] / 1024:.1f} MiB → {settled[-1] / 1024:.1f} MiB ({grown:+.0f} KiB)",
            f"grows by less than {GROWTH_GOAL_KIB / 1024:.0f} MiB",
            grown < GROWTH_GOAL_KIB,
        ),
    ]


def main() -> int:
    """Measure what was asked for; 1 if a goal was missed."""
    parser = argparse.ArgumentParser(description="What watching costs, measured.")
    parser.add_argument("parts", nargs="*", metavar="part", help="hang, crowd, watch; all of them by default")
    parser.add_argument("--minutes", type=float, default=2.0, help="how much of the watch is really run")
    told = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    parts = told.parts or ["hang", "crowd", "watch"]
    with running_stand_in() as stand_in:
        measures: dict[str, Callable[[StandIn], list[Found]]] = {
            "hang": hang,
            "crowd": crowd,
            "watch": lambda site: watch(site, told.minutes),
        }
        found = [each for part in parts for each in measures[part](stand_in)]
    table = Table("what", "measured", "goal", "", title=f"Load, on {CORES} cores")
    for each in found:
        verdict = "" if not each.goal else "met" if each.good else "[bold red]missed"
        table.add_row(each.what, each.measured, each.goal, verdict)
    Console().print(table)
    return 0 if all(each.good for each in found) else 1


if __name__ == "__main__":
    sys.exit(main())
