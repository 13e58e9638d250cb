"""How long it takes to read the nights back: ten years of them, with the index and without.

    python -m benchmarks.reading [--runs N] [--rounds N] [--large N]

Writes made-up runs into a folder of its own and reads it as the trend does: cold (there is no index), the
night after (it knows all but one), and warm (it knows all). Cold is cold for Afterglow only: the system still
has the files in its memory. There are three kinds of runs: of twelve doors in all, as a night has by default;
of twelve log-outs of four doors each; both without their readings; and large ones, of 1 MB.

Prints a table. Exit code 1 if ten years of nights, 3,650 runs, took more than 2 s although the index knew all
of them but one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Table

from afterglow.delay import Interval
from afterglow.history.read import History, read_history
from afterglow.measurement import Age, LayerResult, Measurement
from afterglow.readings import Moments, Reading, State
from afterglow.record import VERSION, moments_json, reading_json
from afterglow.settings import LAYERS

TEN_YEARS, GOAL_S = 3650, 2.0
WINDOW_S = 30.0
FIRST = datetime(2016, 1, 1, 2, 15, tzinfo=UTC)

CAPTION = "seconds: median (worst) of {} rounds; ratio: cold to warm"

Line = dict[str, object]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of runs: how many log-outs, of how many doors each, and how many readings a run."""

    name: str
    log_outs: int
    doors: int
    readings: int = 0


DOORS = Kind("12 doors", 2, 6)
LOG_OUTS = Kind("12 log-outs", 12, 4)
LARGE = Kind("5,000 readings", 2, 6, 5000)


@dataclass(frozen=True, slots=True)
class Timed:
    """How long the readings of one folder took, in seconds, one figure a round."""

    kind: Kind
    runs: int
    megabytes: float
    cold_s: tuple[float, ...]
    next_s: tuple[float, ...]
    warm_s: tuple[float, ...]

    @property
    def holds(self) -> bool:
        """Whether ten years of such runs are read within the goal, when most of them are known."""
        return self.runs < TEN_YEARS or max(*self.next_s, *self.warm_s) <= GOAL_S


def main() -> None:
    """Write, read, print."""
    told = _arguments()
    kinds = [(DOORS, told.runs), (LOG_OUTS, told.runs), (LARGE, told.large)]
    timed = [_timed(kind, runs, told.rounds) for kind, runs in kinds if runs]
    Console().print(_table(timed))
    sys.exit(0 if all(each.holds for each in timed) else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=TEN_YEARS, help="so many runs, but for large ones")
    parser.add_argument("--large", type=int, default=365, help="so many large runs, of 1 MB each")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is read")
    return parser.parse_args()


def _timed(kind: Kind, runs: int, rounds: int) -> Timed:
    with TemporaryDirectory(prefix="afterglow-reading-") as folder:
        runs_folder = Path(folder) / "runs"
        runs_folder.mkdir()
        for number in track(range(runs), f"writing {runs:,} runs: {kind.name}", transient=True):
            _write(runs_folder, number, kind)
        index = runs_folder.with_name("runs-index.jsonl")
        cold, after, warm = [], [], []
        for at in range(rounds):
            index.unlink(missing_ok=True)
            cold.append(_seconds(runs_folder, kind, runs + at))
            _write(runs_folder, runs + at, kind)
            after.append(_seconds(runs_folder, kind, runs + at + 1))
            warm.append(_seconds(runs_folder, kind, runs + at + 1))
        size = sum(path.stat().st_size for path in runs_folder.iterdir())
    return Timed(kind, runs, size / 1e6, tuple(cold), tuple(after), tuple(warm))


def _seconds(runs_folder: Path, kind: Kind, runs: int) -> float:
    began = time.perf_counter()
    history = read_history(runs_folder)
    took = time.perf_counter() - began
    _make_sure(history, kind, runs)
    return took


def _make_sure(history: History, kind: Kind, runs: int) -> None:
    doors = sum(len(log_out.doors) for run in history.runs for log_out in run.log_outs)
    assert (len(history.runs), doors) == (runs, runs * kind.log_outs * kind.doors)
    assert not history.passed_over


