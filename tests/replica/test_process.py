"""The replica as a process: how it starts, what it says, and how it ends."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from replica.accounts import read_accounts

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.replica.conftest import Account, Browser, Replica

    Start = Callable[..., AbstractContextManager[Replica]]
    Complaint = Callable[..., str]


def test_the_ready_line_tells_where_everything_is(replica: Replica) -> None:
    """One line of JSON gives the three addresses, the window, the edges and the process."""
    assert replica.ready["event"] == "ready"
    assert replica.ready["window_s"] == 2
    assert replica.ready["edges"] == 3
    assert replica.ready["seed"] == 7
    assert replica.ready["pid"] == replica.process.pid
    hosts = {name: urlsplit(replica.ready[name]).hostname for name in ("base_url", "auth_url", "control_url")}
    assert hosts == {"base_url": "127.0.0.1", "auth_url": "localhost", "control_url": "127.0.0.1"}


def test_a_sign_in_prints_nothing(
    started: Start, browser_for: Callable[[Replica], Browser], new_account: Callable[[], Account]
) -> None:
    """After the READY line nothing is printed, so nothing secret is."""
    account = new_account()
    with started(accounts=[account]) as replica:
        browser_for(replica).sign_in(account)
        replica.stop()
        assert replica.process.stdout is not None
        assert replica.process.stderr is not None
        assert replica.process.stdout.read() == ""
        assert replica.process.stderr.read() == ""


def test_without_accounts_there_is_a_demo_account(
    started: Start, browser_for: Callable[[Replica], Browser], new_account: Callable[[], Account]
) -> None:
    """One line on stderr tells how to sign in, and that works."""
    with started() as replica:
        assert replica.process.stderr is not None
        words = replica.process.stderr.readline().split()
        account = replace(new_account(), email=words[words.index("as") + 1], password=words[-1])
        browser = browser_for(replica)
        browser.sign_in(account)
        assert browser.session()["user"]["email"] == account.email


@pytest.mark.parametrize("option", ["--port", "--auth-port", "--control-port"])
def test_a_taken_port_is_named(option: str, complaint: Complaint) -> None:
    """Exit status 2, and one line names the option, the port and the remedy."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        line = complaint(option, port)
    assert f"{option} {port}" in line
    assert "choose a free port" in line


@pytest.mark.parametrize(
    ("accounts", "named"),
    [
        ("swordfish", "Invalid JSON"),
        ("[]", "lists no account"),
        ('[{"email": "ada@example.com", "pass": "swordfish"}]', "0.password"),
        ('[{"email": "swordfish", "password": "swordfish"}]', "0.email"),
        ('[{"email": "a@b.c", "password": "p", "totp_secret": "swordfish"}]', "0.totp_secret"),
        ('[{"email": "a@b.c", "password": "p"}, {"email": "A@b.c", "password": "p"}]', "twice"),
    ],
)
def test_bad_accounts_are_explained_without_quoting_them(accounts: str, named: str) -> None:
    """What is wrong names the field; its value may be a secret, and is not shown."""
    with pytest.raises(ValueError, match=re.escape(named)) as refused:
        read_accounts(accounts)
    assert "swordfish" not in str(refused.value)


def test_bad_accounts_stop_the_start(complaint: Complaint) -> None:
    """Exit status 2, and one line names the variable, what is wrong with it and what it should be."""
    line = complaint(accounts='[{"email": "ada@example.com", "pass": "swordfish"}]')
    assert "REPLICA_ACCOUNTS: 0.password: Field required" in line
    assert "give a JSON list of" in line
    assert "swordfish" not in line


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--edges", "0"], "--edges"),
        (["--no-such"], "--no-such"),
        (["--delay-min-s", "9", "--delay-max-s", "3"], "delay_min_s"),
        (["--behaviour", '{"no_such": 1}'], "no_such"),
        (["--behaviour", "5"], "--behaviour"),
        (["--public-url", "app.example.test"], "--public-url"),
        (["--public-url", "ftp://app.example.test"], "--public-url"),
        (["--public-url", "http://app.example.test/path"], "--public-url"),
        (["--public-url", "http://app.example.test?query"], "--public-url"),
    ],
)
def test_a_bad_option_is_named(options: list[str], named: str, complaint: Complaint) -> None:
    """Exit status 2, and one line names the option."""
    assert named in complaint(*options)


