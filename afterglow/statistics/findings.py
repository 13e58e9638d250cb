"""All that the nights say to one question: for people in sentences, for machines as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from random import Random

from afterglow.delay import Interval
from afterglow.history.past import Night
from afterglow.measurement import delay_json
from afterglow.statistics.change import Change, ChangePoint, change_points, has_changed
from afterglow.statistics.groups import Answer, Question, answers, left_out
from afterglow.statistics.npmle import Distribution, estimate
from afterglow.statistics.promise import Promise, promise_of
from afterglow.statistics.quantiles import nights_needed, quantile_bounds
from afterglow.statistics.words import chance_told, counted, percent_down, since_when

SHARES = (0.5, 0.9, 0.95, 0.99)

Json = dict[str, object]


@dataclass(frozen=True)
class Finding:
    """What the nights say to a question.

    distribution: None if no night has an answer. quantiles: by share, where the delay lies by the estimate,
    and its bounds. The bounds are by the first log-out of each night, as what happens in one night is not
    independent. change: of the last nights against those before. change_points: their index is that of an
    answer. left_out: log-outs that are not usable, and count for nothing here.
    """

    question: Question
    answers: tuple[Answer, ...]
    promise: Promise
    distribution: Distribution | None
    quantiles: Mapping[float, tuple[Interval, Interval]]
    change: Change
    change_points: tuple[ChangePoint, ...]
    left_out: int = 0

    @property
    def n_nights(self) -> int:
        """The nights that have an answer."""
        return len(self.answers)

    @property
    def n_log_outs(self) -> int:
        """Their log-outs."""
        return sum(len(answer.intervals) for answer in self.answers)

    @property
    def told(self) -> tuple[str, ...]:
        """In sentences, the most important first."""
        first, *others = self.in_short
        return (first, *self._quantiles_told(), *others)

    @property
    def in_short(self) -> tuple[str, ...]:
        """The same without the quantiles."""
        changes = () if self.distribution is None else self._changes_told()
        return (self.promise.told, *changes, *self._doubts())

    def _changes_told(self) -> Iterator[str]:
        """Of the last nights and of all; "no change" is said only if there is none in either."""
        if self.change.longer or self.change.shorter or not self.change_points:
            yield self.change.told
        yield from self._since()

    def _quantiles_told(self) -> Iterator[str]:
        """One by one as long as there are nights enough; all the others in one sentence."""
        bounded = [share for share in self.quantiles if self.n_nights >= self._needed(share)]
        for share in bounded:
            found, bounds = self.quantiles[share]
            yield f"{_name(share)} is {found}; {self._bounds_told(bounds)}"
        if open_ := [share for share in self.quantiles if share not in bounded]:
            takes = [f"{_name(share)} ({self._needed(share)})" for share in open_]
            takes[0] = takes[0].replace("(", "(it takes ")
            yield f"too few nights for {', '.join(takes)}{self._at_least_told(open_)}"

    def _needed(self, share: float) -> int:
        return nights_needed(share, self.promise.confidence)

    def _bounds_told(self, bounds: Interval) -> str:
        if math.isfinite(bounds.upper_s):
            return f"bounds {bounds}, each {self._confidently}"
        why = "no upper bound, as too many nights saw no end"
        return f"{bounds} {self._confidently}; {why}" if bounds.lower_s else why

    def _at_least_told(self, shares: Sequence[float]) -> str:
        """What is known of them all the same."""
        lower = [(share, bounds) for share in shares if (bounds := self.quantiles[share][1]).lower_s]
        told = ", ".join(f"{_name(share)} is {bounds}" for share, bounds in lower)
        return f"; {told}, {self._confidently}" if told else ""

    @property
    def _confidently(self) -> str:
        return f"with {percent_down(self.promise.confidence)} confidence"

    def _since(self) -> Iterator[str]:
        for point in self.change_points:
            since = since_when(self.answers[point.index].night.started, self.answers[0].night.started)
            yield (
                f"since {since} {'longer' if point.longer else 'shorter'}: "
                f"the median was {point.before} before and is {point.after} from then on "
                f"({chance_told(point.p_value)})"
            )

    def _doubts(self) -> Iterator[str]:
        if self.left_out:
            yield f"{counted(self.left_out, 'log-out')} left out: what was measured is not usable"
        if self.distribution is not None and not self.distribution.converged:
            yield "the estimate did not converge: its figures are near the best ones and no more"

    def to_json(self) -> Json:
        """Times in seconds as [lower, upper], upper null if no end was seen."""
        question = self.question
        return {
            "question": {
                "action": question.action,
                "layer": question.layer,
                "surface": question.surface,
                "engine": question.engine,
                "told": question.told,
            },
            "nights": self.n_nights,
            "log_outs": self.n_log_outs,
            "left_out": self.left_out,
            "told": list(self.told),
            "in_short": list(self.in_short),
            "promise": {
                "late": self.promise.late,
                "undetermined": self.promise.undetermined,
                "at_least": self.promise.at_least,
                "at_most": self.promise.at_most,
                "confidence": self.promise.confidence,
                "too_few": self.promise.too_few,
            },
            "quantiles_s": {
                f"{share:g}": {"estimate": delay_json(found), "bounds": delay_json(bounds)}
                for share, (found, bounds) in self.quantiles.items()
            },
            "distribution_s": self._distribution_json(),
            "change": {
                "p_value": self.change.p_value,
                "p_two_sided": self.change.p_two_sided,
                "before": self.change.n_before,
                "lately": self.change.n_lately,
                "longer": self.change.longer,
                "shorter": self.change.shorter,
                "too_few": self.change.too_few,
            },
            "change_points": [self._point_json(point) for point in self.change_points],
        }

    def _distribution_json(self) -> Json | None:
        if self.distribution is None:
            return None
        cells = self.distribution.cells
        return {
            "converged": self.distribution.converged,
            "cells": [[*delay_json(Interval(cell.lower_s, cell.upper_s)), cell.mass] for cell in cells],
        }

    def _point_json(self, point: ChangePoint) -> Json:
        night = self.answers[point.index].night
        return {
            "night": night.name,
            "started": night.started.isoformat(),
            "longer": point.longer,
            "p_value": point.p_value,
            "median_before_s": delay_json(point.before),
            "median_after_s": delay_json(point.after),
        }


def _name(share: float) -> str:
    return "the median" if share == 0.5 else f"p{100 * share:g}"


def find(nights: Sequence[Night], question: Question, *, last: int = 7, chance: Random) -> Finding:
    """Ask the nights; the last ones, `last` or half of all, are compared with those before."""
    found = answers(nights, question)
    before = max(len(found) - last, len(found) // 2)
    of_nights = [answer.intervals for answer in found]
    intervals = list(chain.from_iterable(of_nights))
    distribution = estimate(intervals) if intervals else None
    return Finding(
        question,
        tuple(found),
        promise_of(answer.verdicts for answer in found),
        distribution,
        {} if distribution is None else _quantiles(distribution, [of_night[0] for of_night in of_nights]),
        has_changed(of_nights[:before], of_nights[before:], chance=chance),
        tuple(change_points(of_nights, chance=chance)),
        left_out(nights, question),
    )


def _quantiles(
    distribution: Distribution, of_each_night: Sequence[Interval]
) -> dict[float, tuple[Interval, Interval]]:
    return {share: (distribution.quantile(share), quantile_bounds(of_each_night, share)) for share in SHARES}
