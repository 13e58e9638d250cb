"""Settings > Security: the password and the authenticator app."""

from __future__ import annotations

import re

from pages.marks import Mark, beside, css, label, role, test_id, text, within

ROWS = "chatgpt-web.md, settings: rows such as `password-setting` (2), an authenticator switch"

CHANGE = Mark(
    "button that changes the password",
    (
        within(test_id("password-setting").seen_in(2), role("button")),
        beside(
            re.compile("^password$", re.I), role("button", re.compile("^(change|update)( password)?$", re.I))
        ),
    ),
    ROWS,
)
PASSWORD_DIALOG = Mark("password dialog", (role("dialog", re.compile("^change password$", re.I)),), ROWS)
CURRENT = Mark(
    "field Current password", (label("Current password"), css("input[name=current_password]")), ROWS
)
NEW = Mark("field New password", (label("New password"), css("input[name=new_password]")), ROWS)
SUBMIT = Mark(
    "password dialog's button Change password",
    (role("button", re.compile("^(change|update) password$", re.I)),),
    ROWS,
)

SWITCH = Mark(
    "switch Authenticator app",
    (
        role("switch", re.compile("^authenticator( app)?$", re.I)),
        css('[data-testid*="authenticator"] [role=switch]'),
    ),
    ROWS,
)
SET_UP = Mark("authenticator dialog", (role("dialog", re.compile("authenticator( app)?$", re.I)),), ROWS)
SECRET = Mark(
    "authenticator's secret", (test_id("totp-secret"), role("status", re.compile("secret", re.I))), ROWS
)
CODE = Mark("field Code", (label("Code"), css('input[autocomplete="one-time-code"]')), ROWS)
TURN_ON = Mark(
    "authenticator dialog's button Turn on",
    (role("button", re.compile("^(turn on|enable|verify)$", re.I)),),
    ROWS,
)

DONE = Mark(
    "word that it is done",
    (text(re.compile(r"^(password changed|authenticator app turned on)\b", re.I)),),
    "a toast, as after a log-out",
)
REFUSED = Mark("word that it was refused", (role("alert"),), "as on the sign-in pages")
