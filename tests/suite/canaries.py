"""Secrets to look for: written down by the runs that have them in hand, and searched by a way of our own.

The search shares nothing with what is tested: it opens archives, base64 and escapes by itself.
"""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote_to_bytes

from fixtures.profile import Profile
from fixtures.target import Account

NAME = "QA Engineer"
"""What the embedded replica calls its accounts."""

API_KEY = "sk-proj-KanarienvogelSchluessel0123456789"
"""Nobody tells the suite of it: it is to be known by what it looks like."""


def note(**secrets: str) -> dict[str, str]:
    """Add to the canaries of this run, for the test that started it. Returns all of them."""
    path = Path(os.environ["CANARIES"])
    known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(known | secrets), encoding="utf-8")
    return known | secrets


def note_account(account: Account) -> dict[str, str]:
    """The account's own."""
    totp = {"totp": account.totp.get_secret_value()} if account.totp else {}
    imap = {"imap password": found} if (found := os.environ.get("IMAP_PASSWORD")) else {}
    return note(
        email=account.email.get_secret_value(),
        password=account.password.get_secret_value() if account.password else "",
        name=NAME,
        **{"API key": API_KEY},
        **totp,
        **imap,
    )


def note_profile(profile: Profile) -> dict[str, str]:
    """What a signed-in browser holds: its cookies, and the access token that its page is given."""
    cookies = {
        f"{profile.name} {each.get('name')}": each.get("value", "") for each in profile.context.cookies()
    }
    token = profile.page.evaluate(
        "async () => (await (await fetch('/api/auth/session')).json()).accessToken ?? ''"
    )
    # the begin of a token says how it is signed, and every token begins so
    _, _, payload = token.partition(".")
    return note(**cookies, **({f"{profile.name} token": payload} if payload else {}))


# The search


def every_byte(*folders: Path) -> Iterator[tuple[str, bytes]]:
    """Every file that a run left, its name, and whatever is packed in it."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            yield f"the name of {path.parent}/…", path.name.encode()
            with suppress(FileNotFoundError):  # of a run that is still at it
                if path.is_file():
                    yield from unpacked(str(path.relative_to(folder)), path.read_bytes())


def unpacked(name: str, content: bytes, depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """A content, and what is in it: in archives, in base64, behind escapes."""
    yield name, content
    if depth == 4:
        return
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                yield f"{name}/{member} (its name)", member.encode()
                yield from unpacked(f"{name}/{member}", archive.read(member), depth + 1)
    elif content.startswith(b"\x1f\x8b"):
        yield from unpacked(f"{name} (gunzipped)", gzip.decompress(content), depth + 1)
    elif not content.startswith(b"\x89PNG"):
        yield from ((f"{name} ({how})", text) for how, text in plainer(content))
        for run in re.findall(rb"[A-Za-z0-9+/_-]{8,}", content):
            for skip in range(4):
                yield from from_base64(name, run[skip:], depth, whole=not skip)


def plainer(content: bytes) -> Iterator[tuple[str, bytes]]:
    """A text without its escapes."""
    text = content.decode("utf-8", "replace")
    yield "unquoted", unquote_to_bytes(content.replace(b"+", b" "))
    yield "unescaped HTML", html.unescape(html.unescape(text)).encode()
    slashed = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    yield "unescaped JSON", re.sub(r"\\+", "", slashed).encode("utf-8", "replace")


def from_base64(name: str, run: bytes, depth: int, *, whole: bool) -> Iterator[tuple[str, bytes]]:
    """What a run of base64 says; what was packed before is only looked into where the run begins."""
    plain = run.translate(bytes.maketrans(b"-_", b"+/"))
    plain = plain[:-1] if len(plain) % 4 == 1 else plain
    said = base64.b64decode(plain + b"=" * (-len(plain) % 4))
    if whole and len(said) > 20:
        yield from unpacked(f"{name} (in base64)", said, depth + 1)
    else:
        yield f"{name} (in base64)", said


def leaks(left: Mapping[str, bytes] | Iterator[tuple[str, bytes]], secrets: Mapping[str, str]) -> set[str]:
    """Which secret is where, whole, or one half of it if it is long. Never the secret itself."""
    wanted = {
        (kind, part): [part.encode(), part.encode("utf-16-le")]
        for kind, secret in secrets.items()
        for part in ({secret, secret[:24], secret[-24:]} if len(secret) > 48 else {secret})
        if len(part) >= 6
    }
    pairs = left.items() if isinstance(left, Mapping) else left
    return {
        f"{name} holds the {kind}"
        for name, content in pairs
        for (kind, _), spellings in wanted.items()
        if any(spelling in content for spelling in spellings)
    }
