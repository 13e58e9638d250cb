"""Sees to it that there is a browser that starts: finds one, else installs one."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Error, sync_playwright

from afterglow.machine import SETTING, NoBrowser, find_browser, keeps_sandbox
from cli.place import Stop, setting
from cli.running import Failed, quietly, telling_line

DOWNLOAD_S = 120.0
"""Some 170 MB from Playwright's own host. Where that is blocked it mostly refuses at once, but may hang."""

PACKAGES_S = 300.0
"""A package manager with a slow mirror; killed half-way it would leave a mess, so it is given time."""

STARTS_WITHIN_MS = 30_000


def ensure_browser() -> tuple[Path, str]:
    """The browser and its version, after it has started once. Raises Stop, telling what was tried."""
    if chosen := setting(SETTING):
        try:
            return _started(chosen)
        except (NoBrowser, Failed) as error:
            raise Stop(str(error)) from None
    failures: list[str] = []
    for name, install in WAYS.items():
        try:
            install()
            return _started()
        except NoBrowser:
            failures.append(f"{name}: there is none")
        except Failed as error:
            failures.append(f"{name}: {error}")
    raise Stop(f"no browser. {'; '.join(failures)}. Install Chromium or Chrome, or set {SETTING} to one")


def _started(chosen: str | None = None) -> tuple[Path, str]:
    with sync_playwright() as playwright:
        path = find_browser(lambda: playwright.chromium.executable_path, chosen)
        try:
            browser = playwright.chromium.launch(
                executable_path=path, chromium_sandbox=keeps_sandbox(), timeout=STARTS_WITHIN_MS
            )
        except Error as error:
            raise Failed(f"{path} does not start: {telling_line(error.message)}") from None
        with browser:
            return path, browser.version


def _playwrights_own() -> None:
    """The download first: where it is blocked, the packages that it would need are not installed in vain."""
    quietly(sys.executable, "-m", "playwright", "install", "chromium", limit_s=DOWNLOAD_S)
    if sys.platform == "linux" and _may_install() is not None:
        quietly(sys.executable, "-m", "playwright", "install-deps", "chromium", limit_s=PACKAGES_S)


def _debians() -> None:
    """The package of Debian and what descends from it; Ubuntu has none that installs unattended."""
    if shutil.which("apt-get") is None:
        raise Failed("not on this machine")
    if (as_root := _may_install()) is None:
        raise Failed("needs root, or sudo without a password")
    apt_get = (*as_root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get")  # sudo drops the environment
    quietly(*apt_get, "update", limit_s=PACKAGES_S)
    quietly(*apt_get, "install", "--yes", "--no-install-recommends", "chromium", limit_s=PACKAGES_S)


def _may_install() -> list[str] | None:
    """What to put before a command that needs root; None if this user may not."""
    if os.name == "posix" and os.geteuid() == 0:
        return []
    try:
        quietly("sudo", "--non-interactive", "true", limit_s=10)
    except Failed:
        return None
    return ["sudo", "--non-interactive"]


WAYS: dict[str, Callable[[], None]] = {
    "on this machine": lambda: None,
    "playwright install": _playwrights_own,
    "apt-get install chromium": _debians,
}
"""How to come by a browser, the cheapest first."""
