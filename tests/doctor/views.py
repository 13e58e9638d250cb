"""The doctor looks at the app and at the view: menus are opened, rows unfolded, and nothing is ended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from playwright.sync_api import TimeoutError as NotInTime

from afterglow.diagnosis import Area, Status
from afterglow.outcomes import NeedsPerson, NotMeasured
from fixtures.examining import Examiner
from fixtures.holding_back import held_back
from fixtures.listening import NO_VIEW, Heard, asked_for_itself, hearing
from fixtures.profile import Profile
from fixtures.whereabouts import (
    APP,
    CURRENT,
    DIALOG,
    ENTRY,
    FOLDED,
    IN_A_MENU,
    OFFERED,
    PROFILE_MENU,
    ROW,
    SECURITY,
    TAB,
    VIEW,
)
from pages.active_sessions import SOON_MS, Row, unfold
from pages.guard import SHOWN_WITHIN_MS, press
from pages.locators import active_sessions as marks
from pages.locators import shell
from pages.marks import Mark
from pages.patience import visit

examines = pytest.mark.examines

CHANGES = re.compile(
    r"/backend-api/accounts/(sessions/revoke|logout_all|trusted_devices/revoke|password|mfa/)|/auth/logout/?$"
)
"""What ends a session or changes the account."""


@examines(Area.APP, Area.SIGN_IN)
def test_the_app_is_known(patient: Profile, examiner: Examiner) -> None:
    """The frame of the app, and the profile menu, which is opened and left alone."""
    page = patient.page
    with untouched(patient, examiner):
        patient.shell.open()
        missing = examiner.look_for(APP, page)
        if shell.PROFILE_MENU not in missing:
            press(patient.shell.profile_menu, shell.PROFILE_MENU)
            examiner.look_for(PROFILE_MENU, page)


@examines(Area.VIEW, Area.SIGN_IN)
def test_the_view_is_known(patient: Profile, examiner: Examiner, heard: Heard) -> None:
    """Settings > Security > Active sessions, step by step, as far as it is found."""
    page = patient.page
    with untouched(patient, examiner), hearing(page, heard):
        page.goto("about:blank")  # only the hash would change: the same document would stay
        visit(page, f"{patient.site.base_url}/#settings/Security")
        with suppress(NotInTime):
            marks.SETTINGS.on(page).or_(marks.IDENTITY.on(page)).first.wait_for(timeout=SHOWN_WITHIN_MS)
        if marks.IDENTITY.visible_on(page).count():
            raise NeedsPerson("the site wants the identity verified before it shows the security settings")
        missing = examiner.look_for(DIALOG, page)
        dialog = page if missing else marks.SETTINGS.visible_on(page)
        if not examiner.look_for(TAB, dialog):
            tab = marks.SECURITY_TAB.visible_on(dialog)
            if tab.get_attribute("aria-selected") != "true":  # the hash sometimes opens on General
                press(tab, marks.SECURITY_TAB)
        examiner.look_for(SECURITY, dialog)
        way_in = marks.LIST.on(page).or_(marks.ENTRY.visible_on(dialog)).first
        with suppress(NotInTime):
            way_in.wait_for(state="attached", timeout=SOON_MS)
        if marks.LIST.on(page).count():
            examiner.none_seen(ENTRY)
        elif not examiner.look_for(ENTRY, dialog, unseen=Status.NOT_LOOKED_AT):
            press(marks.ENTRY.visible_on(dialog), marks.ENTRY)
        elif says_there_is_none(patient):
            raise NotMeasured(NO_VIEW)
        examiner.look_for(VIEW, page)


def says_there_is_none(profile: Profile) -> bool:
    """Whether the site itself says that this account has no such view."""
    told = asked_for_itself(profile)
    return isinstance(told, dict) and told.get("show_session_manager") is False


@examines(Area.ROWS, Area.VIEW)
def test_the_rows_are_known(patient: Profile, examiner: Examiner, heard: Heard) -> None:
    """What a row shows, and what another session's row offers: it is unfolded, its menu opened, no more."""
    page, view = patient.page, patient.active_sessions
    if not marks.LIST.on(page).count():
        examiner.leave_out(Area.ROWS, because_of=Area.VIEW)
        return
    with untouched(patient, examiner):
        examiner.look_for(ROW, marks.LIST.on(page))
        heard.shown = view.rows.count()
        if not examiner.look_for(FOLDED, view.rows, unseen=Status.NOT_LOOKED_AT):
            unfold(view.rows)
        examiner.look_for(CURRENT, marks.LIST.on(page))
        others = view.rows.filter(has_not=marks.CURRENT.all_on(page))
        if others.count():
            look_at_what_is_offered(Row(others.first), examiner)
        trusted = view.rows.filter(has=marks.TRUSTED.all_on(page))
        if trusted.count():
            examiner.look_for({marks.TRUSTED: ""}, trusted.first)
            look_at_offer(marks.UNTRUST, "this device stays trusted", Row(trusted.first).reveal(), examiner)
        examiner.none_seen({**IN_A_MENU, **OFFERED})


def look_at_what_is_offered(row: Row, examiner: Examiner) -> None:
    """The row of another session."""
    more = {marks.MORE: IN_A_MENU[marks.MORE]}
    in_a_menu = not examiner.look_for(more, row.root, unseen=Status.NOT_LOOKED_AT)
    row.reveal()
    if in_a_menu:
        examiner.look_for({marks.MENU: ""}, row.root.page)
    look_at_offer(marks.ROW_LOG_OUT, "", row, examiner)


def look_at_offer(mark: Mark, without: str, row: Row, examiner: Examiner) -> None:
    """What a row offers: in itself, or in its menu, which may stand elsewhere on the page."""
    places = (row.root, marks.MENU.visible_on(row.root.page))
    found = [way for way in mark.ways if any(way(place).filter(visible=True).count() for place in places)]
    if found:
        examiner.found_by(mark, found)
    else:
        examiner.looked_for(mark, row.root, without)


@contextmanager
def untouched(profile: Profile, examiner: Examiner) -> Iterator[None]:
    """Within the block nothing leaves the page that could end a session or change the account."""
    with held_back(profile.page, CHANGES) as sent:
        yield
    for request in sent:
        remedy = "tell whoever keeps this suite: a doctor must not press what asks for it"
        examiner.found("a request that was held back", Status.WRONG, request, remedy=remedy)
