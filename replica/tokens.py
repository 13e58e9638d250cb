"""What the site signs: access tokens, the short-lived bearers of the API calls, and the cache cookie."""

from __future__ import annotations

import math
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import jwt

from replica.refusals import Code, Refused

if TYPE_CHECKING:
    from replica.sessions import Session

# A token is replaced when less than this share of its life is left, as sites do that keep a session warm:
# asking for the session again and again gives the same token until then.
_RENEWED_BELOW = 0.1

_ALGORITHM = "HS256"
KEY_BYTES = 32
"""As many as HS256 puts out: RFC 7518, 3.2 wants no fewer."""


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

    def token_for(self, session: Session, life_s: float) -> AccessToken:
        """The session's newest token, or a new one when that is near its end."""
        if session.tokens and session.tokens[-1].is_fresh(time.time()):
            return session.tokens[-1]
        return self.new_token(session, life_s)

    def new_token(self, session: Session, life_s: float) -> AccessToken:
        """A token unlike all others. The earlier ones stay good until they expire."""
        issued_s = int(time.time())
        expires_s = issued_s + math.ceil(life_s)
        # without an id of its own, a token would equal one that was made in the same second
        claims = {"sid": session.id, "iat": issued_s, "exp": expires_s, "jti": secrets.token_urlsafe(12)}
        token = AccessToken(jwt.encode(claims, self.key, _ALGORITHM), issued_s, expires_s)
        session.tokens.append(token)
        session.tokens_minted += 1
        return token

    def session_id_of(self, text: str) -> str:
        """The id of the session that a token speaks for. Raises Refused if it is not ours, or has expired."""
        try:
            claims = jwt.decode(text, self.key, [_ALGORITHM], options={"require": ["sid", "iat", "exp"]})
        except jwt.ExpiredSignatureError:
            raise Refused(Code.EXPIRED) from None
        except jwt.InvalidTokenError:
            raise Refused(Code.UNAUTHORIZED) from None
        return str(claims["sid"])

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
