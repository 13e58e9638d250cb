"""Sessions of other apps: how they come about, and that no log-out of a browser has a say in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.replica.conftest import Account, Browser

    Read = Callable[[httpx.Response], dict[str, str]]

APPS = {"codex-cli": "Codex CLI", "third-party": "Third-party app", "connected-app": "Connected app"}


def consent_page(client_id: str) -> str:
    """Where an app sends its user."""
    return f"/oauth/authorize?client_id={client_id}"


def redeem(browser: Browser, client_id: str, code: str, **other: str) -> httpx.Response:
    """What the app does with the code."""
    body = {"grant_type": "authorization_code", "client_id": client_id, "code": code, **other}
    return browser.ask("POST", "/oauth/token", json=body)


def userinfo(browser: Browser, token: str) -> httpx.Response:
    """Ask whose account the app may use."""
    return browser.ask("GET", "/oauth/userinfo", headers={"authorization": f"Bearer {token}"})


@pytest.fixture
def signed_in(new_browser: Callable[[], Browser], account: Account) -> Browser:
    """A browser that is signed in."""
    browser = new_browser()
    browser.sign_in(account)
    return browser


@pytest.fixture
def code_for(read: Read) -> Callable[[Browser, str], str]:
    """Consent in a browser; the code that the page shows."""

    def consent(browser: Browser, client_id: str) -> str:
        page = browser.ask("POST", consent_page(client_id), data={"decision": "allow"})
        return read(page)["grant-code"]

    return consent


@pytest.mark.parametrize("client_id", APPS)
def test_an_app_gets_in_by_a_code(
    client_id: str, signed_in: Browser, code_for: Callable[[Browser, str], str], read: Read
) -> None:
    """The consent page names the app; its code gives a bearer, by which the app knows the account."""
    asked = read(signed_in.visit(consent_page(client_id)))
    assert asked["h1"] == f"{APPS[client_id]} wants to use your account"
    assert asked["button"] == "Allow Deny"
    given = redeem(signed_in, client_id, code_for(signed_in, client_id)).json()
    assert given["token_type"] == "Bearer"
    told = userinfo(signed_in, given["access_token"])
    user_id = signed_in.session()["user"]["id"]
    assert (told.status_code, told.json()) == (200, {"sub": user_id, "app": APPS[client_id]})


def test_a_code_works_once_and_for_its_own_app(
    signed_in: Browser, code_for: Callable[[Browser, str], str]
) -> None:
    """Neither a second time, nor for another app, nor if it was made up or asked for in another way."""
    code = code_for(signed_in, "codex-cli")
    assert redeem(signed_in, "codex-cli", code).is_success
    foreign = code_for(signed_in, "codex-cli")
    refusals: list[Any] = [
        redeem(signed_in, "codex-cli", code),
        redeem(signed_in, "third-party", foreign),
        redeem(signed_in, "codex-cli", "made-up"),
        redeem(signed_in, "codex-cli", code_for(signed_in, "codex-cli"), grant_type="password"),
    ]
    assert [refusal.status_code for refusal in refusals] == [400] * 4
    assert refusals[0].json() == {"error": "invalid_grant"}
    assert userinfo(signed_in, "made-up").status_code == 401


def test_denied_gives_no_code(signed_in: Browser, read: Read) -> None:
    """The page says so, and there is nothing to redeem."""
    said = read(signed_in.ask("POST", consent_page("codex-cli"), data={"decision": "deny"}))
    assert said["h1"] == "Access denied"
    assert "grant-code" not in said


def test_an_unknown_app_is_turned_away(signed_in: Browser) -> None:
    """It gets no consent page."""
    assert signed_in.visit(consent_page("made-up")).status_code == 400


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_guest_signs_in_first(
    method: str, new_browser: Callable[[], Browser], account: Account, read: Read
) -> None:
    """Consent is for somebody who is signed in, and the sign-in comes back to it."""
    browser = new_browser()
    response = browser.ask(method, consent_page("codex-cli"), data={"decision": "allow"})
    come_back = quote(consent_page("codex-cli"), safe="")
    assert response.headers["location"] == f"/auth/login?next={come_back}"
    page = read(browser.sign_in(account, next_path=come_back))
    assert page["h1"] == "Codex CLI wants to use your account"


def test_no_log_out_ends_it_and_no_list_tells_of_it(
    new_browser: Callable[[], Browser],
    account: Account,
    signed_in: Browser,
    code_for: Callable[[Browser, str], str],
    until: Callable[..., None],
) -> None:
    """The view lists browsers alone; after log-out of all the app goes on, and so it does after one's own."""
    token = redeem(signed_in, "codex-cli", code_for(signed_in, "codex-cli")).json()["access_token"]
    assert len(signed_in.rows()) == 1
    signed_in.log_out_all()
    until(lambda: "user" not in signed_in.session(), within_s=3)
    assert userinfo(signed_in, token).is_success
    again = new_browser()
    again.sign_in(account)
    again.visit("/auth/logout")
    assert userinfo(again, token).is_success
