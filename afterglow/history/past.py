"""What is known of runs that are over: a run, its log-outs, and each log-out's doors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from pathlib import Path

from afterglow.delay import Interval, Verdict, longest
from afterglow.measurement import Age

CHATGPT, CODEX, PLATFORM = "ChatGPT", "Codex", "API Platform"

SURFACES = {"codex": CODEX, "platform": PLATFORM}
"""Which of the account's products a layer is a door of; ChatGPT for all others."""


@dataclass(frozen=True, slots=True)
class PastDoor:
    """One way in of one session, and how long it outlived the log-out. No end was seen: `upper_s` is inf."""

    session: str
    layer: str
    lower_s: float
    upper_s: float = math.inf
    flaps: int = 0
    readings: int = 0
    unknowns: int = 0

    @property
    def delay(self) -> Interval:
        """The half-open interval (lower, upper] that contains the delay, in seconds."""
        return Interval(self.lower_s, self.upper_s)

    @property
    def surface(self) -> str:
        """The product that it is a door of."""
        return SURFACES.get(self.layer, CHATGPT)


@dataclass(frozen=True, slots=True)
class PastLogOut:
    """One log-out. Its doors' intervals hold the truth only if it is `usable`.

    number: of the watch in its run. clicked: UTC. why: what kept it from a verdict; None if it has one.
    ages: of the ended sessions and their access tokens at the log-out, by session.
    """

    run: str
    number: int
    action: str
    clicked: datetime
    window_s: float
    verdict: Verdict
    doors: tuple[PastDoor, ...]
    why: str | None = None
    usable: bool = True
    ages: Mapping[str, Age] = field(default_factory=dict)

    @property
    def delay(self) -> Interval:
        """Until every device was out, by every door."""
        return longest(door.delay for door in self.doors)

    def of(self, *, layer: str | None = None, surface: str | None = None) -> Interval | None:
        """The same for one layer or one surface; None if it was not watched."""
        doors = [
            door.delay
            for door in self.doors
            if layer in (None, door.layer) and surface in (None, door.surface)
        ]
        return longest(doors) if doors else None

    @property
    def token_age_s(self) -> float | None:
        """The age of the youngest access token among the ended sessions, which lives on longest."""
        return min((age.token_s for age in self.ages.values() if age.token_s is not None), default=None)


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run, as its file tells it.

    site: its address if it was given one, else its target's. night: what the runs of one night have in
    common; a run of its own is a night of its own. machine: a name that tells machines apart, nothing else.
    browser: name and version, such as "chromium 156.0". state: complete, interrupted or running. telemetry:
    what it cost, as `afterglow/telemetry.py` wrote it. notes: what a reader should know of the file.
    """

    id: str
    path: Path
    started: datetime
    target: str | None
    window_s: float | None
    state: str
    night: str
    log_outs: tuple[PastLogOut, ...] = ()
    site: str | None = None
    repetition: int | None = None
    machine: str | None = None
    browser: str | None = None
    telemetry: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def engine(self) -> str | None:
        """The browser without its version."""
        return self.browser.partition(" ")[0] if self.browser else None


@dataclass(frozen=True, slots=True)
class Night:
    """The runs of one night, oldest first."""

    name: str
    runs: tuple[PastRun, ...]

    @property
    def started(self) -> datetime:
        """When its first run began, UTC."""
        return self.runs[0].started

    @property
    def log_outs(self) -> tuple[PastLogOut, ...]:
        """All that was logged out, in order."""
        return tuple(each for run in self.runs for each in run.log_outs)


def nights(runs: Iterable[PastRun]) -> list[Night]:
    """The nights that the runs make, oldest first."""
    by_name = groupby(sorted(runs, key=lambda run: (run.night, run.started, run.id)), lambda run: run.night)
    found = [Night(name, tuple(of_night)) for name, of_night in by_name]
    return sorted(found, key=lambda night: (night.started, night.name))
