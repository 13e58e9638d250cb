"""Figures from samples: quantiles, and what a count of misses says of their rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence


def quantile(values: Sequence[float], share: float) -> float:
    """The quantile, interpolated between the two nearest values. Raises ValueError without any value."""
    if not values:
        raise ValueError("nothing was measured")
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])


def at_most(count: int, trials: int, chance: float) -> float:
    """The chance that at most `count` of so many trials succeed: the binomial distribution.

    In logarithms, because the coefficients of a few hundred trials are larger than any float.
    """
    if count >= trials or chance <= 0:
        return 1.0
    if chance >= 1:
        return 0.0
    log_chance, log_other = math.log(chance), math.log1p(-chance)
    log_all = math.lgamma(trials + 1)
    return min(
        1.0,
        math.fsum(
            math.exp(
                log_all
                - math.lgamma(k + 1)
                - math.lgamma(trials - k + 1)
                + k * log_chance
                + (trials - k) * log_other
            )
            for k in range(count + 1)
        ),
    )


def clopper_pearson(count: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact two-sided confidence interval of a rate, from how often it showed.

    Its ends are quantiles of beta distributions; here they are found on the binomial sum itself.
    """
    if not 0 <= count <= trials or trials == 0:
        raise ValueError(f"{count} of {trials} is no rate")
    tail = (1 - confidence) / 2
    lower = 0.0 if count == 0 else _root(lambda p: 1 - at_most(count - 1, trials, p) - tail)
    upper = 1.0 if count == trials else _root(lambda p: tail - at_most(count, trials, p))
    return lower, upper


def _root(rising: Callable[[float], float]) -> float:
    """Where a rising function of a chance is zero, by bisection to the precision of floats."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return (low + high) / 2
