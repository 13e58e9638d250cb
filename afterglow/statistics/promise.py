"""What so many nights promise: the share of nights within the window, with an exact bound, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scipy.stats import beta, nbinom

from afterglow.delay import Verdict
from afterglow.statistics.words import counted, percent_down, percent_up

WORTH_PROMISING = 0.95
"""The share that a promise should reach. Nights that can neither show nor refute it are too few."""


@dataclass(frozen=True, slots=True)
class Promise:
    """So many nights, and how many of them were late or could not be judged.

    The bounds are Clopper's and Pearson's (1934), which are exact: whatever the share of nights within the
    window is, each holds with at least the stated confidence. A night counts as one, however often it logged
    out, because what happens in one night is not independent.
    """

    nights: int
    late: int = 0
    undetermined: int = 0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        """Raise ValueError for counts that cannot be."""
        if min(self.late, self.undetermined) < 0 or self.late + self.undetermined > self.nights:
            raise ValueError(f"{self.late} late and {self.undetermined} undetermined of {self.nights} nights")

    @property
    def within(self) -> int:
        """The nights that were within the window for certain."""
        return self.nights - self.late - self.undetermined

    @property
    def at_least(self) -> float:
        """The lower bound of the share within the window. What is undetermined counts as late."""
        if not self.within:
            return 0.0
        return float(beta.ppf(1 - self.confidence, self.within, self.nights - self.within + 1))

    @property
    def at_most(self) -> float:
        """The upper bound. What is undetermined counts as within."""
        if not self.late:
            return 1.0
        return float(beta.ppf(self.confidence, self.nights - self.late + 1, self.late))

    @property
    def needed(self) -> int:
        """How many nights would show what is worth promising, if no more than these were late or unclear."""
        misses = self.nights - self.within
        return misses + 1 + int(nbinom.ppf(self.confidence, misses + 1, 1 - WORTH_PROMISING))

    @property
    def too_few(self) -> bool:
        """Whether so many nights can show neither that what is worth promising is kept nor that it is not."""
        return self.nights < self.needed and self.at_most >= WORTH_PROMISING

    @property
    def told(self) -> str:
        """In words, such as "59 nights, none late: at least 95 % within the window, with 95 % confidence"."""
        if not self.nights:
            return f"no nights: {self._takes}"
        return f"{self._counts}: {self._bounds}" + (f"; {self._takes}" if self.too_few else "")

    @property
    def _counts(self) -> str:
        told = [counted(self.nights, "night"), f"{self.late or 'none'} late"]
        if self.undetermined:
            told.append(f"{self.undetermined} undetermined")
        return ", ".join(told)

    @property
    def _bounds(self) -> str:
        unclear = bool(self.undetermined)
        told = f"at least {percent_down(self.at_least)} within the window"
        told += " (undetermined counted as late)" * unclear
        if self.late:
            told += f" and at most {percent_up(self.at_most)}" + " (counted as within)" * unclear
        each = "each " if self.late else ""
        return f"{told}, {each}with {percent_down(self.confidence)} confidence"

    @property
    def _takes(self) -> str:
        told = f"too few nights to show {percent_down(WORTH_PROMISING)}, which takes {self.needed}"
        if self.undetermined:
            return f"{told} if no more are late or undetermined"
        return f"{told} if no more are late" if self.late else f"{told}, none of them late"


def promise_of(nights: Iterable[Sequence[Verdict]], confidence: float = 0.95) -> Promise:
    """What the nights promise, each given by the verdicts on its log-outs."""
    counts = Counter(_of_night(verdicts) for verdicts in nights)
    return Promise(counts.total(), counts[Verdict.LATE], counts[Verdict.UNDETERMINED], confidence)


def _of_night(verdicts: Sequence[Verdict]) -> Verdict:
    """Late if any log-out was, else undetermined if any was or none was judged."""
    if Verdict.LATE in verdicts:
        return Verdict.LATE
    return Verdict.UNDETERMINED if Verdict.UNDETERMINED in verdicts or not verdicts else Verdict.WITHIN
