"""How an edge lies about the end of a session that it knows of: it honours it all the same.

The end itself, and when each edge learns of it, are as they are anywhere: the control port tells them, and
tells what was honoured afterwards. But for two, these defects concern log-outs from afar alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from replica.defects import Defect
from replica.propagation import FROM_AFAR, Action, Layer

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from replica.behaviour import Behaviour
    from replica.propagation import Revocation

    Rule = Callable[["Question", Revocation], bool]

_BACK_AFTER_S = 0.5
_CODEX = ("/codex", "/backend-api/wham/")
_CONVERSATION = "/backend-api/conversation"


@dataclass(frozen=True, slots=True)
class Question:
    """What an edge is asked about a session: by which request, of which layer, and when.

    `stream_began_s` is told where it is asked whether a stream goes on that this request began.
    """

    request: Request
    layer: Layer
    now: float
    behaviour: Behaviour
    stream_began_s: float | None = None

    @property
    def edge(self) -> int:
        """Who is asked."""
        edge: int = self.request.state.edge
        return edge

    @property
    def token_outlives(self) -> bool:
        """Whether the bearer, if there is one, says that its session's end does not concern it."""
        return getattr(self.request.state, "token_outlives", False)

    @property
    def began_s(self) -> float:
        """When the answer began that is to be given, or to go on."""
        return self.now if self.stream_began_s is None else self.stream_began_s

    @property
    def is_document(self) -> bool:
        """Whether a page is asked for, to be looked at. Not every client says where an answer will go."""
        headers = self.request.headers
        destination = headers.get("sec-fetch-dest")
        if destination is not None:
            return destination == "document"
        return "text/html" in headers.get("accept", "")

    @property
    def is_message(self) -> bool:
        """Whether a message is sent."""
        return self.request.url.path == _CONVERSATION

    @property
    def is_for_codex(self) -> bool:
        """Whether it is Codex that is asked for something."""
        return self.request.url.path.startswith(_CODEX)

    @property
    def is_from_own_script(self) -> bool:
        """Whether a page of the site asks by itself."""
        headers = self.request.headers
        return headers.get("sec-fetch-dest") == "empty" and headers.get("sec-fetch-site") == "same-origin"

    @property
    def is_refresh(self) -> bool:
        """Whether a new access token is asked for."""
        return self.request.url.path == "/api/auth/session" and is_refresh(self.request)


def _learned_s(asked: Question, end: Revocation) -> float:
    return end.learned_s(asked.edge, asked.layer)


_AFTER_ANY_END: dict[Defect, Rule] = {
    Defect.ONLY_FORGOTTEN: lambda _, end: end.action is Action.SELF,
    Defect.STREAM_SURVIVES: lambda asked, _: asked.stream_began_s is not None,
}

_AFTER_AN_END_FROM_AFAR: dict[Defect, Rule] = {
    Defect.ROW_GOES_SESSION_LIVES: lambda _, end: end.action is Action.ONE,
    Defect.SIGN_IN_REVIVES: lambda _, end: end.revived,
    Defect.ALL_SPARES_CODEX: lambda asked, end: end.action is Action.ALL and asked.is_for_codex,
    Defect.EDGE_NEVER_LEARNS: lambda asked, _: asked.edge == 0,
    Defect.COMES_BACK_SOON: lambda asked, end: asked.now >= _learned_s(asked, end) + _BACK_AFTER_S,
    Defect.COMES_BACK_LATE: lambda asked, end: (
        asked.now >= end.requested_monotonic_s + asked.behaviour.window_s
    ),
    Defect.HELD_TOKEN_LIVES: lambda asked, _: asked.layer is Layer.ACCESS,
    Defect.COOKIE_LIVES: lambda asked, _: asked.layer is Layer.SESSION,
    Defect.REFRESH_MINTS: lambda asked, _: asked.is_refresh or asked.token_outlives,
    Defect.TAB_SURVIVES: lambda asked, _: asked.is_from_own_script and not asked.is_message,
    # an answer that was under way when the edge learned is cut like any other
    Defect.MESSAGE_ACCEPTED: lambda asked, end: asked.is_message and asked.began_s >= _learned_s(asked, end),
    Defect.SCREEN_SAYS_OUT: lambda asked, _: not asked.is_document,
    Defect.SCREEN_SAYS_IN: lambda asked, _: asked.is_document,
}


def is_refused(asked: Question, end: Revocation) -> bool:
    """Whether a session that has ended is refused; without a defect, from when the edge has learned of it."""
    is_from_afar = end.action in FROM_AFAR
    is_ahead = is_from_afar and asked.is_document and asked.behaviour.has(Defect.SCREEN_SAYS_OUT)
    if asked.now < _learned_s(asked, end) and not is_ahead:
        return False
    rules = _AFTER_ANY_END | (_AFTER_AN_END_FROM_AFAR if is_from_afar else {})
    return not any(rule(asked, end) for defect, rule in rules.items() if asked.behaviour.has(defect))


def is_refresh(request: Request) -> bool:
    """Whether a request for the session asks for a new token, whatever is left of the old."""
    return request.query_params.get("refresh") == "true"
