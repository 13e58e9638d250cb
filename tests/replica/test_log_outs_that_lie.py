"""Log-outs and sign-ins that do something else than they say, and beside them those that do not."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jwt
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import httpx

    from tests.replica.conftest import Account, Browser, Replica

    Start = Callable[..., AbstractContextManager[Replica]]
    Until = Callable[..., None]

LIES = pytest.mark.parametrize("lies", [True, False], ids=["a site that lies", "a site that does not"])
UNTRUST = "/backend-api/accounts/trusted_devices/revoke"


class Person:
    """One device that is signed in, with what it held then."""

    def __init__(self, browser: Browser, account: Account) -> None:
        browser.sign_in(account)
        self.browser = browser
        self.account = account
        self.cookies = dict(browser.cookies)
        self.token = browser.token()
        self.id = str(jwt.decode(self.token, options={"verify_signature": False})["sid"])

    def ways_in(self) -> tuple[bool, bool]:
        """Whether the cookies and the token that it held then are honoured."""
        with_cookies = type(self.browser)(self.browser.replica)
        with_cookies.cookies.update(self.cookies)
        by_token = with_cookies.call("GET", "/backend-api/me", self.token)
        return "user" in with_cookies.session(), by_token.is_success

    def alive(self) -> bool:
        """Whether both are. Raises if the two do not agree."""
        by_cookie, by_token = self.ways_in()
        assert by_cookie is by_token
        return by_cookie

    def again(self) -> Person:
        """Sign in again on the same device."""
        return Person(self.browser, self.account)

    def log_out(self, session_id: str) -> httpx.Response:
        """Log out a session by its id, whatever the list says."""
        path = "/backend-api/accounts/sessions/revoke"
        return self.browser.call("POST", path, self.token, json={"session_id": session_id})

    def log_out_all(self) -> httpx.Response:
        """Log out of all sessions."""
        return self.browser.call("POST", "/backend-api/accounts/logout_all", self.token)

    def listed(self) -> set[str]:
        """The sessions that its view lists."""
        rows = self.browser.call("GET", "/backend-api/accounts/sessions", self.token).json()["devices"]
        return {row["session_id"] for row in rows}


@dataclass(frozen=True)
class Site:
    """A replica with one edge that learns at once, and people who come to it."""

    replica: Replica
    accounts: list[Account]
    browser: type[Browser]

    def people(self, count: int) -> list[Person]:
        """Several devices of an account of their own, oldest session first."""
        account = self.accounts.pop()
        return [Person(self.browser(self.replica), account) for _ in range(count)]

    def behaving(self, defect: str, *, lies: bool = True, **more: float) -> AbstractContextManager[None]:
        """Have a defect for a while, or none."""
        return self.replica.behaving(defects=[defect] if lies else [], **more)


@pytest.fixture(scope="module")
def site(started: Start, new_account: Callable[..., Account], browser_for: type[Browser]) -> Iterator[Site]:
    """One for all tests here."""
    accounts = [new_account() for _ in range(60)]
    options = ["--edges", "1", "--delay-min-s", "0", "--delay-max-s", "0"]
    with started(*options, accounts=accounts) as replica:
        yield Site(replica, accounts, browser_for)


def alive(*people: Person) -> list[bool]:
    """Who of them is still let in."""
    return [person.alive() for person in people]


@pytest.mark.parametrize(
    ("defect", "status", "living"),
    [
        ("", 200, [True, False, True]),
        ("revoke_ignored", 200, [True, True, True]),
        ("revoke_ends_another", 200, [True, True, False]),
        ("one_ends_all", 200, [False, False, False]),
        ("error_told_but_done", 500, [True, False, True]),
        ("done_told_but_failed", 500, [True, True, True]),
    ],
)
def test_what_a_log_out_of_one_says_and_does(
    defect: str, status: int, living: list[bool], site: Site
) -> None:
    """The viewer logs out the second of three sessions; whoever lives is listed, whoever does not is not."""
    people = viewer, target, _ = site.people(3)
    with site.behaving(defect, lies=bool(defect)):
        answer = viewer.log_out(target.id)
    assert answer.status_code == status
    assert (answer.json() == {"detail": {"code": "internal_error"}}) is (status == 500)
    assert alive(*people) == living
    if living[0]:
        assert viewer.listed() == {person.id for person, lives in zip(people, living, strict=True) if lives}


@pytest.mark.parametrize("defect", ["revoke_ends_another", "gone_row_ends_another"])
def test_who_is_alone_with_the_other_is_ended_instead(defect: str, site: Site) -> None:
    """Where there is no third session to be ended by mistake, it is the viewer's own."""
    viewer, target = site.people(2)
    if defect == "gone_row_ends_another":
        assert viewer.log_out(target.id).is_success
    with site.behaving(defect):
        assert viewer.log_out(target.id).is_success
    assert alive(viewer, target) == [False, defect == "revoke_ends_another"]


