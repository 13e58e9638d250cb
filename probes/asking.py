"""How a probe asks over HTTP, and how an answer of the web API is read.

Facts: ChatGPT's undocumented web API as seen in several independent public projects (facts on refusals:
401 with a code, in one of three body shapes; a 403 with HTML on an API call is a challenge).
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import httpx

from afterglow.readings import Answer, Exchange, State

BODY_KEPT = 2_000
"""Characters of a body that are kept as evidence: a refusal is far shorter, a page is not needed whole."""


@cache
def _trust() -> ssl.SSLContext:
    """One TLS context for all: making one costs more than the request that it is for."""
    return httpx.create_ssl_context()


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


def cookie_header(cookies: Mapping[str, str]) -> str:
    """The Cookie header. Written by hand, because httpx never sends a `__Secure-` cookie over plain http."""
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def client(copy: Copy) -> httpx.AsyncClient:
    """A client with connections of its own, so that each request may meet another edge."""
    loopback = httpx.URL(copy.base_url).host in {"127.0.0.1", "localhost", "::1"}
    return httpx.AsyncClient(
        base_url=copy.base_url,
        verify=_trust(),
        timeout=None,  # noqa: S113 - the watch ends every look by its own limit
        trust_env=not loopback,  # a proxy is for the way out, not for this machine
        headers={"User-Agent": copy.user_agent, "Accept": "application/json"},
    )


async def get(copy: Copy, path: str, headers: Mapping[str, str]) -> httpx.Response:
    """One GET over a connection of its own. Follows no redirect."""
    async with client(copy) as asking:
        return await asking.get(path, headers=headers)


async def get_as_bearer(copy: Copy, path: str, token: str) -> httpx.Response:
    """One GET with an access token and no cookie."""
    return await get(copy, path, {"Authorization": f"Bearer {token}"})


def unknown(code: str, response: httpx.Response | None = None) -> Answer:
    """An answer that says nothing of the session."""
    retry_s = None if response is None else retry_after_s(response)
    return Answer(State.UNKNOWN, code, retry_s, None if response is None else exchange(response))


def failed(error: httpx.HTTPError) -> Answer:
    """A network failure: says nothing of the session."""
    return unknown(type(error).__name__)


def retry_after_s(response: httpx.Response) -> float | None:
    """What the site asks for in Retry-After (RFC 9110: seconds, or a date), in seconds; None without one."""
    value = response.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        then = parsedate_to_datetime(value)
    except ValueError:
        return None
    if then.tzinfo is None:  # asctime's form, and "-0000": both mean UTC
        then = then.replace(tzinfo=UTC)
    return max(0.0, (then - datetime.now(UTC)).total_seconds())


def body_of(response: httpx.Response) -> Any:
    """The JSON body, or None where it is anything else."""
    try:
        return response.json()
    except (json.JSONDecodeError, UnicodeDecodeError):
        return None


def refusal_code(body: Any) -> str:
    """The code of a refusal, verbatim, from `{"detail": {…}}`, `{"error": {…}}` or `{"detail": "text"}`."""
    if not isinstance(body, dict):
        return "unreadable"
    inner = body.get("detail") or body.get("error") or body
    if isinstance(inner, dict):
        inner = inner.get("code") or inner.get("type") or inner.get("message")
    return str(inner) if inner else "no_code"


def not_telling(response: httpx.Response) -> Answer | None:
    """The answer where nothing can be said of the session, or None where the body has to be looked at."""
    status = response.status_code
    if status in (200, 401) and isinstance(body_of(response), dict):
        return None
    is_html = "html" in response.headers.get("content-type", "")
    if status == 403 and is_html:
        return unknown("challenge", response)
    return unknown(f"http_{status}_html" if is_html else f"http_{status}", response)


def exchange(response: httpx.Response) -> Exchange:
    """Keep a request and its answer as evidence. What it may hold of secrets is taken out on the way out."""
    return Exchange(
        method=response.request.method,
        url=str(response.request.url),
        status=response.status_code,
        headers=tuple(
            (name, value) for name, value in response.headers.items() if name.lower() != "set-cookie"
        ),
        body=response.text[:BODY_KEPT],
    )


def of_me(response: httpx.Response) -> Answer:
    """Read `/backend-api/me`: 200 with a user is alive, 401 is refused, all else says nothing.

    Source: the shipped web bundle and six public projects.
    """
    if (nothing := not_telling(response)) is not None:
        return nothing
    body = body_of(response)
    if response.status_code == 401:
        return Answer(State.REVOKED, refusal_code(body), exchange=exchange(response))
    if body.get("id") or body.get("email"):
        return Answer(State.ALIVE, exchange=exchange(response))
    return unknown("unexpected_body", response)
