"""The signed-in shell: profile menu, composer, and the signs that tell signed in from signed out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce

from playwright.sync_api import Locator, Page
from playwright.sync_api import TimeoutError as NotInTime
from pydantic import SecretStr

from afterglow.outcomes import LocatorDrift, NotMeasured
from pages.guard import SHOWN_WITHIN_MS, shown, what_is_shown
from pages.locators.shell import (
    ACCOUNT_EMAIL,
    ANSWER,
    CHALLENGE,
    COMPOSER,
    EXPIRED,
    GUEST,
    PROFILE_MENU,
    SETTINGS_ITEM,
    SIGN_IN_WALL,
    SIGNED_IN_SIDEBAR,
    TYPED,
)
from pages.overlays import leave_overlays
from pages.patience import patiently, visit

WHO = """async () => {
    const ask = async (path, token) => {
        const headers = { Accept: "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
        const answer = await fetch(path, { headers, signal: AbortSignal.timeout(10000) });
        return answer.ok ? answer.json() : {};
    };
    const session = await ask("/api/auth/session");
    const token = session.accessToken;
    const user = session.user?.email || !token ? session.user : await ask("/backend-api/me", token);
    return { email: user?.email ?? "", name: user?.name ?? "", expires: session.expires ?? "" };
}"""
"""Asked inside the page, which keeps the token to itself (chatgpt-web.md, Web API)."""

SOMETHING = re.compile(r"\S")
ANSWERED_WITHIN_MS = 5_000


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose session it is, and when it ends by itself, as the site says. Address and name are private."""

    email: SecretStr
    name: SecretStr
    expires: datetime | None


class Shell:
    """The frame around every page of the app, for one profile's page.

    owner_name: the account's name, once it is known; it is covered in screenshots.
    """

    def __init__(self, page: Page, base_url: str, owner_name: SecretStr | None = None) -> None:
        self.page = page
        self.base_url = base_url
        self.owner_name = owner_name
        leave_overlays(page)

    @property
    def profile_menu(self) -> Locator:
        """The button that opens the profile menu; the best sign of being signed in."""
        return PROFILE_MENU.visible_on(self.page)

    @property
    def signed_in(self) -> Locator:
        """Whatever shows that somebody is signed in; never the composer, which guests have too."""
        signs = PROFILE_MENU.all_on(self.page).or_(SIGNED_IN_SIDEBAR.all_on(self.page))
        return signs.filter(visible=True).first

    @property
    def signed_out(self) -> Mapping[str, Locator]:
        """Whatever shows that nobody is signed in, each by its name."""
        return {mark.name: mark.visible_on(self.page) for mark in (EXPIRED, SIGN_IN_WALL, GUEST)}

    @property
    def any_signed_out(self) -> Locator:
        """The first of these signs."""
        return reduce(lambda one, other: one.or_(other), self.signed_out.values()).first

    @property
    def challenge(self) -> Locator:
        """The page that asks for a person. It is detected, never solved."""
        return CHALLENGE.on(self.page)

    @property
    def composer(self) -> Locator:
        """Where a message is typed."""
        return COMPOSER.visible_on(self.page)

    @property
    def last_answer(self) -> Locator:
        """The newest answer of the conversation."""
        return ANSWER.all_on(self.page).last

    @property
    def expired(self) -> Locator:
        """The dialog that an open tab shows when its session has ended."""
        return EXPIRED.visible_on(self.page)

    @property
    def private(self) -> list[Locator]:
        """What must be covered in a screenshot."""
        name = self.owner_name.get_secret_value() if self.owner_name else ""
        named = [self.page.get_by_text(name)] if name.strip() else []
        return [ACCOUNT_EMAIL.all_on(self.page), TYPED.all_on(self.page), *named]

    def owner(self) -> Owner:
        """Whose session the site says that it is. Raises NotMeasured if it does not say."""
        told = patiently(self.page, self._told_owner)
        return Owner(SecretStr(told["email"]), SecretStr(told["name"]), _moment(told["expires"]))

    def _told_owner(self) -> dict[str, str]:
        told: dict[str, str] = self.page.evaluate(WHO)
        if not told["email"]:
            raise NotMeasured(
                "the site does not say whose account is signed in (/api/auth/session, /backend-api/me): "
                "nothing was ended, for it might be somebody else's"
            )
        return told

    def open(self) -> None:
        """Go to the app's home. Raises NotMeasured if the site shows an error or a challenge instead."""
        answer = visit(self.page, self.base_url)
        if answer is not None and answer.status >= 400:
            what = "asks for a person (challenge)" if self.challenge.count() else "does not show its home"
            raise NotMeasured(f"the site {what}: HTTP {answer.status}")

    def require(self) -> None:
        """Refuse to go on, with LocatorDrift, unless the page tells whether somebody is signed in."""
        try:
            self.signed_in.or_(self.any_signed_out).first.wait_for(timeout=SHOWN_WITHIN_MS)
        except NotInTime:
            raise LocatorDrift("a sign of being signed in or out", what_is_shown(self.page)) from None

    def open_settings(self) -> None:
        """Open the settings by the profile menu, as a person would."""
        shown(PROFILE_MENU, self.page).click()
        shown(SETTINGS_ITEM, self.page).click()

    def send(self, message: str, within_ms: float = SHOWN_WITHIN_MS) -> None:
        """Type a message and send it with Enter. Raises LocatorDrift or a Playwright Error if it cannot."""
        composer = shown(COMPOSER, self.page, timeout_ms=within_ms)
        composer.fill(message, timeout=within_ms)
        composer.press("Enter", timeout=within_ms)

    def converse(self, message: str) -> None:
        """Open the app, send a message and wait until an answer begins.

        Raises NotMeasured if none does, whatever the site may have had: then nothing can be said of it.
        """

        def once() -> None:
            self.open()
            self.send(message)
            try:
                self.last_answer.filter(has_text=SOMETHING).wait_for(timeout=ANSWERED_WITHIN_MS)
            except NotInTime:
                raise NotMeasured("no answer came to a message of a signed-in device") from None

        patiently(self.page, once)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
