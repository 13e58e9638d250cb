"""Finds the one-time code in a mail, among all the other numbers that mails are full of. Never guesses."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from imap_tools.message import MailMessage
from pydantic import SecretStr

from afterglow.outcomes import NotMeasured

# Six digits that stand alone. Whatever touches them but ends a word makes them part of something else, such
# as an order's number, an amount, a colour or an address of the web; so does another number next to them.
CODE = re.compile(
    r"""(?<![^\s:(\[“”„"'«»>*]) (?<!\d[\ \u00a0])
        [0-9]{6}
        (?![^\s.,;:!?)\]“”"'«»<*]) (?![.,:]?[\ \u00a0]?\d)""",
    re.VERBOSE,
)

AFTER_THE_WORD = re.compile(rf"(?i:code)\b[^\d.,;!?]{{0,80}}?({CODE.pattern})", re.VERBOSE)
"""The number that follows the word within the same clause."""


def code_in(mail: MailMessage) -> SecretStr | None:
    """The code in a mail: the number after the word "code", else the only one; None without a number.

    The subject goes before the text, and that before the text of the HTML. Raises NotMeasured where any of
    several may be the code.
    """
    texts = (mail.subject, mail.text, text_of(mail.html))
    for pattern in (AFTER_THE_WORD, CODE):
        for text in texts:
            found = set(pattern.findall(text))
            if len(found) > 1:
                raise NotMeasured(
                    f"a mail has {len(found)} numbers that may each be the one-time code: narrow IMAP_SENDER "
                    "down to the address that sends codes, or set SIGN_IN_CODE=prompt and type it"
                )
            if found:
                return SecretStr(found.pop())
    return None


INLINE = frozenset(
    ("a", "b", "big", "code", "em", "font", "i", "mark", "s", "small", "span", "strong", "sub", "sup", "u")
)
"""Tags within a line; all others end it."""

UNSEEN = frozenset(("script", "style", "title"))
"""What no reader of the mail is shown."""


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._unseen = False

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the parser's own signature
        self._unseen = tag in UNSEEN
        self._end_line(tag)

    def handle_endtag(self, tag: str) -> None:
        self._unseen = False
        self._end_line(tag)

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data)

    def _end_line(self, tag: str) -> None:
        if tag not in INLINE:
            self.parts.append("\n")


def text_of(html: str) -> str:
    """What a person reads of HTML; two cells of a table are never one number."""
    parser = _Text()
    parser.feed(html)
    parser.close()
    return "".join(parser.parts)
