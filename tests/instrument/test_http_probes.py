"""What the probes that ask over HTTP make of every answer that the web API has been seen to give.

Against a real server on this machine, because fresh connections and hand-written cookies are what counts.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from afterglow.readings import Answer, State
from probes.access import AccessProbe
from probes.asking import BODY_KEPT, Copy, retry_after_s
from probes.session import OPINIONS, ReplayProbe, SessionProbe

COOKIE = "__Secure-next-auth.session-token"
SESSION = "/api/auth/session"
ME = "/backend-api/me"

Probe = AccessProbe | SessionProbe | ReplayProbe


@dataclass(frozen=True)
class Page:
    """One answer of the server; with status 0 it hangs up instead."""

    status: int
    body: str
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)

    def with_header(self, name: str, value: str) -> Page:
        """The same with one header more."""
        return Page(self.status, self.body, (*self.headers, (name, value)))


def says(status: int, body: object) -> Page:
    return Page(status, json.dumps(body))


def shows(status: int, body: str = "<html><title>Just a moment...</title></html>") -> Page:
    return Page(status, body, (("Content-Type", "text/html; charset=utf-8"),))


SIGNED_IN = says(200, {"user": {"id": "user-1"}, "expires": "2030-01-01", "accessToken": "fresh-token"})
IS_ME = says(200, {"id": "user-1", "email": "qa@example.test"})
HANGS_UP = Page(0, "")


@dataclass(frozen=True)
class Asked:
    """One request as the server got it."""

    path: str
    headers: dict[str, str]
    client_port: int


@dataclass
class Site:
    """A server that answers as it is told, and remembers what it was asked."""

    base_url: str = ""
    pages: dict[str, Page] = field(default_factory=lambda: {SESSION: SIGNED_IN, ME: IS_ME})
    asked: list[Asked] = field(default_factory=list)
    queued: dict[str, list[Page]] = field(default_factory=dict)

    def page(self, path: str) -> Page:
        """What is answered next: whatever is queued, then always the same."""
        queue = self.queued.get(path)
        return queue.pop(0) if queue else self.pages.get(path, says(404, {}))

    def copy(self, **cookies: str) -> Copy:
        """What a profile that is signed in here would have."""
        return Copy(self.base_url, "Afterglow test", cookies or {COOKIE: "held"}, "held-token")


def handler_of(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections could be kept: a probe must not

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            site.asked.append(Asked(self.path, headers, self.client_address[1]))
            page = site.page(self.path)
            if not page.status:
                self.close_connection = True
                return
            self.send_response(page.status)
            for name, value in (*page.headers, ("Content-Length", str(len(page.body.encode())))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(page.body.encode())

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    """A site where the held session is signed in, until a test says otherwise."""
    site = Site()
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_of(site)) as server:
        site.base_url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield site
        server.shutdown()


def ask(probe: Probe) -> Answer:
    """Ask once, on a thread of its own: after browser tests, this one has an event loop already."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, probe.ask()).result(timeout=20)


def told(answer: Answer) -> tuple[State, str]:
    return answer.state, answer.code


REFUSALS = [
    (says(401, {"detail": {"code": "token_revoked", "message": "Signed out"}}), "token_revoked"),
    (says(401, {"error": {"code": "token_invalidated", "type": "invalid_request"}}), "token_invalidated"),
    (says(401, {"detail": "Unauthorized"}), "Unauthorized"),
    (says(401, {"error": {"code": None, "type": "app_session_terminated"}}), "app_session_terminated"),
    (says(401, {"error": {"code": "token_expired"}}), "token_expired"),
    (says(401, {"code": "refresh_token_invalidated"}), "refresh_token_invalidated"),
    (says(401, {}), "no_code"),
]

SAY_NOTHING = [
    (shows(403), "challenge"),
    (says(403, {"detail": "restricted"}), "http_403"),
    (shows(401), "http_401_html"),
    (Page(401, "no"), "http_401"),
    (says(429, {"detail": "Too many requests"}), "http_429"),
    (says(500, {"detail": "oops"}), "http_500"),
    (shows(502), "http_502_html"),
    (says(503, {}), "http_503"),
    (says(404, {}), "http_404"),
    (shows(200), "http_200_html"),
    (Page(200, '{"user": '), "http_200"),
    (says(200, ["user"]), "http_200"),
    (Page(200, ""), "http_200"),
    (says(302, {}).with_header("Location", "/auth/login"), "http_302"),
]


