"""What is beside the app: the API Platform with its keys, the API that they open, and the help page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from replica.defects import Defect
from replica.refusals import problem
from replica.world import TEMPLATES

if TYPE_CHECKING:
    from starlette.requests import Request

    from replica.accounts import Account
    from replica.gate import Gate
    from replica.world import World

_HELP = (
    "If somebody else has used your account, change your password, log out of all sessions, and revoke your "
    "API keys. Then contact support by the chat in the lower corner of the help center."
)


class Platform:
    """Routes that the platform page's script calls, by the session cookie; and those beside them."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    @property
    def routes(self) -> list[Route]:
        """All of them."""
        keys = "/platform/api/keys"
        return [
            Route(keys, self.list_keys),
            Route(keys, self.make_key, methods=["POST"]),
            Route(f"{keys}/{{key_id}}/revoke", self.revoke_key, methods=["POST"]),
            Route("/v1/models", self.models),
            Route("/help", self.help),
        ]

    async def list_keys(self, request: Request) -> Response:
        """The account's keys, masked."""
        account = self._account(request)
        if account is None:
            return _signed_out()
        return JSONResponse(
            {"keys": [{"id": key.id, "masked": key.masked} for key in self._world.keys.of(account)]}
        )

    async def make_key(self, request: Request) -> Response:
        """A new key, told this once."""
        account = self._account(request)
        if account is None:
            return _signed_out()
        key = self._world.keys.make(account)
        return JSONResponse({"id": key.id, "key": key.text, "masked": key.masked}, 201)

    async def revoke_key(self, request: Request) -> Response:
        """End a key at once."""
        account = self._account(request)
        if account is None:
            return _signed_out()
        if not self._world.keys.revoke(account, request.path_params["key_id"]):
            return problem(404, "key_not_found")
        return JSONResponse({})

    async def models(self, request: Request) -> Response:
        """What a program may ask for; it tells whether a key is good."""
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        key = self._world.keys.by_text(text) if scheme.lower() == "bearer" else None
        if key is None or (key.revoked and not self._world.behaviour.has(Defect.REVOKED_KEY_WORKS)):
            return problem(401, "invalid_api_key")
        return JSONResponse({"object": "list", "data": [{"id": "replica-1", "object": "model"}]})

    async def help(self, request: Request) -> Response:
        """How to contact support, for anybody. Nothing is sent."""
        return TEMPLATES.TemplateResponse(request, "message.html", {"title": "Help", "text": _HELP})

    def _account(self, request: Request) -> Account | None:
        session = self._gate.visitor(request).session
        return session.account if session else None


def _signed_out() -> Response:
    return problem(401, "signed_out")
