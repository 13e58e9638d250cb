"""A mail server of this machine's own, for tests: real IMAP on a Maildir, over TLS with its own certificate.

Knows nothing of pytest, so that the test of a whole sign-in can use it too.
"""

from __future__ import annotations

import asyncio
import ssl
import tempfile
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.maildir import Config, Login
from pymap.concurrent import Subsystem
from pymap.imap import IMAPServer
from pysasl.hashing import BuiltinHash

LOOPBACK = "127.0.0.1"

HASHES = BuiltinHash(rounds=1000)
"""Quick to make; nobody steals the passwords of tests."""

STARTS_WITHIN_S = 20.0
"""A busy machine needs a second; more means that it hangs."""


@dataclass(frozen=True, slots=True)
class Served:
    """Where the server is. Its certificate is for `host`, by the authority in `ca_file` (None: no TLS)."""

    host: str
    port: int
    ca_file: Path | None


@contextmanager
def imap_server(
    maildir: Path, user: str, password: str, *, tls: bool = True, name: str = "localhost"
) -> Iterator[Served]:
    """Serve a Maildir as the INBOX of one user for as long as the block lasts.

    name: whom the certificate is made out to; another one than localhost must be refused.
    """
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        (base / "pymap-etc-passwd").write_text(_line(user, "x", "", "", "", str(maildir), ""))
        (base / "pymap-etc-shadow").write_text(_line(user, HASHES.hash(password)))
        ca_file = base / "authority.pem"
        with _running(base, _certificate(name, ca_file) if tls else None) as port:
            yield Served("localhost" if tls else LOOPBACK, port, ca_file if tls else None)


def _line(*fields: str) -> str:
    return ":".join(field.replace(":", r"\:") for field in fields) + "\n"


def _certificate(name: str, ca_file: Path) -> ssl.SSLContext:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


@contextmanager
def _running(base: Path, context: ssl.SSLContext | None) -> Iterator[int]:
    """Run it in a thread with a loop of its own, beside that of a browser; its port."""
    ready = Future[tuple[int, Callable[[], object]]]()

    async def serve() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()
        async with await _listening(base, context) as server:
            port = server.sockets[0].getsockname()[1]
            ready.set_result((port, lambda: loop.call_soon_threadsafe(stop.set)))
            await stop.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        except Exception as error:  # noqa: BLE001 - told to whoever waits for it
            ready.set_exception(error)

    thread = threading.Thread(target=run, name="imap server", daemon=True)
    thread.start()
    port, stop = ready.result(timeout=STARTS_WITHIN_S)
    try:
        yield port
    finally:
        stop()
        thread.join()


async def _listening(base: Path, context: ssl.SSLContext | None) -> asyncio.Server:
    # pymap's own command knows TLS by STARTTLS only, so that its parts are put together here
    config = Config(
        Namespace(proxy_protocol=None),
        host=LOOPBACK,
        port=0,
        base_dir=str(base),
        layout="++",
        colon=None,
        tls_enabled=False,  # asyncio does it
        hash_context=HASHES,
        subsystem=Subsystem.for_asyncio(),
        cpu_subsystem=Subsystem.for_asyncio(),
    )
    config.apply_context()
    answer = ProxyProtocolReader(config.proxy_protocol).get_callback(IMAPServer(Login(config), config))
    return await asyncio.start_server(answer, LOOPBACK, 0, ssl=context)
