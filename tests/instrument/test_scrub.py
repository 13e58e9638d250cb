"""A file of any kind is cleaned through and through, and a search of it finds what the cleaning would."""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterglow.redaction import MASK, SHORTEST, Redactor
from afterglow.scrub import DEEPEST, UNREADABLE, Leak, leaks, scrub

SECRET = "correct horse & staple"
KEY = "sk-proj-abcdefghijklmnop"
EMAIL = "somebody@example.test"

NOISE = random.Random(7).randbytes(600)  # noqa: S311 - a picture, not a secret


def knowing(*secrets: str) -> Redactor:
    redact = Redactor()
    redact.learn(*secrets, kind="password")
    return redact


def zipped(members: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def unzipped(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


# Each packs a text, and says how to get at it again. Written without the module that is tested.
PACKED: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    "a text": (bytes, bytes),
    "a picture": (
        lambda text: b"\x89PNG\xff\xfe" + NOISE + text + NOISE,
        lambda content: content[6 + len(NOISE) : -len(NOISE)],
    ),
    "gzip": (gzip.compress, gzip.decompress),
    "a zip": (
        lambda text: zipped({"a/b.txt": text, "c": b"nothing"}),
        lambda content: unzipped(content)["a/b.txt"],
    ),
    "a zip in a zip": (
        lambda text: zipped({"inner.zip": zipped({"b.txt": text})}),
        lambda content: unzipped(unzipped(content)["inner.zip"])["b.txt"],
    ),
    "gzip in a zip": (
        lambda text: zipped({"b.gz": gzip.compress(text)}),
        lambda content: gzip.decompress(unzipped(content)["b.gz"]),
    ),
    "a HAR with a body in base64": (
        lambda text: json.dumps({"text": base64.b64encode(text).decode(), "encoding": "base64"}).encode(),
        lambda content: base64.b64decode(json.loads(content)["text"]),
    ),
    "a report with a zip in base64": (
        lambda text: f'<script>d("{base64.b64encode(zipped({"t": text})).decode()}")</script>'.encode(),
        lambda content: unzipped(base64.b64decode(content.split(b'"')[1]))["t"],
    ),
}


@pytest.mark.parametrize("kind", PACKED)
@given(secret=st.text(st.characters(exclude_categories=["Cs"]), min_size=SHORTEST, max_size=40))
def test_a_file_of_any_kind_stays_what_it_was_without_the_secret(kind: str, secret: str) -> None:
    """What could be opened can be opened, and the mask stands where the secret stood."""
    pack, unpack = PACKED[kind]
    redact = knowing(secret)
    packed = pack(f"<a long text before it {secret} and behind it>".encode())
    assert unpack(scrub(packed, redact)).decode() == f"<a long text before it {MASK} and behind it>"


@pytest.mark.parametrize("kind", PACKED)
def test_what_is_cleaned_is_found_and_what_was_cleaned_is_not(kind: str) -> None:
    """The search and the cleaning cannot disagree, about what was told and about what looks like it."""
    packed = PACKED[kind][0](f"a password, {SECRET}, and a key, {KEY}, in a text".encode())
    redact = knowing(SECRET)
    found = list(leaks("file", packed, redact))
    assert {leak.kind for leak in found} == {"password", "API key"}
    assert all(leak.where.startswith("file") for leak in found)
    assert SECRET not in str(found)
    assert list(leaks("file", scrub(packed, redact), redact)) == []


def test_the_place_of_a_leak_is_told_down_to_the_member() -> None:
    """Whoever must mend it looks there first."""
    inner = zipped({"trace.network": SECRET.encode()})
    packed = zipped({"traces/one.zip": inner, "body": base64.b64encode(f"{EMAIL}, a long text".encode())})
    assert list(leaks("report.zip", packed, knowing(SECRET))) == [
        Leak("report.zip/body (in base64)", "e-mail address"),
        Leak("report.zip/traces/one.zip/trace.network", "password"),
    ]


def test_the_names_of_files_and_members_are_cleaned_too() -> None:
    """A browser names what it stores after the page."""
    packed = zipped({f"{SECRET}.txt": b"1", f"{MASK}.txt": b"2"})
    assert [*unzipped(scrub(packed, knowing(SECRET))).values()] == [b"1", b"2"]
    assert SECRET.encode() not in scrub(packed, knowing(SECRET))
    assert [leak.kind for leak in leaks(f"{SECRET}.png", NOISE, knowing(SECRET))] == ["password"]


def test_what_an_archive_says_beside_its_members_is_left_behind() -> None:
    """A comment, and what some programs note of a file's owner."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.comment = SECRET.encode()
        member = zipfile.ZipInfo("a")
        member.comment = SECRET.encode()
        archive.writestr(member, b"a")
    assert SECRET.encode() in packed.getvalue()
    assert SECRET.encode() not in scrub(packed.getvalue(), Redactor())


@pytest.mark.parametrize(
    "torn",
    [
        zipped({"a": SECRET.encode()})[:-10],
        gzip.compress(SECRET.encode(), mtime=0)[:-9],
        b"\x1f\x8b\x08 no gzip at all",
    ],
)
def test_an_archive_that_cannot_be_opened_is_taken_out_whole(torn: bytes) -> None:
    """Nobody knows what is in it."""
    assert scrub(torn, Redactor()) == MASK.encode()
    assert [leak.kind for leak in leaks("torn", torn, Redactor())] == [UNREADABLE]


def test_archives_in_archives_come_to_an_end() -> None:
    """One that is packed deeper than any evidence is is not followed for ever."""
    packed = b"nothing"
    for _ in range(DEEPEST + 2):
        packed = gzip.compress(packed)
    assert [leak.kind for leak in leaks("deep", packed, Redactor())] == [UNREADABLE]


def test_a_picture_without_a_secret_stays_as_it_was_to_the_last_byte() -> None:
    """By chance there is something in most pictures that reads like an address."""
    picture = b"\xff" + NOISE + b"x@y.zz" + NOISE
    assert scrub(picture, knowing(SECRET, "123456")) == picture


def test_what_a_browser_stored_in_utf_16_is_found() -> None:
    """As Chromium keeps a site's storage."""
    stored = b"\xff\x00" + SECRET.encode("utf-16-le") + b"\x00\xff"
    assert SECRET.encode("utf-16-le") not in scrub(stored, knowing(SECRET))
    assert [leak.kind for leak in leaks("000003.log", stored, knowing(SECRET))] == ["password"]
