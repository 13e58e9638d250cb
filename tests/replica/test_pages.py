"""What a person sees, in a real browser: the pages, the view of the sessions, and the end of one."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from playwright.sync_api import Locator, Page

    from tests.replica.conftest import Account, Browser, Replica

    OpenPage = Callable[[], AbstractContextManager[Page]]

FAILED = "We were unable to process your request at this time. Please try again later."


def sign_in(page: Page, account: Account) -> None:
    """Sign in as a person does."""
    page.goto("/")
    page.get_by_test_id("login-button").click()
    page.get_by_role("textbox", name="Email address").fill(account.email)
    page.get_by_role("button", name="Continue", exact=True).click()
    page.get_by_role("textbox", name="Password").fill(account.password)
    page.get_by_role("button", name="Continue", exact=True).click()
    if account.totp_secret:
        page.get_by_role("textbox", name="Code").fill(account.code())
        page.get_by_role("button", name="Continue", exact=True).click()
    expect(page.get_by_test_id("accounts-profile-button")).to_be_visible()


def open_sessions(page: Page) -> Locator:
    """Open the security settings; the rows of the active sessions."""
    page.goto("/#settings/Security")
    rows = page.get_by_role("list", name="Active sessions").get_by_test_id("active-session")
    expect(rows.first).to_be_visible()
    return rows


def test_a_guest_sees_a_composer_and_ways_in(open_page: OpenPage) -> None:
    """The composer is there for guests too, and answers them; nothing else is."""
    with open_page() as page:
        page.goto("/")
        expect(page.get_by_test_id("login-button")).to_have_text("Log in")
        expect(page.get_by_test_id("signup-button")).to_be_visible()
        expect(page.get_by_test_id("accounts-profile-button")).to_have_count(0)
        composer = page.get_by_role("textbox", name="Chat with ChatGPT")
        expect(composer).to_have_id("prompt-textarea")
        composer.fill("<img src=x onerror=document.title='owned'>")
        composer.press("Enter")
        answer = page.locator('[data-message-author-role="assistant"]')
        expect(answer).to_contain_text("You wrote: \u201c<img src=x onerror=")
        expect(page).to_have_title("ChatGPT")


def test_somebody_signed_in_sees_the_shell(page_of: Page, account: Account) -> None:
    """The sidebar with its links, and the profile menu with the account's address."""
    sidebar = page_of.get_by_role("navigation", name="Chat history")
    expect(sidebar.get_by_role("link", name="Library")).to_be_visible()
    expect(sidebar.get_by_role("link", name="Scheduled")).to_be_visible()
    page_of.get_by_role("button", name="Open profile menu").click()
    expect(page_of.get_by_test_id("account-email")).to_have_text(account.email)
    items = page_of.get_by_role("menu").get_by_role("menuitem")
    expect(items).to_have_text(["Settings", "Log out"])
    page_of.keyboard.press("Escape")
    expect(items.first).to_be_hidden()


def test_the_second_factor_is_shown_as_on(open_page: OpenPage, mfa_account: Account) -> None:
    """The authenticator switch is on, and the device is trusted until that is removed."""
    with open_page() as page:
        sign_in(page, mfa_account)
        rows = open_sessions(page)
        expect(page.get_by_test_id("password-setting")).to_be_visible()
        expect(page.get_by_role("switch", name="Authenticator app")).to_be_checked()
        expect(rows.get_by_text("Trusted device", exact=True)).to_be_visible()
        rows.get_by_role("button", name="Remove trusted device").click()
        expect(page.get_by_role("status")).to_have_text("Trusted device removed.")
        expect(rows.get_by_text("Trusted device", exact=True)).to_have_count(0)


