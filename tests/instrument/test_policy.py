"""The policy on sessions: what it objects to, and that each mistake in it is told in one line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from afterglow.policy import PolicyError, SessionsPolicy, age_told, load
from fixtures.hygiene import policy_in

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FRESH = NOW - timedelta(minutes=3)

POLICY = """
allowed_devices = ["Chrome on Mac*", "Edge on Windows"]
max_age_days = 30
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the policy would be; there is none yet."""
    return tmp_path / "sessions-policy.toml"


def loaded(file: Path, text: str) -> SessionsPolicy:
    file.write_text(text, encoding="utf-8")
    return load(file)


def objections(
    policy: SessionsPolicy,
    device: str | None = "Chrome on macOS",
    signed_in: datetime | None = FRESH,
    *,
    of_this_run: bool = True,
) -> list[str]:
    return list(policy.objections(device, signed_in, NOW, of_this_run=of_this_run))


@pytest.mark.parametrize("device", ["Chrome on macOS", "chrome on mac", "EDGE on Windows"])
def test_an_allowed_device_is_known_by_its_name(file: Path, device: str) -> None:
    """Whatever the case; a star stands for anything."""
    assert not objections(loaded(file, POLICY), device)


@pytest.mark.parametrize("device", ["Firefox on Windows", "Edge on Windows 11", "Not Chrome on macOS", ""])
def test_any_other_device_is_unknown(file: Path, device: str) -> None:
    """The whole name counts, from its beginning to its end."""
    assert objections(loaded(file, POLICY), device) == ["its device is unknown to the policy"]


def test_a_session_is_stale_when_it_is_older_than_allowed(file: Path) -> None:
    """On the last day it is not yet."""
    policy = loaded(file, POLICY)
    last_day, too_late = NOW - timedelta(days=30), NOW - timedelta(days=30, seconds=1)
    assert not objections(policy, signed_in=last_day)
    assert objections(policy, signed_in=too_late) == ["it is stale: older than 30 days"]


def test_what_this_run_did_not_make_is_unknown_unless_the_policy_says_otherwise(file: Path) -> None:
    """An account that a person is signed in to as well has sessions that no run made."""
    assert objections(loaded(file, POLICY), of_this_run=False) == ["it is unknown to this run"]
    assert not objections(loaded(file, POLICY + "only_this_run = false\n"), of_this_run=False)


def test_missing_details_speak_neither_for_nor_against_a_session(file: Path) -> None:
    """A row may be incomplete."""
    assert not objections(loaded(file, POLICY), device=None, signed_in=None)


@pytest.mark.parametrize(
    ("signed_in", "told"),
    [
        (NOW - timedelta(days=200, hours=5), "signed in 200 days ago"),
        (FRESH, "signed in 3 minutes ago"),
        (NOW + timedelta(seconds=2), "signed in 0 minutes ago"),
        (None, "signed in nobody knows when"),
    ],
)
def test_an_age_is_told_as_a_person_says_it(signed_in: datetime | None, told: str) -> None:
    """A clock that is a little ahead of ours makes no session younger than new."""
    assert age_told(signed_in, NOW) == told


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("max_age_days = 30", "allowed_devices: is missing"),
        ('allowed_devices = ["Chrome*"]', "max_age_days: is missing"),
        ("allowed_devices = []\nmax_age_days = 30", "allowed_devices: "),
        ('allowed_devices = "Chrome*"\nmax_age_days = 30', "allowed_devices: "),
        ('allowed_devices = [""]\nmax_age_days = 30', "allowed_devices.0: "),
        ('allowed_devices = ["Chrome*"]\nmax_age_days = 0', "max_age_days: "),
        ('allowed_devices = ["Chrome*"]\nmax_age_days = "often"', "max_age_days: "),
        (POLICY + "max_age_hours = 3", "max_age_hours: no such entry"),
        (POLICY + "only_this_run = 3", "only_this_run: "),
        ("allowed_devices = [", "is no TOML"),
    ],
)
def test_a_mistake_is_told_in_one_line(file: Path, text: str, line: str) -> None:
    """It names the file and the entry, and says what to do."""
    with pytest.raises(PolicyError) as error:
        loaded(file, text)
    said = str(error.value)
    assert said.startswith("sessions-policy.toml")
    assert line in said
    assert "\n" not in said
    assert error.value.__cause__ is None, "pydantic's own words would show too"


def test_a_policy_that_is_not_there_is_named(file: Path) -> None:
    """Nothing is allowed by default: somebody has removed the file."""
    with pytest.raises(PolicyError, match=r"sessions-policy\.toml cannot be read"):
        load(file)


def test_the_policy_that_comes_with_the_suite_allows_its_own_devices() -> None:
    """Those that it plays on the replica, and the browser of a machine on a site of somebody else's."""
    policy = load(Path(__file__).parents[2] / "sessions-policy.toml")
    own = ("Chrome on macOS", "Edge on Windows", "Chrome on Android", "Chrome on Linux", "Chrome on Mac")
    assert [name for name in own if not policy.allows(name)] == []
    assert not policy.allows("Firefox on Windows")


def test_a_mistake_in_it_is_the_users_own(file: Path) -> None:
    """The run stops with that line before the first test, as with a bad setting."""
    file.write_text("allowed_devices = [", encoding="utf-8")
    with pytest.raises(pytest.UsageError, match=r"sessions-policy\.toml is no TOML"):
        policy_in(file.parent)
