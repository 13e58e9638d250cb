"""Whether the intervals keep their promises, measured against a site that knows the truth.

    python -m benchmarks.calibration [--revocations N] [--seed N]

Sessions of the replica are signed in over plain HTTP and logged out one by one, by another session of their
account and the call that a row's log-out makes. One layer looks at each, so that what the replica says it
honoured last was honoured to that very layer. Every session has delays of its own: each edge learns between
0.5 s and a limit that is drawn between 1 and 10 s. The schedule and the patience are those of the suite.

Two promises are held against the truth. The delay contains the last moment at which the layer was honoured:
always. And `every_edge` contains the moment at which the slowest edge learned of the log-out, but for the
residual chance, if the site has no more edges than were assumed.

Writes `calibration.json` and `calibration.svg` to the reports. Exit code 1 if a promise is broken.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Table

from afterglow.conductor import Conductor, Lane
from afterglow.delay import Interval
from afterglow.measurement import delay_json, layer_result
from afterglow.readings import Reading
from afterglow.settings import Settings
from afterglow.timeline import CROSS, FAINT, INK
from benchmarks.figures import clopper_pearson, quantile
from benchmarks.lanes import lane_of, out_of_the_box, requests_of
from benchmarks.site import running_site, signed_in
from benchmarks.style import BAD, GOOD, reports, svg

if TYPE_CHECKING:
    import altair as alt

LET_IN_BY = {
    "session": ("session", "access"),
    "access": ("access",),
    "replay": ("session", "access"),
    "mint": ("session",),
    "elsewhere": ("session", "access"),
    "codex": ("access",),
}
"""What the replica must honour to let a layer in, in the order in which the layer asks for it. A cookie that
gives a token which nobody serves lets nobody in: the last thing honoured is what counts."""

BATCH = 32
EDGES = (3, 4, 1, 4, 8)
"""Edges of the batches in turn: one, as many as assumed or fewer, and more than assumed."""

DELAY_MIN_S, LEAST_LIMIT_S, DELAY_MAX_S = 0.5, 1.0, 10.0
SEEN_FIRST_S, APART_S = 0.7, 0.06
"""Every session is seen alive before its log-out; the log-outs come one after the other."""

CONFIDENCE = 0.95
SHOWN_READINGS = 6

HONOURED, SLOWEST = "honoured", "slowest"
NOTHING = "nothing"
CONTAINS, MISSES = "contains the truth", "misses it"
LAST = "last honoured (true), s after the log-out"
LEARNED = "slowest edge learned (true), s after the log-out"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One revocation: what was measured of it, and what was true. Seconds since the log-out.

    slowest_s: when no way in was left: the slowest edge had learned of it. settling_s: how much longer than
    to the upper end it took to be sure. chance: the residual chance that was stated.
    """

    layer: str
    edges: int
    delay: Interval
    every_edge: Interval
    honoured_s: float
    slowest_s: float
    chance: float
    settling_s: float
    requests: int
    readings: tuple[Reading, ...] = ()

    @property
    def contained(self) -> bool:
        """Whether the delay contains the last moment at which the layer was honoured."""
        return contains(self.delay, self.honoured_s)

    @property
    def slowest_contained(self) -> bool:
        """Whether `every_edge` contains the moment at which the slowest edge learned."""
        return contains(self.every_edge, self.slowest_s)

    @property
    def settled(self) -> bool:
        """Whether an end was seen at all."""
        return math.isfinite(self.delay.upper_s)

    @property
    def width_s(self) -> float:
        """How wide the delay's interval is."""
        return self.delay.upper_s - self.delay.lower_s

    @property
    def bias_s(self) -> float:
        """How far the middle of the interval lies after the last moment honoured.

        About half the width is to be expected: where nobody else asks, that moment is the probe's own last
        look, which is the lower end.
        """
        return (self.delay.lower_s + self.delay.upper_s) / 2 - self.honoured_s

    @property
    def edge_bias_s(self) -> float:
        """How far the middle of `every_edge` lies after the moment at which the slowest edge learned."""
        return (self.every_edge.lower_s + self.every_edge.upper_s) / 2 - self.slowest_s


def contains(interval: Interval, true_s: float) -> bool:
    """Whether a moment lies in an interval."""
    return interval.lower_s <= true_s <= interval.upper_s


