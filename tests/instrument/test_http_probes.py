"""What the probes make of every answer that the web API has been seen to give, asked over HTTP.

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
from typing import Any, Protocol

import pytest

from afterglow.budget import Budget, BudgetSpent
from afterglow.readings import Answer, State
from probes.access import AccessProbe
from probes.asking import BODY_KEPT, Copy, Probe, retry_after_s
from probes.over_http import OverHttp
from probes.session import (
    ANOTHER_BROWSER,
    OPINIONS,
    ElsewhereProbe,
    ReplayProbe,
    SessionProbe,
    TabProbe,
    on_another_device,
)

COOKIE = "__Secure-next-auth.session-token"
SESSION = "/api/auth/session"
ME = "/backend-api/me"

Kind = type[AccessProbe] | type[ReplayProbe]
OfSession = type[ReplayProbe]


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


class Held(Probe, Protocol):
    """A probe that holds a copy."""

    copy: Copy


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
    raw: bytes = b""

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
            if site.raw:
                self.wfile.write(site.raw)
                self.close_connection = True
                return
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


def ask(probe: Held, budget: Budget | None = None) -> Answer:
    """Ask once, on a thread of its own: after browser tests, this one has an event loop already."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        over_http = OverHttp(probe, probe.copy, budget or Budget())
        return pool.submit(asyncio.run, over_http.ask()).result(timeout=20)


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


@pytest.fixture(params=[AccessProbe, SessionProbe, ReplayProbe, ElsewhereProbe, TabProbe])
def kind(request: pytest.FixtureRequest) -> type[Probe]:
    """Each of the layers that are asked over HTTP."""
    kind: Kind = request.param
    return kind


def test_a_session_that_is_served_is_alive(site: Site, kind: Kind) -> None:
    """The answer is kept as evidence."""
    answer = ask(kind(site.copy()))
    assert told(answer) == (State.ALIVE, "")
    assert answer.exchange is not None
    assert (answer.exchange.method, answer.exchange.status) == ("GET", 200)
    assert answer.exchange.url == f"{site.base_url}{ME}"


@pytest.mark.parametrize(("reply", "code"), REFUSALS)
def test_a_refused_token_is_revoked_with_the_code_as_it_came(
    site: Site, kind: Kind, reply: Page, code: str
) -> None:
    """In all the shapes of body that have been seen; a token's natural end can be told by its code.

    For the session's layers, this is the lie of the first call: it still gives a token that is refused.
    """
    site.pages[ME] = reply
    assert told(ask(kind(site.copy()))) == (State.REVOKED, code)


@pytest.mark.parametrize(("reply", "code"), SAY_NOTHING)
def test_an_outage_a_challenge_or_a_limit_is_unknown(site: Site, kind: Kind, reply: Page, code: str) -> None:
    """None of them says anything of the session."""
    site.pages[ME] = reply
    answer = ask(kind(site.copy()))
    assert told(answer) == (State.UNKNOWN, code)
    assert answer.exchange is not None
    assert answer.exchange.status == reply.status


