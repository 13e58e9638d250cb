"""The question that a device's own log-out asks back."""

from __future__ import annotations

import re

from pages.marks import Mark, role

QUESTION = Mark(
    "log-out dialog",
    (
        role("dialog", re.compile("log out", re.I)).seen_in(6),
        role("alertdialog", re.compile("log out", re.I)),
    ),
    "chatgpt-web.md, log-out dialog: `Are you sure you want to log out?`, indirect",
)
YES = Mark(
    "log-out dialog's button Log out",
    (role("button", re.compile("^log out$", re.I)).seen_in(6),),
    "chatgpt-web.md, log-out dialog, indirect",
)