@pytest.fixture(params=[AccessProbe, SessionProbe, ReplayProbe])
def kind(request: pytest.FixtureRequest) -> type[Probe]:
    """Each of the layers that are asked over HTTP."""
    kind: type[Probe] = request.param
    return kind


def test_a_session_that_is_served_is_alive(site: Site, kind: type[Probe]) -> None:
    """The answer is kept as evidence."""
    answer = ask(kind(site.copy()))
    assert told(answer) == (State.ALIVE, "")
    assert answer.exchange is not None
    assert (answer.exchange.method, answer.exchange.status) == ("GET", 200)
    assert answer.exchange.url == f"{site.base_url}{ME}"


@pytest.mark.parametrize(("reply", "code"), REFUSALS)
def test_a_refused_token_is_revoked_with_the_code_as_it_came(
    site: Site, kind: type[Probe], reply: Page, code: str
) -> None:
    """In all the shapes of body that have been seen; a token's natural end can be told by its code.

    For the session's layers, this is the lie of the first call: it still gives a token that is refused.
    """
    site.pages[ME] = reply
    assert told(ask(kind(site.copy()))) == (State.REVOKED, code)


@pytest.mark.parametrize(("reply", "code"), SAY_NOTHING)
def test_an_outage_a_challenge_or_a_limit_is_unknown(
    site: Site, kind: type[Probe], reply: Page, code: str
) -> None:
    """None of them says anything of the session."""
    site.pages[ME] = reply
    answer = ask(kind(site.copy()))
    assert told(answer) == (State.UNKNOWN, code)
    assert answer.exchange is not None
    assert answer.exchange.status == reply.status


@pytest.mark.parametrize(("reply", "code"), SAY_NOTHING)
@pytest.mark.parametrize("kind_of_session", [SessionProbe, ReplayProbe])
def test_so_it_is_when_the_session_is_asked_for(
    site: Site, kind_of_session: type[SessionProbe | ReplayProbe], reply: Page, code: str
) -> None:
    """And the second question is not asked at all."""
    site.pages[SESSION] = reply
    assert told(ask(kind_of_session(site.copy()))) == (State.UNKNOWN, code)
    assert [asked.path for asked in site.asked] == [SESSION]


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (says(200, {}), "signed_out"),
        (says(200, {"WARNING_BANNER": "DO NOT SHARE"}), "signed_out"),
        (says(200, {"user": None, "accessToken": None}), "signed_out"),
        (says(200, {"error": "RefreshAccessTokenError"}), "RefreshAccessTokenError"),
        (
            says(200, {"user": {"id": "user-1"}, "accessToken": "old", "error": "RefreshAccessTokenError"}),
            "RefreshAccessTokenError",
        ),
        (says(401, {"detail": {"code": "app_session_terminated"}}), "app_session_terminated"),
    ],
)
@pytest.mark.parametrize("kind_of_session", [SessionProbe, ReplayProbe])
def test_a_session_without_user_and_token_is_signed_out(
    site: Site, kind_of_session: type[SessionProbe | ReplayProbe], reply: Page, code: str
) -> None:
    """Told by what is missing, never by an empty body: a banner may be all that is left."""
    site.pages[SESSION] = reply
    assert told(ask(kind_of_session(site.copy()))) == (State.REVOKED, code)


REVOKED_TOKEN = says(401, {"detail": {"code": "token_revoked"}})


def test_a_session_is_alive_if_any_server_still_serves_the_token_that_it_gives(site: Site) -> None:
    """The server that gives a token and the one that is shown it need not be the same one."""
    site.queued[ME] = [REVOKED_TOKEN] * (OPINIONS - 1)
    assert told(ask(SessionProbe(site.copy()))) == (State.ALIVE, "")
    assert [asked.path for asked in site.asked] == [SESSION] + [ME] * OPINIONS


def test_a_session_whose_token_nobody_serves_is_revoked(site: Site) -> None:
    """That the session still gives tokens says nothing: they let nobody in."""
    site.pages[ME] = REVOKED_TOKEN
    assert told(ask(SessionProbe(site.copy()))) == (State.REVOKED, "token_revoked")
    assert [asked.path for asked in site.asked] == [SESSION] + [ME] * OPINIONS


