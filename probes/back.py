"""Back: what a person sees who goes one step back to a page that was left while it was signed in.

A browser may bring such a page back as it was, out of its memory, and not ask the site at all. Playwright
switches that off, unless the browser is started with `ignore_default_args=["--disable-back-forward-cache"]`;
and a browser never does it for some pages, such as one that was sent as `no-store` and whose cookies have
changed. Then the page is loaded again, and its document is one more sign.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from playwright.sync_api import Error, Page, Request, Response

from afterglow.readings import Answer, Exchange, State
from probes.asking import unknown
from probes.page import is_document, refused_document
from probes.signs import Signs, first_shown, short

FROM_MEMORY = "from_memory"
"""The code of a page that looks signed in and asked nobody: a person sees it, whatever the site says."""

ASKING = {"document", "fetch", "xhr", "script"}
"""What a page waits for before it is what it is. Pictures, beacons and open event streams are not."""

OWN_TROUBLE = {403, 429}
"""Besides 5xx: the site's answers to a page's own questions that say nothing of the session."""

CALM = 2
"""So many times in a row nothing must be under way: one answer often leads to the next question."""

PATIENT = 25
"""So often a step forward is looked for. If it has not come by then, the page went on and cut off the way."""

GO_BACK = "() => { window.stop(); setTimeout(() => history.back(), 0) }"
"""What an earlier look began is stopped first: two steps under way would be one too many."""

GO_FORWARD = "() => { setTimeout(() => history.forward(), 0) }"
RELOAD = "() => { setTimeout(() => location.reload(), 0) }"
GO_THERE = "address => { setTimeout(() => location.assign(address), 0) }"


@dataclass  # no slots: playwright keeps its wrapped handlers on the object
class BackProbe:
    """Goes back, reads the signs once the page is there and asks no more, and parks again one step further.

    The page must be parked when the probe is made or attached: one step further in its history than the page
    that is looked at, on `about:blank` or another one. The probe never waits for the site.
    It steps forward as it gives its answer: closing the page in that very moment has been seen to hang,
    closing its context has not.
    """

    page: Page
    signs: Signs
    layer: ClassVar[str] = "back"
    _parked: str = field(default="", init=False)
    _due: bool = field(default=False, init=False)
    _went: bool = field(default=False, init=False)
    _waited: int = field(default=0, init=False)
    _failure: str = field(default="", init=False)
    _heard: Heard = field(default_factory=lambda: Heard(), init=False)

    def __post_init__(self) -> None:
        """Remember where the page is parked, and listen to what it asks."""
        self.attach(self.page, self.signs)

    def attach(self, page: Page, signs: Signs) -> None:
        """Follow another page from now on; it must be parked."""
        self.page, self.signs, self._parked = page, signs, page.url
        self._due = self._went = False
        self._heard = Heard()
        self._heard.listen(page)

    def begin(self) -> None:
        """Start to go back; where the last look is not over, park first."""
        self._due, self._waited, self._failure = True, 0, ""
        try:
            if self._heard.is_error_page:
                self._reload()
                return
            if self._went and self.page.url != self._parked:
                self._leave()
            self._go_if_parked()
        except Error as error:
            self._failure = short(error)

    def finish(self) -> Answer | None:
        """What the page shows, or None while it is on its way or still asks."""
        if self.page.is_closed():
            return Answer(State.UNKNOWN, "page_closed")
        if self._failure:
            return Answer(State.UNKNOWN, self._failure)
        try:
            if self._due:
                self._go_if_parked()
                return None
            answer = self._seen() if self.page.url != self._parked and not self._heard.loading else None
            if answer is not None and not self._heard.is_error_page:
                self._leave()
        except Error:  # the page is between two documents, or gone: the next step tells
            return None
        return answer

    def _go_if_parked(self) -> None:
        if self.page.url == self._parked:
            self._due, self._went = False, True
            self._heard.forget()
            self.page.evaluate(GO_BACK)
            return
        self._waited += 1
        if self._waited % PATIENT == 0:
            self.page.evaluate(GO_THERE, self._parked)

    def _reload(self) -> None:
        """As a person would: an error page may come back out of the cache, and say nothing for ever."""
        self._due = False
        self._heard.forget()
        self.page.evaluate(RELOAD)

    def _leave(self) -> None:
        self._went = False
        self.page.evaluate(GO_FORWARD)

    def _seen(self) -> Answer | None:
        if stopped := first_shown(self.signs.unknown):
            return Answer(State.UNKNOWN, stopped)
        ended, alive = first_shown(self.signs.revoked), self.signs.alive.count() > 0
        document = self._heard.document
        # A document that came just now as a signed-in one is alive, as after a reload, with whatever dialog
        # over it; of a page out of the browser's memory, only what it has learned since tells.
        if ended and not (document and alive):
            return Answer(State.REVOKED, ended)
        if not self._heard.is_calm:
            return None
        if self._heard.trouble is not None:
            return self._heard.trouble
        evidence = Exchange("GET", document.url, document.status, (), "") if document else None
        code = ended or ("" if self._heard.asked else FROM_MEMORY)
        return Answer(State.ALIVE, code, exchange=evidence) if alive else None


@dataclass  # no slots: playwright keeps its wrapped handlers on the object
class Heard:
    """What the page has asked since it was last forgotten, and what is still under way."""

    document: Response | None = None
    loading: bool = False
    asked: bool = False
    trouble: Answer | None = None
    _open: list[Request] = field(default_factory=list)
    _calm: int = 0
    _page: Page | None = None

    def listen(self, page: Page) -> None:
        """Hear one page for life."""
        self._page = page
        page.on("request", self._on_request)
        page.on("response", self._on_response)
        page.on("requestfailed", self._on_failure)
        page.on("domcontentloaded", self._on_loaded)

    def forget(self) -> None:
        """Begin anew."""
        self.document = self.trouble = None
        self.loading = self.asked = False
        self._calm = 0
        self._open.clear()

    @property
    def is_error_page(self) -> bool:
        """Whether the site had nothing better to show than an error."""
        return self.document is not None and self.document.status >= 400

    @property
    def is_calm(self) -> bool:
        """Whether nothing is under way, and was not when this was last asked."""
        self._calm = 0 if self._open else self._calm + 1
        return self._calm >= CALM

    def _on_request(self, request: Request) -> None:
        if request.resource_type in ASKING:
            self.asked = True
            self._open.append(request)
            self.loading = self.loading or is_document(request, self._page)

    def _on_response(self, response: Response) -> None:
        if response.request not in self._open:
            return
        self._open.remove(response.request)  # now: an answer whose body nobody reads is never finished
        if response.request.resource_type == "document":
            self.document = response
            self.trouble = refused_document(response) if response.status >= 400 else None
        elif response.status >= 500 or response.status in OWN_TROUBLE:
            self.trouble = self.trouble or refused_document(response)

    def _on_failure(self, request: Request) -> None:
        if request in self._open:
            self._open.remove(request)
            self.trouble = self.trouble or unknown((request.failure or "failed").removeprefix("net::"))

    def _on_loaded(self, _: Page) -> None:
        self.loading = False
