"""Lists that lie: each defect of the view, and beside it the list of a site that has none."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import jwt
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import httpx

    from tests.replica.conftest import Account, Browser, Json, Replica

    Start = Callable[..., AbstractContextManager[Replica]]

FIREFOX_ON_LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
LIES = pytest.mark.parametrize("lies", [True, False], ids=["a site that lies", "a site that does not"])
WHEN = "last_signed_in_timestamp_second"
FAST_S = 240
DETAILS = ("last_signed_in_city", "app_sessions", WHEN, "is_trusted_device", "human_readable_description")


@pytest.fixture
def viewer(new_browser: Callable[..., Browser], account: Account) -> Browser:
    """Who looks at the list; the older of two sessions."""
    browser = new_browser()
    browser.sign_in(account)
    return browser


@pytest.fixture
def newest(viewer: Browser, new_browser: Callable[..., Browser], account: Account) -> Browser:
    """The newest session of the account."""
    assert viewer.session()
    browser = new_browser(user_agent=FIREFOX_ON_LINUX)
    browser.sign_in(account)
    return browser


@pytest.fixture
def lying(replica: Replica) -> Callable[..., AbstractContextManager[None]]:
    """Have one defect for a while, or none."""

    def behave(defect: str, *, lies: bool = True) -> AbstractContextManager[None]:
        return replica.behaving(defects=[defect] if lies else [])

    return behave


def ids(rows: list[Json]) -> list[str]:
    """The sessions that a list shows."""
    return [row["session_id"] for row in rows]


def id_of(browser: Browser) -> str:
    """Which session a browser has, whatever the list says."""
    return str(jwt.decode(browser.token(), options={"verify_signature": False})["sid"])


@LIES
def test_an_empty_list(lies: bool, viewer: Browser, newest: Browser, lying: Callable[..., Any]) -> None:
    """Not even the viewer's own session is in it."""
    everybody = [id_of(newest), id_of(viewer)]
    with lying("list_empty", lies=lies):
        assert ids(viewer.rows()) == ([] if lies else everybody)


@LIES
def test_a_missing_row(lies: bool, viewer: Browser, newest: Browser, lying: Callable[..., Any]) -> None:
    """The newest session is kept from the others, and shown to itself."""
    everybody = [id_of(newest), id_of(viewer)]
    with lying("row_missing", lies=lies):
        assert ids(viewer.rows()) == (everybody[1:] if lies else everybody)
        assert ids(newest.rows()) == everybody


@LIES
def test_a_row_that_is_there_twice(
    lies: bool, viewer: Browser, newest: Browser, lying: Callable[..., Any]
) -> None:
    """The newest session has two rows of the same look."""
    everybody = [id_of(newest), id_of(viewer)]
    with lying("row_duplicated", lies=lies):
        rows = viewer.rows()
    assert ids(rows) == (everybody[:1] + everybody if lies else everybody)
    assert not lies or rows[0] == rows[1]


@LIES
def test_a_row_that_stays_after_a_log_out_from_afar(
    lies: bool, viewer: Browser, newest: Browser, lying: Callable[..., Any]
) -> None:
    """It is never the current one, also not for the session itself while some edge still lets it look."""
    gone, token = id_of(newest), newest.token()
    with lying("row_stays", lies=lies):
        assert viewer.log_out_row(gone).is_success
        rows = viewer.rows()
        seen = newest.call("GET", "/backend-api/accounts/sessions", token)
    assert (gone in ids(rows)) is lies
    assert [row["session_id"] for row in rows if row["is_current_device"]] == [id_of(viewer)]
    assert not seen.is_success or not any(row["is_current_device"] for row in seen.json()["devices"])


@LIES
def test_a_row_that_stays_after_a_log_out_of_its_own(
    lies: bool, viewer: Browser, newest: Browser, lying: Callable[..., Any]
) -> None:
    """One that was logged out from afar goes all the same."""
    gone = id_of(newest)
    with lying("logged_out_still_listed", lies=lies):
        newest.visit("/auth/logout")
        assert (gone in ids(viewer.rows())) is lies
    with lying("row_stays"):
        assert gone not in ids(viewer.rows())


