"""What a run of the suite has left behind, as a night tells it: its Allure results and its summary."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from afterglow.telemetry import Telemetry
from cli.limited import Ended
from cli.night_record import Code, Found, LogOut, Stage, State, Trouble
from cli.report import RESULTS
from cli.scenario import JUNIT, USAGE_ERROR
from cli.stages import how

SUMMARY, METRICS = "summary.json", "metrics.txt"

KEPT = (SUMMARY, JUNIT, METRICS)
"""What a run leaves in the reports until the next one: a night keeps it for each of its runs."""

TESTS_FAILED = 1
"""pytest's exit code when tests failed, or could not be measured; above it, the run itself went wrong."""

EXCEPTION = re.compile(r"^(?:\w+\.)*[A-Z]\w*: ")
"""How pytest begins a message: with the name of the exception, which tells a reader nothing."""

AT_MOST = 300
"""Letters of a message; the report has all of it."""

REMEDIES = {
    "sign-in blocked: needs a person": "sign in by hand: make signin",
    "sign-in blocked": "look after the test account, or sign in by hand: make signin",
    "locator drift": "see what is still found: make doctor; then mend pages/locators/, with make capture",
    "the account is in use": "let one run use the account at a time",
}
"""What to do, by how a message begins."""

READ_ON = "read the evidence in the report"


@dataclass(frozen=True, slots=True)
class Before:
    """What was in the reports before a run: all that it did not write is none of its own."""

    results: frozenset[str]
    kept: Mapping[str, tuple[int, int] | None]

    @classmethod
    def of(cls, reports: Path) -> Before:
        """As it is now."""
        names = frozenset(path.name for path in (reports / RESULTS).glob("*-result.json"))
        return cls(names, {name: _signature(reports / name) for name in KEPT})

    def is_new(self, path: Path) -> bool:
        """Whether a file of the reports has been written since."""
        now = _signature(path)
        return now is not None and now != self.kept.get(path.name)


def _signature(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def suite_found(
    name: str, ended: Ended, reports: Path, folder: Path, before: Before, *, measures: bool
) -> Found:
    """What a run of the suite has found, and its files copied to the night's folder. Raises OSError.

    measures: whether a run that has logged nobody out has missed its purpose.
    """
    ours = ended.code != USAGE_ERROR  # else another run may have written meanwhile
    results = list(_results(reports / RESULTS, before)) if ours else []
    new = [reports / kept for kept in KEPT if ours and before.is_new(reports / kept)]
    summary = _summary(reports / SUMMARY) if reports / SUMMARY in new else {}
    troubles = [trouble for trouble in (_trouble(name, result) for result in results) if trouble]
    log_outs = [_log_out(name, each) for each in summary.get("log_outs", [])]
    state, why = _how(ended, idle=measures and not log_outs and not troubles)
    return Found(
        stage=Stage(
            name=name,
            state=state,
            code=_code(troubles, log_outs, state, why),
            exit_code=ended.code,
            why=why,
            tests=dict(Counter(result["status"] for result in results)),
            cost=_cost(summary),
            files=tuple(_copied(path, folder, name) for path in new),
        ),
        log_outs=log_outs,
        troubles=troubles,
    )


def _results(folder: Path, before: Before) -> Iterator[dict[str, Any]]:
    paths = [path for path in folder.glob("*-result.json") if path.name not in before.results]
    results = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    yield from sorted(results, key=lambda result: result.get("start", 0))


def _summary(path: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return summary


def _trouble(stage: str, result: Mapping[str, Any]) -> Trouble | None:
    if result["status"] not in ("failed", "broken"):
        return None
    broken_promise = result["status"] == "failed"
    why = _in_short((result.get("statusDetails") or {}).get("message") or "no reason was given")
    remedy = next((do for begin, do in REMEDIES.items() if why.startswith(begin)), READ_ON)
    return Trouble(
        stage=stage,
        what=result["name"],
        why=why,
        remedy=READ_ON if broken_promise else remedy,
        broken_promise=broken_promise,
    )


def _in_short(message: str) -> str:
    line = EXCEPTION.sub("", message.strip().splitlines()[0])
    return line if len(line) <= AT_MOST else f"{line[:AT_MOST]}…"


def _log_out(stage: str, told: Mapping[str, Any]) -> LogOut:
    return LogOut(
        stage=stage,
        action=told["action"],
        started=told["started"],
        window_s=told["window_s"],
        delay_s=told["all_devices"]["delay_s"],
        verdict=told["verdict"],
        why=told.get("why_undetermined"),
    )


def _how(ended: Ended, *, idle: bool) -> tuple[State, str | None]:
    """How a run ended as such; its tests tell the rest."""
    state, why = how(ended, TESTS_FAILED)
    if ended.code == USAGE_ERROR and state is State.FAILED:
        why = "it never began: pytest says why, above"
    if state is State.DONE and idle:
        why = "nothing was logged out, so that nothing was measured: the report says why"
    return state, why


def _code(troubles: list[Trouble], log_outs: list[LogOut], state: State, why: str | None) -> Code:
    verdicts = {each.verdict for each in log_outs}
    if "late" in verdicts or any(trouble.broken_promise for trouble in troubles):
        return Code.BROKEN_PROMISE
    if state is State.INTERRUPTED:
        return Code.INTERRUPTED
    return Code.NOT_MEASURED if troubles or why or "undetermined" in verdicts else Code.WITHIN


def _cost(summary: Mapping[str, Any]) -> str | None:
    telemetry = summary.get("telemetry")
    return Telemetry.from_json(telemetry).told if telemetry else None


def _copied(path: Path, folder: Path, stage: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{path.stem}-{stage}{path.suffix}"
    shutil.copyfile(path, folder / name)
    return name
