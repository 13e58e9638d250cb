"""The page on which somebody lets another app use the account: a command-line one, or somebody else's."""

from __future__ import annotations

from playwright.sync_api import Locator, Page
from pydantic import SecretStr

from pages.confided import confided
from pages.guard import press, shown
from pages.locators.consent import ALLOW, CODE
from pages.patience import visit


class Consent:
    """The consent page, for one profile's page that is signed in."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page = page
        self.base_url = base_url

    @property
    def allow_button(self) -> Locator:
        """The button that lets the app in."""
        return ALLOW.visible_on(self.page)

    def allow(self, client_id: str) -> SecretStr:
        """Let an app use the account. Returns the code by which it comes to its token, once."""
        visit(self.page, f"{self.base_url}/oauth/authorize?client_id={client_id}")
        press(shown(ALLOW, self.page), ALLOW)
        return confided(CODE, self.page)
