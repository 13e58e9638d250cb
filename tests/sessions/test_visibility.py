"""What the view shows: every session of the account, each as itself, and nothing else."""

from __future__ import annotations

import allure
import pytest
from playwright.sync_api import expect

from afterglow.clock import now_s
from afterglow.outcomes import NoSessionView, NotApplicable, NotMeasured
from afterglow.readings import State
from fixtures.afterwards import Afterwards
from fixtures.apps import let_in
from fixtures.asking import told
from fixtures.calling import call
from fixtures.capabilities import Capability, needs
from fixtures.devices import LAPTOP, PHONE
from fixtures.graveyard import Grave, Graveyard
from fixtures.links import ASVS_SESSIONS, CONCURRENT, HELP_ARTICLE, bug_class
from fixtures.observing import Observe
from fixtures.people import People
from fixtures.profile import Profile
from fixtures.profiles import Profiles
from fixtures.promises import listed_once, signed_in_when_told, the_current, the_same
from fixtures.run import Run
from fixtures.target import Cast, Site
from pages.listing import ADDRESS, ListedSession
from pages.own_log_out import log_out_by_menu

APPS = {"codex-cli": "Codex CLI", "third-party": "Third-party app", "connected-app": "Connected app"}
"""The apps that the replica lets use an account, and what each is called there."""

pytestmark = [allure.epic("Active sessions"), allure.feature("What the view shows")]


@allure.story("The current session")
@allure.title("Exactly one row is the current session, and it is the viewer's own")
@allure.link(HELP_ARTICLE, name="help article: whether it is your current session")
@bug_class("another device is shown as this one")
def test_exactly_one_row_is_current_and_it_is_the_viewers(primary: Profile, secondary: Profile) -> None:
    """Whoever looks finds one row marked as the current session, and it stands for the device looked from.

    A person who logs out all the others by the mark must not lock themselves out and leave somebody else in.
    Looked at from two devices: each time one mark, on the screen and in what the page was told, and never on
    the same session.
    """
    current: dict[str, ListedSession] = {}
    for viewer in (primary, secondary):
        with allure.step(f"Open Active sessions on the {viewer.name} device"):
            listed = viewer.listed()
        with allure.step("One session is the current one"):
            current[viewer.name] = the_current(listed)
            marks = viewer.active_sessions.current_marks
            expect(marks, f"not one row alone is marked as current on {viewer.name}").to_have_count(1)
        with allure.step("It is the row of the device itself"):
            row = viewer.active_sessions.row_of(current[viewer.name])
            expect(row.current, f"the current session of {viewer.name} has no mark").to_be_visible()
    distinct = current[primary.name].identity != current[secondary.name].identity
    assert distinct, "both devices are shown the same session as their current one"
    for viewer in (primary, secondary):
        its_own = names(viewer, current[viewer.name].device)
        assert its_own, (
            f"the row marked as current on {viewer.name}, {viewer.device.browser} on {viewer.device.system}, "
            f"is that of another device: {current[viewer.name].device}"
        )


@allure.story("Devices")
@allure.title("Each row names the device that made it")
@allure.link(HELP_ARTICLE, name="help article: device or browser information")
@bug_class("rows carry each other's details")
def test_each_row_names_the_device_that_made_it(primary: Profile, secondary: Profile) -> None:
    """A person recognises each device by its row: its browser and its system are named.

    Rows that are swapped would let somebody log out the wrong device. Which session belongs to which device
    is known from each device's own view.
    """
    own = {profile.name: profile.own_session() for profile in (primary, secondary)}
    for viewer in (primary, secondary):
        with allure.step(f"Open Active sessions on the {viewer.name} device"):
            listed = viewer.listed()
        for profile in (primary, secondary):
            session = the_same(own[profile.name], listed)
            recognisable = names(profile, viewer.active_sessions.row_of(session).root.inner_text())
            assert recognisable, (
                f"the row of the {profile.name} device, {profile.device.browser} on {profile.device.system}, "
                f"names another device: {session.device}"
            )


