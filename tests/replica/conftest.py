"""A replica in a process of its own, and what speaks HTTP with it: a screenless browser, and control."""

from __future__ import annotations

import itertools
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import httpx
import pyotp
import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import Page

    OpenPage = Callable[[], AbstractContextManager[Page]]

CHROME_ON_WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/140.0.0.0 Safari/537.36"
)

Json = dict[str, Any]


@dataclass(frozen=True)
class Account:
    """A test account; no other test signs in to it, so no other test ends its sessions."""

    email: str
    password: str = field(repr=False)
    totp_secret: str | None = field(default=None, repr=False)
    name: str = "Ada Test"

    def code(self) -> str:
        """The one-time code of this moment."""
        assert self.totp_secret is not None
        return pyotp.TOTP(self.totp_secret).now()


@dataclass(frozen=True)
class Replica:
    """One running replica: its process, its READY line, and its control port."""

    process: subprocess.Popen[str]
    ready: Json
    control_token: str = field(repr=False)
    # connections are kept: opening one for each question would cost more than the question
    http: httpx.Client

    @property
    def base_url(self) -> str:
        """Where the app is."""
        return str(self.ready["base_url"])

    def control(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask the control port."""
        headers = {"authorization": f"Bearer {self.control_token}"}
        return self.http.request(method, f"{self.ready['control_url']}{path}", headers=headers, **more)

    def truth(self, *session_ids: str) -> Json:
        """What really happened, to these sessions or to all."""
        told: Json = self.control("GET", "/truth", params={"session_id": list(session_ids)}).json()
        return told

    def end_of(self, session_id: str) -> Json:
        """The revocation of one session."""
        [end] = [end for end in self.truth()["revocations"] if end["session_id"] == session_id]
        return dict(end)

    def learned(self, session_id: str, layer: str) -> list[float]:
        """When each edge learned of a log-out, earliest first."""
        effects = self.end_of(session_id)["effects"]
        return sorted(effect["at_monotonic_s"] for effect in effects if effect["layer"] == layer)

    @contextmanager
    def behaving(self, **changes: Any) -> Iterator[None]:
        """Behave otherwise for a while."""
        before = self.control("GET", "/behaviour").json()
        self.control("PATCH", "/behaviour", json=changes).raise_for_status()
        try:
            yield
        finally:
            self.control("PATCH", "/behaviour", json=before).raise_for_status()

    def stop(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Stop it; seconds that it took. Raises TimeoutExpired after 10 s, having killed it."""
        started = time.monotonic()
        self.process.send_signal(how)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        return time.monotonic() - started


@dataclass
class Browser:
    """A browser as far as HTTP goes. httpx alone would not send `__Secure-` cookies over plain http."""

    replica: Replica
    user_agent: str = CHROME_ON_WINDOWS
    # one jar for each host name: cookies know no ports
    jars: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def cookies(self) -> dict[str, str]:
        """The app's cookies."""
        return self.jars.setdefault(str(urlsplit(self.replica.base_url).hostname), {})

    def ask(self, method: str, url: str, **more: Any) -> httpx.Response:
        """Send one request and follow nothing; a path alone is a path of the app."""
        url = urljoin(self.replica.base_url, url)
        jar = self.jars.setdefault(str(urlsplit(url).hostname), {})
        headers = {
            "user-agent": self.user_agent,
            "cookie": "; ".join(f"{name}={value}" for name, value in jar.items()),
            **more.pop("headers", {}),
        }
        response = self.replica.http.request(method, url, headers=headers, **more)
        for line in response.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    jar.pop(name, None)
                else:
                    jar[name] = morsel.value
        return response

    def visit(self, url: str) -> httpx.Response:
        """Open a page, following redirects."""
        return self.follow(self.ask("GET", url))

    def follow(self, response: httpx.Response) -> httpx.Response:
        """Go where a response leads."""
        while response.is_redirect:
            response = self.ask("GET", urljoin(str(response.url), response.headers["location"]))
        return response

    def submit(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Fill in the form of a sign-in page and send it; redirects are not followed."""
        return self.ask("POST", str(page.url), data=fields)

    def reach_password(self, email: str, next_path: str = "/") -> httpx.Response:
        """Sign in as far as the password page."""
        page = self.visit(f"/auth/login?next={next_path}")
        return self.follow(self.submit(page, email=email))

    def sign_in(self, account: Account, next_path: str = "/") -> httpx.Response:
        """Sign in; the page on which it ends."""
        self.visit("/")
        response = self.submit(self.reach_password(account.email, next_path), password=account.password)
        if account.totp_secret:
            response = self.submit(self.follow(response), code=account.code())
        return self.follow(response)

    def session(self) -> Json:
        """What the app says of the session."""
        said: Json = self.ask("GET", "/api/auth/session").json()
        return said

    def token(self) -> str:
        """The access token."""
        return str(self.session()["accessToken"])

    def call(self, method: str, path: str, token: str | None = None, **more: Any) -> httpx.Response:
        """Call the API; with the session's own token unless told otherwise."""
        headers = {"authorization": f"Bearer {token or self.token()}"}
        return self.ask(method, path, headers=headers, **more)

    def rows(self) -> list[Json]:
        """The sessions that the account's view lists."""
        rows: list[Json] = self.call("GET", "/backend-api/accounts/sessions").json()["devices"]
        return rows

    def own_row(self) -> Json:
        """The row of this browser."""
        [row] = [row for row in self.rows() if row["is_current_device"]]
        return row

    def log_out_row(self, session_id: str) -> httpx.Response:
        """Log out one session of the list."""
        path = "/backend-api/accounts/sessions/revoke"
        return self.call("POST", path, json={"session_id": session_id})

    def log_out_all(self) -> httpx.Response:
        """Log out of all sessions."""
        return self.call("POST", "/backend-api/accounts/logout_all")


class _Text(HTMLParser):
    """Collects what a page says: its title, its alerts, and its elements by test id."""

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, str] = {}
        self._names: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember under which name the coming text is kept."""
        told = dict(attrs)
        self._names = list(filter(None, (tag, told.get("role"), told.get("data-testid"), told.get("id"))))
        for name in self._names:
            self.said.setdefault(name, "")

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        for name in self._names:
            self.said[name] = f"{self.said[name]} {data.strip()}".strip()


def _read(page: httpx.Response) -> dict[str, str]:
    parser = _Text()
    parser.feed(page.text)
    return parser.said


def _until(condition: Callable[[], bool], within_s: float, every_s: float = 0.02) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(every_s)


def _environment(accounts: str | None) -> dict[str, str]:
    known = {k: v for k, v in os.environ.items() if not k.startswith("REPLICA_")}
    return known if accounts is None else known | {"REPLICA_ACCOUNTS": accounts}


@contextmanager
def _started(*options: str, accounts: list[Account] | None = None) -> Iterator[Replica]:
    token = secrets.token_urlsafe()
    known = None if accounts is None else json.dumps([vars(account) for account in accounts])
    process = subprocess.Popen(
        [sys.executable, "-m", "replica", *options],
        env=_environment(known) | {"REPLICA_CONTROL_TOKEN": token},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process, httpx.Client(timeout=10) as http:
        assert process.stdout is not None
        replica = Replica(process, json.loads(process.stdout.readline()), token, http)
        try:
            yield replica
        finally:
            if process.poll() is None:
                replica.stop()


def _complaint(*options: str, accounts: str | None = None) -> str:
    command = [sys.executable, "-m", "replica", *options]
    env = _environment(accounts)
    outcome = subprocess.run(command, env=env, capture_output=True, text=True, timeout=20, check=False)
    assert outcome.returncode == 2
    assert outcome.stdout == ""
    [line] = outcome.stderr.splitlines()
    return line


@pytest.fixture(scope="session")
def complaint() -> Callable[..., str]:
    """Start a replica that is expected to give up; the one line with which it does."""
    return _complaint


@pytest.fixture(scope="session")
def started() -> Callable[..., Any]:
    """Start a replica of one's own: `with started("--edges", "1", accounts=[...]) as replica`."""
    return _started


@pytest.fixture(scope="session")
def until() -> Callable[..., None]:
    """Wait for a condition, with a deadline: the only thing here that sleeps."""
    return _until


@pytest.fixture(scope="session")
def read() -> Callable[[httpx.Response], dict[str, str]]:
    """Tell what a page says, by tag, role, test id and id."""
    return _read


@pytest.fixture(scope="session")
def new_account() -> Callable[..., Account]:
    """Make up an account; with `mfa=True` it has a second factor."""
    numbers = itertools.count(1)

    def make(*, mfa: bool = False) -> Account:
        secret = pyotp.random_base32() if mfa else None
        return Account(f"ada{next(numbers)}@example.com", secrets.token_urlsafe(9), secret)

    return make


@pytest.fixture(scope="session")
def _pool(new_account: Callable[..., Account]) -> dict[bool, list[Account]]:
    # each test takes one away, and all tests may run in one process
    return {mfa: [new_account(mfa=mfa) for _ in range(50 if mfa else 300)] for mfa in (False, True)}


@pytest.fixture(scope="session")
def replica(_pool: dict[bool, list[Account]]) -> Iterator[Replica]:
    """The replica that most tests share: three edges that learn within 0.2 to 1.2 seconds."""
    options = [
        "--window-s",
        "2",
        "--delay-min-s",
        "0.2",
        "--delay-max-s",
        "1.2",
        "--seed",
        "7",
        "--stream-s",
        "0.5",
    ]
    with _started(*options, accounts=[*_pool[False], *_pool[True]]) as running:
        yield running


@pytest.fixture
def account(_pool: dict[bool, list[Account]], replica: Replica) -> Account:  # noqa: ARG001 - it knows them
    """An account of one's own, without a second factor."""
    return _pool[False].pop()


@pytest.fixture
def mfa_account(_pool: dict[bool, list[Account]], replica: Replica) -> Account:  # noqa: ARG001
    """An account of one's own, with a second factor."""
    return _pool[True].pop()


@pytest.fixture
def new_browser(replica: Replica) -> Callable[..., Browser]:
    """Make a browser without a screen; each has its own cookies, so each is a device of its own."""
    return partial(Browser, replica)


@pytest.fixture(scope="session")
def browser_for() -> type[Browser]:
    """Make a browser for a replica of one's own."""
    return Browser


SHOWN_WITHIN_MS = 15_000
"""Longer than anything here takes on a machine that is busy with other tests."""


@pytest.fixture
def open_page(browser: Chromium, replica: Replica) -> OpenPage:
    """Open a page in a profile of its own. An error in the page's scripts fails the test."""

    @contextmanager
    def opened() -> Iterator[Page]:
        context = browser.new_context(base_url=replica.base_url, locale="en-US", timezone_id="UTC")
        context.set_default_timeout(SHOWN_WITHIN_MS)
        try:
            page = context.new_page()
            errors: list[Any] = []
            page.on("pageerror", lambda error: errors.append(error))
            yield page
            assert not errors
        finally:
            context.close()

    return opened


@pytest.fixture
def page_of(open_page: OpenPage, new_browser: Callable[..., Browser], account: Account) -> Iterator[Page]:
    """A page that is signed in to the test's account, by cookies, which is quicker than by hand."""
    with open_page() as page:
        page.goto("/")
        screenless = new_browser(user_agent=page.evaluate("navigator.userAgent"))
        screenless.sign_in(account)
        page.context.add_cookies(
            [
                {"name": name, "value": value, "domain": "127.0.0.1", "path": "/", "secure": True}
                for name, value in screenless.cookies.items()
            ]
        )
        page.goto("/")
        expect(page.get_by_test_id("accounts-profile-button")).to_be_visible()
        yield page
