"""Which settings do not go together, each in one line that names them and the remedy; never a value."""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pyotp

if TYPE_CHECKING:
    from pydantic import SecretStr

    from afterglow.settings import Settings

SLOWEST_FOR_OTHERS_S = 1.0
"""Nobody else's site is asked more often by one layer."""


def contradictions(settings: Settings, layers: Sequence[str]) -> Iterator[str]:
    """What is wrong with settings that are each well-formed. layers: all those that there are."""
    return chain(
        _account(settings),
        _sign_in(settings),
        _code(settings),
        _address(settings),
        _sessions(settings),
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
    elif settings.sign_in == "password" and _one_of(settings.account_email, settings.account_password):
        yield "ACCOUNT_EMAIL and ACCOUNT_PASSWORD go together: set both in .env, or neither"
    if settings.test_account is not None and settings.test_account != settings.account_email:
        yield "TEST_ACCOUNT must repeat ACCOUNT_EMAIL: the run ends every session of that account"


def _one_of(one: SecretStr | None, other: SecretStr | None) -> bool:
    return (one is None) != (other is None)


def _sign_in(settings: Settings) -> Iterator[str]:
    if settings.sign_in != "state":
        return
    if settings.home is None:
        yield (
            "SIGN_IN=state needs a site that is there before the run: set BASE_URL, or leave SIGN_IN=password"
        )
    if settings.account_email is None:
        yield "SIGN_IN=state needs ACCOUNT_EMAIL: it says whose states are used; set it in .env"
    for name in ("sign_in_code", "account_totp_secret", "account_password"):
        if getattr(settings, name) is not None:
            yield f"{name.upper()} is not used with SIGN_IN=state, where a person signs in: remove it"


def _code(settings: Settings) -> Iterator[str]:
    secret = settings.account_totp_secret
    if secret is not None and not _is_totp_secret(secret.get_secret_value()):
        yield "ACCOUNT_TOTP_SECRET is no authenticator's secret (base32, 23 characters or more): copy it anew"
    if settings.sign_in_code == "totp" and secret is None:
        yield "SIGN_IN_CODE=totp needs ACCOUNT_TOTP_SECRET: set it in .env"
    if settings.sign_in_code in ("imap", "prompt") and secret is not None:
        yield f"SIGN_IN_CODE={settings.sign_in_code} does not use ACCOUNT_TOTP_SECRET: remove one of them"
    by_mail = settings.sign_in_code == "imap"
    for name in ("imap_host", "imap_password"):
        if by_mail and getattr(settings, name) is None:
            yield f"SIGN_IN_CODE=imap needs {name.upper()}: set it in .env"
    given = sorted(name for name in settings.model_fields_set if name.startswith("imap_"))
    if given and not by_mail:
        yield f"{given[0].upper()} is set, and no mailbox is read: set SIGN_IN_CODE=imap, or remove it"


def _is_totp_secret(secret: str) -> bool:
    """Whether codes can be made of it: pyotp refuses what is shorter than 112 bits."""
    try:
        pyotp.TOTP(secret.replace(" ", "")).now()
    except (binascii.Error, ValueError):
        return False
    return True


def _address(settings: Settings) -> Iterator[str]:
    if settings.base_url is None:
        return
    parts = urlsplit(str(settings.base_url))
    host = parts.hostname or ""
    if parts.username or parts.query or parts.fragment or parts.path not in ("", "/"):
        yield "BASE_URL is more than an address: give scheme, host and port alone"
    if parts.scheme != "https" and not is_loopback(host):
        yield "BASE_URL is not https: credentials are typed over https alone, but for the loopback"
    if host not in settings.hosts:
        yield f"BASE_URL leads to a host that is not in ALLOWED_HOSTS: add {host} there, if that is the site"


def _sessions(settings: Settings) -> Iterator[str]:
    if settings.end_unknown_sessions and settings.known_sessions:
        yield "END_UNKNOWN_SESSIONS=yes ends whatever is listed, KNOWN_SESSIONS names what may be: keep one"


def _watch(settings: Settings, layers: Sequence[str]) -> Iterator[str]:
    unknown = [name for name in settings.layer_names if name not in layers]
    if unknown:
        yield f"LAYERS: {', '.join(unknown)} is no layer; there are {', '.join(layers)}"
    if settings.probe_pattern == "alone" and len(settings.layer_names) != 1:
        yield "PROBE_PATTERN=alone watches one layer: name it in LAYERS, as in LAYERS=access"
    if settings.target == "chatgpt" and settings.floor_s < SLOWEST_FOR_OTHERS_S:
        yield f"PROBE_FLOOR_S is below {SLOWEST_FOR_OTHERS_S:g}: nobody else's site is asked more often"


def _replica(settings: Settings) -> Iterator[str]:
    if settings.replica_delay_min_s > settings.replica_delay_max_s:
        yield "REPLICA_DELAY_MIN_S is larger than REPLICA_DELAY_MAX_S: swap them"
    given = sorted(name for name in settings.model_fields_set if name.startswith("replica_"))
    if given and settings.home is not None:
        yield (
            f"{', '.join(given).upper()}: for the replica that a run starts itself, and this one has a site "
            "already: remove it, or BASE_URL and TARGET"
        )
