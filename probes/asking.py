"""What a probe wants to know, what it got, and how an answer of the web API is read.

A probe is a generator of requests: it gives one `Wanted` after the other, is handed a `Got` for each, and
ends with an answer. Who carries the requests is not its business: `OverHttp` does, over connections of its
own, or `OverPage`, from inside a page.

Facts: ChatGPT's undocumented web API as seen in several independent public projects (facts on refusals:
401 with a code, in one of three body shapes; a 403 with HTML on an API call is a challenge).
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, ClassVar, Protocol

from afterglow.readings import Answer, Exchange, State

BODY_KEPT = 2_000
"""Characters of a body that are kept as evidence: a refusal is far shorter, a page is not needed whole."""

ME = "/backend-api/me"


@dataclass(frozen=True, slots=True)
class Copy:
    """What a client needs to act as a signed-in profile, copied from it at one moment.

    cookies: name to value, of the site's own host. access_token: the bearer that the session gave.
    Both are secrets; neither shows in the representation.
    """

    base_url: str
    user_agent: str
    cookies: Mapping[str, str] = field(repr=False)
    access_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One request that a look wants made. Redirects are never followed: they lead to another page.

    cookies: those of the session; None for a request without any. A page that asks for itself sends its
    browser's own instead. bearer: an access token. json: a body.
    """

    path: str
    method: str = "GET"
    cookies: Mapping[str, str] | None = field(default=None, repr=False)
    bearer: str | None = field(default=None, repr=False)
    json: object | None = None
    accept: str = "application/json"

    @property
    def headers(self) -> dict[str, str]:
        """The headers that it takes whoever carries it; cookies are the carrier's business."""
        headers = {"Accept": self.accept}
        if self.bearer is not None:
            headers["Authorization"] = f"Bearer {self.bearer}"
        if self.json is not None:
            headers["Content-Type"] = "application/json"
        return headers

    @property
    def content(self) -> str | None:
        """The body as it is sent."""
        return None if self.json is None else json.dumps(self.json)

    @property
    def size_bytes(self) -> int:
        """What it takes in HTTP/1.1, without what its carrier adds."""
        line = len(f"{self.method} {self.path} HTTP/1.1\r\n\r\n")
        cookies = _fields_bytes((self.cookies or {}).items(), around=len("=; "))
        body = len((self.content or "").encode())
        return line + _fields_bytes(self.headers.items()) + cookies + body


@dataclass(frozen=True)  # no slots: the body is read once and kept
class Got:
    """One answer of the site, whole.

    renewed: whether the site set the session's cookie anew with it. status 0: a page was redirected, and may
    not know where to.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    text: str = field(repr=False)
    url: str
    method: str = "GET"
    renewed: bool = False

    def header(self, name: str) -> str:
        """The first header of this name, in any case; empty without one."""
        return next(iter(self.every(name)), "")

    def every(self, name: str) -> list[str]:
        """Every header of this name, in any case."""
        return [value for given, value in self.headers if given.lower() == name]

    @cached_property
    def body(self) -> Any:
        """The JSON body, or None where it is anything else."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None

    @property
    def size_bytes(self) -> int:
        """What it takes in HTTP/1.1, unpacked."""
        return (
            len("HTTP/1.1 200\r\n\r\n")
            + _fields_bytes(self.headers)
            + len(self.text.encode(errors="replace"))
        )

    @property
    def is_html(self) -> bool:
        """Whether it is a page for people."""
        return "html" in self.header("content-type")

    @property
    def exchange(self) -> Exchange:
        """The evidence. What it may hold of secrets is taken out on the way out."""
        headers = tuple((name, value) for name, value in self.headers if name.lower() != "set-cookie")
        return Exchange(self.method, self.url, self.status, headers, self.text[:BODY_KEPT])


def _fields_bytes(fields: Iterable[tuple[str, str]], around: int = len(": \r\n")) -> int:
    return sum(len(name) + len(value) + around for name, value in fields)


Look = Generator[Wanted, Got, Answer]


class Probe(Protocol):
    """Asks one layer: one look is a request or a few, then an answer."""

    layer: ClassVar[str]

    def look(self) -> Look:
        """Begin one look."""
        ...


class Looking:
    """One look under way: `wanted` is its next request, until `answer` is there."""

    def __init__(self, probe: Probe) -> None:
        self.answer: Answer | None = None
        self._look = probe.look()
        self._renewed = False
        self.wanted: Wanted | None = next(self._look)

    def take(self, got: Got) -> None:
        """Hand over what came, and learn what is wanted next."""
        self._renewed = self._renewed or got.renewed
        try:
            self.wanted = self._look.send(got)
        except StopIteration as end:
            self._end(end.value)

    def fail(self, code: str) -> None:
        """Give up, because a request was not answered: that says nothing of the session."""
        self._look.close()
        self._end(unknown(code))

    def _end(self, answer: Answer) -> None:
        self.wanted = None
        self.answer = replace(answer, renewed=self._renewed)


def unknown(code: str, got: Got | None = None) -> Answer:
    """An answer that says nothing of the session."""
    if got is None:
        return Answer(State.UNKNOWN, code)
    return Answer(State.UNKNOWN, code, retry_after_s(got.header("retry-after")), got.exchange)


def retry_after_s(value: str) -> float | None:
    """What the site asks for in Retry-After (RFC 9110: seconds, or a date), in seconds; None without one."""
    value = value.strip()
    if value.isdecimal():
        return float(value)
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    if then.tzinfo is None:  # asctime's form, and "-0000": both mean UTC
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())


def refusal_code(body: Any) -> str:
    """The code of a refusal, verbatim, from `{"detail": {…}}`, `{"error": {…}}` or `{"detail": "text"}`."""
    if not isinstance(body, dict):
        return "unreadable"
    inner = body.get("detail") or body.get("error") or body
    if isinstance(inner, dict):
        inner = inner.get("code") or inner.get("type") or inner.get("message")
    return str(inner) if inner else "no_code"


def refused(got: Got) -> Answer:
    """An answer that says no, with the code as it came."""
    return Answer(State.REVOKED, refusal_code(got.body), exchange=got.exchange)


def not_telling(got: Got) -> Answer | None:
    """The answer where nothing can be said of the session, or None where the body has to be looked at."""
    if got.status in (200, 401) and isinstance(got.body, dict):
        return None
    return not_understood(got)


def not_understood(got: Got) -> Answer:
    """The answer where neither pattern fits; its code is as telling as the status allows."""
    if got.status == 0:
        return unknown("redirected", got)
    if got.status == 403 and got.is_html:
        return unknown("challenge", got)
    return unknown(f"http_{got.status}_html" if got.is_html else f"http_{got.status}", got)


def of_me(got: Got) -> Answer:
    """Read `/backend-api/me`: 200 with a user is alive, 401 is refused, all else says nothing.

    Source: the shipped web bundle and six public projects.
    """
    if (nothing := not_telling(got)) is not None:
        return nothing
    if got.status == 401:
        return refused(got)
    if got.body.get("id") or got.body.get("email"):
        return Answer(State.ALIVE, exchange=got.exchange)
    return unknown("unexpected_body", got)