@LIES
def test_logging_out_a_row_that_is_gone(lies: bool, site: Site) -> None:
    """It is no longer there; with the defect the newest of the others is ended in its place."""
    viewer, target, older, newer = people = site.people(4)
    assert viewer.log_out(target.id).is_success
    with site.behaving("gone_row_ends_another", lies=lies):
        answers = [viewer.log_out(target.id), viewer.log_out("us_made_up")]
    assert [answer.status_code for answer in answers] == [200 if lies else 404, 404]
    assert alive(*people) == [True, False, True, not lies]
    assert viewer.listed() == {viewer.id, older.id} | (set() if lies else {newer.id})


def test_a_first_log_out_of_a_row_ends_that_row(site: Site) -> None:
    """Where a row that is gone ends another, one that is not ends itself."""
    people = viewer, target, _ = site.people(3)
    with site.behaving("gone_row_ends_another"):
        assert viewer.log_out(target.id).is_success
    assert alive(*people) == [True, False, True]


@LIES
def test_a_session_of_another_account(lies: bool, site: Site) -> None:
    """Its id is as good as made up, unless the site never asks whose it is."""
    [viewer], [foreigner, bystander] = site.people(1), site.people(2)
    with site.behaving("foreign_accepted", lies=lies):
        first, second = viewer.log_out(foreigner.id), viewer.log_out(foreigner.id)
    assert (first.status_code, second.status_code) == (200 if lies else 404, 404)
    assert alive(viewer, foreigner, bystander) == [True, not lies, True]


@LIES
def test_a_sign_in_on_a_device_whose_session_has_ended(lies: bool, site: Site) -> None:
    """The old session stays dead and unlisted; with the defect cookies and token of it work again."""
    viewer, target, bystander = site.people(3)
    for ended in (target, bystander):
        assert viewer.log_out(ended.id).is_success
    assert alive(target, bystander) == [False, False]
    with site.behaving("sign_in_revives", lies=lies):
        assert not target.alive()
        anew = target.again()
        assert alive(anew, target, bystander) == [True, lies, False]
        assert viewer.listed() == {viewer.id, anew.id}
    assert not target.alive()


def test_a_device_that_logged_itself_out_revives_nothing(site: Site) -> None:
    """Its own log-out holds on every site but one, so that whoever tidies up is done then."""
    [target] = site.people(1)
    target.browser.visit("/auth/logout")
    with site.behaving("sign_in_revives"):
        target.again()
        assert not target.alive()


@LIES
def test_a_second_sign_in_on_a_device(lies: bool, site: Site) -> None:
    """It makes a session of its own, and the first lives on; with the defect the first is given again."""
    viewer, target = site.people(2)
    with site.behaving("sign_in_reuses", lies=lies):
        anew = target.again()
    assert (anew.id == target.id) is lies
    assert (anew.cookies == target.cookies) is lies
    assert viewer.listed() == {viewer.id, target.id, anew.id}
    assert alive(target, anew) == [True, True]


def test_a_session_that_has_ended_is_not_given_again(site: Site) -> None:
    """Nor is another device's."""
    viewer, target = site.people(2)
    assert viewer.log_out(target.id).is_success
    with site.behaving("sign_in_reuses"):
        anew = target.again()
    assert anew.id not in (viewer.id, target.id)
    assert alive(target, anew) == [False, True]


@LIES
def test_a_sign_in_beside_others(lies: bool, site: Site) -> None:
    """Nobody else is concerned; with the defect all others of the account are ended, and of no other."""
    [first, second], [stranger] = site.people(2), site.people(1)
    with site.behaving("sign_in_ends_others", lies=lies):
        anew = second.again()
    assert alive(first, second, anew, stranger) == [not lies, not lies, True, True]
    assert anew.listed() == {anew.id} | (set() if lies else {first.id, second.id})


