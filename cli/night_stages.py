"""Which stages a night has: what each runs, how long at most, when it is left out, and what it has found."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from afterglow.diagnosis import FILE as DIAGNOSIS
from afterglow.diagnosis import MISCONFIGURED, PAGE, read
from afterglow.history.retention import outdated_reports, remove
from afterglow.settings import CODE_WITHIN_S, Settings
from cli.catalogue import CATALOGUE
from cli.doctor import AT_MOST_S, first_to_see_to
from cli.gate import read_gate
from cli.limited import Ended
from cli.night_record import Code, Found, Record, State, Trouble
from cli.night_results import Before, suite_found
from cli.night_sign_ins import CATALOGUE as SIGN_INS_OF_CATALOGUE
from cli.night_sign_ins import REPETITION, require_sign_ins
from cli.place import Stop
from cli.report import REPORT
from cli.running import CLEAN_UP_S
from cli.scenario import SCENARIO, USAGE_ERROR, suite_command
from cli.stages import LeftOut, Plan, plain
from cli.trend import FIGURES

NIGHTS = "nights"

BESIDES_WATCHING_S, SIGN_INS = 180.0, 3
"""What pytest allows a test beside its watch, and for how many codes to come (fixtures/plugin.py)."""

TESTS = {SCENARIO: 3, CATALOGUE: 60}
"""Tests of a run, at most. Each has a limit of its own; the stage's is for what hangs beyond them."""

STARTS_WITHIN_S = 120.0

TELLS_WITHIN_S = 600.0
"""Reports and pictures of ten years of nights take seconds."""


class Optional(StrEnum):
    """What a night can do without."""

    DOCTOR = "doctor"
    CATALOGUE = "catalogue"


