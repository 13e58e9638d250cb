"""The API Platform: does it still let the session in?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from afterglow.readings import Answer, State
from probes.asking import Copy, Got, Look, Wanted, not_understood

LOGGED_OUT = "/loggedout"
"""Where the Platform sends who is signed out (1 to 8 public projects)."""


@dataclass(slots=True)
class PlatformProbe:
    """Asks for a page of the Platform with the copied cookies. Only where it shares the site's host.

    A redirect to `/loggedout` is revoked. No check for alive was ever verified: a page that calls itself
    "API Platform" and does not say that one is logged out is a guess.
    """

    copy: Copy
    path: str = "/platform"
    layer: ClassVar[str] = "platform"

    def look(self) -> Look:
        """Ask once."""
        got = yield Wanted(self.path, cookies=self.copy.cookies, accept="text/html")
        if 300 <= got.status < 400 and _leads_out(got):
            return Answer(State.REVOKED, "loggedout", exchange=got.exchange)
        if got.status == 200 and got.is_html and _is_the_platform(got):
            return Answer(State.ALIVE, exchange=got.exchange)
        return not_understood(got)


def _leads_out(got: Got) -> bool:
    return urlsplit(got.header("location")).path.rstrip("/").endswith(LOGGED_OUT)


def _is_the_platform(got: Got) -> bool:
    return "API Platform" in got.text and "logged out" not in got.text.lower()
