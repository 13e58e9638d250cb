"""The main job: two devices are listed, one is logged out from afar, then all are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import allure
from playwright.sync_api import expect

from afterglow.budget import Budget
from afterglow.delay import Verdict
from afterglow.outcomes import NotMeasured
from afterglow.readings import State
from fixtures.asking import ask_patiently
from fixtures.devices import PHONE
from fixtures.links import CONCURRENT, LOG_OUT, REVOCATION
from fixtures.measuring import Measuring
from fixtures.profile import Profile
from fixtures.profiles import Profiles
from fixtures.promises import recognisable, stayed_alive, the_current, the_same
from fixtures.verdicts import settled_verdict, told
from probes.message import HeldTokenMessage

Pictures = Callable[..., None]

pytestmark = [
    allure.epic("Log-out from afar"),
    allure.feature("Settings > Security > Active sessions"),
    allure.severity(allure.severity_level.CRITICAL),
]


@allure.story("Both sessions are listed")
@allure.title("Both sessions are listed, each as the device that a person recognises")
@allure.link(CONCURRENT, name="OWASP WSTG-SESS-11, concurrent sessions")
def test_both_sessions_are_listed(primary: Profile, secondary: Profile, pictures: Pictures) -> None:
    """A person who signed in on two devices finds both under Active sessions.

    Seen from either device, exactly one row is marked as the current session, and it is that device's own.
    Each row names the device and the app, and its sign-in time is that of the sign-in, within a minute.
    A detail that the site leaves out is reported, not failed: details may be incomplete.
    """
    listed = {}
    for viewer in (primary, secondary):
        with allure.step(f"Open Active sessions on the {viewer.name} profile"):
            listed[viewer.name] = viewer.listed()
            expect(viewer.active_sessions.rows.first).to_be_visible()
            pictures("Active sessions", viewer)
        with allure.step("Exactly one row is marked as the current session"):
            expect(viewer.active_sessions.current_marks).to_have_count(1)
    own = {name: the_current(sessions) for name, sessions in listed.items()}
    with allure.step("The two devices have a session each"):
        assert own["primary"].identity != own["secondary"].identity, "both devices show the same session"
    for viewer, other in ((primary, secondary), (secondary, primary)):
        with allure.step(f"Both rows, as seen from the {viewer.name} profile, are recognisable"):
            assert not the_same(own[other.name], listed[viewer.name]).current, (
                f"the {other.name} session is marked as current on the {viewer.name} profile"
            )
            for profile in (viewer, other):
                recognisable(viewer, profile, the_same(own[profile.name], listed[viewer.name]))


@allure.story("Log out one session")
@allure.title("A logged-out session is invalidated, and the one who logged it out stays in")
@allure.link(LOG_OUT, name="OWASP WSTG-SESS-06, log-out")
def test_a_logged_out_session_is_invalidated(
    primary: Profile, secondary: Profile, measure: Measuring, pictures: Pictures
) -> None:
    """The secondary device is logged out from the primary one, and watched until nothing of it works.

    Every door is watched at once, each with its own clock: the page after a reload, the session cookie, the
    access token that was held, a copy of the cookies made just before, also from another device, a new
    token, the other surfaces, an answer that was streaming, a second tab, a message from an open tab, and the
    back button. Afterwards the device can neither reload, nor call the API, nor send a message, nor use
    the copy. The primary device stays signed in throughout.

    Beside the doors two clocks tell what a person sees: when the row goes, and when an untouched tab says by
    itself that its session has ended.
    """
    own = secondary.own_session()
    with allure.step("The secondary device sends a message and gets an answer"):
        secondary.shell.converse("Hello from the device that is about to be logged out.")
    watching = measure("log out one", ended=[secondary], controls=[primary])
    with allure.step("Open Active sessions on the primary device and find the secondary's row"):
        row = primary.active_sessions.row_of(the_same(own, primary.listed()))
        pictures("before the log-out", primary, secondary)
    with watching as watch:
        with allure.step("Log out the secondary session"), watch.log_out_on(primary):
            primary.active_sessions.log_out(row)
        with allure.step("Wait until every door of the secondary session has closed"):
            watch.until_settled()
    with allure.step("The primary device stayed signed in"):  # first: without it, no delay counts
        stayed_alive(watch.measurement, "the primary session was ended too")
    verdict = settled_verdict(watch.measurement)
    with allure.step("The secondary session is out, within the window"):
        pictures("after the last door closed", primary, secondary)
        assert verdict is Verdict.WITHIN, (
            f"the secondary session outlived the window: {told(watch.measurement)}"
        )
    with allure.step("Its row has gone from the view"):
        # afresh: the page that was pressed on may have had to be brought back
        listed = primary.listed()
        expect(primary.active_sessions.rows.first).to_be_visible()
        gone = replace(own, current=False)  # it was current on its own device alone
        assert all(each.identity != own.identity for each in listed), "the ended session is still listed"
        if not any(each.looks_like(gone) and not each.current for each in listed):
            expect(primary.active_sessions.rows_of(gone)).to_have_count(0)
    if "page" in watch.eyes_on(secondary).layers:  # else nobody has reloaded it since
        with allure.step("The secondary device shows that nobody is signed in"):
            expect(secondary.shell.any_signed_out).to_be_visible()
            expect(secondary.shell.profile_menu).to_have_count(0)
    with allure.step("The secondary device cannot send a message any more"):
        message = HeldTokenMessage(watch.eyes_on(secondary).copy, Budget())
        answer = ask_patiently(message, secondary.page)
        assert answer.state is not State.ALIVE, "a message sent with the secondary's token was answered"
        if answer.state is State.UNKNOWN:
            raise NotMeasured(f"whether a message can still be sent could not be told ({answer.code})")
    with allure.step("The primary device is still signed in"):
        primary.shell.open()
        expect(primary.shell.signed_in).to_be_visible()


@allure.story("Log out of all sessions")
@allure.title("Log-out of all reaches every device within the window")
@allure.link(LOG_OUT, name="OWASP WSTG-SESS-06, log-out")
@allure.link(REVOCATION, name="RFC 7009: servers may learn of a revocation one by one")
def test_log_out_of_all_reaches_every_device_within_the_window(
    primary: Profile, secondary: Profile, profiles: Profiles, measure: Measuring, pictures: Pictures
) -> None:
    """Log out of all sessions on one device signs out every device, the one that was pressed on included.

    The site promises that this takes no longer than the window. The delay is measured for every door of
    every session, and for all devices together; the report shows which door closed when. Somebody who signs
    in again right afterwards has a new session, which the late wave of the log-out must not reach; where only
    a person can sign in (SIGN_IN=state), that is left out.

    Third-party sessions, connected apps and command-line sessions are not ended by it and not claimed to be.
    """
    with allure.step("Both devices are signed in, the secondary one again"):
        profiles.only(primary, secondary)
        own = [profile.own_session() for profile in (primary, secondary)]
        secondary.shell.open()
    watching = measure("log out all", ended=[primary, secondary])
    with allure.step("Every session in the view belongs to this run"):
        left = [primary.may_have_left, secondary.may_have_left]
        listed = [each for each in primary.listed() if not any(by(each) for by in left)]
        profiles.require_accounted(listed, own)
        pictures("before log-out of all", primary, secondary)
    with watching as watch:
        with allure.step("Log out of all sessions"), watch.log_out_on(primary):
            primary.active_sessions.log_out_of_all()
        newcomer = None
        if profiles.sign_in_by_themselves:
            with allure.step("Sign in afresh on a third device"):
                newcomer = profiles.signed_in("newcomer", PHONE, afresh=True)
                watch.add_control(newcomer)
        with allure.step("Wait until every door of every session has closed"):
            watch.until_settled()
    with allure.step("The fresh session has survived the log-out"):  # first: without it, no delay counts
        stayed_alive(watch.measurement, "the session made after the log-out was ended by it")
    verdict = settled_verdict(watch.measurement)
    with allure.step("All devices are out, within the window"):
        pictures("after the last door closed", primary, secondary, *([newcomer] if newcomer else []))
        assert verdict is Verdict.WITHIN, f"log-out of all was late: {told(watch.measurement)}"
    with allure.step("Both devices show that nobody is signed in, the one that was pressed on included"):
        for profile in (primary, secondary):
            if "page" in watch.eyes_on(profile).layers:
                expect(profile.shell.any_signed_out).to_be_visible()
                expect(profile.shell.profile_menu).to_have_count(0)
    if newcomer is None:
        return  # SIGN_IN=state: nobody signs in afresh while a log-out spreads
    with allure.step("The fresh session is the only one listed"):
        newcomer.shell.open()
        expect(newcomer.shell.signed_in).to_be_visible()
        listed = newcomer.listed()
        if len(listed) > 1 and newcomer.begun_twice:
            raise NotMeasured("the fresh sign-in was begun twice, and may have left two sessions")
        assert [session.current for session in listed] == [True], (
            f"expected the fresh session alone, found {len(listed)} sessions"
        )
        expect(newcomer.active_sessions.rows).to_have_count(1)
        pictures("Active sessions afterwards", newcomer)
