"""What a run is told from outside: environment variables and `.env`, checked before anything happens."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, HttpUrl, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from afterglow.contradictions import contradictions
from afterglow.env_file import misread
from afterglow.redaction import EMAIL

Seconds = Annotated[float, Field(gt=0, lt=86_400)]


class Target(StrEnum):
    """The site under test."""

    REPLICA = "replica"
    CHATGPT = "chatgpt"


class Transport(StrEnum):
    """How the probes ask: over HTTP by themselves, or with fetches inside the profile's own page."""

    HTTP = "http"
    BROWSER = "browser"


class Pattern(StrEnum):
    """Who is looked at, so that a user can find out whether looking itself changes the delay.

    all: every layer, and the controls sparsely. alone: one layer, and nothing else of the ended sessions.
    silent-control: every layer, and the controls only once all is over.
    """

    ALL = "all"
    ALONE = "alone"
    SILENT_CONTROL = "silent-control"


class SignInBy(StrEnum):
    """Who signs in: the suite with the account's password, or a person beforehand, whose state is kept."""

    PASSWORD = "password"  # noqa: S105 - the name of a way
    STATE = "state"


class Pace(StrEnum):
    """When to look: where the nights before make a revocation likely, or by the elapsed time alone."""

    INFORMED = "informed"
    GEOMETRIC = "geometric"


class CodeFrom(StrEnum):
    """Where a one-time code comes from: an authenticator's secret, a mailbox, or a person at the prompt."""

    TOTP = "totp"
    IMAP = "imap"
    PROMPT = "prompt"


CODE_WITHIN_S = {CodeFrom.TOTP: 60.0, CodeFrom.IMAP: 180.0, CodeFrom.PROMPT: 300.0}
"""How long a code may take. From a secret: a new one comes every 30 s (RFC 6238), and one more is to spare.
By mail: most are there in seconds, but a server that does not know the sender may put it off for a minute or
two (greylisting), and what comes later than that is soon no good. From a person, who has to notice the
question and to fetch a phone: some minutes."""

LAYERS = (
    "page",
    "session",
    "access",
    "replay",
    "mint",
    "elsewhere",
    "codex",
    "platform",
    "stream",
    "tab",
    "message",
    "back",
)
"""Every way in that can be watched, the four that every target must have first."""


class SettingsError(Exception):
    """A setting is missing, malformed or contradicts another; the message names it and the remedy."""


HOME = {Target.CHATGPT: "https://chatgpt.com"}
"""Where a target is if BASE_URL does not say; the replica is wherever the run starts it."""

HOSTS = {Target.REPLICA: "127.0.0.1,localhost", Target.CHATGPT: "chatgpt.com,auth.openai.com"}
"""Where credentials may be typed: the app and its sign-in pages (chatgpt-web.md, routes)."""

WINDOW_S = {Target.REPLICA: 30.0, Target.CHATGPT: 1800.0}
"""ChatGPT: "up to 30 minutes" for log-out of all (OpenAI's help page). The replica: short to wait for."""

REQUEST_BUDGET: dict[Target, int | None] = {Target.REPLICA: None, Target.CHATGPT: 10_000}
"""Requests that the suite may make in the name of one session in one watch. A whole half hour of all layers
takes some 3,500; one whose servers disagreed for twenty minutes took 8,100."""

SIGN_INS_PER_DAY: dict[Target, int | None] = {Target.REPLICA: None, Target.CHATGPT: 12}
"""Three runs of the main job, with four sign-ins each. An account that signs in often from many clients has
its sessions ended early (chatgpt-web.md, how automation is stopped)."""

NIGHT_AGE_S = {Target.REPLICA: 10.0, Target.CHATGPT: 900.0}
"""Within how long after the sign-in a night's log-outs fall, by chance: where a delay is what is left of an
access token's life, a log-out at the same age every night would measure the same point of it every time."""

FLOOR_S = {Target.REPLICA: 0.1, Target.CHATGPT: 1.0}
"""Loopback bears ten looks a second; somebody else's site gets one, but for the burst after a refusal."""

ADDRESSES = frozenset({"account_email", "test_account", "imap_user"})
"""E-mail addresses: a report shows them masked, so that its reader knows which account it was."""


