"""Intervals for the tests: drawn by hypothesis, simulated with their truth, and published ones."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from random import Random

from hypothesis import strategies as st

from afterglow.delay import Interval

REFERENCES = json.loads(Path(__file__).with_name("references.json").read_text(encoding="utf-8"))["sets"]
"""Published and made-up data, and what SurPyval makes of them: see benchmarks/references.py."""


def published(name: str) -> list[Interval]:
    """The intervals of one of the references."""
    return [interval(lower_s, upper_s) for lower_s, upper_s in REFERENCES[name]["intervals"]]


def interval(lower_s: float, upper_s: float | None = None) -> Interval:
    return Interval(lower_s, math.inf if upper_s is None else upper_s)


ENDS = st.integers(0, 12).map(float)
"""Few values, so that ends meet: at ties, open and closed ends make all the difference."""


@st.composite
def one_interval(draw: st.DrawFn) -> Interval:
    """A point, an interval, or one without an end."""
    lower_s = draw(ENDS)
    width = draw(st.one_of(st.just(0.0), st.integers(1, 6).map(float), st.just(math.inf)))
    return Interval(lower_s, lower_s + width)


many_intervals = st.lists(one_interval(), min_size=1, max_size=25)


def looked_at(delay_s: float, chance: Random, *, unseen: float = 0.1) -> Interval:
    """What a watch with gaps says of a delay; sometimes it sees no end."""
    gap_s = 0.05 + 0.1 * delay_s * chance.random()
    phase = chance.random()
    lower_s = max(0.0, delay_s - phase * gap_s)
    return Interval(lower_s, math.inf if chance.random() < unseen else delay_s + (1 - phase) * gap_s)


def simulated(n: int, draw: Callable[[], float], chance: Random, *, unseen: float = 0.1) -> list[Interval]:
    return [looked_at(draw(), chance, unseen=unseen) for _ in range(n)]
