"""Sign-ins that outlive a run: what a browser holds of a session, for its owner's eyes alone.

A kept sign-in is two files of a folder of its site: `<profile>-<UTC time>.json`, as Playwright writes it, and
`….about.json` beside it, with the account, the times, and whether a log-out has made it worthless.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError, field_serializer

from afterglow.outcomes import NotMeasured

ABOUT = ".about.json"

TOKEN = re.compile(r"(?=[^\s\"'{}:]*\d)[A-Za-z0-9._~+/=%-]{20,}")
"""What in a stored value can be a credential; a theme and a language are none."""

SECRET_COOKIE = 16
"""Shorter cookies are settings."""

NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
"""What a profile may be called: its name becomes part of a file's."""


class BadState(NotMeasured):
    """A kept sign-in cannot be used or kept; the message names the file and the remedy."""


class Row(Protocol):
    """What of a listed session tells its row from others."""

    @property
    def session_id(self) -> str | None:
        """The site's own name for it."""

    @property
    def device(self) -> str | None:
        """Its device, as the view names it."""

    @property
    def signed_in(self) -> datetime | None:
        """When it signed in, UTC."""


class About(BaseModel):
    """What is known of a kept sign-in beside its cookies. All times are UTC.

    began, ended: of the sign-in itself, as far as it is known. expires: when the session ends by itself.
    session_id, device, listed: by which its row is told in the view, where that was looked up.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    account: SecretStr
    profile: str
    site: str
    began: datetime
    ended: datetime
    saved: datetime
    expires: datetime | None = None
    session_id: str | None = None
    device: str | None = None
    listed: datetime | None = None
    spent: datetime | None = None

    @field_serializer("account", when_used="json")
    def _plainly(self, account: SecretStr) -> str:
        return account.get_secret_value()  # the file beside it lets anybody in: this one hides nothing more


@dataclass(frozen=True, slots=True)
class Kept:
    """One kept sign-in."""

    path: Path
    about: About

    def state(self) -> Any:
        """What the browser held, for `new_context(storage_state=…)`. All of it is secret. Raises BadState."""
        return _read(self.path)

    @property
    def usable(self) -> bool:
        """Whether the session may still stand: nobody has logged it out, and it has not run out."""
        over = self.about.expires is not None and self.about.expires <= datetime.now(UTC)
        return self.about.spent is None and not over


@dataclass(frozen=True, slots=True)
class States:
    """The kept sign-ins of one account on one site. `folder` is made when something is kept."""

    folder: Path
    site: str
    account: SecretStr

    @property
    def _home(self) -> Path:
        parts = urlsplit(self.site)
        return self.folder / re.sub(r"[^A-Za-z0-9.-]", "_", parts.netloc)

    def all(self) -> list[Kept]:
        """Every sign-in that was kept, the oldest first. Raises BadState for a file that cannot be read."""
        return sorted(self._found(), key=lambda kept: kept.about.saved)

    def usable(self, profile: str | None = None) -> list[Kept]:
        """Those that may still stand, of one profile or of all, the oldest first."""
        return [kept for kept in self.all() if kept.usable and profile in (None, kept.about.profile)]

    def keep(
        self,
        state: Mapping[str, Any],
        profile: str,
        signed_in: tuple[datetime, datetime],
        expires: datetime | None = None,
        row: Row | None = None,
    ) -> Kept:
        """Keep a sign-in, and forget those of its profile that are spent. Raises BadState if that fails.

        signed_in: when the sign-in began and ended. row: the session as the view lists it, if that is known.
        """
        if not NAME.fullmatch(profile):
            raise BadState(f"{profile!r} cannot be kept: use lower-case letters, digits and hyphens")
        about = About(
            account=self.account,
            profile=profile,
            site=self.site,
            began=signed_in[0],
            ended=signed_in[1],
            saved=datetime.now(UTC),
            expires=expires,
            session_id=row.session_id if row else None,
            device=row.device if row else None,
            listed=row.signed_in if row else None,
        )
        _write(self.folder / ".gitignore", "*\n")  # whatever STATE_DIR says, it must never be committed
        kept = Kept(self._home / f"{about.profile}-{about.saved:%Y%m%dT%H%M%S%f}.json", about)
        _write(kept.path, json.dumps(state))
        self._tell(kept)
        self._forget(
            [each for each in self.all() if each.about.spent and each.about.profile == about.profile]
        )
        return kept

    def renew(self, kept: Kept, state: Mapping[str, Any]) -> None:
        """Put what the browser holds now in the place of what it held: a site may hand out new cookies."""
        _write(kept.path, json.dumps(state))

    def spend(self, *spent: Kept) -> None:
        """Note that a log-out was to end these: whether it did is not known for a while."""
        for kept in spent:
            self._tell(replace(kept, about=kept.about.model_copy(update={"spent": datetime.now(UTC)})))

    def _forget(self, kept: Iterable[Kept]) -> None:
        for each in kept:
            each.path.unlink(missing_ok=True)
            each.path.with_suffix(ABOUT).unlink(missing_ok=True)

    def _tell(self, kept: Kept) -> None:
        _write(kept.path.with_suffix(ABOUT), kept.about.model_dump_json(indent=2))

    def _found(self) -> Iterator[Kept]:
        for path in sorted(self._home.glob(f"*{ABOUT}")):
            try:
                about = About.model_validate(_read(path))
            except ValidationError:
                raise BadState(f"{path} is not what was kept there: remove it, and sign in anew") from None
            if about.account == self.account and about.site == self.site:
                yield Kept(path.with_name(path.name.removesuffix(ABOUT) + ".json"), about)


def counted(kept: Iterable[Kept]) -> str:
    """How many there are, by profile: primary 1, secondary 2."""
    by_profile = Counter(each.about.profile for each in kept)
    return ", ".join(f"{profile} {number}" for profile, number in sorted(by_profile.items()))


def credentials_in(state: Any) -> Iterator[str]:
    """The credentials in what a browser holds, as Playwright tells it: cookies, and tokens that it stored."""
    if not isinstance(state, Mapping):
        return
    for cookie in state.get("cookies", []):
        if len(cookie["value"]) >= SECRET_COOKIE:
            yield cookie["value"]
    for text in _texts(state.get("origins", [])):
        yield from TOKEN.findall(text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, Mapping):
        for name, each in value.items():
            if name not in {"origin", "name"}:
                yield from _texts(each)


def _read(path: Path) -> Any:
    """The content of a file that nobody else may read. Raises BadState."""
    try:
        if os.name == "posix" and stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise BadState(f"{path} can be read by others, and lets them in: remove it, and sign in anew")
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadState(
            f"{path} cannot be read ({type(error).__name__}): remove it, and sign in anew"
        ) from None


def _write(path: Path, content: str) -> None:
    """Put a file there in one step, readable by its owner alone from its first byte. Raises BadState."""
    new = path.with_suffix(".new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        with os.fdopen(
            os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write(content)
        new.replace(path)
    except OSError as error:
        raise BadState(
            f"STATE_DIR: {path.parent} cannot be written to ({error.strerror}): choose another folder"
        ) from None
