"""What it is worth to look where the nights before make a revocation likely.

    python -m benchmarks.looking [--histories N] [--draws N] [--seed N] [--out FILE]

The suite's own schedule on a simulated clock. A history is so many nights, measured by the geometric
schedule: intervals, as a run has them. Fresh log-outs are then watched by the geometric schedule and by one
that knows the history. One look is made at a time, an answer takes a round trip, and a watch ends with the
first refusal; what confirms the end costs both the same, and counts for neither. The window is half an hour.

The same expected number of requests: all steps of the informed schedule are stretched by one factor until it
makes as many looks as the geometric one, in the mean, of the very same log-outs. "As it runs" is without
that: its budget is that of the geometric schedule if the history is right.

Two figures are put beside the widths, for N looks in the mean; a round trip comes on top of both:

- the optimum (∫√f)²/N: the least that N looks allow which are planned ahead and all made, at steps ∝ 1/√f.
  But a watch ends with the revocation, and makes the later looks only if they are still needed. So N, the
  expected number of requests, buys more than N planned looks, and a width under this optimum is no mistake;
- the least, (∫√(f·S))²/N: what no schedule can beat that ends with the revocation and knows f. It is no aim:
  to come near it one must stake everything on the history. "What is kept" shows the trade, worked out for
  known densities: the more of the usual looks is made in any case, the less is gained, and risked.

Writes `looking.json` and `looking.svg`. Exit code 1 if a goal is missed: where the history is right, a width
within 20 % of the optimum and no wider than the geometric one; where it misleads, 1.25 times that at most, at
the same expected number of requests and as it runs. Missed is what lies beyond it with 95 % confidence; what
may lie on either side is named.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy import stats

from afterglow.delay import Interval
from afterglow.expectation import KEPT, Expectation, Plan
from afterglow.readings import Moments
from afterglow.schedule import Schedule
from afterglow.statistics.npmle import estimate
from afterglow.timeline import FAINT, INK
from benchmarks.style import BAD, GOOD, reports, svg

Json = dict[str, Any]
Floats = NDArray[np.float64]

WINDOW_S, HORIZON_S = 1800.0, 1980.0
ROUND_TRIP_S = 0.05
FLOORS_S = (0.1, 1.0)
"""The shortest steps on the replica and on the real site."""

NIGHTS = (10, 20, 60, 200)
WITHIN, NO_WORSE, MISLED = 1.2, 1.0, 1.25
"""The goals: of the optimum, of the geometric width, and of that where the history misleads."""

CONFIDENCE, RESAMPLED = 0.95, 2000
CLOSE, TRIES = 0.002, 6
"""How close the numbers of requests must come, and after how many tries it is left at that."""


@dataclass(frozen=True, slots=True)
class Truth:
    """How long sessions outlive their log-outs: parts of a mixture, all alike in weight."""

    parts: tuple[Any, ...]

    def draw(self, dice: np.random.Generator, many: int) -> list[float]:
        """Fresh delays."""
        drawn = np.stack([part.rvs(many, random_state=dice) for part in self.parts])
        return [float(delay_s) for delay_s in drawn[dice.integers(len(self.parts), size=many), range(many)]]

    def up_to(self, t_s: Floats) -> Floats:
        """The share of delays that are over by then."""
        return np.asarray(np.mean([part.cdf(t_s) for part in self.parts], axis=0))

    @property
    def known(self) -> Expectation:
        """The expectation of somebody who knows it."""
        edges = np.concatenate([[0.0], np.geomspace(1e-2, HORIZON_S, 4000)])
        return Expectation(tuple(edges.tolist()), tuple(np.diff(self.up_to(edges)).tolist()), HORIZON_S)


SAWTOOTH, LOG_NORMAL, TWO_MODES = "sawtooth", "log-normal", "two modes"
AT_TWO, ANY_TIME = "all at 2 s", "any time"
TRUTHS = {
    # what is left of a token's life of 15 minutes, at any moment alike
    SAWTOOTH: Truth((stats.uniform(0, 900),)),
    LOG_NORMAL: Truth((stats.lognorm(0.5, scale=40),)),
    TWO_MODES: Truth((stats.lognorm(0.2, scale=5), stats.lognorm(0.2, scale=600))),
    AT_TWO: Truth((stats.uniform(1.99, 0.02),)),
    ANY_TIME: Truth((stats.uniform(0, WINDOW_S),)),
}
RIGHT = (SAWTOOTH, LOG_NORMAL, TWO_MODES)
MISLEADING = (
    *((history, truth) for history in RIGHT for truth in RIGHT if truth != history),
    *((AT_TWO, truth) for truth in (*RIGHT, ANY_TIME)),
    *((history, ANY_TIME) for history in RIGHT),
)


# Watching


@dataclass(frozen=True)
class Stretched(Schedule):
    """The suite's schedule, with every step longer or shorter by one factor."""

    factor: float = 1.0

    def expected_step_s(self, elapsed_s: float, round_trip_s: float = 0.0) -> float:
        """The step, between floor and cap still."""
        step_s = self.factor * super().expected_step_s(elapsed_s, round_trip_s)
        return min(self.cap_s, max((1 - self.jitter) * self.floor_s, step_s))


