"""What a sign-in makes: a session of its own, or on a site with a defect more than that, or less."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from replica.defects import Defect
from replica.propagation import Action

if TYPE_CHECKING:
    from replica.accounts import Account
    from replica.sessions import Session
    from replica.world import World


def arrive(world: World, account: Account, device_id: str, user_agent: str) -> Session:
    """The session of somebody who has just signed in on a device; a new one, and nobody else's concern."""
    arrived_s = time.monotonic()
    authority, behaviour = world.authority, world.behaviour
    before = authority.live(account)
    session = _last_of(device_id, before) if behaviour.has(Defect.SIGN_IN_REUSES) else None
    if session is None:
        trust = world.accounts.has_second_factor(account)
        session = authority.open(account, device_id, user_agent, trust=trust)
    if behaviour.has(Defect.SIGN_IN_REVIVES):
        authority.revive(account, device_id)
    if behaviour.has(Defect.SIGN_IN_ENDS_OTHERS):
        _end(world, [each for each in before if each is not session], arrived_s)
    if behaviour.has(Defect.LATE_WAVE) and _is_caught(world, account, arrived_s):
        _end(world, [session], session.created_monotonic_s)
    return session


def _last_of(device_id: str, live: list[Session]) -> Session | None:
    return next((session for session in live if session.device_id == device_id), None)


def _is_caught(world: World, account: Account, now: float) -> bool:
    last = world.authority.presses.get(account.email)
    return last is not None and now - last.requested_monotonic_s < world.behaviour.window_s


def _end(world: World, sessions: list[Session], requested_s: float) -> None:
    for session in sessions:
        world.authority.end(session, Action.ALL, requested_s, world.behaviour).acknowledge()
