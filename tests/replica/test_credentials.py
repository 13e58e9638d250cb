"""A changed password and a new second factor: what sign-in then asks for, and which sessions end."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pyotp
import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import Page

    from tests.replica.conftest import Account, Browser, Replica

    Read = Callable[[httpx.Response], dict[str, str]]

NEW_PASSWORD = "a new one"
CODE_STEP = timedelta(seconds=30)


@pytest.fixture
def two(new_browser: Callable[[], Browser], account: Account) -> list[Browser]:
    """Two browsers that are signed in to one account."""
    browsers = [new_browser(), new_browser()]
    for browser in browsers:
        browser.sign_in(account)
    return browsers


def change_password(browser: Browser, current: str, new: str = NEW_PASSWORD) -> httpx.Response:
    """Ask for another password."""
    body = {"current_password": current, "new_password": new}
    return browser.call("POST", "/backend-api/accounts/password", json=body)


def enrol(browser: Browser) -> str:
    """Begin to set up an authenticator app; its secret."""
    return str(browser.call("POST", "/backend-api/accounts/mfa/enroll").json()["secret"])


def confirm(browser: Browser, code: str) -> httpx.Response:
    """Show that the authenticator app is set up."""
    return browser.call("POST", "/backend-api/accounts/mfa/confirm", json={"code": code})


def actions(replica: Replica, *session_ids: str) -> list[tuple[str, str]]:
    """Which of these sessions ended, and by what."""
    return [(end["session_id"], end["action"]) for end in replica.truth(*session_ids)["revocations"]]


def test_a_changed_password_is_the_one_that_counts(
    two: list[Browser], new_browser: Callable[[], Browser], account: Account, read: Read
) -> None:
    """The old one is refused at sign-in, and the new one is not."""
    assert change_password(two[0], account.password).status_code == 200
    refused = new_browser().sign_in(account)
    assert read(refused)["alert"] == "Incorrect email address or password"
    page = new_browser().sign_in(dataclasses.replace(account, password=NEW_PASSWORD))
    assert read(page)["account-email"] == account.email


@pytest.mark.parametrize("defect", [None, "password_change_ends_nothing"])
def test_a_changed_password_ends_every_other_session(
    defect: str | None, two: list[Browser], replica: Replica, account: Account, until: Callable[..., None]
) -> None:
    """The one that changed it lives, the others end like by any log-out; with the defect none ends."""
    mine, other = (browser.own_row()["session_id"] for browser in two)
    with replica.behaving(defects=[defect] if defect else []):
        assert change_password(two[0], account.password).status_code == 200
    assert actions(replica, mine, other) == ([] if defect else [(other, "password")])
    assert len(two[0].rows()) == (2 if defect else 1)
    if not defect:
        until(lambda: not any("user" in two[1].session() for _ in range(9)), within_s=4)
    assert "user" in two[0].session()


@pytest.mark.parametrize(("current", "new", "status"), [("wrong", NEW_PASSWORD, 403), (None, "", 422)])
def test_a_password_that_is_not_changed_ends_nothing(
    current: str | None, new: str, status: int, two: list[Browser], account: Account
) -> None:
    """The wrong current one, or no new one: a refusal, and all stays."""
    assert change_password(two[0], current or account.password, new).status_code == status
    assert len(two[0].rows()) == 2
    assert change_password(two[0], account.password).status_code == 200


def test_a_changed_password_stops_a_sign_in_that_knew_the_old_one(
    two: list[Browser], new_browser: Callable[[], Browser], account: Account
) -> None:
    """It had passed the password page, and makes no session."""
    slow = new_browser()
    callback = slow.submit(slow.reach_password(account.email), password=account.password)
    change_password(two[0], account.password)
    assert slow.ask("GET", callback.headers["location"]).status_code == 400


def test_a_second_factor_is_asked_for_from_then_on(
    two: list[Browser], new_browser: Callable[[], Browser], account: Account, read: Read
) -> None:
    """Only once a code of it was shown, and that code does not sign in."""
    browser = two[0]
    secret = enrol(browser)
    assert browser.session()["user"]["mfa"] is False
    assert confirm(browser, "abcdef").status_code == 403
    code = pyotp.TOTP(secret).now()
    assert confirm(browser, code).status_code == 200
    assert browser.session()["user"]["mfa"] is True
    fresh = new_browser()
    page = fresh.sign_in(account)
    assert read(page)["title"] == "Verify your identity - OpenAI"
    assert read(fresh.follow(fresh.submit(page, code=code)))["alert"] == "Incorrect code"
    # a code of the coming step is good already, so nobody has to wait for it
    fresh.follow(fresh.submit(page, code=pyotp.TOTP(secret).at(datetime.now(UTC) + CODE_STEP)))
    assert fresh.own_row()["is_trusted_device"] is True


def test_only_the_newest_secret_counts(two: list[Browser]) -> None:
    """Whoever begins again has to set up the app again; afterwards there is nothing to begin."""
    first, second = enrol(two[0]), enrol(two[0])
    assert confirm(two[0], pyotp.TOTP(first).now()).status_code == 403
    assert confirm(two[0], pyotp.TOTP(second).now()).status_code == 200
    assert two[0].call("POST", "/backend-api/accounts/mfa/enroll").status_code == 409


@pytest.mark.parametrize("defect", [None, "mfa_ends_sessions"])
def test_a_new_second_factor_ends_no_session(
    defect: str | None, two: list[Browser], replica: Replica
) -> None:
    """With the defect it ends all but the one that set it up."""
    mine, other = (browser.own_row()["session_id"] for browser in two)
    with replica.behaving(defects=[defect] if defect else []):
        assert confirm(two[0], pyotp.TOTP(enrol(two[0])).now()).status_code == 200
    assert actions(replica, mine, other) == ([(other, "mfa")] if defect else [])


@pytest.mark.parametrize("path", ["password", "mfa/enroll", "mfa/confirm"])
def test_nothing_of_it_is_for_a_guest(path: str, new_browser: Callable[[], Browser]) -> None:
    """Without a bearer: 401."""
    assert new_browser().ask("POST", f"/backend-api/accounts/{path}", json={}).status_code == 401


def test_a_person_changes_the_password(
    page_of: Page, account: Account, new_browser: Callable[[], Browser], replica: Replica
) -> None:
    """A dialog that can be left, and that says what was wrong; afterwards the others are gone."""
    other = new_browser()
    other.sign_in(account)
    page_of.goto("/#settings/Security")
    rows = page_of.get_by_test_id("active-session")
    expect(rows).to_have_count(2)
    change = page_of.get_by_test_id("password-setting").get_by_role("button", name="Change")
    dialog = page_of.get_by_role("dialog", name="Change password")
    change.click()
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    change.click()
    dialog.get_by_label("Current password").fill("wrong")
    dialog.get_by_label("New password").fill(NEW_PASSWORD)
    dialog.get_by_role("button", name="Change password").click()
    expect(dialog.get_by_role("alert")).to_have_text("Incorrect password")
    assert actions(replica, other.own_row()["session_id"]) == []
    dialog.get_by_label("Current password").fill(account.password)
    dialog.get_by_role("button", name="Change password").click()
    expect(page_of.get_by_role("status")).to_have_text("Password changed. Other sessions were logged out.")
    expect(dialog).to_have_count(0)
    expect(rows).to_have_count(1)


def test_a_person_turns_on_the_authenticator_app(
    page_of: Page, account: Account, new_browser: Callable[[], Browser]
) -> None:
    """The switch is on only once the app's code was given, and it stays on."""
    other = new_browser()
    other.sign_in(account)
    page_of.goto("/#settings/Security")
    switch = page_of.get_by_role("switch", name="Authenticator app")
    dialog = page_of.get_by_role("dialog", name="Set up authenticator app")
    expect(switch).not_to_be_checked()
    switch.click()
    dialog.get_by_role("textbox", name="Code").fill("abcdef")
    dialog.get_by_role("button", name="Turn on").click()
    expect(dialog.get_by_role("alert")).to_have_text("Incorrect code")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    expect(switch).not_to_be_checked()
    switch.click()
    secret = dialog.get_by_test_id("totp-secret").inner_text()
    dialog.get_by_role("textbox", name="Code").fill(pyotp.TOTP(secret).now())
    dialog.get_by_role("button", name="Turn on").click()
    expect(dialog).to_have_count(0)
    expect(switch).to_be_checked()
    page_of.get_by_role("tab", name="Account").click()
    page_of.get_by_role("tab", name="Security and login").click()
    expect(switch).to_be_checked()
    page_of.reload()
    expect(switch).to_be_checked()
    expect(page_of.get_by_test_id("active-session")).to_have_count(2)


def test_an_account_tied_to_sso_has_no_password_to_change(
    started: Callable[..., Any],
    new_account: Callable[[], Account],
    browser_for: type[Browser],
    browser: Chromium,
) -> None:
    """Neither on the page nor by the API."""
    tied: Any = SimpleNamespace(**vars(new_account()), sso=True)
    with started(accounts=[tied]) as replica:
        screenless = browser_for(replica)
        screenless.sign_in(tied)
        assert change_password(screenless, tied.password).status_code == 403
        with browser.new_context(base_url=replica.base_url) as context:
            context.add_cookies(
                [
                    {"name": name, "value": value, "domain": "127.0.0.1", "path": "/", "secure": True}
                    for name, value in screenless.cookies.items()
                ]
            )
            page = context.new_page()
            page.goto("/#settings/Security")
            expect(page.get_by_role("switch", name="Authenticator app")).to_be_visible()
            expect(page.get_by_test_id("password-setting")).to_have_count(0)
