"""The list of the Active sessions view: who has one, which sessions are in it, and how it lies."""

from __future__ import annotations

import hashlib
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from replica.defects import Defect
from replica.noise import Noise
from replica.propagation import Action
from replica.sessions import Session
from replica.tokens import fast_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from replica.accounts import Account
    from replica.behaviour import Behaviour
    from replica.grants import Grant
    from replica.propagation import Revocation
    from replica.world import World

Row = dict[str, Any]

_AN_HOUR_S = 3600
_STRANGERS_AGE = timedelta(days=200)
_FIREFOX_ON_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0"

_OF_A_DEVICE = ("display_name", "human_readable_description", "platform", "os_version", "device_model")

_DETAILS: tuple[Row, ...] = (
    {"last_signed_in_city": None, "last_signed_in_region_code": None, "last_signed_in_country": None},
    {"app_sessions": []},
    {"last_signed_in_timestamp_second": None},
    {"is_trusted_device": None, "can_untrust": None},
    {"human_readable_description": None, "platform": None, "os_version": None, "device_model": None},
)
"""What a row may leave out, and what it then says instead. A person can tell rows apart without it."""


def has_view(account: Account, behaviour: Behaviour) -> bool:
    """Whether an account has an Active sessions view; one that is tied to SSO has none."""
    return behaviour.show_session_manager and (not account.sso or behaviour.has(Defect.SSO_SHOWS_VIEW))


def digest(kind: str, value: str) -> str:
    """An id that gives away nothing of what it is made of."""
    return hashlib.sha256(f"{kind}/{value}".encode()).hexdigest()[:24]


class Listing:
    """Makes the lists."""

    def __init__(self, world: World) -> None:
        self._world = world

    def told_to(self, viewer: Session) -> Row:
        """The view as it is told to one who may see it: the account's live sessions, newest first."""
        behaviour = self._world.behaviour
        if not has_view(viewer.account, behaviour):
            return {"show_session_manager": False, "devices": []}
        rows = [self._row(each, viewer) for each in self._listed(viewer.account)]
        for defect, lie in _LIES.items():
            if behaviour.has(defect):
                rows = lie(rows)
        if behaviour.has(Noise.MISSING_DETAILS):
            rows = [_without_details(row) for row in rows]
        return {"show_session_manager": True, "devices": rows}

    def _listed(self, account: Account) -> list[Session | Grant]:
        behaviour = self._world.behaviour
        listed: list[Session | Grant] = [
            session for session in self._world.authority.of(account) if self._is_listed(session)
        ]
        listed += self._world.grants.of(account) if behaviour.has(Defect.CLI_LISTED) else []
        listed += [_stranger(account)] if behaviour.has(Defect.STRANGER_LISTED) else []
        return listed

    def _is_listed(self, session: Session) -> bool:
        end = self._world.authority.revocation_of(session)
        if end is None or _is_dying_young(session, end):
            return True
        stays = _STAYS.get(end.action)
        return stays is not None and self._world.behaviour.has(stays)

    def _is_over(self, session: Session) -> bool:
        end = self._world.authority.revocation_of(session)
        return end is not None and not _is_dying_young(session, end)

    def _row(self, listed: Session | Grant, viewer: Session) -> Row:
        signed_in_s = int(listed.created_wall.timestamp() + fast_s(self._world.behaviour))
        row: Row = {"render_id": digest("render", listed.id), "last_signed_in_timestamp_second": signed_in_s}
        about = self._about_session(listed, viewer) if isinstance(listed, Session) else _about_app(listed.app)
        return row | about

    def _about_session(self, session: Session, viewer: Session) -> Row:
        device, place = session.device, session.place
        trusted = self._world.authority.is_trusted(session)
        return {
            "session_id": session.id,
            "hashed_device_id": session.device_hash,
            "display_name": device.display_name,
            "human_readable_description": device.description,
            "platform": device.platform,
            "os_version": device.os_version,
            "device_model": device.model,
            "app_sessions": [{"client_name": app} for app in session.apps],
            "last_signed_in_city": place.city,
            "last_signed_in_region_code": place.region_code,
            "last_signed_in_country": place.country,
            "is_trusted_device": trusted,
            "can_untrust": trusted,
            "is_current_device": session is viewer and not self._is_over(session),
        }


def _about_app(app: str) -> Row:
    nothing = dict.fromkeys(("session_id", "hashed_device_id", *_OF_A_DEVICE, *_DETAILS[0]))
    never = dict.fromkeys(("is_trusted_device", "can_untrust", "is_current_device"), False)
    return nothing | never | {"display_name": app, "app_sessions": [{"client_name": app}]}


def _is_dying_young(session: Session, end: Revocation) -> bool:
    """Whether its end was on its way before it was made: it is listed until the last edge knows."""
    is_caught = end.requested_monotonic_s <= session.created_monotonic_s
    return is_caught and not end.is_known_everywhere(time.monotonic())


def _stranger(account: Account) -> Session:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    session_id = f"us_{digest('stranger', account.email)}"
    created = today - _STRANGERS_AGE
    return Session(account, "stranger", _FIREFOX_ON_WINDOWS, id=session_id, created_wall=created)


def _without_newest_other(rows: list[Row]) -> list[Row]:
    return rows if rows[0]["is_current_device"] else rows[1:]


def _with_two_current(rows: list[Row]) -> list[Row]:
    newest = next((row for row in rows if not row["is_current_device"]), None)
    return [row | {"is_current_device": row is newest or row["is_current_device"]} for row in rows]


def _with_swapped_devices(rows: list[Row]) -> list[Row]:
    first, second, *rest = rows
    of_first, of_second = ({name: row[name] for name in _OF_A_DEVICE} for row in (first, second))
    return [first | of_second, second | of_first, *rest]


def _with_earlier_sign_ins(rows: list[Row]) -> list[Row]:
    when = "last_signed_in_timestamp_second"
    return [row | {when: row[when] - _AN_HOUR_S} for row in rows]


_LIES: dict[Defect, Callable[[list[Row]], list[Row]]] = {
    Defect.ROW_MISSING: _without_newest_other,
    Defect.ROW_DUPLICATED: lambda rows: rows[:1] + rows,
    Defect.TWO_CURRENT: _with_two_current,
    Defect.NONE_CURRENT: lambda rows: [row | {"is_current_device": False} for row in rows],
    Defect.ROWS_SWAPPED: lambda rows: _with_swapped_devices(rows) if len(rows) > 1 else rows,
    Defect.SIGN_IN_TIME_WRONG: _with_earlier_sign_ins,
    Defect.LIST_EMPTY: lambda _: [],
}
"""What becomes of the rows, newest first."""

_STAYS = {Action.ONE: Defect.ROW_STAYS, Action.SELF: Defect.LOGGED_OUT_STILL_LISTED}
"""Which sessions stay listed after which log-out."""


def _without_details(row: Row) -> Row:
    first = int(row["render_id"], 16)
    left_out = (_DETAILS[(first + step) % len(_DETAILS)] for step in (0, 2))
    return row | {name: value for details in left_out for name, value in details.items()}
