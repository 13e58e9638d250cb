"""The site's ordinary trouble: each noise does what its line says, and none of it is there by default."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MANY = 300
"""Requests: enough for every kind of one noise in ten, or in twenty, to be among them."""

ASKED = "/api/auth/session"
BROKEN_OFF = "broken off"


@pytest.fixture
def noisy(started: Callable[..., Any], new_account: Callable[..., Any]) -> Callable[..., Any]:
    """Start a replica of one's own that is quiet at first, and knows one account."""

    @contextmanager
    def start(seed: int = 7) -> Iterator[tuple[Any, Any]]:
        account = new_account()
        times = ["--window-s", "2", "--delay-min-s", "0.1", "--delay-max-s", "0.5"]
        with started("--seed", str(seed), *times, accounts=[account]) as replica:
            yield replica, account

    return start


@pytest.fixture
def two_devices(browser_for: type[Any]) -> Callable[[Any, Any], tuple[Any, Any]]:
    """Sign in on two devices."""

    def sign_in(replica: Any, account: Any) -> tuple[Any, Any]:
        viewer, other = browser_for(replica), browser_for(replica)
        for browser in (viewer, other):
            browser.sign_in(account)
        return viewer, other

    return sign_in


def status(replica: Any, path: str = ASKED, **more: Any) -> int | str:
    """What a request is answered with."""
    try:
        return int(replica.http.get(f"{replica.base_url}{path}", **more).status_code)
    except httpx.TransportError:
        return BROKEN_OFF


def took_s(base_url: str, path: str) -> float:
    """How long a request takes, over a connection of its own."""
    with httpx.Client(timeout=30) as client:
        began_s = time.monotonic()
        client.get(f"{base_url}{path}").raise_for_status()
        return time.monotonic() - began_s


def slowest_s(replica: Any, path: str, times: int) -> float:
    """The slowest of several requests that are made at once."""
    with ThreadPoolExecutor(times) as pool:
        return max(pool.map(took_s, [replica.base_url] * times, [path] * times))


def test_without_noise_every_request_is_answered(replica: Any) -> None:
    assert replica.control("GET", "/behaviour").json()["noise"] == []
    assert {status(replica) for _ in range(MANY)} == {200}


def test_one_answer_of_ten_is_an_error_as_a_page_or_as_json(noisy: Any) -> None:
    with noisy() as (replica, _), replica.behaving(noise=["errors"]):
        answers = [replica.http.get(f"{replica.base_url}{ASKED}") for _ in range(MANY)]
    failed = [answer for answer in answers if answer.status_code != 200]
    assert 0.05 * MANY < len(failed) < 0.2 * MANY
    assert {answer.status_code for answer in failed} == {500, 502, 503, 504}
    kinds = {answer.headers["content-type"].partition(";")[0] for answer in failed}
    assert kinds == {"text/html", "application/json"}


def test_one_connection_of_twenty_is_reset(noisy: Any) -> None:
    with noisy() as (replica, _), replica.behaving(noise=["resets"]):
        seen = Counter(status(replica) for _ in range(MANY))
    assert set(seen) == {200, BROKEN_OFF}
    assert 0.02 * MANY < seen[BROKEN_OFF] < 0.1 * MANY


