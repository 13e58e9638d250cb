"""Where the suite is, where its reports go, and how a command says that it cannot go on."""

from __future__ import annotations

import os
from pathlib import Path

from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parent.parent


class Stop(Exception):
    """The command cannot go on; the message is one line that names the cause and the remedy."""


def setting(name: str) -> str | None:
    """One setting, from the environment or `.env`; the environment wins.

    The others are not judged: a report can be built, and a browser installed, whatever the account says.
    """
    return os.environ.get(name) or dotenv_values(ROOT / ".env").get(name) or None


def reports_folder() -> Path:
    """Where runs leave what they found."""
    return ROOT / (setting("REPORTS_DIR") or "reports")
