"""The heart: who learns when, and whether what was served agrees with the truth."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.replica.conftest import Account, Browser, Replica

    Start = Callable[..., AbstractContextManager[Replica]]

LAYERS = ("session", "access")
# With three edges, this many refusals miss a living edge with a chance of (2/3)^40: one in ten million.
SURE = 40


class Asked(NamedTuple):
    """One question to one layer, and the times between which it was answered."""

    sent: float
    received: float
    alive: bool
    code: str


class Layers:
    """Asks each layer of one session, by copies of its cookie and its access token."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._token = browser.token()
        self.id = browser.own_row()["session_id"]

    def ask(self, layer: str) -> Asked:
        """Ask one layer once."""
        sent = time.monotonic()
        if layer == "session":
            alive, code = "user" in self._browser.session(), ""
        else:
            response = self._browser.call("GET", "/backend-api/me", self._token)
            alive = response.status_code == 200
            code = "" if alive else response.json()["detail"]["code"]
        return Asked(sent, time.monotonic(), alive, code)

    def alive(self, layer: str) -> bool:
        """Whether every one of many answers is alive."""
        return all(self.ask(layer).alive for _ in range(SURE))

    def dead(self, layer: str) -> bool:
        """Whether every one of many answers is a refusal."""
        return not any(self.ask(layer).alive for _ in range(SURE))


def test_what_was_served_agrees_with_the_truth(
    started: Start, browser_for: Callable[[Replica], Browser], new_account: Callable[[], Account]
) -> None:
    """Polled hard, each layer lives until the first edge knows, flaps, and is dead once the last knows."""
    account = new_account()
    # a seed of its own, so that the edges learn far enough apart for a flap to be seen
    with started(
        "--delay-min-s", "0.2", "--delay-max-s", "1.2", "--seed", "7", accounts=[account]
    ) as replica:
        viewer, target = browser_for(replica), browser_for(replica)
        viewer.sign_in(account)
        target.sign_in(account)
        layers = Layers(target)
        viewer.log_out_row(layers.id)
        learned = {layer: replica.learned(layers.id, layer) for layer in LAYERS}
        polled = poll_until(max(map(max, learned.values())) + 0.2, layers)
        [told] = [s for s in replica.truth()["sessions"] if s["session_id"] == layers.id]
    for layer in LAYERS:
        honoured = told["last_honoured_monotonic_s"][layer]
        assert_agreement(polled[layer], learned[layer], honoured)
    assert {answer.code for answer in polled["access"] if not answer.alive} == {"token_revoked"}


def poll_until(end: float, layers: Layers) -> dict[str, list[Asked]]:
    """Ask both layers in turn, as fast as they answer, until a moment of the monotonic clock."""
    polled: dict[str, list[Asked]] = {layer: [] for layer in LAYERS}
    while time.monotonic() < end:
        for layer in LAYERS:
            polled[layer].append(layers.ask(layer))
    return polled


def assert_agreement(answers: list[Asked], learned: list[float], honoured: float) -> None:
    """What was served to one who polled alone is what the truth says was honoured."""
    first, last = learned[0], learned[-1]
    assert all(answer.alive for answer in answers if answer.received < first)
    assert not any(answer.alive for answer in answers if answer.sent > last)
    assert {a.alive for a in answers if first < a.sent and a.received < last} == {True, False}
    last_alive = [answer for answer in answers if answer.alive][-1]
    assert last_alive.sent <= honoured <= last_alive.received
    assert honoured < last


def test_a_revocation_is_bracketed_by_what_the_client_saw(
    new_browser: Callable[[], Browser], account: Account, replica: Replica
) -> None:
    """Both ends share one clock: sent, requested, acknowledged and received come in this order."""
    viewer, target = new_browser(), new_browser()
    viewer.sign_in(account)
    target.sign_in(account)
    session_id = target.own_row()["session_id"]
    token = viewer.token()
    sent = time.monotonic()
    viewer.call("POST", "/backend-api/accounts/sessions/revoke", token, json={"session_id": session_id})
    received = time.monotonic()
    end = replica.end_of(session_id)
    assert sent <= end["requested_monotonic_s"] <= end["acknowledged_monotonic_s"] <= received


