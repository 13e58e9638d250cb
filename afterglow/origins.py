"""What every setting is in this run, for a person's eyes: the value in force, its unit, and who set it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from pydantic import SecretStr

from afterglow.measurement import Json
from afterglow.redaction import EMAIL, mask_emails
from afterglow.settings import ADDRESSES, CodeFrom, Settings, SignInBy
from afterglow.timeline import printable

GROUPS = {
    "The site": ("target", "base_url", "allowed_hosts"),
    "The account": ("account_email", "test_account", "account_password", "account_totp_secret"),
    "Signing in": ("sign_in", "sign_in_code", "keep_signed_in", "state_dir", "sign_ins_per_day"),
    "The mailbox": ("imap_host", "imap_port", "imap_user", "imap_password", "imap_folder", "imap_sender"),
    "What may be ended": ("known_sessions", "end_unknown_sessions"),
    "What is promised": ("revocation_window_s", "grace_s", "quiet_s"),
    "How it is watched": (
        *("layers", "probe_pattern", "probe_transport"),
        *("probe_floor_s", "request_budget", "assumed_edges"),
    ),
    "Nights": ("repetitions", "age_at_most_s", "schedule", "keep_reports_days", "night", "repetition"),
    "Browser and reports": ("headed", "chromium_executable", "traces", "reports_dir"),
    "The embedded replica": (
        *("replica_port", "replica_edges", "replica_delay_min_s", "replica_delay_max_s", "replica_seed"),
        *("replica_defects", "replica_noise", "replica_hurdles", "replica_maildir"),
        *("replica_skin", "replica_capture", "replica_behaviour"),
    ),
}
"""All settings, in the order in which somebody who goes live fills them in; `.env.example` has the same."""

UNITS = {
    "sign_ins_per_day": "in 24 hours",
    "request_budget": "requests",
    "assumed_edges": "servers",
    "replica_edges": "servers",
    "keep_reports_days": "days",
    "repetitions": "a night",
}
"""Of what has no unit in its name."""

NONE = "none"

WITHOUT = {
    "base_url": "the replica that the run starts",
    "account_email": "made up for every run",
    "account_password": "made up for every run",
    "sign_ins_per_day": "no limit",
    "request_budget": "no limit",
    "imap_user": "ACCOUNT_EMAIL",
    "keep_reports_days": "for ever",
    "chromium_executable": "Playwright's own, else the machine's",
    "replica_seed": "another in every run",
    "replica_skin": "list",
}
"""What it means that there is no value; NONE for the others."""

EFFECTIVE: Mapping[str, Callable[[Settings], Any]] = {
    "base_url": lambda settings: settings.home,
    "allowed_hosts": lambda settings: sorted(settings.hosts),
    "sign_in_code": lambda settings: settings.code_from,
    "keep_signed_in": lambda settings: settings.keeps_signed_in,
    "sign_ins_per_day": lambda settings: settings.daily_sign_ins,
    "known_sessions": lambda settings: list(settings.known) or None,
    "revocation_window_s": lambda settings: settings.window_s,
    "grace_s": lambda settings: settings.patience_s[1],
    "quiet_s": lambda settings: settings.patience_s[0],
    "layers": lambda settings: list(settings.layer_names),
    "probe_floor_s": lambda settings: settings.floor_s,
    "request_budget": lambda settings: settings.budget,
    "headed": lambda settings: settings.is_headed,
    "age_at_most_s": lambda settings: settings.age_s,
}
"""What the run goes by where that depends on the target or another setting."""

MASKED = "set (masked)"

Value: TypeAlias = bool | int | float | str | list[str] | None


class Origin(StrEnum):
    """Who has set it."""

    ENVIRONMENT = "environment"
    FILE = ".env"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class InForce:
    """A setting as the run goes by it. Its value holds no secret.

    idle: why it has nothing to do in this run; None if it has.
    """

    name: str
    group: str
    value: Value
    unit: str | None
    origin: Origin
    idle: str | None

    @property
    def shown(self) -> str:
        """The value and its unit, in one line."""
        told = told_of(self.name, self.value)
        is_number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        return f"{told} {self.unit}" if self.unit and is_number else told

    def to_json(self) -> Json:
        """The same for machines."""
        return {
            "name": self.name,
            "group": self.group,
            "value": self.value,
            "unit": self.unit,
            "from": self.origin.value,
            "idle": self.idle,
        }


def in_force(settings: Settings, environment: Mapping[str, str]) -> Iterator[InForce]:
    """Every setting, by group; `environment` is what the settings were loaded with."""
    from_outside = {name.lower() for name, value in environment.items() if value}
    idle = idle_in(settings)
    for group, names in GROUPS.items():
        for name in names:
            yield InForce(
                name=name.upper(),
                group=group,
                value=value_of(settings, name),
                unit="s" if name.endswith("_s") else UNITS.get(name),
                origin=_origin(name, settings, from_outside),
                idle=idle.get(name),
            )


def _origin(name: str, settings: Settings, from_outside: set[str]) -> Origin:
    if name in from_outside:
        return Origin.ENVIRONMENT
    return Origin.FILE if name in settings.model_fields_set else Origin.DEFAULT


def value_of(settings: Settings, name: str) -> Value:
    """What the run goes by; secrets and addresses masked."""
    value = EFFECTIVE[name](settings) if name in EFFECTIVE else getattr(settings, name)
    if isinstance(value, SecretStr):
        return _masked(name, value.get_secret_value())
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return _plain(value)


def _masked(name: str, secret: str) -> str:
    """An address keeps what tells whose it is; whatever only looks a little like one keeps nothing."""
    return mask_emails(secret) if name in ADDRESSES and EMAIL.fullmatch(secret) else MASKED


def _plain(value: object) -> str:
    return printable(mask_emails(str(value)))


def told_of(name: str, value: Value) -> str:
    """A value in words, as a person would write it into `.env`."""
    match value:
        case None:
            return WITHOUT.get(name.lower(), NONE)
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return f"{value:.10g}"
        case list():
            return ", ".join(value)
        case _:
            return value


def idle_in(settings: Settings) -> dict[str, str]:
    """Which settings have nothing to do in this run, and why."""
    idle: dict[str, str] = {}
    if settings.code_from is not CodeFrom.IMAP:
        idle |= dict.fromkeys(GROUPS["The mailbox"], "it is for SIGN_IN_CODE=imap alone")
    if settings.code_from in (CodeFrom.IMAP, CodeFrom.PROMPT):
        idle["account_totp_secret"] = f"SIGN_IN_CODE={settings.code_from} does without"
    if settings.sign_in is SignInBy.STATE:
        by_a_person = ("account_password", "account_totp_secret", "sign_in_code")
        idle |= dict.fromkeys(by_a_person, "a person signs in: SIGN_IN=state")
    if settings.end_unknown_sessions:
        idle["known_sessions"] = "whatever is listed may be ended"
    if settings.home is not None:
        idle |= dict.fromkeys(GROUPS["The embedded replica"], "the run has a site already")
    return idle
