"""After a log-out: what is still open, what the screen shows, what the browser keeps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import allure
import pytest
from playwright.sync_api import Page, expect

from afterglow.clock import now_s
from afterglow.delay import Verdict
from afterglow.outcomes import LocatorDrift, NotApplicable, NotMeasured
from afterglow.readings import State
from fixtures.aftermath import Aftermath
from fixtures.afterwards import Afterwards
from fixtures.headers import cache_control
from fixtures.holding_back import held_back
from fixtures.links import ASVS_CLIENT_DATA, ASVS_SESSIONS, LOG_OUT, bug_class
from fixtures.observing import Observe
from fixtures.profile import Profile
from fixtures.profiles import Profiles
from fixtures.promises import the_same
from fixtures.run import Run
from fixtures.storage import came, cookies, kept
from fixtures.waiting import wait_until
from pages.listing import ListedSession
from pages.locators.sign_in import PASSWORD
from pages.own_log_out import log_out_by_menu

API = {"session", "access"}

COMES_WITHIN_S = 10.0
"""A page may think for a while before it sends what a button is for."""

pytestmark = [
    allure.epic("Active sessions"),
    allure.feature("After a log-out"),
    allure.severity(allure.severity_level.CRITICAL),
]


@allure.story("What was open")
@allure.title("An answer that was streaming is cut")
@allure.link(ASVS_SESSIONS, name="OWASP ASVS 7.4.1: no further use after termination")
@bug_class("an open stream survives")
def test_an_open_stream_is_cut(aftermath: Aftermath) -> None:
    """An answer that was being written at the log-out does not go on being written to its end."""
    late = aftermath.late({"stream"})
    assert not late, f"a stream that was open at the log-out goes on: {late}"


@allure.story("What was open")
@allure.title("A second tab is out, too")
@allure.link(LOG_OUT, name="OWASP WSTG-SESS-06, log-out")
@bug_class("an existing tab is never cut")
def test_a_second_tab_is_out_too(aftermath: Aftermath) -> None:
    """A second tab, which nobody reloads, gets no more answers than the first one."""
    late = aftermath.late({"tab"})
    assert not late, f"an open tab still gets answers: {late}"


@allure.story("What was open")
@allure.title("Back shows nothing of the session")
@allure.link(LOG_OUT, name="OWASP WSTG-SESS-06: go back after the log-out")
@bug_class("Back shows and still edits")
def test_back_shows_nothing_of_the_session(aftermath: Aftermath) -> None:
    """Who goes back to a page that was left while it was signed in finds that nobody is."""
    late = aftermath.late({"back"})
    assert not late, f"Back shows the page as it was, signed in: {late}"


@allure.story("What was open")
@allure.title("An open tab cannot send a message")
@allure.link(ASVS_SESSIONS, name="OWASP ASVS 7.4.1: no further use after termination")
@bug_class("an open page still edits")
def test_an_open_tab_cannot_send(aftermath: Aftermath) -> None:
    """A message that is typed in a tab that was open at the log-out is refused.

    Not just because the tab has noticed, and shows a dialog over the page: one that is sent to the site with
    the access token of before is refused as well.
    """
    for name, look in aftermath.looks.items():
        assert look.message is not State.ALIVE, (
            f"a message with the {name} device's old token is still answered"
        )
    late = aftermath.late({"message"})
    assert not late, f"a message sent from an open tab is still answered: {late}"
    if any(look.message is State.UNKNOWN for look in aftermath.looks.values()):
        raise NotMeasured("whether a message can still be sent could not be told")


@allure.story("Screen and site")
@allure.title("The screen agrees with the site")
@allure.link(LOG_OUT, name="OWASP WSTG-SESS-06: what the screen shows, and what the server does")
@bug_class("the screen and the server disagree")
def test_the_screen_agrees_with_the_site(aftermath: Aftermath) -> None:
    """After log-out of all every device shows that nobody is signed in, and the API refuses its session.

    Neither alone is enough: a screen that says signed out over a session that lives deceives who trusts it,
    and one that looks signed in over a dead session deceives the other way.
    """
    for name, look in aftermath.looks.items():
        with allure.step(f"{name}: the screen says {look.screen.value}, and the API {look.api.value}"):
            assert (look.screen, look.api) != (State.REVOKED, State.ALIVE), (
                f"the screen of the {name} device says signed out, but the API honours its session"
            )
            assert (look.screen, look.api) != (State.ALIVE, State.REVOKED), (
                f"the screen of the {name} device still looks signed in, but the API refuses its session"
            )
    with allure.step("They agreed within the window"):
        for device in aftermath.ended:
            late = [door for door in aftermath.doors(API | {"page"}, device) if door.verdict is Verdict.LATE]
            layers = {door.layer for door in late}
            assert "page" not in layers or layers & API, (
                f"the screen of the {device.name} device looked signed in when the API had long refused"
            )
            assert "page" in layers or not layers, (
                f"the screen of the {device.name} device said signed out while the API went on to honour it"
            )
    if any(State.UNKNOWN in (look.screen, look.api) for look in aftermath.looks.values()):
        raise NotMeasured("what a device shows, or what the API says of it, could not be told")


def by_itself(_: Profile, device: Profile, __: Afterwards, ___: Run) -> None:
    """The device logs itself out, by its menu."""
    log_out_by_menu(device.shell)


def from_afar(viewer: Profile, device: Profile, afterwards: Afterwards, run: Run) -> None:
    """The device is logged out by another, and its page has noticed."""
    own, copy = device.own_session(), device.copy(run)
    device.shell.open()
    view = viewer.active_sessions
    view.log_out(view.row_of(the_same(own, viewer.listed())))
    view.announced()
    if not afterwards.is_out(viewer.page, copy, now_s(), device.name):
        raise NotMeasured(f"the {device.name} session did not end, so that nothing had to be cleared")
    device.shell.open()
    expect(device.shell.any_signed_out, "a device that is out does not show it").to_be_visible()


WAYS: dict[str, Callable[[Profile, Profile, Afterwards, Run], None]] = {
    "by itself": by_itself,
    "from afar": from_afar,
}


@allure.story("What the browser keeps")
@allure.title("Client storage holds nothing of the session after a log-out")
@allure.link(ASVS_CLIENT_DATA, name="OWASP ASVS 14.3.1: client storage is cleared")
@bug_class("what a browser stores is left for the next person")
@pytest.mark.parametrize("way", WAYS)
def test_client_storage_holds_nothing_of_the_session(
    way: str,
    primary: Profile,
    secondary: Profile,
    nobodys_storage: set[str],
    afterwards: Afterwards,
    run: Run,
    observe: Observe,
) -> None:
    """What the app keeps in the browser of who is signed in is gone once they are not.

    Local and session storage, databases and caches are looked at by name, before and after; what a guest's
    browser has as well is of no session. A device that logs itself out loses its cookie, too; whether one
    that is logged out from afar does is recorded, as a cookie that nobody honours is worth nothing.
    """
    secondary.shell.open()
    if not came(secondary.page, nobodys_storage):
        raise NotApplicable("the site stores nothing in the browser of who is signed in")
    with allure.step(f"The secondary device is logged out {way}"):
        WAYS[way](primary, secondary, afterwards, run)
    left = kept(secondary.page, nobodys_storage)
    left_cookies = cookies(secondary) - nobodys_storage
    if way == "by itself":
        left |= left_cookies
    else:
        seen = ", ".join(sorted(left_cookies)) or "none"
        observe("cookies of the session in a browser that was logged out from afar", seen)
    assert not left, (
        f"after a log-out {way} the browser still stores of the session: {', '.join(sorted(left))}"
    )


@allure.story("What the browser keeps")
@allure.title("Pages and answers for who is signed in are kept out of every cache")
@allure.link(ASVS_CLIENT_DATA, name="OWASP ASVS 14.3.2: Cache-Control: no-store")
@bug_class("a page of a session comes out of a cache")
def test_protected_pages_are_kept_out_of_every_cache(primary: Profile) -> None:
    """What is made for who is signed in must not be stored, and says so: app, Codex, session and user."""
    rules = cache_control(primary)
    stored = [
        f"{path} ({rule or 'no Cache-Control'})" for path, rule in rules.items() if "no-store" not in rule
    ]
    assert not stored, f"a cache may keep what is for who is signed in: {', '.join(stored)}"


@allure.story("A device's own log-out")
@allure.title("A copy of the cookies is worth nothing after a device's own log-out")
@allure.link(LOG_OUT, name="OWASP WSTG-SESS-06: the server ends the session, not the browser alone")
@bug_class("a log-out only forgets the cookies")
def test_a_copy_of_the_cookies_is_worth_nothing_after_a_devices_own_log_out(
    secondary: Profile, run: Run, afterwards: Afterwards
) -> None:
    """A device logs itself out, by its menu. A copy of its cookies and token, made before, dies with that.

    If it did not, the device would only have forgotten what somebody else may still have.
    """
    copy = secondary.copy(run)
    with allure.step("Log out on the secondary device itself"):
        log_out_by_menu(secondary.shell)
    out = afterwards.is_out(secondary.page, copy, now_s(), "secondary")
    assert out, "a copy of the cookies, made before the device's own log-out, still lets anybody in"


@allure.story("Who may end sessions")
@allure.title("Whether the site asks for the password again before it ends sessions")
@allure.link(ASVS_SESSIONS, name="OWASP ASVS 7.5.2: having authenticated again")
@allure.severity(allure.severity_level.NORMAL)
@bug_class("who finds an open browser locks the owner out")
def test_whether_the_site_asks_for_the_password_again(
    primary: Profile, secondary: Profile, profiles: Profiles, observe: Observe
) -> None:
    """The standard wants a person to authenticate again before they end sessions; what happens is recorded.

    The buttons are pressed, and what they send is held back: nothing is ended. Should the site end sessions
    in another way than is known of it, it would still be the run's own that are lost, and no others.
    """
    profiles.only(primary, secondary)
    own, view = secondary.own_session(), primary.active_sessions
    profiles.require_accounted(primary.listed(), [own, primary.own_session()])
    presses: dict[str, Callable[[list[ListedSession]], None]] = {
        "one session": lambda listed: view.log_out(view.row_of(the_same(own, listed))),
        "all sessions": lambda _: view.log_out_of_all(),
    }
    for what, press in presses.items():
        listed = primary.listed()
        with held_back(primary.page) as sent:
            with suppress(LocatorDrift):  # it may want something else first
                press(listed)
            asked = password_or(sent, primary.page, what)
        observe(f"the password is asked for again before {what} may be ended", "yes" if asked else "no")
    with allure.step("Nothing was ended by it"):
        the_same(own, primary.listed())


def password_or(sent: list[str], page: Page, what: str) -> bool:
    """Whether the password is asked for. Raises NotMeasured if neither that nor a request comes."""
    field = PASSWORD.visible_on(page)
    wait_until(
        page,
        lambda: bool(sent) or field.count() > 0,
        within_s=COMES_WITHIN_S,
        what=f"the log-out of {what}, or a question for the password,",
    )
    return field.count() > 0
