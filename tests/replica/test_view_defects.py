"""The promises that are broken on the page itself: what its scripts do with what the site told them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Locator, Page, Route

    from tests.replica.conftest import Account, Browser, Replica

    Breaking = Callable[..., Locator]


@pytest.fixture
def other(account: Account, new_browser: Callable[[], Browser]) -> Browser:
    """The other session of the account; to the page it is `Chrome on Windows`."""
    other = new_browser()
    other.sign_in(account)
    return other


@pytest.fixture
def breaking(replica: Replica, page_of: Page, other: Browser) -> Iterator[Breaking]:
    """The rows of the view, of which one is the other session's, on a site with this defect."""
    assert other.own_row()

    def rows(*defects: str) -> Locator:
        replica.control("PATCH", "/behaviour", json={"defects": defects}).raise_for_status()
        page_of.goto("about:blank")
        page_of.goto("/#settings/Security")
        rows = page_of.get_by_test_id("active-session")
        expect(rows.first).to_be_visible()
        return rows

    yield rows
    replica.control("PATCH", "/behaviour", json={"defects": []}).raise_for_status()


def question(page: Page) -> Locator:
    """What is asked before a session is ended."""
    return page.get_by_role("alertdialog")


def test_a_page_is_told_of_its_own_defects_alone(other: Browser, replica: Replica) -> None:
    """Of what the site does behind it, it knows nothing, like any page."""
    with replica.behaving(defects=["late", "view_hides_a_row", "cancel_ignored", "row_missing"]):
        page = other.visit("/").text
    assert 'data-defects="cancel_ignored view_hides_a_row"' in page


def test_cancel_can_log_out(breaking: Breaking, page_of: Page, other: Browser, replica: Replica) -> None:
    """The question goes as if nothing had happened, and the session is ended."""
    session_id = other.own_row()["session_id"]
    rows = breaking("cancel_logs_out")
    rows.get_by_role("button", name="Log out").click()
    question(page_of).get_by_role("button", name="Cancel").click()
    expect(question(page_of)).to_have_count(0)
    expect(rows).to_have_count(1)
    assert replica.end_of(session_id)["action"] == "one"


def test_cancel_can_do_nothing_at_all(breaking: Breaking, page_of: Page, other: Browser) -> None:
    """Not even Escape closes the question; nothing is ended either, and it can still be agreed to."""
    rows = breaking("cancel_ignored")
    rows.get_by_role("button", name="Log out").click()
    question(page_of).get_by_role("button", name="Cancel").click()
    page_of.keyboard.press("Escape")
    page_of.evaluate("() => new Promise(requestAnimationFrame)")
    expect(question(page_of)).to_be_visible()
    assert len(other.rows()) == 2
    question(page_of).get_by_role("button", name="Log out").click()
    expect(question(page_of)).to_have_count(0)
    expect(rows).to_have_count(1)


def test_the_current_row_can_offer_a_log_out(breaking: Breaking, page_of: Page, other: Browser) -> None:
    """It works: the person is out."""
    rows = breaking("current_offers_log_out")
    expect(rows.get_by_role("button", name="Log out")).to_have_count(2)
    current = rows.filter(has_text="Current session")
    current.get_by_role("button", name="Log out").click()
    question(page_of).get_by_role("button", name="Log out").click()
    expect(question(page_of)).to_have_count(0)
    assert len(other.rows()) == 1


def test_the_view_can_hide_a_row(breaking: Breaking, page_of: Page, other: Browser) -> None:
    """The last one of those that it was told of; the site tells of all."""
    with page_of.expect_response("**/backend-api/accounts/sessions?*") as waiting:
        rows = breaking("view_hides_a_row")
        devices = waiting.value.json()["devices"]
    assert len(devices) == len(other.rows()) == 2
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(devices[0]["display_name"])


def test_a_failure_can_be_told_as_done(breaking: Breaking, page_of: Page, other: Browser) -> None:
    """The site answers with an error, and the page says that it worked."""
    rows = breaking("done_told_but_failed")
    rows.get_by_role("button", name="Log out").click()
    page_of.route("**/sessions/revoke", lambda route: route.fulfill(status=500))
    question(page_of).get_by_role("button", name="Log out").click()
    expect(page_of.get_by_role("status")).to_have_text("Session logged out.")
    expect(page_of.get_by_role("alert")).to_have_count(0)
    assert len(other.rows()) == 2


@pytest.mark.parametrize(
    ("lacking", "words", "instead"),
    [
        ("display_name", "Chrome on Windows", "Unknown device"),
        ("app_sessions", "ChatGPT", None),
        ("last_signed_in_timestamp_second", "Signed in", None),
    ],
)
def test_a_row_can_lack_a_detail(
    lacking: str, words: str, instead: str | None, page_of: Page, breaking: Breaking
) -> None:
    """The row is shown without it and with nothing made up, whether it is left out or null."""
    expect(breaking().filter(has_text=words)).not_to_have_count(0)

    def leave_out(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        first, second = body["devices"]
        del first[lacking]
        second[lacking] = None
        route.fulfill(response=answer, json=body)

    page_of.route("**/backend-api/accounts/sessions?*", leave_out)
    rows = breaking()
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text=words)).to_have_count(0)
    expect(rows.filter(has_text=instead or "Unknown")).to_have_count(2 if instead else 0)
