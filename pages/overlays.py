"""What comes over the app by itself, whatever a person came for. It is left; nothing in it is accepted."""

from __future__ import annotations

import re
from contextlib import suppress
from weakref import WeakSet

from playwright.sync_api import Error, Locator, Page

from pages.guard import SHOWN_WITHIN_MS
from pages.locators.overlays import OVERLAY, WAY_OUT

NO_OVERLAY = re.compile(
    r"session|device|log(ged)?[ -]?(in|out)|sign(ed)?[ -]?(in|out)|setting|password|authenticator|security"
    r"|\b(code|key|delete|remove|revoke|end)\b|are you sure",
    re.I,
)
"""Words of the dialogs that somebody opened: settings, a question before something is ended, and the like.

If an overlay has one, it stays, and the run says what stood in its way. The other mistake would be a wrong
click.
"""

_watched = WeakSet[Page]()


def overlays(page: Page) -> Locator:
    """The first overlay that is on the screen."""
    dialogs = OVERLAY.all_on(page).filter(has_not_text=NO_OVERLAY)
    return dialogs.filter(has_not=page.get_by_role("tablist"), has=WAY_OUT.all_on(page), visible=True).first


def leave_overlays(page: Page) -> None:
    """From now on, whatever is done on this page first leaves the overlay that is in its way."""
    if page in _watched:
        return
    with suppress(Error):  # a page that is gone has no overlays
        page.add_locator_handler(overlays(page), _leave)
        _watched.add(page)


def _leave(overlay: Locator) -> None:
    # if it does not go, what was to be done says so when its time is over
    with suppress(Error):
        WAY_OUT.visible_on(overlay).click(timeout=SHOWN_WITHIN_MS)