def test_a_behaviour_given_at_the_start_wins_over_the_options(started: Start) -> None:
    """Any tunable can be set at the start, also one without an option of its own."""
    overlay = json.dumps({"window_s": 5, "delete_cookie_on_refusal": True})
    with started("--window-s", "3", "--behaviour", overlay) as replica:
        behaviour = replica.control("GET", "/behaviour").json()
        assert replica.ready["window_s"] == 5
    assert behaviour["window_s"] == 5
    assert behaviour["delete_cookie_on_refusal"] is True


def free_port() -> str:
    """A port that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.parametrize("keeps_host", [True, False])
def test_a_sign_in_through_a_proxy_comes_back_through_it(
    keeps_host: bool,
    started: Start,
    browser_for: Callable[[Replica], Browser],
    new_account: Callable[[], Account],
) -> None:
    """Whether the proxy passes the host name on or not, the app speaks of its public address alone."""
    account, port = new_account(), free_port()
    public, own = "http://app.example.test:8080", f"http://127.0.0.1:{port}"
    with started("--port", port, "--public-url", f"{public}/", accounts=[account]) as replica:
        assert replica.ready["base_url"] == public
        browser = browser_for(replica)
        proxied = {"host": "app.example.test:8080"} if keeps_host else {}
        page = browser.ask("GET", f"{own}/auth/login?next=/codex", headers=proxied)
        page = browser.follow(browser.submit(browser.follow(page), email=account.email))
        callback = browser.submit(page, password=account.password).headers["location"]
        assert callback.startswith(f"{public}/api/auth/callback/openai?")
        response = browser.ask("GET", callback.replace(public, own), headers=proxied)
        assert (response.status_code, response.headers["location"]) == (302, "/codex")
        elsewhere = browser.ask("GET", f"{own}/auth/login?next=/codex", headers={"host": "other.test"})
        assert elsewhere.headers["location"] == f"{public}/auth/login?next=/codex"


def test_a_public_address_is_written_as_browsers_write_it(started: Start) -> None:
    """Without the port that its scheme has anyway: or a sign-in would be sent there again and again."""
    port = free_port()
    with started("--port", port, "--public-url", "https://App.example.test:443") as replica:
        assert replica.ready["base_url"] == "https://app.example.test"
        url = f"http://127.0.0.1:{port}/auth/login"
        response = replica.http.get(url, headers={"host": "app.example.test"})
        assert response.headers["location"].startswith(replica.ready["auth_url"])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_promptly_with_a_stream_open(
    how: signal.Signals,
    started: Start,
    browser_for: Callable[[Replica], Browser],
    new_account: Callable[[], Account],
) -> None:
    """A stream that would last a minute does not hold it up: exit status 0 in less than two seconds."""
    account = new_account()
    with started("--stream-s", "60", accounts=[account]) as replica:
        browser = browser_for(replica)
        browser.sign_in(account)
        url = f"{replica.base_url}/backend-anon/conversation"
        body = {"messages": [{"content": {"parts": ["hello"]}}]}
        with replica.http.stream("POST", url, json=body) as stream:
            next(stream.iter_lines())
            assert replica.stop(how) < 2
        assert replica.process.returncode == 0


def test_it_ends_with_its_parent(until: Callable[..., None]) -> None:
    """A replica whose parent was killed does not stay behind."""
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import subprocess, sys; subprocess.run([sys.executable, '-m', 'replica'], check=False)",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        address = urlsplit(json.loads(parent.stdout.readline())["base_url"])

        def gone() -> bool:
            with socket.socket() as probe:
                return probe.connect_ex((str(address.hostname), address.port or 0)) != 0

        assert not gone()
        parent.kill()
        until(gone, within_s=3)
