"""The JSON API of the app: the session, the account, its sessions, and the end of them."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import BaseModel
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from replica.bodies import read_body
from replica.defects import Defect
from replica.endings import is_refresh
from replica.listing import Listing, digest, has_view
from replica.log_outs import LogOuts
from replica.propagation import FROM_AFAR
from replica.refusals import problem
from replica.site import COOKIE_LIFE_S
from replica.tokens import fast_s

if TYPE_CHECKING:
    from starlette.requests import Request

    from replica.accounts import Account
    from replica.gate import Gate
    from replica.sessions import Session
    from replica.tokens import AccessToken
    from replica.world import World

# The real site puts such a field before everything else, and sends it even when nobody is signed in.
_WARNING = {"WARNING_BANNER": "Whoever has this can use your account. Do not share it with anybody."}


class _Revoke(BaseModel):
    session_id: str


class _Untrust(BaseModel):
    device_id_hash: str


_SAYS_IT_FAILED = (Defect.ERROR_TOLD_BUT_DONE, Defect.DONE_TOLD_BUT_FAILED)


class Api:
    """Routes that the page's own scripts call; all but the first demand a bearer."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate
        self._listing = Listing(world)
        self._log_outs = LogOuts(world)

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
        token = self._token(visitor.session, is_new=is_refresh(request))
        expires = datetime.now(UTC) + timedelta(seconds=COOKIE_LIFE_S + fast_s(self._world.behaviour))
        response = JSONResponse(
            {
                **_WARNING,
                "user": {
                    **_person(account),
                    "image": None,
                    "mfa": self._world.accounts.has_second_factor(account),
                },
                "expires": expires.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "account": {"id": digest("account", account.email), "planType": "free"},
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
        return JSONResponse(self._listing.told_to(self._gate.bearer(request)))

    async def revoke(self, request: Request) -> Response:
        """Log out one session of the account."""
        requested_s = time.monotonic()
        viewer = self._gate.bearer(request)
        if not has_view(viewer.account, self._world.behaviour):
            return problem(403, "session_manager_unavailable")
        wanted = await read_body(request, _Revoke)
        if wanted is None:
            return problem(422, "invalid_body")
        session = self._log_outs.one(viewer, wanted.session_id, requested_s)
        if session is None:
            return problem(404, "session_not_found")
        if any(map(self._world.behaviour.has, _SAYS_IT_FAILED)):
            return problem(500, "internal_error")
        return JSONResponse({"revoked_unified_sessions": 1, "revoked_app_sessions": len(session.apps)})

    async def untrust(self, request: Request) -> Response:
        """Trust a device of the account no longer; its sessions live on."""
        viewer = self._gate.bearer(request)
        wanted = await read_body(request, _Untrust)
        if wanted is None:
            return problem(422, "invalid_body")
        authority = self._world.authority
        device = viewer.account.email, wanted.device_id_hash
        if device not in authority.trusted:
            return problem(404, "device_not_found")
        if not self._world.behaviour.has(Defect.UNTRUST_IGNORED):
            authority.trusted.remove(device)
        return JSONResponse({})

    async def log_out_all(self, request: Request) -> Response:
        """Log out every session of the account, the caller's own among them; later ones are spared."""
        requested_s = time.monotonic()
        viewer = self._gate.bearer(request)
        if not has_view(viewer.account, self._world.behaviour):
            return problem(403, "session_manager_unavailable")
        self._log_outs.all(viewer, requested_s)
        return JSONResponse({})

    def _token(self, session: Session, *, is_new: bool) -> AccessToken:
        behaviour = self._world.behaviour
        if not is_new:
            return self._world.mint.token_for(session, behaviour)
        end = self._world.authority.revocation_of(session)
        outlives = behaviour.has(Defect.REFRESH_MINTS) and end is not None and end.action in FROM_AFAR
        return self._world.mint.new_token(session, behaviour, outlives=outlives)


def _person(account: Account) -> dict[str, str]:
    return {
        "id": account.user_id,
        "name": account.name,
        "email": account.email,
    }
