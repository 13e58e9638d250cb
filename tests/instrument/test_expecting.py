"""What the nights before let a watch expect: of each door, after each kind of log-out, on this site alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from afterglow.delay import Verdict
from afterglow.expectation import FEWEST_NIGHTS
from afterglow.history.past import PastDoor, PastLogOut, PastRun
from afterglow.history.read import History
from afterglow.settings import Settings
from fixtures import expecting
from fixtures.expecting import Expectations

START = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)


def a_night(
    number: int, *, action: str = "log out one", target: str = "replica", usable: bool = True
) -> PastRun:
    """A night on which the secondary's token lived for about five seconds."""
    started, name = START + timedelta(days=number), f"night{number:08x}"
    door = PastDoor("secondary", "access", lower_s=5.0 + number / 100, upper_s=5.1 + number / 100)
    log_out = PastLogOut(name, 1, action, started, 30.0, Verdict.WITHIN, (door,), usable=usable)
    return PastRun(name, Path(name), started, target, 30.0, "complete", name, (log_out,))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Those of a run on the replica."""
    return Settings(reports_dir=tmp_path, _env_file=None)


def expected(settings: Settings, monkeypatch: pytest.MonkeyPatch, *runs: PastRun) -> Expectations:
    """What is expected after these nights."""
    monkeypatch.setattr(expecting, "read_history", lambda _: History(tuple(runs)))
    return Expectations(settings)


def test_enough_nights_tell_where_a_door_will_close(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights = [a_night(number) for number in range(FEWEST_NIGHTS)]
    expectations = expected(settings, monkeypatch, *nights)
    [(door, expectation)] = expectations.after("log out one").items()
    assert door == ("secondary", "access")
    around = [
        mass
        for edge_s, mass in zip(expectation.edges_s, expectation.masses, strict=False)
        if 4.5 <= edge_s <= 5.7
    ]
    assert sum(around) > 0.9
    assert expectations.told("log out one") == f"informed by {FEWEST_NIGHTS} nights, 1 door"


@pytest.mark.parametrize(
    "others",
    [
        {"action": "log out all"},
        {"target": "chatgpt"},
        {"usable": False},
    ],
    ids=["another kind of log-out", "another site", "a control that died"],
)
def test_what_says_nothing_of_this_door_does_not_count(
    others: dict[str, object], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights = [a_night(number) for number in range(FEWEST_NIGHTS - 1)]
    more = [a_night(100 + number, **others) for number in range(5)]  # type: ignore[arg-type]
    expectations = expected(settings, monkeypatch, *nights, *more)
    assert expectations.after("log out one") == {}
    assert expectations.told("log out one") == "geometric"


def test_repetitions_of_a_night_count_as_one_night(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights = [a_night(number) for number in range(FEWEST_NIGHTS - 1)]
    again = [a_night(0) for _ in range(10)]
    assert expected(settings, monkeypatch, *nights, *again).after("log out one") == {}


def test_whoever_wants_the_geometric_schedule_has_it(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    nights = [a_night(number) for number in range(2 * FEWEST_NIGHTS)]
    geometric = settings.model_copy(update={"schedule": "geometric"})
    assert expected(geometric, monkeypatch, *nights).after("log out one") == {}
    assert expected(settings, monkeypatch, *nights).after("log out one") != {}


def test_a_folder_without_runs_is_no_trouble(settings: Settings) -> None:
    assert Expectations(settings).after("log out all") == {}
