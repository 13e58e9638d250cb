"""The JSON twin of the Active sessions view: what the page itself was told.

Source: `GET /backend-api/accounts/sessions`, three independent public projects. That the view loads this
address is inferred, and every detail may be missing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import Error, Page, Request, Response

ADDRESS = "/backend-api/accounts/sessions"

BODY_WITHIN_MS = 5_000
"""A response that its page never reads is never finished either: it would be waited for for ever."""


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


class ListingHeard:
    """Listens to one page, and keeps the newest listing that the page itself was given."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._newest: Response | None = None
        self._finished: set[Request] = set()
        page.on("response", self._on_response)
        page.on("requestfinished", self._on_finished)

    def forget(self) -> None:
        """Listen for the next one."""
        self._newest = None
        self._finished.clear()

    def newest(self) -> list[ListedSession] | None:
        """The newest listing, or None if none has come within BODY_WITHIN_MS."""
        waited_ms = 0
        while waited_ms < BODY_WITHIN_MS:
            if self._newest is not None and self._newest.request in self._finished:
                return self._read(self._newest)
            self.page.wait_for_timeout(50)
            waited_ms += 50
        return None

    @staticmethod
    def _read(response: Response) -> list[ListedSession] | None:
        try:
            return parse(response.json())
        except (Error, ValueError):
            return None

    def _on_response(self, response: Response) -> None:
        if response.ok and response.url.partition("?")[0].endswith(ADDRESS):
            self._newest = response

    def _on_finished(self, request: Request) -> None:
        if ADDRESS in request.url:
            self._finished.add(request)