@pytest.mark.parametrize(("defect", "marks"), [("none_current", 0), ("", 1), ("two_current", 2)])
def test_marks_of_the_current_session(
    defect: str,
    marks: int,
    viewer: Browser,
    newest: Browser,
    new_browser: Callable[..., Browser],
    account: Account,
    lying: Callable[..., Any],
) -> None:
    """None is marked, or the newest of the others too; without a defect only the viewer's own."""
    new_browser().sign_in(account)
    candidates = [id_of(viewer), viewer.rows()[0]["session_id"]]
    with lying(defect, lies=bool(defect)):
        marked = [row["session_id"] for row in viewer.rows() if row["is_current_device"]]
    assert sorted(marked) == sorted(candidates[:marks])
    assert id_of(newest) not in candidates


@LIES
def test_rows_that_carry_each_others_device(
    lies: bool, viewer: Browser, newest: Browser, lying: Callable[..., Any]
) -> None:
    """The device's words are exchanged, and nothing else of the two rows."""
    with lying("rows_swapped", lies=lies):
        rows = {row["session_id"]: row for row in viewer.rows()}
    devices = {session_id: row["display_name"] for session_id, row in rows.items()}
    truth = {id_of(viewer): "Chrome on Windows", id_of(newest): "Firefox on Linux"}
    swapped = dict(zip(truth, reversed(truth.values()), strict=True))
    assert devices == (swapped if lies else truth)
    assert rows[id_of(viewer)]["is_current_device"]
    assert ("Firefox" in rows[id_of(viewer)]["human_readable_description"]) is lies


def test_a_list_of_one_has_nobody_to_be_swapped_with(viewer: Browser, lying: Callable[..., Any]) -> None:
    """It stays as it is."""
    with lying("rows_swapped"):
        assert [row["display_name"] for row in viewer.rows()] == ["Chrome on Windows"]


@LIES
def test_a_sign_in_that_was_an_hour_earlier(
    lies: bool, viewer: Browser, replica: Replica, lying: Callable[..., Any]
) -> None:
    """Against the truth, to the second."""
    with lying("sign_in_time_wrong", lies=lies):
        [row] = viewer.rows()
    assert made_s(replica, row["session_id"]) - row[WHEN] == (3600 if lies else 0)


def made_s(replica: Replica, session_id: str) -> int:
    """When a session was made, by the truth."""
    [told] = replica.truth(session_id)["sessions"]
    return int(datetime.fromisoformat(told["created_wall"]).timestamp())


@LIES
def test_sessions_of_other_apps_among_the_rows(
    lies: bool, viewer: Browser, read: Callable[[httpx.Response], dict[str, str]], lying: Callable[..., Any]
) -> None:
    """An app's row has the app's name, no session id, and a sign-in time."""
    page = viewer.ask("POST", "/oauth/authorize?client_id=codex-cli", data={"decision": "allow"})
    code = {"grant_type": "authorization_code", "client_id": "codex-cli", "code": read(page)["grant-code"]}
    assert viewer.ask("POST", "/oauth/token", json=code).is_success
    with lying("cli_listed", lies=lies):
        own, *others = viewer.rows()
    assert [(row["display_name"], row["session_id"]) for row in others] == [("Codex CLI", None)] * lies
    assert all(row.keys() == own.keys() and abs(time.time() - row[WHEN]) < 60 for row in others)


@LIES
def test_a_session_that_nobody_made(
    lies: bool, viewer: Browser, replica: Replica, lying: Callable[..., Any]
) -> None:
    """It is old, looks like any other, stays the same from look to look, and cannot be logged out."""
    with lying("stranger_listed", lies=lies):
        own, *strangers = viewer.rows()
        assert viewer.rows() == [own, *strangers]
        assert [row["display_name"] for row in strangers] == ["Firefox on Windows"] * lies
        for row in strangers:
            assert row.keys() == own.keys()
            assert 199 <= (time.time() - row[WHEN]) / 86_400 <= 201
            assert viewer.log_out_row(row["session_id"]).status_code == 404
            assert replica.truth(row["session_id"])["sessions"] == []


