"""What can be done to a run from outside: its site stops, its network is cut, its browser is killed."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.suite.conftest import ACCOUNT, CONTROL_TOKEN, ROOT, Site, accounts

PORTS = range(20_000, 32_000)
"""Below those that a system gives to connections by itself: nobody takes one while its server is stopped."""

CHUNK = 64 * 1024

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER for no time at all: the other side is told that the connection was reset."""


def free_port() -> int:
    """A port that nobody listens at, and that no connection is given by chance."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return port


@dataclass
class Server:
    """A replica that can be stopped and started again, at the same addresses and with the same sessions."""

    options: tuple[str, ...]
    state: Path
    ports: tuple[int, int, int] = field(default_factory=lambda: (free_port(), free_port(), free_port()))
    process: subprocess.Popen[str] | None = None

    def start(self) -> Site:
        """Start it, and wait until it answers."""
        names = ("--port", "--auth-port", "--control-port")
        ports = [part for name, port in zip(names, self.ports, strict=True) for part in (name, str(port))]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "replica", *self.options, *ports, "--state", str(self.state)],
            cwd=ROOT,
            env={**os.environ, "REPLICA_ACCOUNTS": accounts(), "REPLICA_CONTROL_TOKEN": CONTROL_TOKEN},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        ready = json.loads(self.process.stdout.readline())
        return Site(ready["base_url"], ready["control_url"], ACCOUNT)

    def stop(self) -> None:
        """Stop it in order; whoever asks then is refused the connection."""
        if self.process is not None:
            self.process.terminate()
            self.process.communicate(timeout=20)
            self.process = None

    def __enter__(self) -> Self:
        """Nothing runs yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it if it runs."""
        self.stop()


@dataclass
class Network:
    """The way to a site, which can be slow, and can be cut.

    Cut, it swallows all that is sent: connections stay open, new ones can be made, and nothing ever comes.
    When it is mended, the connections that were lost meanwhile are reset. It lives on a thread of its own.
    """

    to_port: int
    port: int = field(default_factory=free_port)
    delay_s: float = 0.0
    _whole: bool = True
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _lost: set[asyncio.StreamWriter] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where the site is reached through it."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Swallow everything from now on."""
        self._do(self._cut)

    def mend(self) -> None:
        """Carry again, but not what was lost."""
        self._do(self._mend)

    @contextmanager
    def up(self) -> Iterator[Self]:
        """Carry for as long as the block lasts."""
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        try:
            yield self
        finally:
            self._do(self._end)
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    # On the thread of the network

    def _do(self, what: Callable[[], Awaitable[None]]) -> None:
        async def done() -> None:
            await what()

        asyncio.run_coroutine_threadsafe(done(), self._loop).result()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    async def _cut(self) -> None:
        self._whole = False
        self._lost |= self._writers

    async def _mend(self) -> None:
        self._whole = True
        for writer in list(self._lost):
            reset(writer)
        self._lost.clear()

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        self._lost.clear()
        for writer in list(self._writers):
            writer.transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=5)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection and its counterpart at the site, until one of them ends."""
        with self._kept(writer):
            if not self._whole:
                await self._swallow(reader, writer)
                return
            with suppress(OSError):
                site = await asyncio.open_connection("127.0.0.1", self.to_port)
                with self._kept(site[1]):
                    ways = (self._one_way(reader, site[1]), self._one_way(site[0], writer))
                    await asyncio.gather(*ways)

    async def _one_way(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while (chunk := await reader.read(CHUNK)) and writer not in self._lost:
                await asyncio.sleep(self.delay_s)
                writer.write(chunk)
                await writer.drain()
        if writer in self._lost:
            await self._swallow(reader, writer)
        elif writer.can_write_eof():
            with suppress(OSError):
                writer.write_eof()

    async def _swallow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Nothing arrives, and nobody is told."""
        self._lost.add(writer)
        with suppress(OSError):
            while writer in self._lost:
                await reader.read(CHUNK)
                await asyncio.sleep(0.05)

    @contextmanager
    def _kept(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        self._writers.add(writer)
        try:
            yield
        finally:
            self._writers.discard(writer)
            self._lost.discard(writer)
            writer.transport.abort()


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection so that the other side hears of it."""
    with suppress(OSError):
        own = writer.get_extra_info("socket")
        own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()


# Processes


def descendants(pid: int) -> list[int]:
    """All processes that this one and its children have started and that still are. Linux only."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with suppress(OSError):
                # the name may hold anything, blanks and brackets too; the parent comes two fields behind it
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(folder.name))
    found = list(children.get(pid, []))
    for each in found:
        found += children.get(each, [])
    return found


def browsers_of(pid: int) -> list[int]:
    """The processes of the browsers that a run has started."""
    return [each for each in descendants(pid) if "chrom" in _program(each)]


def _program(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    except OSError:
        return ""
    return command.decode(errors="replace").lower()


def kill_browser(pid: int) -> int:
    """Kill every process of a run's browsers, as a machine short of memory does. Returns how many."""
    found = browsers_of(pid)
    for each in found:
        with suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    return len(found)
