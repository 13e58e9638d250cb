"""Which listed sessions a run may end besides its own: those that KNOWN_SESSIONS names, one row each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from afterglow.accounting import named, unaccounted

THEN = datetime(2026, 11, 20, 10, 22, 31, tzinfo=UTC)


@dataclass(frozen=True)
class Listed:
    """A row."""

    device: str | None
    signed_in: datetime | None = THEN


MAC, PHONE = Listed("Chrome on Mac"), Listed("Safari on iPhone")


def test_an_entry_stands_for_one_row() -> None:
    """Two rows of one device need two entries: the second may be somebody else's."""
    assert unaccounted([MAC, PHONE], ["chrome on mac"]) == [PHONE]
    assert unaccounted([MAC, MAC], ["Chrome on Mac"]) == [MAC]
    assert unaccounted([MAC, MAC], ["Chrome on Mac", "Chrome on Mac"]) == []
    assert unaccounted([], ["Chrome on Mac"]) == []


def test_a_time_tells_rows_of_one_device_apart() -> None:
    """As much of it as is given, in UTC; an entry that says more is not wasted on a row that another fits."""
    later = Listed("Chrome on Mac", THEN + timedelta(hours=3))
    assert unaccounted([MAC, later], ["Chrome on Mac @ 2026-11-20 10:22"]) == [later]
    assert unaccounted([MAC, later], ["Chrome on Mac @ 2026-11-20 13"]) == [MAC]
    assert unaccounted([MAC, later], ["Chrome on Mac", "Chrome on Mac @ 2026-11-20 10"]) == []
    assert unaccounted([MAC], ["Chrome on Mac @ 2026-11-21"]) == [MAC]


def test_a_row_without_device_or_time_is_known_only_by_what_it_has() -> None:
    """An unknown device is nobody's, and a time that the site leaves out fits no entry that asks for one."""
    assert unaccounted([Listed(None)], ["Chrome on Mac"]) == [Listed(None)]
    assert unaccounted([Listed("Chrome on Mac", None)], ["Chrome on Mac @ 2026"]) == [
        Listed("Chrome on Mac", None)
    ]


rows = st.builds(
    Listed,
    st.one_of(st.none(), st.sampled_from(["Chrome on Mac", "Codex", "a @ b"])),
    st.one_of(st.none(), st.datetimes(timezones=st.just(UTC))),
)


@given(st.lists(rows.filter(lambda row: row.device is not None), max_size=6))
def test_what_a_run_refuses_is_named_as_the_setting_takes_it(listed: list[Listed]) -> None:
    """Whoever copies the names from the message into KNOWN_SESSIONS is understood."""
    entries = [named(row) if row.signed_in else f"{row.device} @" for row in listed]
    assert unaccounted(listed, entries) == []


@given(st.lists(rows, max_size=6), st.lists(rows, max_size=6))
def test_no_more_rows_are_accounted_for_than_there_are_entries(
    listed: list[Listed], known: list[Listed]
) -> None:
    """However they overlap."""
    left = unaccounted(listed, [named(row) for row in known])
    assert len(listed) - len(left) <= len(known)
    assert all(row in listed for row in left)
