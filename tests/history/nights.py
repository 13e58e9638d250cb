"""Nights that were made up: the files that a few runs leave, in a folder of a test."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import strategies as st

from afterglow.conductor import Lane, Role
from afterglow.record import VERSION
from tests.instrument.made_up_runs import (
    STARTED,
    Line,
    lane,
    lanes_of_a_run,
    measured,
    summed_up,
    watch_lines,
)

FIRST = datetime(2026, 11, 20, 2, 15, tzinfo=UTC)
BROWSER = ("browser", {"name": "chromium", "version": "156.0.7000.1"})
MACHINE = ("machine", {"machine": "0badcafe", "system": "Linux x86_64", "afterglow": "0.1.0"})
TELEMETRY = ("telemetry", {"requests": 812, "wall_s": 51.25, "failures": {"http_503": 2}})


@dataclass(frozen=True)
class MadeUp:
    """One run's file."""

    id: str
    started: datetime
    content: bytes

    @property
    def name(self) -> str:
        """What the run calls it."""
        return f"{self.started:%Y%m%dT%H%M%SZ}-{self.id}.jsonl"

    def put(self, folder: Path, name: str | None = None) -> Path:
        """Put it into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / (name or self.name)
        path.write_bytes(self.content)
        return path

    def changed(self, content: bytes) -> MadeUp:
        """The same run with another content."""
        return MadeUp(self.id, self.started, content)

    def killed(self) -> MadeUp:
        """The same run without its end, and without what it made of its readings."""
        return self.changed(self.content[: self.content.index(b'{"kind": "measurement"')])

    def scratched(self) -> MadeUp:
        """The same run with one damaged line, which tells of nothing."""
        end = self.content.rindex(b'{"kind": "end"')
        return self.changed(self.content[:end] + b"?\n" + self.content[end:])


def made_up(
    number: int = 1,
    lanes: Sequence[Lane] | None = None,
    lines: Iterable[Line] = (MACHINE, BROWSER, TELEMETRY),
    *,
    started: datetime | None = None,
    **settings: object,
) -> MadeUp:
    """The run of the n-th night, complete, with one log-out that these lanes watched."""
    watched = lanes_of_a_run() if lanes is None else lanes
    told = list(watch_lines(watched))
    told = [(kind, {**fields, **settings}) if kind == "settings" else (kind, fields) for kind, fields in told]
    return from_lines(number, [*lines, *told, summed_up(measured(watched))], started=started)


def from_lines(number: int, lines: Iterable[Line], *, started: datetime | None = None) -> MadeUp:
    """The run of the n-th night, complete, with these lines."""
    at = started or FIRST + timedelta(days=number)
    run_id = f"{number:08x}"
    head: Mapping[str, object] = {"v": VERSION, "id": run_id, "utc": at.isoformat(), "clock_s": 1.0}
    told = [("run", head), *lines, ("end", {"clock_s": 2.0, "state": "complete"})]
    content = "".join(json.dumps({"kind": kind, **fields}) + "\n" for kind, fields in told)
    return MadeUp(run_id, at, content.encode())


def doors_of(*told: str) -> list[Lane]:
    """A door for every word of readings, and a control that stands."""
    layers = ("page", "session", "access", "codex")
    doors = [lane("secondary", layer, letters) for layer, letters in zip(layers, told, strict=False)]
    return [*doors, lane("primary", "session", "aaaa", Role.CONTROL)]


def readings() -> st.SearchStrategy[str]:
    """What a lane may have read: alive for a while, a time of both, and perhaps the end."""
    return st.builds(
        lambda alive, mixed, gone: "a" * alive + mixed + "r" * gone,
        st.integers(1, 6),
        st.text("aru", max_size=8),
        st.sampled_from([0, 2, 35]),
    )


def some_lanes() -> st.SearchStrategy[list[Lane]]:
    """One to three doors, and a control that may die."""
    return st.builds(
        lambda doors, control: [
            *doors_of(*doors)[:-1],
            lane("primary", "session", control, Role.CONTROL),
        ],
        st.lists(readings(), min_size=1, max_size=3),
        st.sampled_from(["aaaa", "aaar", "uuu", "aaa" + 40 * "r"]),
    )


__all__ = ["FIRST", "STARTED", "MadeUp", "doors_of", "from_lines", "made_up", "readings", "some_lanes"]
