"""What a probe brings back: one answer of the site, and the times between which it was given."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What one reading says of a layer. Unknown is never "revoked"."""

    ALIVE = "alive"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, kept as evidence. It may hold secrets: redact it before it is shown."""

    method: str
    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a probe found when it asked once.

    `code` is the refusal's own code, verbatim, or what made the answer unknown; it is empty when alive.
    `retry_after_s` is set when the site asked to be left alone for that long. `renewed` tells that the site
    set the session's cookie anew when it was asked: looking may then change what is seen.
    """

    state: State
    code: str = ""
    retry_after_s: float | None = None
    exchange: Exchange | None = None
    renewed: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer, placed in time.

    `sent_s` and `received_s` are readings of the monotonic clock: an alive layer was honoured after
    `sent_s`, a revoked one had been revoked before `received_s`.
    """

    session: str
    layer: str
    sent_s: float
    received_s: float
    state: State
    code: str = ""


@dataclass(frozen=True, slots=True)
class Moments:
    """The moments of one log-out, on the monotonic clock.

    clicked: just before the click. requested: the browser sent the request that ends the session
    (None if none was seen). acknowledged: the site had answered it.
    """

    clicked_s: float
    requested_s: float | None
    acknowledged_s: float

    @property
    def earliest_s(self) -> float:
        """The earliest moment at which the site can have begun: the request, else the click."""
        return self.clicked_s if self.requested_s is None else self.requested_s
