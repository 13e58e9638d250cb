"""The JSON API while nothing is revoked: shapes, rows, refusals."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.replica.conftest import Account, Browser, Replica

SESSIONS = "/backend-api/accounts/sessions"
ROW_FIELDS = {
    "render_id",
    "session_id",
    "hashed_device_id",
    "display_name",
    "human_readable_description",
    "platform",
    "os_version",
    "device_model",
    "app_sessions",
    "last_signed_in_city",
    "last_signed_in_region_code",
    "last_signed_in_country",
    "last_signed_in_timestamp_second",
    "is_trusted_device",
    "can_untrust",
    "is_current_device",
}
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)
HEADLESS = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "HeadlessChrome/140.0.0.0 Safari/537.36"
)


def claims_of(token: str) -> dict[str, Any]:
    """What an access token claims; anybody can read it."""
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


def test_the_session_of_somebody_signed_in(new_browser: Callable[[], Browser], account: Account) -> None:
    """User, expiry, account and a signed access token with its times."""
    browser = new_browser()
    browser.sign_in(account)
    session = browser.session()
    assert {"user", "expires", "account", "accessToken"} <= session.keys()
    assert session["user"]["email"] == account.email
    claims = claims_of(session["accessToken"])
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["sid"] == browser.own_row()["session_id"]


def test_the_session_of_a_guest_is_empty(new_browser: Callable[[], Browser]) -> None:
    """Signed out is a shape, with status 200."""
    response = new_browser().ask("GET", "/api/auth/session")
    assert (response.status_code, response.json()) == (200, {})


def test_the_session_of_an_unknown_cookie_is_a_warning_alone(new_browser: Callable[[], Browser]) -> None:
    """The other signed-out shape: neither user nor token, yet not empty."""
    browser = new_browser()
    browser.cookies["__Secure-next-auth.session-token"] = "made-up"
    assert browser.session().keys() == {"WARNING_BANNER"}


@pytest.mark.parametrize("path", ["/backend-api/me", SESSIONS, "/backend-api/wham/usage"])
@pytest.mark.parametrize(
    "header", [{}, {"authorization": "Bearer made.up.token"}, {"authorization": "Basic eA=="}]
)
def test_a_call_without_a_good_bearer_is_refused(
    path: str, header: dict[str, str], new_browser: Callable[[], Browser]
) -> None:
    """401 with the plainest of the bodies."""
    response = new_browser().ask("GET", path, headers=header)
    assert (response.status_code, response.json()) == (401, {"detail": "Unauthorized"})


def test_the_cookie_alone_opens_no_api(new_browser: Callable[[], Browser], account: Account) -> None:
    """API calls ask for the bearer, whatever cookies come along."""
    browser = new_browser()
    browser.sign_in(account)
    assert browser.ask("GET", "/backend-api/me").status_code == 401
    assert browser.call("GET", "/backend-api/me").json()["email"] == account.email


def test_each_sign_in_is_a_row_and_one_is_current(
    new_browser: Callable[..., Browser], account: Account, replica: Replica
) -> None:
    """Two browsers, two rows; each browser finds itself, and only itself, to be the current one."""
    laptop, phone = new_browser(), new_browser(user_agent=IPHONE)
    laptop.sign_in(account)
    phone.sign_in(account)
    rows = laptop.rows()
    assert [row["display_name"] for row in rows] == ["Safari on iPhone", "Chrome on Windows"]
    assert [row["is_current_device"] for row in rows] == [False, True]
    assert [row["is_current_device"] for row in phone.rows()] == [True, False]
    assert all(row.keys() == ROW_FIELDS for row in rows)
    assert len({row["render_id"] for row in rows} | {row["session_id"] for row in rows}) == 4
    told = {s["session_id"]: s["device"] for s in replica.truth()["sessions"]}
    assert all(told[row["session_id"]] == row["display_name"] for row in rows)


@pytest.mark.parametrize(
    ("user_agent", "name", "description"),
    [
        (IPHONE, "Safari on iPhone", "Safari 18 on iOS 18.5"),
        (HEADLESS, "Chrome on Linux", "Chrome 140 on Linux"),
        ("", "Unknown device", "Unknown device"),
    ],
)
def test_a_row_names_the_device_as_a_person_would(
    user_agent: str, name: str, description: str, new_browser: Callable[..., Browser], account: Account
) -> None:
    """Browser and system; a headless Chrome is a Chrome; what is not known is not made up."""
    browser = new_browser(user_agent=user_agent)
    browser.sign_in(account)
    row = browser.own_row()
    assert (row["display_name"], row["human_readable_description"]) == (name, description)


def test_a_row_bundles_the_apps_of_its_browser(new_browser: Callable[[], Browser], account: Account) -> None:
    """Visiting Codex and the API Platform adds them to the row that there is."""
    browser = new_browser()
    browser.sign_in(account)
    assert browser.visit("/codex").status_code == 200
    assert browser.visit("/platform").status_code == 200
    [row] = browser.rows()
    assert [app["client_name"] for app in row["app_sessions"]] == ["ChatGPT Web", "Codex", "API Platform"]
    assert browser.call("GET", "/backend-api/wham/usage").status_code == 200


def test_the_other_apps_send_a_guest_away(new_browser: Callable[[], Browser]) -> None:
    """Codex asks for a sign-in; the API Platform shows its logged-out page."""
    browser = new_browser()
    assert browser.ask("GET", "/codex").headers["location"] == "/auth/login?next=/codex"
    assert browser.ask("GET", "/platform").headers["location"] == "/loggedout"


def test_a_second_factor_makes_a_trusted_device(
    new_browser: Callable[[], Browser], mfa_account: Account
) -> None:
    """Trust can be removed once, and the session lives on."""
    browser = new_browser()
    browser.sign_in(mfa_account)
    row = browser.own_row()
    assert (row["is_trusted_device"], row["can_untrust"]) == (True, True)
    body = {"device_id_hash": row["hashed_device_id"]}
    path = "/backend-api/accounts/trusted_devices/revoke"
    assert browser.call("POST", path, json=body).status_code == 200
    assert browser.call("POST", path, json=body).status_code == 404
    row = browser.own_row()
    assert (row["is_trusted_device"], row["can_untrust"]) == (False, False)


def test_only_a_live_session_of_the_own_account_can_be_logged_out(
    new_browser: Callable[[], Browser], account: Account, mfa_account: Account
) -> None:
    """404 for a made-up session, for somebody else's, and for one that is already gone."""
    own, other, foreign = new_browser(), new_browser(), new_browser()
    own.sign_in(account)
    other.sign_in(account)
    foreign.sign_in(mfa_account)
    other_id, foreign_id = other.own_row()["session_id"], foreign.own_row()["session_id"]
    first = own.log_out_row(other_id)
    assert first.json() == {"revoked_unified_sessions": 1, "revoked_app_sessions": 1}
    for session_id in ("us_made_up", foreign_id, other_id):
        response = own.log_out_row(session_id)
        assert (response.status_code, response.json()["detail"]["code"]) == (404, "session_not_found")
    assert [row["session_id"] for row in foreign.rows()] == [foreign_id]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"session_id": 5}'])