# What is true


def honoured_s(layer: str, session: Mapping[str, Any], end: Mapping[str, Any]) -> float:
    """When the layer was last let in, since the log-out; zero if it was not any more."""
    last_s = session["last_honoured_monotonic_s"].get(LET_IN_BY[layer][-1], -math.inf)
    return max(0.0, float(last_s) - float(end["requested_monotonic_s"]))


def slowest_s(layer: str, end: Mapping[str, Any]) -> float:
    """When nothing could let the layer in any more: all edges refused one of the things that it takes."""
    return min(
        max(float(effect["delay_s"]) for effect in end["effects"] if effect["layer"] == needed)
        for needed in LET_IN_BY[layer]
    )


def case_of(lane: Lane, edges: int, session: Mapping[str, Any], end: Mapping[str, Any]) -> Case:
    """Lay what was measured beside what was true."""
    found = layer_result(lane.watch)
    assert found.every_edge is not None
    confirmed_s = math.inf if found.confirmed_s is None else found.confirmed_s
    return Case(
        layer=found.layer,
        edges=edges,
        delay=found.delay,
        every_edge=found.every_edge,
        honoured_s=honoured_s(found.layer, session, end),
        slowest_s=slowest_s(found.layer, end),
        chance=1.0 if found.residual_chance is None else found.residual_chance,
        settling_s=confirmed_s - found.delay.upper_s if math.isfinite(confirmed_s) else math.inf,
        requests=requests_of(lane),
        readings=found.readings,
    )


# Measuring


def batch(edges: int, seed: int, layers: Sequence[str], settings: Settings) -> list[Case]:
    """Watch one session for each of these layers at once, and log them all out."""
    limits = Random(seed)  # noqa: S311 - chance, not a secret
    with (
        running_site(edges=edges, seed=seed, delay_min_s=DELAY_MIN_S, window_s=settings.window_s) as site,
        signed_in(site, len(layers) + 1) as (keeper, *clients),
    ):
        lanes = [
            lane_of(client.session_id, layer, client.copy, settings)
            for client, layer in zip(clients, layers, strict=True)
        ]
        with Conductor(lanes, on_reading=lambda _: None, clock=time.monotonic) as conductor:
            conductor.run(time.sleep, until_s=time.monotonic() + SEEN_FIRST_S)
            for lane in lanes:
                site.behave(delay_max_s=limits.uniform(LEAST_LIMIT_S, DELAY_MAX_S))
                lane.watch.moments = keeper.log_out_row(lane.watch.session)
                conductor.run(time.sleep, until_s=time.monotonic() + APART_S)
            conductor.run(time.sleep)
        truth = site.truth([client.session_id for client in clients])
    sessions = {session["session_id"]: session for session in truth["sessions"]}
    ends = {end["session_id"]: end for end in truth["revocations"]}
    return [case_of(lane, edges, sessions[lane.watch.session], ends[lane.watch.session]) for lane in lanes]


def batches(revocations: int) -> Iterator[tuple[int, list[str]]]:
    """The edges and the layers of each batch, so that every layer meets every number of edges."""
    layers = cycle(LET_IN_BY)
    for edges in cycle(EDGES):
        if revocations <= 0:
            return
        yield edges, list(islice(layers, min(BATCH, revocations)))
        revocations -= BATCH


