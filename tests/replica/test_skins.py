"""Each face of the Active sessions view is what its line says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Locator, Page

    from tests.replica.conftest import Account, Browser, Replica

    Wearing = Callable[[str], Page]

ROW = "Chrome on Windows"


@pytest.fixture
def wearing(
    replica: Replica, page_of: Page, account: Account, new_browser: Callable[[], Browser]
) -> Iterator[Wearing]:
    """The security settings of somebody with two sessions, on the site with this face."""
    new_browser().sign_in(account)

    def wear(skin: str) -> Page:
        replica.control("PATCH", "/behaviour", json={"skin": skin}).raise_for_status()
        page_of.goto("about:blank")
        page_of.goto("/#settings/Security")
        expect(page_of.get_by_role("dialog").first).to_be_visible()
        return page_of

    yield wear
    replica.control("PATCH", "/behaviour", json={"skin": "list"}).raise_for_status()


def item(page: Page) -> Locator:
    """The other session in a list."""
    return page.get_by_role("list", name="Active sessions").get_by_role("listitem").filter(has_text=ROW)


def test_a_list_has_its_buttons_in_the_rows(wearing: Wearing) -> None:
    """The plain face."""
    row = item(wearing("list"))
    expect(row.get_by_role("button")).to_have_text(["Log out"])
    expect(row).to_have_attribute("data-testid", "active-session")


def test_a_table_has_a_header_row(wearing: Wearing) -> None:
    """And one row for each session, with its buttons in the last cell."""
    table = wearing("table").get_by_role("table", name="Active sessions")
    expect(table.get_by_role("row")).to_have_count(3)
    expect(table.get_by_role("columnheader")).to_have_text(
        ["Device", "App", "Location", "Signed in", "Actions"]
    )
    row = table.get_by_role("row").filter(has_text=ROW)
    expect(row.get_by_role("cell").last.get_by_role("button")).to_have_text(["Log out"])


def test_a_card_shows_only_its_device_until_it_is_expanded(wearing: Wearing) -> None:
    """What is not shown is not there either; expanded, it has all."""
    card = item(wearing("cards"))
    expect(card).to_have_text(ROW)
    expander = card.get_by_role("button", name=ROW, expanded=False)
    expander.click()
    expect(card).to_contain_text("Signed in")
    expect(card.get_by_role("button", name="Log out")).to_be_visible()
    card.get_by_role("button", name=ROW, expanded=True).click()
    expect(card).to_have_text(ROW)


def test_a_kebab_opens_a_menu(wearing: Wearing) -> None:
    """It says that it is open, and Escape closes it and nothing else."""
    page = wearing("kebab")
    button = item(page).get_by_role("button", name="Session options")
    expect(button).to_have_attribute("aria-haspopup", "menu")
    expect(item(page).get_by_role("button")).to_have_count(1)
    button.click()
    menu = page.get_by_role("menu", name="Session options")
    expect(menu.get_by_role("menuitem")).to_have_text(["Log out"])
    expect(button).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(page.get_by_role("dialog", name="Settings")).to_be_visible()
    button.click()
    page.get_by_text("Locations are approximate.").click()
    expect(menu).to_have_count(0)


def test_a_nested_view_is_behind_a_button(wearing: Wearing) -> None:
    """In a dialog of its own, which can be closed without the settings."""
    page = wearing("nested")
    page.get_by_role("button", name="Manage").click()
    dialog = page.get_by_role("dialog", name="Active sessions")
    expect(dialog.get_by_role("listitem")).to_have_count(2)
    expect(dialog.get_by_role("button", name="Log out all")).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("dialog", name="Settings")).to_be_visible()


@pytest.mark.parametrize(
    ("skin", "found"),
    [("list", {"active-session", "accounts-profile-button", "send-button"}), ("no_test_ids", set())],
)
def test_test_ids_are_there_or_not(skin: str, found: set[str], wearing: Wearing) -> None:
    """In the whole app, whoever rendered it: the server, the shell, the settings."""
    assert found <= test_ids(wearing(skin))
    if not found:
        assert test_ids(wearing(skin)) == set()


def test_test_ids_are_others(wearing: Wearing) -> None:
    """Every one of them, and each only once."""
    plain = test_ids(wearing("list"))
    assert test_ids(wearing("changed_test_ids")) == {f"v2-{test_id}" for test_id in plain}


def test_ids(page: Page) -> set[str]:
    """Every test id on the page, once the sessions are there."""
    expect(item(page)).to_be_visible()
    found: list[str] = page.evaluate(
        "() => [...document.querySelectorAll('[data-testid]')].map((element) => element.dataset.testid)"
    )
    return set(found)


test_ids.__test__ = False  # type: ignore[attr-defined]  # it only begins like one


def test_the_tab_can_be_called_security(wearing: Wearing) -> None:
    """As some help texts call it."""
    expect(wearing("security").get_by_role("tab", selected=True)).to_have_text("Security")


def test_labels_can_be_in_capitals(wearing: Wearing) -> None:
    """In the text itself, where no style has a part in it; names of devices are no labels."""
    page = wearing("upper_cased")
    expect(page.get_by_role("heading", name="ACTIVE SESSIONS", exact=True)).to_be_visible()
    mark = page.get_by_text("CURRENT SESSION", exact=True)
    assert mark.evaluate("mark => mark.textContent") == "CURRENT SESSION"
    rows = page.get_by_role("list", name="ACTIVE SESSIONS", exact=True).get_by_role("listitem")
    rows.filter(has_text=ROW).get_by_role("button", name="LOG OUT", exact=True).click()
    question = page.get_by_role("alertdialog", name="LOG OUT OF THIS SESSION?", exact=True)
    expect(question.get_by_role("button")).to_have_text(["CANCEL", "LOG OUT"])


def test_a_session_can_be_ended_without_a_question(wearing: Wearing) -> None:
    """At the first click."""
    page = wearing("no_confirm")
    item(page).get_by_role("button", name="Log out").click()
    expect(page.get_by_role("status")).to_have_text("Session logged out.")
    expect(item(page)).to_have_count(0)
    expect(page.get_by_role("alertdialog")).to_have_count(0)


@pytest.mark.parametrize(
    ("skin", "title", "ways"),
    [
        ("onboarding", "Welcome to ChatGPT", ["Skip", "Continue"]),
        ("billing", "Your plan renews soon", ["\u00d7", "Later", "Not now"]),
    ],
)
def test_something_lies_over_the_app(skin: str, title: str, ways: list[str], wearing: Wearing) -> None:
    """Once in the life of a page, over the settings too."""
    page = wearing(skin)
    overlay = page.get_by_role("dialog", name=title)
    expect(overlay.get_by_role("button")).to_have_text(ways)
    overlay.get_by_role("button").first.click()
    expect(overlay).to_have_count(0)
    page.get_by_role("tab", name="Account").click()
    expect(page.get_by_role("heading", name="Account")).to_be_visible()
    expect(overlay).to_have_count(0)


def test_a_face_can_be_beyond_all_guesses(wearing: Wearing) -> None:
    """No word and no role of the view is left, and the rest of the app is as ever."""
    page = wearing("unmatched")
    expect(page.get_by_role("button", name="Kick", exact=True)).to_have_count(1)
    panel = page.get_by_role("tabpanel", name="Security and login")
    expect(panel.get_by_role("list")).to_have_count(0)
    expect(panel.get_by_role("heading", level=3)).to_have_count(0)
    expect(panel.get_by_text("session")).to_have_count(0)
    expect(panel.get_by_text("Log out")).to_have_count(0)
    expect(page.get_by_test_id("active-session")).to_have_count(0)
    expect(page.get_by_test_id("accounts-profile-button")).to_be_visible()
