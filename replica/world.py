"""Everything that the three servers share."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.templating import Jinja2Templates

from replica.flows import Flows
from replica.grants import Grants
from replica.hurdles import IDENTITY_PROVIDER, LOOK_ALIKE
from replica.keys import Keys
from replica.sessions import Authority
from replica.tokens import Mint

if TYPE_CHECKING:
    from replica.accounts import Accounts
    from replica.behaviour import Behaviour
    from replica.mail import Post
    from replica.propagation import Edges

_HERE = Path(__file__).parent
STATIC = _HERE / "static"
TEMPLATES = Jinja2Templates(_HERE / "templates")


@dataclass(slots=True)
class Outage:
    """A time during which the app answers everything with one status."""

    status: int = 503
    until_monotonic_s: float = 0.0

    @property
    def left_s(self) -> float:
        """Seconds until it is over; zero or less when there is none."""
        return self.until_monotonic_s - time.monotonic()


@dataclass(slots=True)
class World:
    """The state of one replica. Only `behaviour`, `outage` and the count are ever replaced."""

    accounts: Accounts
    behaviour: Behaviour
    edges: Edges
    app_url: str
    """Where the app is reached; it may be a proxy's address."""
    auth_url: str
    listen_url: str
    """Where the app listens."""
    post: Post | None = None
    """What delivers mail; None where there is nowhere to deliver it."""
    typed_elsewhere: int = 0
    """How often something was typed on a host that is not the site's, or sent to one."""
    verified: set[str] = field(default_factory=set)
    """Ids of the sessions whose person has shown again who that is."""
    outage: Outage = field(default_factory=Outage)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    flows: Flows = field(default_factory=Flows)
    grants: Grants = field(default_factory=Grants)
    keys: Keys = field(default_factory=Keys)
    mint: Mint = field(default_factory=Mint)
    authority: Authority = field(init=False)

    def __post_init__(self) -> None:
        """Give the authority its edges."""
        self.authority = Authority(self.edges)

    @property
    def look_alike_url(self) -> str:
        """Where what looks like the sign-in pages, and is not the site's, is."""
        return _below(LOOK_ALIKE, self.auth_url)

    @property
    def provider_url(self) -> str:
        """Where the identity provider is."""
        return _below(IDENTITY_PROVIDER, self.auth_url)

    @property
    def app_names(self) -> set[str]:
        """The host names and ports by which the app may be asked: a proxy may use either."""
        return {urlsplit(url).netloc for url in (self.app_url, self.listen_url)}


def _below(name: str, url: str) -> str:
    """The same server under another name; whatever ends with `.localhost`, browsers find on the loopback."""
    return url.replace("://", f"://{name}.", 1)
