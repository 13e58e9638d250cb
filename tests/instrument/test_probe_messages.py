"""A message over HTTP, and the answer that is on its way when a log-out comes.

Against a real server on this machine: how a stream ends is a matter of the wire.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from afterglow.budget import Budget, BudgetSpent
from afterglow.readings import Answer, State
from probes.asking import Copy
from probes.message import MESSAGE, HeldTokenMessage
from probes.stream import StreamProbe

WORD = b'data: {"message": {}}\n\n'
DONE = b"data: [DONE]\n\n"


@dataclass
class Site:
    """A server that answers every message in the same way, piece by piece."""

    base_url: str = ""
    status: int = 200
    else_status: int = 401
    kind: str = "text/event-stream; charset=utf-8"
    pieces: list[bytes] = field(default_factory=list)
    breaks: bool = False
    pause_s: float = 0.0
    asked: list[tuple[dict[str, str], Any]] = field(default_factory=list)

    def copy(self) -> Copy:
        """What a profile that is signed in here would have."""
        return Copy(self.base_url, "Afterglow test", {"session-token": "held"}, "held-token")


def handler_of(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """What else can be asked: who the token is of."""
            body = b'{"detail": {"code": "token_revoked"}}'
            self.send_response(site.else_status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = json.loads(self.rfile.read(int(headers["content-length"])))
            site.asked.append((headers | {"path": self.path}, body))
            self.send_response(site.status)
            self.send_header("Content-Type", site.kind)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in site.pieces:
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                threading.Event().wait(site.pause_s)
            if site.breaks:
                self.close_connection = True
            else:
                self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    return Handler


@pytest.fixture
def site() -> Iterator[Site]:
    """A site that takes a message and streams its answer."""
    site = Site(pieces=[WORD, WORD, DONE])
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_of(site)) as server:
        site.base_url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield site
        server.shutdown()


def followed(site: Site, budget: Budget | None = None) -> list[Answer]:
    """All that a stream told."""

    async def follow() -> list[Answer]:
        return [answer async for answer in StreamProbe(site.copy(), budget or Budget()).follow()]

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, follow()).result(timeout=20)


def sent(site: Site, budget: Budget | None = None) -> Answer:
    """What became of one message."""
    probe = HeldTokenMessage(site.copy(), budget or Budget())
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, probe.ask()).result(timeout=20)


def told(answer: Answer) -> tuple[State, str]:
    return answer.state, answer.code


def test_a_message_is_sent_with_the_held_token_alone(site: Site) -> None:
    """And not with a cookie: else it would be the cookie that is measured."""
    assert told(sent(site)) == (State.ALIVE, "")
    [(headers, body)] = site.asked
    assert headers["path"] == "/backend-api/conversation"
    assert headers["authorization"] == "Bearer held-token"
    assert "cookie" not in headers
    assert body["messages"][0]["content"]["parts"] == [MESSAGE]


def test_an_answer_that_never_begins_is_unknown(site: Site) -> None:
    """The site took the message and said nothing."""
    site.pieces = [b": wait\n\n"]
    assert told(sent(site)) == (State.UNKNOWN, "empty_stream")


@pytest.mark.parametrize("breaks", [False, True])
def test_a_long_answer_is_asked_for_once_and_told_while_it_comes(site: Site, breaks: bool) -> None:
    """Every sign of life is one, but not every word; the end is told by itself."""
    site.pieces, site.pause_s, site.breaks = [WORD] * 4, 0.15, breaks
    *alive, end = followed(site)
    assert {told(answer) for answer in alive} == {(State.ALIVE, "")}
    assert len(alive) > 1
    assert end.state is (State.UNKNOWN if breaks else State.REVOKED)
    [(_, body)] = site.asked
    assert body["messages"][0]["content"]["parts"][0].startswith("Write a long")


def test_words_in_quick_succession_are_one_sign_of_life(site: Site) -> None:
    """Nobody needs to know each of them."""
    site.pieces = [WORD * 500]
    assert len(followed(site)) <= 3


@pytest.mark.parametrize(
    ("pieces", "end"),
    [
        ([WORD, WORD], (State.REVOKED, "cut")),
        ([WORD, DONE], (State.REVOKED, "ended_by_itself")),
        ([WORD + DONE[:8], DONE[8:]], (State.REVOKED, "ended_by_itself")),
        ([b'data: {"text": "[DONE]"}\n\n'], (State.REVOKED, "cut")),
        ([DONE], (State.REVOKED, "ended_by_itself")),
    ],
)
def test_a_stream_was_cut_unless_it_says_that_it_was_done(
    site: Site, pieces: list[bytes], end: tuple[State, str]
) -> None:
    """The word for it may come in two pieces, and may be spoken of in an answer."""
    site.pieces = pieces
    assert told(followed(site)[-1]) == end


def test_a_stream_that_ends_with_its_site_is_unknown(site: Site) -> None:
    """A site that is stopped in order ends its answers as cleanly as one that cuts them."""
    site.pieces, site.else_status = [WORD], 503
    assert told(followed(site)[-1]) == (State.UNKNOWN, "cut, then http_503")


def test_a_stream_whose_connection_breaks_is_unknown(site: Site) -> None:
    """It was not the site that ended it."""
    site.pieces, site.breaks = [WORD], True
    assert [told(answer) for answer in followed(site)] == [
        (State.ALIVE, ""),
        (State.UNKNOWN, "RemoteProtocolError"),
    ]


@pytest.mark.parametrize(
    ("status", "kind", "body", "expected"),
    [
        (401, "application/json", {"detail": {"code": "token_revoked"}}, (State.REVOKED, "token_revoked")),
        (401, "text/html", {}, (State.REVOKED, "no_code")),
        (401, "text/html", "no", (State.UNKNOWN, "http_401_html")),
        (403, "text/html", "Just a moment...", (State.UNKNOWN, "challenge")),
        (429, "application/json", {"detail": "slow down"}, (State.UNKNOWN, "http_429")),
        (503, "application/json", {}, (State.UNKNOWN, "http_503")),
        (200, "application/json", {}, (State.UNKNOWN, "http_200")),
        (500, "text/event-stream", {}, (State.UNKNOWN, "http_500")),
    ],
)
def test_a_message_that_is_not_taken_says_why(
    site: Site, status: int, kind: str, body: object, expected: tuple[State, str]
) -> None:
    """Refused is only a 401 that says so; the exchange is kept either way."""
    site.status, site.kind, site.pieces = status, kind, [json.dumps(body).encode()]
    [stream] = followed(site)
    message = sent(site)
    assert told(stream) == told(message) == expected
    for answer in (stream, message):
        assert answer.exchange is not None
        assert (answer.exchange.method, answer.exchange.status) == ("POST", status)


def test_nobody_there_is_unknown(site: Site) -> None:
    """The exception's name is all that can be said."""
    site.base_url = "http://127.0.0.1:1"
    assert [told(answer) for answer in followed(site)] == [(State.UNKNOWN, "ConnectError")]
    assert told(sent(site)) == (State.UNKNOWN, "ConnectError")


def test_no_message_is_sent_beyond_the_budget(site: Site) -> None:
    """Neither of them."""
    with pytest.raises(BudgetSpent):
        followed(site, Budget(limit=0))
    with pytest.raises(BudgetSpent):
        sent(site, Budget(limit=0))
    assert site.asked == []
