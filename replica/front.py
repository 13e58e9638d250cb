"""What every request to the app passes first: an outage, then the choice of the edge that answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from replica.defects import Defect

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from replica.world import World


STATIC = "public, max-age=3600"
"""Scripts and styles do not change while a replica runs, and its port is a new one next time."""

NO_STORE = "no-store"
STORABLE = "private, no-cache"
"""May be kept, and is asked for anew each time, but by Back: that shows what was kept as it was."""


class NoStore:
    """Keeps every answer but the static files out of every cache (OWASP ASVS 5.0, 14.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        caching = STATIC if scope.get("path", "").startswith("/static/") else NO_STORE

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["cache-control"] = caching
            await send(message)

        await self._app(scope, receive, send_marked)


class Storable:
    """Lets a browser keep what is for who is signed in, where the site fails to forbid it."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        storable = self._is_storable(scope)

        async def send_marked(message: Message) -> None:
            if storable and message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("cache-control") == NO_STORE:
                    headers["cache-control"] = STORABLE
            await send(message)

        await self._app(scope, receive, send_marked)

    def _is_storable(self, scope: Scope) -> bool:
        behaviour = self._world.behaviour
        if behaviour.has(Defect.PROTECTED_CACHEABLE):
            return True
        return behaviour.has(Defect.BACK_SHOWS) and "text/html" in Headers(scope=scope).get("accept", "")


class FrontDoor:
    """Hands each request to one edge, or to none during an outage."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        outage = self._world.outage
        if outage.left_s > 0:
            waiting = {"retry-after": str(math.ceil(outage.left_s))}
            answer = PlainTextResponse("The service is unavailable.", outage.status, waiting)
            await answer(scope, receive, send)
            return
        # the behaviour is for the pages, which tell their scripts what to do
        scope.setdefault("state", {}).update(edge=self._world.edges.pick(), behaviour=self._world.behaviour)
        await self._app(scope, receive, send)
