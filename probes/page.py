"""The page: what a person at the device sees after a reload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from playwright.sync_api import Error, Locator, Page, Request, Response

from afterglow.readings import Answer, Exchange, State


@dataclass(frozen=True, slots=True)
class Signs:
    """What tells the two states apart on the screen: each sign by its name, which becomes the code."""

    alive: Locator
    revoked: Mapping[str, Locator]
    unknown: Mapping[str, Locator]


@dataclass  # no slots: playwright keeps its wrapped handlers on the object
class PageProbe:
    """Reloads the profile's own page and looks for the signs. It never waits for the site.

    Alive is a document that came as a signed-in one. A page that shows neither sign owes its answer; the
    watch gives it up after its limit, as unknown.
    """

    page: Page
    signs: Signs
    layer: ClassVar[str] = "page"
    _asked: Request | None = field(default=None, init=False)
    _document: Response | None = field(default=None, init=False)
    _loaded: bool = field(default=False, init=False)
    _failure: str = field(default="", init=False)

    def __post_init__(self) -> None:
        """Listen to the page's own navigations."""
        self.page.on("request", self._on_request)
        self.page.on("response", self._on_response)
        self.page.on("requestfailed", self._on_failure)
        self.page.on("domcontentloaded", self._on_loaded)

    def begin(self) -> None:
        """Start a reload, and come back before it has happened."""
        self._asked, self._document, self._loaded, self._failure = None, None, False, ""
        try:
            self.page.evaluate("() => { setTimeout(() => location.reload(), 0) }")
        except Error as error:
            self._failure = _short(error)

    def finish(self) -> Answer | None:
        """What the page shows, or None while it still loads."""
        if self._failure:
            return Answer(State.UNKNOWN, self._failure)
        if self._document is None or not self._loaded:
            return None
        if self._document.status >= 400:
            return self._refused_document(self._document)
        try:
            return self._seen(self._document)
        except Error:  # the page is between two documents: look again at the next step
            return None

    def _seen(self, document: Response) -> Answer | None:
        evidence = Exchange("GET", document.url, document.status, (), "")
        if (stopped := _first_shown(self.signs.unknown)) is not None:
            return Answer(State.UNKNOWN, stopped)
        refused = _first_shown(self.signs.revoked)
        if self.signs.alive.count():
            # The document came signed in, with all that it shows; a dialog over it changes nothing of that.
            return Answer(State.ALIVE, refused or "", exchange=evidence)
        return Answer(State.REVOKED, refused, exchange=evidence) if refused else None

    @staticmethod
    def _refused_document(document: Response) -> Answer:
        """An error page says nothing of the session, but it may ask for patience."""
        wait = document.headers.get("retry-after", "")
        return Answer(State.UNKNOWN, f"http_{document.status}", float(wait) if wait.isdigit() else None)

    def _on_request(self, request: Request) -> None:
        """The reload, or a redirect that it led to; what an earlier look still brings is passed over."""
        if request.is_navigation_request() and request.frame == self.page.main_frame:
            self._asked = request

    def _on_response(self, response: Response) -> None:
        if response.request == self._asked:
            self._document = response

    def _on_failure(self, request: Request) -> None:
        if request == self._asked:
            self._failure = (request.failure or "failed").removeprefix("net::")

    def _on_loaded(self, _: Page) -> None:
        # the response event of a document always comes before this one
        self._loaded = self._document is not None


def _first_shown(signs: Mapping[str, Locator]) -> str | None:
    """The name of the first sign that is on the screen."""
    return next((name for name, sign in signs.items() if sign.count()), None)


def _short(error: Error) -> str:
    return error.message.splitlines()[0][:80]