# The runs


def _write(folder: Path, number: int, kind: Kind) -> None:
    chance, started = Random(number), FIRST + timedelta(days=number)  # noqa: S311 - made-up delays
    run_id = f"{number:08x}"
    lines = _lines(run_id, started, kind, chance)
    content = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / f"{started:%Y%m%dT%H%M%SZ}-{run_id}.jsonl").write_text(content, encoding="utf-8")


def _lines(run_id: str, started: datetime, kind: Kind, chance: Random) -> Iterator[Line]:
    night = f"{started:%Y%m%dT%H%M%SZ}-{run_id[-4:]}"
    yield {"kind": "run", "v": VERSION, "id": run_id, "utc": started.isoformat(), "clock_s": 1.0}
    yield {"kind": "settings", "target": "replica", "revocation_window_s": WINDOW_S, "night": night}
    yield {"kind": "machine", "machine": "0badcafe", "system": "Linux x86_64", "afterglow": "0.1.0"}
    yield {"kind": "browser", "name": "chromium", "version": "156.0"}
    for number in range(1, kind.log_outs + 1):
        yield from _log_out(number, started + timedelta(minutes=number), kind, chance)
    yield {"kind": "end", "clock_s": 2.0, "state": "complete"}


def _log_out(number: int, clicked: datetime, kind: Kind, chance: Random) -> Iterator[Line]:
    utc = clicked.isoformat(timespec="milliseconds")
    moments = Moments(10.0, 10.01, 10.1)
    measurement = Measurement(
        action="log out one" if number % 2 else "log out all",
        window_s=WINDOW_S,
        moments=moments,
        layers=tuple(_door(layer, chance) for layer in LAYERS[: kind.doors]),
        ages={"secondary": Age(chance.uniform(5, 15), chance.uniform(1, 5))},
        requests={"secondary": 1775},
    )
    watch = {"kind": "watch", "watch": number, "action": measurement.action, "window_s": WINDOW_S}
    yield {**watch, "ended": ["secondary"], "controls": ["primary"]}
    yield {"kind": "log-out", "watch": number, "utc": utc, **moments_json(moments)}
    for at in range(kind.readings // kind.log_outs):
        layer, sent_s = LAYERS[at % kind.doors], 10.0 + at / 100 + chance.random() / 1000
        reading = Reading("secondary", layer, sent_s, sent_s + 0.012345678, State.ALIVE, "")
        yield {"kind": "reading", "watch": number, **reading_json(reading)}
    yield {"kind": "measurement", "watch": number, **measurement.to_json(utc)}


def _door(layer: str, chance: Random) -> LayerResult:
    lower_s = chance.uniform(1, 25)
    delay = Interval(lower_s, lower_s + chance.uniform(0.1, 2))
    return LayerResult(
        session="secondary",
        layer=layer,
        delay=delay,
        verdict=delay.verdict(WINDOW_S),
        first_refusal_s=lower_s / 2,
        confirmed_s=lower_s + 3,
        flaps=chance.randrange(80),
        unknowns=0,
        codes=("token_revoked",),
        residual_chance=0.00091,
        readings=(),
        every_edge=Interval(lower_s, lower_s + 4),
    )


# What came of it


def _table(timed: Sequence[Timed]) -> Table:
    rounds = len(timed[0].cold_s) if timed else 0
    table = Table(box=SIMPLE_HEAD, pad_edge=False, caption=CAPTION.format(rounds))
    table.add_column("each with", no_wrap=True)
    for heading in ("runs", "MB", "cold", "next night", "warm", "ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in timed:
        ratio = statistics.median(each.cold_s) / statistics.median(each.warm_s)
        sizes = f"{each.runs:,}", f"{each.megabytes:,.0f}"
        spans = (_span(took) for took in (each.cold_s, each.next_s, each.warm_s))
        table.add_row(each.kind.name, *sizes, *spans, f"{ratio:.1f}")
    return table


def _span(took_s: Sequence[float]) -> str:
    return f"{statistics.median(took_s):.2f} ({max(took_s):.2f})"


if __name__ == "__main__":
    main()
