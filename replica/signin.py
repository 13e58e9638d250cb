"""The sign-in pages, on a host of their own, so that their cookies are nobody else's."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from replica.flows import ENTRY, PASSWORD, VERIFY
from replica.hurdles import Hurdle
from replica.world import TEMPLATES

if TYPE_CHECKING:
    from starlette.requests import Request

    from replica.accounts import Account
    from replica.flows import Flow
    from replica.mail import Post
    from replica.world import World

_ONE_TIME_CODE = "passwordless_login_send_otp"
_RESEND = "resend"
_MAILED_CODE, _BLOCKED = "/email-verification", "/error"

_DEACTIVATED = "You do not have an account because it has been deleted or deactivated"
_WRONG_PASSWORD, _WRONG_CODE = "Incorrect email address or password", "Incorrect code"


class SignIn:
    """E-mail address, password and codes: of a mail where the site wants one, of a second factor."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def routes(self) -> list[Route]:
        """One page each; every page takes its own form."""
        both = ["GET", "POST"]
        return [
            Route(ENTRY, self.email, methods=both),
            Route("/log-in", self.email, methods=both),
            Route(PASSWORD, self.password, methods=both),
            Route(_MAILED_CODE, self.mailed_code, methods=both),
            Route("/mfa-challenge/{challenge_id}", self.code, methods=both),
            Route(VERIFY, self.verify, methods=both),
            Route(_BLOCKED, self.blocked),
        ]

    async def email(self, request: Request) -> Response:
        """Ask for the address. It is not told here whether there is such an account."""
        flow = self._flow(request)
        if flow is None:
            return _expired(request)
        if request.method == "GET":
            return self._page(request, "email", flow)
        flow.email = (await _field(request, "email")).strip()
        if "@" not in flow.email:
            return self._page(request, "email", flow, "Enter a valid email address")
        return self._after_email(flow)

    def _after_email(self, flow: Flow) -> Response:
        hurdles = self._world.behaviour.hurdles
        if Hurdle.SSO in hurdles:
            return RedirectResponse(f"{self._world.provider_url}/saml/{secrets.token_urlsafe(12)}", 303)
        if Hurdle.SENT_ELSEWHERE_LATER in hurdles:
            return RedirectResponse(f"{self._world.look_alike_url}{PASSWORD}", 303)
        return _go_on(flow, PASSWORD)

    async def password(self, request: Request) -> Response:
        """Ask for the password."""
        flow = self._flow(request)
        if flow is None or not flow.email:
            return _expired(request)
        if request.method == "GET":
            return self._page(request, "password", flow)
        if await _field(request, "intent") == _ONE_TIME_CODE:
            return self._page(request, "password", flow, "One-time codes are not available here")
        account = self._world.accounts.check_password(flow.email, await _field(request, "password"))
        flow.identify(account)
        if account is None:
            return self._page(request, "password", flow, _WRONG_PASSWORD)
        return self._after_password(flow, account)

    def _after_password(self, flow: Flow, account: Account) -> Response:
        hurdles, post = self._world.behaviour.hurdles, self._world.post
        if Hurdle.BLOCKED_ACCOUNT in hurdles:
            flow.identify(None)
            return _go_on(flow, _BLOCKED)
        if Hurdle.EMAIL_CODE in hurdles and post:
            self._mail_code(flow, account, post)
            return _go_on(flow, _MAILED_CODE)
        return self._second_factor(flow, account)

    async def mailed_code(self, request: Request) -> Response:
        """Ask for the code that was mailed last. Looking at this page again mails no other one."""
        flow, post = self._flow(request), self._world.post
        if flow is None or flow.account is None or flow.mailed is None or post is None:
            return _expired(request)
        if request.method == "GET":
            return self._page(request, "mailed_code", flow)
        if await _field(request, "intent") == _RESEND:
            self._mail_code(flow, flow.account, post)
            return _go_on(flow, _MAILED_CODE)
        if not flow.mailed.take(await _field(request, "code")):
            return self._page(request, "mailed_code", flow, _WRONG_CODE)
        return self._second_factor(flow, flow.account)

    def _mail_code(self, flow: Flow, account: Account, post: Post) -> None:
        flow.mailed = post.send_code(account.email, self._world.behaviour.mailed_code_life_s)

    def _second_factor(self, flow: Flow, account: Account) -> Response:
        if self._world.accounts.has_second_factor(account):
            return _go_on(flow, f"/mfa-challenge/{flow.challenge_id}")
        return self._back_to_app(flow)

    async def code(self, request: Request) -> Response:
        """Ask for a one-time code; each is taken once."""
        flow = self._flow(request)
        if flow is None or flow.account is None or request.path_params["challenge_id"] != flow.challenge_id:
            return _expired(request)
        if request.method == "GET":
            return self._page(request, "code", flow)
        if not self._world.accounts.use_code(flow.account, await _field(request, "code")):
            return self._page(request, "code", flow, _WRONG_CODE)
        return self._back_to_app(flow)

    async def verify(self, request: Request) -> Response:
        """Ask somebody who is signed in for the password again."""
        flow = self._flow(request)
        if flow is None or not flow.session_id:
            return _expired(request)
        if request.method == "GET":
            return self._page(request, "verify", flow)
        flow.identify(self._world.accounts.check_password(flow.email, await _field(request, "password")))
        if flow.account is None:
            return self._page(request, "verify", flow, _WRONG_PASSWORD)
        return self._back_to_app(flow)

    async def blocked(self, request: Request) -> Response:
        """Say that the account is none any more, and offer no way on."""
        return TEMPLATES.TemplateResponse(request, "auth/blocked.html", {"error": _DEACTIVATED})

    def _flow(self, request: Request) -> Flow | None:
        return self._world.flows.find(request.query_params.get("state", ""))

    def _back_to_app(self, flow: Flow) -> Response:
        flow.passed = True
        query = urlencode({"code": flow.code, "state": flow.state})
        return RedirectResponse(f"{self._world.app_url}/api/auth/callback/openai?{query}", 303)

    def _page(self, request: Request, name: str, flow: Flow, error: str = "") -> Response:
        leads_away = Hurdle.FORM_ELSEWHERE in self._world.behaviour.hurdles
        context = {
            "flow": flow,
            "error": error,
            "action": f"{self._world.look_alike_url}{ENTRY}" if leads_away else "",
            "one_time_code": _ONE_TIME_CODE,
            "resend": _RESEND,
        }
        return TEMPLATES.TemplateResponse(request, f"auth/{name}.html", context)


async def _field(request: Request, name: str) -> str:
    value = (await request.form()).get(name, "")
    return value if isinstance(value, str) else ""


def _go_on(flow: Flow, path: str) -> Response:
    return RedirectResponse(f"{path}?{urlencode({'state': flow.state})}", 303)


def _expired(request: Request) -> Response:
    context = {"title": "Sign-in expired", "text": "Go back to ChatGPT and log in again."}
    return TEMPLATES.TemplateResponse(request, "message.html", context, 400)
