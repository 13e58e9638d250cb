"""Which sessions may be on the test account: `sessions-policy.toml`, checked before it is used."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Name = Annotated[str, Field(min_length=1)]

SECONDS_A_DAY = 86_400


class PolicyError(Exception):
    """The policy is missing, malformed or has a wrong value; the message names it and the remedy."""


class SessionsPolicy(BaseModel):
    """What is expected of every session that is listed.

    allowed_devices: names of devices; `*` stands for anything, and the case for nothing.
    only_this_run: whether a session that the run did not make is unknown even if all else fits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    allowed_devices: Annotated[tuple[Name, ...], Field(min_length=1, strict=False)]
    max_age_days: Annotated[float, Field(gt=0, le=3650, strict=False)]
    only_this_run: bool = True

    def allows(self, device: str) -> bool:
        """Whether a device of this name may be there."""
        return any(fnmatchcase(device.casefold(), name.casefold()) for name in self.allowed_devices)

    def objections(
        self, device: str | None, signed_in: datetime | None, now: datetime, *, of_this_run: bool
    ) -> Iterator[str]:
        """What speaks against a session. A detail that is missing speaks neither for it nor against it."""
        if not of_this_run and self.only_this_run:
            yield "it is unknown to this run"
        if device is not None and not self.allows(device):
            yield "its device is unknown to the policy"
        if signed_in is not None and now - signed_in > timedelta(days=self.max_age_days):
            yield f"it is stale: older than {self.max_age_days:g} days"


def age_told(signed_in: datetime | None, now: datetime) -> str:
    """How old a session is, as a person says it."""
    if signed_in is None:
        return "signed in nobody knows when"
    days, rest_s = divmod(max(0.0, (now - signed_in).total_seconds()), SECONDS_A_DAY)
    if days >= 1:
        return f"signed in {days:.0f} days ago"
    return f"signed in {rest_s / 60:.0f} minutes ago"


def load(path: Path) -> SessionsPolicy:
    """Read the policy. Raises PolicyError with one line."""
    try:
        return SessionsPolicy.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        lines = "; ".join(_line(each) for each in error.errors(include_url=False))
        raise PolicyError(f"{path.name}: {lines}") from None
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{path.name} is no TOML ({error}): mend it") from None
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(
            f"{path.name} cannot be read ({type(error).__name__}): restore or mend it"
        ) from None


REMEDIES = {"extra_forbidden": "no such entry: remove it", "missing": "is missing: add it"}


def _line(error: Any) -> str:
    """One validation error as a person reads it."""
    name = ".".join(str(part) for part in error["loc"])
    return f"{name}: {REMEDIES.get(error['type'], error['msg'].lower() + ': mend it')}"
