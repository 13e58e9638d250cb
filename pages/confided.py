"""What the site shows once and nobody else may see: a code, a key, the secret of an authenticator."""

from __future__ import annotations

from playwright.sync_api import Locator, Page
from playwright.sync_api import TimeoutError as NotInTime
from pydantic import SecretStr

from afterglow.outcomes import LocatorDrift
from pages.guard import SHOWN_WITHIN_MS
from pages.marks import Mark


def confided(mark: Mark, root: Page | Locator) -> SecretStr:
    """Its text. Raises LocatorDrift, but tells nothing of the screen: the secret may be on it."""
    try:
        return SecretStr(mark.visible_on(root).inner_text(timeout=SHOWN_WITHIN_MS).strip())
    except NotInTime:
        raise LocatorDrift(mark.name, "what is there instead is not told: it may be secret") from None
