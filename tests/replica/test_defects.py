"""Sites that forget a session differently from others: by each defect, looking changes what is seen."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import jwt
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.replica.conftest import Account, Browser, Replica

    Start = Callable[..., AbstractContextManager[Replica]]
    Until = Callable[..., None]

CACHE_COOKIE = "__Secure-session-cache"
NO_DEFECT = {
    "defects": [],
    "serves_last_for_s": 0,
    "cache_cookie_s": 0,
    "slides_expiry_s": 0,
    "learns_when_asked_s": 0,
}
# Far longer than a test takes, or far shorter than two questions are apart.
LONG_S, SHORT_S = 60, 0.000_001
# Long enough for a busy machine to ask several times within it, short enough to be waited for.
HOLD_S = 1.0


class Signed(NamedTuple):
    """Somebody who is signed in twice: one browser to log out the other, whose ways in are looked at."""

    replica: Replica
    viewer: Browser
    target: Browser
    id: str
    token: str

    def log_out(self) -> None:
        """Log out the target; the one edge learns at once, unless behaviour says otherwise."""
        assert self.viewer.log_out_row(self.id).is_success

    def session_alive(self) -> bool:
        """Whether the target's cookies are honoured."""
        return "user" in self.target.session()

    def access_alive(self) -> bool:
        """Whether the target's token is honoured."""
        return self.target.call("GET", "/backend-api/me", self.token).is_success

    def honoured(self, layer: str) -> float:
        """When the truth says that the target was last honoured."""
        [told] = self.replica.truth(self.id)["sessions"]
        return float(told["last_honoured_monotonic_s"][layer])

    def effect(self, layer: str) -> dict[str, Any]:
        """What the truth says of the one edge and a layer."""
        [effect] = [e for e in self.replica.end_of(self.id)["effects"] if e["layer"] == layer]
        return dict(effect)


@pytest.fixture(scope="module")
def accounts(new_account: Callable[[], Account]) -> list[Account]:
    """One account for each test here."""
    return [new_account() for _ in range(40)]


@pytest.fixture(scope="module")
def one_edge(started: Start, accounts: list[Account]) -> Iterator[Replica]:
    """A replica with one edge that learns at once: what is seen then comes from a defect alone."""
    options = ["--edges", "1", "--delay-min-s", "0", "--delay-max-s", "0"]
    with started(*options, accounts=accounts) as replica:
        yield replica


@pytest.fixture
def signed(one_edge: Replica, accounts: list[Account], browser_for: type[Browser]) -> Signed:
    """Sign in twice."""
    account = accounts.pop()
    viewer, target = browser_for(one_edge), browser_for(one_edge)
    viewer.sign_in(account)
    target.sign_in(account)
    token = target.token()
    [session_id] = [row["session_id"] for row in viewer.rows() if not row["is_current_device"]]
    return Signed(one_edge, viewer, target, session_id, token)


def test_every_defect_is_off_unless_it_is_asked_for(one_edge: Replica) -> None:
    """A site as it is by default has none."""
    behaviour = one_edge.control("GET", "/behaviour").json()
    assert {name: behaviour[name] for name in NO_DEFECT} == NO_DEFECT


def test_without_a_defect_an_edge_that_learned_refuses(signed: Signed) -> None:
    """The other side of every test below."""
    assert signed.session_alive()
    assert signed.access_alive()
    signed.log_out()
    assert not signed.session_alive()
    assert not signed.access_alive()
    assert signed.honoured("session") < signed.effect("session")["at_monotonic_s"]


def test_a_worker_serves_the_last_session_for_as_long_as_it_is_asked(signed: Signed, until: Until) -> None:
    """Polled, the session lives on beyond the hold; left alone that long, it is over for good."""
    with signed.replica.behaving(serves_last_for_s=HOLD_S):
        assert signed.session_alive()
        signed.log_out()
        learned = signed.effect("session")["at_monotonic_s"]
        while time.monotonic() < learned + 1.5 * HOLD_S:
            assert signed.session_alive()
        last = signed.honoured("session")
        assert last > learned + HOLD_S
        until(lambda: time.monotonic() > last + HOLD_S, within_s=2 * HOLD_S)
        assert not signed.session_alive()
        assert not signed.session_alive()
    assert signed.honoured("session") == last


