"""The session cookie: does it still give an access token, and is that token served?

Several layers ask the same question. *session* goes on as the browser would, and takes over every cookie
that the site renews. *replay* is a thief's copy: the cookies of the moment before the log-out, never updated;
*elsewhere* is the same copy on another device. None of them lets the site take a cookie away: an edge that
knows of the log-out may do so, and the layer would then seem to have ended, although a fresh copy is still
honoured elsewhere. *tab* is a second tab of the same profile, never reloaded: its browser keeps the cookies,
and lets them be taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from afterglow.readings import Answer, State
from probes.asking import ME, Copy, Got, Look, Wanted, not_telling, of_me, refusal_code, refused, unknown
from probes.cookies import taken_over

SESSION = "/api/auth/session"

REFUSED_REFRESH = {"RefreshAccessTokenError", "refresh_token_invalidated", "app_session_terminated"}
"""The errors by which the session says that it is over (chatgpt-web.md: shipped bundle, refusals on refresh).
Any other error is the site's own trouble."""

OPINIONS = 6
"""So many edges may refuse a token that was just given. Where one of four still serves it, asking once finds
it in a quarter of the cases, asking six times in five of six."""

ANOTHER_BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"
"""What *elsewhere* says it is: another browser on another system than the profiles'."""


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
    _cookies: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Take the cookies as they were copied."""
        self._cookies = dict(self.copy.cookies)

    def look(self) -> Look:
        """Ask once."""
        session = yield Wanted(SESSION, cookies=self._cookies)
        self._take_over(session)
        return (yield from _lets_in(session))

    def _take_over(self, session: Got) -> None:
        """A replayed copy is never written back to."""


class SessionProbe(ReplayProbe):
    """The same question, asked as the browser would go on asking it: renewed cookies are taken over."""

    layer: ClassVar[str] = "session"

    def _take_over(self, session: Got) -> None:
        self._cookies = taken_over(self._cookies, session.every("set-cookie"))


class ElsewhereProbe(ReplayProbe):
    """The same copy on another device: whether a session is bound to the browser that it was made for."""

    layer: ClassVar[str] = "elsewhere"


class TabProbe(ReplayProbe):
    """The same question, asked by an open tab that is never reloaded: its browser's own cookies are sent."""

    layer: ClassVar[str] = "tab"


def opinions_on(layer: str) -> int:
    """How many edges a look at this layer asks about the token; 0 where its cookie or its token is all."""
    asking = (SessionProbe, ReplayProbe, ElsewhereProbe, TabProbe)
    return OPINIONS if layer in {probe.layer for probe in asking} else 0


def on_another_device(copy: Copy) -> Copy:
    """The copy as another browser would send it: for whoever carries an `ElsewhereProbe`."""
    return replace(copy, user_agent=ANOTHER_BROWSER)


def token_of(session: Got) -> str | Answer:
    """The access token that the session gave, or the answer if there is none."""
    if (nothing := not_telling(session)) is not None:
        return nothing
    body = session.body
    code = refusal_code(body)
    if session.status == 401 or (body.get("error") and code in REFUSED_REFRESH):
        return refused(session)
    if body.get("error"):
        return unknown(code, session)
    token = body.get("accessToken")
    if body.get("user") and isinstance(token, str):
        return token
    if body.get("user") or token:
        return unknown("unexpected_body", session)
    return Answer(State.REVOKED, "signed_out", exchange=session.exchange)


def _lets_in(session: Got) -> Look:
    """Whether the session gave a token that anybody serves.

    Several edges may answer: the one that gave the token and the one that is shown it need not be the
    same, and without more opinions a session that one edge still honours would hardly ever read alive.
    """
    token = token_of(session)
    if isinstance(token, Answer):
        return token
    for _ in range(OPINIONS):
        answer = of_me((yield Wanted(ME, bearer=token)))
        if answer.state is not State.REVOKED:
            break
    return answer