@allure.story("Sign-in times")
@allure.title("Each row tells when its session signed in")
@allure.link(HELP_ARTICLE, name="help article: sign-in date and time")
@bug_class("times of another zone")
def test_each_row_tells_when_it_signed_in(primary: Profile, secondary: Profile) -> None:
    """The time in a row is that of the sign-in, within a minute.

    Whoever looks for a sign-in that was not theirs goes by it; an hour off is the classic mistake with time
    zones. Not applicable where the site gives no times: details may be incomplete.
    """
    own = {profile.name: profile.own_session() for profile in (primary, secondary)}
    listed = primary.listed()
    timed = [each for each in (primary, secondary) if the_same(own[each.name], listed).signed_in is not None]
    if not timed:
        raise NotApplicable("the site gives no sign-in times")
    for profile in timed:
        with allure.step(f"The {profile.name} session signed in when it is said to have"):
            session = the_same(own[profile.name], listed)
            primary.active_sessions.row_of(session)  # found by the time that it shows
            signed_in_when_told(profile, session)


@allure.story("Signing in")
@allure.title("A sign-in adds one row, and takes none away")
@allure.link(CONCURRENT, name="OWASP WSTG-SESS-11, concurrent sessions")
@allure.link(ASVS_SESSIONS, name="OWASP ASVS 7.5.2: users can view their sessions")
@bug_class("the list is always empty")
def test_a_sign_in_adds_one_row(primary: Profile, profiles: Profiles) -> None:
    """Somebody signs in on one more device, and then on another: each time one row more, and nobody gone.

    The new session is listed once, to itself and to the device that was there before. An empty list and one
    that lacks the newest sign-in are the two ways in which an intruder stays unseen.
    """
    profiles.require_sign_ins()
    profiles.only(primary)
    listed = primary.listed()
    assert len(listed) > 0, "the view lists no session at all, not even the one that looks at it"
    listed_once(listed)
    for name, device in (("secondary", LAPTOP), ("bystander", PHONE)):
        before = listed
        newcomer = profiles.signed_in(name, device, afresh=True)
        with allure.step(f"The {name} device, which is new, sees all that were there, and itself"):
            listed_to_all(before, newcomer.listed(), seen_on=newcomer)
        with allure.step("The device that was there before sees one row more"):
            listed = primary.listed()
            listed_to_all(before, listed, seen_on=primary)
            expect(
                primary.active_sessions.rows, "the sign-in has not added one row to the screen"
            ).to_have_count(len(before) + 1)


def listed_to_all(before: list[ListedSession], after: list[ListedSession], *, seen_on: Profile) -> None:
    """Promise that a sign-in has added one session to the list, and taken none from it."""
    then = {session.identity: session for session in before}
    now = {session.identity: session for session in after}
    gone = [session.device or "a device" for identity, session in then.items() if identity not in now]
    assert not gone, f"the sign-in of another device ended other sessions: {', '.join(gone)} is not listed"
    added = [session for identity, session in now.items() if identity not in then]
    assert len(added) > 0, f"the new session is not listed on the {seen_on.name} device: no row was added"
    assert len(added) == 1, f"{len(added)} sessions were added by one sign-in"
    listed_once(after)


@allure.story("Logging out")
@allure.title("A log-out from afar takes one row away")
@allure.link(HELP_ARTICLE, name="help article: recently signed-out sessions are not shown")
@bug_class("a row that nothing reads")
def test_a_log_out_from_afar_takes_one_row_away(
    primary: Profile,
    secondary: Profile,
    profiles: Profiles,
    run: Run,
    afterwards: Afterwards,
    graveyard: Graveyard,
) -> None:
    """Once a session that was logged out from another device is out, its row is gone; all others stay.

    Looked at in a view that was opened afresh, on the screen and in what the page was told.
    """
    bystander = profiles.signed_in("bystander", PHONE)
    profiles.only(primary, secondary, bystander)
    own, copy = secondary.own_session(), secondary.copy(run)
    before = primary.listed()
    with allure.step("Log out the secondary session"):
        since_s = now_s()
        primary.active_sessions.log_out(primary.active_sessions.row_of(the_same(own, before)))
    with allure.step("Wait until nobody honours it any more"):
        out = afterwards.is_out(primary.page, copy, since_s, secondary.name)
        assert out, "the session that was logged out from afar is still honoured, whatever its row does"
        graveyard.graves.append(Grave(secondary.name, copy, since_s))
    with allure.step("Its row has gone, and all others stay"):
        after = primary.listed()
        left = {session.identity for session in after}
        stays = own.identity in left
        assert not stays, f"{own.device} was logged out from afar, and its row is still listed"
        gone = [each.device or "a device" for each in before if each.identity not in left | {own.identity}]
        assert not gone, f"a log-out of one took other rows away, too: {', '.join(gone)}"
        expect(
            primary.active_sessions.rows, "the row of the session that was logged out is still on the screen"
        ).to_have_count(len(before) - 1)


