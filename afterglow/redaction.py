"""Takes secrets out of what is written: those it was told of by value, and what looks like one."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, quote_plus

MASK = "[redacted]"

SHORTEST = 6
"""Shorter values are not looked for: they would be found in every other word."""

PATTERNS = (
    # a JSON Web Token, signed or encrypted; also cut short, as in a log line
    re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,4}"),
    re.compile(r"(?i)(?<=bearer )[A-Za-z0-9._~+/-]{8,}=*"),
    re.compile(r"(?<=session-token=)[^;\s\"']{8,}"),
    re.compile(r"(?<=session-token\.\d=)[^;\s\"']{8,}"),
    re.compile(r"\bsk-[A-Za-z0-9_-]{16,}"),
)

# begins where nothing before belongs to it, so that a long token is not searched from each of its letters
EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])([A-Za-z0-9._%+-])[A-Za-z0-9._%+-]*(@|%40)([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"
)


def mask_emails(text: str) -> str:
    """Leave the first letter and the domain of every e-mail address: q…@example.test."""
    return EMAIL.sub(lambda found: f"{found[1]}…{found[2]}{found[3]}", text)


def spellings(secret: str) -> set[str]:
    """The ways in which a secret may be written: plain, in a URL, in HTML, in JSON, in Python, in base64."""
    in_text = html.escape(secret, quote=False)
    return {
        secret,
        quote(secret, safe=""),
        quote(secret, safe="!'()*"),  # encodeURIComponent
        quote_plus(secret),
        quote_plus(secret, safe="*").replace("~", "%7E"),  # a form, as a browser sends it
        html.escape(secret),
        in_text,
        in_text.replace('"', "&quot;"),  # an attribute, as a browser writes it
        in_text.replace('"', "&#34;").replace("'", "&#39;"),  # as Jinja writes it
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        base64.b64encode(secret.encode()).decode().rstrip("="),
        base64.urlsafe_b64encode(secret.encode()).decode().rstrip("="),
    }


def _exactly(spelling: str) -> str:
    """A pattern for one spelling. A code of digits must stand alone, or it would be found in any number."""
    # a full stop after it ends a sentence, a full stop and a digit make it a number
    return rf"(?<!\d)(?<!\d\.){spelling}(?!\.?\d)" if spelling.isdigit() else re.escape(spelling)


class Redactor:
    """Knows the secrets of one run. Calling it with a text gives the text without them."""

    def __init__(self) -> None:
        """Start with the patterns alone."""
        self._spellings: set[str] = set()
        self._known: re.Pattern[str] | None = None

    def learn(self, *secrets: str) -> None:
        """Remember values that must never be shown. Values shorter than SHORTEST are passed over."""
        new = {way for secret in secrets if len(secret) >= SHORTEST for way in spellings(secret)}
        if new <= self._spellings:
            return
        self._spellings |= new
        # the longest first, so that a secret within another does not leave the rest of it behind
        longest_first = sorted(self._spellings, key=len, reverse=True)
        self._known = re.compile("|".join(map(_exactly, longest_first)))

    def __call__(self, text: str) -> str:
        """Replace every known secret, then everything that looks like one."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        for pattern in PATTERNS:
            text = pattern.sub(MASK, text)
        return mask_emails(text)

    def data(self, value: object) -> object:
        """The same for every text within plain data, as it goes into a JSON file. Numbers are left alone."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            return {self.data(key): self.data(item) for key, item in value.items()}
        if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
            return [self.data(item) for item in value]
        return value