def test_a_body_that_makes_no_sense_ends_nothing(
    body: bytes, new_browser: Callable[[], Browser], account: Account
) -> None:
    """422, and the row stays."""
    browser = new_browser()
    browser.sign_in(account)
    assert browser.call("POST", f"{SESSIONS}/revoke", content=body).status_code == 422
    assert len(browser.rows()) == 1


def test_an_account_without_the_view_is_told_so(
    new_browser: Callable[[], Browser], account: Account, replica: Replica
) -> None:
    """As for accounts tied to SSO: no rows, and 403 for who tries all the same."""
    browser = new_browser()
    browser.sign_in(account)
    with replica.behaving(show_session_manager=False):
        shown = browser.call("GET", SESSIONS).json()
        refused = browser.log_out_all()
    assert shown == {"show_session_manager": False, "devices": []}
    assert (refused.status_code, refused.json()["detail"]["code"]) == (403, "session_manager_unavailable")


def test_a_token_is_kept_until_it_is_near_its_end_and_then_expires(
    new_browser: Callable[[], Browser], account: Account, replica: Replica, until: Callable[..., None]
) -> None:
    """Expiry has a code of its own, and the living session gets a new token."""
    browser = new_browser()
    with replica.behaving(token_life_s=2):
        browser.sign_in(account)
        old = browser.token()
        assert claims_of(old)["exp"] - claims_of(old)["iat"] == 2
        until(lambda: browser.call("GET", "/backend-api/me", old).status_code == 401, within_s=4)
        refused = browser.call("GET", "/backend-api/me", old)
        new = browser.token()
    assert refused.json()["detail"]["code"] == "token_expired"
    assert new != old
    assert browser.call("GET", "/backend-api/me", new).status_code == 200
    assert browser.token() != old
    tokens = replica.truth()["sessions"][-1]["access_tokens"]
    assert [t["iat"] for t in tokens] == sorted(t["iat"] for t in tokens)
    assert tokens[0] == {"iat": claims_of(old)["iat"], "exp": claims_of(old)["exp"]}


