"""An account is used by one run at a time, and signed in a few times a day, whatever checkout a run is of.

What is kept has no address in it: the files are named by a digest of the site and the account.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_state_path
from pydantic import SecretStr

from afterglow.outcomes import NotMeasured, SignInBlocked

A_DAY = timedelta(hours=24)


class AccountBusy(NotMeasured):
    """Another run uses the account, and would end the sessions of this one."""

    def __init__(self, holder: str) -> None:
        super().__init__(
            f"the account is in use by another run{holder}, and each would end the other's sessions: "
            "wait for it"
        )


@dataclass(frozen=True, slots=True)
class Desk:
    """Where an account is signed out for use, on this machine. Not for accounts that a run made up."""

    folder: Path
    name: str

    @classmethod
    def of(cls, site: str, account: SecretStr) -> Desk:
        """The one for this account on this site; made if need be. Raises NotMeasured if it cannot be."""
        folder = user_state_path("afterglow")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise NotMeasured(
                f"{folder}, where it is noted who uses an account, cannot be made ({error.strerror}): mend "
                "it, or set XDG_STATE_HOME to another folder"
            ) from None
        told = f"{site} {account.get_secret_value().lower()}"
        return cls(folder, hashlib.sha256(told.encode()).hexdigest()[:16])

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Keep every other run away from the account for as long as the block lasts. Raises AccountBusy."""
        lock, holder = FileLock(self.folder / f"{self.name}.lock"), self.folder / f"{self.name}.holder"
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise AccountBusy(_told(holder)) from None
        try:
            holder.write_text(str(os.getpid()), encoding="utf-8")
            yield
        finally:
            holder.unlink(missing_ok=True)
            lock.release()

    def note_sign_in(self, at_most: int | None) -> None:
        """Write down that the account is about to be signed in.

        Raises SignInBlocked, and writes nothing, if it was so often within the last 24 hours.
        """
        now, recent = datetime.now(UTC), self._recent()
        if at_most is not None and len(recent) >= at_most:
            free = min(recent) + A_DAY
            raise SignInBlocked(
                f"the account was signed in as often as SIGN_INS_PER_DAY allows ({at_most} within 24 hours): "
                f"wait until {free:%Y-%m-%d %H:%M} UTC"
            )
        new = self._sign_ins.with_suffix(".new")
        new.write_text(json.dumps([then.isoformat() for then in (*recent, now)]), encoding="utf-8")
        new.replace(self._sign_ins)

    def has_room(self, at_most: int | None) -> bool:
        """Whether the account may be signed in once more now. Raises SignInBlocked if that cannot be told."""
        return at_most is None or len(self._recent()) < at_most

    @property
    def _sign_ins(self) -> Path:
        return self.folder / f"{self.name}.sign-ins.json"

    def _recent(self) -> list[datetime]:
        now = datetime.now(UTC)
        return [then for then in _times(self._sign_ins) if now - then < A_DAY]


def _times(path: Path) -> list[datetime]:
    """When the account was signed in. A file that makes no sense must not let it be signed in at will."""
    try:
        return [datetime.fromisoformat(each) for each in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError):
        raise SignInBlocked(f"{path}, which counts the sign-ins, cannot be read: mend or remove it") from None


def _told(holder: Path) -> str:
    try:
        return f" (process {holder.read_text(encoding='utf-8')})"
    except OSError:
        return ""
