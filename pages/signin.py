"""The sign-in pages: e-mail, password, and a code where the account asks for one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from playwright.sync_api import Error, Locator, Page, Request, Response
from playwright.sync_api import TimeoutError as NotInTime
from pydantic import SecretStr

from afterglow.outcomes import NeedsPerson, NotMeasured, SignInBlocked
from pages.guard import SHOWN_WITHIN_MS, may_type, require_allowed, shown, what_is_shown
from pages.locators.shell import CHALLENGE
from pages.locators.sign_in import BLOCKED, CODE, CONTINUE, EMAIL, PASSWORD, REFUSED
from pages.marks import Mark
from pages.patience import BROKEN_OFF, PAUSES_S, pause, visit
from pages.shell import Shell

OWN_MACHINE = frozenset({"127.0.0.1", "localhost"})
"""Where credentials may be typed unless somebody says more: where replicas are."""

BY_MAIL = "/email-verification"
"""The page that asks for a mailed code; any other asks the authenticator (chatgpt-web.md, routes)."""

CODES = 2
"""So many codes may be asked for in one sign-in: a mailed one, and the authenticator's."""

Code = Callable[[bool], SecretStr | None]
"""Gives a one-time code, one that was mailed or one of the authenticator; None if there is no way to it."""

STEP_MS = 500
"""So often it is looked whether the site has trouble instead of a next page."""


class Lost(NotMeasured):
    """A sign-in got lost in trouble that the site had; nothing that was typed was refused."""

    def __init__(self, trouble: str) -> None:
        super().__init__(f"the site had trouble during a sign-in ({trouble}): try again when it is up")


@dataclass  # no slots: playwright keeps its wrapped handlers on the object
class Came:
    """What a page's own document came as, last: a status, or the words of a connection that broke.

    typed: whether something that was typed was sent with it.
    """

    page: Page
    base_url: str
    status: int = 0
    broke: str = ""
    typed: bool = False
    of_app: bool = False

    @property
    def lost(self) -> bool:
        """Whether the app does not know of this sign-in any more. It is the sign-in pages that refuse."""
        return self.of_app and not self.typed and 400 <= self.status < 500

    @property
    def trouble(self) -> str:
        """What trouble the site has, if it has."""
        return self.broke or (f"HTTP {self.status}" if self.status >= 500 or self.status == 429 else "")

    def on_response(self, response: Response) -> None:
        """Note a document."""
        if self._is_document(response.request):
            self._note(response.request, response.status, "")

    def on_failure(self, request: Request) -> None:
        """Note one that did not come."""
        if self._is_document(request) and BROKEN_OFF.search(request.failure or ""):
            self._note(request, 0, request.failure or "")

    def _note(self, request: Request, status: int, broke: str) -> None:
        self.status, self.broke = status, broke
        self.typed, self.of_app = request.method != "GET", request.url.startswith(self.base_url)

    def _is_document(self, request: Request) -> bool:
        try:
            return request.is_navigation_request() and request.frame == self.page.main_frame
        except Error:  # the frame is not there any more
            return False


