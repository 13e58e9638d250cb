"""A message: does the site still take one, from the open tab or from the held access token?"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

from playwright.sync_api import Error, Page, Request, Response

from afterglow.budget import Budget
from afterglow.outcomes import NotMeasured
from afterglow.readings import Answer, Exchange, State
from probes.asking import Copy, Got, not_understood, refused, unknown
from probes.chat import DATA, is_streaming, not_streaming, posted
from probes.signs import Signs, first_shown, short
from probes.wire import FAILURES

MESSAGE = "Afterglow asks whether this session may still send a message."

CONVERSATION = re.compile(r"/backend-api/(\w+/)*conversation$")
"""Where the page sends a message of somebody who is signed in; a guest's goes to /backend-anon."""


@dataclass(slots=True)
class HeldTokenMessage:
    """Posts one message to `/backend-api/conversation` and reads no further than the first line.

    It leaves a conversation behind on the account, so it is asked once, not watched. The site may want
    more than a token with a message (a challenge): that is unknown.
    """

    copy: Copy
    budget: Budget
    layer: ClassVar[str] = "message"

    async def ask(self) -> Answer:
        """Ask once."""
        try:
            async with posted(self.copy, self.budget, MESSAGE) as response:
                if not is_streaming(response):
                    return await not_streaming(response)
                async for line in response.aiter_lines():
                    if line.startswith(DATA):
                        return Answer(State.ALIVE)
        except FAILURES as failure:
            return unknown(type(failure).__name__)
        return unknown("empty_stream")


@dataclass  # no slots: playwright keeps its wrapped handlers on the object
class MessageProbe:
    """Sends a message in the open tab, without a reload, as a person does. It never waits for the site.

    Alive is an answer that begins to stream after the message went out; revoked is a 401, or a sign that the
    session has ended. A refusal of a token at its natural end is passed over: the page renews it and sends
    again. While an answer is still being written, the next message waits for its end, as a person would.

    send: types a message and sends it; raises a Playwright Error or NotMeasured soon if it cannot.
    """

    page: Page
    signs: Signs
    send: Callable[[str], None]
    layer: ClassVar[str] = "message"
    _due: bool = field(default=False, init=False)
    _answer: Answer | None = field(default=None, init=False)
    _sent: Request | None = field(default=None, init=False)
    _response: Response | None = field(default=None, init=False)
    _ended: bool = field(default=False, init=False)
    _running: Request | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Listen to the tab's own requests."""
        self.page.on("request", self._on_request)
        self.page.on("response", self._on_response)
        self.page.on("requestfinished", self._on_end)
        self.page.on("requestfailed", self._on_end)

    def begin(self) -> None:
        """Send a message, or wait for the end of the answer before it."""
        self._answer = self._sent = self._response = None
        self._due, self._ended = True, False
        self._send_if_free()

    def finish(self) -> Answer | None:
        """What became of the message, or None while that is open."""
        if self._due:
            self._send_if_free()
        if self._answer is None and not self._due:
            try:
                self._answer = self._read() or self._shown()
            except Error as error:
                self._answer = unknown(short(error))
        return self._answer

    def _send_if_free(self) -> None:
        if self._running is not None:
            return
        self._due = False
        try:
            self._answer = self._shown()
            if self._answer is None:
                self.send(MESSAGE)
        except (Error, NotMeasured) as error:
            self._answer = unknown(short(error))

    def _shown(self) -> Answer | None:
        """What the tab says of the session by itself, where it says that it has ended or cannot be told."""
        if stopped := first_shown(self.signs.unknown):
            return unknown(stopped)
        ended = first_shown(self.signs.revoked)
        response = self._response
        evidence = None if response is None else _evidence(response)
        return Answer(State.REVOKED, ended, exchange=evidence) if ended else None

    def _read(self) -> Answer | None:
        """What the site answered; the body of a refusal is read only when it has come."""
        response = self._response
        if response is None:
            return unknown("failed") if self._ended else None
        kind = response.headers.get("content-type", "")
        if response.status == 200 and "text/event-stream" in kind:
            return Answer(State.ALIVE, exchange=_evidence(response))
        if response.status == 401 and not self._ended:
            return None
        text = response.text() if response.status == 401 else ""
        got = Got(response.status, tuple(response.headers.items()), text, response.url, "POST")
        if not isinstance(got.body, dict):
            return not_understood(got)
        answer = refused(got)
        return None if answer.code == "token_expired" else answer

    def _on_request(self, request: Request) -> None:
        if request.method == "POST" and CONVERSATION.search(request.url.partition("?")[0]):
            self._sent = self._running = request
            self._response, self._ended = None, False

    def _on_response(self, response: Response) -> None:
        if response.request == self._sent:
            self._response = response
            if response.status != 200:  # nothing is being written, and a body that nobody reads never ends
                self._running = None

    def _on_end(self, request: Request) -> None:
        if request == self._running:
            self._running = None
        if request == self._sent:
            self._ended = True


def _evidence(response: Response) -> Exchange:
    """What can be kept of an answer without waiting for its body."""
    return Exchange("POST", response.url, response.status, (), "")