@pytest.mark.parametrize(
    ("fragment", "tab"),
    [
        ("#settings", "General"),
        ("#settings/Security", "Security and login"),
        ("#settings/security", "General"),
        ("#settings/DataControls", "Data controls"),
        ("#Settings", None),
    ],
)
def test_the_address_opens_the_settings(fragment: str, tab: str | None, page_of: Page) -> None:
    """Case matters; an unknown tab is General; another word opens nothing."""
    page_of.goto(f"/{fragment}")
    dialog = page_of.get_by_role("dialog", name="Settings")
    if tab is None:
        page_of.get_by_test_id("accounts-profile-button").click()
        expect(dialog).to_have_count(0)
    else:
        expect(dialog.get_by_role("tab", selected=True)).to_have_text(tab)


def test_closing_the_settings_takes_the_fragment_away(page_of: Page) -> None:
    """By the menu and back by Escape; by a change of the address and back by the button."""
    dialog = page_of.get_by_role("dialog", name="Settings")
    page_of.get_by_role("button", name="Open profile menu").click()
    page_of.get_by_test_id("settings-menu-item").click()
    dialog.get_by_test_id("security-tab").click()
    expect(page_of).to_have_url(re.compile(r"/#settings/Security$"))
    page_of.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page_of).to_have_url(re.compile(r"/$"))
    page_of.evaluate("location.hash = 'settings/Account'")
    expect(dialog.get_by_role("tab", selected=True)).to_have_text("Account")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    expect(page_of).to_have_url(re.compile(r"/$"))


def test_a_guest_has_no_settings(open_page: OpenPage) -> None:
    """The fragment opens nothing for who is signed out."""
    with open_page() as page:
        page.goto("/#settings/Security")
        expect(page.get_by_test_id("login-button")).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_rows_say_what_the_json_says(
    page_of: Page, account: Account, new_browser: Callable[[], Browser]
) -> None:
    """Device, apps, place and time of each row; the current one has a badge and no log-out."""
    other = new_browser()
    other.sign_in(account)
    other.visit("/codex")
    with page_of.expect_response("**/backend-api/accounts/sessions?*") as waiting:
        rows = open_sessions(page_of)
        devices = waiting.value.json()["devices"]
    expect(rows).to_have_count(2)
    expect(rows.get_by_role("heading", level=4)).to_have_text([d["display_name"] for d in devices])
    for row, device in zip(rows.all(), devices, strict=True):
        expect(row).to_contain_text(f"{device['last_signed_in_city']}, {device['last_signed_in_country']}")
        moment = row.locator("time").get_attribute("datetime")
        assert moment is not None
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", moment)
        assert device["session_id"] not in row.evaluate("row => row.outerHTML")
    expect(rows.nth(0)).to_contain_text("ChatGPT \u00b7 Codex")
    expect(rows.nth(0).get_by_text("Current session")).to_have_count(0)
    expect(rows.nth(1).get_by_text("Current session")).to_be_visible()
    expect(rows.nth(1).get_by_role("button", name="Log out")).to_have_count(0)


def test_a_person_logs_out_one_session(
    page_of: Page, account: Account, new_browser: Callable[[], Browser], replica: Replica
) -> None:
    """A question first, which can be declined; then a message, and the row is gone."""
    other = new_browser()
    other.sign_in(account)
    session_id = other.own_row()["session_id"]
    rows = open_sessions(page_of)
    button = rows.get_by_role("button", name="Log out")
    button.click()
    question = page_of.get_by_role("alertdialog", name="Log out of this session?")
    expect(question).to_contain_text("Chrome on Windows")
    question.get_by_role("button", name="Cancel").click()
    expect(rows).to_have_count(2)
    button.click()
    question.get_by_role("button", name="Log out").click()
    expect(page_of.get_by_role("status")).to_have_text("Session logged out.")
    expect(rows).to_have_count(1)
    assert replica.end_of(session_id)["action"] == "one"