@allure.story("The current session")
@allure.title("The current row has no log-out of its own")
@allure.link(HELP_ARTICLE, name="help article: log out of individual sessions")
@bug_class("a person locks themselves out")
def test_the_current_row_has_no_log_out_of_its_own(primary: Profile, secondary: Profile) -> None:
    """A person who tidies up cannot log out the session they are in by its row, nor by a menu of the row.

    Every other row does have a log-out: otherwise nothing would be said by its absence.
    """
    own = secondary.own_session()
    listed = primary.listed()
    with allure.step("The other row has a log-out"):
        other = primary.active_sessions.row_of(the_same(own, listed)).reveal()
        if not other.log_out.count():
            raise NotMeasured(
                "no row has a log-out that is found: that the current one has none says nothing"
            )
    with allure.step("The current row has none"):
        listed = primary.listed()  # afresh, without the other row's menu
        row = primary.active_sessions.row_of(the_current(listed)).reveal()
        expect(row.current).to_be_visible()
        expect(row.log_out, "the current row offers a log-out of its own").to_have_count(0)


@allure.story("Logging out")
@allure.title("A session that logged itself out is not listed")
@allure.link(HELP_ARTICLE, name="help article: recently signed-out sessions are not shown")
@bug_class("a session of the past among the active ones")
def test_a_session_that_logged_itself_out_is_not_listed(
    primary: Profile, secondary: Profile, run: Run, afterwards: Afterwards, graveyard: Graveyard
) -> None:
    """Somebody logs out on a device, by its profile menu: another device does not list it any more.

    A list in which sessions of the past stand among the active ones hides the one that matters.
    """
    own, copy = secondary.own_session(), secondary.copy(run)
    with allure.step("The secondary device logs itself out"):
        secondary.shell.open()
        since_s = now_s()
        log_out_by_menu(secondary.shell)
    with allure.step("Wait until nobody honours the session any more"):
        # that a copy of it is worth nothing by then is another check's promise
        if afterwards.is_out(primary.page, copy, since_s, secondary.name):
            graveyard.graves.append(Grave(secondary.name, copy, since_s))
    with allure.step("The primary device does not list it"):
        listed = primary.listed()
        stays = own.identity in {session.identity for session in listed}
        assert not stays, f"{own.device} logged itself out, and is still listed among the active sessions"
        the_current(listed)
        expect(
            primary.active_sessions.rows, "the view does not show the sessions that are left"
        ).to_have_count(len(listed))


@allure.story("Products")
@allure.title("Products used in one browser share a row")
@allure.link(HELP_ARTICLE, name="help article: one browser row, several first-party products")
def test_products_used_in_one_browser_share_a_row(
    primary: Profile, secondary: Profile, site: Site, observe: Observe
) -> None:
    """ChatGPT, Codex and the API Platform in one browser: how the view shows them is recorded.

    "A single browser row can represent sessions across multiple first-party OpenAI products." It can: so
    nothing is promised but that the browser's session is listed once.
    """
    own = secondary.own_session()
    with allure.step("Use further products in the secondary browser"):
        for path in ("/codex", *(["/platform"] if site.has_platform else [])):
            secondary.page.goto(f"{site.base_url}{path}", wait_until="domcontentloaded")
        secondary.shell.open()
    session = the_same(own, primary.listed())
    primary.active_sessions.row_of(session)
    observe("one row for several products", ", ".join(session.apps) or "names no product")


