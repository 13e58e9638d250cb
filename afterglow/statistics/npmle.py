"""The distribution that fits intervals best, without assuming its shape: Turnbull's estimate.

Each interval (L, R] says that one delay lies in it, and no more; R is infinite where no end was seen. The
non-parametric maximum likelihood estimate puts all its mass on the innermost intervals, the cells: those
that begin with some L and end with the next R (Peto 1973, Turnbull 1976). How much each cell has is unique.
Where in its cell the mass lies, no data can tell: that is the band.

An interval of no width, (x, x], is the point x; what ends at x contains it, what begins at x does not.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from afterglow.delay import Interval

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

TOLERANCE = 1e-10
"""How far uphill the likelihood may still go anywhere, per interval and unit of mass. The log-likelihood is
then within n times as much of its maximum, and masses are right to more digits than anybody reads."""

ROUNDS = 5000
"""Some 20 to 80 are needed, for 59 intervals as for 43,800."""

NOTHING = 1e-9
"""A mass so small is none: with n delays, the least that the estimate gives to a cell is of the order 1/n."""


@dataclass(frozen=True, slots=True)
class Cell:
    """An innermost interval (lower, upper] and its share of all delays; (x, x] is the point x."""

    lower_s: float
    upper_s: float
    mass: float


@dataclass(frozen=True)
class Distribution:
    """The estimate from n intervals: cells with mass, in order. The masses add up to one.

    converged: whether the maximum was reached. If it was not, the masses are near it and no more.
    """

    cells: tuple[Cell, ...]
    n: int
    converged: bool = True

    @cached_property
    def _lower_s(self) -> list[float]:
        return [cell.lower_s for cell in self.cells]

    @cached_property
    def _upper_s(self) -> list[float]:
        return [cell.upper_s for cell in self.cells]

    @cached_property
    def _up_to(self) -> list[float]:
        """The mass of the first cells: of none, of one, …, of all."""
        sums = list(accumulate((cell.mass for cell in self.cells), initial=0.0))
        return [min(1.0, each) for each in sums[:-1]] + [1.0]

    def survival(self, t_s: float) -> tuple[float, float]:
        """The lowest and the highest share of delays longer than t that the estimate allows."""
        gone = bisect_right(self._upper_s, t_s)
        touched = max(gone, bisect_left(self._lower_s, t_s))
        return 1.0 - self._up_to[touched], 1.0 - self._up_to[gone]

    def steps(self) -> list[tuple[float, float, float]]:
        """The band as steps: (t, lowest, highest), which hold from just after t to the next t.

        From 0.0 on, and at every end of a cell; in a cell that begins at t, mass may lie at once.
        """
        ends = {0.0, *self._lower_s, *(end for end in self._upper_s if not math.isinf(end))}
        return [
            (t, 1.0 - self._up_to[bisect_right(self._lower_s, t)], self.survival(t)[1]) for t in sorted(ends)
        ]

    def quantile(self, p: float) -> Interval:
        """Where the delay lies that a share p of all delays does not exceed.

        Raises ValueError unless 0 < p <= 1.
        """
        if not 0 < p <= 1:
            raise ValueError(f"not a share of delays: {p}")
        # A share that is reached but for the noise of floats is reached.
        cell = self.cells[max(0, bisect_left(self._up_to, p - NOTHING) - 1)]
        return Interval(cell.lower_s, cell.upper_s)


@dataclass(frozen=True, slots=True)
class Fit:
    """The estimate in arrays. The i-th interval contains the cells from first[i] up to before after[i].

    shares: the mass of the first cells: of none, of one, …, of all; hence one more than there are cells.
    """

    lower_s: Floats
    upper_s: Floats
    first: Places
    after: Places
    shares: Floats
    converged: bool


def estimate(intervals: Sequence[Interval]) -> Distribution:
    """The estimate from intervals in any order. Raises ValueError if there are none."""
    found = fit(intervals)
    masses = np.diff(found.shares)
    some = masses > NOTHING
    masses = masses[some] / masses[some].sum()
    ends = zip(found.lower_s[some].tolist(), found.upper_s[some].tolist(), masses.tolist(), strict=True)
    return Distribution(tuple(Cell(*each) for each in ends), len(intervals), found.converged)


def fit(intervals: Sequence[Interval]) -> Fit:
    """The estimate, and which of the cells each interval contains. Raises ValueError if there are none."""
    if not intervals:
        raise ValueError("no distribution can be estimated without any interval")
    ends = np.array([(each.lower_s, each.upper_s) for each in intervals], dtype=np.float64)
    lower_s, upper_s, first, after = _innermost(ends[:, 0], ends[:, 1])
    shares, converged = _maximum(first, after, len(lower_s))
    return Fit(lower_s, upper_s, first, after, shares, converged)


def _innermost(left_s: Floats, right_s: Floats) -> tuple[Floats, Floats, Places, Places]:
    """The cells' ends, and for each interval its first cell and the one after its last."""
    values = np.unique(np.concatenate([left_s, right_s]))
    # At one value, a point begins before anything ends, and what ends there ends before (L, R] begins.
    begins = 3 * np.searchsorted(values, left_s) + np.where(left_s == right_s, 0, 2)
    ends = 3 * np.searchsorted(values, right_s) + 1
    order = np.unique(np.concatenate([begins, ends]))
    is_end = order % 3 == 1
    at = np.flatnonzero(~is_end[:-1] & is_end[1:])
    cell_begins, cell_ends = order[at], order[at + 1]
    return (
        values[cell_begins // 3],
        values[cell_ends // 3],
        np.searchsorted(cell_begins, begins),
        np.searchsorted(cell_ends, ends, side="right"),
    )


class _Likelihood:
    """The log-likelihood of shares, the distribution function at the ends of the cells, and its slopes.

    Sums over intervals are cumulative sums over cells, so that each step costs no more than it has to read.
    """

    def __init__(self, first: Places, after: Places, cells: int) -> None:
        pairs, self.counts = np.unique(np.stack([first, after]), axis=1, return_counts=True)
        self.first, self.after = pairs
        self.n, self.ends = len(first), cells + 1

    def chances(self, shares: Floats) -> Floats:
        """How likely each interval is."""
        return np.asarray(shares[self.after] - shares[self.first])

    def log(self, shares: Floats) -> float:
        """The log-likelihood; without end if it leaves an interval without mass."""
        chances = self.chances(shares)
        return float(np.sum(self.counts * np.log(chances))) if chances.min() > 0 else -math.inf

    def gain(self, shares: Floats) -> Floats:
        """What the log-likelihood gains by mass in each cell; at the maximum n, wherever there is mass."""
        pull = self.counts / self.chances(shares)
        return np.cumsum(self._at(self.first, pull) - self._at(self.after, pull))[:-1]

    def slope_and_bend(self, shares: Floats) -> tuple[Floats, Floats]:
        """The first derivative by each inner share, and the second with its sign turned."""
        chances = self.chances(shares)
        pull = self.counts / chances
        bend = pull / chances
        slope = self._at(self.after, pull) - self._at(self.first, pull)
        return slope[1:-1], (self._at(self.after, bend) + self._at(self.first, bend))[1:-1]

    def _at(self, places: Places, weights: Floats) -> Floats:
        return np.asarray(np.bincount(places, weights, self.ends), dtype=np.float64)


def _maximum(first: Places, after: Places, cells: int) -> tuple[Floats, bool]:
    """The shares of the maximum, and whether it was reached.

    Wellner and Zhan's hybrid (1997): in turn, a step of the EM algorithm, which never goes down, and one of
    the iterative convex minorant algorithm, which is fast and takes mass away altogether. The maximum is
    reached when no cell would gain by more mass (Kuhn and Tucker).
    """
    likelihood = _Likelihood(first, after, cells)
    shares = np.linspace(0.0, 1.0, cells + 1)
    for _ in range(ROUNDS):
        gain = likelihood.gain(shares) / likelihood.n
        if gain.max() <= 1 + TOLERANCE:
            return shares, True
        shares = np.concatenate([[0.0], np.cumsum(np.diff(shares) * gain)])
        shares /= shares[-1]
        shares = _convex_minorant_step(likelihood, shares)
    return shares, False


def _convex_minorant_step(likelihood: _Likelihood, shares: Floats) -> Floats:
    """Newton's step by each share alone, made monotone, and shortened until the likelihood grows with it."""
    slope, bend = likelihood.slope_and_bend(shares)
    aim = isotonic_regression(shares[1:-1] + slope / bend, weights=bend).x.clip(0.0, 1.0)
    way = np.concatenate([[0.0], aim - shares[1:-1], [0.0]])
    start, steepness = likelihood.log(shares), float(np.sum(slope * way[1:-1]))
    for halvings in range(20):
        length = 0.5**halvings
        there = shares + length * way
        if likelihood.log(there) >= start + 0.1 * length * steepness:
            return there
    return shares
