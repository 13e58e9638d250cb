"""The pages of the app, as documents: rendered by the edge that answers, from the cookie alone."""

from __future__ import annotations

import secrets
import time
import uuid
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from replica.arrivals import arrive
from replica.flows import ENTRY, VERIFY
from replica.gate import DEVICE_COOKIE, SESSION_COOKIE, Gate, delete_session_cookies
from replica.hurdles import Hurdle
from replica.listing import has_view
from replica.propagation import Action
from replica.sessions import CODEX, PLATFORM
from replica.world import TEMPLATES

if TYPE_CHECKING:
    from starlette.requests import Request

    from replica.accounts import Account
    from replica.flows import Flow
    from replica.gate import Visitor
    from replica.sessions import Session
    from replica.world import World

STATE_COOKIE = "__Secure-next-auth.state"
_SECURITY = "/#settings/Security"

_DAY_S = 86_400
COOKIE_LIFE_S = 90 * _DAY_S
"""Lifetime of the session cookie: about 90 days on the real site."""
_DEVICE_LIFE_S = 365 * _DAY_S
_STATE_LIFE_S = 900


class Site:
    """Routes of the app that a person's browser visits."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    @property
    def routes(self) -> list[Route]:
        """All of them, none with a form of its own."""
        return [
            Route("/", self.home),
            Route("/library", self.home),
            Route("/scheduled", self.home),
            Route("/codex", self.codex),
            Route("/platform", self.platform),
            Route("/loggedout", self.logged_out),
            Route("/auth/login", self.login),
            Route("/auth/verify", self.verify),
            Route("/auth/logout", self.logout),
            Route("/api/auth/callback/openai", self.callback),
        ]

    async def home(self, request: Request) -> Response:
        """The signed-in shell; the guest home; or the guest home behind the expired-session dialog."""
        visitor = self._gate.visitor(request)
        if visitor.session is None:
            page = TEMPLATES.TemplateResponse(request, "guest.html", {"expired": visitor.refused})
        else:
            account = visitor.session.account
            context = {
                "account": account,
                "session_manager": has_view(account, self._world.behaviour),
                "window": in_words(self._world.behaviour.window_s),
                "behaviour": self._world.behaviour,
                "is_to_verify": self._is_to_verify(visitor.session),
            }
            page = TEMPLATES.TemplateResponse(request, "app.html", context)
        if DEVICE_COOKIE not in request.cookies:
            # set with the first page, so that the sign-in that may follow belongs to this browser
            page.set_cookie(
                DEVICE_COOKIE, str(uuid.uuid4()), max_age=_DEVICE_LIFE_S, secure=True, samesite="lax"
            )
        self._gate.set_cookies(visitor, page)
        return page

    async def codex(self, request: Request) -> Response:
        """Codex web, for the same session."""
        visitor = self._gate.visitor(request)
        return self._surface(request, visitor, CODEX, otherwise="/auth/login?next=/codex")

    async def platform(self, request: Request) -> Response:
        """Stands in for the API Platform, which has a host of its own on the real site."""
        visitor = self._gate.visitor(request)
        return self._surface(request, visitor, PLATFORM, otherwise="/loggedout")

    async def logged_out(self, request: Request) -> Response:
        """Where the API Platform sends who is signed out."""
        context = {"title": "You are logged out", "text": "Log in to use the API Platform."}
        return TEMPLATES.TemplateResponse(request, "message.html", context)

    async def login(self, request: Request) -> Response:
        """Begin a sign-in and go to the sign-in pages."""
        if request.url.netloc not in self._world.app_names:
            # under another name the cookie of this sign-in would not be there when it comes back
            return RedirectResponse(f"{self._world.app_url}/auth/login?{request.url.query}", 302)
        flow = self._world.flows.start(request.query_params.get("next", "/"))
        if Hurdle.SENT_ELSEWHERE in self._world.behaviour.hurdles:
            return self._leave_for(flow, f"{self._world.look_alike_url}{ENTRY}")
        return self._leave_for(flow, f"{self._world.auth_url}{ENTRY}")

    async def verify(self, request: Request) -> Response:
        """Let somebody who is signed in show again who that is, before the Security tab of the settings."""
        session = self._gate.visitor(request).session
        if session is None:
            return RedirectResponse("/auth/login", 302)
        flow = self._world.flows.start(_SECURITY, session_id=session.id)
        flow.email = session.account.email
        return self._leave_for(flow, f"{self._world.auth_url}{VERIFY}")

    def _leave_for(self, flow: Flow, url: str) -> Response:
        response = RedirectResponse(f"{url}?{urlencode({'state': flow.state})}", 302)
        # ties the callback to the browser that began: nobody can be signed in to somebody else's account
        response.set_cookie(
            STATE_COOKIE, flow.state, max_age=_STATE_LIFE_S, secure=True, httponly=True, samesite="lax"
        )
        return response

    async def callback(self, request: Request) -> Response:
        """End a sign-in: the session is made here, and nowhere else.

        A browser that signs in again gets a second session; the first lives on without its cookie.
        """
        state = request.query_params.get("state", "")
        own = secrets.compare_digest(request.cookies.get(STATE_COOKIE, "").encode(), state.encode())
        flow = self._world.flows.finish(state, request.query_params.get("code", "")) if own else None
        if flow is None or flow.account is None:
            return _failed(request)
        response: Response = RedirectResponse(flow.next_path, 302)
        if flow.session_id:
            session = self._gate.visitor(request).session
            if session is None or session.id != flow.session_id or session.account is not flow.account:
                return _failed(request)
            self._world.verified.add(session.id)
        else:
            self._let_in(request, flow.account, response)
        response.delete_cookie(STATE_COOKIE, secure=True, httponly=True, samesite="lax")
        return response

    def _let_in(self, request: Request, account: Account, response: Response) -> None:
        if Hurdle.ANOTHER_ACCOUNT in self._world.behaviour.hurdles:
            account = self._world.accounts.after(account)
        device_id = request.cookies.get(DEVICE_COOKIE) or str(uuid.uuid4())
        session = arrive(self._world, account, device_id, request.headers.get("user-agent", ""))
        response.set_cookie(
            SESSION_COOKIE, session.cookie, max_age=COOKIE_LIFE_S, secure=True, httponly=True, samesite="lax"
        )
        response.set_cookie(DEVICE_COOKIE, device_id, max_age=_DEVICE_LIFE_S, secure=True, samesite="lax")

    def _is_to_verify(self, session: Session) -> bool:
        asks = Hurdle.VERIFY_IDENTITY in self._world.behaviour.hurdles
        return asks and session.id not in self._world.verified

    async def logout(self, request: Request) -> Response:
        """End the visitor's own session, which spreads to the edges like any other log-out."""
        requested_s = time.monotonic()
        visitor = self._gate.visitor(request)
        response = RedirectResponse("/", 302)
        delete_session_cookies(response)
        if visitor.session:
            end = self._world.authority.end(visitor.session, Action.SELF, requested_s, self._world.behaviour)
            end.acknowledge()
        return response

    def _surface(self, request: Request, visitor: Visitor, app: str, otherwise: str) -> Response:
        response: Response
        if visitor.session is None:
            response = RedirectResponse(otherwise, 302)
        else:
            visitor.session.used_with(app)
            context = {"app": app, "account": visitor.session.account}
            response = TEMPLATES.TemplateResponse(request, "surface.html", context)
        self._gate.set_cookies(visitor, response)
        return response


def _failed(request: Request) -> Response:
    context = {"title": "Sign-in failed", "text": "This sign-in has expired. Please log in again."}
    return TEMPLATES.TemplateResponse(request, "message.html", context, 400)


def in_words(duration_s: float) -> str:
    """A duration as a hint says it: "30 minutes", "30 seconds"."""
    minutes, rest_s = divmod(duration_s, 60)
    number, unit = (minutes, "minute") if minutes and not rest_s else (duration_s, "second")
    return f"{number:g} {unit}{'' if number == 1 else 's'}"
