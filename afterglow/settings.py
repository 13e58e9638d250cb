"""What a run is told from outside: environment variables and `.env`, checked before anything happens."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, HttpUrl, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

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


WINDOW_S = {Target.REPLICA: 30.0, Target.CHATGPT: 1800.0}
"""ChatGPT: "up to 30 minutes" for log-out of all (OpenAI's help page). The replica: short to wait for."""

REQUEST_BUDGET: dict[Target, int | None] = {Target.REPLICA: None, Target.CHATGPT: 10_000}
"""Requests that the suite may make in the name of one session in one watch. A whole half hour of all layers
takes some 3,500; one whose servers disagreed for twenty minutes took 8,100."""

FLOOR_S = {Target.REPLICA: 0.1, Target.CHATGPT: 1.0}
"""Loopback bears ten looks a second; somebody else's site gets one, but for the burst after a refusal."""


class Settings(BaseSettings):
    """Every setting, under its name in lower case; `.env.example` documents them for the user."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True, env_file_encoding="utf-8", extra="forbid", hide_input_in_errors=True
    )

    target: Target = Target.REPLICA
    base_url: HttpUrl | None = None
    account_email: SecretStr | None = None
    account_password: SecretStr | None = None
    account_totp_secret: SecretStr | None = None
    test_account: SecretStr | None = None

    revocation_window_s: Seconds | None = None
    grace_s: Seconds | None = None
    quiet_s: Seconds | None = None
    probe_floor_s: Annotated[float, Field(ge=0.05, le=60)] | None = None
    assumed_edges: Annotated[int, Field(ge=1, le=1000)] = 4
    layers: str | None = None
    probe_pattern: Pattern = Pattern.ALL
    probe_transport: Transport = Transport.HTTP
    request_budget: Annotated[int, Field(ge=100)] | None = None

    headed: bool = False
    chromium_executable: Path | None = None
    reports_dir: Path = Path("reports")

    replica_port: Annotated[int, Field(ge=0, le=65535)] = 0
    replica_edges: Annotated[int, Field(ge=1, le=64)] = 3
    replica_delay_min_s: Annotated[float, Field(ge=0, lt=86_400)] = 2.0
    replica_delay_max_s: Annotated[float, Field(ge=0, lt=86_400)] = 12.0
    replica_seed: int | None = None
    replica_defects: str | None = None
    replica_noise: str | None = None
    replica_skin: str | None = None
    replica_behaviour: str | None = None

    @model_validator(mode="after")
    def _hang_together(self) -> Self:
        if self.target is Target.CHATGPT:
            for name in ("account_email", "account_password", "test_account"):
                if getattr(self, name) is None:
                    raise ValueError(f"{name.upper()} is missing: TARGET=chatgpt needs it; set it in .env")
        if (self.account_email is None) != (self.account_password is None):
            raise ValueError("ACCOUNT_EMAIL and ACCOUNT_PASSWORD go together: set both in .env, or neither")
        if self.test_account is not None and self.test_account != self.account_email:
            raise ValueError(
                "TEST_ACCOUNT must repeat ACCOUNT_EMAIL: the run ends every session of that account"
            )
        if self.replica_delay_min_s > self.replica_delay_max_s:
            raise ValueError("REPLICA_DELAY_MIN_S is larger than REPLICA_DELAY_MAX_S: swap them")
        return self

    @model_validator(mode="after")
    def _name_layers(self) -> Self:
        unknown = [name for name in self.layer_names if name not in LAYERS]
        if unknown:
            raise ValueError(f"LAYERS: {', '.join(unknown)} is no layer; there are {', '.join(LAYERS)}")
        if self.probe_pattern is Pattern.ALONE and len(self.layer_names) != 1:
            raise ValueError("PROBE_PATTERN=alone watches one layer: name it in LAYERS, as in LAYERS=access")
        return self

    @property
    def layer_names(self) -> tuple[str, ...]:
        """The layers to watch: all there are, unless LAYERS names some."""
        named = tuple(name.strip() for name in (self.layers or "").split(",") if name.strip())
        return named or LAYERS

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


REMEDIES = {
    "extra_forbidden": "no such setting: see .env.example for those there are",
    "missing": "is missing: set it in .env",
}


def _line(error: Any) -> str:
    """One validation error as a person reads it. The value itself is never shown: it may be a secret."""
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    name = ".".join(str(part) for part in error["loc"]).upper()
    fallback = f"{error['msg'].lower()}: mend it in .env or the environment"
    return f"{name}: {REMEDIES.get(error['type'], fallback)}"


def load(env_file: Path = Path(".env")) -> Settings:
    """Read the environment and `.env`; the environment wins. Raises SettingsError with one line."""
    try:
        return Settings(_env_file=env_file)
    except ValidationError as error:
        lines = "; ".join(_line(each) for each in error.errors(include_url=False, include_input=False))
        raise SettingsError(f"settings: {lines}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"settings: {env_file} cannot be read ({type(error).__name__}): mend or remove it"
        ) from None
