"""The JSON API of the app: the session, the account, its sessions, and the end of them."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from replica.propagation import Action
from replica.refusals import problem
from replica.site import COOKIE_LIFE_S

if TYPE_CHECKING:
    from starlette.requests import Request

    from replica.accounts import Account
    from replica.gate import Gate
    from replica.sessions import Session
    from replica.world import World

# The real site puts such a field before everything else, and sends it even when nobody is signed in.
_WARNING = {"WARNING_BANNER": "Whoever has this can use your account. Do not share it with anybody."}


class _Revoke(BaseModel):
    session_id: str


class _Untrust(BaseModel):
    device_id_hash: str


_Model = TypeVar("_Model", bound=BaseModel)


class Api:
    """Routes that the page's own scripts call; all but the first demand a bearer."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    @property
    def routes(self) -> list[Route]:
        """All of them."""
        sessions = "/backend-api/accounts/sessions"
        return [
            Route("/api/auth/session", self.session),
            Route("/backend-api/me", self.me),
            Route("/backend-api/wham/usage", self.usage),
            Route(sessions, self.list_sessions),
            Route(f"{sessions}/revoke", self.revoke, methods=["POST"]),
            Route("/backend-api/accounts/trusted_devices/revoke", self.untrust, methods=["POST"]),
            Route("/backend-api/accounts/logout_all", self.log_out_all, methods=["POST"]),
        ]

    async def session(self, request: Request) -> Response:
        """Who is signed in, by the cookie, with an access token. Always 200: signed out is a shape.

        A guest gets `{}`; a refused session gets the warning alone. The real site has shown both.
        `?refresh=true` mints a new access token each time; two public projects use it so.
        """
        visitor = self._gate.visitor(request)
        if visitor.session is None:
            response = JSONResponse(_WARNING if visitor.refused else {})
            self._gate.set_cookies(visitor, response)
            return response
        account = visitor.session.account
        mint = self._world.mint
        mint_token = mint.new_token if request.query_params.get("refresh") == "true" else mint.token_for
        token = mint_token(visitor.session, self._world.behaviour.token_life_s)
        expires = datetime.now(UTC) + timedelta(seconds=COOKIE_LIFE_S)
        response = JSONResponse(
            {
                **_WARNING,
                "user": {**_person(account), "image": None, "mfa": account.totp_secret is not None},
                "expires": expires.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "account": {"id": _digest("account", account.email), "planType": "free"},
                "accessToken": token.text,
                "authProvider": "openai",
            }
        )
        self._gate.set_cookies(visitor, response)
        return response

    async def me(self, request: Request) -> Response:
        """The user of the bearer."""
        account = self._gate.bearer(request).account
        return JSONResponse({"object": "user", **_person(account)})

    async def usage(self, request: Request) -> Response:
        """What is left of the Codex allowance; it tells whether Codex lets the bearer in."""
        self._gate.bearer(request)
        return JSONResponse({"plan_type": "free", "rate_limit": {"allowed": True, "limit_reached": False}})

    async def list_sessions(self, request: Request) -> Response:
        """The account's device sessions that have not been logged out, newest first."""
        viewer = self._gate.bearer(request)
        shown = self._world.behaviour.show_session_manager
        live = self._world.authority.live(viewer.account) if shown else []
        devices = [self._row(session, viewer) for session in live]
        return JSONResponse({"show_session_manager": shown, "devices": devices})

    async def revoke(self, request: Request) -> Response:
        """Log out one session of the account."""
        requested_s = time.monotonic()
        viewer = self._gate.bearer(request)
        if not self._world.behaviour.show_session_manager:
            return problem(403, "session_manager_unavailable")
        wanted = await _body(request, _Revoke)
        if wanted is None:
            return problem(422, "invalid_body")
        authority = self._world.authority
        session = next((s for s in authority.live(viewer.account) if s.id == wanted.session_id), None)
        if session is None:
            return problem(404, "session_not_found")
        end = authority.end(session, Action.ONE, requested_s, self._world.behaviour)
        end.acknowledge()
        return JSONResponse({"revoked_unified_sessions": 1, "revoked_app_sessions": len(session.apps)})

    async def untrust(self, request: Request) -> Response:
        """Trust a device of the account no longer; its sessions live on."""
        viewer = self._gate.bearer(request)
        wanted = await _body(request, _Untrust)
        if wanted is None:
            return problem(422, "invalid_body")
        if not self._world.authority.untrust(viewer.account, wanted.device_id_hash):
            return problem(404, "device_not_found")
        return JSONResponse({})

    async def log_out_all(self, request: Request) -> Response:
        """Log out every session of the account, the caller's own among them; later ones are spared."""
        requested_s = time.monotonic()
        viewer = self._gate.bearer(request)
        if not self._world.behaviour.show_session_manager:
            return problem(403, "session_manager_unavailable")
        authority = self._world.authority
        ends = [
            authority.end(session, Action.ALL, requested_s, self._world.behaviour)
            for session in authority.live(viewer.account)
        ]
        for end in ends:
            end.acknowledge()
        return JSONResponse({})

    def _row(self, session: Session, viewer: Session) -> dict[str, Any]:
        device, place = session.device, session.place
        trusted = self._world.authority.is_trusted(session)
        return {
            "render_id": _digest("render", session.id),
            "session_id": session.id,
            "hashed_device_id": session.device_hash,
            "display_name": device.display_name,
            "human_readable_description": device.description,
            "platform": device.platform,
            "os_version": device.os_version,
            "device_model": device.model,
            "app_sessions": [{"client_name": app} for app in session.apps],
            "last_signed_in_city": place.city,
            "last_signed_in_region_code": place.region_code,
            "last_signed_in_country": place.country,
            "last_signed_in_timestamp_second": int(session.created_wall.timestamp()),
            "is_trusted_device": trusted,
            "can_untrust": trusted,
            "is_current_device": session is viewer,
        }


def _person(account: Account) -> dict[str, str]:
    return {
        "id": f"user-{_digest('user', account.email)}",
        "name": account.name,
        "email": account.email,
    }


def _digest(kind: str, value: str) -> str:
    return hashlib.sha256(f"{kind}/{value}".encode()).hexdigest()[:24]


async def _body(request: Request, model: type[_Model]) -> _Model | None:
    try:
        return model.model_validate_json(await request.body())
    except ValidationError:
        return None
