"""Which settings do not go together, each in one line that names them and the remedy; never a secret value.

A setting that merely has nothing to do is let be (`python -m cli config` tells which), unless whoever set it
would believe that something happens that does not, or a secret lies about for nothing.
"""

from __future__ import annotations

import binascii
import os
import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pyotp

from afterglow.redaction import EMAIL, SHORTEST

if TYPE_CHECKING:
    from afterglow.settings import Settings

SLOWEST_FOR_OTHERS_S = 1.0
"""Nobody else's site is asked more often by one layer."""

REAL = ("chatgpt.com", "openai.com")
"""The real site, with all below these domains: it is met as TARGET=chatgpt, with the care that this takes."""

EMBEDDED = "127.0.0.1"
"""Where the replica is that a run starts itself."""

HOST = re.compile(r"(?!-)[a-z0-9-]+(\.[a-z0-9-]+)*", re.IGNORECASE)

SIGNED_IN = re.compile(r"\d{4}(-\d\d(-\d\d( \d\d(:\d\d(:\d\d)?)?)?)?)?")
"""A sign-in time, or the beginning of one."""


def contradictions(settings: Settings, layers: Sequence[str]) -> Iterator[str]:
    """What is wrong with settings that are each well-formed. layers: all those that there are."""
    return chain(
        _account(settings),
        _kept_out_of_reports(settings),
        _sign_in(settings),
        _code(settings),
        _mailbox(settings),
        _address(settings),
        _hosts(settings),
        _sessions(settings),
        _folders(settings),
        _times(settings),
        _watch(settings, layers),
        _replica(settings),
    )


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself, where nobody listens in on plain http."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _account(settings: Settings) -> Iterator[str]:
    needed = ["account_email", "test_account"]
    if settings.sign_in == "password":
        needed.append("account_password")
    if settings.target == "chatgpt":
        for name in needed:
            if getattr(settings, name) is None:
                yield f"{name.upper()} is missing: TARGET=chatgpt needs it; set it in .env"
    elif settings.sign_in == "password":
        yield from _account_of_a_replica(settings)
    if settings.test_account is not None and settings.test_account != settings.account_email:
        yield "TEST_ACCOUNT must repeat ACCOUNT_EMAIL: the run ends every session of that account"


def _account_of_a_replica(settings: Settings) -> Iterator[str]:
    """None is needed: one is made up for a run, and elsewhere a person may sign in by hand."""
    if (settings.account_email is None) != (settings.account_password is None):
        yield "ACCOUNT_EMAIL and ACCOUNT_PASSWORD go together: set both in .env, or neither"
    elif settings.account_email is None and settings.account_totp_secret is not None:
        yield "ACCOUNT_TOTP_SECRET is of no account: set ACCOUNT_EMAIL and ACCOUNT_PASSWORD, or remove it"


def _kept_out_of_reports(settings: Settings) -> Iterator[str]:
    """Reports mask addresses by what they look like, and secrets by their value, but the shortest."""
    email = settings.account_email
    if email is not None and not EMAIL.fullmatch(email.get_secret_value()):
        yield "ACCOUNT_EMAIL is no e-mail address as reports mask them, such as qa@example.test: mend it"
    for name in ("account_password", "imap_password"):
        secret = getattr(settings, name)
        if secret is not None and len(secret.get_secret_value()) < SHORTEST:
            yield f"{name.upper()} is too short to be found and kept out of reports: choose one of 6 or more"


UNUSED_BY_STATE = ("sign_in_code", "account_totp_secret", "account_password")