class Settings(BaseSettings):
    """Every setting, under its name in lower case; `.env.example` documents them for the user."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, env_file_encoding="utf-8", extra="forbid", hide_input_in_errors=True
    )

    target: Target = Target.REPLICA
    base_url: HttpUrl | None = None
    allowed_hosts: str | None = None

    account_email: SecretStr | None = None
    account_password: SecretStr | None = None
    account_totp_secret: SecretStr | None = None
    test_account: SecretStr | None = None
    known_sessions: str | None = None
    end_unknown_sessions: bool = False

    sign_in: SignInBy = SignInBy.PASSWORD
    sign_in_code: CodeFrom | None = None
    imap_host: str | None = None
    imap_port: Annotated[int, Field(ge=1, le=65535)] = 993
    imap_user: SecretStr | None = None
    imap_password: SecretStr | None = None
    imap_folder: str = "INBOX"
    imap_sender: str = "openai.com"
    state_dir: Path = Path(".auth")
    keep_signed_in: bool | None = None
    sign_ins_per_day: Annotated[int, Field(ge=1)] | None = None

    revocation_window_s: Seconds | None = None
    grace_s: Seconds | None = None
    quiet_s: Seconds | None = None
    probe_floor_s: Annotated[float, Field(ge=0.05, le=60)] | None = None
    assumed_edges: Annotated[int, Field(ge=1, le=1000)] = 4
    layers: str | None = None
    probe_pattern: Pattern = Pattern.ALL
    probe_transport: Transport = Transport.HTTP
    request_budget: Annotated[int, Field(ge=100)] | None = None

    repetitions: Annotated[int, Field(ge=1, le=100)] = 1
    age_at_most_s: Annotated[float, Field(ge=0, lt=86_400)] | None = None
    schedule: Pace = Pace.INFORMED
    keep_reports_days: Annotated[int, Field(ge=1)] | None = None
    night: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z-]{0,39}$")] | None = None
    repetition: Annotated[int, Field(ge=1)] | None = None

    headed: bool | None = None
    chromium_executable: Path | None = None
    reports_dir: Path = Path("reports")
    traces: bool = True

    replica_port: Annotated[int, Field(ge=0, le=65535)] = 0
    replica_edges: Annotated[int, Field(ge=1, le=64)] = 3
    replica_delay_min_s: Annotated[float, Field(ge=0, lt=86_400)] = 2.0
    replica_delay_max_s: Annotated[float, Field(ge=0, lt=86_400)] = 12.0
    replica_seed: int | None = None
    replica_defects: str | None = None
    replica_noise: str | None = None
    replica_hurdles: str | None = None
    replica_maildir: Path | None = None
    replica_skin: str | None = None
    replica_capture: Path | None = None
    replica_behaviour: str | None = None

    @model_validator(mode="after")
    def _hang_together(self) -> Self:
        if found := list(contradictions(self, LAYERS)):
            raise ValueError("; ".join(found))
        return self

    @property
    def home(self) -> str | None:
        """Where the site is, without a slash at the end; None if the run starts it itself."""
        return str(self.base_url).rstrip("/") if self.base_url else HOME.get(self.target)

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts on which credentials may be typed, in lower case."""
        return frozenset(listed((self.allowed_hosts or HOSTS[self.target]).lower()))

    @property
    def code_from(self) -> CodeFrom | None:
        """Where one-time codes come from: as SIGN_IN_CODE says, else from the secret, if there is one."""
        return self.sign_in_code or (CodeFrom.TOTP if self.account_totp_secret else None)

    @property
    def keeps_signed_in(self) -> bool:
        """Whether what is still signed in at the end stays so, for the next run."""
        live = self.target is Target.CHATGPT or self.sign_in is SignInBy.STATE
        return live if self.keep_signed_in is None else self.keep_signed_in

    @property
    def known(self) -> tuple[str, ...]:
        """The rows that a person has put down as theirs to end."""
        return tuple(listed(self.known_sessions))

    @property
    def is_headed(self) -> bool:
        """Whether the browser is shown. On the real site it is: headless ones are stopped there."""
        return self.target is Target.CHATGPT if self.headed is None else self.headed

    @property
    def daily_sign_ins(self) -> int | None:
        """How often a day the account may be signed in; None without a limit."""
        return self.sign_ins_per_day or SIGN_INS_PER_DAY[self.target]

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The layers to watch: all there are, unless LAYERS names some."""
        return tuple(listed(self.layers)) or LAYERS

    @property
    def budget(self) -> int | None:
        """How many requests one watch may make in the name of one session; None without a limit."""
        return self.request_budget or REQUEST_BUDGET[self.target]

    @property
    def window_s(self) -> float:
        """What the site promises, in seconds."""
        return self.revocation_window_s or WINDOW_S[self.target]

    @property
    def floor_s(self) -> float:
        """The shortest step between two looks at a layer, in seconds."""
        return self.probe_floor_s or FLOOR_S[self.target]

    @property
    def patience_s(self) -> tuple[float, float]:
        """Quiet time and grace, in seconds: by default a thirtieth and a tenth of the window."""
        return (self.quiet_s or max(1.0, self.window_s / 30), self.grace_s or max(5.0, self.window_s / 10))

    @property
    def age_s(self) -> float:
        """How long after the sign-in a log-out falls at most: drawn anew for each. Of no night: at once."""
        by_night_s = NIGHT_AGE_S[self.target] if self.night else 0.0
        return by_night_s if self.age_at_most_s is None else self.age_at_most_s

    @property
    def secrets(self) -> list[str]:
        """Every value that must be in nothing that the run leaves behind; addresses are masked by pattern."""
        held = {name: getattr(self, name) for name in type(self).model_fields}
        secrets = {
            name: value.get_secret_value() for name, value in held.items() if isinstance(value, SecretStr)
        }
        # a mailbox may be known by a name that is no address, and that no pattern finds
        return [
            value for name, value in secrets.items() if name not in ADDRESSES or not EMAIL.fullmatch(value)
        ]


def listed(text: str | None) -> list[str]:
    """What stands between the commas."""
    return [part.strip() for part in (text or "").split(",") if part.strip()]


SAID = {
    "bool": "should be yes or no",
    "url": "should be an address with its scheme, as in https://chatgpt.com",
}
"""What is said instead of pydantic's words, by the beginning of an error's type."""

LOOKS_LIKE = 0.8
"""How alike two names must be for one to be taken for the other, mistyped: a letter or two in ten."""


def _line(error: Any) -> str:
    """One validation error as a person reads it. The value itself is never shown: it may be a secret."""
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    name = ".".join(str(part) for part in error["loc"]).upper()
    if error["type"] == "extra_forbidden":
        return _no_such(name)
    words = error["msg"].lower().removeprefix("input ").partition(", unable to")[0]
    said = SAID.get(error["type"].partition("_")[0], words)
    return f"{name}: {said}: mend it in .env or the environment"


def _no_such(name: str) -> str:
    if not name.replace("_", "").isalpha():  # as all settings are; a line of a secret may look like a name
        return "a name in .env or the environment is no setting: see .env.example for those there are"
    meant = " or ".join(_alike(name) or _within(name))
    remedy = f"did you mean {meant}?" if meant else "see .env.example for those there are"
    return f"{name}: no such setting: {remedy}"


def _names() -> list[str]:
    return [field.upper() for field in Settings.model_fields]


def _alike(name: str) -> list[str]:
    """The setting that was mistyped, if one is alike."""
    return get_close_matches(name, _names(), n=1, cutoff=LOOKS_LIKE)


def _within(name: str) -> list[str]:
    """The settings of which only a part was written, as in PASSWORD; none if that could be many."""
    found = [each for each in _names() if f"_{name}_" in f"_{each}_"]
    return found if len(found) <= FEW else []


FEW = 3
"""So many names can be offered to choose from."""


def mistyped(names: Iterable[str]) -> list[str]:
    """What is wrong with variables of the environment that look like settings and are none.

    Only names of several words are judged, and the first letter counts: DATABASE_URL and SMTP_PASSWORD are
    somebody else's.
    """
    # pydantic takes them in any case
    strange = sorted({name.upper() for name in names if "_" in name} - set(_names()))
    return [_no_such(name) for name in strange if any(_is_slip(name, meant) for meant in _alike(name))]


def _is_slip(name: str, meant: str) -> bool:
    return "_" in meant and meant[0] == name[0]


def without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment that says nothing to the suite, nor to pytest or a replica: for runs in a run."""
    own = {field.upper() for field in Settings.model_fields}
    return {
        name: value
        for name, value in environment.items()
        if name.upper() not in own and not name.upper().startswith(("PYTEST_", "REPLICA_"))
    }


def load(env_file: Path = Path(".env")) -> Settings:
    """Read the environment and `.env`; the environment wins. Raises SettingsError with one line."""
    wrong = mistyped(os.environ)
    try:
        if unread := list(misread(env_file)):
            raise SettingsError(f"settings: {'; '.join(unread)}")
        settings = Settings(_env_file=env_file)
    except ValidationError as error:
        wrong += [_line(each) for each in error.errors(include_url=False, include_input=False)]
        raise SettingsError(f"settings: {'; '.join(wrong)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"settings: {env_file} cannot be read ({type(error).__name__}): mend or remove it"
        ) from None
    if wrong:
        raise SettingsError(f"settings: {'; '.join(wrong)}")
    return settings
