"""The one check that a page object makes: that it is on the screen before it acts."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Error, Locator, Page
from playwright.sync_api import TimeoutError as NotInTime

from afterglow.outcomes import LocatorDrift
from pages.marks import Mark

SHOWN_WITHIN_MS = 10_000
"""How long something may take to appear: a slow script, not a slow person."""


def what_is_shown(page: Page) -> str:
    """What a person would see instead: title, address without its query, and the ARIA snapshot."""
    try:
        parts = urlsplit(page.url)
        snapshot = page.locator("body").aria_snapshot(timeout=2_000)
        return f"title: {page.title()}\naddress: {parts.netloc}{parts.path}\n{snapshot}"
    except Error as error:
        return f"the page could not be read: {error.message.splitlines()[0]}"


def press(element: Locator, mark: Mark) -> None:
    """Click on it. Raises LocatorDrift with what is seen if that cannot be done."""
    try:
        element.click(timeout=SHOWN_WITHIN_MS)
    except NotInTime:
        raise LocatorDrift(mark.name, what_is_shown(element.page)) from None


def shown(mark: Mark, root: Page | Locator, *, timeout_ms: float = SHOWN_WITHIN_MS) -> Locator:
    """The element, once it can be seen. Raises LocatorDrift with what is seen instead."""
    element = mark.visible_on(root)
    try:
        element.wait_for(timeout=timeout_ms)
    except NotInTime:
        page = root if isinstance(root, Page) else root.page
        raise LocatorDrift(mark.name, what_is_shown(page)) from None
    return element
