"""The mail that the site sends: one-time codes, into a Maildir where whoever owns the address finds them."""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from mailbox import Maildir
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SENDER = "OpenAI <noreply@tm.openai.com>"
_DIGITS = 6
_ENCODING = "quoted-printable"

# Other numbers stand around the code as in any such mail, some as long as it is: whoever takes the first one
# that looks like a code takes a wrong one.
_TEXT = """\
Request {request}

Enter this temporary verification code to continue:

    {code}

It\u2019s valid for {minutes:g} minutes. If you didn\u2019t try to log in, please ignore this email.

OpenAI, 1455 3rd Street, San Francisco, CA 94158. Ticket {request}.
"""
_HTML = """\
<html><body style="color:#353740;background:#202123">
<p>Request {request}</p>
<p>Enter this temporary verification code to continue:</p>
<p style="font-size:24px;color:#100200">{code}</p>
<p>It\u2019s valid for {minutes:g} minutes. If you didn\u2019t try to log in, please ignore this email.</p>
<p><small>OpenAI, 1455 3rd Street, San Francisco, CA 94158. Ticket {request}.</small></p>
</body></html>
"""


@dataclass(slots=True)
class MailedCode:
    """A code that was mailed: good once, and for a while."""

    code: str = field(repr=False)
    ends_monotonic_s: float
    is_used: bool = False

    def take(self, typed: str) -> bool:
        """Whether this is the code, and it still counts; from then on it does not."""
        is_right = hmac.compare_digest(self.code.encode(), typed.strip().encode())
        if self.is_used or not is_right or time.monotonic() >= self.ends_monotonic_s:
            return False
        self.is_used = True
        return True


class Post:
    """Delivers into a Maildir, which is made if there is none. Raises OSError if it cannot be."""

    def __init__(self, folder: Path) -> None:
        # by hand: mailbox makes nothing in a folder that is there already
        for name in ("tmp", "new", "cur"):
            (folder / name).mkdir(0o700, parents=True, exist_ok=True)
        self._box = Maildir(folder, create=False)

    def send_code(self, address: str, life_s: float) -> MailedCode:
        """Mail a new code."""
        code, request = _two_numbers()
        about = {"code": code, "request": request, "minutes": life_s / 60}
        mail = EmailMessage()
        mail["From"], mail["To"] = SENDER, address
        mail["Subject"] = f"Your ChatGPT code is {code}"
        mail["Date"] = format_datetime(datetime.now(UTC))
        mail["Message-ID"] = make_msgid(domain="tm.openai.com")
        mail.set_content(_TEXT.format(**about), cte=_ENCODING)
        mail.add_alternative(_HTML.format(**about), subtype="html", cte=_ENCODING)
        self._box.add(mail)
        return MailedCode(code, time.monotonic() + life_s)


def _two_numbers() -> tuple[str, str]:
    """A code, and another number that looks like one."""
    code, other = (f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}" for _ in range(2))
    return (code, other) if code != other else _two_numbers()
