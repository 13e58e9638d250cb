"""Logging out of all sessions: every device, every way in, and nobody who signs in meanwhile."""

from __future__ import annotations

import allure
from playwright.sync_api import expect

from afterglow.clock import now_s
from afterglow.outcomes import NotApplicable, NotMeasured
from afterglow.readings import State
from fixtures.aftermath import Aftermath
from fixtures.afterwards import Afterwards
from fixtures.announcements import says_it_failed
from fixtures.asking import told as known
from fixtures.capabilities import Capability, needs
from fixtures.holding_back import OWN_LOG_OUT, held_back
from fixtures.links import ASVS_SESSIONS, HELP_ARTICLE, LOG_OUT, REVOCATION, bug_class
from fixtures.observing import Observe
from fixtures.profile import Profile
from fixtures.profiles import Profiles
from fixtures.promises import stayed_alive
from fixtures.run import Run

PRESSED_WITHIN_MS = 10_000
"""Until then the site must have said something to whoever pressed: a slow script, not a slow person."""

pytestmark = [
    allure.epic("Active sessions"),
    allure.feature("Logging out of all sessions"),
    allure.severity(allure.severity_level.CRITICAL),
]


@allure.story("Every device")
@allure.title("The session on which log-out of all was pressed is ended, too")
@allure.link(HELP_ARTICLE, name="help article: all sessions, the current one included")
@bug_class("all but the own session")
def test_the_session_that_pressed_it_is_ended_too(aftermath: Aftermath) -> None:
    """A person who presses log-out of all on a device that is not their own leaves nothing behind on it."""
    late = aftermath.late(of=aftermath.presser)
    assert not late, f"the session that pressed log-out of all goes on: {late}"


@allure.story("Every device")
@allure.title("Every other session is ended")
@allure.link(HELP_ARTICLE, name="help article: log out of all sessions")
@allure.link(ASVS_SESSIONS, name="OWASP ASVS 7.5.2: end any or all sessions")
@bug_class("all but one")
def test_every_other_session_is_ended(aftermath: Aftermath) -> None:
    """Neither the oldest nor the newest of the other devices is spared, watched or left in peace."""
    for other in aftermath.ended:
        if other is not aftermath.presser:
            late = aftermath.late(of=other)
            assert not late, f"log-out of all spares the {other.name} session: {late}"
    assert aftermath.bystander_out, "log-out of all spares the bystander session, at which nobody looked"


@allure.story("Every way in")
@allure.title("Every way in is closed within the window, and stays closed")
@allure.link(LOG_OUT, name="OWASP WSTG-SESS-06, log-out")
@allure.link(REVOCATION, name="RFC 7009: servers may learn of a revocation one by one")
@bug_class("one edge never hears of it")
def test_every_way_in_is_closed_within_the_window(aftermath: Aftermath) -> None:
    """Every door of every device was watched until it stayed closed: on every server, and not just once.

    A door counts as closed when enough refusals in a row, over some time, were not contradicted by a server
    that still lets in, or that does so again.
    """
    late = aftermath.late()
    assert not late, f"late, never, or open again after a refusal: {late}"


@allure.story("Every way in")
@allure.title("No other surface goes on: neither Codex nor the API Platform")
@allure.link(HELP_ARTICLE, name="help article: sessions across first-party products")
@bug_class("one product forgets to ask")
def test_no_surface_goes_on(aftermath: Aftermath) -> None:
    """What the session was good for beside ChatGPT ends with it."""
    late = aftermath.late({"codex", "platform"})
    assert not late, f"another surface goes on: {late}"


@allure.story("Every way in")
@allure.title("Nobody is given a new access token by a session that has ended")
@allure.link(ASVS_SESSIONS, name="OWASP ASVS 7.4.1: no further use after termination")
@bug_class("refresh still mints access tokens")
def test_no_new_access_token_is_given(aftermath: Aftermath) -> None:
    """The copied cookies ask for a new access token, as a page whose token runs out does, and get none."""
    late = aftermath.late({"mint"})
    assert not late, f"the ended session is still given new access tokens: {late}"


@allure.story("Every way in")
@allure.title("An access token that is held dies with its session")
@allure.link(ASVS_SESSIONS, name="OWASP ASVS 7.4.1: self-contained tokens need a way to be ended")
@allure.link(REVOCATION, name="RFC 7009, section 2: the tokens of a grant")
@bug_class("the token lives on until it expires")
def test_a_held_token_dies_with_its_session(aftermath: Aftermath) -> None:
    """The access token that the device held at the log-out is refused within the window, by every server."""
    late = aftermath.late({"access"})
    assert not late, f"the access token that was held goes on: {late}"


@allure.story("Every way in")
@allure.title("A copied cookie dies with its session")
@allure.link(LOG_OUT, name="OWASP WSTG-SESS-06: replay the old cookies, also from another device")
@bug_class("a replayed cookie works")
def test_a_copied_cookie_dies_with_its_session(aftermath: Aftermath) -> None:
    """A copy of the cookies, made right before the log-out, is worth nothing within the window.

    Neither here nor on another device, and neither for a token that is served nor for a page.
    """
    copied = {"replay", "elsewhere", "platform"}
    late = aftermath.late(copied)
    assert not late, f"a copy of the cookies still works: {late}"


