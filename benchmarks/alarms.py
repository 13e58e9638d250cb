"""How often the nights raise a false alarm, and how soon they raise a true one, by simulation.

    python -m benchmarks.alarms [--trials N] [--seed N] [--out PATH]

Histories are drawn in which nothing changes: delays like the sawtooth of a token's age (spread evenly),
log-normal ones, and ones of two modes, looked at closely, or so badly that intervals are wide and four in
ten see no end. An alarm is then false; its rate must not exceed the level that was asked for. The last rows
are harder: log-outs repeated in nights that differ from each other, and each night of two months compared
anew as a nightly run does, which raises an alarm some time far more often than one comparison does.

Then the delay doubles some nights before the end; the share of histories that raise the alarm is the power.

Writes `alarms.json` to the reports. Exit code 1 if a rate exceeds its level by more than chance can.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Literal

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Table

from afterglow.delay import Interval
from afterglow.statistics.change import ALARM, change_points, has_changed
from benchmarks.figures import clopper_pearson
from benchmarks.style import reports

LAST = 7
"""The nights that are compared with those before, as `find` does."""

ROUNDS = 499
"""Permutations for each test: fewer than in use, as a test is as exact with few of them."""

SURE = 0.999
"""How surely a rate must exceed its level to be called so: at 95 %, one or two rows would by chance."""

Night = tuple[Interval, ...]
Draw = Callable[[Random], float]


def sawtooth(chance: Random) -> float:
    """What is left of a token's life at a moment drawn at random."""
    return chance.uniform(2, 12)


def log_normal(chance: Random) -> float:
    """A tail of slow servers."""
    return chance.lognormvariate(1.5, 0.6)


def two_modes(chance: Random) -> float:
    """Most servers learn at once, the others by a second way."""
    return abs(chance.gauss(4, 0.4) if chance.random() < 0.7 else chance.gauss(10, 0.8))


DISTRIBUTIONS: dict[str, Draw] = {"sawtooth": sawtooth, "log-normal": log_normal, "two modes": two_modes}


@dataclass(frozen=True, slots=True)
class Looking:
    """How well delays are seen: in steps of so much of the delay, and without an end that often."""

    name: str
    step: float
    unseen: float

    def at(self, delay_s: float, chance: Random) -> Interval:
        """The interval that contains the delay. Looks are so far apart, at a phase drawn at random.

        An end is missed where the watch breaks off, which happens at any time before it.
        """
        if chance.random() < self.unseen:
            return Interval(delay_s * chance.random())
        step_s, phase = self.step * delay_s, chance.random()
        return Interval(max(0.0, delay_s - phase * step_s), delay_s + (1 - phase) * step_s)


CLOSELY, BADLY = Looking("closely", 0.05, 0.02), Looking("badly", 0.8, 0.4)


def nights(
    count: int,
    draw: Draw,
    looking: Looking,
    chance: Random,
    *,
    slower: float = 1.0,
    of: int = 1,
    spread: float = 0,
) -> list[Night]:
    """So many nights, each with `of` log-outs; delays are multiplied by `slower`.

    spread: how much nights differ from each other, as the standard deviation of a factor's logarithm.
    """
    found = []
    for _ in range(count):
        factor = slower * math.exp(chance.gauss(0, spread))
        found.append(tuple(looking.at(factor * draw(chance), chance) for _ in range(of)))
    return found


def compared(history: Sequence[Night], chance: Random) -> bool:
    """Whether the last nights raise an alarm against those before."""
    return has_changed(history[:-LAST], history[-LAST:], chance=chance, rounds=ROUNDS).longer


def parted(history: Sequence[Night], chance: Random) -> bool:
    """Whether there is a change point anywhere."""
    return bool(change_points(history, chance=chance, at_most=1, rounds=ROUNDS))


TESTS = {"lately": compared, "anywhere": parted}
"""The last nights against those before, and a change point wherever it may be."""


@dataclass(frozen=True, slots=True)
class Row:
    """Histories of one kind, and how many of them raised the alarm; `level` is the rate not to exceed."""

    test: str
    history: str
    trials: int
    alarms: int
    level: float | None = None

    @property
    def exceeds(self) -> bool:
        """Whether the rate exceeds its level by more than chance can."""
        return self.level is not None and clopper_pearson(self.alarms, self.trials, SURE)[0] > self.level

    @property
    def told(self) -> tuple[str, ...]:
        """For the table."""
        lower, upper = clopper_pearson(self.alarms, self.trials)
        between = f"{100 * lower:.2f} to {100 * upper:.2f}"
        rate = f"{100 * self.alarms / self.trials:.2f}"
        return self.test, self.history, str(self.trials), rate, between

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "test": self.test,
            "history": self.history,
            "trials": self.trials,
            "alarms": self.alarms,
            "rate": self.alarms / self.trials,
            "rate_95": clopper_pearson(self.alarms, self.trials),
            "level": self.level,
            "exceeds": self.exceeds,
        }


