"""The noise in front of the app: what it answers late, wrongly or not at all, drawn by chance.

Nothing of it is about anybody's session. Static files are spared, but for scripts that come late.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import struct
import time
from email.utils import formatdate
from random import Random
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, JSONResponse

from replica.challenge import challenge
from replica.noise import CLOCK_OFF_S, Noise
from replica.propagation import FROM_AFAR

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from replica.world import World

LATENCY_AT_MOST_S, SCRIPTS_AT_MOST_S = 2.0, 3.0
ERROR_SHARE, RESET_SHARE = 0.1, 0.05
BURST_S, BETWEEN_BURSTS_S = (1.0, 2.0), 6.0
"""How long everything is throttled, and the mean time in which nothing is."""
TROUBLE_AFTER_S = 1.0
"""So long after a log-out was acknowledged the site goes down, or asks for a person."""

ERRORS = {
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}

_SEND_NO_FAREWELL = struct.pack("ii", 1, 0)
"""For SO_LINGER: a socket that is closed with this sends a reset."""


class Weather:
    """Draws from `seed` what becomes of each request. Each noise has a generator of its own."""

    def __init__(self, seed: int) -> None:
        self._chances = {noise: Random(f"{seed}/{noise}") for noise in Noise}  # noqa: S311 - chance, no secret
        self._burst_s = (0.0, time.monotonic())

    def latency_s(self) -> float:
        """How much longer an answer takes: mostly little, at most two seconds."""
        return LATENCY_AT_MOST_S * self._chances[Noise.LATENCY].random() ** 3

    def script_s(self) -> float:
        """How late a script comes."""
        return self._chances[Noise.SLOW_SCRIPTS].uniform(0, SCRIPTS_AT_MOST_S)

    def error(self) -> Response | None:
        """What one request of ten is answered, as a page or as JSON."""
        chance = self._chances[Noise.ERRORS]
        if chance.random() >= ERROR_SHARE:
            return None
        status, reason = chance.choice(list(ERRORS.items()))
        if chance.random() < 0.5:
            return JSONResponse({"detail": reason}, status, _NOT_KEPT)
        return HTMLResponse(f"<title>{reason}</title><h1>{status} {reason}</h1>", status, _NOT_KEPT)

    def resets(self) -> bool:
        """Whether a connection is reset."""
        return self._chances[Noise.RESETS].random() < RESET_SHARE

    def is_late(self, noise: Noise) -> bool:
        """Whether trouble comes only once the app has done what it was asked for; half of it does."""
        return self._chances[noise].random() < 0.5

    def throttled_s(self) -> float:
        """For how much longer everything is throttled; zero or less if nothing is."""
        now, chance = time.monotonic(), self._chances[Noise.THROTTLING]
        while now >= self._burst_s[1]:
            from_s = self._burst_s[1] + chance.expovariate(1 / BETWEEN_BURSTS_S)
            self._burst_s = (from_s, from_s + chance.uniform(*BURST_S))
        return self._burst_s[1] - now if now >= self._burst_s[0] else 0.0


class Noisy:
    """Lets requests through to the app, or spoils them. Without noise it only lets them through."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world
        self._weather = Weather(world.edges.seed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        noise = self._world.behaviour.noise
        if not noise or scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if Noise.CLOCK_OFF in noise:
            _cycle(send).default_headers = [(b"date", _date())]
        path = scope["path"]
        if path.startswith("/static/"):
            if Noise.SLOW_SCRIPTS in noise and path.endswith(".js"):
                await asyncio.sleep(self._weather.script_s())
            await self._app(scope, receive, send)
            return
        await self._spoiled(noise, scope, receive, send)

    async def _spoiled(self, noise: frozenset[Noise], scope: Scope, receive: Receive, send: Send) -> None:
        """What is on decides in this order: nothing at all, another answer, the app's own, late."""
        if Noise.RESETS in noise and self._weather.resets():
            late = self._weather.is_late(Noise.RESETS)
            await self._instead(_reset, scope, receive, send, late=late)
        elif (whole := self._turned_away(noise)) is not None:
            await whole(scope, receive, send)
        elif Noise.ERRORS in noise and (error := self._weather.error()) is not None:
            late = self._weather.is_late(Noise.ERRORS)
            await self._instead(error, scope, receive, send, late=late)
        elif Noise.LATENCY in noise:
            await self._app(scope, receive, _held_back(send, self._weather.latency_s()))
        else:
            await self._app(scope, receive, send)

    def _turned_away(self, noise: frozenset[Noise]) -> Response | None:
        """The answer while everybody gets the same one."""
        behaviour, since_s = self._world.behaviour, self._since_log_out_s() - TROUBLE_AFTER_S
        if Noise.OUTAGE in noise and 0 <= since_s < behaviour.outage_s:
            waiting = {**_NOT_KEPT, "retry-after": str(math.ceil(behaviour.outage_s - since_s))}
            return HTMLResponse("<title>Down</title><h1>We will be back soon</h1>", 503, waiting)
        if Noise.CHALLENGE in noise and 0 <= since_s < behaviour.challenge_s:
            return challenge()
        if Noise.THROTTLING in noise and (left_s := self._weather.throttled_s()) > 0:
            waiting = {**_NOT_KEPT, "retry-after": str(math.ceil(left_s))}
            return JSONResponse({"detail": "Too many requests"}, 429, waiting)
        return None

    def _since_log_out_s(self) -> float:
        """How long ago the last log-out from afar was acknowledged."""
        moments = [
            end.acknowledged_monotonic_s
            for end in self._world.authority.revocations
            if end.action in FROM_AFAR and end.acknowledged_monotonic_s is not None
        ]
        return time.monotonic() - max(moments, default=-math.inf)

    async def _instead(
        self, spoiling: ASGIApp, scope: Scope, receive: Receive, send: Send, *, late: bool
    ) -> None:
        """Spoil a request before the app hears of it; or late, when the app is about to answer it."""
        if not late:
            await spoiling(scope, receive, send)
            return
        spoiled = False

        async def send_spoiled(_: Message) -> None:
            nonlocal spoiled
            if not spoiled:
                spoiled = True
                await spoiling(scope, receive, send)

        await self._app(scope, receive, send_spoiled)


_NOT_KEPT = {"cache-control": "no-store"}


def _held_back(send: Send, delay_s: float) -> Send:
    """Sends what the app answers, but so much later. What the app does, it has done at once."""

    async def send_late(message: Message) -> None:
        if message["type"] == "http.response.start":
            await asyncio.sleep(delay_s)
        await send(message)

    return send_late


async def _reset(_scope: Scope, receive: Receive, send: Send) -> None:
    """Break the connection without a word."""
    transport = _cycle(send).transport
    with contextlib.suppress(OSError):  # the client may have gone already
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _SEND_NO_FAREWELL)
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass  # an app that returns sooner would be answered for


def _cycle(send: Send) -> Any:
    """What uvicorn keeps of this request: ASGI has no word for a reset, nor for the Date that is added."""
    return send.__self__  # type: ignore[attr-defined]


def _date() -> bytes:
    return formatdate(time.time() + CLOCK_OFF_S, usegmt=True).encode()
