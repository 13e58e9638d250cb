"""The page: what a person at the device sees after a reload."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from playwright.sync_api import Error, Page, Request, Response

from afterglow.readings import Answer, Exchange, State
from probes.asking import retry_after_s
from probes.signs import Signs, first_shown, short


@dataclass  # no slots: playwright keeps its wrapped handlers on the object
class PageProbe:
    """Reloads the profile's own page and looks for the signs. It never waits for the site.

    Alive is a document that came as a signed-in one. A page that shows neither sign owes its answer; the
    watch gives it up after its limit, as unknown. A page that was closed, or whose browser is gone, is
    unknown too: a browser that was brought back can be followed with `attach`.
    """

    page: Page
    signs: Signs
    layer: ClassVar[str] = "page"
    _asked: Request | None = field(default=None, init=False)
    _document: Response | None = field(default=None, init=False)
    _loaded: bool = field(default=False, init=False)
    _crashed: bool = field(default=False, init=False)
    _failure: str = field(default="", init=False)

    def __post_init__(self) -> None:
        """Listen to the page's own navigations."""
        self._listen()

    def attach(self, page: Page, signs: Signs) -> None:
        """Follow another page from now on; what the old one still brings is passed over."""
        self.page, self.signs, self._crashed = page, signs, False
        self._forget()
        self._failure = "page_replaced"  # what a look under way is still owed will never come
        self._listen()

    def begin(self) -> None:
        """Start a reload, and come back before it has happened."""
        self._forget()
        if self._gone:
            self._failure = self._gone
            return
        try:
            self.page.evaluate("() => { setTimeout(() => location.reload(), 0) }")
        except Error as error:
            self._failure = self._gone or short(error)

    def finish(self) -> Answer | None:
        """What the page shows, or None while it still loads."""
        if failure := self._gone or self._failure:
            return Answer(State.UNKNOWN, failure)
        if self._document is None or not self._loaded:
            return None
        if self._document.status >= 400:
            return refused_document(self._document)
        try:
            return self._seen(self._document)
        except Error:  # the page is between two documents, or gone: the next step tells
            return None

    @property
    def _gone(self) -> str:
        """Why nothing can come from this page any more; empty while something can."""
        if self._crashed:
            return "page_crashed"
        return "page_closed" if self.page.is_closed() else ""

    def _forget(self) -> None:
        self._asked, self._document, self._loaded, self._failure = None, None, False, ""

    def _seen(self, document: Response) -> Answer | None:
        evidence = Exchange("GET", document.url, document.status, (), "")
        if (stopped := first_shown(self.signs.unknown)) is not None:
            return Answer(State.UNKNOWN, stopped)
        refused = first_shown(self.signs.revoked)
        if self.signs.alive.count():
            # The document came signed in, with all that it shows; a dialog over it changes nothing of that.
            return Answer(State.ALIVE, refused or "", exchange=evidence)
        return Answer(State.REVOKED, refused, exchange=evidence) if refused else None

    def _listen(self) -> None:
        self.page.on("request", self._on_request)
        self.page.on("response", self._on_response)
        self.page.on("requestfailed", self._on_failure)
        self.page.on("domcontentloaded", self._on_loaded)
        self.page.on("crash", self._on_crash)

    def _on_request(self, request: Request) -> None:
        """The reload, or a redirect that it led to; what an earlier look still brings is passed over."""
        if is_document(request, self.page):
            self._asked = request

    def _on_response(self, response: Response) -> None:
        if response.request == self._asked:
            self._document = response

    def _on_failure(self, request: Request) -> None:
        if request == self._asked:
            self._failure = (request.failure or "failed").removeprefix("net::")

    def _on_loaded(self, page: Page) -> None:
        # the response event of a document always comes before this one
        self._loaded = self._loaded or (page == self.page and self._document is not None)

    def _on_crash(self, page: Page) -> None:
        self._crashed = self._crashed or page == self.page


def is_document(request: Request, page: Page | None) -> bool:
    """Whether a request is for the page's own document."""
    try:
        of_page = page is not None and request.frame == page.main_frame
        return of_page and request.is_navigation_request()
    except Error:  # the frame is not there yet, or not any more
        return False


def refused_document(document: Response) -> Answer:
    """An error page says nothing of the session, but it may ask for patience."""
    wait_s = retry_after_s(document.headers.get("retry-after", ""))
    return Answer(State.UNKNOWN, f"http_{document.status}", wait_s)