@pytest.mark.parametrize(("reply", "code"), SAY_NOTHING)
@pytest.mark.parametrize("kind_of_session", [SessionProbe, ReplayProbe])
def test_so_it_is_when_the_session_is_asked_for(
    site: Site, kind_of_session: OfSession, reply: Page, code: str
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
    site: Site, kind_of_session: OfSession, reply: Page, code: str
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


def test_a_connection_that_breaks_is_unknown(site: Site, kind: Kind) -> None:
    """The server hangs up in the middle of it."""
    site.pages = dict.fromkeys(site.pages, HANGS_UP)
    answer = ask(kind(site.copy()))
    assert answer.state is State.UNKNOWN
    assert answer.code in {"IncompleteReadError", "ConnectionResetError"}
    assert answer.exchange is None


def test_a_connection_that_is_refused_is_unknown(kind: Kind) -> None:
    """Nobody listens there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # taken, but not listened on
        copy = Copy(f"http://127.0.0.1:{taken.getsockname()[1]}", "Afterglow test", {}, "held-token")
        assert told(ask(kind(copy))) == (State.UNKNOWN, "ConnectionRefusedError")


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
    site: Site, kind_of_session: OfSession
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


def cookies_after(site: Site, probe: ReplayProbe, *set_cookies: str) -> str:
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


def test_a_site_that_limits_is_heard(site: Site, kind: Kind) -> None:
    """429 with Retry-After: unknown, and how long to leave it alone."""
    site.pages[ME] = says(429, {}).with_header("Retry-After", "17")
    assert ask(kind(site.copy())).retry_after_s == 17.0


@pytest.mark.parametrize(("value", "wait_s"), [("0", 0.0), ("120", 120.0), (" 7 ", 7.0)])
def test_retry_after_may_be_seconds(value: str, wait_s: float) -> None:
    """The usual form."""
    assert retry_after_s(value) == wait_s


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
    wait_s = retry_after_s((now + timedelta(hours=1)).strftime(form))
    assert wait_s is not None
    assert 3400 < wait_s <= 3600
    assert retry_after_s((now - timedelta(hours=1)).strftime(form)) == 0.0


@pytest.mark.parametrize("value", ["", "soon", "-1", "²"])
def test_a_retry_after_that_says_nothing_asks_for_nothing(value: str) -> None:
    """The watch then goes on at its own pace."""
    assert retry_after_s(value) is None


def test_evidence_is_short_and_holds_no_new_cookie(site: Site) -> None:
    """The body is cut, and what the site sets is left out."""
    site.pages[ME] = says(401, {"detail": "x" * 10_000}).with_header("Set-Cookie", f"{COOKIE}=secret")
    exchange = ask(AccessProbe(site.copy())).exchange
    assert exchange is not None
    assert len(exchange.body) == BODY_KEPT
    assert "set-cookie" not in dict(exchange.headers)
    assert "secret" not in str(exchange)


def test_what_a_probe_holds_does_not_show_in_a_traceback(site: Site, kind: Kind) -> None:
    """Neither cookies nor tokens are in its representation."""
    assert "held" not in repr(kind(site.copy()))


def test_another_device_says_what_it_is(site: Site) -> None:
    """The same cookies, from another browser than the one that signed in."""
    assert told(ask(ElsewhereProbe(on_another_device(site.copy())))) == (State.ALIVE, "")
    assert {asked.headers["user-agent"] for asked in site.asked} == {ANOTHER_BROWSER}
    assert site.asked[0].headers["cookie"] == f"{COOKIE}=held"


@pytest.mark.parametrize(
    ("set_cookies", "sent"),
    [
        (("s.0=new",), "s.0=new; oai-did=device"),
        (("s.1=b", "s.0=a"), "s.0=a; s.1=b; oai-did=device"),
        (("s=whole",), "oai-did=device; s=whole"),
        (("s.1=; Max-Age=0",), "s.0=old; s.1=end; oai-did=device"),
        (("s.0=new", "s.1=; Max-Age=0"), "s.0=new; oai-did=device"),
        (("other=new",), "s.0=old; s.1=end; oai-did=device; other=new"),
    ],
)
def test_a_chunk_that_is_left_over_goes_with_the_others(
    site: Site, set_cookies: tuple[str, ...], sent: str
) -> None:
    """A cookie that now comes in fewer chunks would be read with an old end."""
    held = site.copy(**{"s.0": "old", "s.1": "end", "oai-did": "device"})
    assert sorted(cookies_after(site, SessionProbe(held), *set_cookies).split("; ")) == sorted(
        sent.split("; ")
    )


@pytest.mark.parametrize(
    ("set_cookie", "renewed"),
    [
        (f"{COOKIE}=new; Path=/", True),
        (f"{COOKIE}.0=new; Path=/", True),
        (f"{COOKIE}=; Path=/", False),
        (f"{COOKIE}=gone; Max-Age=0", False),
        ("oai-did=device", False),
    ],
)
def test_a_session_that_is_renewed_by_looking_is_told(site: Site, set_cookie: str, renewed: bool) -> None:
    """Whatever the answer, and whoever of the probes' requests it was."""
    site.pages[SESSION] = SIGNED_IN.with_header("Set-Cookie", set_cookie)
    assert ask(ReplayProbe(site.copy())).renewed is renewed
    site.pages[ME] = REVOKED_TOKEN.with_header("Set-Cookie", set_cookie)
    assert ask(AccessProbe(site.copy())).renewed is renewed
    site.pages[ME] = HANGS_UP
    assert ask(ReplayProbe(site.copy())).renewed is renewed


def test_a_budget_is_asked_before_every_request(site: Site) -> None:
    """The request that would exceed it is not made, also in the middle of a look."""
    budget = Budget(limit=3)
    assert told(ask(SessionProbe(site.copy()), budget)) == (State.ALIVE, "")
    with pytest.raises(BudgetSpent):
        ask(SessionProbe(site.copy()), budget)
    assert [asked.path for asked in site.asked] == [SESSION, ME, SESSION]


ME_BODY = b'{"id": "user-1"}'


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n" + ME_BODY,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na;x=1\r\n"
        + ME_BODY[:10]
        + b"\r\n6\r\n"
        + ME_BODY[10:]
        + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + ME_BODY,
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200\r\nX: y\r\n\r\n" + ME_BODY,
    ],
)
def test_an_answer_is_read_however_its_end_is_told(site: Site, raw: bytes) -> None:
    """By its length, in chunks, by the end of the connection, or after what was only announced."""
    site.raw = raw
    assert told(ask(AccessProbe(site.copy()))) == (State.ALIVE, "")


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + ME_BODY,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n" + ME_BODY,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nmany\r\n" + ME_BODY,
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000,
    ],
)
def test_an_answer_that_is_cut_or_none_at_all_is_unknown(site: Site, raw: bytes) -> None:
    """Half an answer may say anything."""
    site.raw = raw
    answer = ask(AccessProbe(site.copy()))
    assert answer.state is State.UNKNOWN
    assert answer.exchange is None


def test_a_proxy_is_for_the_way_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment names is used for a site elsewhere, unless it is excepted, and never here."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", site.base_url.removeprefix("http://"))
    elsewhere = Copy("http://site.example.test", "Afterglow test", {COOKIE: "held"}, "held-token")
    site.pages = {f"http://site.example.test{path}": page for path, page in site.pages.items()}
    assert told(ask(SessionProbe(elsewhere))) == (State.ALIVE, "")
    session, me = site.asked
    assert session.headers["cookie"] == f"{COOKIE}=held"
    assert me.headers["authorization"] == "Bearer fresh-token"
    assert session.client_port != me.client_port
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert told(ask(AccessProbe(elsewhere))) == (State.UNKNOWN, "ConnectError")
    site.pages = {ME: IS_ME}
    assert told(ask(AccessProbe(site.copy()))) == (State.ALIVE, "")