def test_a_log_out_that_fails_says_so(
    page_of: Page, account: Account, new_browser: Callable[[], Browser]
) -> None:
    """A row that somebody else has ended meanwhile: an alert, and the list is shown afresh."""
    other = new_browser()
    other.sign_in(account)
    rows = open_sessions(page_of)
    expect(rows).to_have_count(2)
    other.log_out_row(other.own_row()["session_id"])
    rows.get_by_role("button", name="Log out").click()
    page_of.get_by_role("alertdialog").get_by_role("button", name="Log out").click()
    expect(page_of.get_by_role("alert")).to_have_text(FAILED)
    expect(rows).to_have_count(1)


def test_a_person_logs_out_of_all_sessions(
    page_of: Page, open_page: OpenPage, account: Account, replica: Replica, until: Callable[..., None]
) -> None:
    """The own page ends as a guest; another one looks signed in until it asks."""
    # by itself it would ask at some moment of its own
    with replica.behaving(heartbeat_s=0), open_page() as other:
        sign_in(other, account)
        open_sessions(page_of)
        expect(page_of.get_by_text("It may take up to 2 seconds to reach every device.")).to_be_visible()
        page_of.get_by_role("button", name="Log out all").click()
        question = page_of.get_by_role("alertdialog", name="Log out of all sessions?")
        question.get_by_role("button", name="Log out all").click()
        expect(page_of.get_by_role("status")).to_have_text("Successfully logged out of all sessions.")
        expect(page_of.get_by_test_id("login-button")).to_be_visible()
        expect(page_of.locator("#modal-expired-session")).to_have_count(0)
        ends = [
            effect["at_monotonic_s"] for end in replica.truth()["revocations"] for effect in end["effects"]
        ]
        until(lambda: time.monotonic() > max(ends), within_s=3)
        expect(other.get_by_test_id("accounts-profile-button")).to_be_visible()
        other.locator("#prompt-textarea").fill("hello")
        other.get_by_test_id("send-button").click()
        expired = other.get_by_role("dialog", name="Your session has expired")
        expect(expired).to_contain_text("Please log in again to continue using the app.")
        other.reload()
        expect(expired).to_have_id("modal-expired-session")
        expect(other.get_by_test_id("accounts-profile-button")).to_have_count(0)
        expired.get_by_role("button", name="Log in").click()
        expect(other.get_by_role("textbox", name="Email address")).to_be_visible()


def test_a_person_logs_out(page_of: Page, account: Account) -> None:
    """The menu asks first, naming the account, and leaves a guest."""
    page_of.get_by_role("button", name="Open profile menu").click()
    page_of.get_by_test_id("log-out-menu-item").click()
    question = page_of.get_by_role("dialog", name="Are you sure you want to log out?")
    expect(question).to_contain_text(f"Log out of ChatGPT as {account.email}?")
    question.get_by_role("button", name="Log out").click()
    expect(page_of.get_by_test_id("login-button")).to_be_visible()


def test_an_outage_is_not_shown_as_the_end_of_a_session(page_of: Page, replica: Replica) -> None:
    """A tab that cannot reach the site says that something went wrong, not that the session expired."""
    replica.control("POST", "/outage", json={"for_s": 30}).raise_for_status()
    page_of.locator("#prompt-textarea").fill("hello")
    page_of.locator("#prompt-textarea").press("Enter")
    expect(page_of.get_by_role("alert")).to_contain_text("Something went wrong.")
    replica.control("POST", "/outage", json={"for_s": 0}).raise_for_status()
    expect(page_of.locator("#modal-expired-session")).to_have_count(0)


def end_session_of(page: Page, account: Account, new_browser: Callable[[], Browser]) -> None:
    """Log out of all sessions from elsewhere; the edges are to learn at once."""
    elsewhere = new_browser()
    elsewhere.sign_in(account)
    elsewhere.log_out_all()
    assert "modal-expired-session" in page.request.get("/").text()


def is_asked_who_is_signed_in(page: Page) -> AbstractContextManager[Any]:
    """Wait for the page to ask who is signed in."""
    return page.expect_response("**/api/auth/session")


IS_SHOWN = "persisted => dispatchEvent(new PageTransitionEvent('pageshow', { persisted }))"