def test_asking_for_the_session_again_gives_the_same_token(
    new_browser: Callable[[], Browser], account: Account
) -> None:
    """A token is not renewed while it is young."""
    browser = new_browser()
    browser.sign_in(account)
    token = browser.token()
    assert time.time() < claims_of(token)["exp"]
    assert {browser.token() for _ in range(5)} == {token}


def test_a_refresh_mints_a_new_token_every_time(
    new_browser: Callable[[], Browser], account: Account, replica: Replica
) -> None:
    """Also several within one second; all of them stay good, and the truth counts them."""
    browser = new_browser()
    browser.sign_in(account)
    first = browser.token()

    def refreshed() -> str:
        return str(browser.ask("GET", "/api/auth/session?refresh=true").json()["accessToken"])

    tokens = [first, *(refreshed() for _ in range(20))]
    assert len(set(tokens)) == 21
    assert len({claims_of(token)["jti"] for token in tokens}) == 21
    assert {browser.token() for _ in range(3)} == {tokens[-1]}
    assert all(browser.call("GET", "/backend-api/me", token).is_success for token in tokens)
    [told] = replica.truth(claims_of(first)["sid"])["sessions"]
    assert told["tokens_minted"] == 21
    newest = claims_of(tokens[-1])
    assert told["access_tokens"][-1] == {"iat": newest["iat"], "exp": newest["exp"]}
    assert 1 <= len(told["access_tokens"]) < 21


def test_a_refresh_of_a_guest_mints_nothing(new_browser: Callable[[], Browser]) -> None:
    """Signed out is the same shape."""
    assert new_browser().ask("GET", "/api/auth/session?refresh=true").json() == {}


@pytest.mark.parametrize(
    "path", ["/", "/codex", "/api/auth/session", "/backend-api/me", SESSIONS, "/auth/logout"]
)
def test_nothing_is_stored_in_a_cache(
    path: str, new_browser: Callable[[], Browser], account: Account
) -> None:
    """Every protected answer says `no-store`."""
    browser = new_browser()
    browser.sign_in(account)
    assert browser.call("GET", path).headers["cache-control"] == "no-store"


def test_a_message_is_answered_word_by_word(new_browser: Callable[[], Browser], account: Account) -> None:
    """The answer comes as a stream of events, and a whole one ends with its mark."""
    browser = new_browser()
    browser.sign_in(account)
    body = {"messages": [{"content": {"parts": ["hello <b>there</b>"]}}]}
    for response in (
        browser.call("POST", "/backend-api/conversation", json=body),
        browser.ask("POST", "/backend-anon/conversation", json=body),
    ):
        events = response.text.split("\n\n")
        assert response.headers["content-type"].startswith("text/event-stream")
        assert (
            "hello <b>there</b>"
            in json.loads(events[0].removeprefix("data: "))["message"]["content"]["parts"][0]
        )
        assert events[-2:] == ["data: [DONE]", ""]


@pytest.mark.parametrize(
    ("text", "is_long"),
    [("Write a long story.", True), ("WRITE A LONG list", True), ("Do not write a long story", False)],
)
def test_a_message_that_asks_for_a_long_answer_gets_one(
    text: str, is_long: bool, new_browser: Callable[[], Browser], replica: Replica
) -> None:
    """How long is a tunable of its own; one word comes each tenth of a second."""
    body = {"messages": [{"content": {"parts": [text]}}]}
    with replica.behaving(stream_s=0.2, long_stream_s=0.6):
        response = new_browser().ask("POST", "/backend-anon/conversation", json=body)
    assert response.text.count("data: {") == (6 if is_long else 2)
    assert response.text.endswith("data: [DONE]\n\n")


def test_a_message_without_words_is_refused(new_browser: Callable[[], Browser]) -> None:
    """422 for a body that holds no message."""
    assert new_browser().ask("POST", "/backend-anon/conversation", json={"messages": []}).status_code == 422
