"""The session cookie: does it still give an access token, and is that token served?

Two layers ask the same question. *session* goes on as the browser would, and takes over every cookie that
the site renews. *replay* is a thief's copy: the cookies of the moment before the log-out, never updated.
Neither lets the site take a cookie away: an edge that knows of the log-out may do so, and the layer would
then seem to have ended, although a fresh copy is still honoured elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import httpx

from afterglow.readings import Answer, State
from probes.asking import (
    Copy,
    body_of,
    cookie_header,
    exchange,
    failed,
    get,
    get_as_bearer,
    not_telling,
    of_me,
    refusal_code,
    unknown,
)

REFUSED_REFRESH = {"RefreshAccessTokenError", "refresh_token_invalidated", "app_session_terminated"}
"""The errors by which the session says that it is over (chatgpt-web.md: shipped bundle, refusals on refresh).
Any other error is the site's own trouble."""


OPINIONS = 6
"""So many edges may refuse a token that was just given. Where one of four still serves it, asking once finds
it in a quarter of the cases, asking six times in five of six."""


@dataclass(slots=True)
class ReplayProbe:
    """Asks `/api/auth/session` with the copied cookies, then `/backend-api/me` with the token it gives.

    The first call alone lies: it can answer with a token that is already refused (2 public projects).
    A session whose token nobody serves any more lets nobody in: it is revoked, whatever it says of the user.
    Signed out is told by the lack of `user` and `accessToken`, never by an empty body: a banner may be
    all that is left (1 project).
    """

    copy: Copy
    layer: ClassVar[str] = "replay"
    _cookies: dict[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Take the cookies as they were copied."""
        self._cookies = dict(self.copy.cookies)

    async def ask(self) -> Answer:
        """Ask once."""
        try:
            session = await get(self.copy, "/api/auth/session", {"Cookie": cookie_header(self._cookies)})
            self._taken_over(session)
            token = _token(session)
            if isinstance(token, Answer):
                return token
            return await self._served(token)
        except httpx.HTTPError as error:
            return failed(error)

    async def _served(self, token: str) -> Answer:
        """Whether anybody serves the token that the session has just given.

        Several edges may answer: the one that gave the token and the one that is shown it need not be the
        same, and without more opinions a session that one edge still honours would hardly ever read alive.
        """
        for _ in range(OPINIONS):
            answer = of_me(await get_as_bearer(self.copy, "/backend-api/me", token))
            if answer.state is not State.REVOKED:
                break
        return answer

    def _taken_over(self, response: httpx.Response) -> None:
        """A replayed copy is never written back to."""


class SessionProbe(ReplayProbe):
    """The same question, asked as the browser would go on asking it: renewed cookies are taken over."""

    layer: ClassVar[str] = "session"

    def _taken_over(self, response: httpx.Response) -> None:
        # the jar itself, because a name that was set for two paths makes httpx raise
        self._cookies.update({cookie.name: cookie.value for cookie in response.cookies.jar if cookie.value})


def _token(session: httpx.Response) -> str | Answer:
    """The access token that the session gave, or the answer if there is none."""
    if (nothing := not_telling(session)) is not None:
        return nothing
    body = body_of(session)
    code = refusal_code(body)
    if session.status_code == 401 or (body.get("error") and code in REFUSED_REFRESH):
        return Answer(State.REVOKED, code, exchange=exchange(session))
    if body.get("error"):
        return unknown(code, session)
    token = body.get("accessToken")
    if body.get("user") and isinstance(token, str):
        return token
    if body.get("user") or token:
        return unknown("unexpected_body", session)
    return Answer(State.REVOKED, "signed_out", exchange=exchange(session))
