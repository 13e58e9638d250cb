"""Takes secrets out of what is written: those it was told of by value, and what looks like one.

A secret is found however it is written: plain, in a URL, in HTML, in JSON, in Python, in base64 at any of its
three alignments, and in several of these at once. Whole files, archives too, are for `scrub`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html.entities import codepoint2name
from typing import TypeAlias

from pydantic import SecretStr

MASK = "[redacted]"

SHORTEST = 6
"""Shorter values are not looked for: they would be found in every other word."""

LONG = 48
"""A secret of this many characters may be shown cut short, as pytest does with values: its ends are found."""

END = 16
"""So many characters of either end tell that it is this secret."""

Note: TypeAlias = Callable[[str], None]
"""Is told of which kind a secret was that is being taken out; never the secret."""

Rewrite: TypeAlias = Callable[[bytes], bytes]


def _ignore(_kind: str) -> None:
    pass


def _masked(kind: str, note: Note) -> Callable[[re.Match[str]], str]:
    """What stands in the place of a secret: the mask, behind what is to stay."""

    def masked(found: re.Match[str]) -> str:
        before = found[1] if found.re.groups else ""
        if found[0][len(before) :] != MASK:
            note(kind)
        return before + MASK

    return masked


# What looks like a secret

COOKIE = r"session-token(?:\.\d+)?"
VALUE = r'(?:[^"\\]|\\.)+'
NOT_MASKED = rf"(?!{re.escape(MASK)})"

PATTERNS = (
    # a JSON Web Token, signed or encrypted; also cut short, as in a log line
    ("token (JWT)", re.compile(r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*){1,4}")),
    ("bearer token", re.compile(r"(?i)(?<=bearer )[A-Za-z0-9._~+/-]{8,}=*")),
    ("bearer token", re.compile(r"(?i)(?<=bearer%20)[A-Za-z0-9._~+/-]{8,}=*")),
    (
        "session cookie",
        re.compile(rf"(?<=session-token)((?:\.\d+)?(?:=|%3[Dd])){NOT_MASKED}[^;\s\"'&]{{8,}}"),
    ),
    # in a dictionary, as JSON and Python write it
    ("session cookie", re.compile(rf"({COOKIE}\\?[\"']: ?\\?[\"']){NOT_MASKED}[^\s\"'\\]{{8,}}")),
    ("API key", re.compile(r"\bsk-[A-Za-z0-9_-]{16,}")),
    ("authenticator secret", re.compile(r"(otpauth://[^\s\"'<>]*?secret=)(?!%5B|\[)[A-Za-z2-7]{16,}")),
)
"""What goes before a secret and is to stay is the first group, where there is one."""

# a header or a cookie as HAR files, Playwright's traces and our own exchanges write it
PAIR = re.compile(
    rf'("name": ?"(?:(?:set-)?cookie|(?:proxy-)?authorization|[^"]*{COOKIE})", ?"value": ?")({VALUE})',
    re.IGNORECASE,
)
# a list of cookies, or of what a browser has stored: every value in it
JAR = re.compile(rf'"(?:cookies|localStorage|sessionStorage)": ?\[(?:[^\]"]|"(?:{VALUE})?")*\]')
IN_JAR = re.compile(rf'("value": ?")({VALUE})')

# begins where nothing before belongs to it, so that a long token is not searched from each of its letters
EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])([A-Za-z0-9._%+-])[A-Za-z0-9._%+-]*(@|%40)([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)"
)


def mask_emails(text: str, note: Note = _ignore) -> str:
    """Leave the first letter and the domain of every e-mail address: q…@example.test."""

    def masked(found: re.Match[str]) -> str:
        note("e-mail address")
        return f"{found[1]}…{found[2]}{found[3]}"

    return EMAIL.sub(masked, text)


def masked(address: SecretStr) -> str:
    """An e-mail address as it may be shown."""
    return mask_emails(address.get_secret_value())


# How a secret may be written

PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._"
"""What is written the same everywhere but by whom it escapes everything."""

_HEX = r"(?:2[de]|3\d|4[1-9a-f]|5[\daf]|6[1-9a-f]|7[\da])"
_DECIMAL = r"(?:4[5-9]|5[0-7]|6[5-9]|[78]\d|9[05-9]|1[01]\d|12[0-2])"
NEEDLESS_ESCAPE = re.compile(rf"(?i)\\+(?:u00|x){_HEX}|%(?:25)*{_HEX}|&(?:amp;)*#(?:x0*{_HEX}|0*{_DECIMAL});")
"""A character that nobody need escape, escaped."""


def _unescaped(found: re.Match[str]) -> str:
    written = found[0].rstrip(";")
    if written.startswith("&") and "x" not in written.lower():
        return chr(int(written.rpartition("#")[2]))
    return chr(int(written[-2:], 16))


def _any_case(hexadecimal: str) -> str:
    return "".join(f"[{each}{each.upper()}]" if each.isalpha() else each for each in hexadecimal)


def _escaped(character: str) -> list[str]:
    """The ways to escape a character: in URLs, JSON, Python and HTML, once or several times over."""
    code = ord(character)
    units = character.encode("utf-16-be").hex()
    ways = [
        "".join(rf"%(?:25)*{_any_case(f'{byte:02x}')}" for byte in character.encode()),
        "".join(rf"\\+u{_any_case(units[at : at + 4])}" for at in range(0, len(units), 4)),
        rf"\\+U{_any_case(f'{code:08x}')}",
        rf"&(?:amp;)*#(?:[xX]0*{_any_case(f'{code:x}')}|0*{code});",
    ]
    if code < 256:
        ways.append(rf"\\+x{_any_case(f'{code:02x}')}")
    if code in codepoint2name:
        ways.append(rf"&(?:amp;)*{codepoint2name[code]};")
    return ways


SHORT_ESCAPES = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}


def _itself(character: str) -> list[str]:
    """A character as it stands, or as a form writes it."""
    short = [rf"\\+{SHORT_ESCAPES[character]}"] if character in SHORT_ESCAPES else []
    return [*short, *([r"\+"] if character == " " else []), re.escape(character)]


def _way(character: str, *, escapes_everything: bool) -> str:
    if character in PLAIN and not escapes_everything:
        return re.escape(character)
    way = f"(?:{'|'.join([*_escaped(character), *_itself(character)])})"
    if character == "\\":
        return f"{way}+"
    return rf"\\*{way}" if character in "\"'/" else way


def _spelled(secret: str, *, escapes_everything: bool = False) -> re.Pattern[str]:
    """A pattern for a secret. A code of digits must stand alone, or it would be found in any number."""
    pattern = "".join(_way(each, escapes_everything=escapes_everything) for each in secret)
    # a full stop after it ends a sentence, a full stop and a digit make it a number
    return re.compile(rf"(?<!\d)(?<!\d\.){pattern}(?!\.?\d)" if secret.isdigit() else pattern)


def _anchor(text: str) -> str:
    """The longest part of a text that is written the same everywhere: to look for it alone is much faster."""
    return max(re.findall(rf"[{re.escape(PLAIN)}]+", text), key=len, default="")


BASE64_CHARACTER = {"+": r"(?:\+|-|%2[bB])", "/": r"(?:\\*/|_|%2[fF])"}


@dataclass(frozen=True)
class InBase64:
    """A secret within something longer that is in base64, so many bytes after the begin of three."""

    secret: str = field(repr=False)
    after: int

    @cached_property
    def core(self) -> str:
        """The characters that hold nothing else."""
        content = bytes(self.after) + self.secret.encode()
        begin, end = -(-self.after * 8 // 6), len(content) * 8 // 6
        return base64.b64encode(content).decode()[begin:end]

    @cached_property
    def anchor(self) -> str:
        """What is the same in both alphabets of base64."""
        return max(re.split("[+/]", self.core), key=len)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The core, with the character on either side that it shares with what is before and after it."""
        core = "".join(BASE64_CHARACTER.get(each, each) for each in self.core)
        before = "[A-Za-z0-9+/_-]" if self.after else ""
        behind = "[A-Za-z0-9+/_-]?" if (len(self.secret.encode()) + self.after) % 3 else ""
        return re.compile(before + core + behind)