# What it comes to


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something missed, and what that says of how often it does."""

    missed: int
    of: int

    @property
    def bounds(self) -> tuple[float, float]:
        """The exact confidence interval (Clopper and Pearson); all is possible where nothing was tried."""
        return clopper_pearson(self.missed, self.of, CONFIDENCE) if self.of else (0.0, 1.0)

    def breaks(self, promised: float) -> bool:
        """Whether it misses more often than promised, beyond chance."""
        return self.bounds[0] > promised

    def __str__(self) -> str:
        """Such as "0 of 320 missed (0 % to 1.1 %)"."""
        lower, upper = self.bounds
        return f"{self.missed} of {self.of} missed ({lower:.2%} to {upper:.2%})"

    def to_json(self) -> Json:
        """The figures."""
        return {"missed": self.missed, "of": self.of, "rate_bounds": list(self.bounds)}


def rate(cases: Sequence[Case], good: Callable[[Case], bool]) -> Rate:
    """How often a case is not good."""
    return Rate(sum(not good(case) for case in cases), len(cases))


@dataclass(frozen=True, slots=True)
class Result:
    """All cases, and the settings that make the promises."""

    cases: Sequence[Case]
    settings: Settings
    promised_chance: float

    @property
    def honoured(self) -> Rate:
        """The first promise: no miss at all."""
        return rate(self.cases, lambda case: case.contained)

    @property
    def misses(self) -> list[Case]:
        """The cases that break it."""
        return [case for case in self.cases if not case.contained]

    @property
    def slowest(self) -> Rate:
        """The second promise, where the site is as assumed."""
        as_assumed = [case for case in self.cases if case.edges <= self.settings.assumed_edges]
        return rate(as_assumed, lambda case: case.slowest_contained)

    @property
    def slowest_beyond(self) -> Rate:
        """The same where it has more edges; nothing is promised then unless flaps told of them."""
        beyond = [case for case in self.cases if case.edges > self.settings.assumed_edges]
        return rate(beyond, lambda case: case.slowest_contained)

    @property
    def kept(self) -> bool:
        """Whether both promises were kept."""
        return not self.misses and not self.slowest.breaks(self.promised_chance)

    def to_json(self) -> Json:
        """All figures; of the readings only those of the misses."""
        layers = {name: [case for case in self.cases if case.layer == name] for name in LET_IN_BY}
        return {
            "kept": self.kept,
            "machine": {"cores": len(os.sched_getaffinity(0)), "python": platform.python_version()},
            "revocations": len(self.cases),
            "no_end_seen": sum(not case.settled for case in self.cases),
            "honoured": self.honoured.to_json(),
            "slowest_edge": {**self.slowest.to_json(), "promised_rate": self.promised_chance},
            "slowest_edge_beyond_assumed": self.slowest_beyond.to_json(),
            "stated_chance_mean": statistics.fmean(case.chance for case in self.cases),
            "all": figures(self.cases),
            "layers": {name: figures(cases) for name, cases in layers.items() if cases},
            "cases": [case_json(case, readings=not case.contained) for case in self.cases],
        }


def figures(cases: Sequence[Case]) -> Json:
    """Widths, bias, settling and requests of some cases that have an end."""
    ended = [case for case in cases if case.settled]
    if not ended:
        return {"revocations": len(cases)}
    widths_s = [case.width_s for case in ended]
    shares = [case.width_s / case.honoured_s for case in ended if case.honoured_s > 0]
    biases_s = [case.bias_s for case in ended]
    edge_widths_s = [case.every_edge.upper_s - case.every_edge.lower_s for case in ended]
    edge_biases_s = [case.edge_bias_s for case in ended]
    settling_s = [case.settling_s for case in ended]
    return {
        "revocations": len(cases),
        "missed": sum(not case.contained for case in cases),
        "width_s": {"median": statistics.median(widths_s), "p95": quantile(widths_s, 0.95)},
        "width_share": {"median": statistics.median(shares), "p95": quantile(shares, 0.95)},
        "bias_s": {"median": statistics.median(biases_s), "mean": statistics.fmean(biases_s)},
        "edge_bias_s": {"median": statistics.median(edge_biases_s), "mean": statistics.fmean(edge_biases_s)},
        "edge_width_s": {"median": statistics.median(edge_widths_s), "p95": quantile(edge_widths_s, 0.95)},
        "settling_s": {"median": statistics.median(settling_s), "p95": quantile(settling_s, 0.95)},
        "requests": {"mean": statistics.fmean(case.requests for case in ended)},
        "readings": {"mean": statistics.fmean(len(case.readings) for case in ended)},
    }


def case_json(case: Case, *, readings: bool) -> Json:
    """One case."""
    told: Json = {
        "layer": case.layer,
        "edges": case.edges,
        "delay_s": delay_json(case.delay),
        "honoured_s": round(case.honoured_s, 6),
        "every_edge_s": delay_json(case.every_edge),
        "slowest_s": round(case.slowest_s, 6),
        "contained": case.contained,
        "slowest_contained": case.slowest_contained,
    }
    if readings:
        told["readings"] = [
            [round(reading.sent_s, 4), round(reading.received_s, 4), reading.state.value, reading.code]
            for reading in case.readings
        ]
    return told


# Showing


def summary(result: Result) -> Table:
    """The promises."""
    table = Table("promise", "found", f"rate, {CONFIDENCE:.0%} sure", "promised", "")
    assumed = result.settings.assumed_edges
    told = (
        ("delay: the last moment honoured", result.honoured, "none missed", not result.misses),
        (
            f"every_edge: the slowest of at most {assumed}",
            result.slowest,
            f"{result.promised_chance:.1%}",
            not result.slowest.breaks(result.promised_chance),
        ),
        (f"every_edge: the slowest of more than {assumed}", result.slowest_beyond, NOTHING, True),
    )
    for what, found, promised, good in told:
        lower, upper = found.bounds
        verdict = "[bold red]broken" if not good else "" if promised == NOTHING else "kept"
        missed = f"{found.missed} of {found.of} missed"
        table.add_row(what, missed, f"{lower:.2%} to {upper:.2%}", promised, verdict)
    return table


def by_layer(result: Result) -> Table:
    """The figures, a layer a row; each is a median, with its 95th percentile (or its mean) behind it."""
    title = "median / 95 % under; the bias: median / mean"
    table = Table("layer", title=title, title_justify="left", box=SIMPLE_HEAD)
    headings = ("width,\nms", "of delay,\n%", "bias,\nms", "every edge,\nms", "sure after,\ns", "requests")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    told = result.to_json()
    for name, each in {**told["layers"], "all": told["all"]}.items():
        if "width_s" not in each:
            table.add_row(name, "no end seen")
            continue
        table.add_row(
            name,
            *(_both(each[key], scale, digits) for key, scale, digits in FIGURES),
            f"{each['requests']['mean']:.0f}",
        )
    return table


FIGURES = (
    ("width_s", 1000, 0),
    ("width_share", 100, 1),
    ("bias_s", 1000, 0),
    ("edge_width_s", 1000, 0),
    ("settling_s", 1, 2),
)
"""What is told of each layer: its name in the JSON, the unit's factor, and the decimals."""