class SignIn:
    """The way from the sign-in entry to the app, for one profile's page.

    hosts: where credentials may be typed; anywhere else nothing is.
    repeated: whether it had to be begun again. The first try may have left a session that nobody holds.
    """

    def __init__(self, page: Page, base_url: str, hosts: Collection[str] = OWN_MACHINE) -> None:
        self.page = page
        self.base_url = base_url
        self.hosts = hosts
        self.shell = Shell(page, base_url)
        self.repeated = False
        self._came = Came(page, base_url)

    @property
    def refused(self) -> Locator:
        """What the site says when it does not accept what was typed."""
        return REFUSED.visible_on(self.page)

    def sign_in(self, email: SecretStr, password: SecretStr, code: Code) -> None:
        """Sign in as a person would. `code` is asked for a one-time code only if the site wants one.

        A sign-in that got lost is begun once more, but never one that was refused. Raises SignInBlocked with
        the site's own words, NeedsPerson where it asks for one, Lost if the site has trouble, or LocatorDrift
        if the pages look different.
        """
        self.page.on("response", self._came.on_response)
        self.page.on("requestfailed", self._came.on_failure)
        try:
            self._go_through(email, password, code)
        except Lost:
            self.repeated = True
            self._go_through(email, password, code)
        finally:
            self.page.remove_listener("response", self._came.on_response)
            self.page.remove_listener("requestfailed", self._came.on_failure)

    def _go_through(self, email: SecretStr, password: SecretStr, code: Code) -> None:
        visit(self.page, f"{self.base_url}/auth/login")
        self._answer(EMAIL, email)
        self._answer(PASSWORD, password)
        for _ in range(CODES):
            if not self._arrives_at(CODE):
                return
            self._answer(CODE, self._asked(code))
        self._arrives_at(None)

    def _asked(self, code: Code) -> SecretStr:
        """A code of the kind that this page asks for. Raises NeedsPerson if there is no way to one."""
        mailed = BY_MAIL in self.page.url
        one_time = code(mailed)
        if one_time is None and mailed:
            raise NeedsPerson("the site mailed a code: set SIGN_IN_CODE=imap or SIGN_IN_CODE=prompt")
        if one_time is None:
            raise NeedsPerson("the site asks for a code: set ACCOUNT_TOTP_SECRET, or SIGN_IN_CODE=prompt")
        return one_time

    def _answer(self, field: Mark, value: SecretStr) -> None:
        """Fill the one field of a page and go on."""
        if not self._arrives_at(field):
            raise SignInBlocked(f"expected the {field.name}; saw\n{what_is_shown(self.page)}")
        element = shown(field, self.page)
        may_type(element, self.hosts)
        element.fill(value.get_secret_value())
        shown(CONTINUE, self.page).click()

    def _arrives_at(self, field: Mark | None) -> bool:
        """Wait for the next page. True if it has the field, False if it is the signed-in app.

        Raises SignInBlocked where the site refuses, or asks for a person.
        """
        expected = self.shell.signed_in if field is None else field.visible_on(self.page)
        self._wait_for(expected.or_(self.shell.signed_in).or_(self._stops).first)
        if self.shell.signed_in.count():  # whatever else the app has to say: it let somebody in
            return False
        if CHALLENGE.on(self.page).count():
            raise NeedsPerson("the site asks for one (challenge): sign in by hand, as the README says")
        if self.refused.count():
            raise SignInBlocked(
                f"the site says “{self.refused.inner_text()}”: check ACCOUNT_EMAIL, "
                "ACCOUNT_PASSWORD and where its codes come from"
            )
        if field is not None and field.visible_on(self.page).count():
            return True
        closed = BLOCKED.visible_on(self.page)
        if closed.count():
            raise NeedsPerson(f"the site says “{closed.inner_text()}”")
        return False

    @property
    def _stops(self) -> Locator:
        """Whatever may come instead of the next step."""
        return self.refused.or_(CHALLENGE.on(self.page)).or_(BLOCKED.visible_on(self.page))

    def _wait_for(self, outcome: Locator) -> None:
        """Wait for what comes next. A page that the site could not give is loaded again, never sent again.

        Raises SignInBlocked if nothing comes, or Lost if trouble was the reason.
        """
        pauses, trouble, waited_ms = iter(PAUSES_S), "", 0
        while waited_ms < SHOWN_WITHIN_MS:
            try:
                outcome.wait_for(timeout=STEP_MS)
            except NotInTime:
                waited_ms += STEP_MS
            else:
                return
            if self._came.trouble:
                trouble, waited_ms = self._came.trouble, 0
                self._load_again(next(pauses, None))
            elif self._came.lost:
                trouble = trouble or f"HTTP {self._came.status}"
                break
        if trouble:
            raise Lost(trouble)
        require_allowed(self.page.url, self.hosts)
        raise SignInBlocked(f"the next page did not come; saw\n{what_is_shown(self.page)}")

    def _load_again(self, pause_s: float | None) -> None:
        if pause_s is None or self._came.typed:
            raise Lost(self._came.trouble)
        pause(self.page, pause_s)
        self._came.status, self._came.broke = 0, ""
        with suppress(Error):  # what becomes of it is heard
            self.page.reload(wait_until="domcontentloaded")
