"""The page that asks for a person, and what puts it before the sign-in pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import HTMLResponse

from replica.hurdles import Hurdle

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from replica.world import World

_PAGE = """<!DOCTYPE html>
<html lang="en-US">
<head><meta charset="utf-8"><title>Just a moment...</title></head>
<body>
<h1>Just a moment...</h1>
<p>Verify you are human by completing the action below.</p>
<form><input type="hidden" name="cf-turnstile-response"></form>
</body>
</html>
"""
"""The marks of Cloudflare's page, without its frame: the replica loads nothing from anywhere else."""


def challenge() -> Response:
    """The challenge, which nobody here can pass."""
    return HTMLResponse(_PAGE, 403, {"cache-control": "no-store", "cf-mitigated": "challenge"})


class Challenged:
    """Lets requests through to the sign-in pages, or challenges them."""

    def __init__(self, app: ASGIApp, world: World) -> None:
        self._app = app
        self._world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_on = Hurdle.CHALLENGE in self._world.behaviour.hurdles
        spared = scope["type"] != "http" or scope["path"].startswith("/static/")
        answer = challenge() if is_on and not spared else self._app
        await answer(scope, receive, send)
