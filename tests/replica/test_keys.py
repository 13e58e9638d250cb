"""API keys: shown once, good until they are revoked, and nobody else's to revoke."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from playwright.sync_api import Page

    from tests.replica.conftest import Account, Browser, Json, Replica

    Read = Callable[[httpx.Response], dict[str, str]]

KEYS = "/platform/api/keys"


def make(browser: Browser) -> Json:
    """Make a key; what is told of it."""
    told: Json = browser.ask("POST", KEYS).json()
    return told


def models(browser: Browser, key: str) -> httpx.Response:
    """What a program asks with its key."""
    return browser.ask("GET", "/v1/models", headers={"authorization": f"Bearer {key}"})


@pytest.fixture
def signed_in(new_browser: Callable[[], Browser], account: Account) -> Browser:
    """A browser that is signed in."""
    browser = new_browser()
    browser.sign_in(account)
    return browser


def test_a_key_opens_the_api_and_is_told_once(signed_in: Browser) -> None:
    """Whole when it is made, masked in the list; a log-out does not end it."""
    key = make(signed_in)
    assert models(signed_in, key["key"]).status_code == 200
    assert signed_in.ask("GET", KEYS).json() == {"keys": [{"id": key["id"], "masked": key["masked"]}]}
    assert key["masked"] == f"sk-\u2026{key['key'][-4:]}"
    signed_in.visit("/auth/logout")
    assert models(signed_in, key["key"]).status_code == 200


@pytest.mark.parametrize("works", [False, True])
def test_a_revoked_key_is_over_at_once(works: bool, signed_in: Browser, replica: Replica) -> None:
    """It leaves the list, and opens nothing; with the defect it goes on to work."""
    key, other = make(signed_in), make(signed_in)
    with replica.behaving(defects=["revoked_key_works"] if works else []):
        assert signed_in.ask("POST", f"{KEYS}/{key['id']}/revoke").status_code == 200
        answer = models(signed_in, key["key"])
    assert answer.status_code == (200 if works else 401)
    assert models(signed_in, other["key"]).status_code == 200
    assert [listed["id"] for listed in signed_in.ask("GET", KEYS).json()["keys"]] == [other["id"]]
    assert signed_in.ask("POST", f"{KEYS}/{key['id']}/revoke").status_code == 404


def test_what_is_no_key_opens_nothing(signed_in: Browser) -> None:
    """Neither a made-up one, nor none, nor the access token of a session."""
    refusals = [models(signed_in, "sk-made-up"), models(signed_in, signed_in.token())]
    refusals.append(signed_in.ask("GET", "/v1/models"))
    assert [refusal.status_code for refusal in refusals] == [401] * 3
    assert refusals[0].json() == {"detail": {"code": "invalid_api_key"}}


def test_nobody_can_revoke_a_key_of_another_account(
    signed_in: Browser, new_browser: Callable[[], Browser], mfa_account: Account
) -> None:
    """Neither by its id nor without a session; nor is it listed to them."""
    key = make(signed_in)
    stranger, guest = new_browser(), new_browser()
    stranger.sign_in(mfa_account)
    assert stranger.ask("GET", KEYS).json() == {"keys": []}
    answers = [browser.ask("POST", f"{KEYS}/{key['id']}/revoke") for browser in (stranger, guest)]
    assert [answer.status_code for answer in answers] == [404, 401]
    assert models(signed_in, key["key"]).is_success


def test_help_is_for_everybody(new_browser: Callable[[], Browser], read: Read) -> None:
    """It says how to reach support."""
    said = read(new_browser().visit("/help"))
    assert said["h1"] == "Help"
    assert "contact support" in said["p"]


def test_a_person_makes_and_revokes_a_key(page_of: Page) -> None:
    """The whole key is on the page until that is left; the list tells keys by their last characters."""
    page_of.goto("/platform")
    keys = page_of.get_by_role("list", name="API keys").get_by_role("listitem")
    page_of.get_by_role("button", name="Create new secret key").click()
    key = page_of.get_by_test_id("new-api-key").inner_text()
    assert key.startswith("sk-")
    page_of.reload()
    expect(page_of.get_by_test_id("new-api-key")).to_have_count(0)
    expect(keys).to_have_count(1)
    expect(keys).to_contain_text(f"sk-\u2026{key[-4:]}")
    bearer = {"authorization": f"Bearer {key}"}
    assert page_of.request.get("/v1/models", headers=bearer).ok
    keys.get_by_role("button", name="Revoke key").click()
    expect(keys).to_have_count(0)
    assert page_of.request.get("/v1/models", headers=bearer).status == 401
    page_of.get_by_role("link", name="Help").click()
    expect(page_of.get_by_role("heading", name="Help")).to_be_visible()


def test_keys_are_on_the_platform_alone(page_of: Page) -> None:
    """Codex has none."""
    page_of.goto("/codex")
    expect(page_of.get_by_test_id("codex-home")).to_be_visible()
    expect(page_of.get_by_text("API keys")).to_have_count(0)