@dataclass(frozen=True)
class Known:
    """A secret that was told of by value."""

    secret: str = field(repr=False)
    kind: str

    @cached_property
    def anchor(self) -> str:
        """What to look for first."""
        return _anchor(self.secret)

    @cached_property
    def usual(self) -> re.Pattern[str]:
        """However it is written where letters and digits are left alone."""
        return _spelled(self.secret)

    @cached_property
    def escaped(self) -> re.Pattern[str]:
        """However it is written by whom it escapes everything."""
        return _spelled(self.secret, escapes_everything=True)

    @cached_property
    def in_base64(self) -> tuple[InBase64, ...]:
        """At each of the three alignments."""
        return tuple(InBase64(self.secret, after) for after in range(3))

    @cached_property
    def ends(self) -> tuple[tuple[str, re.Pattern[str]], ...]:
        """What is left of a long one that is shown cut short: an end that tells it, with what hangs on it."""
        if len(self.secret) < LONG:
            return ()
        rest = r"[\w.~+/%=-]"
        head, tail = self.secret[:END], self.secret[-END:]
        return (
            (head, re.compile(rf"{re.escape(head)}{rest}*")),
            (tail, re.compile(rf"(?<!{rest}){rest}*?{re.escape(tail)}")),
        )

    def taken_out_of(self, text: str, note: Note, plainer: str) -> str:
        """The text without it. plainer: the text without needless escapes, empty if it has none."""
        masked = _masked(self.kind, note)
        if self.anchor in text:
            text = self.usual.sub(masked, text)
        if plainer and self.anchor in plainer:
            text = self.escaped.sub(masked, text)
        for end, pattern in self.ends:
            if end in text:
                text = pattern.sub(masked, text)
        return text

    def taken_out_of_base64(self, text: str, note: Note) -> str:
        """The text without it where it is a part of something in base64."""
        for way in self.in_base64:
            if way.anchor in text:
                text = way.pattern.sub(_masked(self.kind, note), text)
        return text