def _sign_in(settings: Settings) -> Iterator[str]:
    if settings.keep_signed_in and settings.home is None:
        yield "KEEP_SIGNED_IN=yes needs a site that outlives the run: set BASE_URL, or remove it"
    if settings.sign_in != "state":
        return
    if settings.home is None:
        yield (
            "SIGN_IN=state needs a site that is there before the run: set BASE_URL, or leave SIGN_IN=password"
        )
    if settings.account_email is None:
        yield "SIGN_IN=state needs ACCOUNT_EMAIL: it says whose states are used; set it in .env"
    for name in [*UNUSED_BY_STATE, *_given(settings, "imap_")]:
        if getattr(settings, name) is not None:
            yield f"{name.upper()} is not used with SIGN_IN=state, where a person signs in: remove it"


def _given(settings: Settings, beginning: str) -> list[str]:
    return sorted(name for name in settings.model_fields_set if name.startswith(beginning))


def _code(settings: Settings) -> Iterator[str]:
    secret = settings.account_totp_secret
    if secret is not None and not _is_totp_secret(secret.get_secret_value()):
        yield "ACCOUNT_TOTP_SECRET is no authenticator's secret (base32, 23 characters or more): copy it anew"
    if settings.sign_in == "state":
        return
    if settings.sign_in_code == "totp" and secret is None:
        yield "SIGN_IN_CODE=totp needs ACCOUNT_TOTP_SECRET: set it in .env"
    if settings.sign_in_code in ("imap", "prompt") and secret is not None:
        yield f"SIGN_IN_CODE={settings.sign_in_code} does not use ACCOUNT_TOTP_SECRET: remove one of them"


def _is_totp_secret(secret: str) -> bool:
    """Whether codes can be made of it: pyotp refuses what is shorter than 112 bits."""
    try:
        pyotp.TOTP(secret.replace(" ", "")).now()
    except (binascii.Error, ValueError):
        return False
    return True


def _mailbox(settings: Settings) -> Iterator[str]:
    if settings.sign_in == "state":
        return
    by_mail, given = settings.sign_in_code == "imap", _given(settings, "imap_")
    if given and not by_mail:
        yield f"{given[0].upper()} is set, and no mailbox is read: set SIGN_IN_CODE=imap, or remove it"
    for name in ("imap_host", "imap_password"):
        if by_mail and getattr(settings, name) is None:
            yield f"SIGN_IN_CODE=imap needs {name.upper()}: set it in .env"
    if by_mail and settings.imap_user is None and settings.account_email is None:
        yield "SIGN_IN_CODE=imap needs IMAP_USER, unless ACCOUNT_EMAIL is the mailbox's name: set it in .env"
    if settings.imap_host is not None and not _is_host(settings.imap_host):
        yield "IMAP_HOST is no host name: give the name alone, as in imap.example.test; the port is IMAP_PORT"
    if re.search(r"[\s,;<>]", settings.imap_sender):
        yield "IMAP_SENDER is more than one address or domain: give one, as in openai.com"


def _is_host(name: str) -> bool:
    try:
        return bool(HOST.fullmatch(name) or ip_address(name))
    except ValueError:
        return False


def _address(settings: Settings) -> Iterator[str]:
    """What is wrong with the address as such."""
    if settings.base_url is None:
        return
    parts = urlsplit(str(settings.base_url))
    # not shown: a name and a password may be among it
    if parts.username or parts.password or parts.query or parts.fragment or parts.path not in ("", "/"):
        yield "BASE_URL is more than an address: give scheme, host and port alone"
    host = parts.hostname or ""
    if parts.scheme != "https" and not is_loopback(host):
        yield "BASE_URL is not https: credentials are typed over https alone, but for the loopback"
    if settings.target == "replica" and f".{host}".endswith(tuple(f".{domain}" for domain in REAL)):
        yield "BASE_URL leads to the real site: set TARGET=chatgpt, which takes the care that this needs"


def _hosts(settings: Settings) -> Iterator[str]:
    """Whether credentials may be typed where the run is going to type them."""
    if not all(_is_host(host) for host in settings.hosts):
        yield "ALLOWED_HOSTS has something that is no host name: give names alone, as in chatgpt.com"
        return
    host = urlsplit(settings.home or f"http://{EMBEDDED}").hostname or ""
    if host in settings.hosts:
        return
    if settings.base_url is None:
        yield f"ALLOWED_HOSTS leaves out {host}, where the run signs in: add it, or remove ALLOWED_HOSTS"
    else:
        yield f"BASE_URL leads to a host that is not in ALLOWED_HOSTS: add {host} there, if that is the site"


