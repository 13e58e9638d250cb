"""What an account signs in with, and what a change of it does to the sessions that are there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, Field, SecretStr
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from replica.bodies import read_body
from replica.defects import Defect
from replica.propagation import Action
from replica.refusals import problem

if TYPE_CHECKING:
    from starlette.requests import Request

    from replica.gate import Gate
    from replica.sessions import Session
    from replica.world import World


class _NewPassword(BaseModel):
    current_password: SecretStr
    new_password: Annotated[SecretStr, Field(min_length=1)]


class _Code(BaseModel):
    code: str


class Credentials:
    """Routes that change the password, and that turn on the second factor; all demand a bearer."""

    def __init__(self, world: World, gate: Gate) -> None:
        self._world = world
        self._gate = gate

    @property
    def routes(self) -> list[Route]:
        """All of them."""
        accounts = "/backend-api/accounts"
        return [
            Route(f"{accounts}/password", self.change_password, methods=["POST"]),
            Route(f"{accounts}/mfa/enroll", self.enrol, methods=["POST"]),
            Route(f"{accounts}/mfa/confirm", self.confirm, methods=["POST"]),
        ]

    async def change_password(self, request: Request) -> Response:
        """Take a new password from who knows the current one, and end the account's other sessions."""
        requested_s = time.monotonic()
        caller = self._gate.bearer(request)
        account = caller.account
        if account.sso:
            return problem(403, "password_unavailable")
        wanted = await read_body(request, _NewPassword)
        if wanted is None:
            return problem(422, "invalid_body")
        accounts = self._world.accounts
        if accounts.check_password(account.email, wanted.current_password.get_secret_value()) is None:
            return problem(403, "wrong_password")
        accounts.change_password(account, wanted.new_password)
        self._world.flows.forget(account)
        if not self._world.behaviour.has(Defect.PASSWORD_CHANGE_ENDS_NOTHING):
            self._end_others(caller, Action.PASSWORD, requested_s)
        return JSONResponse({})

    async def enrol(self, request: Request) -> Response:
        """Give a secret to set up an authenticator app with; it changes nothing yet."""
        account = self._gate.bearer(request).account
        if self._world.accounts.has_second_factor(account):
            return problem(409, "already_enrolled")
        secret = self._world.accounts.begin_second_factor(account)
        return JSONResponse({"secret": secret.get_secret_value()})

    async def confirm(self, request: Request) -> Response:
        """Turn the second factor on, by a code that shows it is set up. It ends no session."""
        requested_s = time.monotonic()
        caller = self._gate.bearer(request)
        shown = await read_body(request, _Code)
        if shown is None:
            return problem(422, "invalid_body")
        if not self._world.accounts.confirm_second_factor(caller.account, shown.code):
            return problem(403, "wrong_code")
        if self._world.behaviour.has(Defect.MFA_ENDS_SESSIONS):
            self._end_others(caller, Action.MFA, requested_s)
        return JSONResponse({})

    def _end_others(self, caller: Session, action: Action, requested_s: float) -> None:
        authority = self._world.authority
        others = [session for session in authority.live(caller.account) if session is not caller]
        ends = [authority.end(session, action, requested_s, self._world.behaviour) for session in others]
        for end in ends:
            end.acknowledge()
