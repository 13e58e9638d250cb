"""A site that is stopped and started again: what it still knows, and what it does not."""

from __future__ import annotations

import json
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.replica.conftest import Account, Browser, Json, Replica

    Start = Callable[..., AbstractContextManager[Replica]]
    Site = Callable[..., AbstractContextManager[Replica]]

# A log-out that no test lives to see the end of.
LATE = ["--window-s", "900", "--delay-min-s", "300", "--delay-max-s", "900"]


@pytest.fixture
def accounts(new_account: Callable[..., Account]) -> list[Account]:
    """One without a second factor, one with it."""
    return [new_account(), new_account(mfa=True)]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The file that keeps the sessions."""
    return tmp_path / "state.json"


@pytest.fixture
def site(started: Start, accounts: list[Account], state: Path) -> Site:
    """Start a site that keeps its state; from the second time on at the addresses of the first."""
    ports: list[str] = []

    @contextmanager
    def running(*options: str) -> Iterator[Replica]:
        with started("--state", str(state), *ports, *options, accounts=accounts) as replica:
            for name, option in (("base", "--port"), ("auth", "--auth-port"), ("control", "--control-port")):
                ports.extend([option, str(urlsplit(replica.ready[f"{name}_url"]).port)])
            yield replica

    return running


def go_on_with(replica: Replica, *browsers: Browser) -> None:
    """Let browsers meet the site that was started again, as if nothing had been."""
    for browser in browsers:
        browser.replica = replica


def told(replica: Replica) -> Json:
    """The truth without what this very question and the clock change."""
    truth = replica.truth()
    del truth["now"]
    return truth


def test_a_session_outlives_a_restart_with_its_tokens(
    site: Site, accounts: list[Account], browser_for: type[Browser]
) -> None:
    """Cookie, tokens and the row are as before, at the same address."""
    with site() as replica:
        browser = browser_for(replica)
        browser.sign_in(accounts[0])
        old = browser.token()
        newest = browser.ask("GET", "/api/auth/session?refresh=true").json()["accessToken"]
        row = browser.own_row()
        before = replica.ready["base_url"]
    with site() as replica:
        go_on_with(replica, browser)
        assert replica.ready["base_url"] == before
        assert browser.token() == newest
        assert browser.call("GET", "/backend-api/me", old).is_success
        assert browser.own_row() == row
        assert browser.ask("GET", "/api/auth/session?refresh=true").json()["accessToken"] not in {old, newest}


def test_the_truth_outlives_a_restart(
    site: Site, accounts: list[Account], browser_for: type[Browser]
) -> None:
    """Sessions, their ends and the moments at which the edges learn are told as before."""
    with site(*LATE) as replica:
        viewer, target = browser_for(replica), browser_for(replica)
        viewer.sign_in(accounts[0])
        target.sign_in(accounts[0])
        session_id = target.own_row()["session_id"]
        viewer.log_out_row(session_id)
        before = told(replica)
    with site(*LATE) as replica:
        go_on_with(replica, viewer, target)
        assert told(replica) == before
        assert len(before["revocations"]) == 1
        assert [row["is_current_device"] for row in viewer.rows()] == [True]
        # logged out, and honoured all the same until an edge learns
        assert "user" in target.session()


def test_a_log_out_whose_news_arrives_during_the_stop_is_known_afterwards(
    site: Site, accounts: list[Account], browser_for: type[Browser], until: Callable[..., None]
) -> None:
    """The clock runs on while the site is down, and a session that is over stays over."""
    soon = ["--delay-min-s", "0.4", "--delay-max-s", "0.4"]
    with site(*soon) as replica:
        viewer, target = browser_for(replica), browser_for(replica)
        viewer.sign_in(accounts[0])
        target.sign_in(accounts[0])
        session_id, token = target.own_row()["session_id"], target.token()
        viewer.log_out_row(session_id)
    with site(*LATE) as replica:
        go_on_with(replica, viewer, target)
        until(lambda: "user" not in target.session(), within_s=3)
        until(lambda: target.call("GET", "/backend-api/me", token).status_code == 401, within_s=3)
        assert {effect["delay_s"] for effect in replica.end_of(session_id)["effects"]} == {0.4}
        assert "user" in viewer.session()


def test_trust_and_used_codes_outlive_a_restart(
    site: Site, accounts: list[Account], browser_for: type[Browser]
) -> None:
    """A trusted device stays trusted; one that was not is not; a code that was used is refused."""
    with site() as replica:
        trusted, plain = browser_for(replica), browser_for(replica)
        code = accounts[1].code()
        trusted.visit("/")
        page = trusted.submit(trusted.reach_password(accounts[1].email), password=accounts[1].password)
        trusted.follow(trusted.submit(trusted.follow(page), code=code))
        plain.sign_in(accounts[0])
    with site() as replica:
        go_on_with(replica, trusted, plain)
        assert trusted.own_row()["is_trusted_device"] is True
        assert plain.own_row()["is_trusted_device"] is False
        again = browser_for(replica)
        page = again.submit(again.reach_password(accounts[1].email), password=accounts[1].password)
        assert "Incorrect code" in again.follow(again.submit(again.follow(page), code=code)).text


def test_without_the_option_a_restart_forgets(
    started: Start, accounts: list[Account], browser_for: type[Browser]
) -> None:
    """A cookie from before is refused, as one that was made up."""
    with started(accounts=accounts) as replica:
        browser = browser_for(replica)
        browser.sign_in(accounts[0])
    with started("--port", str(urlsplit(replica.base_url).port), accounts=accounts) as replica:
        go_on_with(replica, browser)
        assert browser.session().keys() == {"WARNING_BANNER"}


def test_the_file_is_for_its_owner_alone(site: Site, state: Path) -> None:
    """It holds cookies and a key; it is written at the stop, with nothing left beside it."""
    for _ in range(2):
        with site() as replica:
            replica.truth()
        assert stat.S_IMODE(state.stat().st_mode) == 0o600
        assert [path.name for path in state.parent.iterdir()] == [state.name]


def test_a_file_that_cannot_be_written_at_the_stop_is_told(
    site: Site, state: Path, accounts: list[Account], browser_for: type[Browser]
) -> None:
    """Exit status 2, one line says what is lost, and nothing secret is left beside it."""
    with site() as replica:
        browser_for(replica).sign_in(accounts[0])
        state.mkdir()
        replica.stop()
        assert replica.process.returncode == 2
        assert replica.process.stderr is not None
        [line] = replica.process.stderr.read().splitlines()
    assert f"--state {state}: cannot be written" in line
    assert [path.name for path in state.parent.iterdir()] == [state.name]


def test_a_file_of_another_site_is_refused(
    site: Site,
    state: Path,
    accounts: list[Account],
    browser_for: type[Browser],
    complaint: Callable[..., str],
) -> None:
    """Other edges, or other accounts: one line says what does not fit, and quotes no address."""
    with site() as replica:
        browser_for(replica).sign_in(accounts[0])
    known = json.dumps([vars(account) for account in accounts])
    assert "--edges 3" in complaint("--state", str(state), "--edges", "2", accounts=known)
    strangers = json.dumps([vars(accounts[1])])
    line = complaint("--state", str(state), accounts=strangers)
    assert "unknown account" in line
    assert accounts[0].email not in line


@pytest.mark.parametrize("kept", ["", "5", "{}", "half", "swordfish", "no key"])
def test_a_damaged_file_stops_the_start(
    kept: str,
    site: Site,
    state: Path,
    accounts: list[Account],
    browser_for: type[Browser],
    complaint: Callable[..., str],
) -> None:
    """Exit status 2, and one line names the file and the remedy, never what is in it; the file is left."""
    with site() as replica:
        browser = browser_for(replica)
        browser.sign_in(accounts[0])
    whole = state.read_text()
    cookie = browser.cookies["__Secure-next-auth.session-token"]
    assert cookie in whole
    damaged = {
        "half": whole[: whole.index(cookie) + len(cookie)],
        "no key": json.dumps(json.loads(whole) | {"key": ""}),
    }
    state.write_text(damaged.get(kept, kept))
    line = complaint("--state", str(state), accounts=json.dumps([vars(account) for account in accounts]))
    assert f"--state {state}: is damaged" in line
    assert "remove it" in line
    assert cookie not in line
    assert "swordfish" not in line
    assert state.read_text() == damaged.get(kept, kept)


def test_a_state_that_could_never_be_written_stops_the_start(
    tmp_path: Path, complaint: Callable[..., str]
) -> None:
    """A directory that is missing, or a directory instead of a file, is told before anything is up."""
    assert "its directory" in complaint("--state", str(tmp_path / "none" / "state.json"), accounts=None)
    assert "cannot be read" in complaint("--state", str(tmp_path), accounts=None)
