"""A site that costs next to nothing, so that what is measured beside it is Afterglow's own cost.

    python -m benchmarks.stand_in

It has one edge, and a credential says itself until when it is honoured on the monotonic clock, as session
cookie or as bearer: `<until>:<any>`. `/api/auth/session`, `/backend-api/me` and `/backend-api/wham/usage` are
answered like the replica does. On a second port it accepts connections and never answers. Both ports are told
on stdout; it ends when its stdin does.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from probes.asking import Copy

COOKIE = "__Secure-next-auth.session-token"
CREDENTIAL = re.compile(rb"(?:Bearer |session-token=)([0-9.e+]+|inf):")

_numbers = itertools.count()


class Answering(asyncio.Protocol):
    """Answers one request on a connection and closes it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer; a request of a probe comes in one piece."""
        found = CREDENTIAL.search(data)
        until = found[1].decode() if found else "0"
        self._transport.write(_answer(data.split(b" ", 2)[1], until))
        self._transport.close()


class Silent(asyncio.Protocol):
    """Takes a connection and never says a word."""


def _answer(path: bytes, until: str) -> bytes:
    alive = time.monotonic() < float(until)
    if path.startswith(b"/api/auth/session"):
        token = {"user": {"id": "u"}, "accessToken": f"{until}:{next(_numbers)}"}
        return _http(200, token if alive else {})
    return _http(200, {"id": "u"}) if alive else _http(401, {"detail": {"code": "token_revoked"}})


def _http(status: int, body: object) -> bytes:
    content = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
    return head.encode() + content


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(kind, "127.0.0.1", 0) for kind in (Answering, Silent)]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


@dataclass(frozen=True, slots=True)
class StandIn:
    """Where it answers, and where it does not."""

    base_url: str
    silent_url: str

    def copy(self, until_s: float) -> Copy:
        """A session that is honoured until a moment of the monotonic clock."""
        return Copy(self.base_url, "bench", {COOKIE: f"{until_s}:cookie"}, f"{until_s}:held")

    @property
    def silence(self) -> Copy:
        """A session at a site that never answers."""
        return Copy(self.silent_url, "bench", {COOKIE: "inf:cookie"}, "inf:held")


@contextmanager
def running_stand_in() -> Iterator[StandIn]:
    """Run it in a process of its own for as long as the block lasts."""
    command = [sys.executable, "-m", "benchmarks.stand_in"]
    with subprocess.Popen(  # noqa: S603 - our own module, no shell
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        answering, silent = json.loads(process.stdout.readline())
        try:
            yield StandIn(f"http://127.0.0.1:{answering}", f"http://127.0.0.1:{silent}")
        finally:
            process.stdin.close()


if __name__ == "__main__":
    asyncio.run(_serve())
