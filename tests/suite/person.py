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
from playwright.sync_api import Browser, Page, Playwright

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
        """The page of the window that is there by now, at an address that begins so."""
        wait_for(self._is_open, "a window to open")
        browser = self.playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{self.port}")
        try:
            wait_for(lambda: bool(self._pages(browser, address)), f"the window to be at {address}")
            yield self._pages(browser, address)[-1]
        finally:
            browser.close()  # the connection; the window stays

    def _is_open(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/json/version", timeout=1).is_success
        except httpx.HTTPError:
            return False

    def _pages(self, browser: Browser, address: str) -> list[Page]:
        pages = [page for context in browser.contexts for page in context.pages]
        for page in pages:
            page.wait_for_timeout(10)  # lets the news in of where it is
        return [page for page in pages if page.url.startswith(address)]


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
