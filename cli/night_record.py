"""What a night has come to: `nightly.json`, whole after every stage, so that a killed night is told too."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

FILE = "nightly.json"


class Code(IntEnum):
    """The exit codes of `nightly`, of a whole night or of what one stage has found."""

    WITHIN = 0
    BROKEN_PROMISE = 1
    NOT_MEASURED = 2
    MISCONFIGURED = 3
    INTERRUPTED = 130


IN_WORDS = {
    Code.WITHIN: "all within the window",
    Code.BROKEN_PROMISE: "a promise was broken",
    Code.NOT_MEASURED: "something could not be measured, or told",
    Code.MISCONFIGURED: "nothing was run: the settings are wrong",
    Code.INTERRUPTED: "interrupted",
}

WORST_FIRST = (
    Code.BROKEN_PROMISE,
    Code.INTERRUPTED,
    Code.MISCONFIGURED,
    Code.NOT_MEASURED,
    Code.WITHIN,
)
"""A promise that was broken stays broken, whatever else went wrong in the night."""


def worst(codes: Iterable[Code]) -> Code:
    """The one that stands for all of them."""
    return min(codes, key=WORST_FIRST.index, default=Code.WITHIN)


class State(StrEnum):
    """How far a stage has come. left out: it never began, and `why` says for what reason."""

    DONE = "done"
    FAILED = "failed"
    HUNG = "hung"
    INTERRUPTED = "interrupted"
    LEFT_OUT = "left out"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LogOut(_Part):
    """One log-out of a suite's run, until every device was out by every door.

    delay_s: [lower, upper] in seconds; a null upper end was never seen. verdict: within, late, undetermined.
    """

    stage: str
    action: str
    started: str
    window_s: float
    delay_s: tuple[float, float | None]
    verdict: str
    why: str | None = None


class Trouble(_Part):
    """A promise that was broken, or something that could not be measured, and what to do about it.

    known: it is broken, and listed among the known issues.
    """

    stage: str
    what: str
    why: str
    remedy: str = ""
    broken_promise: bool = False
    known: bool = False


class Stage(_Part):
    """How one stage went. code: what it found, as an exit code of the night. exit_code: the program's own.

    tests: how many had each status (passed, failed, broken, skipped). cost: what the run cost, in words.
    files: what it left in the night's folder, with all details.
    """

    name: str
    state: State
    code: Code
    exit_code: int | None = None
    took_s: float = 0.0
    why: str | None = None
    tests: dict[str, int] = {}
    cost: str | None = None
    files: tuple[str, ...] = ()


class Found(BaseModel):
    """What a stage adds to the record, beside how it went."""

    stage: Stage
    log_outs: list[LogOut] = []
    troubles: list[Trouble] = []


class Record(BaseModel):
    """The whole night. Times are UTC. state: running, complete or interrupted; exit_code: so far.

    trend: what all nights tell together, in sentences. removed: what retention has taken away. report: the
    night's Allure report, seen from the reports folder; None if there is none.
    """

    v: int = 1
    night: str
    target: str | None = None
    site: str | None = None
    started: datetime = Field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None
    state: str = "running"
    exit_code: Code = Code.WITHIN
    told: str = ""
    stages: list[Stage] = []
    log_outs: list[LogOut] = []
    troubles: list[Trouble] = []
    trend: list[str] = []
    removed: list[str] = []
    report: str | None = None

    @property
    def interrupted(self) -> bool:
        """Whether it was ended before it had come to its end."""
        return any(
            Code.INTERRUPTED is stage.code or stage.state is State.INTERRUPTED for stage in self.stages
        )

    @property
    def took_s(self) -> float:
        """How long it took, in seconds."""
        return ((self.ended or datetime.now(UTC)) - self.started).total_seconds()

    def add(self, found: Found) -> None:
        """Put down what a stage has found."""
        self.stages.append(found.stage)
        self.log_outs += found.log_outs
        self.troubles += found.troubles
        self.exit_code = worst(stage.code for stage in self.stages)
        self.told = IN_WORDS[self.exit_code]

    def pass_over_known(self, code: Code) -> None:
        """Every promise that was broken is a known issue: this is what the night comes to without them."""
        self.stages = [
            stage.model_copy(update={"code": code}) if stage.code is Code.BROKEN_PROMISE else stage
            for stage in self.stages
        ]
        self.troubles = [
            trouble.model_copy(update={"known": trouble.broken_promise}) for trouble in self.troubles
        ]

    def end(self) -> None:
        """Say that nothing comes after this."""
        self.ended, self.state = datetime.now(UTC), "interrupted" if self.interrupted else "complete"

    def write(self, *paths: Path) -> None:
        """Replace each file in one step, so that a reader never meets half of it. Raises OSError."""
        content = self.model_dump_json(indent=2) + "\n"
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            new = path.with_suffix(".new")
            new.write_text(content, encoding="utf-8")
            new.replace(path)
