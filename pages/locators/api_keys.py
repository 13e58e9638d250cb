"""The API Platform's list of keys."""

from __future__ import annotations

import re

from pages.marks import Mark, role, test_id, text, within

GUESS = "a guess from the wording of the API Platform; the real one has a host of its own"

TITLE = re.compile("^api keys$", re.I)
HEADING = Mark("heading API keys", (role("heading", TITLE), text(TITLE)), GUESS)
CREATE = Mark(
    "button Create new secret key", (role("button", re.compile("^create new secret key$", re.I)),), GUESS
)
NEW = Mark("new secret key", (test_id("new-api-key"), role("status", re.compile("secret key", re.I))), GUESS)
KEY = Mark(
    "API key in the list",
    (test_id("api-key"), within(role("list", TITLE), role("listitem"))),
    GUESS,
)
REVOKE = Mark("key's button Revoke key", (role("button", re.compile("^revoke( key)?$", re.I)),), GUESS)
