"""Settings > Security: what the account signs in with, its password and its authenticator app."""

from __future__ import annotations

from playwright.sync_api import Error, Locator, Page
from pydantic import SecretStr

from afterglow.outcomes import LocatorDrift, NotMeasured
from pages.confided import confided
from pages.guard import SHOWN_WITHIN_MS, press, shown
from pages.locators.active_sessions import SECURITY_TAB, SETTINGS
from pages.locators.credentials import (
    CHANGE,
    CODE,
    CURRENT,
    DONE,
    NEW,
    PASSWORD_DIALOG,
    REFUSED,
    SECRET,
    SET_UP,
    SUBMIT,
    SWITCH,
    TURN_ON,
)
from pages.overlays import leave_overlays
from pages.patience import visit


class Credentials:
    """What the account signs in with, for one profile's page that is signed in."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page = page
        self.base_url = base_url
        leave_overlays(page)

    @property
    def authenticator(self) -> Locator:
        """The switch of the authenticator app; `aria-checked` tells whether it is on."""
        return SWITCH.visible_on(self.page)

    def open(self) -> None:
        """Open the settings afresh, at what the account signs in with."""
        self.page.goto("about:blank")
        visit(self.page, f"{self.base_url}/#settings/Security")
        tab = shown(SECURITY_TAB, shown(SETTINGS, self.page))
        if tab.get_attribute("aria-selected") != "true":  # the hash sometimes opens on General
            press(tab, SECURITY_TAB)

    def change_password(self, current: SecretStr, new: SecretStr) -> None:
        """Change the password. Raises NotMeasured with the site's words if it is refused."""
        press(shown(CHANGE, self.page), CHANGE)
        dialog = shown(PASSWORD_DIALOG, self.page)
        shown(CURRENT, dialog).fill(current.get_secret_value())
        shown(NEW, dialog).fill(new.get_secret_value())
        press(shown(SUBMIT, dialog), SUBMIT)
        self._done("the new password")

    def has_authenticator(self) -> bool:
        """Whether the site says that an authenticator app is set up."""
        return shown(SWITCH, self.page).get_attribute("aria-checked") == "true"

    def begin_authenticator(self) -> SecretStr:
        """Begin to set one up. Returns its secret, of which a code must be shown next."""
        press(shown(SWITCH, self.page), SWITCH)
        return confided(SECRET, self.page)

    def turn_on_authenticator(self, code: SecretStr) -> None:
        """Show a code of it. Raises NotMeasured with the site's words if it is refused."""
        dialog = shown(SET_UP, self.page)
        shown(CODE, dialog).fill(code.get_secret_value())
        press(shown(TURN_ON, dialog), TURN_ON)
        self._done("the code")

    def _done(self, what: str) -> None:
        """Wait until the site says that it is done, and raise otherwise."""
        done, refused = DONE.visible_on(self.page), REFUSED.visible_on(self.page)
        try:
            done.or_(refused).first.wait_for(timeout=SHOWN_WITHIN_MS)
        except Error:
            raise LocatorDrift(DONE.name, "what is there instead is not told: it may be secret") from None
        if not done.count():
            raise NotMeasured(f"the site did not take {what}: it says “{refused.inner_text()}”")
