"""Settings > Security > Active sessions: the dialog, its rows, what it asks back and what it announces.

How its elements are found is all in `pages/locators/active_sessions.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import reduce
from typing import Self
from zoneinfo import ZoneInfo

from playwright.sync_api import Error, Locator, Page, Request
from playwright.sync_api import TimeoutError as NotInTime

from afterglow.outcomes import LocatorDrift, NeedsPerson, NoSessionView, NothingAsked
from pages.guard import SHOWN_WITHIN_MS, press, shown, what_is_shown
from pages.listing import ADDRESS, HEARD_WITHIN_MS, ListedSession, is_listing, told
from pages.locators.active_sessions import (
    COLLAPSED,
    CONFIRM,
    CONFIRM_NO,
    CONFIRM_YES,
    CURRENT,
    ENTRY,
    HEADING,
    IDENTITY,
    LIST,
    LOG_OUT_ALL,
    MENU,
    MORE,
    ROW,
    ROW_LOG_OUT,
    SECURITY_TAB,
    SETTINGS,
    TOAST,
    TRUSTED,
    UNTRUST,
)
from pages.marks import Mark
from pages.overlays import leave_overlays
from pages.patience import visit

SAYS_WHETHER_SHOWN = """async (address) => {
    const ask = async (path, headers) => {
        const answer = await fetch(path, { headers, signal: AbortSignal.timeout(5000) });
        return answer.ok ? answer.json() : null;
    };
    const token = (await ask("/api/auth/session"))?.accessToken;
    const listing = token ? await ask(address, { Authorization: `Bearer ${token}` }) : null;
    return listing?.show_session_manager ?? null;
}"""
"""Asked inside the page, which keeps the token to itself."""


SOON_MS = 2_000
"""By then the view is there, or it is worth asking the site whether this account has one at all."""


class Confirm:
    """What the site asks back before it ends a session; it may not ask at all."""

    def __init__(self, page: Page) -> None:
        self.root = CONFIRM.visible_on(page)

    @property
    def yes(self) -> Locator:
        """The button that goes on."""
        return CONFIRM_YES.visible_on(self.root)

    @property
    def no(self) -> Locator:
        """The button that goes back."""
        return CONFIRM_NO.visible_on(self.root)

    def go_on(self) -> None:
        """Say yes."""
        press(self.yes, CONFIRM_YES)

    def cancel(self) -> None:
        """Say no. Whether the dialog then goes is for the caller to see."""
        press(self.no, CONFIRM_NO)


class Row:
    """One session as the view shows it. `reveal()` before looking at what it offers: that may be hidden."""

    def __init__(self, root: Locator) -> None:
        self.root = root
        self._menu: Locator | None = None

    @property
    def current(self) -> Locator:
        """The mark of the viewer's own session."""
        return CURRENT.visible_on(self.root)

    @property
    def trusted(self) -> Locator:
        """The mark of a trusted device."""
        return TRUSTED.visible_on(self.root)

    @property
    def log_out(self) -> Locator:
        """The row's own log-out; the current row has none."""
        return self._offered(ROW_LOG_OUT)

    @property
    def untrust(self) -> Locator:
        """Removes the device from the trusted ones."""
        return self._offered(UNTRUST)

    def reveal(self) -> Self:
        """Unfold the row if it is collapsed, and open its menu if it has one; what is open stays open."""
        unfold(self.root)
        more = MORE.visible_on(self.root)
        if more.count():
            if more.get_attribute("aria-expanded") != "true":
                press(more, MORE)
            self._menu = self._menu_of(more)
        return self

    def _menu_of(self, more: Locator) -> Locator:
        """The menu that this button has opened: the one that it names, else the only one that is open."""
        shown(MENU, self.root.page)
        menus = MENU.all_on(self.root.page).filter(visible=True)
        named = more.get_attribute("aria-controls")
        own = menus.and_(self.root.page.locator(f'[id="{named}"]')) if named else menus
        if own.count() != 1:
            raise LocatorDrift(f"{MENU.name} ({own.count()} fit)", what_is_shown(self.root.page))
        return own

    def _offered(self, mark: Mark) -> Locator:
        """In the row or in its menu, which may stand elsewhere on the page."""
        inside = mark.all_on(self.root)
        both = inside if self._menu is None else inside.or_(mark.all_on(self._menu))
        return both.filter(visible=True).first


def unfold(root: Locator) -> None:
    """Open whatever is collapsed in a row, or in all of them: what is in it is only then to be seen."""
    collapsed = COLLAPSED.all_on(root).filter(visible=True)
    for _ in range(collapsed.count()):
        press(collapsed.first, COLLAPSED)


