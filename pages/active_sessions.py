"""Settings > Security > Active sessions: the dialog, its rows, what it asks back and what it announces.

The DOM of this view is published nowhere. Every way below is a guess from its wording, which is known,
and from how the rest of the site is built; all of them stand in this file, so that a first look at the
live site has one place to mend.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import reduce
from zoneinfo import ZoneInfo

from playwright.sync_api import Error, Locator, Page
from playwright.sync_api import TimeoutError as NotInTime

from afterglow.outcomes import LocatorDrift
from pages.guard import SHOWN_WITHIN_MS, shown, what_is_shown
from pages.listing import HEARD_WITHIN_MS, ListedSession, is_listing, told
from pages.marks import Mark, css, label, role, test_id, text

GUESS = "a guess: the view's DOM is published nowhere; wording from the help page"

SETTINGS = Mark(
    "settings dialog",
    (role("dialog", "Settings"), css('[role="dialog"]:has([role="tablist"])')),
    "chatgpt-web.md, signed-in shell: role=dialog with a tablist",
)
SECURITY_TAB = Mark(
    "tab Security and login",
    (role("tab", re.compile(r"^security( and login)?$", re.I)), test_id("security-tab")),
    "chatgpt-web.md: `Security and login` in the current UI (6), `Security` in help texts; test id (3)",
)
HEADING = Mark(
    "heading Active sessions",
    (role("heading", re.compile("^active sessions$", re.I)), text(re.compile("^active sessions$", re.I))),
    GUESS,
)
LIST = Mark("list of sessions", (role("list", "Active sessions"), label("Active sessions")), GUESS)
ROW = Mark("session row", (role("listitem"), test_id("active-session")), GUESS)
CURRENT = Mark(
    "mark CURRENT SESSION",
    (text(re.compile("^current session$", re.I)),),
    "chatgpt-web.md: quoted in articles; may be upper-cased by CSS",
)
ROW_LOG_OUT = Mark("row's button Log out", (role("button", re.compile("^log out$", re.I)),), GUESS)
UNTRUST = Mark(
    "row's button Remove trusted device",
    (role("button", re.compile("trusted device", re.I)),),
    "chatgpt-web.md: a device can be removed from the trusted ones (1)",
)
LOG_OUT_ALL = Mark(
    "button Log out all",
    (role("button", re.compile("^log out( of)? all( (sessions|devices))?$", re.I)),),
    "chatgpt-web.md: `Log out all` in 2024 (shipped bundle), `Log out of all sessions` in 2026",
)
CONFIRM = Mark(
    "confirm dialog",
    (role("alertdialog"), role("dialog", re.compile("^(log out|are you sure)", re.I))),
    "chatgpt-web.md: whether a confirm dialog was added in 2026 is unknown",
)
CONFIRM_YES = Mark("confirm's button Log out", (role("button", re.compile("^log out", re.I)),), GUESS)
CONFIRM_NO = Mark("confirm's button Cancel", (role("button", re.compile("^cancel$", re.I)),), GUESS)
TOAST = Mark(
    "toast",
    (role("status"), role("alert")),
    "chatgpt-web.md: its wording of 2024; its role is a guess",
)


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


class Row:
    """One session as the view shows it."""

    def __init__(self, root: Locator) -> None:
        self.root = root

    @property
    def current(self) -> Locator:
        """The mark of the viewer's own session."""
        return CURRENT.visible_on(self.root)

    @property
    def log_out(self) -> Locator:
        """The row's own log-out; the current row has none."""
        return ROW_LOG_OUT.visible_on(self.root)

    @property
    def untrust(self) -> Locator:
        """Removes the device from the trusted ones."""
        return UNTRUST.visible_on(self.root)


class ActiveSessions:
    """The view itself, for one profile's page. `time_zone` is the profile's, in which rows show times."""

    def __init__(self, page: Page, base_url: str, time_zone: str) -> None:
        self.page = page
        self.base_url = base_url
        self.time_zone = ZoneInfo(time_zone)

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
        return TOAST.visible_on(self.page)

    def open(self) -> list[ListedSession] | None:
        """Open the view afresh and return what the page itself was told; None if it asked nobody."""
        # Only the hash would change: the same document would stay, with a list of some time ago.
        self.page.goto("about:blank")
        on_screen = False
        try:
            with self.page.expect_event("requestfinished", is_listing, timeout=HEARD_WITHIN_MS) as heard:
                self._show()
                on_screen = True
        except NotInTime:
            if not on_screen:
                raise
            return None
        return told(heard.value)

    def _show(self) -> None:
        self.page.goto(f"{self.base_url}/#settings/Security", wait_until="domcontentloaded")
        dialog = shown(SETTINGS, self.page)
        tab = shown(SECURITY_TAB, dialog)
        if tab.get_attribute("aria-selected") != "true":  # the hash sometimes opens on General
            tab.click()
        self.require()

    def require(self) -> None:
        """Refuse to go on, with LocatorDrift, unless the view is on the screen."""
        shown(HEADING, self.page)
        shown(LIST, self.page)

    def row_of(self, listed: ListedSession) -> Row:
        """The one row that shows this session: by its device, its sign-in time and the current mark.

        Raises LocatorDrift if no row or more than one fits, so that nothing wrong can be clicked.
        """
        self.require()
        for rows in self._narrowing(listed):
            if rows.count() == 1:
                return Row(rows)
        raise LocatorDrift(
            f"the row of {listed.device or 'a session'} signed in at {listed.signed_in or 'an unknown time'}"
            f" ({rows.count()} of {self.rows.count()} rows fit)",
            what_is_shown(self.page),
        )

    def rows_of(self, listed: ListedSession) -> Locator:
        """Whatever rows look like this session's, by any of the ways in which a row can be told."""
        first, *more = self._narrowing(listed)
        return reduce(lambda one, other: one.or_(other), more, first)

    def log_out(self, row: Row) -> None:
        """End one session: press its log-out, and confirm if the site asks."""
        self._press(row.log_out, ROW_LOG_OUT)

    def log_out_of_all(self) -> None:
        """End all sessions: press the button, and confirm if the site asks."""
        self.require()
        self._press(self.log_out_all, LOG_OUT_ALL)

    def _press(self, button: Locator, mark: Mark) -> None:
        """Press a button that ends sessions, then the confirm dialog's, should one come."""
        try:
            button.click(timeout=SHOWN_WITHIN_MS)
        except NotInTime:
            raise LocatorDrift(mark.name, what_is_shown(self.page)) from None
        asked_or_done = self.confirm.yes.or_(self.toast).first
        try:
            asked_or_done.wait_for(timeout=SHOWN_WITHIN_MS)
            if self.confirm.yes.count():
                self.confirm.yes.click(timeout=SHOWN_WITHIN_MS)
        except Error as error:
            raise LocatorDrift(
                f"{CONFIRM.name} or {TOAST.name} ({error.message.splitlines()[0]})",
                what_is_shown(self.page),
            ) from None

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
        # without a machine-readable time: the text, as en-US writes it
        clock = f"{local.hour % 12 or 12}:{local:%M}"
        yield rows.filter(has_text=re.compile(rf"{local:%b}\w* {local.day}\b.*\b{clock}\b", re.S))