def _both(values: Mapping[str, float], scale: float, digits: int) -> str:
    return " / ".join(f"{scale * value:.{digits}f}" for value in values.values())


def told_miss(case: Case) -> Iterator[str]:
    """A miss with the readings around it."""
    yield f"missed: {case.layer}, {case.edges} edges: {case.delay}, honoured {case.honoured_s:.4f} s"
    first = next((n for n, r in enumerate(case.readings) if r.state.value == "revoked"), len(case.readings))
    for reading in case.readings[max(0, first - SHOWN_READINGS) : first + SHOWN_READINGS]:
        yield f"    {reading.sent_s:.4f} to {reading.received_s:.4f}  {reading.state} {reading.code}"


def rows_of(cases: Sequence[Case]) -> list[Json]:
    """What there is to draw: for each promise the truth, the interval, and its ends less the truth in ms."""
    return [
        {
            "promise": promise,
            "true": true_s,
            "lower": interval.lower_s,
            "upper": interval.upper_s,
            "before": 1000 * (interval.lower_s - true_s),
            "after": 1000 * (interval.upper_s - true_s),
            "kind": CONTAINS if contains(interval, true_s) else MISSES,
        }
        for case in cases
        for promise, interval, true_s in (
            (HONOURED, case.delay, case.honoured_s),
            (SLOWEST, case.every_edge, case.slowest_s),
        )
    ]