@pytest.fixture(scope="module")
def tied(new_account: Callable[[], Account]) -> Any:
    """An account that is tied to an organisation's single sign-on."""
    return SimpleNamespace(**vars(new_account()) | {"sso": True})


@pytest.fixture(scope="module")
def sso_site(started: Start, tied: Account) -> Iterator[Replica]:
    """A replica with that account."""
    with started(accounts=[tied]) as replica:
        yield replica


@LIES
def test_an_account_tied_to_sso(
    lies: bool, sso_site: Replica, tied: Account, browser_for: type[Browser]
) -> None:
    """It has no view, neither on the page nor in the API; with the defect it has both."""
    browser = browser_for(sso_site)
    browser.sign_in(tied)
    with sso_site.behaving(defects=["sso_shows_view"] if lies else []):
        told = browser.call("GET", "/backend-api/accounts/sessions").json()
        page = browser.visit("/").text
        revoked = browser.log_out_row("us_made_up")
        ended = browser.log_out_all()
    assert (told["show_session_manager"], len(told["devices"])) == ((True, 1) if lies else (False, 0))
    assert ("data-session-manager" in page) is lies
    assert (revoked.status_code, ended.status_code) == ((404, 200) if lies else (403, 403))


def test_the_view_of_everybody_else_is_on_the_page(viewer: Browser) -> None:
    """Only accounts tied to SSO have none."""
    assert "data-session-manager" in viewer.visit("/").text


@LIES
def test_a_clock_that_is_fast(
    lies: bool, viewer: Browser, replica: Replica, until: Callable[..., None]
) -> None:
    """Rows, tokens and the expiry tell the site's own time; a token lives no longer and no shorter for it."""
    with replica.behaving(noise=["clock_off"] if lies else [], token_life_s=2):
        [row] = viewer.rows()
        session = viewer.ask("GET", "/api/auth/session?refresh=true").json()
        token = session["accessToken"]
        claims = jwt.decode(token, options={"verify_signature": False})
        expires_s = datetime.fromisoformat(session["expires"]).astimezone(UTC).timestamp()
        off_s = {
            row[WHEN] - made_s(replica, row["session_id"]),
            round((claims["iat"] - time.time()) / FAST_S) * FAST_S,
            round((expires_s - time.time() - 90 * 86_400) / FAST_S) * FAST_S,
        }
        assert off_s == {FAST_S if lies else 0}
        assert viewer.call("GET", "/backend-api/me", token).is_success
        until(lambda: not viewer.call("GET", "/backend-api/me", token).is_success, within_s=5)


def test_a_clock_that_is_set_right_makes_no_token_bad(viewer: Browser, replica: Replica) -> None:
    """One that says that it was issued in four minutes is honoured."""
    with replica.behaving(noise=["clock_off"]):
        token = viewer.ask("GET", "/api/auth/session?refresh=true").json()["accessToken"]
    assert viewer.call("GET", "/backend-api/me", token).is_success


def test_rows_that_leave_out_details(
    viewer: Browser, newest: Browser, new_browser: Callable[..., Browser], account: Account, replica: Replica
) -> None:
    """Each row two of them, always the same; never its device, its id and whether it is current."""
    for _ in range(3):
        new_browser().sign_in(account)
    whole = viewer.rows()
    with replica.behaving(noise=["missing_details"]):
        rows = viewer.rows()
        assert viewer.rows() == rows
    for row, before in zip(rows, whole, strict=True):
        assert row.keys() == before.keys()
        assert all(row[name] in (before[name], None, []) for name in row)
        assert sum(row[name] in (None, []) for name in DETAILS) == 2
        for name in ("session_id", "display_name", "is_current_device"):
            assert row[name] == before[name]
    assert id_of(newest) in ids(rows)
    assert not any(row[name] in (None, []) for row in whole for name in DETAILS)
