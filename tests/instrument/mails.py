"""Mails as a site may send them, put into a Maildir."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from mailbox import Maildir
from pathlib import Path

USER = "tester@example.test"
NOW = datetime.now(UTC).replace(microsecond=0)


def folder_of(maildir: Maildir) -> Path:
    return Path(maildir._path)  # noqa: SLF001 - it has no other name


def deliver(
    maildir: Maildir,
    subject: str,
    text: str = "Hello.",
    *,
    sender: str = "OpenAI <noreply@tm.openai.com>",
    dated: datetime | None = NOW,
    arrived: datetime | None = None,
) -> None:
    """Put a mail into the Maildir. It arrived when it is dated, if nothing else is said."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, USER, subject
    if dated is not None:
        mail["Date"] = format_datetime(dated)
    mail.set_content(text)
    path = folder_of(maildir) / "new" / maildir.add(mail)
    at = (arrived or dated or NOW).timestamp()
    os.utime(path, (at, at))
