"""A device's own log-out: by its profile menu, and the question that it asks back."""

from __future__ import annotations

import re

from playwright.sync_api import TimeoutError as NotInTime

from afterglow.outcomes import LocatorDrift
from pages.guard import SHOWN_WITHIN_MS, press, shown, what_is_shown
from pages.marks import Mark, role
from pages.shell import LOG_OUT_ITEM, PROFILE_MENU, Shell

QUESTION = Mark(
    "log-out dialog",
    (
        role("dialog", re.compile("log out", re.I)),
        role("alertdialog", re.compile("log out", re.I)),
    ),
    "chatgpt-web.md, log-out dialog: `Are you sure you want to log out?` (6, indirect)",
)
YES = Mark(
    "log-out dialog's button Log out",
    (role("button", re.compile("^log out$", re.I)),),
    "chatgpt-web.md, log-out dialog",
)


def log_out_by_menu(shell: Shell) -> None:
    """Log out on this device, as a person would, until its page shows that nobody is signed in."""
    press(shown(PROFILE_MENU, shell.page), PROFILE_MENU)
    press(shown(LOG_OUT_ITEM, shell.page), LOG_OUT_ITEM)
    press(shown(YES, shown(QUESTION, shell.page)), YES)
    try:
        shell.any_signed_out.wait_for(timeout=SHOWN_WITHIN_MS)
    except NotInTime:
        raise LocatorDrift("a sign that nobody is signed in", what_is_shown(shell.page)) from None
