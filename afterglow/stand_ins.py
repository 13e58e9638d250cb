"""What stands for the personal in a capture: the same for the same value, in JSON, in HTML and in texts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from html.parser import HTMLParser

from afterglow.redaction import EMAIL

PLACES = {
    "last_signed_in_city": "Town",
    "last_signed_in_region_code": "Region",
    "last_signed_in_country": "Country",
}
"""What a session's place is called instead, in the view as in its JSON twin."""

PLAIN_FIELDS = """
display_name human_readable_description platform os_version device_model client_name
object status code type plan_type planType structure
"""
"""Texts of an answer that tell of devices, apps and kinds, and are kept. All others are replaced."""

ORDINARY = """
account admin app browser business chat chatgpt codex desktop device enterprise free log mobile openai out
personal plan platform plus pro security session settings sign team test user web work workspace
"""
"""Words that a test account may be named with and that the site's own labels use: alone, they are no name."""

PATTERNS = (
    ("e-mail", EMAIL),
    ("phone", re.compile(r"\+\d[\d ().-]{6,}\d")),
    ("address", re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])")),
    ("address", re.compile(r"(?i)(?<![\w:])(?:[0-9a-f]{1,4}:){3,7}[0-9a-f:]*[0-9a-f](?![\w:])")),
)
"""What is personal by its form alone."""

DATE = re.compile(r"\d{4}-\d\d-\d\d([T ][\d:.]+(Z|[+-][\d:]+)?)?")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_-]{0,39}")
TIMESTAMPS = (range(10**9, 10**10), range(10**12, 10**13))
"""Seconds and milliseconds since 1970. Other large numbers are somebody's, and become zero."""
LARGE = 10**6

SHORT, SHORT_NAME = 5, 3
"""A value with fewer characters, or a number, may mean anything: it is taken out in its own case alone, and
where nothing but separators is beside it. Names, of people and places, are told from other words by three."""


class StandIns:
    """Learns what is personal, and puts something else in its place. Nothing learned ever leaves it."""

    def __init__(self) -> None:
        """Know nothing but the patterns."""
        self._of: dict[str, str] = {}
        """By the value in lower case."""
        self._alone: dict[str, str] = {}
        """By the value as it is, of those that may mean anything."""
        self._in_answers: dict[tuple[str, str], str] = {}
        self._counted = Counter[str]()
        self._compiled: tuple[re.Pattern[str], ...] | None = None

    def learn(self, kind: str, value: str) -> str:
        """From now on something stands for this value wherever it is; `kind` says in what words."""
        value = value.strip()
        if not value or value.casefold() in ORDINARY.split():
            return value
        is_name = kind == "name" or kind in PLACES.values()
        is_short = value.isdigit() or len(value) < (SHORT_NAME if is_name else SHORT)
        known, key = (self._alone, value) if is_short else (self._of, value.casefold())
        if key not in known:
            known[key] = self._next(kind)
            self._compiled = None
        return known[key]

    def learn_name(self, name: str) -> None:
        """The same for a person's name, and for each part of it that is a name by itself."""
        self.learn("name", name)
        for part in name.split():
            if len(part) > 2:
                self.learn("name", part)

    def __call__(self, text: str) -> str:
        """The text with something else in the place of all that is personal in it."""
        for kind, pattern in PATTERNS:
            text = pattern.sub(lambda found, kind=kind: self.learn(kind, found[0]), text)  # type: ignore[misc]
        long, short = self._compiled or self._compile()
        text = long.sub(lambda found: self._of[found[0].casefold()], text)
        return short.sub(lambda found: found[1] + self._alone[found[2]], text)

    def markup(self, html: str) -> str:
        """HTML, as a browser writes it, with every text and every attribute so treated."""
        rewriter = _Rewriter(self)
        rewriter.feed(html)
        rewriter.close()
        return "".join(rewriter.written)

    def answer(self, value: object, field: str = "") -> object:
        """What an API answered: its structure, its times, the texts of PLAIN_FIELDS; all else replaced."""
        if isinstance(value, Mapping):
            return {self._key(str(key)): self.answer(item, str(key)) for key, item in value.items()}
        if isinstance(value, str):
            stays = field in PLAIN_FIELDS.split() or DATE.fullmatch(value)
            return self(value) if stays else self._said(field, value)
        if isinstance(value, Sequence):
            return [self.answer(item, field) for item in value]
        if isinstance(value, int) and abs(value) >= LARGE:
            return value if any(value in range_ for range_ in TIMESTAMPS) else 0
        return value

    def path(self, path: str) -> str:
        """The path of an address, without the ids in it."""
        segments = path.partition("?")[0].split("/")
        return "/".join(self.learn("id", each) if _is_id(each) else each for each in segments)

    def _key(self, key: str) -> str:
        return key if IDENTIFIER.fullmatch(key) else self.learn("key", key)

    def _said(self, field: str, value: str) -> str:
        """A text of an answer. One that may be shown as well is learned for everything that is kept."""
        if not value or field in PLACES:
            return self.learn(PLACES.get(field, field), value)
        if _is_id(value) or "name" in field.lower():
            return self.learn(field, value)
        known = self._in_answers.get((field, value))
        if known is None:
            known = self._in_answers[field, value] = self._next(field)
        return known

    def _next(self, kind: str) -> str:
        self._counted[kind] += 1
        return f"{kind} {self._counted[kind]}"

    def _compile(self) -> tuple[re.Pattern[str], ...]:
        self._compiled = (
            re.compile(rf"(?i)(?<!\w)(?:{_any_of(self._of)})(?!\w)"),
            re.compile(rf'(?m)(^\s*|[,·•|/("]\s?|: )({_any_of(self._alone)})(?=\s*$|\s?[,·•|/)"])'),
        )
        return self._compiled


def _any_of(values: Iterable[str]) -> str:
    """A pattern for each, the longest first; for none one that never fits."""
    return "|".join(re.escape(each) for each in sorted(values, key=len, reverse=True)) or r"(?!)"


def _is_id(value: str) -> bool:
    return len(value) >= 8 and any(each.isdigit() for each in value) and " " not in value


class _Rewriter(HTMLParser):
    """Writes HTML anew, piece by piece."""

    def __init__(self, stand_ins: StandIns) -> None:
        super().__init__()
        self._stand_ins = stand_ins
        self.written: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = (f' {name}="{escape(self._stand_ins(value or ""))}"' for name, value in attrs)
        self.written.append(f"<{tag}{''.join(told)}>")

    def handle_endtag(self, tag: str) -> None:
        self.written.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.written.append(escape(self._stand_ins(data), quote=False))
