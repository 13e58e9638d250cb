"""Has the delay got longer? Tests that fit intervals, and change points.

Every interval has a score by the estimate from all of them together, as if nothing had changed: that of the
log-rank test for interval-censored data (Finkelstein 1986), here positive where a delay is longer than the
others. Chance is what permuting the nights gives. That is exact, however few nights there are and however
their intervals are censored, as long as all of them were looked at in the same way. A night is permuted as a
whole, with the mean score of its intervals: what happens in one night is not independent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count, pairwise
from random import Random

import numpy as np
from scipy.special import xlogy

from afterglow.delay import Interval
from afterglow.statistics.npmle import Floats, estimate, fit
from afterglow.statistics.words import chance_told

ALARM = 0.01
"""Nights are compared every night: a false alarm in a hundred can be lived with, one in twenty cannot."""

FEWEST = 3
"""So many nights make a regime. One or two that are long are late nights, and are told as such."""

BATCH = 200
"""Permutations at a time: ten years of nights then fit into a few megabytes."""

NOISE = 1e-9
"""A permutation that is as extreme but for the noise of floats is as extreme."""


@dataclass(frozen=True, slots=True)
class Change:
    """Whether the nights lately took longer than those before: p_value; or differ at all: p_two_sided."""

    p_value: float
    p_two_sided: float
    n_before: int
    n_lately: int

    @property
    def too_few(self) -> bool:
        """Whether no outcome at all could have been an alarm: the nights can be permuted in too few ways."""
        return _ways(self.n_before, self.n_lately) * ALARM < 1

    @property
    def longer(self) -> bool:
        """Whether it is an alarm."""
        return self.p_value <= ALARM

    @property
    def shorter(self) -> bool:
        """Whether they took less time, as surely."""
        return not self.longer and self.p_two_sided <= ALARM

    @property
    def told(self) -> str:
        """In words."""
        if self.too_few:
            few = f"{self.n_lately} lately, {self.n_before} before"
            return f"too few nights to see a change: {few}; it takes {_needed()} or more"
        lately = "the last night" if self.n_lately == 1 else f"the last {self.n_lately} nights"
        against = f"{lately} beside the {self.n_before} before"
        if self.longer:
            return f"the delay has got longer: {against}, {chance_told(self.p_value)}"
        if self.shorter:
            return f"the delay has got shorter: {against}, {chance_told(self.p_two_sided)}"
        return f"no change is seen: {against}, {chance_told(self.p_value)} for longer"


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """Since the night at `index` the delay is another. before, after: where the median lies in either regime.

    p_value: the chance of such a contrast anywhere among nights that do not differ.
    """

    index: int
    p_value: float
    longer: bool
    before: Interval
    after: Interval


@dataclass(frozen=True, slots=True)
class _Split:
    """The sharpest contrast among the nights from start to before stop."""

    start: int
    index: int
    stop: int
    p_value: float
    contrast: float


def has_changed(
    before: Sequence[Interval | Sequence[Interval]],
    lately: Sequence[Interval | Sequence[Interval]],
    *,
    chance: Random,
    rounds: int = 10_000,
) -> Change:
    """Whether the nights lately differ from those before; each is an interval, or several of one night."""
    if not before or not lately:
        return Change(1.0, 1.0, len(before), len(lately))
    scores = _scores([_night(each) for each in (*before, *lately)])
    found = scores[len(before) :].sum()
    generator = np.random.default_rng(chance.getrandbits(64))
    # to draw those that would come last is as good as to permute all, of which there may be thousands
    drawn = (
        generator.choice(scores, len(lately), replace=False, shuffle=False, axis=0) for _ in range(rounds)
    )
    sums = np.array([each.sum() for each in drawn])
    at_least = int(np.count_nonzero(sums >= found - NOISE))
    as_far = int(np.count_nonzero(abs(sums) >= abs(found) - NOISE))
    return Change((1 + at_least) / (1 + rounds), (1 + as_far) / (1 + rounds), len(before), len(lately))


def change_points(
    nights: Sequence[Sequence[Interval]],
    *,
    chance: Random,
    at_most: int = 5,
    alarm: float = ALARM,
    rounds: int = 2000,
) -> list[ChangePoint]:
    """Where the delay has changed, in the nights' order: the sharpest first (binary segmentation).

    alarm: the chance of a change point anywhere among nights that do not differ.
    """
    found: list[_Split] = []
    open_ = [_split(nights, 0, len(nights), chance, alarm, rounds)]
    while len(found) < at_most:
        alarms = [split for split in open_ if split is not None and split.p_value <= alarm]
        if not alarms:
            break
        split = min(alarms, key=lambda each: (each.p_value, -each.contrast))
        open_.remove(split)
        found.append(split)
        open_.append(_split(nights, split.start, split.index, chance, alarm, rounds))
        open_.append(_split(nights, split.index, split.stop, chance, alarm, rounds))
    return _told(nights, sorted(found, key=lambda split: split.index))


def _told(nights: Sequence[Sequence[Interval]], splits: Sequence[_Split]) -> list[ChangePoint]:
    """Each split beside the regimes that it parts, which later splits have made shorter."""
    edges = [0, *(split.index for split in splits), len(nights)]
    regimes = [nights[start:stop] for start, stop in pairwise(edges)]
    return [
        ChangePoint(split.index, split.p_value, _is_longer(after, before), _median(before), _median(after))
        for split, (before, after) in zip(splits, pairwise(regimes), strict=True)
    ]


def _is_longer(after: Sequence[Sequence[Interval]], before: Sequence[Sequence[Interval]]) -> bool:
    scores = _scores([*before, *after])
    return bool(scores[len(before) :].mean() > scores[: len(before)].mean())


def _median(nights: Sequence[Sequence[Interval]]) -> Interval:
    intervals = list(chain.from_iterable(nights))
    return estimate(intervals).quantile(0.5) if intervals else Interval(0.0)


def _split(
    nights: Sequence[Sequence[Interval]], start: int, stop: int, chance: Random, alarm: float, rounds: int
) -> _Split | None:
    """The sharpest contrast and the chance of one as sharp; None if there are too few nights to part."""
    if stop - start < 2 * FEWEST:
        return None
    scores = _scores(nights[start:stop])
    contrasts = _contrasts(scores[np.newaxis])[0]
    index = int(contrasts.argmax())
    sharpest = float(contrasts[index])
    done = as_sharp = 0
    for batch in _shuffled(scores, rounds, chance):
        done += len(batch)
        as_sharp += int(np.count_nonzero(_contrasts(batch).max(axis=1) >= sharpest - NOISE))
        if 1 + as_sharp > alarm * (1 + rounds):
            break  # it is no alarm any more, whatever is still to come
    return _Split(start, start + FEWEST + index, stop, (1 + as_sharp) / (1 + done), sharpest)


def _contrasts(scores: Floats) -> Floats:
    """For each row and each way to part it in two, how far the parts differ, in units of the same chance."""
    n = scores.shape[1]
    first = np.arange(FEWEST, n - FEWEST + 1)
    sums = np.cumsum(scores, axis=1)[:, FEWEST - 1 : n - FEWEST]
    return np.asarray(abs(sums) / np.sqrt(first * (n - first) / n))


def _scores(nights: Sequence[Sequence[Interval]]) -> Floats:
    """How much longer each night was than the others, so that all add up to nothing."""
    of_night = np.repeat(np.arange(len(nights)), [len(night) for night in nights])
    if not len(of_night):
        return np.zeros(len(nights))
    found = fit(list(chain.from_iterable(nights)))
    survival = 1 - found.shares
    begin, end = survival[found.first], survival[found.after]
    longer = (xlogy(end, end) - xlogy(begin, begin)) / (begin - end)
    sums = np.bincount(of_night, longer, len(nights))
    scores = sums / np.maximum(1, np.bincount(of_night, minlength=len(nights)))
    # They do so by themselves over intervals, but not over nights of unequal numbers of them.
    return np.asarray(scores - scores.mean())


def _shuffled(scores: Floats, rounds: int, chance: Random) -> Iterator[Floats]:
    """The scores in so many random orders, some rows at a time."""
    generator = np.random.default_rng(chance.getrandbits(64))
    for done in range(0, rounds, BATCH):
        yield generator.permuted(np.tile(scores, (min(BATCH, rounds - done), 1)), axis=1)


def _night(told: Interval | Sequence[Interval]) -> Sequence[Interval]:
    return (told,) if isinstance(told, Interval) else told


def _ways(n_before: int, n_lately: int) -> int:
    """In how many ways the nights can be told apart."""
    return math.comb(n_before + n_lately, n_lately)


def _needed() -> int:
    """How many nights it takes for an alarm, if half of them are the last ones."""
    return next(n for n in count(1) if _ways(n // 2, n - n // 2) * ALARM >= 1)
