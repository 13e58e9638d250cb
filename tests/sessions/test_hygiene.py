"""What is left on the account: nothing unknown, nothing stale, nothing that came back, nothing of ours."""

from __future__ import annotations

from datetime import UTC, datetime

import allure
import pytest

from afterglow.outcomes import NotApplicable, NotMeasured
from afterglow.policy import SessionsPolicy, age_told
from afterglow.readings import State
from afterglow.settings import Settings
from fixtures.asking import honoured_by_all, honoured_by_any, told
from fixtures.devices import DESKTOP
from fixtures.graveyard import Graveyard
from fixtures.links import ASVS_SESSIONS, CONCURRENT, bug_class
from fixtures.observing import Observe
from fixtures.profile import Profile
from fixtures.profiles import Profiles
from fixtures.promises import the_current
from fixtures.run import Run
from fixtures.waiting import wait

BEYOND_WINDOW_S = 1.0
"""So long after the window is looked for what has come back: by then everybody must have heard of its end."""

pytestmark = [allure.epic("Active sessions"), allure.feature("Hygiene")]


@allure.story("Unknown and stale sessions")
@allure.title("No unknown or stale session is on the account")
@allure.link(ASVS_SESSIONS, name="OWASP ASVS 7.5.2: users can view their sessions")
@bug_class("a session that nobody made")
def test_no_unknown_or_stale_session_is_on_the_account(
    primary: Profile, profiles: Profiles, policy: SessionsPolicy, observe: Observe
) -> None:
    """Every session that is listed for the test account is one that its owner can account for.

    `sessions-policy.toml` says which devices may be there, how old a session may be, and whether one that
    this run did not make is unknown even then. The run's other devices are signed out before. That no such
    session is listed is no proof that nobody else has access: apps and keys are not listed.
    """
    profiles.only(primary)
    listed = primary.listed()
    own = the_current(listed).identity
    now = datetime.now(UTC) + primary.site.ahead
    against = {
        f"{each.device or 'unknown device'}, {age_told(each.signed_in, now)}": why
        for each in listed
        if (why := [*policy.objections(each.device, each.signed_in, now, of_this_run=each.identity == own)])
    }
    observe("sessions on the account that are unknown to this run", str(len(listed) - 1))
    assert not against, "an unknown or stale session is on the account: " + "; ".join(
        f"{session}: {', '.join(why)}" for session, why in against.items()
    )


@pytest.mark.last
@allure.story("What has ended")
@allure.title("No session that was seen to end has come back")
@allure.link(ASVS_SESSIONS, name="OWASP ASVS 7.4.1: after termination no further use of the session")
@bug_class("a session that was logged out comes back")
def test_no_ended_session_has_come_back(
    primary: Profile, graveyard: Graveyard, settings: Settings, run: Run
) -> None:
    """Once the window is over for all of them, every session that this run has seen to end is tried again.

    With a copy of what each had acted with, made right before its log-out: cookies and access token. A list
    of revocations that forgets brings back whoever was locked out. A living session is asked for in the same
    way, to show that the questions can still tell.
    """
    if not graveyard.graves:
        raise NotApplicable("no session was seen to end in this run")
    with allure.step("Wait until the window is over for the last of them"):
        wait(primary.page, max(0.0, settings.window_s + BEYOND_WINDOW_S - graveyard.youngest_s()))
    with allure.step("A living session is honoured"):
        if told(honoured_by_all(primary.copy(run)), primary.name) is not State.ALIVE:
            raise NotMeasured("a session that is signed in is refused: a refusal says nothing now")
    with allure.step(f"{len(graveyard.graves)} sessions that have ended are not"):
        states = [(grave.session, honoured_by_any(grave.copy)) for grave in graveyard.graves]
    back = [session for session, state in states if state is State.ALIVE]
    assert not back, (
        f"{len(back)} of {len(states)} sessions that were seen to end are honoured again: "
        f"{', '.join(sorted(set(back)))} came back"
    )
    for session, state in states:
        told(state, f"ended {session}")


@pytest.mark.last
@allure.story("What the run leaves")
@allure.title("The suite leaves no session behind")
@allure.link(CONCURRENT, name="OWASP WSTG-SESS-11, concurrent sessions")
def test_the_suite_leaves_no_session_behind(profiles: Profiles) -> None:
    """All devices of the run are signed out, and one that was never used signs in: its session is alone.

    The run's own promise: a test account on which sessions pile up hides the one that should not be there.
    Whatever is still listed is named. The last one is signed out with the run; if that fails, the run does.
    """
    fresh = profiles.signed_in("afterwards", DESKTOP)
    profiles.only(fresh)
    listed = fresh.listed()
    now = datetime.now(UTC) + fresh.site.ahead
    own = the_current(listed)
    left = [
        f"{each.device or 'unknown device'}, {age_told(each.signed_in, now)}"
        for each in listed
        if each.identity != own.identity and not profiles.is_kept(each)
    ]
    assert not left, (
        f"all devices but one are signed out, and {len(left)} more are still listed: {'; '.join(left)}"
    )
