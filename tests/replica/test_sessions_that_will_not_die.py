"""Sessions that an edge goes on to honour, each defect in its own way, and what the truth tells of that."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jwt
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import httpx

    from tests.replica.conftest import Account, Browser, Replica

    Start = Callable[..., AbstractContextManager[Replica]]
    Until = Callable[..., None]

MESSAGE = {"messages": [{"content": {"parts": ["hello"]}}]}
DOCUMENT = {"sec-fetch-dest": "document", "sec-fetch-site": "none", "accept": "text/html,*/*"}
SCRIPT = {"sec-fetch-dest": "empty", "sec-fetch-site": "same-origin"}
# With three edges, as many answers miss one of them with a chance of (2/3)^40.
SURE = 40


@dataclass(frozen=True)
class Pair:
    """Two sessions of an account: one to log out the other, which is then tried by every way in."""

    replica: Replica
    viewer: Browser
    target: Browser
    id: str
    token: str

    def log_out(self, action: str) -> None:
        """End the target by one of the three log-outs; it keeps its cookies, as who copied them would."""
        cookies = dict(self.target.cookies)
        if action == "one":
            answer = self.viewer.log_out_row(self.id)
        elif action == "all":
            answer = self.viewer.log_out_all()
        else:
            answer = self.target.ask("GET", "/auth/logout")
        assert answer.status_code < 400
        self.target.cookies.update(cookies)

    def ask(self, path: str, **headers: str) -> httpx.Response:
        """Ask by the cookies alone."""
        return self.target.ask("GET", path, headers=headers)

    def call(self, path: str, token: str = "", **headers: str) -> bool:
        """Whether a call by the token alone is honoured."""
        bearer = {"authorization": f"Bearer {token or self.token}", "cookie": ""}
        return self.target.ask("GET", path, headers=bearer | headers).is_success

    def send(self) -> httpx.Response:
        """Send a message."""
        return self.target.call("POST", "/backend-api/conversation", self.token, json=MESSAGE)

    def honoured(self) -> set[str]:
        """Every way in by which the target is let in."""
        session, me = "/api/auth/session", "/backend-api/me"
        ways = {
            "page": self.ask("/platform", **DOCUMENT).status_code == 200,
            "cookie": "user" in self.ask(session).json(),
            "refresh": "user" in self.ask(f"{session}?refresh=true").json(),
            "script's cookie": "user" in self.ask(session, **SCRIPT).json(),
            "codex": self.ask("/codex").status_code == 200,
            "bearer": self.call(me),
            "script's bearer": self.call(me, **SCRIPT),
            "codex usage": self.call("/backend-api/wham/usage"),
            "message": self.send().is_success,
        }
        return {way for way, is_open in ways.items() if is_open}

    def is_alive(self) -> bool:
        """Whether the cookie opens the API."""
        return "user" in self.ask("/api/auth/session").json()

    def last_honoured(self, layer: str = "session") -> float:
        """When the truth says that the target was last let in."""
        [told] = self.replica.truth(self.id)["sessions"]
        return float(told["last_honoured_monotonic_s"][layer])


COOKIE = {"page", "cookie", "refresh", "script's cookie", "codex"}
BEARER = {"bearer", "script's bearer", "codex usage", "message"}
EVERY = COOKIE | BEARER
AFAR = {"one", "all"}

# Of each defect: after which log-outs it acts, and by which ways the session is then still let in.
SURVIVORS: dict[str, tuple[set[str], set[str]]] = {
    "": (set(), set()),
    "row_goes_session_lives": ({"one"}, EVERY),
    "edge_never_learns": (AFAR, EVERY),
    "held_token_lives": (AFAR, BEARER),
    "cookie_lives": (AFAR, COOKIE),
    "refresh_mints": (AFAR, {"refresh"}),
    "all_spares_codex": ({"all"}, {"codex", "codex usage"}),
    "tab_survives": (AFAR, {"script's cookie", "script's bearer"}),
    "message_accepted": (AFAR, {"message"}),
    "screen_says_out": (AFAR, EVERY - {"page"}),
    "screen_says_in": (AFAR, {"page"}),
    "only_forgotten": ({"self"}, EVERY),
}


@dataclass(frozen=True)
class Site:
    """A replica, and accounts for it."""

    replica: Replica
    accounts: list[Account]
    browser: type[Browser]

    def pair(self) -> Pair:
        """Two sessions of an account of their own."""
        account = self.accounts.pop()
        viewer, target = self.browser(self.replica), self.browser(self.replica)
        viewer.sign_in(account)
        target.sign_in(account)
        token = target.token()
        session_id = jwt.decode(token, options={"verify_signature": False})["sid"]
        return Pair(self.replica, viewer, target, session_id, token)


@pytest.fixture(scope="module")
def site(started: Start, new_account: Callable[..., Account], browser_for: type[Browser]) -> Iterator[Site]:
    """One edge that learns at once: what is honoured after a log-out is honoured by a defect."""
    accounts = [new_account() for _ in range(90)]
    options = ["--edges", "1", "--delay-min-s", "0", "--delay-max-s", "0", "--stream-s", "0.1"]
    with started(*options, accounts=accounts) as replica:
        yield Site(replica, accounts, browser_for)


@pytest.fixture
def pair(site: Site) -> Pair:
    """Two sessions of an account."""
    return site.pair()


@pytest.mark.parametrize("action", ["one", "all", "self"])
@pytest.mark.parametrize("defect", SURVIVORS)
def test_by_which_ways_an_ended_session_is_let_in(defect: str, action: str, pair: Pair) -> None:
    """By those of the defect, after the log-outs that it concerns; by none once it is switched off."""
    actions, ways = SURVIVORS[defect]
    assert pair.honoured() == EVERY
    with pair.replica.behaving(defects=[defect] if defect else []):
        pair.log_out(action)
        assert pair.honoured() == (ways if action in actions else set())
    assert pair.honoured() == set()


@pytest.mark.parametrize("defect", ["row_goes_session_lives", "only_forgotten"])
def test_a_session_that_lives_on_in_secret_is_not_listed(defect: str, pair: Pair) -> None:
    """The row is gone, and in the browser that logged itself out the cookie."""
    with pair.replica.behaving(defects=[defect]):
        if defect == "only_forgotten":
            pair.target.visit("/auth/logout")
            assert "__Secure-next-auth.session-token" not in pair.target.cookies
        else:
            pair.log_out("one")
        assert [row["is_current_device"] for row in pair.viewer.rows()] == [True]
        assert pair.call("/backend-api/me")


def test_the_truth_tells_what_was_honoured_and_when_the_edge_knew(pair: Pair) -> None:
    """It does not lie along: the edge knew, and honoured the session later than that."""
    with pair.replica.behaving(defects=["edge_never_learns"]):
        pair.log_out("one")
        [learned] = pair.replica.learned(pair.id, "session")
        sent = time.monotonic()
        assert pair.is_alive()
        assert learned < sent <= pair.last_honoured() <= time.monotonic()
    last = pair.last_honoured()
    assert not pair.is_alive()
    assert pair.last_honoured() == last


def test_only_one_edge_of_several_never_learns(
    replica: Replica, new_browser: Callable[[], Browser], account: Account, until: Until
) -> None:
    """When all have learned, some answers are still those of a living session, and the rest are refusals."""
    viewer, target = new_browser(), new_browser()
    viewer.sign_in(account)
    target.sign_in(account)
    session_id = target.own_row()["session_id"]
    with replica.behaving(defects=["edge_never_learns"], delay_min_s=0, delay_max_s=0):
        viewer.log_out_row(session_id)
        answers = ["user" in target.session() for _ in range(SURE)]
    assert set(answers) == {True, False}
    until(lambda: not any("user" in target.session() for _ in range(SURE)), within_s=4)


@pytest.mark.parametrize(("action", "delay_s"), [("one", 13), ("all", 13), ("self", 4)])
def test_edges_that_learn_only_after_the_window(action: str, delay_s: float, pair: Pair) -> None:
    """All of them, of both layers, at the same moment; a device's own log-out is in time."""
    with pair.replica.behaving(defects=["late"], window_s=10, delay_min_s=4, delay_max_s=4):
        pair.log_out(action)
        assert pair.is_alive()
    effects = pair.replica.end_of(pair.id)["effects"]
    assert {effect["delay_s"] for effect in effects} == {delay_s}
    assert {effect["drawn_delay_s"] for effect in effects} == {delay_s}