@dataclass(frozen=True, slots=True)
class Watched:
    """What one watch came to."""

    delay: Interval
    looks: int

    @property
    def width_s(self) -> float:
        """How wide the interval is."""
        return self.delay.upper_s - self.delay.lower_s


LOGGED_OUT = Moments(0.0, 0.0, 0.0)


def watched(schedule: Schedule, delay_s: float) -> Watched:
    """Watch one log-out, at zero, that the site has carried out everywhere after so long."""
    sent_s, alive_s, looks = -schedule.floor_s * schedule.random.random(), 0.0, 0
    while True:
        now_s = sent_s + ROUND_TRIP_S
        sent_s = schedule.next_s(now_s, LOGGED_OUT, None, ROUND_TRIP_S, asked_s=sent_s, paced_s=sent_s)
        looks += 1
        if sent_s + ROUND_TRIP_S / 2 >= delay_s:
            return Watched(Interval(alive_s, sent_s + ROUND_TRIP_S), looks)
        if sent_s > HORIZON_S:
            return Watched(Interval(alive_s), looks)
        alive_s = max(0.0, sent_s)


def pace(floor_s: float, seed: int, expected: Expectation | None = None, factor: float = 1.0) -> Schedule:
    """The schedule of a layer that is asked over HTTP, with its dice."""
    return Stretched(WINDOW_S, floor_s, random=Random(seed), expectation=expected, factor=factor)  # noqa: S311


def expected_after(truth: Truth, nights: int, floor_s: float, seed: int) -> Expectation:
    """What a history of so many nights lets expect, measured by the geometric schedule."""
    schedule = pace(floor_s, seed)
    delays = truth.draw(np.random.default_rng(seed), nights)
    found = estimate([watched(schedule, delay_s).delay for delay_s in delays])
    expected = Expectation.of(found, horizon_s=HORIZON_S)
    assert expected is not None, "so many nights are enough"
    return expected


# Comparing


@dataclass(frozen=True, slots=True)
class Plot:
    """What is tried: a history, the truth after it, and how often."""

    history: str
    truth: str
    nights: int
    floor_s: float
    histories: int
    draws: int
    seed: int


@dataclass(frozen=True, slots=True)
class Mean:
    """Mean width and mean number of looks, of all draws; and the widths of each history's, in the mean."""

    width_s: float
    looks: float
    widths_s: Floats

    @classmethod
    def of(cls, each: Sequence[Sequence[Watched]]) -> Mean:
        """Of the watches after each history."""
        widths_s = np.array([[one.width_s for one in some] for some in each]).mean(axis=1)
        looks = float(np.mean([[one.looks for one in some] for some in each]))
        return cls(float(widths_s.mean()), looks, widths_s)


