"""Sign-ins under way: what the app and the sign-in pages know of one between them."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from replica.accounts import Account
    from replica.mail import MailedCode

ENTRY, PASSWORD, VERIFY = "/log-in-or-create-account", "/log-in/password", "/verify-identity"
"""Sign-in pages that others lead to: where a sign-in begins, its second page, and a proof of identity."""

FLOW_LIFE_S = 900
"""A sign-in that takes longer has to start again; long enough for a person with a second factor."""

# One leading slash, not two: "//host" and "/\host" would leave the site. No blanks or control characters:
# browsers drop some of them, which turns "/<tab>/host" into "//host".
_LOCAL_PATH = re.compile(r"/(?![/\\])[^\x00-\x20\\]*")


@dataclass(slots=True, eq=False)
class Flow:
    """One sign-in, from the Log in button to the callback. All its ids are unguessable."""

    next_path: str
    session_id: str = ""
    """The session whose person shows again who that is; empty where this is a sign-in."""
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    challenge_id: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    code: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    email: str = ""
    account: Account | None = None
    mailed: MailedCode | None = None
    passed: bool = False
    ends_monotonic_s: float = field(default_factory=lambda: time.monotonic() + FLOW_LIFE_S)

    def identify(self, account: Account | None) -> None:
        """Say whose sign-in it is. Steps passed for another account count no longer."""
        self.account = account
        self.mailed = None
        self.passed = False


class Flows:
    """The sign-ins under way, found by their state."""

    def __init__(self) -> None:
        self._by_state: dict[str, Flow] = {}

    def start(self, next_path: str, *, session_id: str = "") -> Flow:
        """Begin a sign-in that will end at a path of the app; any other target becomes the home page."""
        self._drop_old()
        flow = Flow(next_path if _LOCAL_PATH.fullmatch(next_path) else "/", session_id)
        self._by_state[flow.state] = flow
        return flow

    def find(self, state: str) -> Flow | None:
        """The sign-in of a state, if it is still under way."""
        self._drop_old()
        return self._by_state.get(state)

    def finish(self, state: str, code: str) -> Flow | None:
        """Take a sign-in that passed every step; once only, and only with its own code."""
        flow = self.find(state)
        if flow is None or not flow.passed or not secrets.compare_digest(flow.code, code):
            return None
        return self._by_state.pop(state)

    def forget(self, account: Account) -> None:
        """Drop the sign-ins of an account: what they passed may no longer be what it asks for."""
        self._by_state = {
            state: flow for state, flow in self._by_state.items() if flow.account is not account
        }

    def _drop_old(self) -> None:
        now = time.monotonic()
        self._by_state = {
            state: flow for state, flow in self._by_state.items() if flow.ends_monotonic_s > now
        }