def test_a_session_whose_token_meets_an_outage_is_unknown(site: Site) -> None:
    """A refusal and then an outage is no answer to whether anybody serves the token."""
    site.queued[ME] = [REVOKED_TOKEN]
    site.pages[ME] = shows(503)
    assert ask(SessionProbe(site.copy())).state is State.UNKNOWN


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (SESSION, {"user": {"id": "user-1"}}, "unexpected_body"),
        (SESSION, {"accessToken": "a token and nobody"}, "unexpected_body"),
        (SESSION, {"user": {"id": "user-1"}, "accessToken": 7}, "unexpected_body"),
        (SESSION, {"error": "SomeOtherError"}, "SomeOtherError"),
        (SESSION, {"error": {"code": "overloaded"}}, "overloaded"),
        (ME, {}, "unexpected_body"),
        (ME, {"object": "user"}, "unexpected_body"),
    ],
)
def test_half_an_answer_is_unknown(site: Site, path: str, body: object, code: str) -> None:
    """A body that is neither what a signed-in nor what a signed-out client gets says nothing."""
    site.pages[path] = says(200, body)
    assert told(ask(SessionProbe(site.copy()))) == (State.UNKNOWN, code)


def test_a_connection_that_breaks_is_unknown(site: Site, kind: type[Probe]) -> None:
    """The server hangs up in the middle of it."""
    site.pages = dict.fromkeys(site.pages, HANGS_UP)
    answer = ask(kind(site.copy()))
    assert answer.state is State.UNKNOWN
    assert answer.code in {"RemoteProtocolError", "ReadError"}
    assert answer.exchange is None


def test_a_connection_that_is_refused_is_unknown(kind: type[Probe]) -> None:
    """Nobody listens there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # taken, but not listened on
        copy = Copy(f"http://127.0.0.1:{taken.getsockname()[1]}", "Afterglow test", {}, "held-token")
        assert told(ask(kind(copy))) == (State.UNKNOWN, "ConnectError")


def test_a_redirect_is_not_followed(site: Site) -> None:
    """Where it leads says something of another page."""
    site.pages[ME] = says(307, {}).with_header("Location", SESSION)
    ask(AccessProbe(site.copy()))
    assert [asked.path for asked in site.asked] == [ME]


def test_the_access_token_is_asked_with_alone(site: Site) -> None:
    """The held bearer and no cookie: else it would be the cookie that is measured."""
    ask(AccessProbe(site.copy()))
    [asked] = site.asked
    assert asked.headers["authorization"] == "Bearer held-token"
    assert "cookie" not in asked.headers
    assert asked.headers["user-agent"] == "Afterglow test"


@pytest.mark.parametrize("kind_of_session", [SessionProbe, ReplayProbe])
def test_the_session_is_asked_with_its_cookies_and_its_own_new_token(
    site: Site, kind_of_session: type[SessionProbe | ReplayProbe]
) -> None:
    """`__Secure-` cookies too, although the site is on plain http; then the token that it gave."""
    ask(kind_of_session(site.copy(**{COOKIE: "held", "oai-did": "device"})))
    session, me = site.asked
    assert session.headers["cookie"] == f"{COOKIE}=held; oai-did=device"
    assert "authorization" not in session.headers
    assert me.headers["authorization"] == "Bearer fresh-token"
    assert "cookie" not in me.headers


def test_every_request_opens_a_connection_of_its_own(site: Site) -> None:
    """So that each may meet another edge, although the server would keep it open."""
    probe = SessionProbe(site.copy())
    for _ in range(3):
        ask(probe)
    assert len({asked.client_port for asked in site.asked}) == len(site.asked) == 6


def cookies_after(site: Site, probe: SessionProbe | ReplayProbe, *set_cookies: str) -> str:
    """The cookies that a probe sends after the site has set some."""
    page = SIGNED_IN
    for line in set_cookies:
        page = page.with_header("Set-Cookie", line)
    site.pages[SESSION] = page
    assert told(ask(probe)) == (State.ALIVE, "")
    site.asked.clear()
    ask(probe)
    return site.asked[0].headers["cookie"]


@pytest.mark.parametrize(
    ("set_cookie", "sent"),
    [
        (f"{COOKIE}=renewed; Path=/; HttpOnly; Secure; SameSite=Lax", f"{COOKIE}=renewed"),
        ("cache=new; Path=/", f"{COOKIE}=held; cache=new"),
        (f"{COOKIE}=; Path=/; Max-Age=0", f"{COOKIE}=held"),
        (f"{COOKIE}=gone; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", f"{COOKIE}=held"),
        (f"{COOKIE}=; Path=/", f"{COOKIE}=held"),
    ],
)
def test_the_session_takes_over_what_is_renewed_but_lets_nothing_be_taken_away(
    site: Site, set_cookie: str, sent: str
) -> None:
    """An edge that knows of the log-out may delete the cookie, while another would still honour it."""
    assert cookies_after(site, SessionProbe(site.copy()), set_cookie) == sent


def test_a_cookie_that_is_set_for_two_paths_breaks_nothing(site: Site) -> None:
    """The later one counts."""
    both = (f"{COOKIE}=one; Path=/api", f"{COOKIE}=two; Path=/")
    assert cookies_after(site, SessionProbe(site.copy()), *both) == f"{COOKIE}=two"


def test_a_replayed_copy_is_never_written_back_to(site: Site) -> None:
    """A thief's copy knows nothing of what the site renews for its owner."""
    held = site.copy()
    assert cookies_after(site, ReplayProbe(held), f"{COOKIE}=renewed; Path=/") == f"{COOKIE}=held"
    assert cookies_after(site, SessionProbe(held), f"{COOKIE}=renewed; Path=/") == f"{COOKIE}=renewed"
    assert held.cookies == {COOKIE: "held"}


