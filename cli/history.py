"""The history of runs that Allure keeps, one JSON object a line."""

from __future__ import annotations

import json
from pathlib import Path


def forget(history: Path, results: Path) -> None:
    """Take these results out of the history if they are its last entry.

    Allure appends an entry whenever a report is built: one run, reported twice, would count as two.
    """
    try:
        *before, last = history.read_text(encoding="utf-8").splitlines(keepends=True)
    except (FileNotFoundError, ValueError):
        return
    entry = json.loads(last)
    known = {result["start"] for result in entry["testResults"].values()}
    if known and known <= _starts(results):
        new = history.with_suffix(".tmp")
        new.write_text("".join(before), encoding="utf-8")
        new.replace(history)  # in one step: an interrupted command must not cost the nights before


def _starts(results: Path) -> set[int]:
    """When each test began, in milliseconds: no two runs share that."""
    return {json.loads(file.read_text(encoding="utf-8"))["start"] for file in results.glob("*-result.json")}