@needs(Capability.OTHER_APPS)
@pytest.mark.parametrize("client_id", APPS)
@allure.story("Other apps")
@allure.title("Sessions of other apps are not listed: {client_id}")
@allure.link(HELP_ARTICLE, name="help article: what Active sessions does not show or manage")
@bug_class("an app's session shown as a device")
def test_sessions_of_other_apps_are_not_listed(primary: Profile, run: Run, client_id: str) -> None:
    """Somebody lets another app use the account: the view lists it as no session, and it works meanwhile.

    Third-party apps, connected apps and Codex CLI are not managed here. A row for one of them would promise
    a log-out that does not reach it. That a row is missing is so no proof that nobody else has access.
    """
    before = {session.identity for session in primary.listed()}
    with allure.step(f"Let {APPS[client_id]} in by its consent page"):
        app = let_in(primary, client_id, run)
        if told(app.state(), client_id) is not State.ALIVE:
            raise NotMeasured(f"{client_id} was let in, and its token is refused")
    with allure.step("The view lists what it listed before"):
        more = [each.device or "a device" for each in primary.listed() if each.identity not in before]
        assert not more, f"{APPS[client_id]} is listed among the sessions of devices, as {', '.join(more)}"
        named = primary.active_sessions.rows.filter(has_text=APPS[client_id])
        expect(
            named, f"a row names {APPS[client_id]}: it is listed as if it could be logged out"
        ).to_have_count(0)
    with allure.step("The app goes on"):
        assert told(app.state(), client_id) is State.ALIVE, f"to look at the view ended {client_id}"


@needs(Capability.SSO_ACCOUNT)
@allure.story("SSO")
@allure.title("An account tied to SSO has no view")
@allure.link(HELP_ARTICLE, name="help article: not available for accounts linked to SSO")
@bug_class("a control that does not control")
def test_an_account_tied_to_sso_has_no_view(people: People, cast: Cast) -> None:
    """Somebody whose account is linked to an organisation's SSO finds no Active sessions in the settings.

    The organisation manages those sessions: a list here would promise what it cannot hold. The site also
    tells the page of no session.
    """
    tied = people(cast.tied).signed_in("tied to SSO", LAPTOP)
    with allure.step("Open Settings > Security"):
        shown = is_shown_the_view(tied)
    assert not shown, "an account that is tied to SSO is shown the Active sessions view"
    with allure.step("The site lists no session to it either"):
        answer = call(tied, ADDRESS)
        listed = (answer.body or {}).get("devices") if answer.ok else None
        assert not listed, "the site lists the sessions of an account that is tied to SSO"


def is_shown_the_view(profile: Profile) -> bool:
    """Whether the profile's account has the view. If it can be neither found nor denied, that is drift."""
    try:
        profile.active_sessions.open()
    except NoSessionView:
        return False
    return True


@allure.story("Details")
@allure.title("Missing details are reported")
@allure.link(HELP_ARTICLE, name="help article: details may be approximate or incomplete")
def test_missing_details_are_reported(primary: Profile, secondary: Profile, observe: Observe) -> None:
    """What a row leaves out is recorded, and is no fault: details may be approximate or incomplete.

    For every row of the view: the session's id, its device, app, approximate location, sign-in time, and
    whether the device is a trusted one.
    """
    listed = primary.listed()
    the_same(secondary.own_session(), listed)
    missing = [
        f"{each.device or 'unknown device'}: {', '.join(each.missing)}" for each in listed if each.missing
    ]
    if missing:
        allure.attach("\n".join(missing), "details missing from rows", allure.attachment_type.TEXT)
    observe("details missing from rows", "; ".join(missing) or "none")


@allure.story("The screen and the site")
@allure.title("The view shows what the site told it")
@allure.link(CONCURRENT, name="OWASP WSTG-SESS-11, concurrent sessions")
@bug_class("the page leaves out what it was told")
def test_the_view_shows_what_the_site_told_it(primary: Profile, secondary: Profile) -> None:
    """As many rows as the site told the page of, and for each session a row with its details and its mark.

    A person sees only the rows: one that the page leaves out is a session that nobody will ever log out.
    """
    for viewer in (primary, secondary):
        with allure.step(f"Open Active sessions on the {viewer.name} device"):
            listed, view = viewer.listed(), viewer.active_sessions
        expect(
            view.rows,
            f"the site told of {len(listed)} sessions, and the view shows not as many: one is not shown",
        ).to_have_count(len(listed))
        for session in listed:
            with allure.step(f"{session.device or 'A session'} has a row of its own"):
                row = view.row_of(session)
                expect(
                    row.current, "the view shows the mark of the current session elsewhere than told"
                ).to_have_count(int(session.current))


def names(profile: Profile, text: str | None) -> bool:
    """Whether a text names the browser and the system of a profile, as a person would look for them."""
    said = (text or "").casefold()
    return profile.device.browser.casefold() in said and profile.device.system.casefold() in said
