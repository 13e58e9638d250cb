"""Settings > Security > Active sessions.

The DOM of this view is published nowhere. Every way below is a guess from its wording, which is known, and
from how the rest of the site is built.
"""

from __future__ import annotations

import re

from pages.marks import Mark, beside, css, role, test_id, text, without

GUESS = "the view's DOM is published nowhere; wording from the help page"

TITLE = re.compile("^active sessions$", re.I)

SETTINGS = Mark(
    "settings dialog",
    (
        role("dialog", re.compile("^settings$", re.I)),
        css('[role="dialog"]:has([role="tablist"])').official(),
    ),
    "chatgpt-web.md, signed-in shell: role=dialog with a tablist",
)
SECURITY_TAB = Mark(
    "tab Security and login",
    (
        role("tab", re.compile(r"^security( and login)?$", re.I)).seen_in(6),
        test_id("security-tab").seen_in(3),
    ),
    "chatgpt-web.md: `Security and login` in the current UI, `Security` in help texts",
)
IDENTITY = Mark(
    "question for the identity",
    (text(re.compile("^verify (your identity|it's you)$", re.I)).reported(),),
    "chatgpt-web.md, how automation is stopped: `Verify your identity` before security settings",
)
ENTRY = Mark(
    "button that opens Active sessions",
    (beside(TITLE, role("button", re.compile("^(manage|view|see|show)( all)?$", re.I))),),
    "other settings open in a dialog of their own",
)
HEADING = Mark("heading Active sessions", (role("heading", TITLE), text(TITLE)), GUESS)
LIST = Mark(
    "list of sessions",
    (role("list", TITLE), role("table", TITLE), role("grid", TITLE), role("region", TITLE)),
    GUESS,
)
ROW = Mark(
    "session row",
    (role("listitem"), without(role("row"), role("columnheader")), test_id("active-session")),
    GUESS,
)
COLLAPSED = Mark(
    "button that unfolds a row",
    (css('[aria-expanded="false"]:not([aria-haspopup])'),),
    "rows may show their details only when asked",
)
MORE = Mark(
    "row's button for more",
    (
        role("button", re.compile("^((session|more|other) )?(options|actions)$|^more$", re.I)),
        css('[aria-haspopup="menu"]'),
    ),
    "rows may have their actions in a menu",
)
MENU = Mark("row's menu", (role("menu"),), "as the profile menu is built")
CURRENT = Mark(
    "mark CURRENT SESSION",
    (text(re.compile("^current session$", re.I)),),
    "chatgpt-web.md: quoted in articles; may be upper-cased by CSS",
)
TRUSTED = Mark(
    "mark Trusted device",
    (text(re.compile("^trusted( device)?$", re.I)),),
    "chatgpt-web.md: a row may show the trusted-device status",
)
ROW_LOG_OUT = Mark(
    "row's button Log out",
    (role("button", re.compile("^log out$", re.I)), role("menuitem", re.compile("^log out$", re.I))),
    GUESS,
)
UNTRUST = Mark(
    "row's button Remove trusted device",
    (
        role("button", re.compile("trusted device", re.I)),
        role("menuitem", re.compile("trusted device", re.I)),
    ),
    "chatgpt-web.md: a device can be removed from the trusted ones (1)",
)
LOG_OUT_ALL = Mark(
    "button Log out all",
    (role("button", re.compile("^log out( of)? all( (sessions|devices))?$", re.I)).official(),),
    "chatgpt-web.md: `Log out all` in 2024 (shipped bundle), `Log out of all sessions` in 2026",
)
CONFIRM = Mark(
    "confirm dialog",
    (role("alertdialog"), role("dialog", re.compile("^(log out|remove|are you sure)", re.I))),
    "chatgpt-web.md: whether a confirm dialog was added in 2026 is unknown",
)
CONFIRM_YES = Mark(
    "confirm's button Log out", (role("button", re.compile("^(log out|remove)", re.I)),), GUESS
)
CONFIRM_NO = Mark("confirm's button Cancel", (role("button", re.compile("^cancel$", re.I)),), GUESS)
TOAST = Mark(
    "toast",
    (role("status"), role("alert")),
    "chatgpt-web.md: its wording of 2024; its role is a guess",
)