def test_a_worker_that_did_not_serve_a_layer_has_nothing_to_hold(signed: Signed) -> None:
    """Each layer has a cache of its own: the token was never shown, so its end is seen at once."""
    with signed.replica.behaving(serves_last_for_s=LONG_S):
        assert signed.session_alive()
        signed.log_out()
        assert not signed.access_alive()
        assert signed.session_alive()


def test_a_site_that_looks_a_session_up_now_and_then_learns_the_sooner_the_older_its_token_is(
    signed: Signed, until: Until
) -> None:
    """Every edge and layer at one moment: so long after the token was issued, which is told in seconds."""
    issued_s = jwt.decode(signed.token, options={"verify_signature": False})["iat"]
    with signed.replica.behaving(looks_up_every_s=LONG_S):
        until(lambda: time.time() > issued_s + 1.2, within_s=5)
        before_s = time.time()
        signed.log_out()
        after_s = time.time()
        delays_s = {signed.effect(layer)["delay_s"] for layer in ("session", "access")}
    assert len(delays_s) == 1
    assert LONG_S - (after_s - issued_s) <= delays_s.pop() <= LONG_S - (before_s - issued_s) < LONG_S - 1


def test_an_expiry_that_slides_does_so_by_any_use(signed: Signed, until: Until) -> None:
    """Use of the cookie keeps the token alive too; without any use for long enough both are refused."""
    with signed.replica.behaving(slides_expiry_s=HOLD_S):
        assert signed.session_alive()
        signed.log_out()
        learned = signed.effect("access")["at_monotonic_s"]
        while time.monotonic() < learned + 1.5 * HOLD_S:
            assert signed.session_alive()
        assert signed.access_alive()
        last = signed.honoured("access")
        until(lambda: time.monotonic() > last + HOLD_S, within_s=2 * HOLD_S)
        assert not signed.session_alive()
        assert not signed.access_alive()
    assert signed.honoured("access") == last


@pytest.mark.parametrize("defect", ["serves_last_for_s", "slides_expiry_s"])
def test_a_refused_question_keeps_nothing_alive(defect: str, signed: Signed) -> None:
    """Who comes too late once is refused ever after: only what was honoured counts as use."""
    assert signed.session_alive()
    signed.log_out()
    with signed.replica.behaving(**{defect: SHORT_S}):
        assert not any(signed.session_alive() for _ in range(5))


def test_a_cache_cookie_lets_in_without_asking(
    signed: Signed, one_edge: Replica, browser_for: type[Browser]
) -> None:
    """It comes with every use and is renewed by it; a copy of the session cookie alone is refused."""
    with one_edge.behaving(cache_cookie_s=LONG_S):
        assert signed.session_alive()
        first = signed.target.cookies[CACHE_COOKIE]
        signed.log_out()
        assert signed.session_alive()
        assert signed.target.cookies[CACHE_COOKIE] != first
        assert signed.target.ask("GET", "/codex").status_code == 200
        assert signed.honoured("session") > signed.effect("session")["at_monotonic_s"]
        bare = browser_for(one_edge)
        bare.cookies.update(signed.target.cookies)
        del bare.cookies[CACHE_COOKIE]
        assert "user" not in bare.session()
        assert CACHE_COOKIE not in bare.cookies
        assert not signed.access_alive()


def test_a_cache_cookie_is_kept_from_scripts(signed: Signed) -> None:
    """The cookie is as guarded as the session's own, and lives no longer than it is good for."""
    with signed.replica.behaving(cache_cookie_s=7):
        response = signed.target.ask("GET", "/")
    [cookie] = [c for c in response.headers.get_list("set-cookie") if c.startswith(CACHE_COOKIE)]
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes == {"httponly", "secure", "samesite=lax", "path=/", "max-age=7"}


@pytest.mark.parametrize("which", ["made up", "somebody else's", "too old", "an access token"])
def test_a_cache_cookie_that_is_not_good_is_no_way_in(which: str, signed: Signed) -> None:
    """Then the edge is asked, which knows of the log-out."""
    with signed.replica.behaving(cache_cookie_s=SHORT_S):
        assert signed.session_alive()
        too_old = signed.target.cookies[CACHE_COOKIE]
    with signed.replica.behaving(cache_cookie_s=LONG_S):
        signed.viewer.session()
        cookies = {
            "made up": "made.up.cookie",
            "somebody else's": signed.viewer.cookies[CACHE_COOKIE],
            "too old": too_old,
            "an access token": signed.token,
        }
        signed.target.cookies[CACHE_COOKIE] = cookies[which]
        signed.log_out()
        assert not signed.session_alive()