@dataclass(frozen=True, slots=True)
class Compared:
    """One plot's outcome. factor: by how much the steps were stretched, to make as many requests."""

    plot: Plot
    geometric: Mean
    as_it_runs: Mean
    informed: Mean
    factor: float

    @property
    def is_right(self) -> bool:
        """Whether the truth is that of the history."""
        return self.plot.history == self.plot.truth

    @property
    def ratio(self) -> float:
        """Of the mean widths, at the same number of requests."""
        return self.informed.width_s / self.geometric.width_s

    @property
    def bounds(self) -> tuple[float, float]:
        """How sure the ratio is: the bootstrap's percentiles, over the histories."""
        dice, many = np.random.default_rng(self.plot.seed), len(self.informed.widths_s)
        picked = dice.integers(many, size=(RESAMPLED, many))
        ratios = self.informed.widths_s[picked].mean(axis=1) / self.geometric.widths_s[picked].mean(axis=1)
        tail = (1 - CONFIDENCE) / 2
        return float(np.quantile(ratios, tail)), float(np.quantile(ratios, 1 - tail))

    @property
    def optimum_s(self) -> float:
        """(∫√f)²/N and a round trip."""
        return bounds_of(TRUTHS[self.plot.truth])[0] / self.informed.looks + ROUND_TRIP_S

    @property
    def least_s(self) -> float:
        """(∫√(f·S))²/N and a round trip."""
        return bounds_of(TRUTHS[self.plot.truth])[1] / self.informed.looks + ROUND_TRIP_S

    @property
    def goals(self) -> dict[str, tuple[float, float, float]]:
        """What is wanted: between which two values it lies, and how large it may be."""
        (lower, upper), usual_s = self.bounds, self.geometric.width_s
        if not self.is_right:
            as_it_runs = self.as_it_runs.width_s / usual_s
            return {"same requests": (lower, upper, MISLED), "as it runs": (as_it_runs, as_it_runs, MISLED)}
        to_optimum = usual_s / self.optimum_s
        return {
            "optimum": (lower * to_optimum, upper * to_optimum, WITHIN),
            "no worse": (lower, upper, NO_WORSE),
        }

    @property
    def missed(self) -> list[str]:
        """The goals that it misses, beyond chance."""
        return [name for name, (lower, _, limit) in self.goals.items() if lower > limit]

    @property
    def unsure(self) -> list[str]:
        """The goals of which it is not sure whether they are kept."""
        return [name for name, (lower, upper, limit) in self.goals.items() if lower <= limit < upper]

    def to_json(self) -> Json:
        """All figures."""
        plot = self.plot
        return {
            "history": plot.history,
            "truth": plot.truth,
            "nights": plot.nights,
            "floor_s": plot.floor_s,
            "watches": plot.histories * plot.draws,
            "geometric": {"width_s": self.geometric.width_s, "looks": self.geometric.looks},
            "as_it_runs": {"width_s": self.as_it_runs.width_s, "looks": self.as_it_runs.looks},
            "same_requests": {
                "width_s": self.informed.width_s,
                "looks": self.informed.looks,
                "factor": self.factor,
            },
            "ratio": self.ratio,
            "ratio_bounds": list(self.bounds),
            "optimum_s": self.optimum_s,
            "least_s": self.least_s,
            "missed": self.missed,
            "unsure": self.unsure,
        }


def bounds_of(truth: Truth) -> tuple[float, float]:
    """(∫√f)² and (∫√(f·S))², in seconds: the figures to divide by the number of looks."""
    at, masses = np.array(truth.known.edges_s), np.array(truth.known.masses)
    root = np.sqrt(masses * np.diff(at))
    alive = 1 - truth.up_to((at[1:] + at[:-1]) / 2)
    return float(root.sum() ** 2), float((root * np.sqrt(alive)).sum() ** 2)


