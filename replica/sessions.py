"""The authority: it makes sessions, lists them and ends them, and is always of one mind.

The list of sessions is read here, so a session that was ended is not listed from that moment on, though
edges may go on honouring it for a while.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from replica.devices import Device, Place, describe_device, place_of
from replica.propagation import Action, Revocation
from replica.tokens import fast_s

if TYPE_CHECKING:
    from collections.abc import Iterable

    from replica.accounts import Account
    from replica.behaviour import Behaviour
    from replica.propagation import Edges
    from replica.tokens import AccessToken

CHATGPT = "ChatGPT Web"
CODEX = "Codex"
PLATFORM = "API Platform"

TOKENS_KEPT = 8
"""Tokens that a session remembers, so that one which is refreshed all day does not grow without end."""


@dataclass(slots=True, eq=False)
class Session:
    """What one sign-in made. A row of the list stands for it, with all the apps it was used with."""

    account: Account
    device_id: str
    user_agent: str
    id: str = field(default_factory=lambda: f"us_{secrets.token_hex(12)}")
    cookie: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    created_monotonic_s: float = field(default_factory=time.monotonic)
    created_wall: datetime = field(default_factory=lambda: datetime.now(UTC))
    apps: list[str] = field(default_factory=lambda: [CHATGPT])
    tokens: deque[AccessToken] = field(default_factory=lambda: deque(maxlen=TOKENS_KEPT))
    tokens_minted: int = 0
    last_honoured_monotonic_s: dict[str, float] = field(default_factory=dict)
    device: Device = field(init=False)

    def __post_init__(self) -> None:
        """Read the user agent once: the first takes so long that whoever lists sessions would feel it."""
        self.device = describe_device(self.user_agent)

    @property
    def place(self) -> Place:
        """Where the device seems to be."""
        return place_of(self.device_id)

    @property
    def device_hash(self) -> str:
        """The device's id as others may see it."""
        return hashlib.sha256(self.device_id.encode()).hexdigest()[:32]

    def token_age_s(self, behaviour: Behaviour) -> float:
        """How old its newest access token is, as that says itself; 0 if it has none."""
        return max(0.0, time.time() + fast_s(behaviour) - self.tokens[-1].issued_s) if self.tokens else 0.0

    def used_with(self, app: str) -> None:
        """Note that the session was used with an app."""
        if app not in self.apps:
            self.apps.append(app)


@dataclass(frozen=True, slots=True)
class Press:
    """A log-out of all: who pressed it, when, and what it ended."""

    by: Session
    requested_monotonic_s: float
    ended: list[Session]


class Authority:
    """All sessions and all revocations, since the start. Nothing is forgotten: the truth needs it."""

    def __init__(self, edges: Edges) -> None:
        self._edges = edges
        self._by_id: dict[str, Session] = {}
        self._by_cookie: dict[str, Session] = {}
        self._revocations: dict[str, Revocation] = {}
        self.trusted: set[tuple[str, str]] = set()
        """E-mail address and device hash of each trusted device."""
        self.presses: dict[str, Press] = {}
        """The last log-out of all of each account, by e-mail address; it ends with the process."""

    @property
    def sessions(self) -> Iterable[Session]:
        """Every session ever made, in order."""
        return self._by_id.values()

    @property
    def revocations(self) -> Iterable[Revocation]:
        """Every revocation, in order; a session ends once."""
        return self._revocations.values()

    def open(self, account: Account, device_id: str, user_agent: str, *, trust: bool) -> Session:
        """Make a session; `trust` its device from now on."""
        session = Session(account, device_id, user_agent)
        self._add(session)
        if trust:
            self.trusted.add((account.email, session.device_hash))
        return session

    def restore(
        self,
        sessions: Iterable[Session],
        revocations: Iterable[Revocation],
        trusted: Iterable[tuple[str, str]],
    ) -> None:
        """Know what was known before a restart."""
        for session in sessions:
            self._add(session)
        self._revocations.update({end.session_id: end for end in revocations})
        self.trusted.update(trusted)

    def by_cookie(self, cookie: str) -> Session | None:
        """The session of a cookie, ended or not."""
        return self._by_cookie.get(cookie)

    def by_id(self, session_id: str) -> Session | None:
        """The session of an id, ended or not."""
        return self._by_id.get(session_id)

    def revocation_of(self, session: Session) -> Revocation | None:
        """How the session ended, or None if it has not."""
        return self._revocations.get(session.id)

    def of(self, account: Account) -> list[Session]:
        """All sessions of the account, ended or not, newest first."""
        return [session for session in self._by_id.values() if session.account is account][::-1]

    def live(self, account: Account) -> list[Session]:
        """The account's sessions that were not ended, newest first."""
        return [session for session in self.of(account) if session.id not in self._revocations]

    def end(
        self, session: Session, action: Action, requested_monotonic_s: float, behaviour: Behaviour
    ) -> Revocation:
        """End a session and let the edges learn of it. One that has ended already stays as it is."""
        if session.id not in self._revocations:
            self._revocations[session.id] = self._edges.spread(
                session.id, action, requested_monotonic_s, behaviour, session.token_age_s(behaviour)
            )
        return self._revocations[session.id]

    def take_back(self, sessions: Iterable[Session]) -> None:
        """Let the ends of sessions never have been."""
        for session in sessions:
            self._revocations.pop(session.id, None)

    def revive(self, account: Account, device_id: str) -> None:
        """Mark the ends of an account's sessions on a device, for the sites that then take them for none."""
        for session in self.of(account):
            if session.device_id == device_id and session.id in self._revocations:
                self._revocations[session.id].revived = True

    def is_trusted(self, session: Session) -> bool:
        """Whether the session's device is trusted. Sign-in does not ask: trust is shown, no more."""
        return (session.account.email, session.device_hash) in self.trusted

    def _add(self, session: Session) -> None:
        self._by_id[session.id] = session
        self._by_cookie[session.cookie] = session
