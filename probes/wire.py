"""One request over a connection of its own, so that each may meet another edge.

A watch asks thousands of times, and the machine that asks also runs the browser and tells the time: a
request must cost little. Where no proxy is in the way it is written and read here, for a third of what a
client costs.
"""

from __future__ import annotations

import asyncio
import ssl
from email.message import Message
from functools import cache
from http.client import HTTPException, parse_headers
from io import BytesIO
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from probes.asking import Copy, Got, Wanted
from probes.cookies import cookie_header, renews_session

HEAD_AT_MOST = 256 * 1024
"""Bytes of status line and headers; content security policies alone have been seen to take 10 KiB."""

FAILURES = (httpx.HTTPError, OSError, EOFError, HTTPException, ValueError, asyncio.LimitOverrunError)
"""How a request can fail on its way. None of them says anything of the session."""


@cache
def trust() -> ssl.SSLContext:
    """One TLS context for all: making one costs more than the request that it is for."""
    return httpx.create_ssl_context()


def is_loopback(base_url: str) -> bool:
    """Whether the site is on this machine. A proxy is for the way out."""
    return urlsplit(base_url).hostname in {"127.0.0.1", "localhost", "::1"}


def proxy_of(base_url: str) -> str | None:
    """The proxy that the environment names for a site, if any."""
    site = urlsplit(base_url)
    if is_loopback(base_url) or proxy_bypass(site.hostname or ""):
        return None
    proxies = getproxies()
    proxy = proxies.get(site.scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


async def carried(wanted: Wanted, copy: Copy, proxy: str | None) -> Got:
    """Make one request and bring back the whole answer. Raises one of FAILURES."""
    url = f"{copy.base_url}{wanted.path}"
    headers = {"User-Agent": copy.user_agent, **wanted.headers}
    if wanted.cookies:
        headers["Cookie"] = cookie_header(wanted.cookies)
    return await (_direct(wanted, url, headers) if proxy is None else _by(proxy, wanted, url, headers))


async def _by(proxy: str, wanted: Wanted, url: str, headers: dict[str, str]) -> Got:
    """Through a proxy: a client of its own, because nothing else costs as little thought."""
    async with httpx.AsyncHTTPTransport(verify=trust(), proxy=httpx.Proxy(proxy)) as transport:
        request = httpx.Request(wanted.method, url, headers=headers, content=wanted.content)
        response = await transport.handle_async_request(request)
        await response.aread()
        return _got(wanted, url, response.status_code, response.headers.multi_items(), response.text)


async def _direct(wanted: Wanted, url: str, headers: dict[str, str]) -> Got:
    site = urlsplit(url)
    tls = trust() if site.scheme == "https" else None
    port = site.port or (443 if tls else 80)
    reader, writer = await asyncio.open_connection(site.hostname, port, ssl=tls, limit=HEAD_AT_MOST)
    try:
        writer.write(_written(wanted, site.netloc, headers))
        status, answered = await _head(reader)
        body = await _body(reader, status, answered)
    finally:
        writer.transport.abort()  # all that was asked for is here; nobody waits for a farewell
    return _got(wanted, url, status, answered.items(), body.decode(errors="replace"))


def _got(wanted: Wanted, url: str, status: int, headers: list[tuple[str, str]], text: str) -> Got:
    renewed = renews_session(value for name, value in headers if name.lower() == "set-cookie")
    return Got(status, tuple(headers), text, url, wanted.method, renewed)


def _written(wanted: Wanted, host: str, headers: dict[str, str]) -> bytes:
    """The request in HTTP/1.1 (RFC 9112)."""
    content = (wanted.content or "").encode()
    own = {"Host": host, "Accept-Encoding": "identity", "Connection": "close"}
    if content:
        own["Content-Length"] = str(len(content))
    lines = [f"{wanted.method} {wanted.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in {**own, **headers}.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


async def _head(reader: asyncio.StreamReader) -> tuple[int, Message]:
    """Status and headers of the answer; what is only announced (1xx) is passed over."""
    while True:
        head = BytesIO(await reader.readuntil(b"\r\n\r\n"))
        version, status, *_ = head.readline().decode("latin-1").split(maxsplit=2)
        if not version.startswith("HTTP/1."):
            raise HTTPException(version)
        if int(status) >= 200:
            return int(status), parse_headers(head)


async def _body(reader: asyncio.StreamReader, status: int, headers: Message) -> bytes:
    """The whole body, however its end is told."""
    if status in (204, 304):
        return b""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return await _chunks(reader)
    length = headers.get("content-length")
    return await reader.read() if length is None else await reader.readexactly(int(length))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    chunks = []
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        chunks.append(await reader.readexactly(size))
        await reader.readexactly(2)
    return b"".join(chunks)