@allure.story("Acknowledged is not done")
@allure.title("That a log-out was acknowledged and that it was done are told apart")
@allure.link(REVOCATION, name="RFC 7009: there could be a propagation delay")
@allure.severity(allure.severity_level.NORMAL)
@bug_class("ok before anything is done")
def test_acknowledged_is_not_done(aftermath: Aftermath, observe: Observe) -> None:
    """The site answers a log-out before the last door is closed. Both moments are recorded, each as itself.

    How far the answer runs ahead is not judged: nobody promises that there is no delay. That the record does
    not take the one for the other is.
    """
    measurement = aftermath.measurement
    moments, done = measurement.moments, measurement.all_devices
    assert moments.requested_s is not None, "the request that ends all sessions was not seen"
    assert moments.clicked_s <= moments.requested_s <= moments.acknowledged_s, (
        "the record has the moments of the log-out in an order in which they cannot have been"
    )
    answered_s = moments.acknowledged_s - moments.requested_s
    assert done.upper_s > answered_s, (
        "the last door is said to have closed before the log-out was acknowledged"
    )
    observe("log-out of all: acknowledged after the request by", f"{answered_s:.2f} s")
    observe("log-out of all: the last door closed after", str(done))


@allure.story("Who signs in meanwhile")
@allure.title("A sign-in while the log-out is spreading survives it")
@allure.link(HELP_ARTICLE, name="help article: sign in again after log-out of all")
@bug_class("a late propagation kills a session that was made after log-out of all")
def test_a_sign_in_during_the_propagation_survives(aftermath: Aftermath) -> None:
    """A person who was logged out signs in again at once, and is not thrown out by what is still spreading.

    The new session was looked after during the whole watch, and asked for until the window was over.
    """
    otherwise = "the new session, which signed in after log-out of all, was ended by it"
    assert aftermath.newcomer is not State.REVOKED, otherwise
    stayed_alive(aftermath.measurement, otherwise)
    known(aftermath.newcomer, "newcomer's")


@allure.story("Two devices at once")
@allure.title("Two devices may press log-out of all at once")
@allure.link(HELP_ARTICLE, name="help article: log out of all sessions")
@bug_class("two requests that meet undo each other")
def test_two_devices_may_press_it_at_once(
    primary: Profile,
    secondary: Profile,
    bystander: Profile,
    profiles: Profiles,
    afterwards: Afterwards,
    run: Run,
    observe: Observe,
) -> None:
    """On two devices somebody presses log-out of all, as nearly at once as can be; a third one does nothing.

    All three are out within the window, and nobody is told that it failed. That a page then goes to its own
    log-out is held back: it would hide that log-out of all had not ended it.
    """
    pressers, everybody = (primary, secondary), (primary, secondary, bystander)
    profiles.only(*everybody)
    profiles.require_accounted(primary.listed(), [each.own_session() for each in everybody])
    copies = {each.name: each.copy(run) for each in everybody}
    for each in pressers:
        each.listed()
    with held_back(primary.page, OWN_LOG_OUT), held_back(secondary.page, OWN_LOG_OUT):
        with allure.step("Press log-out of all on two devices at once"):
            press_at_once(pressers)
            since_s = now_s()
        said = {each.name: what_was_said(each) for each in pressers}
    with allure.step("Nobody is told that it failed"):
        for name, words in said.items():
            observe(
                f"two devices press log-out of all at once: the {name} device is told", words or "nothing"
            )
            assert not (words and says_it_failed(words)), (
                f"two devices pressed log-out of all at once, and the {name} one is told “{words}”"
            )
    with allure.step("All three are out"):
        out = {name: afterwards.is_out(bystander.page, copies[name], since_s, name) for name in copies}
        alive = [name for name, is_out in out.items() if not is_out]
        assert not alive, (
            f"two devices pressed log-out of all at once, and still signed in: {', '.join(alive)}"
        )


def press_at_once(pressers: tuple[Profile, ...]) -> None:
    """Press on all of them, and then answer every question that came, without waiting in between."""
    views = [each.active_sessions for each in pressers]
    for view in views:
        view.log_out_all.click()
    for view in views:
        view.confirm.yes.or_(view.toast).first.wait_for(timeout=PRESSED_WITHIN_MS)
    for view in [view for view in views if view.confirm.yes.count()]:
        view.confirm.go_on()


def what_was_said(profile: Profile) -> str:
    """What a device was told of its log-out; nothing if it was out before it could be told anything."""
    toast = profile.active_sessions.toast
    told = toast.or_(profile.shell.any_signed_out).first
    expect(told, f"the {profile.name} device is told nothing").to_be_visible(timeout=PRESSED_WITHIN_MS)
    return " ".join(toast.all_inner_texts())


@needs(Capability.OTHER_APPS)
@allure.story("What it does not end")
@allure.title("What becomes of a command-line app that may use the account")
@allure.link(HELP_ARTICLE, name="help article: Codex CLI sessions are not managed")
@allure.severity(allure.severity_level.NORMAL)
@bug_class("log-out of all left command-line tokens working")
def test_sessions_of_other_apps_go_on(aftermath: Aftermath, observe: Observe) -> None:
    """A command-line app was let in before the log-out of all. Whether its token still works is recorded.

    Log-out of all does not claim to end it, and nor does this suite: who believes so leaves a door open.
    """
    if aftermath.command_line is None:
        raise NotApplicable("no command-line app could be let in")
    if aftermath.command_line is State.UNKNOWN:
        raise NotMeasured("whether the command-line app may still use the account could not be told")
    goes_on = aftermath.command_line is State.ALIVE
    observe(
        "the token of a command-line app after log-out of all", "still works" if goes_on else "is refused"
    )
