"""Who is asking? Each edge answers from what it has learned so far, for cookies and for bearers."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from replica.propagation import Action, Layer
from replica.refusals import Code, Refused

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from replica.propagation import Revocation
    from replica.sessions import Session
    from replica.world import World

SESSION_COOKIE = "__Secure-next-auth.session-token"
DEVICE_COOKIE = "oai-did"


class Visitor(NamedTuple):
    """Who asked for a page: somebody signed in, somebody whose session is refused, or a guest."""

    session: Session | None
    refused: bool


class Gate:
    """Lets through what the answering edge still honours, and notes that it did."""

    def __init__(self, world: World) -> None:
        self._world = world

    def visitor(self, request: Request) -> Visitor:
        """Who asks, by the session cookie."""
        cookie = request.cookies.get(SESSION_COOKIE)
        if not cookie:
            return Visitor(None, refused=False)
        session = self._world.authority.by_cookie(cookie)
        if session is None or self._refusal(session, edge_of(request), Layer.SESSION, Layer.SESSION):
            return Visitor(None, refused=True)
        return Visitor(session, refused=False)

    def bearer(self, request: Request) -> Session:
        """Who calls, by the access token. Raises Refused."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused(Code.UNAUTHORIZED)
        session = self._world.authority.by_id(self._world.mint.session_id_of(token))
        if session is None:
            raise Refused(Code.UNAUTHORIZED)
        self.admit(session, edge_of(request), Layer.ACCESS)
        return session

    def admit(self, session: Session, edge: int, use: str) -> None:
        """Let an edge honour a session's access token, for a call or for a stream. Raises Refused."""
        end = self._refusal(session, edge, Layer.ACCESS, use)
        if end:
            raise Refused(Code.REVOKED if end.action is Action.ONE else Code.INVALIDATED)

    def farewell(self, visitor: Visitor, response: Response) -> None:
        """Delete a refused cookie from the browser, where the site behaves like that."""
        if visitor.refused and self._world.behaviour.delete_cookie_on_refusal:
            delete_session_cookie(response)

    def _refusal(self, session: Session, edge: int, layer: Layer, use: str) -> Revocation | None:
        end = self._world.authority.revocation_of(session)
        # one reading of the clock for both: the last moment honoured never comes after the edge knew
        now = time.monotonic()
        if end and end.learned(edge, layer, now):
            return end
        session.last_honoured_monotonic_s[use] = now
        return None


def edge_of(request: Request) -> int:
    """The edge that answers this request."""
    edge: int = request.state.edge
    return edge


def delete_session_cookie(response: Response) -> None:
    """Tell the browser to forget its session; a `__Secure-` cookie can only be overwritten as secure."""
    response.delete_cookie(SESSION_COOKIE, secure=True, httponly=True, samesite="lax")
