"""Which browser this machine has, and how it must be started. Nothing is installed here."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

SETTING = "CHROMIUM_EXECUTABLE"
"""Whoever sets it wants that browser and no other: it is never replaced by one that happens to be there."""

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""What Chromium and Chrome are called on a PATH. Both call themselves Chrome to a site; Edge does not."""

MAC_PROGRAMS = ("Chromium.app/Contents/MacOS/Chromium", "Google Chrome.app/Contents/MacOS/Google Chrome")
WINDOWS_PROGRAMS = (r"Chromium\Application\chrome.exe", r"Google\Chrome\Application\chrome.exe")


class NoBrowser(Exception):
    """There is no browser to drive; the message says where it was looked for, and the remedy."""


def find_browser(playwright_own: Callable[[], str], chosen: str | Path | None = None) -> Path:
    """The browser to drive: the chosen one, else Playwright's own, else the machine's.

    `playwright_own` tells where Playwright would keep its own Chromium, there or not: it is the one that
    Playwright is tested with, so it goes before the machine's. `chosen` is the setting, which may come from
    `.env`; left out, the environment is asked. Raises NoBrowser.
    """
    if chosen := chosen or os.environ.get(SETTING):
        return _as_chosen(Path(chosen))
    own = Path(playwright_own())
    for browser in (own, *_on_this_machine()):
        if _is_program(browser):
            return browser
    raise NoBrowser(
        f"no browser: neither Playwright's own ({own}) nor a Chromium or Chrome ({', '.join(NAMES)}) "
        f"is on this machine: run `python -m cli setup`, or set {SETTING}"
    )


def keeps_sandbox() -> bool:
    """Whether Chromium is started in its sandbox, as it should be.

    As root it refuses to, and ends at once; nobody else gives the sandbox up.
    """
    return not _is_root()


def _as_chosen(browser: Path) -> Path:
    if _is_program(browser):
        return browser
    why = "is no program that may be run" if browser.exists() else "does not exist"
    raise NoBrowser(f"{SETTING}: {browser} {why}: correct the setting, or remove it to use what is there")


def _on_this_machine() -> Iterator[Path]:
    yield from (Path(found) for name in NAMES if (found := shutil.which(name)))
    if sys.platform == "darwin":
        folders = (Path("/Applications"), Path.home() / "Applications")
        yield from (folder / program for program in MAC_PROGRAMS for folder in folders)
    elif sys.platform == "win32":
        roots = (os.environ.get(name) for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"))
        folders = tuple(Path(root) for root in roots if root)
        yield from (folder / program for program in WINDOWS_PROGRAMS for folder in folders)


def _is_program(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
