"""The sign-in pages: e-mail, password, and a code where the account asks for one."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, Page
from playwright.sync_api import TimeoutError as NotInTime
from pydantic import SecretStr

from afterglow.outcomes import SignInBlocked
from pages.guard import SHOWN_WITHIN_MS, shown, what_is_shown
from pages.marks import Mark, css, label, role, text
from pages.shell import CHALLENGE, Shell

EMAIL = Mark(
    "field Email address",
    (role("textbox", "Email address"), css("input[name=email]")),
    "chatgpt-web.md, sign-in pages",
)
PASSWORD = Mark(
    "field Password",
    (label("Password"), css("input[name=password]")),
    "chatgpt-web.md, sign-in pages",
)
CODE = Mark(
    "field Code",
    (role("textbox", "Code"), css("input[name=code]"), css('input[autocomplete="one-time-code"]')),
    "chatgpt-web.md, sign-in pages",
)
CONTINUE = Mark(
    "button Continue",
    (role("button", "Continue"),),
    "chatgpt-web.md, sign-in pages: exactly this name; `Continue with Google` matches loosely",
)
REFUSED = Mark(
    "sign-in error",
    (role("alert"), css('[aria-invalid="true"]'), text("Incorrect")),
    "a guess; the wording is passed on as it is",
)


class SignIn:
    """The way from the sign-in entry to the app, for one profile's page."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page = page
        self.base_url = base_url
        self.shell = Shell(page, base_url)

    @property
    def refused(self) -> Locator:
        """What the site says when it does not accept what was typed."""
        return REFUSED.visible_on(self.page)

    def sign_in(self, email: SecretStr, password: SecretStr, code: Callable[[], SecretStr | None]) -> None:
        """Sign in as a person would. `code` is asked for a one-time code only if the site wants one.

        Raises SignInBlocked with the site's own words, or LocatorDrift if the pages look different.
        """
        self.page.goto(f"{self.base_url}/auth/login", wait_until="domcontentloaded")
        self._answer(EMAIL, email)
        self._answer(PASSWORD, password)
        if self._arrives_at(CODE):
            one_time = code()
            if one_time is None:
                raise SignInBlocked("the site asks for a code: set ACCOUNT_TOTP_SECRET")
            self._answer(CODE, one_time)
            self._arrives_at(None)

    def _answer(self, field: Mark, value: SecretStr) -> None:
        """Fill the one field of a page and go on."""
        if not self._arrives_at(field):
            raise SignInBlocked(f"expected the {field.name}; saw\n{what_is_shown(self.page)}")
        shown(field, self.page).fill(value.get_secret_value())
        shown(CONTINUE, self.page).click()

    def _arrives_at(self, field: Mark | None) -> bool:
        """Wait for the next page. True if it has the field, False if it is the signed-in app.

        Raises SignInBlocked where the site refuses, or asks for a person.
        """
        stops = self.refused.or_(CHALLENGE.on(self.page))
        expected = self.shell.signed_in if field is None else field.visible_on(self.page)
        outcome = expected.or_(self.shell.signed_in).or_(stops).first
        try:
            outcome.wait_for(timeout=SHOWN_WITHIN_MS)
        except NotInTime:
            raise SignInBlocked(f"the next page did not come; saw\n{what_is_shown(self.page)}") from None
        if CHALLENGE.on(self.page).count():
            raise SignInBlocked("the site asks for a person (challenge): sign in by hand, headed")
        if self.refused.count():
            raise SignInBlocked(
                f"the site says “{self.refused.inner_text()}”: check ACCOUNT_EMAIL, "
                "ACCOUNT_PASSWORD and ACCOUNT_TOTP_SECRET"
            )
        return field is not None and field.visible_on(self.page).count() > 0