def picture(result: Result) -> str:
    """Measured against true, and beside it the same with the truth taken away, for both promises."""
    import altair as alt

    ended = [case for case in result.cases if case.settled]
    rows = rows_of(ended)
    last = [row for row in rows if row["promise"] == HONOURED]
    learned = [row for row in rows if row["promise"] == SLOWEST]
    to_s = 1.02 * max(row["upper"] for row in rows)
    diagonal = alt.Chart(alt.InlineData(values=[{"true": 0, "lower": 0}, {"true": to_s, "lower": to_s}]))
    diagonal = diagonal.mark_line(color=FAINT, strokeWidth=1).encode(x="true:Q", y="lower:Q")
    zero = alt.Chart(alt.InlineData(values=[{"before": 0}])).mark_rule(color=INK).encode(y="before:Q")

    against = alt.layer(diagonal, *_bars(last, "lower", "upper", to_s, LAST, "delay (measured), s"))
    enlarged = alt.layer(zero, *_bars(last, "before", "after", to_s, LAST, "delay less the truth, ms"))
    slowest = alt.layer(
        zero, *_bars(learned, "before", "after", to_s, LEARNED, "every_edge less the truth, ms")
    )
    beside = [each.properties(width=430, height=180) for each in (enlarged, slowest)]
    chart = alt.hconcat(
        against.properties(width=430, height=440), alt.vconcat(*beside, spacing=24), spacing=30
    )
    return svg(chart.properties(title=_title(result, ended)))


def _bars(
    rows: Sequence[Json], lower: str, upper: str, to_s: float, x_title: str, y_title: str
) -> tuple[alt.Chart, alt.Chart]:
    """A bar for each interval; and a cross for each that misses, since it may be too short to be found."""
    import altair as alt

    x = alt.X("true:Q", title=x_title).scale(domain=[0, to_s], nice=False)
    kinds = alt.Color("kind:N").scale(domain=[CONTAINS, MISSES], range=[GOOD, BAD])
    bars = alt.Chart(alt.InlineData(values=list(rows))).mark_rule(strokeWidth=2, opacity=0.7)
    missing = alt.InlineData(values=[row for row in rows if row["kind"] == MISSES])
    crosses = alt.Chart(missing).mark_point(shape=CROSS, filled=True, size=90, opacity=1)
    return (
        bars.encode(x=x, y=alt.Y(f"{lower}:Q", title=y_title), y2=upper, color=kinds),
        crosses.encode(x=x, y=f"{upper}:Q", color=kinds),
    )


def _title(result: Result, ended: Sequence[Case]) -> alt.TitleParams:
    """The result in one line, and what one must know to read the picture rightly."""
    import altair as alt

    width, bias = (figures(ended)[name] for name in ("width_s", "bias_s"))
    layers = ", ".join(dict.fromkeys(case.layer for case in ended))
    edges = ", ".join(str(count) for count in sorted({case.edges for case in ended}))
    beyond = f"{result.slowest_beyond.missed} missed where there were more than assumed."
    many, slowest_missed = len(result.cases), result.slowest.missed + result.slowest_beyond.missed
    return alt.TitleParams(
        f"{many - result.honoured.missed} of {many} delays contain the last moment honoured, "
        f"{many - slowest_missed} of {many} the slowest edge",
        subtitle=[
            f"Every bar is an interval. Width: median {1000 * width['median']:.0f} ms, 95 % under "
            f"{1000 * width['p95']:.0f} ms; middle less truth: median {1000 * bias['median']:+.0f} ms. "
            "Where nobody else asks, the last moment honoured",
            "is the layer's own last look, at the lower end. "
            f"Layers {layers}; sites of {edges} edges. {beyond}",
        ],
    )


def main() -> int:
    """Calibrate; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description="Hold the intervals against the truth.")
    parser.add_argument("--revocations", type=int, default=320)
    parser.add_argument("--seed", type=int, default=1, help="of the sites and the limits of their delays")
    told = parser.parse_args()
    settings, console = out_of_the_box(), Console()
    plan = list(batches(told.revocations))
    cases = [
        case
        for number, (edges, layers) in enumerate(track(plan, "calibrating", console=console, transient=True))
        for case in batch(edges, 1000 * told.seed + number, layers, settings)
    ]
    result = Result(cases, settings, promised_chance=0.001)
    folder = reports()
    (folder / "calibration.json").write_text(json.dumps(result.to_json(), indent=1), encoding="utf-8")
    (folder / "calibration.svg").write_text(picture(result), encoding="utf-8")
    console.print(summary(result), by_layer(result))
    for case in result.misses:
        for line in told_miss(case):
            console.print(line, highlight=False, markup=False)
    console.print(f"written: {folder / 'calibration.json'}, {folder / 'calibration.svg'}")
    return 0 if result.kept else 1


if __name__ == "__main__":
    sys.exit(main())
