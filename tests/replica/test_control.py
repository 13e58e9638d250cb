"""The control port: closed without its token, discreet with it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.replica.conftest import Account, Browser, Replica


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer wrong"}, {"authorization": "Basic eA=="}])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/truth"), ("PATCH", "/behaviour"), ("POST", "/outage"), ("GET", "/none")]
)
def test_everything_demands_the_token(
    header: dict[str, str], method: str, path: str, replica: Replica
) -> None:
    """401 without it, whatever is asked for."""
    url = f"{replica.ready['control_url']}{path}"
    assert httpx.request(method, url, headers=header).status_code == 401


def test_the_truth_holds_no_secret(
    new_browser: Callable[[], Browser], mfa_account: Account, replica: Replica
) -> None:
    """No cookie, token, password or one-time secret; e-mail addresses are masked."""
    browser = new_browser()
    browser.sign_in(mfa_account)
    browser.visit("/codex")
    token = browser.token()
    browser.log_out_all()
    told = json.dumps(replica.truth())
    secrets = [
        *browser.cookies.values(),
        token,
        mfa_account.password,
        mfa_account.totp_secret,
        mfa_account.email,
    ]
    assert not [secret for secret in secrets if secret and secret in told]
    assert "a***@example.com" in told


def test_the_truth_shares_the_clock_of_the_machine(replica: Replica) -> None:
    """Monotonic moments of the replica can be compared with one's own."""
    before = time.monotonic()
    now = replica.truth()["now"]["monotonic_s"]
    assert before <= now <= time.monotonic()


def test_the_truth_can_be_asked_for_some_sessions_alone(
    new_browser: Callable[[], Browser], account: Account, replica: Replica
) -> None:
    """Named once or more; an unknown name tells nothing; without a name everything is told."""
    ended, other, third = new_browser(), new_browser(), new_browser()
    for browser in (ended, other, third):
        browser.sign_in(account)
    ids = [browser.own_row()["session_id"] for browser in (ended, other, third)]
    other.log_out_row(ids[0])
    third.log_out_row(ids[2])

    def told(*asked: str) -> tuple[list[str], list[str]]:
        truth = replica.truth(*asked)
        return (
            [session["session_id"] for session in truth["sessions"]],
            [end["session_id"] for end in truth["revocations"]],
        )

    assert told(ids[0]) == ([ids[0]], [ids[0]])
    assert told(*ids[:2]) == (ids[:2], [ids[0]])
    assert told("us_made_up") == ([], [])
    assert set(ids) <= set(told()[0])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"no_such": 1}, "no_such"),
        ({"window_s": -1}, "window_s"),
        ({"delay_min_s": 99}, "delay_min_s"),
        ([], "object"),
    ],
)
def test_a_bad_change_changes_nothing(change: object, named: str, replica: Replica) -> None:
    """422 says what is wrong, and the behaviour stays."""
    before = replica.control("GET", "/behaviour").json()
    response = replica.control("PATCH", "/behaviour", json=change)
    assert response.status_code == 422
    assert named in response.json()["detail"]
    assert replica.control("GET", "/behaviour").json() == before


def test_an_outage_is_neither_alive_nor_revoked(
    new_browser: Callable[[], Browser], account: Account, replica: Replica
) -> None:
    """The app answers everything with one status, and lets everybody in again afterwards."""
    browser = new_browser()
    browser.sign_in(account)
    replica.control("POST", "/outage", json={"for_s": 60, "status": 502}).raise_for_status()
    answers = [browser.ask("GET", path) for path in ("/", "/api/auth/session", "/backend-api/me")]
    replica.control("POST", "/outage", json={"for_s": 0}).raise_for_status()
    assert {answer.status_code for answer in answers} == {502}
    assert all(0 < int(answer.headers["retry-after"]) <= 60 for answer in answers)
    assert "user" in browser.session()


def test_an_outage_ends_by_itself(
    new_browser: Callable[[], Browser], replica: Replica, until: Callable[..., None]
) -> None:
    """It lasts as long as it was asked to."""
    replica.control("POST", "/outage", json={"for_s": 0.3}).raise_for_status()
    browser = new_browser()
    assert browser.ask("GET", "/").status_code == 503
    until(lambda: browser.ask("GET", "/").status_code == 200, within_s=2)


@pytest.mark.parametrize("body", [{}, {"for_s": -1}, {"for_s": 1, "status": 200}])
def test_an_outage_that_makes_no_sense_is_refused(body: dict[str, int], replica: Replica) -> None:
    """422 for a missing or impossible length, and for a status that is no failure."""
    assert replica.control("POST", "/outage", json=body).status_code == 422