def test_each_edge_learns_each_layer_within_the_bounds(
    new_browser: Callable[[], Browser], account: Account, replica: Replica
) -> None:
    """One moment for each edge and layer, all different, none outside the configured delays."""
    viewer, target = new_browser(), new_browser()
    viewer.sign_in(account)
    target.sign_in(account)
    session_id = target.own_row()["session_id"]
    viewer.log_out_row(session_id)
    end = replica.end_of(session_id)
    assert {(e["edge"], e["layer"]) for e in end["effects"]} == {(n, la) for n in range(3) for la in LAYERS}
    assert len({effect["delay_s"] for effect in end["effects"]}) == 6
    for effect in end["effects"]:
        assert 0.2 <= effect["delay_s"] <= 1.2
        assert effect["at_monotonic_s"] == pytest.approx(end["requested_monotonic_s"] + effect["delay_s"])


def test_no_edge_learns_later_than_the_window(
    new_browser: Callable[[], Browser], account: Account, replica: Replica
) -> None:
    """Delays beyond the window are cut to it."""
    viewer, target = new_browser(), new_browser()
    viewer.sign_in(account)
    target.sign_in(account)
    session_id = target.own_row()["session_id"]
    with replica.behaving(window_s=0.5, delay_min_s=5, delay_max_s=9):
        viewer.log_out_row(session_id)
    assert {effect["delay_s"] for effect in replica.end_of(session_id)["effects"]} == {0.5}


def test_the_list_knows_at_once(new_browser: Callable[[], Browser], account: Account) -> None:
    """The row is gone with the next look, while the session itself may still live."""
    viewer, target = new_browser(), new_browser()
    viewer.sign_in(account)
    target.sign_in(account)
    layers = Layers(target)
    viewer.log_out_row(layers.id)
    assert [row["is_current_device"] for row in viewer.rows()] == [True]
    assert layers.ask("session").alive


def test_a_bystander_stays_signed_in(
    new_browser: Callable[[], Browser], account: Account, until: Callable[..., None]
) -> None:
    """The log-out of one session ends that one alone, on every page and layer."""
    viewer, target = new_browser(), new_browser()
    viewer.sign_in(account)
    target.sign_in(account)
    bystander, ended = Layers(viewer), Layers(target)
    viewer.log_out_row(ended.id)
    until(lambda: ended.dead("session") and ended.dead("access"), within_s=4)
    assert bystander.alive("session")
    assert bystander.alive("access")


def test_a_dead_session_is_refused_everywhere(
    new_browser: Callable[[], Browser], account: Account, until: Callable[..., None], read: Callable[..., Any]
) -> None:
    """Page, surfaces, API and a new message: each refuses, each in its own way."""
    viewer, target = new_browser(), new_browser()
    viewer.sign_in(account)
    target.sign_in(account)
    layers, token = Layers(target), target.token()
    viewer.log_out_row(layers.id)
    until(lambda: layers.dead("session") and layers.dead("access"), within_s=4)
    home = read(target.ask("GET", "/"))
    assert "modal-expired-session" in home
    assert "login-button" in home
    assert "accounts-profile-button" not in home
    assert target.ask("GET", "/codex").headers["location"] == "/auth/login?next=/codex"
    assert target.ask("GET", "/platform").headers["location"] == "/loggedout"
    usage = target.call("GET", "/backend-api/wham/usage", token)
    assert (usage.status_code, usage.json()["error"]["code"]) == (401, "token_revoked")
    body = {"messages": [{"content": {"parts": ["hello"]}}]}
    assert target.call("POST", "/backend-api/conversation", token, json=body).status_code == 401


def test_log_out_of_all_ends_every_session_and_spares_later_ones(
    new_browser: Callable[[], Browser], account: Account, replica: Replica, until: Callable[..., None]
) -> None:
    """The caller's own session ends too; one that was made right afterwards is never touched."""
    first, second, later = new_browser(), new_browser(), new_browser()
    first.sign_in(account)
    second.sign_in(account)
    ended = [Layers(first), Layers(second)]
    assert first.log_out_all().is_success
    later.sign_in(account)
    spared = Layers(later)
    assert [row["session_id"] for row in later.rows()] == [spared.id]

    def over() -> bool:
        return all(layers.dead(layer) for layers in ended for layer in LAYERS)

    until(over, within_s=5)
    assert all(spared.alive(layer) for layer in LAYERS)
    assert {replica.end_of(layers.id)["action"] for layers in ended} == {"all"}
    assert ended[1].ask("access").code == "token_invalidated"


