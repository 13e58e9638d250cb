"""How the news of a log-out spreads: each edge learns it on its own, and each layer on its own.

Nothing here waits. A moment is drawn when the session is ended, and an edge compares it with the clock
whenever it is asked. So delays and flaps arise as they do in the wild: from who happens to answer.
All moments are CLOCK_MONOTONIC seconds, which on Linux every process of the machine shares.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from enum import StrEnum
from math import inf
from random import Random
from typing import TYPE_CHECKING

from replica.defects import Defect

if TYPE_CHECKING:
    from replica.behaviour import Behaviour


class Layer(StrEnum):
    """What an edge checks: the session cookie, or the access token (the bearer of API calls)."""

    SESSION = "session"
    ACCESS = "access"


class Action(StrEnum):
    """What ended a session: the log-out of one, of all, its own, a changed password, a new second factor."""

    ONE = "one"
    ALL = "all"
    SELF = "self"
    PASSWORD = "password"  # noqa: S105 - the reason, not a password
    MFA = "mfa"


FROM_AFAR = frozenset({Action.ONE, Action.ALL})
"""The log-outs that the Active sessions view offers."""

_LATE = 1.3
"""Where every edge is late, it learns after so many windows."""


@dataclass(frozen=True, slots=True)
class Effect:
    """The moment at which one edge learns that one layer is revoked.

    `delay_s` leads to that moment; `drawn_delay_s` is what it was before anybody asked, which differs only
    where edges learn when they are asked.
    """

    edge: int
    layer: Layer
    at_monotonic_s: float
    delay_s: float
    drawn_delay_s: float


@dataclass(slots=True)
class Revocation:
    """The end of one session. The delays of its effects count from `requested_monotonic_s`.

    `acknowledged_monotonic_s` is taken just before the answer leaves, so no client can have read the
    answer earlier; it is None for as long as the request is being handled.
    """

    session_id: str
    action: Action
    requested_monotonic_s: float
    effects: tuple[Effect, ...]
    acknowledged_monotonic_s: float | None = None
    revived: bool = False
    """Whether its device signed in again on a site where that revives it."""

    def acknowledge(self) -> None:
        """Note that the answer to the request is about to leave. A later request changes nothing."""
        if self.acknowledged_monotonic_s is None:
            self.acknowledged_monotonic_s = time.monotonic()

    def learned_s(self, edge: int, layer: Layer) -> float:
        """When this edge learns that this layer is revoked."""
        return next((e.at_monotonic_s for e in self.effects if e.edge == edge and e.layer is layer), inf)

    def is_known_everywhere(self, now: float) -> bool:
        """Whether every edge knows by now that every layer is revoked."""
        return all(now >= effect.at_monotonic_s for effect in self.effects)

    def hasten(self, edge: int, layer: Layer, at_monotonic_s: float) -> None:
        """Let this edge learn at this moment, unless it does so sooner. A later call changes nothing."""
        sooner = at_monotonic_s, at_monotonic_s - self.requested_monotonic_s
        self.effects = tuple(
            replace(effect, at_monotonic_s=sooner[0], delay_s=sooner[1])
            if effect.edge == edge and effect.layer is layer and at_monotonic_s < effect.at_monotonic_s
            else effect
            for effect in self.effects
        )


class Edges:
    """The edges behind the one address. Draws from `seed`: who answers, and who learns when.

    The two have generators of their own, so that the delays do not depend on how often the site was asked.
    """

    def __init__(self, count: int, seed: int) -> None:
        self.count = count
        self.seed = seed
        self._who_answers = Random(f"{seed}/who answers")  # noqa: S311 - chance, not a secret
        self._who_learns = Random(f"{seed}/who learns")  # noqa: S311 - chance, not a secret

    def pick(self) -> int:
        """The edge that answers the next request."""
        return self._who_answers.randrange(self.count)

    def spread(
        self,
        session_id: str,
        action: Action,
        requested_monotonic_s: float,
        behaviour: Behaviour,
        token_age_s: float = 0.0,
    ) -> Revocation:
        """End a session, and draw when each edge will learn of it, layer by layer.

        token_age_s: how old the session's newest token is.
        """
        late_s = behaviour.window_s * _LATE if behaviour.has(Defect.LATE) and action in FROM_AFAR else None
        effects = []
        for edge in range(self.count):
            for layer in Layer:
                drawn_s = behaviour.draw_delay_s(self._who_learns, token_age_s)
                delay_s = drawn_s if late_s is None else late_s
                effects.append(Effect(edge, layer, requested_monotonic_s + delay_s, delay_s, delay_s))
        return Revocation(session_id, action, requested_monotonic_s, tuple(effects))