@LIES
def test_a_device_that_is_trusted_no_longer(
    lies: bool, new_browser: Callable[[], Browser], mfa_account: Account, replica: Replica
) -> None:
    """It is acknowledged either way; with the defect it stays trusted, and can be removed for ever."""
    browser = new_browser()
    browser.sign_in(mfa_account)
    device = {"device_id_hash": browser.own_row()["hashed_device_id"]}
    with replica.behaving(defects=["untrust_ignored"] if lies else []):
        answers = [browser.call("POST", UNTRUST, json=device).status_code for _ in range(2)]
        unknown = browser.call("POST", UNTRUST, json={"device_id_hash": "made up"})
    row = browser.own_row()
    assert (row["is_trusted_device"], row["can_untrust"]) == (lies, lies)
    assert answers == [200, 200 if lies else 404]
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("defect", "living"),
    [
        ("", [False, False, False]),
        ("all_spares_current", [True, False, False]),
        ("all_spares_one", [False, False, True]),
    ],
)
def test_whom_a_log_out_of_all_ends(defect: str, living: list[bool], site: Site) -> None:
    """The oldest of three sessions presses it; the newest is the one that may be spared."""
    people = site.people(3)
    with site.behaving(defect, lies=bool(defect)):
        assert people[0].log_out_all().is_success
    assert alive(*people) == living


def test_who_is_alone_is_not_spared_as_another(site: Site) -> None:
    """Where the newest of the other sessions is spared, there has to be one."""
    [viewer] = site.people(1)
    with site.behaving("all_spares_one"):
        assert viewer.log_out_all().is_success
    assert not viewer.alive()


@LIES
def test_two_log_outs_of_all_at_once(lies: bool, site: Site) -> None:
    """Both are acknowledged. With the defect both are as if they had never been, and a later one works."""
    people = first, second, _ = site.people(3)
    with site.behaving("all_lost_when_two_press", lies=lies, delay_min_s=20, delay_max_s=20):
        assert first.log_out_all().is_success
        assert len(site.replica.truth(*(person.id for person in people))["revocations"]) == 3
        assert second.log_out_all().is_success
        ends = site.replica.truth(*(person.id for person in people))["revocations"]
    assert len(ends) == (0 if lies else 3)
    assert alive(*people) == [True] * 3
    assert second.listed() == ({person.id for person in people} if lies else set())
    assert second.log_out_all().is_success
    assert alive(*people) == [not lies] * 3


def test_two_log_outs_of_all_that_do_not_meet(site: Site, until: Until) -> None:
    """One session that presses twice, or two with more than two seconds between them, lose nothing."""
    people = first, second = site.people(2)
    with site.behaving("all_lost_when_two_press", delay_min_s=20, delay_max_s=20):
        assert first.log_out_all().is_success
        assert first.log_out_all().is_success
        pressed = time.monotonic()
        until(lambda: time.monotonic() > pressed + 2, within_s=3)
        assert second.log_out_all().is_success
    assert len(site.replica.truth(*(person.id for person in people))["revocations"]) == 2


@LIES
def test_a_sign_in_while_a_log_out_of_all_spreads(lies: bool, site: Site, until: Until) -> None:
    """It is none of its business; with the defect it works, is listed, and is dead soon after."""
    viewer, target = site.people(2)
    with site.behaving("late_wave", lies=lies, delay_min_s=4, delay_max_s=4):
        assert viewer.log_out_all().is_success
        anew = target.again()
        assert anew.alive()
        assert [row["is_current_device"] for row in anew.browser.rows()] == [True]
        told = site.replica.truth(anew.id)
        assert [end["action"] for end in told["revocations"]] == ["all"] * lies
        if lies:
            [end], [session] = told["revocations"], told["sessions"]
            assert end["requested_monotonic_s"] == session["created_monotonic_s"]
            until(lambda: anew.ways_in() == (False, False), within_s=9)
    assert anew.alive() is not lies
    assert (anew.id in viewer.again().listed()) is not lies


def test_a_sign_in_after_the_window_is_not_caught(site: Site) -> None:
    """Nor is one of another account, nor one beside a log-out of one."""
    [viewer, target], [stranger] = site.people(2), site.people(1)
    with site.behaving("late_wave", window_s=60):
        assert viewer.log_out(target.id).is_success
        assert target.again().alive()
        assert viewer.log_out_all().is_success
        assert stranger.again().alive()
    with site.behaving("late_wave", window_s=0.001):
        assert viewer.again().alive()
