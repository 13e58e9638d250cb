"""Kept sign-ins: for their owner alone, of one account and site, and never taken for alive when spent."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from afterglow.states import BadState, Kept, States

SITE = "https://chatgpt.com"
STATE = {"cookies": [{"name": "session", "value": "a-secret-cookie"}], "origins": []}
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def states(tmp_path: Path) -> States:
    """The kept sign-ins of one account; there are none yet."""
    return States(tmp_path / "auth", SITE, SecretStr("qa@example.test"))


def kept(states: States, profile: str = "primary", expires: datetime | None = None) -> Kept:
    return states.keep(STATE, profile, (NOW, NOW), expires)


def test_what_is_kept_is_found_again_the_oldest_first(states: States) -> None:
    """With all that is known of it, and what the browser held."""
    earlier = kept(states)
    kept(states, "secondary")
    later = kept(states)
    assert [each.path for each in states.usable("primary")] == [earlier.path, later.path]
    assert states.usable("primary")[0].about == earlier.about
    assert states.usable("primary")[0].state() == STATE
    assert len(states.usable()) == 3
    assert states.usable("tertiary") == []


def test_nobody_else_can_read_what_is_kept_nor_can_it_be_committed(states: States) -> None:
    """Files and folders are for their owner alone, and the folder tells git to pass it over."""
    kept(states)
    files = [path for path in states.folder.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(states.folder.stat().st_mode) == 0o700
    assert (states.folder / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_a_file_that_others_can_read_is_not_used(states: States) -> None:
    """Somebody may have taken it: the session is no longer one's own."""
    path = kept(states).path
    path.chmod(0o644)
    with pytest.raises(BadState, match="can be read by others"):
        states.usable("primary")[0].state()


def test_another_account_and_another_site_have_sign_ins_of_their_own(states: States) -> None:
    """A run in one account never goes on in another's session."""
    kept(states)
    assert States(states.folder, SITE, SecretStr("else@example.test")).usable() == []
    assert States(states.folder, "https://chatgpt.com:8443", states.account).usable() == []


def test_a_spent_sign_in_is_not_used_and_goes_when_a_new_one_comes(states: States) -> None:
    """Until then it is there: whether the log-out came off is not known at once."""
    old = kept(states)
    states.spend(old)
    assert states.usable() == []
    assert old.path.exists()
    new = kept(states)
    assert [each.path for each in states.all()] == [new.path]
    assert not old.path.exists()


def test_a_sign_in_that_has_run_out_is_not_used(states: States) -> None:
    """The site says itself when a session ends."""
    kept(states, expires=datetime.now(UTC) - timedelta(seconds=1))
    kept(states, "secondary", expires=datetime.now(UTC) + timedelta(days=1))
    assert [each.about.profile for each in states.usable()] == ["secondary"]


def test_new_cookies_take_the_place_of_the_old(states: States) -> None:
    """A site may hand out new ones as it is used."""
    first = kept(states)
    states.renew(first, {**STATE, "origins": [{"origin": SITE}]})
    assert states.usable()[0].state()["origins"] == [{"origin": SITE}]
    assert len(states.usable()) == 1


@pytest.mark.parametrize("content", ["", "[]", "{", '{"account": "qa@example.test"}', "\xff"])
def test_a_damaged_file_is_named_and_nothing_of_it_is_shown(states: States, content: str) -> None:
    """It is not taken for no sign-in at all: that would sign in once more."""
    path = kept(states).path.with_suffix(".about.json")
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(BadState, match="remove it, and sign in anew") as complaint:
        states.usable()
    assert path.name in str(complaint.value)
    assert "qa@" not in str(complaint.value)


def test_a_folder_that_cannot_be_written_to_is_named_by_its_setting(tmp_path: Path) -> None:
    """One line, with the setting to change."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BadState, match="STATE_DIR"):
        kept(States(tmp_path / "file" / "auth", SITE, SecretStr("qa@example.test")))


def test_the_address_is_masked_wherever_it_is_printed(states: States) -> None:
    """Only the file itself holds it."""
    assert "qa@" not in f"{kept(states)!r} {states!r}"
