"""The control port: what really happened, and how to make the site behave otherwise.

It is for tests of the measuring, never for the measuring itself. Every call demands the control token.
"""

from __future__ import annotations

import hmac
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from replica.behaviour import explain
from replica.hurdles import what_is_missing
from replica.world import Outage

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from replica.propagation import Revocation
    from replica.sessions import Session
    from replica.world import World

_CHANGES = TypeAdapter(dict[str, Any])


class _OutageWanted(BaseModel):
    model_config = ConfigDict(extra="forbid")

    for_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    status: Annotated[int, Field(ge=400, le=599)] = 503


class TokenOnly:
    """Lets only the holder of the control token pass."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        given = dict(scope["headers"]).get(b"authorization", b"")
        if hmac.compare_digest(given, self._expected):
            await self._app(scope, receive, send)
        else:
            await JSONResponse({"detail": "Unauthorized"}, 401)(scope, receive, send)


class Control:
    """Routes of the control port."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/truth", self.truth),
            Route("/behaviour", self.behaviour),
            Route("/behaviour", self.change_behaviour, methods=["PATCH"]),
            Route("/outage", self.outage, methods=["POST"]),
        ]

    async def truth(self, request: Request) -> Response:
        """Every session and every revocation so far, and when each edge learned of it, layer by layer.

        `effects` say when an edge learned. From then on it refuses; but where a defect is on it may not, and
        then only `last_honoured_monotonic_s` tells: it always says what really was honoured, whoever asked.
        `access_tokens` are the newest few of the `tokens_minted`. `?session_id=`, once or more, tells of
        these sessions alone.

        `*_monotonic_s` are CLOCK_MONOTONIC seconds, which on Linux all processes of a machine share; `now`
        gives both clocks at once. `typed_elsewhere` counts what was typed on hosts that are not the site's:
        each change of a field, and each form sent to one. No cookie, token, password or whole e-mail address
        is told.
        """
        authority = self._world.authority
        wanted = set(request.query_params.getlist("session_id"))
        return JSONResponse(
            {
                "now": {"monotonic_s": time.monotonic(), "wall": _utc(datetime.now(UTC))},
                "typed_elsewhere": self._world.typed_elsewhere,
                "sessions": [
                    _told_session(session)
                    for session in authority.sessions
                    if not wanted or session.id in wanted
                ],
                "revocations": [
                    _told_revocation(end)
                    for end in authority.revocations
                    if not wanted or end.session_id in wanted
                ],
            }
        )

    async def behaviour(self, _: Request) -> Response:
        """The tunables as they are."""
        return JSONResponse(self._world.behaviour.model_dump(mode="json"))

    async def change_behaviour(self, request: Request) -> Response:
        """Change some tunables; what has been drawn already stays.

        422 if one is unknown or out of range, or needs what the replica was not started with.
        """
        world = self._world
        try:
            changed = world.behaviour.patched(_CHANGES.validate_json(await request.body()))
        except ValidationError as bad:
            return JSONResponse({"detail": explain(bad)}, 422)
        if missing := what_is_missing(changed.hurdles, world.accounts, world.post):
            return JSONResponse({"detail": f"hurdles: {missing}"}, 422)
        world.behaviour = changed
        return JSONResponse(changed.model_dump(mode="json"))

    async def outage(self, request: Request) -> Response:
        """From now on and for `for_s` seconds the app answers every request with `status`; 0 ends it."""
        try:
            wanted = _OutageWanted.model_validate_json(await request.body())
        except ValidationError as bad:
            return JSONResponse({"detail": explain(bad)}, 422)
        self._world.outage = Outage(wanted.status, time.monotonic() + wanted.for_s)
        return JSONResponse(wanted.model_dump())


def _told_session(session: Session) -> dict[str, Any]:
    return {
        "session_id": session.id,
        "account": session.account.masked_email,
        "device": session.device.display_name,
        "user_agent": session.user_agent,
        "apps": session.apps,
        "created_monotonic_s": session.created_monotonic_s,
        "created_wall": _utc(session.created_wall),
        "tokens_minted": session.tokens_minted,
        "access_tokens": [{"iat": token.issued_s, "exp": token.expires_s} for token in session.tokens],
        "last_honoured_monotonic_s": session.last_honoured_monotonic_s,
    }


def _told_revocation(end: Revocation) -> dict[str, Any]:
    # by hand: dataclasses.asdict copies in depth, which is most of what the truth of many sessions costs
    return {
        "session_id": end.session_id,
        "action": end.action,
        "requested_monotonic_s": end.requested_monotonic_s,
        "acknowledged_monotonic_s": end.acknowledged_monotonic_s,
        "effects": [
            {
                "edge": effect.edge,
                "layer": effect.layer,
                "at_monotonic_s": effect.at_monotonic_s,
                "delay_s": effect.delay_s,
                "drawn_delay_s": effect.drawn_delay_s,
            }
            for effect in end.effects
        ],
    }


def _utc(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
