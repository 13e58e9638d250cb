"""The page on which somebody lets another app use the account."""

from __future__ import annotations

import re

from pages.marks import Mark, role, test_id

REPLICA = "the replica's own; the real page of each app is another one, and the site's own code in it"

ALLOW = Mark("button Allow", (role("button", re.compile("^(allow|authorize|continue)$", re.I)),), REPLICA)
CODE = Mark("one-time code for the app", (test_id("grant-code"), role("status")), REPLICA)