# What is in base64

RUN = re.compile(
    r"(?:[A-Za-z0-9+/]{60,76}\r?\n)+[A-Za-z0-9+/]{1,76}={0,2}"  # in lines, as in a mail
    r"|[A-Za-z0-9+/_-]{16,}={0,2}"
)

URL_ALPHABET = str.maketrans("-_", "+/", "\r\n")

TELLING = 256
"""Fewer bytes that are no text are a number or a name that looks like base64."""


def _decoded(run: str) -> bytes:
    """What a run of base64 says, whichever of the two alphabets it is in; empty if it is none."""
    plain = run.translate(URL_ALPHABET).rstrip("=")
    plain = plain[: len(plain) - (len(plain) % 4 == 1)]
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4))
    except (binascii.Error, ValueError):
        return b""


def _encoded(content: bytes, like: str) -> str:
    if content == MASK.encode():
        return MASK
    encode = base64.urlsafe_b64encode if re.search("[_-]", like) else base64.b64encode
    return encode(content).decode() if len(like) % 4 == 0 else encode(content).decode().rstrip("=")


def within_base64(text: str, rewrite: Rewrite) -> str:
    """The text with everything rewritten that is in base64 in it; what the rewriting leaves alone stays."""

    def renewed(found: re.Match[str]) -> str:
        run = found[0]
        for skip in range(4):  # what stands before it may look like a part of it
            content = _decoded(run[skip:])
            if skip and not is_text(content):
                continue
            if (clean := rewrite(content)) != content:
                return run[:skip] + _encoded(clean, run[skip:])
        return run

    return RUN.sub(renewed, text)


def is_text(content: bytes) -> bool:
    """Whether it can be read as a text."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def is_telling(content: bytes) -> bool:
    """Whether what was decoded from base64 is worth a look: what is known is found in base64 anyway."""
    return len(content) >= TELLING or is_text(content)


class Redactor:
    """Knows the secrets of one run. Calling it with a text gives the text without them."""

    def __init__(self) -> None:
        """Start with the patterns alone."""
        self._known: tuple[Known, ...] = ()

    def learn(self, *secrets: str, kind: str = "secret of the run") -> None:
        """Remember values that must never be shown. Values shorter than SHORTEST are passed over.

        kind: how to call them in a message.
        """
        old = {known.secret for known in self._known}
        new = {
            secret
            for secret in secrets
            if len(secret) >= SHORTEST and secret not in old and secret not in MASK
        }
        if new:
            # the longest first, so that a secret within another does not leave the rest of it behind
            known = (*self._known, *(Known(secret, kind) for secret in new))
            self._known = tuple(sorted(known, key=lambda each: len(each.secret), reverse=True))

    def __call__(self, text: str, *, note: Note = _ignore, rewrite: Rewrite | None = None) -> str:
        """Replace every known secret, then everything that looks like one, then the same within base64.

        note: is told the kind of everything that is replaced. rewrite: how to clean what is in base64, if it
        is to be done with more than texts in it.
        """
        text = mask_emails(self._without(text, note), note)

        def clean(content: bytes) -> bytes:
            return self.content(content, note=note) if is_telling(content) else content

        text = within_base64(text, rewrite or clean)
        return self._without_base64(text, note)

    def _without(self, text: str, note: Note, *, binary: bool = False) -> str:
        plainer = "" if binary or not NEEDLESS_ESCAPE.search(text) else NEEDLESS_ESCAPE.sub(_unescaped, text)
        for known in self._known:
            text = known.taken_out_of(text, note, plainer)
        return _without_lookalikes(text, note)

    def _without_base64(self, text: str, note: Note) -> str:
        for known in self._known:
            text = known.taken_out_of_base64(text, note)
        return text

    def content(self, content: bytes, *, note: Note = _ignore, rewrite: Rewrite | None = None) -> bytes:
        """The same for bytes, be they a text or not.

        In what is no text, such as a picture, chance would find e-mail addresses and base64: both are left
        alone there. Known secrets are looked for in UTF-16, too, in which browsers store.
        """
        if is_text(content):
            return self(content.decode("utf-8"), note=note, rewrite=rewrite).encode("utf-8")
        for known in self._known:
            if (wide := known.secret.encode("utf-16-le")) in content:
                note(known.kind)
                content = content.replace(wide, MASK.encode("utf-16-le"))
        text = content.decode("utf-8", "surrogateescape")
        text = self._without_base64(self._without(text, note, binary=True), note)
        return text.encode("utf-8", "surrogateescape")

    def data(self, value: object) -> object:
        """The same for every text within plain data, as it goes into a JSON file. Numbers are left alone."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            return {self.data(key): self.data(item) for key, item in value.items()}
        if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
            return [self.data(item) for item in value]
        return value


def _without_lookalikes(text: str, note: Note) -> str:
    for kind, pattern in PATTERNS:
        text = pattern.sub(_masked(kind, note), text)
    text = PAIR.sub(_masked("header or cookie", note), text)
    return JAR.sub(lambda jar: IN_JAR.sub(_masked("cookie or stored value", note), jar[0]), text)
