"""The sign-in pages, and what may come there instead of the next step."""

from __future__ import annotations

import re

from pages.marks import Mark, css, label, role, text

PAGES = "chatgpt-web.md, sign-in pages"
STOPS = "chatgpt-web.md, how automation is stopped"

EMAIL = Mark(
    "field Email address",
    (role("textbox", "Email address").reported(), css("input[name=email]").reported()),
    PAGES,
)
PASSWORD = Mark(
    "field Password",
    (label("Password").reported(), css("input[name=password]").reported()),
    PAGES,
)
CODE = Mark(
    "field Code",
    (
        role("textbox", "Code").reported(),
        css("input[name=code]").reported(),
        css('input[autocomplete="one-time-code"]').reported(),
    ),
    PAGES,
)
CONTINUE = Mark(
    "button Continue",
    (role("button", "Continue").reported(),),
    "chatgpt-web.md, sign-in pages: exactly this name; `Continue with Google` matches loosely",
)
REFUSED = Mark(
    "sign-in error",
    (role("alert"), css('[aria-invalid="true"]'), text("Incorrect")),
    "the wording is passed on as it is",
)
BLOCKED = Mark(
    "word that the account is closed",
    (text(re.compile(r"\b(deactivated|suspended|disabled|has been (deleted|blocked|locked))\b", re.I)),),
    "the wording is passed on as it is",
)
