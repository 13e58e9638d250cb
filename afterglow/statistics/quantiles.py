"""Bounds of the delay's quantiles that hold whatever the distribution is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import binom

from afterglow.delay import Interval


def quantile_bounds(intervals: Sequence[Interval], p: float, confidence: float = 0.95) -> Interval:
    """Bounds of the delay that a share p of all delays does not exceed; each holds with that confidence.

    If each holds with 95 %, both together do with 90 %. The intervals must be independent of each other.

    The k-th shortest delay lies between the k-th lower end and the k-th upper end, each in their own order,
    and how many of n delays do not exceed the quantile is binomial. That assumes nothing of the shape of the
    distribution nor of the widths of the intervals. Too few intervals give no bound: 0 or infinity.
    """
    _require_share(p)
    n, residual = len(intervals), 1 - confidence
    lower_s = sorted(each.lower_s for each in intervals)
    upper_s = sorted(each.upper_s for each in intervals)
    shorter = np.arange(n)
    # The quantile is less than the k-th delay only where fewer than k do not exceed it, …
    below = np.count_nonzero(binom.cdf(shorter, n, p) <= residual)
    # … and more than the k-th from the other end only where more than n - k are shorter.
    above = np.count_nonzero(binom.sf(shorter, n, p) <= residual)
    return Interval(lower_s[below - 1] if below else 0.0, upper_s[n - above] if above else math.inf)


def nights_needed(p: float, confidence: float = 0.95) -> int:
    """How many delays it takes for a finite upper bound of the quantile: 59 for p95, 299 for p99.

    The longest of n delays is below the quantile with a chance of p to the n.
    """
    _require_share(p)
    return math.ceil(math.log1p(-confidence) / math.log(p))


def _require_share(p: float) -> None:
    if not 0 < p < 1:
        raise ValueError(f"not a share of delays: {p}")