def compare(plot: Plot) -> Compared:
    """Watch the same log-outs by both schedules."""
    seeds = [1_000_000 * plot.seed + number for number in range(plot.histories)]
    source, truth = TRUTHS[plot.history], TRUTHS[plot.truth]
    expected = [expected_after(source, plot.nights, plot.floor_s, seed) for seed in seeds]
    fresh = [truth.draw(np.random.default_rng([seed, 1]), plot.draws) for seed in seeds]

    def mean(schedule_of: Callable[[int], Schedule]) -> Mean:
        schedules = [schedule_of(number) for number in range(plot.histories)]
        return Mean.of([[watched(one, d) for d in some] for one, some in zip(schedules, fresh, strict=True)])

    def informed(factor: float) -> Mean:
        return mean(lambda n: pace(plot.floor_s, seeds[n], expected[n], factor))

    geometric = mean(lambda n: pace(plot.floor_s, seeds[n]))
    factor, found = 1.0, (as_it_runs := informed(1.0))
    for _ in range(TRIES):
        if abs(found.looks / geometric.looks - 1) <= CLOSE:
            break
        factor *= found.looks / geometric.looks
        found = informed(factor)
    return Compared(plot, geometric, as_it_runs, found, factor)


def plots(histories: int, draws: int, seed: int) -> Iterator[Plot]:
    """All that is tried."""
    for floor_s in FLOORS_S:
        for truth in RIGHT:
            for nights in NIGHTS:
                yield Plot(truth, truth, nights, floor_s, histories, draws, seed)
        for history, truth in MISLEADING:
            yield Plot(history, truth, 60, floor_s, histories, draws, seed)


# What is kept of the usual looks, and what that costs


@dataclass(frozen=True, slots=True)
class Trade:
    """The worst of all cases, if so much is kept of the usual looks, without jitter and round trip.

    Ratios of mean widths: to the geometric one, to the optimum and to the least where the expectation is
    right; and to the geometric one where it misleads, as it runs and times the ratio of the looks. The last
    is the worst that any single moment could do, if all log-outs after any of the histories ended just then.
    """

    kept: float
    right: float
    optimum: float
    least: float
    as_it_runs: float
    same_requests: float
    one_moment: float


def trade(kept: float, floor_s: float) -> Trade:
    """Work out the worst of all cases."""
    usual = TRUTHS[SAWTOOTH].known.plan(floor_s=floor_s, cap_s=15.0, growth=0.02, kept=1.0)
    plans = {
        name: TRUTHS[name].known.plan(floor_s=floor_s, cap_s=15.0, growth=0.02, kept=kept)
        for name in (*RIGHT, AT_TWO)
    }
    right = []
    for name in RIGHT:
        (width_s, looks), (usual_s, _) = (worked_out(plan, TRUTHS[name]) for plan in (plans[name], usual))
        optimum, least = bounds_of(TRUTHS[name])
        right.append((width_s / usual_s, width_s * looks / optimum, width_s * looks / least))
    misled = []
    for history, name in MISLEADING:
        (width_s, looks), (usual_s, usually) = (
            worked_out(plan, TRUTHS[name]) for plan in (plans[history], usual)
        )
        misled.append((width_s / usual_s, width_s * looks / (usual_s * usually)))
    one_moment = max(worst_moment(plan, usual) for plan in plans.values())
    return Trade(
        kept,
        right=max(each[0] for each in right),
        optimum=max(each[1] for each in right),
        least=max(each[2] for each in right),
        as_it_runs=max(each[0] for each in misled),
        same_requests=max(each[1] for each in misled),
        one_moment=one_moment,
    )


def worst_moment(plan: Plan, usual: Plan) -> float:
    """The largest ratio of widths and looks together, of a plan to the usual one, at one moment."""
    at = np.linspace(0.0, HORIZON_S, 20_001)[1:-1]
    looks = [np.interp(at, each.at_s, each.looks) for each in (plan, usual)]
    per_second = [np.gradient(each, at) for each in looks]
    return float((per_second[1] / per_second[0] * looks[0] / looks[1]).max())


