"""How another app comes to use an account: somebody consents, hands over a code, and the app redeems it.

Shaped after OAuth 2.0, with a code to copy instead of a redirect: such apps have no page to come back to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from pydantic import BaseModel
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from replica.bodies import read_body
from replica.grants import CLIENTS
from replica.refusals import problem
from replica.world import TEMPLATES

if TYPE_CHECKING:
    from starlette.requests import Request

    from replica.gate import Gate
    from replica.world import World

_CONSENT = "oauth/consent.html"


class _Redemption(BaseModel):
    grant_type: Literal["authorization_code"]
    client_id: str
    code: str


class OAuth:
    """The consent page, and what the apps themselves ask."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    @property
    def routes(self) -> list[Route]:
        """All of them."""
        return [
            Route("/oauth/authorize", self.authorize, methods=["GET", "POST"]),
            Route("/oauth/token", self.token, methods=["POST"]),
            Route("/oauth/userinfo", self.userinfo),
        ]

    async def authorize(self, request: Request) -> Response:
        """Ask somebody who is signed in whether an app may use the account; show the code if it may."""
        client_id = request.query_params.get("client_id", "")
        if client_id not in CLIENTS:
            return _message(request, "Unknown app", "Start again from the app.", 400)
        visitor = self._gate.visitor(request)
        response: Response
        if visitor.session is None:
            come_back = quote(f"{request.url.path}?client_id={client_id}", safe="")
            response = RedirectResponse(f"/auth/login?next={come_back}", 303)
        elif request.method == "GET":
            response = _consent(request, client_id)
        elif (await request.form()).get("decision") == "allow":
            response = _consent(
                request, client_id, self._world.grants.promise(visitor.session.account, client_id)
            )
        else:
            response = _message(request, "Access denied", f"{CLIENTS[client_id]} cannot use your account.")
        self._gate.set_cookies(visitor, response)
        return response

    async def token(self, request: Request) -> Response:
        """Give an app its access token for a code, which works once."""
        asked = await read_body(request, _Redemption)
        if asked is None:
            return JSONResponse({"error": "invalid_request"}, 400)
        grant = self._world.grants.redeem(asked.client_id, asked.code)
        if grant is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse({"access_token": grant.access_token, "token_type": "Bearer"})

    async def userinfo(self, request: Request) -> Response:
        """Whose account an app may use. No edge and no log-out has a say in it."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        grant = self._world.grants.by_token(token) if scheme.lower() == "bearer" else None
        if grant is None:
            return problem(401, "invalid_token")
        return JSONResponse({"sub": grant.account.user_id, "app": grant.app})


def _consent(request: Request, client_id: str, code: str = "") -> Response:
    return TEMPLATES.TemplateResponse(request, _CONSENT, {"app": CLIENTS[client_id], "code": code})


def _message(request: Request, title: str, text: str, status: int = 200) -> Response:
    return TEMPLATES.TemplateResponse(request, "message.html", {"title": title, "text": text}, status)
