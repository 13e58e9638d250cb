"""Who is asking? Each edge answers from what it has learned so far, for cookies and for bearers."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, NamedTuple

from replica.endings import Question, is_refused
from replica.memory import EdgeMemory
from replica.propagation import Action, Layer
from replica.refusals import Code, Refused

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from replica.propagation import Revocation
    from replica.sessions import Session
    from replica.world import World

SESSION_COOKIE = "__Secure-next-auth.session-token"
CACHE_COOKIE = "__Secure-session-cache"
DEVICE_COOKIE = "oai-did"

STREAM = "stream"
"""How the truth calls words that were streamed to a session."""


class Visitor(NamedTuple):
    """Who asked for a page: somebody signed in, somebody whose session is refused, or a guest."""

    session: Session | None
    refused: bool


class Gate:
    """Lets through what the answering edge still honours, and notes that it did."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._memory = EdgeMemory()

    def visitor(self, request: Request) -> Visitor:
        """Who asks, by the session cookie."""
        cookie = request.cookies.get(SESSION_COOKIE)
        if not cookie:
            return Visitor(None, refused=False)
        session = self._world.authority.by_cookie(cookie)
        if session is None:
            return Visitor(None, refused=True)
        asked = Question(request, Layer.SESSION, time.monotonic(), self._world.behaviour)
        if not self._is_cached(session, asked) and self._refusal(session, asked):
            return Visitor(None, refused=True)
        self._note(session, asked)
        return Visitor(session, refused=False)

    def bearer(self, request: Request) -> Session:
        """Who calls, by the access token. Raises Refused."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Refused(Code.UNAUTHORIZED)
        claims = self._world.mint.read(token, self._world.behaviour)
        session = self._world.authority.by_id(claims.session_id)
        if session is None:
            raise Refused(Code.UNAUTHORIZED)
        # kept with the request: a stream that it begins is asked about later
        request.state.token_outlives = claims.outlives
        asked = Question(request, Layer.ACCESS, time.monotonic(), self._world.behaviour)
        end = self._refusal(session, asked)
        if end:
            raise Refused(Code.REVOKED if end.action is Action.ONE else Code.INVALIDATED)
        self._note(session, asked)
        return session

    def may_stream(self, request: Request, session: Session, began_s: float) -> bool:
        """Whether an edge goes on with a stream that it began for this request.

        Looking at that for each word is no use of the session: otherwise, where use keeps a session alive, a
        stream would keep itself alive.
        """
        asked = Question(
            request, Layer.ACCESS, time.monotonic(), self._world.behaviour, stream_began_s=began_s
        )
        if self._known_end(session, asked):
            return False
        session.last_honoured_monotonic_s[STREAM] = asked.now
        return True

    def set_cookies(self, visitor: Visitor, response: Response) -> None:
        """Delete a refused cookie from the browser, or renew the cache cookie, where the site does that."""
        behaviour = self._world.behaviour
        if visitor.refused and behaviour.delete_cookie_on_refusal:
            delete_session_cookies(response)
        if visitor.session and behaviour.cache_cookie_s:
            until_s = time.monotonic() + behaviour.cache_cookie_s
            response.set_cookie(
                CACHE_COOKIE,
                self._world.mint.cache_cookie(visitor.session.id, until_s),
                max_age=math.ceil(behaviour.cache_cookie_s),
                secure=True,
                httponly=True,
                samesite="lax",
            )

    # Each answer reads the clock once: so the last moment honoured never comes after the edge knew.

    def _refusal(self, session: Session, asked: Question) -> Revocation | None:
        end = self._world.authority.revocation_of(session)
        if end and asked.behaviour.learns_when_asked_s:
            end.hasten(asked.edge, asked.layer, asked.now + asked.behaviour.learns_when_asked_s)
        return self._known_end(session, asked)

    def _known_end(self, session: Session, asked: Question) -> Revocation | None:
        end = self._world.authority.revocation_of(session)
        if end is None or not is_refused(asked, end):
            return None
        clings = self._memory.clings(session.id, asked.edge, asked.layer, asked.now, asked.behaviour)
        return None if clings else end

    def _is_cached(self, session: Session, asked: Question) -> bool:
        if not asked.behaviour.cache_cookie_s:
            return False
        return self._world.mint.is_cached(asked.request.cookies.get(CACHE_COOKIE, ""), session.id, asked.now)

    def _note(self, session: Session, asked: Question) -> None:
        session.last_honoured_monotonic_s[asked.layer] = asked.now
        self._memory.note(session.id, asked.edge, asked.layer, asked.now)


def delete_session_cookies(response: Response) -> None:
    """Tell the browser to forget its session; a `__Secure-` cookie can only be overwritten as secure."""
    for name in (SESSION_COOKIE, CACHE_COOKIE):
        response.delete_cookie(name, secure=True, httponly=True, samesite="lax")
