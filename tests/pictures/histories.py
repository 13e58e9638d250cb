"""Histories that never happened, for the pictures to be looked at."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from afterglow.delay import Verdict, longest
from afterglow.history.past import PastDoor, PastLogOut, PastRun
from afterglow.history.read import History
from afterglow.measurement import Age

BEGUN = datetime(2026, 1, 3, 2, 15, tzinfo=UTC)
SITE = "https://chatgpt.com"
DOORS = ("page", "session", "access", "replay", "codex", "platform")
ALL, ONE = "log out all", "log out one"


@dataclass(frozen=True)
class Made:
    """What a history is to be like.

    window_s and life_s: of the window and of an access token; a delay is what is left of the token, and at
    most half a window. late, open, unusable, blocked: the numbers of such nights. worse_from: from which on
    the tokens live so many times as long: worse.
    """

    nights: int
    window_s: float = 1800.0
    life_s: float = 900.0
    late: Collection[int] = ()
    open: Collection[int] = ()
    unusable: Collection[int] = ()
    blocked: Collection[int] = ()
    worse_from: int | None = None
    worse: float = 1.8
    repetitions: int = 1
    machines: tuple[str, ...] = ("a1b2c3", "d4e5f6")
    browsers: tuple[str, ...] = ("chromium 156.0", "firefox 148.0")
    doors: tuple[str, ...] = DOORS


def history(made: Made, seed: int = 7) -> History:
    """The history, and nothing passed over."""
    chance = Random(seed)  # noqa: S311 - a made-up night
    return History(tuple(_runs(made, chance)))


def _runs(made: Made, chance: Random) -> Iterator[PastRun]:
    for night in range(made.nights):
        for repetition in range(made.repetitions):
            started = BEGUN + timedelta(days=night, minutes=40 * repetition)
            run = PastRun(
                id=f"{chance.getrandbits(32):08x}",
                path=Path("runs") / f"{night}.jsonl",
                started=started,
                target="chatgpt",
                window_s=made.window_s,
                state="complete",
                night=f"{BEGUN + timedelta(days=night):%Y%m%dT%H%M%SZ}-{night % 65536:04x}",
                site=SITE,
                repetition=repetition + 1,
                machine=made.machines[night % len(made.machines)],
                browser=made.browsers[night % 3 % len(made.browsers)],
            )
            if night not in made.blocked:
                log_outs = tuple(_log_out(made, night, n, run, chance) for n in (1, 2))
                run = replace(run, log_outs=log_outs)
            yield run


def _log_out(made: Made, night: int, number: int, run: PastRun, chance: Random) -> PastLogOut:
    action = (ONE, ALL)[number - 1]
    worse = made.worse if made.worse_from is not None and night >= made.worse_from else 1.0
    age_s = chance.uniform(0, made.life_s)
    left_s = worse * (made.life_s - age_s) + chance.uniform(0, made.window_s / 60)
    if night in made.late and action == ALL:
        left_s = made.window_s * chance.uniform(1.05, 1.4)
    sessions = ("secondary",) if action == ONE else ("primary", "secondary")
    doors = tuple(
        _door(session, layer, left_s, night in made.open and action == ALL, made, chance)
        for session in sessions
        for layer in made.doors
    )
    delay = longest(door.delay for door in doors)
    usable = night not in made.unusable
    verdict = delay.verdict(made.window_s) if usable else Verdict.UNDETERMINED
    return PastLogOut(
        run=run.id,
        number=number,
        action=action,
        clicked=run.started + timedelta(minutes=3 * number),
        window_s=made.window_s,
        verdict=verdict,
        doors=doors,
        why=None if usable else "a session that should stay alive died: the night says nothing",
        usable=usable,
        ages={"secondary": Age(session_s=age_s + 4000, token_s=age_s)},
    )


def _door(session: str, layer: str, left_s: float, no_end: bool, made: Made, chance: Random) -> PastDoor:
    """Pages close soon, tokens when they run out; looking takes its time."""
    share = {"page": 0.002, "session": 0.45, "replay": 0.5}.get(layer, 1.0) * chance.uniform(0.96, 1)
    truth_s = share * left_s
    width_s = 0.08 + 0.03 * truth_s
    lower_s = max(0.0, truth_s - width_s * chance.random())
    if no_end and layer == "access":
        return PastDoor(session, layer, 0.7 * made.window_s, math.inf, readings=210)
    return PastDoor(session, layer, lower_s, lower_s + width_s, flaps=chance.randrange(3), readings=200)
