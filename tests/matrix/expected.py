"""Which check must catch which defect, and the words in which it must tell of it.

Other checks may fail as well, which is recorded and nothing more: what is broken shows in many places. But
the check that is about the defect must be among them, and must name it as a person would.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from replica.defects import Defect


@dataclass(frozen=True, slots=True)
class Expectation:
    """A check that must fail, and a pattern that its message must match, whatever the case."""

    check: str
    words: str

    def told_by(self, message: str) -> bool:
        """Whether the message names the defect."""
        return re.search(self.words, message, re.IGNORECASE | re.DOTALL) is not None


def _by(check: str, words: str) -> tuple[Expectation, ...]:
    return (Expectation(check, words),)


CURRENT = "test_exactly_one_row_is_current_and_it_is_the_viewers"
ADDED = "test_a_sign_in_adds_one_row"
CANCEL = "test_cancel_changes_nothing"
ONE = "test_only_the_chosen_session_ends"
ROW_AND_SESSION = "test_a_row_goes_only_with_its_session"
ANNOUNCED = "test_what_the_site_announces_is_what_happened"
CLOSED = "test_every_way_in_is_closed_within_the_window"
SCREEN = "test_the_screen_agrees_with_the_site"

COMES_BACK = "test_no_ended_session_has_come_back"

LOOKS_BACK_AT = {COMES_BACK: CLOSED}
"""Checks that look at what others have left: run alone, they have nothing to look at."""

EXPECTED: dict[Defect, tuple[Expectation, ...]] = {
    # the view
    Defect.LIST_EMPTY: _by(ADDED, "lists no session at all"),
    Defect.ROW_MISSING: _by(ADDED, "not listed.*no row was added"),
    Defect.ROW_DUPLICATED: _by(ADDED, "is listed 2 times"),
    Defect.ROW_STAYS: _by("test_a_log_out_from_afar_takes_one_row_away", "its row is still listed"),
    Defect.LOGGED_OUT_STILL_LISTED: _by(
        "test_a_session_that_logged_itself_out_is_not_listed", "logged itself out, and is still listed"
    ),
    Defect.ROW_GOES_SESSION_LIVES: _by(ROW_AND_SESSION, "the row has gone, but.*still signed in"),
    Defect.TWO_CURRENT: _by(CURRENT, r"[2-9] of \d+ sessions are marked as current"),
    Defect.NONE_CURRENT: _by(CURRENT, r"0 of \d+ sessions are marked as current"),
    Defect.ROWS_SWAPPED: _by("test_each_row_names_the_device_that_made_it", "names another device"),
    Defect.SIGN_IN_TIME_WRONG: _by("test_each_row_tells_when_it_signed_in", "is said to have signed in at"),
    Defect.CURRENT_OFFERS_LOG_OUT: _by(
        "test_the_current_row_has_no_log_out_of_its_own", "current row offers a log-out"
    ),
    Defect.VIEW_HIDES_A_ROW: _by("test_the_view_shows_what_the_site_told_it", "one is not shown"),
    Defect.CLI_LISTED: _by(
        "test_sessions_of_other_apps_are_not_listed", "is listed among the sessions of devices"
    ),
    Defect.SSO_SHOWS_VIEW: _by("test_an_account_tied_to_sso_has_no_view", "tied to SSO is shown"),
    Defect.STRANGER_LISTED: _by(
        "test_no_unknown_or_stale_session_is_on_the_account", "unknown or stale session is on the account"
    ),
    # ending one
    Defect.REVOKE_IGNORED: _by(ROW_AND_SESSION, "acknowledged, and nothing happened"),
    Defect.REVOKE_ENDS_ANOTHER: _by(ONE, "ended another, not chosen"),
    Defect.ONE_ENDS_ALL: _by(ONE, "ended another, not chosen"),
    Defect.GONE_ROW_ENDS_ANOTHER: _by(
        "test_a_row_that_is_already_gone_can_be_logged_out_again", "another session was ended"
    ),
    Defect.CANCEL_LOGS_OUT: _by(CANCEL, "Cancel sent the log-out"),
    Defect.CANCEL_IGNORED: _by(CANCEL, "Cancel does not close"),
    Defect.ERROR_TOLD_BUT_DONE: _by(ANNOUNCED, "although the session was ended"),
    Defect.DONE_TOLD_BUT_FAILED: _by(ANNOUNCED, "although nothing is done"),
    Defect.FOREIGN_ACCEPTED: _by(
        "test_nobody_can_end_a_session_of_another_account", "another account could end"
    ),
    Defect.SIGN_IN_REVIVES: _by(
        "test_signing_in_again_does_not_revive_the_old_session", "revived the old session"
    ),
    Defect.SIGN_IN_REUSES: _by("test_signing_in_again_makes_a_new_session", "gives the same session"),
    Defect.SIGN_IN_ENDS_OTHERS: _by(ADDED, "ended other sessions"),
    Defect.UNTRUST_IGNORED: _by("test_removing_a_trusted_device", "still calls it trusted"),
    # ending all
    Defect.ALL_SPARES_CURRENT: _by(
        "test_the_session_that_pressed_it_is_ended_too", "the session that pressed log-out of all goes on"
    ),
    Defect.ALL_SPARES_ONE: _by("test_every_other_session_is_ended", "log-out of all spares"),
    Defect.ALL_SPARES_CODEX: _by("test_no_surface_goes_on", "another surface goes on.*codex"),
    Defect.ALL_LOST_WHEN_TWO_PRESS: _by(
        "test_two_devices_may_press_it_at_once", "at once, and still signed in"
    ),
    Defect.LATE_WAVE: _by(
        "test_a_sign_in_during_the_propagation_survives", "the new session.*was ended by it"
    ),
    # how a session ends
    Defect.LATE: _by(CLOSED, "late, never, or open again"),
    Defect.EDGE_NEVER_LEARNS: _by(CLOSED, "late, never, or open again"),
    Defect.COMES_BACK_SOON: _by(CLOSED, "late, never, or open again"),
    Defect.COMES_BACK_LATE: _by(COMES_BACK, "honoured again.*came back"),
    Defect.HELD_TOKEN_LIVES: _by(
        "test_a_held_token_dies_with_its_session", "access token that was held goes on"
    ),
    Defect.COOKIE_LIVES: _by(
        "test_a_copied_cookie_dies_with_its_session", "a copy of the cookies still works"
    ),
    Defect.REFRESH_MINTS: _by("test_no_new_access_token_is_given", "still given new access tokens"),
    Defect.ONLY_FORGOTTEN: _by(
        "test_a_copy_of_the_cookies_is_worth_nothing_after_a_devices_own_log_out", "still lets anybody in"
    ),
    Defect.STREAM_SURVIVES: _by("test_an_open_stream_is_cut", "a stream.*goes on"),
    Defect.TAB_SURVIVES: _by("test_a_second_tab_is_out_too", "open tab still gets answers"),
    Defect.BACK_SHOWS: _by("test_back_shows_nothing_of_the_session", "Back shows the page as it was"),
    Defect.MESSAGE_ACCEPTED: _by("test_an_open_tab_cannot_send", "is still answered"),
    Defect.SCREEN_SAYS_OUT: _by(SCREEN, "(says|said) signed out"),
    Defect.SCREEN_SAYS_IN: _by(SCREEN, "look(s|ed) signed in"),
    Defect.STORAGE_KEPT: _by("test_client_storage_holds_nothing_of_the_session", "browser still stores"),
    Defect.PROTECTED_CACHEABLE: _by("test_protected_pages_are_kept_out_of_every_cache", "a cache may keep"),
    # the neighbours
    Defect.PASSWORD_CHANGE_ENDS_NOTHING: _by(
        "test_changing_the_password_ends_the_other_sessions",
        "password was changed, and the session of the other device goes on",
    ),
    Defect.MFA_ENDS_SESSIONS: _by(
        "test_enrolling_a_second_factor_ends_no_session", "has ended the session of the"
    ),
    Defect.REVOKED_KEY_WORKS: _by(
        "test_the_order_of_steps_after_a_compromise", "API key that was revoked still works"
    ),
}

DOOR = "names the way in that stays open, where others say only that one does"
DEVICE = "names the device that is spared, where others say only that a door stays open"
FAULT = "names the fault, where others only stumble over it"

JUSTIFIED: dict[str, str] = {
    "test_products_used_in_one_browser_share_a_row": "records what the site does, judges nothing",
    "test_missing_details_are_reported": "records what the site leaves out, judges nothing",
    "test_a_sibling_surface_in_the_same_browser": "records what the site does, judges nothing",
    "test_acknowledged_is_not_done": "records how long the acknowledgement runs ahead, judges nothing",
    "test_sessions_of_other_apps_go_on": "records what is never claimed as ended",
    "test_whether_the_site_asks_for_the_password_again": "records what ASVS 7.5.2 asks for, judges nothing",
    "test_the_suite_leaves_no_session_behind": "the run's own promise, not the site's",
    "test_an_open_stream_is_cut": DOOR,
    "test_a_second_tab_is_out_too": DOOR,
    "test_back_shows_nothing_of_the_session": DOOR,
    "test_an_open_tab_cannot_send": DOOR,
    "test_no_surface_goes_on": DOOR,
    "test_no_new_access_token_is_given": DOOR,
    "test_a_held_token_dies_with_its_session": DOOR,
    "test_a_copied_cookie_dies_with_its_session": DOOR,
    "test_the_session_that_pressed_it_is_ended_too": DEVICE,
    "test_every_other_session_is_ended": DEVICE,
    CLOSED: "the promise as a whole: late, undecided or open again, whichever door it is",
    SCREEN: "tells a screen that deceives from a session that lives on",
    "test_no_unknown_or_stale_session_is_on_the_account": "looks for strangers, by the owner's own policy",
    "test_no_ended_session_has_come_back": "looks again at every session when all of them seem to be over",
    ONE: "measures what becomes of those who were not chosen",
    ROW_AND_SESSION: "tells a row that goes without its session from a log-out that is ignored",
    "test_each_row_names_the_device_that_made_it": FAULT,
    "test_a_log_out_from_afar_takes_one_row_away": FAULT,
    "test_a_session_that_logged_itself_out_is_not_listed": FAULT,
    "test_sessions_of_other_apps_are_not_listed": FAULT,
    "test_the_view_shows_what_the_site_told_it": FAULT,
}
"""Why a check stays although there is no defect that it alone catches."""


def catching(defect: Defect) -> list[str]:
    """The checks that must catch it, each with what it looks back at."""
    checks = [each.check for each in EXPECTED[defect]]
    return [*checks, *(LOOKS_BACK_AT[check] for check in checks if check in LOOKS_BACK_AT)]