@dataclass(frozen=True, slots=True)
class Tonight:
    """What the stages go by. settings: None if they are wrong, and then nothing is logged out."""

    record: Record
    reports: Path
    settings: Settings | None
    without: frozenset[Optional] = frozenset()

    @property
    def folder(self) -> Path:
        """Where the night is kept."""
        return self.reports / NIGHTS / self.record.night

    def plans(self) -> Iterator[Plan]:
        """All stages, in order. Each is made when those before it are over."""
        settings = self.settings
        if settings is not None:
            yield self.doctor()
            for number in range(1, settings.repetitions + 1):
                yield self._repetition(settings, number)
            yield self._catalogue(settings)
        yield self.report()
        if settings is not None and settings.keep_reports_days is not None:
            yield self.retention(settings.keep_reports_days)
        yield self.trend()

    # The stages

    def doctor(self) -> Plan:
        """Is all there that a run needs? Ends nothing."""
        before = _written(self.reports / DIAGNOSIS)

        def found(ended: Ended) -> Found:
            plainly = plain("doctor", ended)
            written = _written(self.reports / DIAGNOSIS)
            if written is None or written == before:
                return plainly
            code = Code.MISCONFIGURED if ended.code == MISCONFIGURED else plainly.stage.code
            kept = [self._keep(self.reports / name, name) for name in (DIAGNOSIS, PAGE)]
            why = plainly.stage.why and "not ready: see what is in the way, below"
            stage = plainly.stage.model_copy(update={"code": code, "files": tuple(kept), "why": why})
            return Found(stage=stage, troubles=list(_in_the_way(self.reports / DIAGNOSIS)))

        return Plan(
            "doctor",
            _cli("doctor"),
            limit_s=AT_MOST_S + 2 * CLEAN_UP_S,
            begin=lambda: self._unless_without(Optional.DOCTOR),
            found=found,
        )

    def _repetition(self, settings: Settings, number: int) -> Plan:
        def begin() -> None:
            self._require_ready()
            require_sign_ins(settings, REPETITION, Code.NOT_MEASURED)

        return self._suite(settings, f"scenario-{number}", SCENARIO, {"REPETITION": str(number)}, begin)

    def _catalogue(self, settings: Settings) -> Plan:
        def begin() -> None:
            self._unless_without(Optional.CATALOGUE)
            self._require_ready()
            require_sign_ins(settings, SIGN_INS_OF_CATALOGUE, Code.WITHIN)

        # its checks judge what is promised at any age: there is no phase to sample
        env = {"REPETITION": "", "AGE_AT_MOST_S": "0"}
        return self._suite(settings, "catalogue", CATALOGUE, env, begin)

    def _suite(
        self, settings: Settings, name: str, folder: str, env: dict[str, str], begin: Callable[[], None]
    ) -> Plan:
        before = Before.of(self.reports)
        return Plan(
            name,
            tuple(suite_command(self.reports, folder, clean=not self._has_results)),
            limit_s=suite_limit_s(settings, folder),
            env={**env, "NIGHT": self.record.night},
            begin=begin,
            found=lambda ended: suite_found(
                name, ended, self.reports, self.folder, before, measures=folder == SCENARIO
            ),
        )

    def report(self) -> Plan:
        """The night's Allure report, built and kept."""

        def begin() -> None:
            if not self._has_results:
                raise LeftOut("nothing was run that it could show")

        def found(ended: Ended) -> Found:
            told = plain("report", ended)
            if told.stage.state is not State.DONE:
                return told
            name = self._keep(self.reports / REPORT, REPORT.name)
            self.record.report = f"{NIGHTS}/{self.record.night}/{name}"
            self._heed_known_issues()
            return told.model_copy(update={"stage": told.stage.model_copy(update={"files": (name,)})})

        return Plan("report", _cli("report"), TELLS_WITHIN_S, begin=begin, found=found)

    def retention(self, keep_days: int) -> Plan:
        """What KEEP_REPORTS_DAYS takes away, said aloud."""

        def found(ended: Ended) -> Found:
            outdated = outdated_reports(self.reports, keep_days, datetime.now(UTC))
            self.record.removed = remove(outdated, self.reports)
            return plain("retention", ended)

        return Plan("retention", (), limit_s=0, found=found)

    def trend(self) -> Plan:
        """What all nights tell together."""
        before = _written(self.reports / FIGURES)

        def found(ended: Ended) -> Found:
            written = _written(self.reports / FIGURES)
            if written is not None and written != before:
                self.record.trend = list(_told_by(self.reports / FIGURES))
            return plain("trend", ended)

        return Plan("trend", _cli("trend"), TELLS_WITHIN_S, found=found)

    # What they have in common

    @property
    def _has_results(self) -> bool:
        """Whether a run of this night has put its results into the reports."""
        suites = [stage for stage in self.record.stages if stage.name.startswith(("scenario", "catalogue"))]
        return any(stage.exit_code not in (None, USAGE_ERROR) for stage in suites)

    def _heed_known_issues(self) -> None:
        """What the report's gate passes over is no news. Without its word, nothing is."""
        with suppress(Stop):
            gate = read_gate(self.reports)
            if gate.code != Code.BROKEN_PROMISE:
                self.record.pass_over_known(Code(gate.code))

    def _unless_without(self, what: Optional) -> None:
        if what in self.without:
            raise LeftOut(f"as asked for: --without {what}")

    def _require_ready(self) -> None:
        """Nothing is logged out on a site that the doctor has not found ready."""
        doctor = next(stage for stage in self.record.stages if stage.name == "doctor")
        if doctor.state not in (State.DONE, State.LEFT_OUT):
            raise LeftOut("the doctor did not find it ready: nothing is logged out")

    def _keep(self, path: Path, name: str) -> str:
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, self.folder / name)
        return name


def suite_limit_s(settings: Settings, folder: str) -> float:
    """How long a run of these tests may take, in seconds: as long as all of them together at their limits."""
    codes_s = SIGN_INS * CODE_WITHIN_S[settings.code_from] if settings.code_from else 0.0
    watch_s = settings.window_s + sum(settings.patience_s) + settings.age_s
    if folder == SCENARIO:
        watch_s = max(watch_s, settings.model_copy(update={"night": "any"}).age_s + watch_s - settings.age_s)
    return STARTS_WITHIN_S + TESTS[folder] * (watch_s + codes_s + BESIDES_WATCHING_S)


def _cli(command: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "cli", command)


def _written(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _in_the_way(path: Path) -> Iterator[Trouble]:
    """What the doctor says must be seen to. Raises OSError or ValueError."""
    for finding, words in first_to_see_to(read(path)):
        what = f"{finding.area.value}: {finding.what} ({finding.status})"
        yield Trouble(stage="doctor", what=what, why=finding.detail or words, remedy=finding.remedy)


def _told_by(path: Path) -> Iterator[str]:
    """What all nights tell, in a sentence each: of all doors, and which close later than before.

    Raises OSError, ValueError or KeyError.
    """
    found = json.loads(path.read_text(encoding="utf-8"))
    for finding in found["findings"]:
        question = finding["question"]
        if question["layer"] is question["surface"] is question["engine"] is None:
            yield f"{question['action']}: {'; '.join(finding['in_short'])}"
    if found["longer_too"]:
        yield f"longer lately, also by themselves: {' · '.join(found['longer_too'])}"
