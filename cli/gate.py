"""The quality gate: what a run comes to, as an exit code. Its rules are in `reports/verdict-gate.mjs`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.place import Stop

RESULTS_OF_GATE = Path("allure-report") / "quality-gate.json"

CODES = {"every promise kept": 1, "everything measured": 2}
"""The exit code for each rule that fails, the gravest first. Those of a whole night are the same."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What the gate says. code: 0 all within, 1 a promise broken, 2 something could not be measured."""

    code: int
    told: tuple[str, ...]


def read_gate(reports: Path) -> Gate:
    """What the gate said of the results when the report was built. Raises Stop."""
    file = reports / RESULTS_OF_GATE
    try:
        results: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        by_rule = {result["rule"]: result for result in results}
        failed = [code for rule, code in CODES.items() if not by_rule[rule]["success"]]
        told = tuple(str(by_rule[rule]["message"]) for rule in CODES)
    except (OSError, ValueError, KeyError, TypeError):
        raise Stop(f"{file} does not say what the run comes to: build the report again") from None
    return Gate(min(failed, default=0), told)