def test_a_cache_cookie_is_no_bearer(signed: Signed) -> None:
    """It is signed with the same key, and still opens no API."""
    with signed.replica.behaving(cache_cookie_s=LONG_S):
        assert signed.session_alive()
        cookie = signed.target.cookies[CACHE_COOKIE]
    assert signed.target.call("GET", "/backend-api/me", cookie).status_code == 401


def test_the_own_log_out_deletes_the_cache_cookie(signed: Signed) -> None:
    """Or the browser would be signed in again at once."""
    with signed.replica.behaving(cache_cookie_s=LONG_S):
        assert signed.session_alive()
        signed.target.visit("/auth/logout")
        assert CACHE_COOKIE not in signed.target.cookies


def test_an_edge_that_is_asked_learns_sooner(signed: Signed, until: Until) -> None:
    """The first question after the log-out sets the moment, of that layer alone; later ones do not."""
    late = {"delay_min_s": 20, "delay_max_s": 20}
    with signed.replica.behaving(**late, learns_when_asked_s=0.5):
        signed.log_out()
        before = signed.effect("session")
        assert before["delay_s"] == before["drawn_delay_s"] == 20
        sent = time.monotonic()
        assert signed.session_alive()
        received = time.monotonic()
        effect = signed.effect("session")
        assert sent <= effect["at_monotonic_s"] - 0.5 <= received
        assert effect["drawn_delay_s"] == 20
        requested = signed.replica.end_of(signed.id)["requested_monotonic_s"]
        assert requested + effect["delay_s"] == pytest.approx(effect["at_monotonic_s"])
        until(lambda: not signed.session_alive(), within_s=3)
        assert signed.effect("session") == effect
        assert signed.honoured("session") < effect["at_monotonic_s"]
        assert signed.effect("access")["delay_s"] == 20
        assert signed.access_alive()


def test_an_edge_that_learns_soon_anyway_does_not_learn_later_for_being_asked(signed: Signed) -> None:
    """What was drawn stays when it is sooner."""
    with signed.replica.behaving(delay_min_s=5, delay_max_s=5, learns_when_asked_s=LONG_S):
        signed.log_out()
        assert signed.session_alive()
        assert signed.effect("session")["delay_s"] == 5


@pytest.mark.parametrize("survives", [False, True])
def test_an_open_stream_outlives_the_log_out_only_where_it_is_told_to(survives: bool, signed: Signed) -> None:
    """With the defect it comes to its end and its mark; the truth says that it was honoured so long."""
    body = {"messages": [{"content": {"parts": ["hello"]}}]}
    headers = {"authorization": f"Bearer {signed.token}"}
    url = f"{signed.replica.base_url}/backend-api/conversation"
    with (
        signed.replica.behaving(stream_s=1, defects=["stream_survives"] if survives else []),
        signed.replica.http.stream("POST", url, headers=headers, json=body) as stream,
    ):
        lines = stream.iter_lines()
        next(lines)
        signed.log_out()
        rest = list(lines)
        assert not signed.access_alive()
    assert ("data: [DONE]" in rest) is survives
    assert (signed.honoured("stream") > signed.effect("access")["at_monotonic_s"]) is survives


@pytest.mark.parametrize("defect", ["serves_last_for_s", "slides_expiry_s"])
def test_a_stream_does_not_keep_itself_alive(defect: str, signed: Signed) -> None:
    """A stream lives for as long as the request that began it is held, and is cut then."""
    body = {"messages": [{"content": {"parts": ["hello"]}}]}
    headers = {"authorization": f"Bearer {signed.token}"}
    url = f"{signed.replica.base_url}/backend-api/conversation"
    with (
        signed.replica.behaving(stream_s=20, **{defect: HOLD_S}),
        signed.replica.http.stream("POST", url, headers=headers, json=body) as stream,
    ):
        lines = stream.iter_lines()
        next(lines)
        signed.log_out()
        rest = list(lines)
    learned = signed.effect("access")["at_monotonic_s"]
    assert "data: [DONE]" not in rest
    assert learned < signed.honoured("stream") < learned + HOLD_S