def test_the_own_log_out_spreads_like_any_other(
    new_browser: Callable[[], Browser], account: Account, replica: Replica, until: Callable[..., None]
) -> None:
    """It deletes the cookie and goes home at once; a copy of the cookie outlives it until the edges know."""
    browser, copy = new_browser(), new_browser()
    browser.sign_in(account)
    copy.cookies.update(browser.cookies)
    layers = Layers(copy)
    home = browser.visit("/auth/logout")
    assert home.url.path == "/"
    assert "__Secure-next-auth.session-token" not in browser.cookies
    assert layers.ask("session").alive
    assert replica.end_of(layers.id)["action"] == "self"
    until(lambda: layers.dead("session") and layers.dead("access"), within_s=4)


def test_logging_out_after_log_out_of_all_changes_nothing(
    new_browser: Callable[[], Browser], account: Account, replica: Replica
) -> None:
    """A session ends once: the page's own log-out afterwards leaves the recorded end as it is."""
    browser = new_browser()
    browser.sign_in(account)
    session_id = browser.own_row()["session_id"]
    browser.log_out_all()
    before = replica.end_of(session_id)
    browser.visit("/auth/logout")
    assert replica.end_of(session_id) == before


@pytest.mark.parametrize("deleting", [False, True])
def test_a_refusal_deletes_the_cookie_only_where_it_is_told_to(
    deleting: bool,
    new_browser: Callable[[], Browser],
    account: Account,
    replica: Replica,
    until: Callable[..., None],
) -> None:
    """By default a refused cookie stays in the browser."""
    viewer, target = new_browser(), new_browser()
    viewer.sign_in(account)
    target.sign_in(account)
    with replica.behaving(delay_min_s=0, delay_max_s=0, delete_cookie_on_refusal=deleting):
        viewer.log_out_row(target.own_row()["session_id"])
        until(lambda: "user" not in target.session(), within_s=2)
    assert ("__Secure-next-auth.session-token" in target.cookies) is not deleting


def test_an_open_stream_is_cut_when_its_edge_learns(
    new_browser: Callable[[], Browser], account: Account, replica: Replica
) -> None:
    """The answer stops in the middle, without its mark, at a moment at which some edge learned."""
    viewer, target = new_browser(), new_browser()
    viewer.sign_in(account)
    target.sign_in(account)
    session_id, token = target.own_row()["session_id"], target.token()
    body = {"messages": [{"content": {"parts": ["hello"]}}]}
    headers = {"authorization": f"Bearer {token}"}
    url = f"{replica.base_url}/backend-api/conversation"
    with (
        replica.behaving(stream_s=30),
        replica.http.stream("POST", url, headers=headers, json=body) as stream,
    ):
        lines = stream.iter_lines()
        next(lines)
        viewer.log_out_row(session_id)
        rest = list(lines)
    over = time.monotonic()
    [told] = [s for s in replica.truth()["sessions"] if s["session_id"] == session_id]
    last_word = told["last_honoured_monotonic_s"]["stream"]
    assert "data: [DONE]" not in rest
    # one word each 0.1 s: the last word came less than that before an edge learned, but for a busy machine
    assert any(
        last_word < at <= over and at - last_word < 0.5 for at in replica.learned(session_id, "access")
    )


def test_the_same_seed_gives_the_same_delays(
    started: Start, browser_for: Callable[[Replica], Browser], new_account: Callable[[], Account]
) -> None:
    """However often the site was asked in between, the delays of a run can be had again."""
    account = new_account()
    drawn = []
    for questions in (1, 5):
        with started("--seed", "11", "--edges", "2", accounts=[account]) as replica:
            browser = browser_for(replica)
            browser.sign_in(account)
            for _ in range(questions):
                browser.session()
            browser.log_out_all()
            [end] = replica.truth()["revocations"]
            drawn.append([effect["delay_s"] for effect in end["effects"]])
    assert drawn[0] == drawn[1]
    assert len(drawn[0]) == 4
