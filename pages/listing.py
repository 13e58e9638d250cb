"""The JSON twin of the Active sessions view: what the page itself was told.

Source: `GET /backend-api/accounts/sessions`, three independent public projects. That the view loads this
address is inferred, and every detail may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import Error, Request

ADDRESS = "/backend-api/accounts/sessions"

HEARD_WITHIN_MS = 5_000
"""How long the page may take to read its list. A response that nobody reads is never finished, and asking for
its body would then wait for ever."""


@dataclass(frozen=True, slots=True)
class ListedSession:
    """One device session as the site lists it. A missing detail is None, and that is no fault.

    signed_in: UTC, to the second. apps: the first-party products that share the session.
    """

    session_id: str | None
    device: str | None
    description: str | None
    apps: tuple[str, ...]
    location: str | None
    signed_in: datetime | None
    trusted: bool | None
    current: bool

    @property
    def identity(self) -> object:
        """What tells it from every other session, whoever looks: its id, else its device and sign-in time."""
        return self.session_id or (self.device, self.signed_in)

    def looks_like(self, other: ListedSession) -> bool:
        """Whether a person can tell their rows apart only by seconds: one device, and the same minute."""
        if self.device != other.device or self.signed_in is None or other.signed_in is None:
            return self.device == other.device
        return abs((self.signed_in - other.signed_in).total_seconds()) < 60

    @property
    def missing(self) -> tuple[str, ...]:
        """The details that the site did not give."""
        details = {
            "session id": self.session_id,
            "device": self.device,
            "app": self.apps or None,
            "location": self.location,
            "sign-in time": self.signed_in,
            "trusted or not": self.trusted,
        }
        return tuple(name for name, value in details.items() if value is None)


def parse(body: Any) -> list[ListedSession]:
    """Read the answer. Raises ValueError if it is not a list of devices at all."""
    devices = body.get("devices") if isinstance(body, Mapping) else None
    if not isinstance(devices, list) or not all(isinstance(device, Mapping) for device in devices):
        raise ValueError(f"{ADDRESS} did not answer with a list of devices")
    return [_listed(device) for device in devices]


def _listed(device: Mapping[str, Any]) -> ListedSession:
    stamp = device.get("last_signed_in_timestamp_second")
    place = [device.get(f"last_signed_in_{part}") for part in ("city", "region_code", "country")]
    apps = device.get("app_sessions") or ()
    return ListedSession(
        session_id=device.get("session_id"),
        device=device.get("display_name"),
        description=device.get("human_readable_description"),
        apps=tuple(app["client_name"] for app in apps if app.get("client_name")),
        location=", ".join(part for part in place if part) or None,
        signed_in=None if stamp is None else datetime.fromtimestamp(stamp, UTC),
        trusted=device.get("is_trusted_device"),
        current=device.get("is_current_device") is True,
    )


def is_listing(request: Request) -> bool:
    """Whether the page asks for the list."""
    return request.method == "GET" and request.url.partition("?")[0].endswith(ADDRESS)


def told(request: Request) -> list[ListedSession] | None:
    """What the page was told; None if that was no list. The request must have finished."""
    response = request.response()
    try:
        return parse(response.json()) if response is not None and response.ok else None
    except (Error, ValueError):
        return None