def test_an_open_tab_notices_by_itself_that_the_session_is_over(
    page_of: Page,
    account: Account,
    new_browser: Callable[[], Browser],
    replica: Replica,
    until: Callable[..., None],
) -> None:
    """Nobody touches it, and the dialog appears; then it asks no more."""
    with replica.behaving(heartbeat_s=0.1, delay_min_s=0, delay_max_s=0):
        page_of.reload()
        for _ in range(2):
            with is_asked_who_is_signed_in(page_of):
                pass
        expect(page_of.locator("#modal-expired-session")).to_have_count(0)
        end_session_of(page_of, account, new_browser)
        expect(page_of.get_by_role("dialog", name="Your session has expired")).to_be_visible()
        asked: list[str] = []
        page_of.on("request", lambda request: asked.append(request.url))
        shown_s = time.monotonic()
        until(lambda: time.monotonic() > shown_s + 0.5, within_s=2)
        page_of.evaluate("fetch('/static/site.css')")
        assert [url for url in asked if "/static/" not in url] == []
        assert asked


def test_a_tab_without_a_heartbeat_asks_only_when_it_opens(page_of: Page, replica: Replica) -> None:
    """An hour passes, and nothing is asked."""
    with replica.behaving(heartbeat_s=0):
        page_of.clock.install()
        with page_of.expect_response("**/backend-api/me"):
            page_of.reload()
        asked: list[str] = []
        page_of.on("request", lambda request: asked.append(request.url))
        page_of.clock.run_for(3_600_000)
        page_of.evaluate("fetch('/static/site.css')")
    assert [url for url in asked if "/static/" not in url] == []
    assert asked


def test_a_heartbeat_in_an_outage_says_nothing_and_goes_on(page_of: Page, replica: Replica) -> None:
    """An outage is not a refusal; when it is over, the tab asks as before."""
    with replica.behaving(heartbeat_s=0.1):
        with page_of.expect_response("**/backend-api/me"):
            page_of.reload()
        with page_of.expect_response(lambda response: response.status == 503):
            replica.control("POST", "/outage", json={"for_s": 30}).raise_for_status()
        with page_of.expect_response(lambda response: response.status == 200):
            replica.control("POST", "/outage", json={"for_s": 0}).raise_for_status()
        expect(page_of.locator("#modal-expired-session")).to_have_count(0)
        expect(page_of.get_by_role("alert")).to_have_count(0)


def test_a_page_that_is_come_back_to_asks_again(
    page_of: Page, account: Account, new_browser: Callable[[], Browser], replica: Replica
) -> None:
    """Out of the back-forward cache: nothing while signed in, the dialog once the session is over."""
    with replica.behaving(heartbeat_s=0, delay_min_s=0, delay_max_s=0):
        page_of.reload()
        with is_asked_who_is_signed_in(page_of):
            page_of.evaluate(IS_SHOWN, True)
        expect(page_of.locator("#modal-expired-session")).to_have_count(0)
        end_session_of(page_of, account, new_browser)
        expect(page_of.locator("#modal-expired-session")).to_have_count(0)
        page_of.evaluate(IS_SHOWN, True)
        expect(page_of.get_by_role("dialog", name="Your session has expired")).to_be_visible()


@pytest.mark.parametrize(("rechecks", "persisted"), [(False, True), (True, False)])
def test_a_page_may_be_shown_without_a_question(
    rechecks: bool, persisted: bool, page_of: Page, replica: Replica
) -> None:
    """Where the site does not recheck, the page is as it was left; a page that was just loaded has asked."""
    with replica.behaving(heartbeat_s=0, rechecks_on_back=rechecks):
        with page_of.expect_response("**/backend-api/me"):
            page_of.reload()
        asked: list[str] = []
        page_of.on("request", lambda request: asked.append(request.url))
        page_of.evaluate(IS_SHOWN, persisted)
        page_of.evaluate("fetch('/static/site.css')")
    assert [url for url in asked if "/static/" not in url] == []
    assert asked
