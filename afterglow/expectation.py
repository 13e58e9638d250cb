"""Where the nights before make a revocation likely, and the plan of looks that follows from it.

A step of s seconds, where the delay has the density f, costs 1/s looks a second, and makes the interval s
seconds wide with the chance f. Of all plans of so many looks, that one makes the intervals narrowest in the
mean whose steps are proportional to the inverse square root of f.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from afterglow.statistics.npmle import Distribution

Floats = NDArray[np.float64]

FEWEST_NIGHTS = 10
"""Below that a history is an anecdote: after ten nights, the next one falls outside of all of them two times
in eleven, even if nothing changes."""

KEPT = 0.82
"""The share of the usual looks that is made however sure the nights before seem: no interval is more than
1/KEPT, 1.22 times, as wide as usually, whatever the truth is. With less kept, a history that misleads costs
more than a quarter at the same number of requests; with more, a right one gains less: see `make looking`."""

BELIEVED = 4
"""The power of the share of the mass that has passed, by which the usual looks come back: small until most of
it has. With two modes, the first to pass must not be the end of belief in the second."""

KNOTS = 400
"""Moments by which a plan is reckoned: 2 % apart, as the usual steps are."""

HALVINGS = 60

NOISE = 1e-12
"""What floats leave of a sum that is nothing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many looks shall have been made by when, since the log-out: straight from one point to the next.

    kept: the share of the usual looks that is made in any case.
    """

    at_s: tuple[float, ...]
    looks: tuple[float, ...]
    kept: float

    def step_s(self, elapsed_s: float) -> float:
        """How long after `elapsed_s` the next look is due: until the plan has one more, however it goes."""
        due = _between(elapsed_s, self.at_s, self.looks) + 1.0
        return _between(due, self.looks, self.at_s) - elapsed_s


def _between(x: float, xs: tuple[float, ...], ys: tuple[float, ...]) -> float:
    """The straight line between two points of a rising curve; beyond its ends, the line goes on."""
    right = min(max(bisect_right(xs, x), 1), len(xs) - 1)
    share = (x - xs[right - 1]) / (xs[right] - xs[right - 1])
    return ys[right - 1] + share * (ys[right] - ys[right - 1])


@dataclass(frozen=True, slots=True)
class Expectation:
    """The density that a schedule looks by: `masses` lie evenly between one of the edges and the next.

    Edges rise, in seconds since the log-out. What the masses lack to one are delays whose end nobody saw.
    horizon_s: when a watch gives up.
    """

    edges_s: tuple[float, ...]
    masses: tuple[float, ...]
    horizon_s: float

    @classmethod
    def of(
        cls, distribution: Distribution, *, horizon_s: float, nights: int | None = None
    ) -> Expectation | None:
        """What the nights before let expect; None where they are too few, or no end was ever seen.

        `nights` is how many they were, if the distribution counts several log-outs of a night.

        Each cell is spread evenly over its neighbourhood, as far on either side as it takes to meet the mass
        of nights^(2/3) of them: wide where the nights are few and far between, narrow where they agree.
        """
        nights = distribution.n if nights is None else nights
        cells = [cell for cell in distribution.cells if math.isfinite(cell.upper_s)]
        if nights < FEWEST_NIGHTS or not cells:
            return None
        begin, end, mass = np.array([(cell.lower_s, cell.upper_s, cell.mass) for cell in cells]).T
        middle = (begin + end) / 2
        reach = np.maximum(_reach(begin, end, mass, mass.sum() / math.cbrt(nights)), (end - begin) / 2)
        # Two nights may agree to the clock's last digit; a density has no points.
        reach = np.maximum(reach, np.maximum(1e-3, 1e-3 * middle))
        from_s, to_s = np.maximum(0.0, middle - reach), middle + reach
        edges = np.unique(np.concatenate([[0.0], from_s, to_s]))
        rises = np.zeros(len(edges))
        np.add.at(rises, np.searchsorted(edges, from_s), mass / (to_s - from_s))
        np.add.at(rises, np.searchsorted(edges, to_s), -mass / (to_s - from_s))
        heights = np.cumsum(rises)[:-1]
        heights[heights < NOISE * heights.max()] = 0.0
        masses = heights * np.diff(edges)
        return cls(tuple(edges.tolist()), tuple(masses.tolist()), horizon_s)

    def plan(self, *, floor_s: float, cap_s: float, growth: float, kept: float = KEPT) -> Plan:
        """Spend as many looks as the usual steps would, by this expectation, until the revocation.

        The usual steps are a share `growth` of the elapsed time, between floor and cap. What is saved of them
        goes where the density is, in proportion to its square root, as far as the floor lets it.

        `kept` of the usual looks are made in any case. And once the expected mass has passed with no
        revocation, it is believed no longer: the usual steps are back.

        The root is of the density and not of the hazard f/S, S being the chance that a watch still goes on.
        That would narrow the intervals by up to a fifth more where the expectation is right; but it spends so
        much on the last of the mass that wrong ones would cost up to half as much again.
        """
        at = np.unique(
            np.concatenate([[0.0], np.geomspace(min(floor_s, self.horizon_s / 2), self.horizon_s, KNOTS)])
        )
        at = np.union1d(at, [edge for edge in self.edges_s if edge < 0.999 * self.horizon_s])
        middle, lasting = (at[1:] + at[:-1]) / 2, np.diff(at)
        alive = 1.0 - np.interp(middle, self.edges_s, np.cumsum([0.0, *self.masses]))
        root = np.sqrt(self._density(middle))
        usual = 1.0 / np.clip(growth * middle, min(floor_s, cap_s), cap_s)
        least = np.maximum((kept + (1.0 - kept) * (1.0 - alive) ** BELIEVED) * usual, 1.0 / cap_s)
        most = max(1.0 / floor_s, 1.0 / cap_s)
        worth = alive * lasting

        def rate(price: float) -> Floats:
            return np.asarray(np.minimum(np.maximum(root / price, least), most))

        low, high = 1e-9, 1e9
        for _ in range(HALVINGS):
            price = math.sqrt(low * high)
            too_many = rate(price) @ worth > usual @ worth
            low, high = (price, high) if too_many else (low, price)
        looks = np.cumsum([0.0, *(rate(high) * lasting)])
        return Plan(tuple(at.tolist()), tuple(looks.tolist()), kept)

    def _density(self, at_s: Floats) -> Floats:
        heights = np.array([0.0, *(np.array(self.masses) / np.diff(self.edges_s)), 0.0])
        return np.asarray(heights[np.searchsorted(self.edges_s, at_s)])


def _reach(begin: Floats, end: Floats, mass: Floats, wanted: float) -> Floats:
    """How far from the middle of each cell one must go, on both sides, to meet so much mass."""
    # The sum of the mass rises within the cells, and stays level from one to the next.
    at = np.stack([begin, end], axis=1).ravel()
    summed = np.stack([np.cumsum(mass) - mass, np.cumsum(mass)], axis=1).ravel()
    middle = (begin + end) / 2
    near, far = np.zeros(len(middle)), np.full(len(middle), at[-1] - at[0] + 1e-9)
    for _ in range(HALVINGS):
        reach = (near + far) / 2
        met = np.interp(middle + reach, at, summed) - np.interp(middle - reach, at, summed)
        near, far = np.where(met < wanted, reach, near), np.where(met < wanted, far, reach)
    return far