def worked_out(plan: Plan, truth: Truth) -> tuple[float, float]:
    """The mean width and the mean number of looks of a plan."""
    at = np.array(plan.at_s)
    many, ends = np.diff(plan.looks), np.diff(truth.up_to(at))
    alive = 1 - truth.up_to((at[1:] + at[:-1]) / 2)
    return float((ends * np.diff(at) / many).sum()), float((alive * many).sum())


# Showing


def right_table(floor_s: float, compared: Sequence[Compared]) -> Table:
    """Where the history is right."""
    title = f"the history is right; {_floor(floor_s)}; width and its ratio, 95 % sure"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("truth", no_wrap=True)
    for heading in ("nights", "looks", "width, s", "ratio", "optimum", "least"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in compared:
        table.add_row(
            each.plot.truth,
            str(each.plot.nights),
            f"{each.geometric.looks:.0f}",
            _widths(each),
            _ratio(each),
            f"{each.informed.width_s / each.optimum_s:.2f}",
            f"{each.informed.width_s / each.least_s:.2f}",
        )
    return table


def misled_table(floor_s: float, compared: Sequence[Compared]) -> Table:
    """Where it misleads."""
    title = f"60 nights mislead; {_floor(floor_s)}; width and its ratio, 95 % sure"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("history", no_wrap=True)
    table.add_column("truth", no_wrap=True)
    for heading in ("width, s", "ratio", "as it runs", "looks"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in compared:
        table.add_row(
            each.plot.history,
            each.plot.truth,
            _widths(each),
            _ratio(each),
            f"{each.as_it_runs.width_s / each.geometric.width_s:.2f}",
            f"{each.as_it_runs.looks / each.geometric.looks:.2f}",
        )
    return table


def _floor(floor_s: float) -> str:
    return f"steps of at least {floor_s:g} s"


def _widths(compared: Compared) -> str:
    return f"{compared.geometric.width_s:.2f} > {compared.informed.width_s:.2f}"


def _ratio(compared: Compared) -> str:
    lower, upper = compared.bounds
    told = f"{compared.ratio:.2f} ± {(upper - lower) / 2:.2f}"
    return f"[bold red]{told}" if compared.missed else told


def told_misses(compared: Sequence[Compared]) -> Iterator[str]:
    """The goals that are missed or may be, a line each; and where the looks could not be made as many."""
    for each in compared:
        plot = each.plot
        what = f"{plot.nights} nights {plot.history}, truth {plot.truth}; {_floor(plot.floor_s)}"
        if each.missed:
            yield f"missed ({', '.join(each.missed)}): {what}"
        if each.unsure:
            yield f"not sure ({', '.join(each.unsure)}): {what}"
        if abs(each.informed.looks / each.geometric.looks - 1) > 5 * CLOSE:
            yield f"not as many looks, {each.informed.looks / each.geometric.looks:.2f} of them: {what}"


def trades(worst: Sequence[tuple[float, Trade]]) -> Table:
    """What is kept of the usual looks, and what that costs."""
    title = "what is kept of the usual looks: the worst of the cases above, worked out for known densities"
    table = Table("kept", title=title, title_justify="left", box=SIMPLE_HEAD)
    for heading in ("floor,\ns", "right", "optimum", "least"):
        table.add_column(heading, justify="right")
    for heading in ("misled as\nit runs", "same\nrequests", "at one\nmoment"):
        table.add_column(heading, justify="right")
    for floor_s, each in worst:
        figures = (each.right, each.optimum, each.least, each.as_it_runs, each.same_requests, each.one_moment)
        mark = " *" if each.kept == KEPT else ""
        table.add_row(f"{each.kept:.2f}{mark}", f"{floor_s:g}", *(f"{figure:.2f}" for figure in figures))
    return table


def picture(compared: Sequence[Compared]) -> str:
    """The ratios of all cases with 60 nights of history, with how sure they are."""
    import altair as alt

    rows = [
        {
            "floor": _floor(each.plot.floor_s),
            "case": each.plot.truth if each.is_right else f"{each.plot.history}, in truth {each.plot.truth}",
            "kind": "the history is right" if each.is_right else "the history misleads",
            "ratio": each.ratio,
            "lower": each.bounds[0],
            "upper": each.bounds[1],
        }
        for each in compared
        if each.plot.nights == 60
    ]
    cases = list(dict.fromkeys(str(row["case"]) for row in rows))
    y = alt.Y("case:N", title=None, sort=cases).axis(labelLimit=300)
    x = alt.X("ratio:Q", title="mean width, of the geometric schedule's").scale(domain=[0, 1.3])
    kinds = ["the history is right", "the history misleads"]
    colour = alt.Color("kind:N").scale(domain=kinds, range=[GOOD, BAD])
    panels = []
    for floor in dict.fromkeys(row["floor"] for row in rows):
        here = alt.InlineData(values=[row for row in rows if row["floor"] == floor])
        dots = alt.Chart(here).mark_point(filled=True, size=70, opacity=1).encode(x=x, y=y, color=colour)
        spans = alt.Chart(here).mark_rule(strokeWidth=2).encode(x="lower:Q", x2="upper:Q", y=y, color=colour)
        lines = [
            alt.Chart(alt.InlineData(values=[{"at": at}]))
            .mark_rule(color=ink, strokeDash=dash)
            .encode(x="at:Q")
            for at, ink, dash in ((NO_WORSE, INK, [1, 0]), (MISLED, FAINT, [4, 3]))
        ]
        panels.append(alt.layer(*lines, spans, dots).properties(width=330, height=380, title=floor))
    title = alt.TitleParams(
        "How wide the intervals are after 60 nights, at the same expected number of requests",
        subtitle="With 95 % confidence. Beyond 1 they are wider than without the history; 1.25 is the limit.",
    )
    return svg(alt.hconcat(*panels, spacing=30).properties(title=title))


def main() -> int:
    """Compare; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(
        description="Look where the revocation is likely, against by elapsed time."
    )
    parser.add_argument("--histories", type=int, default=40, help="histories for each case")
    parser.add_argument("--draws", type=int, default=50, help="log-outs after each history")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--out", type=Path, help="where the figures go (default: looking.json in the reports)"
    )
    told = parser.parse_args()
    out: Path = told.out or reports() / "looking.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    console, plan = Console(), list(plots(told.histories, told.draws, told.seed))
    cores = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(cores) as pool:
        shown = track(pool.map(compare, plan), "looking", len(plan), console=console, transient=True)
        compared = list(shown)
    worst = [
        (floor_s, trade(kept, floor_s))
        for floor_s in FLOORS_S
        for kept in (0.2, 0.4, 0.6, 0.7, KEPT, 0.9, 1.0)
    ]
    right, wrong = ([each for each in compared if each.is_right is is_right] for is_right in (True, False))
    figures = {
        "machine": {"cores": cores, "python": platform.python_version()},
        "round_trip_s": ROUND_TRIP_S,
        "cases": [each.to_json() for each in compared],
        "kept": [{"floor_s": floor_s, **_fields(each)} for floor_s, each in worst],
    }
    out.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    out.with_suffix(".svg").write_text(picture(compared), encoding="utf-8")
    for floor_s in FLOORS_S:
        console.print(
            right_table(floor_s, [each for each in right if each.plot.floor_s == floor_s]),
            misled_table(floor_s, [each for each in wrong if each.plot.floor_s == floor_s]),
        )
    console.print(trades(worst))
    for line in told_misses(compared):
        console.print(line, highlight=False, markup=False)
    console.print(f"written: {out}, {out.with_suffix('.svg')}")
    return 1 if any(each.missed for each in compared) else 0


def _fields(each: Trade) -> Json:
    return {name: getattr(each, name) for name in Trade.__slots__}


if __name__ == "__main__":
    sys.exit(main())
