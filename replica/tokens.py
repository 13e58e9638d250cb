"""What the site signs: access tokens, the short-lived bearers of the API calls, and the cache cookie."""

from __future__ import annotations

import math
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import jwt

from replica.noise import CLOCK_OFF_S, Noise
from replica.refusals import Code, Refused

if TYPE_CHECKING:
    from jwt.types import Options

    from replica.behaviour import Behaviour
    from replica.sessions import Session

# A token is replaced when less than this share of its life is left, as sites do that keep a session warm:
# asking for the session again and again gives the same token until then.
_RENEWED_BELOW = 0.1

_OUTLIVES = "outlives"
"""The claim of a token that its session's end does not concern."""

_ALGORITHM = "HS256"
KEY_BYTES = 32
"""As many as HS256 puts out: RFC 7518, 3.2 wants no fewer."""


def fast_s(behaviour: Behaviour) -> float:
    """How fast the site's clock is: what it writes into tokens and rows is so much later than it was."""
    return CLOCK_OFF_S if behaviour.has(Noise.CLOCK_OFF) else 0


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says: whose it is, and whether the end of that session concerns it."""

    session_id: str
    outlives: bool


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token and its times, in whole seconds since the epoch."""

    text: str = field(repr=False)
    issued_s: int
    expires_s: int

    def is_fresh(self, now_s: float) -> bool:
        """Whether enough of its life is left to hand it out again."""
        return self.expires_s - now_s > (self.expires_s - self.issued_s) * _RENEWED_BELOW


@dataclass(frozen=True, slots=True)
class Mint:
    """Makes and reads what is signed. Nothing needs to be remembered for it to stay valid but the key."""

    key: bytes = field(default_factory=lambda: secrets.token_bytes(KEY_BYTES), repr=False)

    def token_for(self, session: Session, behaviour: Behaviour) -> AccessToken:
        """The session's newest token, or a new one when that is near its end."""
        if session.tokens and session.tokens[-1].is_fresh(time.time() + fast_s(behaviour)):
            return session.tokens[-1]
        return self.new_token(session, behaviour)

    def new_token(self, session: Session, behaviour: Behaviour, *, outlives: bool = False) -> AccessToken:
        """A token unlike all others. The earlier ones stay good until they expire.

        One that `outlives` its session says so, for the sites that then go on to honour it.
        """
        issued_s = int(time.time() + fast_s(behaviour))
        expires_s = issued_s + math.ceil(behaviour.token_life_s)
        # without an id of its own, a token would equal one that was made in the same second
        claims = {"sid": session.id, "iat": issued_s, "exp": expires_s, "jti": secrets.token_urlsafe(12)}
        claims |= {_OUTLIVES: True} if outlives else {}
        token = AccessToken(jwt.encode(claims, self.key, _ALGORITHM), issued_s, expires_s)
        session.tokens.append(token)
        session.tokens_minted += 1
        return token

    def read(self, text: str, behaviour: Behaviour) -> Claims:
        """What a token says. Raises Refused if it is not ours, or has expired by the site's clock."""
        # an "iat" to come is one that was written before the site's clock was set right
        options: Options = {"require": ["sid", "iat", "exp"], "verify_iat": False}
        try:
            claims = jwt.decode(text, self.key, [_ALGORITHM], options=options, leeway=-fast_s(behaviour))
        except jwt.ExpiredSignatureError:
            raise Refused(Code.EXPIRED) from None
        except jwt.InvalidTokenError:
            raise Refused(Code.UNAUTHORIZED) from None
        return Claims(str(claims["sid"]), claims.get(_OUTLIVES) is True)

    def cache_cookie(self, session_id: str, until_monotonic_s: float) -> str:
        """A cookie that says: this session needs no asking until then."""
        # not "exp", which knows whole seconds only
        return jwt.encode({"sid": session_id, "until": until_monotonic_s}, self.key, _ALGORITHM)

    def is_cached(self, cookie: str, session_id: str, now_monotonic_s: float) -> bool:
        """Whether a cache cookie is ours, for this session, and still good."""
        try:
            claims = jwt.decode(cookie, self.key, [_ALGORITHM], options={"require": ["sid", "until"]})
        except jwt.InvalidTokenError:
            return False
        return bool(claims["sid"] == session_id and now_monotonic_s < claims["until"])
