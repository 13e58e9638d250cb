"""What can be asked of the nights: which log-outs, by which of their doors, in which browser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from afterglow.delay import Interval, Verdict
from afterglow.history.past import CHATGPT, SURFACES, Night, PastLogOut, PastRun
from afterglow.settings import LAYERS

ACTIONS = ("log out all", "log out one")
"""The most important first: only for the log-out of all does the site name a window."""

SURFACES_IN_ORDER = (CHATGPT, *SURFACES.values())


@dataclass(frozen=True, slots=True)
class Question:
    """A log-out, by its action; narrowed to one layer or one surface, and to one browser."""

    action: str
    layer: str | None = None
    surface: str | None = None
    engine: str | None = None

    @property
    def told(self) -> str:
        """Such as "log out all, access" or "log out one, all doors, in firefox"."""
        where = self.layer or (f"all doors of {self.surface}" if self.surface else "all doors")
        return f"{self.action}, {where}" + (f", in {self.engine}" if self.engine else "")

    def asks(self, run: PastRun, log_out: PastLogOut) -> bool:
        """Whether it is about this log-out, of whose doors it may still ask for one that was not watched."""
        return log_out.action == self.action and self.engine in (None, run.engine)

    def answer(self, log_out: PastLogOut) -> tuple[Interval, Verdict] | None:
        """The delay that is asked for and its verdict; None if it was not measured.

        The verdict on all doors is the one that the night itself came to, which knows more than the interval.
        """
        if not log_out.usable or (delay := log_out.of(layer=self.layer, surface=self.surface)) is None:
            return None
        narrowed = self.layer or self.surface
        return delay, delay.verdict(log_out.window_s) if narrowed else log_out.verdict


@dataclass(frozen=True, slots=True)
class Answer:
    """What one night says to a question: its log-outs, and for each the delay and the verdict."""

    night: Night
    log_outs: tuple[PastLogOut, ...]
    intervals: tuple[Interval, ...]
    verdicts: tuple[Verdict, ...]


def answers(nights: Iterable[Night], question: Question) -> list[Answer]:
    """The answers of the nights that have one, in their order; what is not usable counts for nothing."""
    return [answer for night in nights if (answer := _answer(night, question))]


def left_out(nights: Iterable[Night], question: Question) -> int:
    """How many log-outs the question is about that are not usable."""
    return sum(not log_out.usable for night in nights for log_out in _asked(night, question))


def questions(nights: Iterable[Night]) -> list[Question]:
    """All the questions that have an answer, the most important first.

    First each action by all doors, then by layer, by surface, and in each browser, if there are several.
    """
    usable = [
        (run, log_out) for night in nights for run in night.runs for log_out in run.log_outs if log_out.usable
    ]
    actions = _in_order({log_out.action for _, log_out in usable if log_out.doors}, ACTIONS)
    found = [Question(action) for action in actions]
    for action in actions:
        mine = [(run, log_out) for run, log_out in usable if log_out.action == action]
        doors = [door for _, log_out in mine for door in log_out.doors]
        layers = _in_order({door.layer for door in doors}, LAYERS)
        surfaces = _several({door.surface for door in doors}, SURFACES_IN_ORDER)
        engines = _several({run.engine for run, log_out in mine if run.engine and log_out.doors}, ())
        found += [Question(action, layer=layer) for layer in layers]
        found += [Question(action, surface=surface) for surface in surfaces]
        found += [Question(action, engine=engine) for engine in engines]
    return found


def _answer(night: Night, question: Question) -> Answer | None:
    found = [(log_out, *told) for log_out in _asked(night, question) if (told := question.answer(log_out))]
    if not found:
        return None
    log_outs, intervals, verdicts = zip(*found, strict=True)
    return Answer(night, log_outs, intervals, verdicts)


def _asked(night: Night, question: Question) -> Iterator[PastLogOut]:
    for run in night.runs:
        yield from (log_out for log_out in run.log_outs if question.asks(run, log_out))


def _several(names: set[str], order: Sequence[str]) -> list[str]:
    """One alone is no group of its own: it says what all together say."""
    return _in_order(names, order) if len(names) > 1 else []


def _in_order(names: set[str], order: Sequence[str]) -> list[str]:
    """As in the order given, and what it does not name after that, by name."""
    return [name for name in order if name in names] + sorted(names.difference(order))
