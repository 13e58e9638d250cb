"""The ways in which the replica can lie or fail, each a named switch. All are off unless asked for.

Each was seen in the wild or complained of, or is the obvious other way in which a promise of the view can be
broken. `python -m replica --list-switches` prints them.
"""

from __future__ import annotations

from replica.switches import Switch


class Defect(Switch):
    """A broken promise: `value` is its name, `about` says in one line what the site then does."""

    # the view
    LIST_EMPTY = "list_empty", "The view lists no session at all."
    ROW_MISSING = "row_missing", "The newest session of the account is not listed to the others."
    ROW_DUPLICATED = "row_duplicated", "The newest session is listed twice."
    ROW_STAYS = "row_stays", "A session that was logged out from afar stays listed."
    LOGGED_OUT_STILL_LISTED = "logged_out_still_listed", "A session that logged itself out stays listed."
    ROW_GOES_SESSION_LIVES = "row_goes_session_lives", "Logging out one takes its row away and ends nothing."
    TWO_CURRENT = "two_current", "Two rows are marked as the current session."
    NONE_CURRENT = "none_current", "No row is marked as the current session."
    ROWS_SWAPPED = "rows_swapped", "The two newest sessions carry each other's device."
    SIGN_IN_TIME_WRONG = "sign_in_time_wrong", "Every sign-in is said to have been an hour earlier."
    CURRENT_OFFERS_LOG_OUT = "current_offers_log_out", "The current row has a log-out of its own."
    VIEW_HIDES_A_ROW = "view_hides_a_row", "The page leaves out the last session that it was told of."
    CLI_LISTED = "cli_listed", "Sessions of command-line and third-party apps are listed."
    SSO_SHOWS_VIEW = "sso_shows_view", "An account tied to SSO is shown the view."
    STRANGER_LISTED = "stranger_listed", "A session is listed that nobody made, from an old unknown device."

    # ending one
    REVOKE_IGNORED = "revoke_ignored", "Logging out one is acknowledged, and nothing happens."
    REVOKE_ENDS_ANOTHER = "revoke_ends_another", "Logging out one ends another session instead."
    ONE_ENDS_ALL = "one_ends_all", "Logging out one ends every session of the account."
    GONE_ROW_ENDS_ANOTHER = "gone_row_ends_another", "Logging out a row that is already gone ends another."
    CANCEL_LOGS_OUT = "cancel_logs_out", "Cancel in the confirm dialog logs the session out all the same."
    CANCEL_IGNORED = "cancel_ignored", "Cancel in the confirm dialog does nothing, not even close it."
    ERROR_TOLD_BUT_DONE = "error_told_but_done", "Logging out one works, and the site says that it failed."
    DONE_TOLD_BUT_FAILED = "done_told_but_failed", "Logging out one fails, and the site says that it worked."
    FOREIGN_ACCEPTED = "foreign_accepted", "Any account can end a session of any other by its id."
    SIGN_IN_REVIVES = "sign_in_revives", "Signing in again on a device revives its ended sessions."
    SIGN_IN_REUSES = "sign_in_reuses", "Signing in again on a device gives its last session again."
    SIGN_IN_ENDS_OTHERS = "sign_in_ends_others", "A sign-in ends the account's other sessions."
    UNTRUST_IGNORED = "untrust_ignored", "A device that was removed from the trusted ones stays trusted."

    # ending all
    ALL_SPARES_CURRENT = "all_spares_current", "Log-out of all spares the session that pressed it."
    ALL_SPARES_ONE = "all_spares_one", "Log-out of all spares the newest of the other sessions."
    ALL_SPARES_CODEX = "all_spares_codex", "Codex goes on after log-out of all."
    ALL_LOST_WHEN_TWO_PRESS = "all_lost_when_two_press", "Of two log-outs of all at once, none ends anything."
    LATE_WAVE = "late_wave", "Log-out of all ends sessions that were made after it, while it spreads."

    # how a session ends
    LATE = "late", "Every edge learns of a log-out only after the window."
    EDGE_NEVER_LEARNS = "edge_never_learns", "One edge never learns of a log-out."
    COMES_BACK_SOON = "comes_back_soon", "A session that was refused is honoured again half a second later."
    COMES_BACK_LATE = "comes_back_late", "A session is honoured again once the window is over."
    HELD_TOKEN_LIVES = "held_token_lives", "The cookie dies, and an access token that is held goes on."
    COOKIE_LIVES = "cookie_lives", "The access token dies, and the cookie goes on."
    REFRESH_MINTS = "refresh_mints", "A dead session's cookie is still given new access tokens, which work."
    ONLY_FORGOTTEN = "only_forgotten", "A device's own log-out only makes its browser forget the cookies."
    STREAM_SURVIVES = "stream_survives", "A stream that is open goes on to its end."
    TAB_SURVIVES = "tab_survives", "What an open page asks by itself is answered as before."
    BACK_SHOWS = "back_shows", "Back shows the page of a dead session as it was, ready to be used."
    MESSAGE_ACCEPTED = "message_accepted", "A message with a dead session's token is still answered."
    SCREEN_SAYS_OUT = "screen_says_out", "The screen says signed out at once, and the API never refuses."
    SCREEN_SAYS_IN = "screen_says_in", "The screen goes on to look signed in, while the API refuses."
    STORAGE_KEPT = "storage_kept", "What the browser stores of a session is not cleared at log-out."
    PROTECTED_CACHEABLE = "protected_cacheable", "Pages and answers for who is signed in may be cached."

    # the neighbours
    PASSWORD_CHANGE_ENDS_NOTHING = "password_change_ends_nothing", "A changed password ends no session."
    MFA_ENDS_SESSIONS = "mfa_ends_sessions", "Enrolling a second factor ends the other sessions."
    REVOKED_KEY_WORKS = "revoked_key_works", "An API key that was revoked still works."


ON_THE_PAGE = frozenset(
    {
        Defect.BACK_SHOWS,
        Defect.CANCEL_IGNORED,
        Defect.CANCEL_LOGS_OUT,
        Defect.CURRENT_OFFERS_LOG_OUT,
        Defect.DONE_TOLD_BUT_FAILED,
        Defect.SCREEN_SAYS_IN,
        Defect.STORAGE_KEPT,
        Defect.VIEW_HIDES_A_ROW,
    }
)
"""What the pages' own scripts act on; a page is told of these alone."""
