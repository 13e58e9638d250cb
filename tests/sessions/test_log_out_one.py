"""Logging out one session: what it ends, what it must not end, and what the site says of it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import allure
import pytest
from playwright.sync_api import expect

from afterglow.clock import now_s
from afterglow.delay import Verdict
from afterglow.outcomes import NotApplicable, NothingAsked, NotMeasured
from afterglow.readings import State
from fixtures.afterwards import Afterwards
from fixtures.announcements import says_it_failed
from fixtures.asking import honoured_by_all, honoured_by_any
from fixtures.asking import told as known
from fixtures.calling import call
from fixtures.capabilities import Capability, needs
from fixtures.devices import LAPTOP, PHONE
from fixtures.holding_back import held_back
from fixtures.links import (
    ASVS_AUTHORIZATION,
    ASVS_SESSIONS,
    HELP_ARTICLE,
    LOG_OUT,
    bug_class,
)
from fixtures.observing import Observe
from fixtures.people import People
from fixtures.profile import Profile
from fixtures.profiles import Profiles
from fixtures.promises import stayed_alive, the_same
from fixtures.run import Run
from fixtures.singled_out import LOOKS_SIGNED_IN, SECOND_TAB, SingledOut
from fixtures.target import Cast
from fixtures.verdicts import doors_told, settled_verdict, told
from pages.active_sessions import ActiveSessions
from pages.listing import ListedSession
from probes.asking import Copy

REVOKE = "/backend-api/accounts/sessions/revoke"

pytestmark = [
    allure.epic("Active sessions"),
    allure.feature("Logging out one session"),
    allure.severity(allure.severity_level.CRITICAL),
]


@dataclass(frozen=True, slots=True)
class Three:
    """Three devices of one account: one that logs out, one that is logged out, and one beside them."""

    viewer: Profile
    chosen: Profile
    bystander: Profile
    own: ListedSession
    copies: dict[str, Copy]

    def log_out(self) -> float:
        """Log the chosen one out from the viewer; returns when the site had said what became of it."""
        view = self.viewer.active_sessions
        row = view.row_of(the_same(self.own, self.viewer.listed()))
        with allure.step(f"Log out the {self.chosen.name} session"):
            view.log_out(row)
            view.announced()
        return now_s()

    def nobody_else_was_hurt(self) -> None:
        """Promise that the other two are still signed in, and listed."""
        spared = (self.viewer, self.bystander)
        for each in spared:
            state = known(honoured_by_all(self.copies[each.name]), each.name)
            assert state is State.ALIVE, (
                f"another session was ended: the {each.name} one, which nobody had chosen"
            )
        identities = {session.identity for session in self.viewer.listed()}
        for each in spared:
            assert each.own_session().identity in identities, (
                f"another session was ended: the {each.name} one is not listed any more"
            )


@pytest.fixture
def three(primary: Profile, secondary: Profile, bystander: Profile, run: Run) -> Three:
    """All of them signed in, and the copies by which each is asked for."""
    people = (primary, secondary, bystander)
    own = {each.name: each.own_session() for each in people}
    return Three(*people, own[secondary.name], {each.name: each.copy(run) for each in people})


@allure.story("Cancel changes nothing")
@allure.title("Cancel in the confirm dialog sends nothing, ends nothing, and closes the dialog")
@allure.link(HELP_ARTICLE, name="help article: managing active sessions")
@bug_class("Cancel goes on all the same")
def test_cancel_changes_nothing(primary: Profile, secondary: Profile, run: Run) -> None:
    """Who is asked whether to log a session out, and says no, finds everything as it was.

    No request that ends a session leaves the page meanwhile: one that is sent is held back, and noted. The
    dialog goes, the row is still there in a fresh view, and everybody still honours the session. A site that
    asks nothing back has nothing to decline.
    """
    own, copy = secondary.own_session(), secondary.copy(run)
    view = primary.active_sessions
    row = view.row_of(the_same(own, primary.listed()))
    with held_back(primary.page) as sent:
        with allure.step("Ask to log the secondary session out, and cancel"):
            question = view.ask_to_log_out(row)
            question.cancel()
        with allure.step("The dialog closes"):
            expect(question.root, "Cancel does not close the confirm dialog").to_be_hidden(timeout=2_000)
    with allure.step("Nothing was sent that ends a session"):
        assert not sent, f"Cancel sent the log-out all the same: {', '.join(sent)}"
    with allure.step("The session is still listed, and still honoured"):
        listed = [session for session in primary.listed() if session.identity == own.identity]
        assert listed, "after Cancel the secondary session is not listed any more"
        expect(view.row_of(listed[0]).root).to_be_visible()
        state = known(honoured_by_all(copy), "secondary")
        assert state is State.ALIVE, "after Cancel the secondary session is refused"


@allure.story("Only the chosen session ends")
@allure.title("Logging out one session ends that one and no other")
@allure.link(LOG_OUT, name="OWASP WSTG-SESS-06, log-out")
@allure.link(ASVS_SESSIONS, name="OWASP ASVS 7.5.2: end any or all sessions")
@bug_class("logging out one logs out all")
def test_only_the_chosen_session_ends(singled_out: SingledOut) -> None:
    """Of three devices one is logged out. The other two, that of who pressed it among them, stay signed in.

    Afterwards the view lists exactly these two, everybody honours them, and the chosen one is out within the
    window: page, session and access token.
    """
    chosen = singled_out.chosen.name
    ended = [name for name, state in singled_out.spared.items() if state is State.REVOKED]
    with allure.step("The other two are still signed in"):
        assert not ended, f"logging out the {chosen} session ended another, not chosen: {', '.join(ended)}"
        stayed_alive(singled_out.measurement, f"logging out the {chosen} session ended another, not chosen")
        for name, state in singled_out.spared.items():
            known(state, name)
    with allure.step("They are listed, and nobody else"):
        assert singled_out.listed is not None
        listed = {session.identity for session in singled_out.listed}
        missing = [name for name in singled_out.spared if singled_out.own[name].identity not in listed]
        assert not missing, f"logging out the {chosen} session took away another row: {', '.join(missing)}"
        assert len(singled_out.listed) <= 2 + (singled_out.own[chosen].identity in listed), (
            f"{len(singled_out.listed)} sessions are listed after one of three was logged out"
        )
    with allure.step(f"The {chosen} session is out, within the window"):
        verdict = settled_verdict(singled_out.measurement)
        assert verdict is Verdict.WITHIN, f"the chosen session is not ended: {told(singled_out.measurement)}"


@allure.story("Row and session agree")
@allure.title("A row goes only with its session")
@allure.link(HELP_ARTICLE, name="help article: it shows active sessions only")
@bug_class("the row flips but nothing reads it")
def test_a_row_goes_only_with_its_session(singled_out: SingledOut) -> None:
    """An absent row is no proof that a session has ended: it is asked.

    If the row is gone from a fresh view, the session must be out within the window. If the row is still
    there, and the session is, too, the log-out was acknowledged and nothing came of it.
    """
    name, doors = singled_out.chosen.name, singled_out.living
    alive = [door for door in doors if door.verdict is Verdict.LATE]
    with allure.step("The session has gone with its row"):
        still = f"the {name} session is still signed in: {doors_told(alive)}"
        row = "the row has gone, but" if singled_out.row_gone else "acknowledged, and nothing happened:"
        assert not alive, f"{row} {still}"
    if doors:
        raise NotMeasured(f"whether the {name} session ended could not be told: {doors_told(doors)}")


@allure.story("Several surfaces in one browser")
@allure.title("What becomes of a second tab and of Codex in the browser that was logged out")
@allure.link(HELP_ARTICLE, name="help article: a row can represent several products")
@allure.severity(allure.severity_level.NORMAL)
@bug_class("logging out one kills its sibling in the same browser")
def test_a_sibling_surface_in_the_same_browser(singled_out: SingledOut, observe: Observe) -> None:
    """A row can stand for several products in one browser: what their open pages show after its log-out.

    Recorded and, but for one thing, not judged: nobody promises what a page shows that nobody reloads, nor
    that other products end with the row. But a second tab of ChatGPT is no other product: once the session
    is out, and the tab is loaded again, it must not look signed in.
    """
    for what, seen in singled_out.siblings.items():
        observe(f"{what} in the browser whose row was logged out", seen)
    if singled_out.living:
        raise NotMeasured("the session was not seen to be out: what its tabs show then says nothing")
    assert LOOKS_SIGNED_IN not in singled_out.siblings[SECOND_TAB], (
        "the session is out, and a second tab in its browser looks signed in after a reload"
    )


def second_request(three: Three) -> str:
    """Send once more what the first log-out had sent."""
    if three.own.session_id is None:
        raise NotApplicable("the site names no session id, so that a request cannot be sent again")
    three.log_out()
    with allure.step("Send the same request once more"):
        answer = call(three.viewer, REVOKE, {"session_id": three.own.session_id})
    assert answer.ok or 400 <= answer.status < 500, f"a second request is answered with HTTP {answer.status}"
    return f"HTTP {answer.status}"


def double_click(three: Three) -> str:
    """Press twice what has to be pressed once."""
    view = three.viewer.active_sessions
    row = view.row_of(the_same(three.own, three.viewer.listed())).reveal()
    with allure.step(f"Log out the {three.chosen.name} session with a double click"):
        with suppress(NothingAsked):  # it was done at once
            view.ask_to_log_out(row).yes.dblclick()
        return view.announced()


def stale_list(three: Three) -> str:
    """Press in a list that does not know yet that the session has gone."""
    viewer = three.viewer
    tab = viewer.context.new_page()
    try:
        stale = ActiveSessions(tab, viewer.site.base_url, viewer.device.time_zone)
        row = stale.row_of(the_same(three.own, stale.open() or []))
        three.log_out()
        with allure.step("Press the log-out of the row that another tab still shows"):
            stale.log_out(row)
            return stale.announced()
    finally:
        tab.close()


WAYS = {"second request": second_request, "double click": double_click, "stale list": stale_list}


@allure.story("A row that is already gone")
@allure.title("A session that is already logged out can be logged out again, and nobody else is hurt")
@allure.link(LOG_OUT, name="OWASP WSTG-SESS-06, log-out")
@bug_class("a log-out hits the wrong session")
@pytest.mark.parametrize("way", WAYS)
def test_a_row_that_is_already_gone_can_be_logged_out_again(
    way: str, three: Three, afterwards: Afterwards, observe: Observe
) -> None:
    """Two clicks, two tabs or two requests ask for the end of one session: the site says something clear.

    Nobody else is ended by it: the device that pressed and a third one are still honoured and still listed.
    What the site answers is recorded.
    """
    outcome = WAYS[way](three)
    observe(f"a session that is already gone is logged out again: {way}", outcome)
    chosen = three.chosen
    with allure.step(f"The {chosen.name} session is out"):
        out = afterwards.is_out(three.viewer.page, three.copies[chosen.name], now_s(), chosen.name)
    with allure.step("Nobody else is"):
        three.nobody_else_was_hurt()
    assert out, f"the {chosen.name} session was logged out twice and is still signed in"


@allure.story("Signing in again")
@allure.title("Signing in again makes a new session, also on a device that still has one")
@allure.link(ASVS_SESSIONS, name="OWASP ASVS 7.2.4: a new token on authentication")
@bug_class("a sign-in is given the session that there was")
def test_signing_in_again_makes_a_new_session(
    primary: Profile, secondary: Profile, profiles: Profiles, run: Run
) -> None:
    """On a device whose session still lives somebody signs in once more: they get another session.

    Its identity in the view and its cookie differ from those before. The session before, which has lost its
    cookie, is logged out in the end.
    """
    before, old = secondary.own_session(), secondary.copy(run)
    with allure.step("Sign in anew in the same browser"):
        profiles.sign_in_again(secondary)
    after, new = secondary.own_session(), secondary.copy(run)
    with allure.step("The session before is logged out"):
        left = [session for session in primary.listed() if session.identity == before.identity]
        if left and before.identity != after.identity:
            primary.active_sessions.log_out(primary.active_sessions.row_of(left[0]))
            primary.active_sessions.announced()
    with allure.step("Session and cookie are new"):
        assert before.identity != after.identity, "signing in again gives the same session, no new session"
        kept = [
            name
            for name, value in new.cookies.items()
            if "session" in name and old.cookies.get(name) == value
        ]
        assert not kept, (
            f"signing in again makes no new session cookie: {', '.join(kept)} is the same as before"
        )


@allure.story("Signing in again")
@allure.title("Signing in again does not revive the session that was logged out")
@allure.link(ASVS_SESSIONS, name="OWASP ASVS 7.4.1: no further use after termination")
@bug_class("a sign-in revives what had ended")
def test_signing_in_again_does_not_revive_the_old_session(
    three: Three, profiles: Profiles, afterwards: Afterwards
) -> None:
    """A device was logged out from afar, and is signed in again. The old session stays dead.

    A copy of its cookies and its token, made before the log-out, was refused, and is refused still.
    """
    chosen, copy = three.chosen, three.copies[three.chosen.name]
    since_s = three.log_out()
    if not afterwards.is_out(three.viewer.page, copy, since_s, chosen.name):
        raise NotMeasured(f"the {chosen.name} session did not end, so that nothing could revive it")
    with allure.step(f"Sign in again on the {chosen.name} device"):
        profiles.sign_in_again(chosen)
    with allure.step("A copy of the old session is still refused"):
        state = known(honoured_by_any(copy), "old")
        assert state is State.REVOKED, "signing in again revived the old session: a copy of it is alive again"


@needs(Capability.OTHER_ACCOUNT)
@allure.story("Only one's own")
@allure.title("Nobody can end a session of another account")
@allure.link(ASVS_AUTHORIZATION, name="OWASP ASVS 8.2.2: data of somebody else")
@bug_class("an id is all that it takes")
def test_nobody_can_end_a_session_of_another_account(
    primary: Profile, secondary: Profile, people: People, cast: Cast, run: Run
) -> None:
    """Somebody else, who is signed in to an account of their own and knows a session's id, asks for its end.

    The site refuses, the session stays listed, and everybody goes on honouring it.
    """
    own, copy = secondary.own_session(), secondary.copy(run)
    if own.session_id is None:
        raise NotApplicable("the site names no session id that somebody else could know")
    stranger = people(cast.other).signed_in("somebody else", PHONE)
    with allure.step("Somebody else asks for the end of the secondary session"):
        answer = call(stranger, REVOKE, {"session_id": own.session_id})
    assert not answer.ok, f"another account could end the secondary session by its id: HTTP {answer.status}"
    with allure.step("It is still listed, and still honoured"):
        the_same(own, primary.listed())
        state = known(honoured_by_all(copy), "secondary")
        assert state is State.ALIVE, "another account, although it was refused, ended the secondary session"


@needs(Capability.TRUSTED_DEVICES)
@allure.story("Trusted devices")
@allure.title("A device that is removed from the trusted ones is not shown as trusted any more")
@allure.link(HELP_ARTICLE, name="help article: trusted-device status")
@bug_class("a switch that nothing reads")
@allure.severity(allure.severity_level.NORMAL)
def test_removing_a_trusted_device(people: People, cast: Cast, run: Run, observe: Observe) -> None:
    """A device that signed in with a second factor is trusted. It is removed from the trusted ones.

    A fresh view shows neither the mark nor the button any more, and the site says the same. Whether the
    device's session goes on is recorded: nobody has promised either.
    """
    device = people(cast.guarded).signed_in("guarded", LAPTOP)
    copy, view = device.copy(run), device.active_sessions
    row = view.row_of(device.own_session()).reveal()
    expect(
        row.trusted, "a device that signed in with a second factor is not shown as trusted"
    ).to_be_visible()
    with allure.step("Remove it from the trusted devices"):
        view.remove_trust(row)
        view.announced()
    with allure.step("A fresh view does not show it as trusted"):
        now = the_same(device.own_session(), device.listed())
        row = view.row_of(now).reveal()
        assert not now.trusted, (
            "the device was removed from the trusted ones, and the site still calls it trusted"
        )
        expect(row.trusted, "the row still shows it as a trusted device").to_have_count(0)
        expect(
            row.untrust, "a device that is not trusted can be removed from the trusted ones"
        ).to_have_count(0)
    goes_on = known(honoured_by_all(copy), "guarded") is State.ALIVE
    observe(
        "a device that was removed from the trusted ones", "stays signed in" if goes_on else "is signed out"
    )


@allure.story("What the site says")
@allure.title("What the site announces is what has happened to the session")
@allure.link(HELP_ARTICLE, name="help article: log out of individual sessions")
@bug_class("ok before anything is done")
def test_what_the_site_announces_is_what_happened(
    three: Three, afterwards: Afterwards, observe: Observe
) -> None:
    """A log-out that is said to have worked has ended the session within the window.

    One that is said to have failed has not: the session is honoured until the window is over, and is still
    listed.
    """
    chosen, view = three.chosen, three.viewer.active_sessions
    copy, page = three.copies[chosen.name], three.viewer.page
    row = view.row_of(the_same(three.own, three.viewer.listed()))
    with allure.step(f"Log out the {chosen.name} session"):
        view.log_out(row)
        announced = view.announced()
        since_s = now_s()
    observe("announced after a log-out of one session", announced)
    if says_it_failed(announced):
        goes_on = afterwards.goes_on(page, copy, since_s, chosen.name)
        assert goes_on, f"the site says “{announced}”, although the session was ended: it had not failed"
        the_same(three.own, three.viewer.listed())
    else:
        out = afterwards.is_out(page, copy, since_s, chosen.name)
        assert out, f"the site says “{announced}”, although nothing is done: the session is still honoured"