class ActiveSessions:
    """The view itself, for one profile's page. `time_zone` is the profile's, in which rows show times."""

    def __init__(self, page: Page, base_url: str, time_zone: str) -> None:
        self.page = page
        self.base_url = base_url
        self.time_zone = ZoneInfo(time_zone)
        self._announced_before = 0
        leave_overlays(page)

    @property
    def heading(self) -> Locator:
        """The heading of the view; the sign that it is on the screen."""
        return HEADING.visible_on(self.page)

    @property
    def rows(self) -> Locator:
        """All rows."""
        return ROW.all_on(LIST.on(self.page)).filter(visible=True)

    @property
    def current_marks(self) -> Locator:
        """Every mark of a current session; there should be one."""
        return CURRENT.all_on(LIST.on(self.page)).filter(visible=True)

    @property
    def confirm(self) -> Confirm:
        """The confirm dialog."""
        return Confirm(self.page)

    @property
    def log_out_all(self) -> Locator:
        """The button that ends all sessions, the viewer's own included."""
        return LOG_OUT_ALL.visible_on(self.page)

    @property
    def toast(self) -> Locator:
        """What the site announces after an action."""
        return self._toasts.first

    @property
    def _toasts(self) -> Locator:
        return TOAST.all_on(self.page).filter(visible=True, has_text=re.compile(r"\S"))

    def open(self) -> list[ListedSession] | None:
        """Open the view afresh and return what the page itself was told; None if it asked nobody.

        Raises NoSessionView if the site says that this account has none, LocatorDrift if it is not found.
        """
        # Only the hash would change: the same document would stay, with a list of some time ago.
        self.page.goto("about:blank")
        heard = list[Request]()
        with self._hearing(heard):
            self._show()
            if not heard:
                with suppress(NotInTime):
                    heard += [
                        self.page.wait_for_event("requestfinished", is_listing, timeout=HEARD_WITHIN_MS)
                    ]
        listed = told(heard[-1]) if heard else None
        if listed != []:
            self._unfold()
        return listed

    @contextmanager
    def _hearing(self, heard: list[Request]) -> Iterator[None]:
        """Note whenever the page is given the list within the block."""

        def note(request: Request) -> None:
            if is_listing(request):
                heard.append(request)

        self.page.on("requestfinished", note)
        try:
            yield
        finally:
            self.page.remove_listener("requestfinished", note)

    def _show(self) -> None:
        try:
            self._go_to_view()
        except LocatorDrift:
            if IDENTITY.visible_on(self.page).count():
                raise NeedsPerson(
                    "the site wants the identity verified before it shows the security settings"
                ) from None
            raise

    def _go_to_view(self) -> None:
        visit(self.page, f"{self.base_url}/#settings/Security")
        dialog = shown(SETTINGS, self.page)
        tab = shown(SECURITY_TAB, dialog)
        if tab.get_attribute("aria-selected") != "true":  # the hash sometimes opens on General
            press(tab, SECURITY_TAB)
        self._enter()
        self.require()

    def _enter(self) -> None:
        """The tab has the list itself, or a button that leads there."""
        listing, entry = LIST.on(self.page), ENTRY.visible_on(self.page)
        way_in = listing.or_(entry).first
        if not self._comes(way_in, SOON_MS) and not self.heading.count() and self._site_says_there_is_none():
            raise NoSessionView
        if not self._comes(way_in, SHOWN_WITHIN_MS):
            missing = LIST if self.heading.count() else HEADING
            raise LocatorDrift(missing.name, what_is_shown(self.page))
        if not listing.count():
            press(entry, ENTRY)

    def _comes(self, element: Locator, within_ms: float) -> bool:
        try:
            element.wait_for(state="attached", timeout=within_ms)
        except NotInTime:
            return False
        return True

    def _site_says_there_is_none(self) -> bool:
        """Whether the JSON twin of the view says that this account is shown none. Silence is no answer."""
        try:
            return self.page.evaluate(SAYS_WHETHER_SHOWN, ADDRESS) is False
        except Error:
            return False

    def require(self) -> None:
        """Refuse to go on, with LocatorDrift, unless the view is on the screen."""
        shown(HEADING, self.page)
        try:
            # an empty list is there, though nobody sees it
            LIST.on(self.page).wait_for(state="attached", timeout=SHOWN_WITHIN_MS)
        except NotInTime:
            raise LocatorDrift(LIST.name, what_is_shown(self.page)) from None

    def _unfold(self) -> None:
        """Unfold all rows, once there are any."""
        with suppress(NotInTime):
            self.rows.first.wait_for(timeout=HEARD_WITHIN_MS)
        unfold(self.rows)

    def row_of(self, listed: ListedSession) -> Row:
        """The one row that shows this session: by its device, its sign-in time and the current mark.

        Raises LocatorDrift if no row or more than one fits, so that nothing wrong can be clicked.
        """
        self.require()
        self._unfold()
        for rows in self._narrowing(listed):
            if rows.count() == 1:
                return Row(rows)
        raise LocatorDrift(
            f"the row of {listed.device or 'a session'} signed in at {listed.signed_in or 'an unknown time'}"
            f" ({rows.count()} of {self.rows.count()} rows fit)",
            what_is_shown(self.page),
        )

    def rows_of(self, listed: ListedSession) -> Locator:
        """Whatever rows look like this session's, by any of the ways in which a row can be told.

        So does one that is collapsed, if it names the device: nobody knows what is in it.
        """
        collapsed = self.rows.filter(has=COLLAPSED.all_on(self.page))
        if listed.device:
            collapsed = collapsed.filter(has_text=listed.device)
        return reduce(lambda one, other: one.or_(other), self._narrowing(listed), collapsed)

    def log_out(self, row: Row) -> None:
        """End one session: press its log-out, and confirm if the site asks."""
        self._do(row.reveal().log_out, ROW_LOG_OUT)

    def log_out_of_all(self) -> None:
        """End all sessions: press the button, and confirm if the site asks."""
        self.require()
        self._do(self.log_out_all, LOG_OUT_ALL)

    def remove_trust(self, row: Row) -> None:
        """Remove the row's device from the trusted ones, and confirm if the site asks."""
        self._do(row.reveal().untrust, UNTRUST)

    def press_log_out(self, row: Row) -> None:
        """Press a row's log-out and leave alone whatever comes of it."""
        self._press(row.reveal().log_out, ROW_LOG_OUT)

    def ask_to_log_out(self, row: Row) -> Confirm:
        """Press a row's log-out, and return the question. Raises NothingAsked if it was done at once."""
        self.press_log_out(row)
        if not self._asks_back():
            raise NothingAsked
        return self.confirm

    def announced(self) -> str:
        """What the site says of the last thing that was done here, once it says it."""
        toast = self._toasts.nth(self._announced_before)
        try:
            return toast.inner_text(timeout=SHOWN_WITHIN_MS)
        except NotInTime:
            raise LocatorDrift(TOAST.name, what_is_shown(self.page)) from None

    def _do(self, button: Locator, mark: Mark) -> None:
        """Press a button that ends something, then the confirm dialog's, should one come."""
        self._press(button, mark)
        if self._asks_back():
            self.confirm.go_on()

    def _press(self, button: Locator, mark: Mark) -> None:
        """Press a button, once what was announced before has gone: it is not to be taken for what comes."""
        with suppress(NotInTime):
            self.toast.wait_for(state="hidden", timeout=SHOWN_WITHIN_MS)
        self._announced_before = self._toasts.count()
        press(button, mark)

    def _asks_back(self) -> bool:
        """Whether a question came, and not at once the word that it is done."""
        asked_or_done = self.confirm.yes.or_(self._toasts.nth(self._announced_before)).first
        try:
            asked_or_done.wait_for(timeout=SHOWN_WITHIN_MS)
        except Error as error:
            raise LocatorDrift(
                f"{CONFIRM.name} or {TOAST.name} ({error.message.splitlines()[0]})",
                what_is_shown(self.page),
            ) from None
        return self.confirm.yes.count() > 0

    def _narrowing(self, listed: ListedSession) -> Iterator[Locator]:
        """Rows that fit by all that the site gave: with the time as machines read it, else as people do."""
        rows = self.rows
        mark = CURRENT.all_on(self.page)
        rows = rows.filter(has=mark) if listed.current else rows.filter(has_not=mark)
        if listed.device:
            rows = rows.filter(has_text=listed.device)
        if listed.signed_in is None:
            yield rows
            return
        local = listed.signed_in.astimezone(self.time_zone)
        exact = self.page.locator(f'time[datetime^="{listed.signed_in:%Y-%m-%dT%H:%M:%S}"]')
        yield rows.filter(has=exact)
        # without a machine-readable time: the text, as en-US writes it, to the minute
        clock = f"{local.hour % 12 or 12}:{local:%M}"
        in_words = rows.filter(has_not=self.page.locator("time[datetime]"))
        yield in_words.filter(has_text=re.compile(rf"{local:%b}\w* {local.day}\b.*\b{clock}\b", re.S))
