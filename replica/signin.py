"""The sign-in pages, on a host of their own, so that their cookies are nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from replica.world import TEMPLATES

if TYPE_CHECKING:
    from starlette.requests import Request

    from replica.flows import Flow
    from replica.world import World

_ONE_TIME_CODE = "passwordless_login_send_otp"


class SignIn:
    """E-mail address, password and, where the account has a second factor, a code."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def routes(self) -> list[Route]:
        """One page each; every page takes its own form."""
        both = ["GET", "POST"]
        return [
            Route("/log-in-or-create-account", self.email, methods=both),
            Route("/log-in", self.email, methods=both),
            Route("/log-in/password", self.password, methods=both),
            Route("/mfa-challenge/{challenge_id}", self.code, methods=both),
        ]

    async def email(self, request: Request) -> Response:
        """Ask for the address. It is not told here whether there is such an account."""
        flow = self._flow(request)
        if flow is None:
            return _expired(request)
        if request.method == "GET":
            return _page(request, "email", flow)
        flow.email = (await _field(request, "email")).strip()
        if "@" not in flow.email:
            return _page(request, "email", flow, "Enter a valid email address")
        return _go_on(flow, "/log-in/password")

    async def password(self, request: Request) -> Response:
        """Ask for the password."""
        flow = self._flow(request)
        if flow is None or not flow.email:
            return _expired(request)
        if request.method == "GET":
            return _page(request, "password", flow)
        if await _field(request, "intent") == _ONE_TIME_CODE:
            return _page(request, "password", flow, "One-time codes are not available here")
        flow.identify(self._world.accounts.check_password(flow.email, await _field(request, "password")))
        if flow.account is None:
            return _page(request, "password", flow, "Incorrect email address or password")
        if self._world.accounts.has_second_factor(flow.account):
            return _go_on(flow, f"/mfa-challenge/{flow.challenge_id}")
        return self._back_to_app(flow)

    async def code(self, request: Request) -> Response:
        """Ask for a one-time code; each is taken once."""
        flow = self._flow(request)
        if flow is None or flow.account is None or request.path_params["challenge_id"] != flow.challenge_id:
            return _expired(request)
        if request.method == "GET":
            return _page(request, "code", flow)
        if not self._world.accounts.use_code(flow.account, await _field(request, "code")):
            return _page(request, "code", flow, "Incorrect code")
        return self._back_to_app(flow)

    def _flow(self, request: Request) -> Flow | None:
        return self._world.flows.find(request.query_params.get("state", ""))

    def _back_to_app(self, flow: Flow) -> Response:
        flow.passed = True
        query = urlencode({"code": flow.code, "state": flow.state})
        return RedirectResponse(f"{self._world.app_url}/api/auth/callback/openai?{query}", 303)


async def _field(request: Request, name: str) -> str:
    value = (await request.form()).get(name, "")
    return value if isinstance(value, str) else ""


def _go_on(flow: Flow, path: str) -> Response:
    return RedirectResponse(f"{path}?{urlencode({'state': flow.state})}", 303)


def _page(request: Request, name: str, flow: Flow, error: str = "") -> Response:
    context = {"flow": flow, "error": error, "one_time_code": _ONE_TIME_CODE}
    return TEMPLATES.TemplateResponse(request, f"auth/{name}.html", context)


def _expired(request: Request) -> Response:
    context = {"title": "Sign-in expired", "text": "Go back to ChatGPT and log in again."}
    return TEMPLATES.TemplateResponse(request, "message.html", context, 400)
