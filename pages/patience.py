"""A site has trouble now and then that says nothing of any session. A person waits a little, and tries again.

Trouble is what the site itself calls so (5xx, 429) and a connection that breaks. A challenge is none: it asks
for a person, and trying again would be asking for more of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, TypeVar

from playwright.sync_api import Error, Page, Request, Response

from afterglow.outcomes import NotMeasured, SignInBlocked

PAUSES_S = (0.5, 1.0, 2.0, 4.0)
"""Before each further try. A site may ask for more, in Retry-After."""

AT_MOST_S = 30.0
"""All pauses together: a site that is down for longer is down."""

BROKEN_OFF = re.compile("ERR_(CONNECTION_(RESET|CLOSED|ABORTED)|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED)")
"""How a browser says that a connection broke. One that nobody takes up (refused) is no passing trouble."""

_T = TypeVar("_T")


def in_trouble(response: Response) -> bool:
    """Whether an answer says that the site has trouble of its own."""
    return response.status >= 500 or response.status == 429


@dataclass  # no slots: playwright keeps its wrapped handlers on the object
class Trouble:
    """What trouble a page heard of, in one word, and how long the site wants to be left alone."""

    what: str = ""
    wait_s: float = 0.0

    def on_response(self, response: Response) -> None:
        """Note an answer that is none."""
        if in_trouble(response):
            self.what = f"HTTP {response.status}"
            asked = response.headers.get("retry-after", "").strip()
            self.wait_s = max(self.wait_s, float(asked) if asked.isdecimal() else 0.0)

    def on_failure(self, request: Request) -> None:
        """Note a connection that broke."""
        if BROKEN_OFF.search(request.failure or ""):
            self.what = request.failure or ""


@contextmanager
def heard(page: Page) -> Iterator[Trouble]:
    """The trouble that a page hears of within the block."""
    trouble = Trouble()
    page.on("response", trouble.on_response)
    page.on("requestfailed", trouble.on_failure)
    try:
        yield trouble
    finally:
        page.remove_listener("response", trouble.on_response)
        page.remove_listener("requestfailed", trouble.on_failure)


def patiently(page: Page, act: Callable[[], _T]) -> _T:
    """Do something on a page, and again where it did not come off while the site had trouble.

    Raises what the last try raised. A sign-in that was refused is never tried again.
    """
    left_s = AT_MOST_S
    for pause_s in PAUSES_S:
        with heard(page) as trouble:
            try:
                return act()
            except SignInBlocked:
                raise
            except (Error, NotMeasured):
                pause_s = max(pause_s, trouble.wait_s)
                if not trouble.what or pause_s > left_s:
                    raise
        left_s -= pause_s
        pause(page, pause_s)
    return act()


def pause(page: Page, seconds: float) -> None:
    """Leave a site in trouble alone for a while. Nothing else in the pages waits for time."""
    page.wait_for_timeout(1000 * seconds)


def visit(
    page: Page, url: str, wait_until: Literal["commit", "domcontentloaded"] = "domcontentloaded"
) -> Response | None:
    """Go to an address. Raises NotMeasured if the site answers with trouble however often it is tried."""

    def go() -> Response | None:
        if "#" in url:  # with another hash alone, an error page would stay as it is
            page.goto("about:blank")
        answer = page.goto(url, wait_until=wait_until)
        if answer is not None and in_trouble(answer):
            raise NotMeasured(f"the site answers with HTTP {answer.status}: try again when it is up")
        return answer

    return patiently(page, go)
