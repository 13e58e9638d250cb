"""A person at a browser window that a command has opened: here a robot, and the window is on no screen.

The command is given a program that starts the browser without a screen and with a door for debuggers; the
person looks and acts through that door, and the command knows nothing of it.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.sync_api import Page, Playwright

from afterglow.machine import find_browser
from tests.suite.conftest import wait_for
from tests.suite.network import free_port

SCRIPT = """#!/bin/sh
exec "{browser}" --headless=new --remote-debugging-port={port} "$@"
"""


@dataclass(frozen=True)
class Person:
    """Somebody who waits for a window. program: what the command must take for the browser."""

    playwright: Playwright
    program: Path
    port: int

    @contextmanager
    def at_window(self, address: str) -> Iterator[Page]:
        """The page of the window, as soon as it is at an address that begins so.

        Until then nobody touches it: a debugger that comes while a page is being made could hold it up.
        """
        wait_for(
            lambda: any(each.startswith(address) for each in self._addresses()), f"a window at {address}"
        )
        browser = self.playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{self.port}")
        try:
            pages = [page for context in browser.contexts for page in context.pages]
            yield next(page for page in reversed(pages) if page.url.startswith(address))
        finally:
            browser.close()  # the connection; the window stays

    def _is_at(self, address: str) -> bool:
        return any(each.startswith(address) for each in self._addresses())

    def _addresses(self) -> list[str]:
        """Where the windows are, as the browser itself lists them; none as long as there is no browser."""
        try:
            listed = httpx.get(f"http://127.0.0.1:{self.port}/json/list", timeout=5).json()
        except httpx.HTTPError:
            return []
        return [each["url"] for each in listed if each["type"] == "page"]


def person(playwright: Playwright, folder: Path) -> Person:
    """A person, and the program by which a window reaches them."""
    port = free_port()
    program = folder / f"browser-{port}.sh"
    browser = find_browser(lambda: playwright.chromium.executable_path)
    program.write_text(SCRIPT.format(browser=browser, port=port), encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return Person(playwright, program, port)


def signs_in(page: Page, email: str, password: str) -> None:
    """Sign in by hand, on the replica's pages."""
    page.get_by_role("textbox", name="Email address").fill(email)
    page.get_by_role("button", name="Continue", exact=True).click()
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Continue", exact=True).click()
