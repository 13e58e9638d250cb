"""A device's own log-out: by its profile menu, and the question that it asks back."""

from __future__ import annotations

from playwright.sync_api import TimeoutError as NotInTime

from afterglow.outcomes import LocatorDrift
from pages.guard import SHOWN_WITHIN_MS, press, shown, what_is_shown
from pages.locators.own_log_out import QUESTION, YES
from pages.locators.shell import LOG_OUT_ITEM, PROFILE_MENU
from pages.shell import Shell


def log_out_by_menu(shell: Shell) -> None:
    """Log out on this device, as a person would, until its page shows that nobody is signed in."""
    press(shown(PROFILE_MENU, shell.page), PROFILE_MENU)
    press(shown(LOG_OUT_ITEM, shell.page), LOG_OUT_ITEM)
    press(shown(YES, shown(QUESTION, shell.page)), YES)
    try:
        shell.any_signed_out.wait_for(timeout=SHOWN_WITHIN_MS)
    except NotInTime:
        raise LocatorDrift("a sign that nobody is signed in", what_is_shown(shell.page)) from None