def _sessions(settings: Settings) -> Iterator[str]:
    if settings.end_unknown_sessions and settings.known_sessions:
        yield "END_UNKNOWN_SESSIONS=yes ends whatever is listed, KNOWN_SESSIONS names what may be: keep one"
    if not all(_is_row(row) for row in settings.known):
        yield (
            "KNOWN_SESSIONS has a row that is no device name, with a sign-in time behind an @ if need be: "
            "write it as in Chrome on Mac @ 2026-11-20 10:22"
        )


def _is_row(row: str) -> bool:
    device, at, signed_in = row.rpartition("@")
    if not at:
        return True
    return bool(device.strip() and SIGNED_IN.fullmatch(signed_in.strip()))


def _folders(settings: Settings) -> Iterator[str]:
    for name in ("state_dir", "reports_dir", "chromium_executable", "replica_capture"):
        if str(getattr(settings, name)).startswith("~"):
            yield f"{name.upper()} begins with ~, which only a shell understands: give the whole path"
    states, reports = _whole(settings.state_dir), _whole(settings.reports_dir)
    if states.is_relative_to(reports) or reports.is_relative_to(states):
        yield (
            "STATE_DIR and REPORTS_DIR are within each other: whoever is given a report could sign in with "
            "what is kept; set them apart"
        )


def _whole(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - no link is followed: nothing need be there yet


def _times(settings: Settings) -> Iterator[str]:
    quiet_s, grace_s = settings.patience_s
    if quiet_s >= settings.window_s + grace_s:
        yield "QUIET_S is as long as REVOCATION_WINDOW_S and GRACE_S together: nothing could settle; lower it"
    if settings.floor_s >= settings.window_s:
        yield "PROBE_FLOOR_S is as long as REVOCATION_WINDOW_S: a layer would hardly be looked at; lower it"
    if settings.target == "chatgpt" and settings.floor_s < SLOWEST_FOR_OTHERS_S:
        yield f"PROBE_FLOOR_S is below {SLOWEST_FOR_OTHERS_S:g}: nobody else's site is asked more often"


def _watch(settings: Settings, layers: Sequence[str]) -> Iterator[str]:
    names = settings.layer_names
    if unknown := [name for name in names if name not in layers]:
        yield f"LAYERS: {', '.join(unknown)} is no layer; there are {', '.join(layers)}"
    if twice := sorted({name for name in names if names.count(name) > 1}):
        yield f"LAYERS names {', '.join(twice)} twice: name each once"
    if settings.probe_pattern == "alone" and len(names) != 1:
        yield "PROBE_PATTERN=alone watches one layer: name it in LAYERS, as in LAYERS=access"


CAPTURED = "captured"


def _replica(settings: Settings) -> Iterator[str]:
    if settings.replica_delay_min_s > settings.replica_delay_max_s:
        yield ("REPLICA_DELAY_MIN_S is larger than REPLICA_DELAY_MAX_S: swap them, or set both")
    if settings.replica_skin == CAPTURED and settings.replica_capture is None:
        yield "REPLICA_SKIN=captured needs REPLICA_CAPTURE: the zip of a capture; set it"
    if settings.replica_capture is not None and settings.replica_skin != CAPTURED:
        yield "REPLICA_CAPTURE is shown with REPLICA_SKIN=captured alone: set that, or remove it"
    given = _given(settings, "replica_")
    if given and settings.home is not None:
        yield (
            f"{', '.join(given).upper()}: for the replica that a run starts itself, and this one has a site "
            "already: remove it, or BASE_URL and TARGET"
        )
