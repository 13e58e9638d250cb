"""Which of the sessions in the view a run may end: its own, and those that a person has put down."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

MOMENT = "%Y-%m-%d %H:%M"
"""How a row's sign-in time is told, in UTC. It needs no seconds: one entry stands for one row."""


class Row(Protocol):
    """What is known of a listed session."""

    @property
    def device(self) -> str | None:
        """Its device, as the view names it."""

    @property
    def signed_in(self) -> datetime | None:
        """When it signed in, UTC."""


@dataclass(frozen=True, slots=True)
class KnownRow:
    """One entry of KNOWN_SESSIONS: a device, and if need be the beginning of a sign-in time in UTC."""

    device: str
    signed_in: str = ""

    @classmethod
    def read(cls, entry: str) -> KnownRow:
        """Read `Chrome on Mac` or `Chrome on Mac @ 2026-11-20 10:22`."""
        device, at, moment = entry.rpartition("@")
        if not at:
            device, moment = entry, ""
        return cls(device.strip().casefold(), moment.strip())

    def fits(self, row: Row) -> bool:
        """Whether it may stand for this row."""
        return self.device == (row.device or "").strip().casefold() and _moment(row).startswith(
            self.signed_in
        )


def unaccounted(rows: Sequence[Row], known: Iterable[str]) -> list[Row]:
    """The rows that no entry stands for. Each entry stands for one; those that say more come first."""
    left = list(rows)
    for entry in sorted((KnownRow.read(each) for each in known), key=lambda each: -len(each.signed_in)):
        fitting = next((row for row in left if entry.fits(row)), None)
        if fitting is not None:
            left.remove(fitting)
    return left


def named(row: Row) -> str:
    """A row as KNOWN_SESSIONS would name it."""
    moment = _moment(row)
    return (row.device or "unknown device") + (f" @ {moment}" if moment else "")


def _moment(row: Row) -> str:
    return f"{row.signed_in.astimezone(UTC):{MOMENT}}" if row.signed_in else ""
