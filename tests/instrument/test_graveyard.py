"""Which sessions are tried once more at the end of a run, and what several answers say of one together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from afterglow.clock import now_s
from afterglow.delay import Verdict
from afterglow.outcomes import NotMeasured
from afterglow.readings import State
from fixtures import asking
from fixtures.asking import honoured_by_all, honoured_by_any, told
from fixtures.graveyard import Graveyard
from probes.asking import Copy

COPY = Copy("http://127.0.0.1", "a browser", {}, "a token")
ALIVE, REVOKED, UNKNOWN = State.ALIVE, State.REVOKED, State.UNKNOWN


def log_out(verdict: Verdict, at_s: float = 0.0) -> Any:
    return SimpleNamespace(verdict=verdict, moments=SimpleNamespace(acknowledged_s=at_s))


def eyes(name: str) -> Any:
    return SimpleNamespace(profile=SimpleNamespace(name=name), copy=COPY)


@pytest.mark.parametrize("verdict", Verdict)
def test_only_what_was_seen_to_end_in_time_can_come_back(verdict: Verdict) -> None:
    """A session that was late, or whose end nobody saw, has its finding already."""
    graveyard = Graveyard()
    graveyard.bury([eyes("secondary")], log_out(verdict))
    assert bool(graveyard.graves) == (verdict is Verdict.WITHIN)


def test_the_youngest_grave_tells_how_long_to_wait() -> None:
    """A session may come back once the window is over: the last one that was ended is the last to do so."""
    graveyard, now = Graveyard(), now_s()
    graveyard.bury([eyes("secondary")], log_out(Verdict.WITHIN, now - 60))
    graveyard.bury([eyes("primary")], log_out(Verdict.WITHIN, now - 10))
    assert 10 <= graveyard.youngest_s() < 60


def test_a_grave_shows_nothing_secret() -> None:
    """What the session had acted with is in the memory of the run alone."""
    graveyard = Graveyard()
    graveyard.bury([eyes("secondary")], log_out(Verdict.WITHIN))
    assert "a token" not in repr(graveyard)


@pytest.mark.parametrize(
    ("answers", "by_all", "by_any"),
    [
        ({ALIVE}, ALIVE, ALIVE),
        ({REVOKED}, REVOKED, REVOKED),
        ({ALIVE, REVOKED}, REVOKED, ALIVE),
        ({ALIVE, UNKNOWN}, ALIVE, ALIVE),
        ({REVOKED, UNKNOWN}, REVOKED, REVOKED),
        ({UNKNOWN}, UNKNOWN, UNKNOWN),
    ],
)
def test_servers_that_disagree_are_told_from_those_that_do_not_answer(
    answers: set[State], by_all: State, by_any: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that refuses is enough to say that not all honour a session, one that honours it that some do."""
    monkeypatch.setattr(asking, "_states", lambda _: answers)
    assert (honoured_by_all(COPY), honoured_by_any(COPY)) == (by_all, by_any)


def test_what_could_not_be_told_is_no_promise_broken() -> None:
    """An outage says nothing of a session."""
    assert told(ALIVE, "primary") is ALIVE
    with pytest.raises(NotMeasured, match="whether the primary session is still honoured"):
        told(UNKNOWN, "primary")
