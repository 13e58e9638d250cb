"""A watch that is there to be killed: the real conductor and the real file, on a site of a few lines.

Run by test_nothing_lost.py only, as `python -m tests.suite.measures_until_killed FOLDER SEED`. It does not
end by itself within a test's time. Whatever it learns, it says on its standard output before it records it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from afterglow.clock import now_s
from afterglow.conductor import Conductor, Lane, Role
from afterglow.measurement import delay_json
from afterglow.readings import Answer, Moments, Reading, State
from afterglow.record import RunFile, lanes_json, moments_json, reading_json
from afterglow.redaction import Redactor
from afterglow.schedule import Schedule
from afterglow.watch import LayerWatch, Patience

WINDOW_S = 60.0
"""Longer than any test waits: what has not settled is still being watched when the end comes."""

LOGGED_OUT_AFTER_S = 0.1
"""So that some readings are from before it."""

PATIENCE = Patience(quiet_s=0.1, grace_s=5.0)


@dataclass(slots=True)
class Site:
    """Answers after a while. Honours the layer for so long, and sometimes lies that it does not."""

    random: Random
    lives_s: float
    lies: float = 0.0
    began_s: float = field(default_factory=now_s)

    async def ask(self) -> Answer:
        """Ask once."""
        await asyncio.sleep(self.random.uniform(0.002, 0.01))
        if now_s() - self.began_s < self.lives_s and self.random.random() >= self.lies:
            return Answer(State.ALIVE)
        return Answer(State.REVOKED, "token_revoked")


def say(what: str, **fields: object) -> None:
    """One line, handed over at once."""
    os.write(1, json.dumps({"said": what, **fields}).encode() + b"\n")


def lanes_of(seed: int) -> list[Lane]:
    """A layer that settles soon, one that comes back again and again, one that stays, and a control."""

    def lane(session: str, layer: str, site: Site, role: Role = Role.DOOR) -> Lane:
        watch = LayerWatch(session, layer, Schedule(WINDOW_S, 0.05), PATIENCE)
        return Lane(watch, site, role=role)

    def dice() -> Random:
        return Random(seed)  # noqa: S311 - dice, not secrets

    return [
        lane("secondary", "session", Site(dice(), lives_s=0.2)),
        lane("secondary", "access", Site(dice(), lives_s=WINDOW_S, lies=0.3)),
        lane("secondary", "replay", Site(dice(), lives_s=WINDOW_S)),
        lane("primary", "session", Site(dice(), lives_s=WINDOW_S), Role.CONTROL),
    ]


@dataclass(slots=True)
class Recorder:
    """Says what came, records it, and says what that has settled."""

    file: RunFile
    lanes: list[Lane]
    settled: set[str] = field(default_factory=set)

    def take(self, reading: Reading) -> None:
        """One reading."""
        say("reading", **reading_json(reading))
        self.file.append("reading", {"watch": 1, **reading_json(reading)})
        for lane in self.lanes:
            name = f"{lane.watch.session} {lane.watch.layer}"
            if lane.watch.settled and name not in self.settled:
                self.settled.add(name)
                say("settled", name=name, at_s=now_s(), delay_s=delay_json(lane.watch.interval))


def main(folder: Path, seed: int) -> None:
    """Measure until somebody ends it."""
    file = RunFile(folder, Redactor())
    lanes = lanes_of(seed)
    watch = {"watch": 1, "action": "log out one", "window_s": WINDOW_S, "lanes": lanes_json(lanes)}
    file.append("watch", watch)
    say("file", path=str(file.path))
    with Conductor(lanes, Recorder(file, lanes).take) as conductor:
        conductor.run(wait, until_s=now_s() + LOGGED_OUT_AFTER_S)
        moment_s = now_s()
        moments = Moments(moment_s, moment_s, moment_s + 0.001)
        conductor.logged_out(moments)
        utc = datetime.now(UTC).isoformat()
        file.append("log-out", {"watch": 1, "utc": utc, **moments_json(moments)})
        say("log-out", **moments_json(moments))
        conductor.run(wait)


def wait(seconds: float) -> None:
    """Let time pass."""
    threading.Event().wait(seconds)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