@pytest.mark.parametrize(
    ("defect", "window_s", "back_s"), [("comes_back_soon", 60, 0.5), ("comes_back_late", 1, 1)]
)
def test_a_session_that_comes_back(
    defect: str, window_s: float, back_s: float, pair: Pair, until: Until
) -> None:
    """It is refused first, and then honoured by every way, for good; not without the defect."""
    with pair.replica.behaving(window_s=window_s):
        with pair.replica.behaving(defects=[defect]):
            pair.log_out("one")
            end = pair.replica.end_of(pair.id)
            assert not pair.is_alive()
            until(pair.is_alive, within_s=back_s + 2)
            assert pair.last_honoured() >= end["requested_monotonic_s"] + back_s
            assert pair.honoured() == EVERY
        assert pair.honoured() == set()


@pytest.mark.parametrize("defect", ["comes_back_soon", "comes_back_late"])
def test_a_session_that_logged_itself_out_does_not_come_back(defect: str, pair: Pair, until: Until) -> None:
    """Far longer than the other would have taken."""
    with pair.replica.behaving(defects=[defect], window_s=0.5):
        pair.log_out("self")
        ended = time.monotonic()
        until(lambda: time.monotonic() > ended + 1, within_s=2)
        assert pair.honoured() == set()


def test_a_token_that_a_dead_session_was_given(pair: Pair) -> None:
    """It is a new one each time and opens the API; the token from before the log-out does not."""
    with pair.replica.behaving(defects=["refresh_mints"]):
        before = pair.ask("/api/auth/session?refresh=true").json()["accessToken"]
        pair.log_out("one")
        minted = [pair.ask("/api/auth/session?refresh=true").json()["accessToken"] for _ in range(2)]
        assert len({*minted, before, pair.token}) == 4
        assert all(pair.call("/backend-api/me", token) for token in minted)
        answer = pair.target.call("POST", "/backend-api/conversation", minted[0], json=MESSAGE)
        assert answer.text.endswith("data: [DONE]\n\n")
        assert not any(pair.call("/backend-api/me", token) for token in (before, pair.token))
    assert not any(pair.call("/backend-api/me", token) for token in minted)


