"""A replica in a process of its own, and a client that signs in to it over plain HTTP."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from afterglow.readings import Moments
from probes.asking import Copy

USER_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
EMAIL = "bench@example.test"


@dataclass(frozen=True, slots=True)
class Site:
    """One running replica, the password of its one account, and a client for its control port."""

    base_url: str
    control_url: str
    password: str = field(repr=False)
    control: httpx.Client = field(repr=False)

    def truth(self, session_ids: list[str]) -> dict[str, Any]:
        """What really happened to these sessions."""
        told = self.control.get(f"{self.control_url}/truth", params={"session_id": session_ids})
        truth: dict[str, Any] = told.raise_for_status().json()
        return truth

    def behave(self, **changes: object) -> None:
        """Behave otherwise from now on."""
        self.control.patch(f"{self.control_url}/behaviour", json=changes).raise_for_status()

    def outage(self, for_s: float) -> None:
        """Answer 503 to everything for so long."""
        self.control.post(f"{self.control_url}/outage", json={"for_s": for_s}).raise_for_status()


@contextmanager
def running_site(*, edges: int, seed: int, **options: float) -> Iterator[Site]:
    """Run a replica for as long as the block lasts; `options` are its own, as in `delay_max_s=10`."""
    password, token = secrets.token_urlsafe(18), secrets.token_hex()
    account = {"email": EMAIL, "password": password, "totp_secret": None, "name": "Bench"}
    told = {"edges": edges, "seed": seed, **options}
    arguments = [part for name, value in told.items() for part in (f"--{name.replace('_', '-')}", str(value))]
    process = subprocess.Popen(  # noqa: S603 - our own module, no shell
        [sys.executable, "-m", "replica", *arguments],
        env={**os.environ, "REPLICA_ACCOUNTS": json.dumps([account]), "REPLICA_CONTROL_TOKEN": token},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(headers=headers, timeout=10, trust_env=False) as control:
            yield Site(ready["base_url"], ready["control_url"], password, control)
    finally:
        process.terminate()
        process.communicate(timeout=10)


@dataclass(slots=True)
class Client:
    """A browser as far as HTTP goes: one signed-in session of the site's account.

    Cookies are kept and sent by hand: no client sends a `__Secure-` cookie over plain http.
    """

    site: Site
    http: httpx.Client = field(repr=False)
    cookies: dict[str, str] = field(default_factory=dict, repr=False)
    access_token: str = field(default="", repr=False)
    session_id: str = ""

    @property
    def copy(self) -> Copy:
        """What a probe needs to act as this client."""
        return Copy(self.site.base_url, USER_AGENT, dict(self.cookies), self.access_token)

    def sign_in(self) -> None:
        """Go through the sign-in pages, then learn the token and the session's id."""
        email_page = self._ask("GET", "/auth/login?next=/").headers["location"]
        password_page = self._next("POST", email_page, {"email": EMAIL})
        callback = self._next("POST", password_page, {"password": self.site.password})
        self._ask("GET", callback)
        self.access_token = self._ask("GET", "/api/auth/session").json()["accessToken"]
        rows = self._ask("GET", "/backend-api/accounts/sessions", headers=self._bearer).json()["devices"]
        [self.session_id] = [row["session_id"] for row in rows if row["is_current_device"]]

    def log_out_row(self, session_id: str) -> Moments:
        """Log out another session of the account, as its row in the view does; when that was."""
        url = f"{self.site.base_url}/backend-api/accounts/sessions/revoke"
        requested_s = time.monotonic()
        response = self.http.post(url, json={"session_id": session_id}, headers=self._bearer)
        acknowledged_s = time.monotonic()
        response.raise_for_status()
        return Moments(requested_s, requested_s, acknowledged_s)

    @property
    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}"}

    def _next(self, method: str, url: str, form: Mapping[str, str]) -> str:
        """Where a form leads."""
        response = self._ask(method, url, data=form)
        return urljoin(str(response.url), response.headers["location"])

    def _ask(self, method: str, url: str, **more: Any) -> httpx.Response:
        url = urljoin(self.site.base_url, url)
        headers = {"User-Agent": USER_AGENT, **more.pop("headers", {})}
        at_home = urlsplit(url).netloc == urlsplit(self.site.base_url).netloc
        if at_home and self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        response = self.http.request(method, url, headers=headers, **more)
        for line in response.headers.get_list("set-cookie") if at_home else ():
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
        return response


@contextmanager
def signed_in(site: Site, count: int) -> Iterator[list[Client]]:
    """So many sessions of the account, each of a device of its own."""
    with httpx.Client(timeout=10, trust_env=False) as http:
        clients = [Client(site, http) for _ in range(count)]
        for client in clients:
            client.sign_in()
        yield clients
