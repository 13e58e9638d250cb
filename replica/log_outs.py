"""What a log-out ends: what was asked for, or on a site with a defect something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from replica.defects import Defect
from replica.propagation import Action
from replica.sessions import Press

if TYPE_CHECKING:
    from replica.sessions import Session
    from replica.world import World

_AT_ONCE_S = 2.0
"""Two log-outs of all that come within this time meet, where that loses them."""


class LogOuts:
    """The log-outs that the Active sessions view offers."""

    def __init__(self, world: World) -> None:
        self._world = world

    def one(self, viewer: Session, session_id: str, requested_s: float) -> Session | None:
        """Log out a session of the viewer's account, and return it; None if there is no such one."""
        meant = self._meant(viewer, session_id)
        if meant:
            self._end(self._ended_instead_of(meant, viewer), Action.ONE, requested_s)
        return meant

    def all(self, viewer: Session, requested_s: float) -> None:
        """Log out every session of the account, the viewer's own among them; later ones are spared."""
        authority = self._world.authority
        last = authority.presses.get(viewer.account.email)
        if last and self._meets(last, viewer, requested_s):
            authority.take_back(last.ended)
            ended: list[Session] = []
        else:
            ended = self._not_spared(viewer)
        authority.presses[viewer.account.email] = Press(viewer, requested_s, ended)
        self._end(ended, Action.ALL, requested_s)

    def _meant(self, viewer: Session, session_id: str) -> Session | None:
        authority, behaviour = self._world.authority, self._world.behaviour
        session = authority.by_id(session_id)
        if session is None:
            return None
        is_gone = authority.revocation_of(session) is not None
        if session.account is not viewer.account:
            return session if behaviour.has(Defect.FOREIGN_ACCEPTED) and not is_gone else None
        return None if is_gone and not behaviour.has(Defect.GONE_ROW_ENDS_ANOTHER) else session

    def _ended_instead_of(self, meant: Session, viewer: Session) -> list[Session]:
        authority, behaviour = self._world.authority, self._world.behaviour
        live = authority.live(viewer.account)
        another = [session for session in live if session not in (meant, viewer)] or [viewer]
        if behaviour.has(Defect.REVOKE_IGNORED) or behaviour.has(Defect.DONE_TOLD_BUT_FAILED):
            return []
        if behaviour.has(Defect.ONE_ENDS_ALL):
            return live
        is_gone = authority.revocation_of(meant) is not None
        return another[:1] if is_gone or behaviour.has(Defect.REVOKE_ENDS_ANOTHER) else [meant]

    def _meets(self, last: Press, viewer: Session, requested_s: float) -> bool:
        is_near = requested_s - last.requested_monotonic_s < _AT_ONCE_S
        return self._world.behaviour.has(Defect.ALL_LOST_WHEN_TWO_PRESS) and last.by is not viewer and is_near

    def _not_spared(self, viewer: Session) -> list[Session]:
        behaviour, live = self._world.behaviour, self._world.authority.live(viewer.account)
        others = [session for session in live if session is not viewer]
        spared = [viewer] if behaviour.has(Defect.ALL_SPARES_CURRENT) else []
        spared += others[:1] if behaviour.has(Defect.ALL_SPARES_ONE) else []
        return [session for session in live if session not in spared]

    def _end(self, sessions: list[Session], action: Action, requested_s: float) -> None:
        authority = self._world.authority
        ends = [authority.end(each, action, requested_s, self._world.behaviour) for each in sessions]
        for end in ends:
            end.acknowledge()