@pytest.mark.parametrize("action", ["one", "all", "self"])
@pytest.mark.parametrize("lies", [True, False], ids=["a site that lies", "a site that does not"])
def test_a_screen_that_is_ahead_of_the_site(lies: bool, action: str, pair: Pair) -> None:
    """Long before an edge learns of a log-out from afar, each page says signed out; the API knows nothing."""
    with pair.replica.behaving(defects=["screen_says_out"] if lies else [], delay_min_s=20, delay_max_s=20):
        pair.log_out(action)
        assert pair.honoured() == (EVERY - {"page"} if lies and action in AFAR else EVERY)


@pytest.mark.parametrize(
    ("headers", "is_page"),
    [
        ({"sec-fetch-dest": "document"}, True),
        ({"accept": "text/html,application/xhtml+xml"}, True),
        ({"sec-fetch-dest": "empty", "accept": "text/html"}, False),
        ({"accept": "application/json"}, False),
        ({}, False),
    ],
)
def test_what_counts_as_a_page(headers: dict[str, str], is_page: bool, pair: Pair) -> None:
    """What the browser says that it is for; of a client that says nothing, what it would like to read."""
    with pair.replica.behaving(defects=["screen_says_in"]):
        pair.log_out("one")
        assert (pair.ask("/platform", **headers).status_code == 200) is is_page


@pytest.mark.parametrize("site_of_asker", ["cross-site", "none", "same-site"])
def test_only_a_page_of_the_site_asks_as_its_tab(site_of_asker: str, pair: Pair) -> None:
    """Not a script of another site, nor one that says nothing of itself."""
    with pair.replica.behaving(defects=["tab_survives"]):
        pair.log_out("one")
        foreign = SCRIPT | {"sec-fetch-site": site_of_asker}
        assert "user" not in pair.ask("/api/auth/session", **foreign).json()
        assert not pair.call("/backend-api/me", **foreign)


def test_a_tab_that_survives_sends_no_message(pair: Pair) -> None:
    """Looking goes on, using does not."""
    with pair.replica.behaving(defects=["tab_survives"]):
        pair.log_out("one")
        sent = pair.target.ask(
            "POST",
            "/backend-api/conversation",
            headers={"authorization": f"Bearer {pair.token}", **SCRIPT},
            json=MESSAGE,
        )
        assert sent.status_code == 401


def test_a_message_that_is_accepted_is_answered_to_its_end(pair: Pair) -> None:
    """But an answer that was under way at the log-out is cut."""
    headers: Any = {"authorization": f"Bearer {pair.token}"}
    url = f"{pair.replica.base_url}/backend-api/conversation"
    with pair.replica.behaving(defects=["message_accepted"], stream_s=1):
        with pair.replica.http.stream("POST", url, headers=headers, json=MESSAGE) as stream:
            lines = stream.iter_lines()
            next(lines)
            pair.log_out("one")
            rest = list(lines)
        assert "data: [DONE]" not in rest
        assert pair.send().text.endswith("data: [DONE]\n\n")


def test_a_session_that_was_revived_is_still_so_after_a_restart(
    started: Start, new_account: Callable[..., Account], browser_for: type[Browser], tmp_path: Any
) -> None:
    """The site forgets nothing that its edges act on."""
    options = ["--state", str(tmp_path / "state.json"), "--delay-min-s", "0", "--delay-max-s", "0"]
    options += ["--defects", "sign_in_revives"]
    accounts = [new_account()]
    with started(*options, accounts=accounts) as replica:
        pair = Site(replica, list(accounts), browser_for).pair()
        pair.log_out("one")
        assert not pair.is_alive()
        cookies = dict(pair.target.cookies)
        pair.target.sign_in(accounts[0])
    with started(*options, accounts=accounts) as replica:
        copy = browser_for(replica)
        copy.cookies.update(cookies)
        assert "user" in copy.session()
