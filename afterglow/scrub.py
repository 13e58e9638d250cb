"""Takes secrets out of whole files of any kind, and tells which are still in one.

Both go the same way through a file, so that what is searched is what is cleaned: texts, the members of zip
archives, what gzip has packed, and whatever of these is in base64 within another.
"""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from afterglow.redaction import MASK, Redactor, is_telling

DEEPEST = 8
"""An archive in so many others is no evidence that anybody could read."""

LARGEST = 1 << 29
"""Bytes that an archive may hold; one that is larger was made to do harm."""

UNREADABLE = "archive that cannot be opened"
"""What is in it, nobody knows: it is taken out whole."""

IN_BASE64 = " (in base64)"
ZIP, GZIP = b"PK\x03\x04", b"\x1f\x8b\x08"


@dataclass(frozen=True, slots=True, order=True)
class Leak:
    """Where a secret is, as `file/member`, and of which kind it is. Never the secret."""

    where: str
    kind: str


def scrub(content: bytes, redact: Redactor) -> bytes:
    """The same file without its secrets. It stays what it was: text, archive or picture."""
    return _Scrubbing(redact).clean(content, "")


def leaks(name: str, content: bytes, redact: Redactor) -> Iterator[Leak]:
    """The secrets that are in a file, its name included, each kind once a place."""
    scrubbing = _Scrubbing(redact)
    scrubbing.name(name)
    scrubbing.clean(content, redact(name))
    yield from sorted(scrubbing.found)


@dataclass(slots=True)
class _Scrubbing:
    redact: Redactor
    found: set[Leak] = field(default_factory=set)

    def clean(self, content: bytes, where: str, depth: int = 0) -> bytes:
        """The content without its secrets; what they were is noted in `found`."""
        if content.startswith((ZIP, GZIP)):
            return self._unpacked(content, where, depth)
        return self.redact.content(
            content,
            note=lambda kind: self.found.add(Leak(where, kind)),
            rewrite=lambda inner: self._in_base64(inner, where, depth),
        )

    def name(self, name: str) -> str:
        """The name of a file or of a member without its secrets."""
        return self.redact(name, note=lambda kind: self.found.add(Leak(self.redact(name), kind)))

    def _in_base64(self, content: bytes, where: str, depth: int) -> bytes:
        if not content.startswith((ZIP, GZIP)) and not is_telling(content):
            return content
        return self.clean(content, f"{where.removesuffix(IN_BASE64)}{IN_BASE64}", depth)

    def _unpacked(self, content: bytes, where: str, depth: int) -> bytes:
        if depth < DEEPEST:
            with suppress(*UNOPENED):
                if content.startswith(ZIP):
                    return self._zip(content, where, depth + 1)
                return gzip.compress(self.clean(gunzipped(content), where, depth + 1), mtime=0)
        self.found.add(Leak(where, UNREADABLE))
        return MASK.encode()

    def _zip(self, content: bytes, where: str, depth: int) -> bytes:
        out = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
            for number, member in enumerate(members(old)):
                name = self.name(member.filename)
                if name in new.NameToInfo:
                    name = f"{name}-{number}"
                inside = self.clean(old.read(member), f"{where}/{name}", depth)
                renewed = zipfile.ZipInfo(name, member.date_time)  # nothing else of it: comments may tell
                renewed.compress_type = zipfile.ZIP_DEFLATED
                new.writestr(renewed, inside)
        return out.getvalue()


UNOPENED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)
"""What is raised by archives that are torn, encrypted, packed in an unknown way, or larger than they say."""


def members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The files in an archive. Raises BadZipFile if they are too large to be looked at."""
    files = [each for each in archive.infolist() if not each.is_dir()]
    if sum(each.file_size for each in files) > LARGEST:
        raise zipfile.BadZipFile
    return files


def gunzipped(content: bytes) -> bytes:
    """What gzip has packed. Raises one of UNOPENED if it is too large to be looked at."""
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
        inside = packed.read(LARGEST + 1)
    if len(inside) > LARGEST:
        raise ValueError
    return inside
