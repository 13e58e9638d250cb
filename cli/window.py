"""A browser window for a person: headed, undisguised, and with nothing in it of any other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from playwright.sync_api import Browser, Error, sync_playwright

from afterglow.machine import NoBrowser, find_browser, keeps_sandbox
from afterglow.settings import Settings
from cli.place import Stop
from cli.running import telling_line


@contextmanager
def window(settings: Settings) -> Iterator[Browser]:
    """A browser that a person can see, for as long as the block lasts. Raises Stop if there is none."""
    with sync_playwright() as playwright:
        try:
            path = find_browser(lambda: playwright.chromium.executable_path, settings.chromium_executable)
            browser = playwright.chromium.launch(
                executable_path=path, headless=False, chromium_sandbox=keeps_sandbox(), handle_sigint=False
            )
        except NoBrowser as error:
            raise Stop(str(error)) from None
        except Error as error:
            raise Stop(f"a browser window is needed, and none opens ({_why(error)})") from None
        try:
            yield browser
        finally:
            with suppress(Error):  # the person may have closed it
                browser.close()


def _why(error: Error) -> str:
    if "XServer" in error.message:
        return "there is no screen: sign in on a machine that has one, or under xvfb-run with a viewer"
    return telling_line(error.message)
