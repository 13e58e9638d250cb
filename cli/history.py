"""The history of runs that Allure keeps, one JSON object a line. A line that is lost costs no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

Entry: TypeAlias = dict[str, Any]

ASIDE = "history-damaged.jsonl"
"""Where lines go that cannot be read: a person may still make something of them."""


def make_ready(history: Path, results: Path) -> str | None:
    """Leave in the history what Allure can read, each run once, oldest first, and none of these results.

    Allure appends an entry whenever a report is built: one run, reported twice, would count as two. It stops
    at a line that is damaged. Files of two machines, merged by hand, share entries, and are in no order.
    Returns what a person should know of it.
    """
    try:
        before = history.read_bytes()
    except FileNotFoundError:
        return None
    read = [(line, _entry(line)) for line in before.splitlines() if line.strip()]
    damaged = [line for line, entry in read if entry is None]
    kept = list(_each_once(read, _starts(results)))
    if (content := _lines(kept)) != before:
        if damaged:
            with (history.parent / ASIDE).open("ab") as aside:
                aside.write(_lines(damaged))
        new = history.with_suffix(".tmp")
        new.write_bytes(content)
        new.replace(history)  # in one step: an interrupted command must not cost the nights before
    if not damaged:
        return None
    lines, runs = _counted(len(damaged), "damaged line"), _counted(len(kept), "run")
    return f"history: {lines} of {history.name} put aside into {ASIDE}, which leaves {runs}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _entry(line: bytes) -> Entry | None:
    """A line as Allure means it; None if it is damaged, or something else."""
    try:
        entry = json.loads(line.decode("utf-8"), parse_constant=_no_json)
    except ValueError:
        return None
    match entry:
        case {"uuid": str(), "timestamp": int(), "testResults": dict(results)}:
            return dict(entry) if all(isinstance(each, dict) for each in results.values()) else None
        case _:
            return None


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _lines(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def _each_once(read: list[tuple[bytes, Entry | None]], starts: set[int | None]) -> Iterator[bytes]:
    whole = {
        entry["uuid"]: (entry["timestamp"], line)
        for line, entry in read
        if entry and not _is_of(entry, starts)
    }
    yield from (line for _, line in sorted(whole.values(), key=lambda each: each[0]))


def _is_of(entry: Entry, starts: set[int | None]) -> bool:
    known = {result.get("start") for result in entry["testResults"].values()} - {None}
    return bool(known) and known <= starts


def _starts(results: Path) -> set[int | None]:
    """When each test began, in milliseconds: no two runs share that."""
    files = results.glob("*-result.json")
    return {json.loads(file.read_text(encoding="utf-8")).get("start") for file in files}
