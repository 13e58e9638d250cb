"""The stages of a night, one after the other: each has a deadline, and none can stop those after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cli.limited import Ended, Ending, for_at_most
from cli.night_record import Code, Found, Stage, State, Trouble


@dataclass(frozen=True, slots=True)
class LeftOut(Exception):
    """A stage does not begin. code: whether something is missing without it."""

    why: str
    code: Code = Code.WITHIN
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """A stage to come: a program, its deadline, and what is made of how it ended.

    command: empty for what is done in this process, in `found`. begin: asked right before; raises LeftOut.
    found: may raise anything, which is then told of the stage.
    """

    name: str
    command: tuple[str | Path, ...]
    limit_s: float
    env: Mapping[str, str] = field(default_factory=dict)
    begin: Callable[[], None] = lambda: None
    found: Callable[[Ended], Found] | None = None


@dataclass(slots=True)
class Night:
    """What goes through the stages. at_most_s: how long all of them may take together.

    announce: called before each stage that begins, tell: with what each has found.
    """

    ending: Ending
    at_most_s: float
    announce: Callable[[str], None]
    tell: Callable[[Found], None]
    _began_s: float = field(default_factory=time.monotonic)

    def go(self, plans: Iterable[Plan]) -> None:
        """Go through all of them. `plans` may be a generator that looks at what was found before."""
        for plan in plans:
            began_s = time.monotonic()
            found = self._found(plan)
            stage = found.stage.model_copy(update={"took_s": round(time.monotonic() - began_s, 1)})
            self.tell(found.model_copy(update={"stage": stage}))

    def _found(self, plan: Plan) -> Found:
        try:
            limit_s = min(plan.limit_s, self._left_s())
            plan.begin()
            self.announce(plan.name)
            ended = for_at_most(limit_s, plan.command, plan.env, self.ending) if plan.command else Ended(0)
            return plan.found(ended) if plan.found else plain(plan.name, ended)
        except LeftOut as left_out:
            return _left_out(plan.name, left_out)
        except Exception as error:  # noqa: BLE001 - a night goes on, whatever one stage has come to
            why = f"{type(error).__name__}: {error}"
            return Found(stage=Stage(name=plan.name, state=State.FAILED, code=Code.NOT_MEASURED, why=why))

    def _left_s(self) -> float:
        """How much of the night is left. Raises LeftOut if it is over."""
        if self.ending.asked:
            raise LeftOut("the night was interrupted", Code.INTERRUPTED)
        left_s = self.at_most_s - (time.monotonic() - self._began_s)
        if left_s <= 0:
            raise LeftOut(f"the night has lasted {self.at_most_s / 3600:g} h already", Code.NOT_MEASURED)
        return left_s


def _left_out(name: str, left_out: LeftOut) -> Found:
    stage = Stage(name=name, state=State.LEFT_OUT, code=left_out.code, why=left_out.why)
    if left_out.code is not Code.NOT_MEASURED:
        return Found(stage=stage)
    trouble = Trouble(stage=name, what="left out", why=left_out.why, remedy=left_out.remedy)
    return Found(stage=stage, troubles=[trouble])


def plain(name: str, ended: Ended) -> Found:
    """How a program ended that says all by its exit code."""
    state, why = how(ended)
    return Found(stage=Stage(name=name, state=state, code=MEANS[state], exit_code=ended.code, why=why))


MEANS = {
    State.DONE: Code.WITHIN,
    State.INTERRUPTED: Code.INTERRUPTED,
    State.FAILED: Code.NOT_MEASURED,
    State.HUNG: Code.NOT_MEASURED,
}


def how(ended: Ended, *fine: int) -> tuple[State, str | None]:
    """How a program ended, and in words if that was not in order. fine: further exit codes that are."""
    if ended.hung:
        return State.HUNG, "it hung, and was ended"
    if ended.interrupted:
        return State.INTERRUPTED, "interrupted"
    if ended.code not in (0, *fine):
        return State.FAILED, f"it ended with exit code {ended.code}, and says why above"
    return State.DONE, None
