"""One run at a time, and few sign-ins a day: for an account, whatever checkout a run is of."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from afterglow.one_at_a_time import AccountBusy, Desk
from afterglow.outcomes import NotMeasured, SignInBlocked

SITE = "https://chatgpt.com"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A user's folder of this test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


def desk(email: str = "qa@example.test", site: str = SITE) -> Desk:
    return Desk.of(site, SecretStr(email))


def test_a_second_run_is_refused_while_the_first_goes_on() -> None:
    """Each would end the other's sessions. The address may be written in capitals: it is the same account."""
    with desk().taken():
        with pytest.raises(AccountBusy, match="in use by another run"), desk("QA@example.test").taken():
            pass
        with desk("else@example.test").taken(), desk(site="https://example.test").taken():
            pass
    with desk().taken():
        pass


def test_no_more_sign_ins_than_a_day_may_have() -> None:
    """The next one is refused, before it begins, with the time at which it may."""
    for _ in range(3):
        assert desk().has_room(3)
        desk().note_sign_in(3)
    assert not desk().has_room(3)
    with pytest.raises(SignInBlocked, match=r"SIGN_INS_PER_DAY allows \(3 within 24 hours\): wait until 20"):
        desk().note_sign_in(3)
    desk().note_sign_in(None)
    desk("else@example.test").note_sign_in(3)


def test_sign_ins_of_the_day_before_do_not_count(home: Path) -> None:
    """24 hours, by the clock and not by the calendar."""
    desk().note_sign_in(2)
    [path] = home.rglob("*.sign-ins.json")
    old = datetime.now(UTC) - timedelta(hours=24, seconds=1)
    path.write_text(json.dumps([old.isoformat(), old.isoformat()]), encoding="utf-8")
    desk().note_sign_in(1)
    assert len(json.loads(path.read_text(encoding="utf-8"))) == 1


def test_a_count_that_makes_no_sense_lets_nobody_sign_in(home: Path) -> None:
    """Else whoever loses the file may sign in at will."""
    desk().note_sign_in(2)
    [path] = home.rglob("*.sign-ins.json")
    path.write_text("[1, 2", encoding="utf-8")
    with pytest.raises(SignInBlocked, match="mend or remove it"):
        desk().note_sign_in(2)


def test_no_address_is_written_down(home: Path) -> None:
    """Neither in a file's name nor in it."""
    with desk().taken():
        desk().note_sign_in(2)
        written = [f"{path} {path.read_text(encoding='utf-8')}" for path in home.rglob("*") if path.is_file()]
    assert len(written) == 3
    assert not any("qa" in each or "example" in each for each in written)


def test_a_folder_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody goes on without it: another run could be in the account."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(NotMeasured, match="or set XDG_STATE_HOME to another folder"):
        desk()
