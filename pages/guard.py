"""What a page object checks before it acts: that it is on the screen, and where it is about to type."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from playwright.sync_api import Error, Locator, Page
from playwright.sync_api import TimeoutError as NotInTime

from afterglow.contradictions import is_loopback
from afterglow.outcomes import LocatorDrift, NeedsPerson
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


SENDS_TO = """field => {
    const at = (element, name) => element?.getAttribute(name) ?? "";
    const buttons = [...(field.form?.elements ?? [])].map((each) => at(each, "formaction"));
    const all = [at(field.form, "action"), ...buttons].filter((each) => each !== "");
    return all.map((each) => new URL(each, location.href).href).filter((each) => each.startsWith("http"));
}"""
"""Where a form's own attributes say that it goes; without any it goes to the page that it is on."""


def may_type(field: Locator, hosts: Collection[str]) -> None:
    """Refuse, before a key is pressed, unless a page and its form are where credentials may be typed.

    That is on these hosts and over https; on the loopback nobody listens in. Raises NeedsPerson.
    """
    for address in (field.page.url, *field.evaluate(SENDS_TO)):
        require_allowed(address, hosts)


def require_allowed(address: str, hosts: Collection[str]) -> None:
    """Refuse an address that credentials may not get to. Raises NeedsPerson with its host."""
    parts = urlsplit(address)
    host = parts.hostname or "no host at all"
    if host not in hosts:
        raise NeedsPerson(
            f"the sign-in leads to {host}, which is not in ALLOWED_HOSTS (SSO, or not the site at all): "
            "nothing was typed there"
        )
    if parts.scheme != "https" and not is_loopback(host):
        raise NeedsPerson(f"the sign-in leads to {host} without https: nothing was typed there")
