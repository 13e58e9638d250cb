"""What comes over the app by itself, whatever a person came for."""

from __future__ import annotations

import re

from pages.marks import Mark, role

SOURCE = "chatgpt-web.md, overlays: billing or renewal, onboarding"

OVERLAY = Mark("overlay", (role("dialog").seen_in(2),), SOURCE)
WAY_OUT = Mark(
    "overlay's way out",
    (
        role(
            "button", re.compile(r"^(close|not now|(maybe )?later|skip( for now)?|no,? thanks)$", re.I)
        ).seen_in(2),
    ),
    SOURCE,
)
