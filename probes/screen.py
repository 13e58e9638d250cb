"""What a screen shows by itself. These clocks are no doors: a screen may lag behind the site, or be ahead.

*row* is the ended session's row in the view that another device has open. *notice* is an untouched tab of the
ended session: when does it say by itself that the session has ended?
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Error, Locator

from afterglow.readings import Answer, State
from probes.signs import Signs, first_shown, short

Shown = Callable[[], Answer | State]
"""What is on the screen at this moment; it may raise a Playwright Error."""


@dataclass(frozen=True, slots=True)
class OnScreen:
    """Looks, and does nothing: no request is made, no page is touched."""

    layer: str
    shown: Shown

    def begin(self) -> None:
        """Nothing has to be started."""

    def finish(self) -> Answer | None:
        """What is on the screen at this moment."""
        try:
            shown = self.shown()
        except Error as error:
            return Answer(State.UNKNOWN, short(error))
        return Answer(shown) if isinstance(shown, State) else shown


def row_shown(rows: Locator, row: Locator) -> Shown:
    """Alive while the row is among the rows, revoked when they are shown without it.

    Without any rows, the list is not on the screen or still being filled: the viewer's own is always in it.
    """

    def shown() -> Answer:
        before = rows.count()
        if row.count():
            return Answer(State.ALIVE)
        # looked at again: the list may have gone between the two looks, and the row with it
        if before and rows.count():
            return Answer(State.REVOKED, "row_gone")
        return Answer(State.UNKNOWN, "no_list")

    return shown


def notice_shown(signs: Signs) -> Shown:
    """Alive while the tab looks signed in, revoked when it shows that the session has ended."""

    def shown() -> Answer:
        if stopped := first_shown(signs.unknown):
            return Answer(State.UNKNOWN, stopped)
        if ended := first_shown(signs.revoked):
            return Answer(State.REVOKED, ended)
        return Answer(State.ALIVE) if signs.alive.count() else Answer(State.UNKNOWN, "no_sign")

    return shown
