"""The API Platform's list of keys: bearers for programs, which no log-out ends."""

from __future__ import annotations

from playwright.sync_api import Locator, Page
from pydantic import SecretStr

from afterglow.outcomes import LocatorDrift
from pages.confided import confided
from pages.guard import press, shown
from pages.locators.api_keys import CREATE, HEADING, KEY, NEW, REVOKE
from pages.patience import visit

TOLD = 4
"""How many of its last characters the list shows of a key."""


class ApiKeys:
    """The list of keys, for one profile's page that is signed in."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page = page
        self.base_url = base_url

    @property
    def keys(self) -> Locator:
        """All keys that were not revoked, each with a part of its text."""
        return KEY.all_on(self.page).filter(visible=True)

    def open(self) -> None:
        """Go there."""
        visit(self.page, f"{self.base_url}/platform")
        shown(HEADING, self.page)

    def create(self) -> SecretStr:
        """Make a key; its text is shown this once."""
        press(shown(CREATE, self.page), CREATE)
        return confided(NEW, self.page)

    def revoke(self, key: SecretStr) -> None:
        """Revoke a key, found by its end. Raises LocatorDrift, and revokes none, unless exactly one fits."""
        shown(KEY, self.page)
        row = self.keys.filter(has_text=key.get_secret_value()[-TOLD:])
        if row.count() != 1:
            why = f"{KEY.name}, to be revoked ({row.count()} of {self.keys.count()} fit)"
            raise LocatorDrift(why, "the list itself is not told: it shows parts of keys")
        press(REVOKE.visible_on(row), REVOKE)