def test_a_site_that_limits_is_heard(site: Site, kind: type[Probe]) -> None:
    """429 with Retry-After: unknown, and how long to leave it alone."""
    site.pages[ME] = says(429, {}).with_header("Retry-After", "17")
    assert ask(kind(site.copy())).retry_after_s == 17.0


@pytest.mark.parametrize(("value", "wait_s"), [("0", 0.0), ("120", 120.0), (" 7 ", 7.0)])
def test_retry_after_may_be_seconds(value: str, wait_s: float) -> None:
    """The usual form."""
    assert retry_after_s(httpx.Response(429, headers={"Retry-After": value})) == wait_s


@pytest.mark.parametrize(
    "form",
    [
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",
        "%a %b %d %H:%M:%S %Y",
        "%d %b %Y %H:%M -0000",
    ],
)
def test_retry_after_may_be_a_date(form: str) -> None:
    """In any form of RFC 9110, also those without a time zone; one that has passed asks for nothing."""
    now = datetime.now(UTC)
    in_an_hour = (now + timedelta(hours=1)).strftime(form)
    wait_s = retry_after_s(httpx.Response(429, headers={"Retry-After": in_an_hour}))
    assert wait_s is not None
    assert 3400 < wait_s <= 3600
    an_hour_ago = (now - timedelta(hours=1)).strftime(form)
    assert retry_after_s(httpx.Response(429, headers={"Retry-After": an_hour_ago})) == 0.0


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}, {"Retry-After": ""}, {"Retry-After": "-1"}])
def test_a_retry_after_that_says_nothing_asks_for_nothing(headers: dict[str, str]) -> None:
    """The watch then goes on at its own pace."""
    assert retry_after_s(httpx.Response(429, headers=headers)) is None
    assert retry_after_s(httpx.Response(429, headers=[(b"Retry-After", "²".encode("latin-1"))])) is None


def test_evidence_is_short_and_holds_no_new_cookie(site: Site) -> None:
    """The body is cut, and what the site sets is left out."""
    site.pages[ME] = says(401, {"detail": "x" * 10_000}).with_header("Set-Cookie", f"{COOKIE}=secret")
    exchange = ask(AccessProbe(site.copy())).exchange
    assert exchange is not None
    assert len(exchange.body) == BODY_KEPT
    assert "set-cookie" not in dict(exchange.headers)
    assert "secret" not in str(exchange)


def test_what_a_probe_holds_does_not_show_in_a_traceback(site: Site, kind: type[Probe]) -> None:
    """Neither cookies nor tokens are in its representation."""
    assert "held" not in repr(kind(site.copy()))
