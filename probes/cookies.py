"""Cookies as a browser would keep them, and no further: nothing that the site takes away is let go."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

CHUNK = re.compile(r"\.\d+$")
"""A cookie that is too long for a browser comes in chunks: `name.0`, `name.1` (6 public projects)."""


def cookie_header(cookies: Mapping[str, str]) -> str:
    """The Cookie header. Written by hand, because clients never send a `__Secure-` cookie over plain http."""
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def kept(set_cookies: Iterable[str]) -> dict[str, str]:
    """The cookies that these Set-Cookie lines leave in a jar: deleted and empty ones are none."""
    jar: dict[str, str] = {}
    for line in set_cookies:
        pair, *attributes = line.split(";")
        name, _, value = (part.strip() for part in pair.partition("="))
        if name and value and not _is_over(attributes):
            jar[name] = value
    return jar


def renews_session(set_cookies: Iterable[str]) -> bool:
    """Whether the session's cookie is set anew. Looking may then change what is seen."""
    return any("session" in name for name in kept(set_cookies))


def taken_over(held: Mapping[str, str], set_cookies: Iterable[str]) -> dict[str, str]:
    """What a browser would send next: renewed cookies replace what it held, and nothing is taken away.

    Except for a chunk that is left over: a cookie that now comes in fewer chunks would be read with an old
    end. That is known only from the others of its family, which the same answer sets.
    """
    new = kept(set_cookies)
    families = {_family(name) for name in new}
    still = {name: value for name, value in held.items() if name in new or _family(name) not in families}
    return {**still, **new}


def _family(name: str) -> str:
    return CHUNK.sub("", name)


def _is_over(attributes: Iterable[str]) -> bool:
    """Whether a cookie is set only to be deleted. Max-Age wins over Expires (RFC 6265, 5.3)."""
    given = {name.strip().lower(): value.strip() for name, _, value in (a.partition("=") for a in attributes)}
    if re.fullmatch(r"-?\d+", given.get("max-age", "")):
        return int(given["max-age"]) <= 0
    try:
        expires = parsedate_to_datetime(given.get("expires", ""))
    except ValueError:
        return False
    return expires.replace(tzinfo=expires.tzinfo or UTC) <= datetime.now(UTC)