def false_alarms(trials: int, chance: Random) -> Iterator[Row]:
    """The rates where nothing changes."""
    for test, alarms in TESTS.items():
        for name, draw in DISTRIBUTIONS.items():
            for looking in (CLOSELY, BADLY):
                for count in (20, 59):
                    drawn = partial(nights, count, draw, looking, chance)
                    raised = _raised(alarms, drawn, trials, chance)
                    yield Row(test, f"{count} {name}, {looking.name}", trials, raised, ALARM)
        drawn = partial(nights, 59, log_normal, BADLY, chance, of=3, spread=0.5)
        raised = _raised(alarms, drawn, trials, chance)
        yield Row(test, "59 that differ, 3 log-outs each", trials, raised, ALARM)
    few = max(1, trials // 10)
    raised = _raised(any_night, partial(nights, 90, sawtooth, CLOSELY, chance), few, chance)
    yield Row("lately", "90, anew from the 31st on", few, raised)


def any_night(history: Sequence[Night], chance: Random) -> bool:
    """Whether any of the last two months' nights raises the alarm, each compared when it was the last one."""
    return any(compared(history[:until], chance) for until in range(31, len(history) + 1))


def power(trials: int, chance: Random) -> Iterator[Row]:
    """The rates where the delay has doubled lately."""
    for test, alarms in TESTS.items():
        for name, draw in DISTRIBUTIONS.items():
            for looking in (CLOSELY, BADLY):
                for slow in (3, 7, 14):
                    drawn = partial(_doubled, slow, draw, looking, chance)
                    raised = _raised(alarms, drawn, trials, chance)
                    yield Row(test, f"{slow} slow of 59 {name}, {looking.name}", trials, raised)


def _doubled(slow: int, draw: Draw, looking: Looking, chance: Random) -> list[Night]:
    before = nights(59 - slow, draw, looking, chance)
    return before + nights(slow, draw, looking, chance, slower=2.0)


def _raised(
    alarm: Callable[[Sequence[Night], Random], bool],
    drawn: Callable[[], list[Night]],
    trials: int,
    chance: Random,
) -> int:
    return sum(alarm(drawn(), chance) for _ in range(trials))


def _table(title: str, rows: Sequence[Row]) -> Table:
    table = Table(
        title=title,
        box=SIMPLE_HEAD,
        title_justify="left",
        pad_edge=False,
        collapse_padding=True,
        padding=(0, 1),
    )
    for column in ("alarm", "nights", "trials", "rate, %", "95 % interval"):
        justify: Literal["left", "right"] = "left" if column in ("alarm", "nights") else "right"
        table.add_column(column, justify=justify, no_wrap=True)
    for row in rows:
        table.add_row(*row.told, style="bold red" if row.exceeds else None)
    return table


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, tell, and write it down."""
    parser = argparse.ArgumentParser(description="How often the nights raise an alarm, by simulation.")
    parser.add_argument("--trials", type=int, default=1000, help="histories of each kind (default: 1000)")
    parser.add_argument("--seed", type=int, default=1, help="of the random numbers (default: 1)")
    parser.add_argument(
        "--out", type=Path, help="where to write the rates (default: alarms.json in the reports)"
    )
    asked = parser.parse_args(arguments)
    chance, began_s = Random(asked.seed), time.monotonic()  # noqa: S311 - dice, not secrets
    console = Console()
    found = list(
        track(false_alarms(asked.trials, chance), "false alarms", total=27, console=console, transient=True)
    )
    seen = list(
        track(power(max(1, asked.trials // 5), chance), "power", total=36, console=console, transient=True)
    )
    console.print(
        _table(f"nothing has changed: alarms at a level of {100 * ALARM:g} %", found),
        _table("the delay has doubled", seen),
    )
    told = {
        "seed": asked.seed,
        "rounds": ROUNDS,
        "took_s": round(time.monotonic() - began_s, 1),
        "false_alarms": [row.to_json() for row in found],
        "power": [row.to_json() for row in seen],
    }
    out = asked.out or reports() / "alarms.json"
    out.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    console.print(f"{told['took_s']:.0f} s; written to {out}")
    return int(any(row.exceeds for row in found))


if __name__ == "__main__":
    sys.exit(main())