@pytest.mark.parametrize("noise", ["errors", "resets"])
def test_what_was_asked_may_have_been_done_all_the_same(noise: str, noisy: Any, browser_for: Any) -> None:
    with noisy() as (replica, account):
        browser = browser_for(replica)
        browser.sign_in(account)
        [before] = replica.truth()["sessions"]
        cookies = {"cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items())}
        with replica.behaving(noise=[noise]):
            asked = [status(replica, f"{ASKED}?refresh=true", headers=cookies) for _ in range(MANY)]
        [after] = replica.truth()["sessions"]
    done = after["tokens_minted"] - before["tokens_minted"]
    assert asked.count(200) < done < MANY


def test_static_files_are_spared(noisy: Any) -> None:
    with noisy() as (replica, _), replica.behaving(noise=["errors", "resets", "throttling", "latency"]):
        assert {status(replica, "/static/app.js") for _ in range(MANY)} == {200}


def test_now_and_then_everything_is_throttled(noisy: Any, until: Callable[..., None]) -> None:
    with noisy() as (replica, _):
        with replica.behaving(noise=["throttling"]):
            until(lambda: status(replica) == 429, within_s=60)
            turned_away = replica.http.get(f"{replica.base_url}/")
            assert turned_away.status_code == 429
            assert turned_away.headers["retry-after"] in {"1", "2"}
            until(lambda: status(replica) == 200, within_s=10)
            until(lambda: status(replica) == 429, within_s=60)
        # for a second at least everything would still be turned away
        assert status(replica) == 200


def test_answers_take_longer_each_another_time(noisy: Any) -> None:
    with noisy() as (replica, _), replica.behaving(noise=["latency"]), ThreadPoolExecutor(20) as pool:
        times_s = list(pool.map(took_s, [replica.base_url] * 20, [ASKED] * 20))
    assert max(times_s) > 0.5
    assert max(times_s) - min(times_s) > 0.5
    assert min(times_s) < max(times_s) / 2
    with noisy() as (replica, _):
        assert slowest_s(replica, ASKED, times=20) < max(times_s) / 2


def test_scripts_come_late_and_nothing_else(noisy: Any) -> None:
    with noisy() as (replica, _), replica.behaving(noise=["slow_scripts"]):
        late_s = slowest_s(replica, "/static/app.js", times=8)
        assert late_s > 1
        assert slowest_s(replica, "/static/site.css", times=8) < late_s / 2
        assert slowest_s(replica, ASKED, times=8) < late_s / 2
    with noisy() as (replica, _):
        assert slowest_s(replica, "/static/app.js", times=8) < late_s / 2


@pytest.mark.parametrize(
    ("noise", "answer"), [("outage", 503), ("challenge", 403)], ids=["outage", "challenge"]
)
def test_a_second_after_a_log_out_nobody_is_let_in_for_a_while(
    noise: str, answer: int, noisy: Any, two_devices: Any, until: Callable[..., None]
) -> None:
    with noisy() as (replica, account), replica.behaving(noise=[noise], outage_s=1, challenge_s=1):
        viewer, other = two_devices(replica, account)
        assert viewer.log_out_row(other.own_row()["session_id"]).status_code == 200
        until(lambda: status(replica) != 200, within_s=10)
        seen_s = time.monotonic()
        assert status(replica) == answer
        assert status(replica, "/static/app.js") == 200
        [end] = replica.truth()["revocations"]
        assert seen_s - end["acknowledged_monotonic_s"] >= 1
        until(lambda: status(replica) == 200, within_s=10)


@pytest.mark.parametrize(("noise", "action"), [(["outage", "challenge"], "self"), ([], "one")])
def test_a_log_out_of_its_own_or_on_a_quiet_site_brings_no_trouble(
    noise: list[str], action: str, noisy: Any, two_devices: Any, until: Callable[..., None]
) -> None:
    with noisy() as (replica, account), replica.behaving(noise=noise):
        viewer, other = two_devices(replica, account)
        if action == "self":
            other.visit("/auth/logout")
        else:
            viewer.log_out_row(other.own_row()["session_id"])
        [end] = replica.truth()["revocations"]
        assert end["action"] == action
        until(lambda: time.monotonic() > end["acknowledged_monotonic_s"] + 1.5, within_s=5)
        assert viewer.ask("GET", ASKED).status_code == 200


def test_an_outage_says_when_to_come_back(noisy: Any, two_devices: Any, until: Callable[..., None]) -> None:
    with noisy() as (replica, account), replica.behaving(noise=["outage"], outage_s=20):
        viewer, _ = two_devices(replica, account)
        viewer.log_out_all()
        until(lambda: status(replica) == 503, within_s=10)
        down = replica.http.get(f"{replica.base_url}/")
        assert 0 < int(down.headers["retry-after"]) <= 20


def test_a_challenge_looks_like_one(
    noisy: Any, two_devices: Any, read: Callable[..., dict[str, str]], until: Callable[..., None]
) -> None:
    with noisy() as (replica, account), replica.behaving(noise=["challenge"], challenge_s=20):
        viewer, _ = two_devices(replica, account)
        viewer.log_out_all()
        until(lambda: status(replica) == 403, within_s=10)
        asked = replica.http.get(f"{replica.base_url}{ASKED}")
        assert asked.headers["content-type"].startswith("text/html")
        assert asked.headers["cf-mitigated"] == "challenge"
        assert read(asked)["title"] == "Just a moment..."
        assert 'name="cf-turnstile-response"' in asked.text


@pytest.mark.parametrize(("noise", "fast_min"), [(["clock_off"], 4), ([], 0)], ids=["noise", "none"])
def test_the_date_of_every_answer_is_four_minutes_fast(noise: list[str], fast_min: int, noisy: Any) -> None:
    with noisy() as (replica, _), replica.behaving(noise=noise):
        for path in (ASKED, "/static/app.js"):
            answer = replica.http.get(f"{replica.base_url}{path}")
            [date] = answer.headers.get_list("date")
            fast = parsedate_to_datetime(date) - datetime.now(UTC)
            assert abs(fast - timedelta(minutes=fast_min)) < timedelta(seconds=30)


def test_a_seed_repeats_its_noise(noisy: Any) -> None:
    def statuses(seed: int) -> list[int | str]:
        with noisy(seed) as (replica, _), replica.behaving(noise=["errors", "resets"]):
            return [status(replica) for _ in range(100)]

    first = statuses(1)
    assert statuses(1) == first
    assert statuses(2) != first
