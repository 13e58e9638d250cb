"""The doctor looks at what the site tells the view, and whether the probes can tell alive from revoked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from afterglow.diagnosis import Area, Status
from afterglow.outcomes import NotMeasured
from afterglow.settings import Settings
from fixtures.devices import LAPTOP
from fixtures.examining import Examiner
from fixtures.lanes import ACTS, CORE, Lanes
from fixtures.listening import NO_VIEW, Heard, asked_for_itself
from fixtures.profile import Profile
from fixtures.profiles import Profiles
from fixtures.proving import Proving
from fixtures.run import Run
from fixtures.target import Site
from pages.listing import ADDRESS, ListedSession, parse

examines = pytest.mark.examines

NEEDED = {
    "is_current_device": "by it the viewer's own row is told from the others",
    "display_name": "by it and the sign-in time rows are told from each other",
    "last_signed_in_timestamp_second": "by it and the device rows are told from each other",
    "session_id": "without it a session has no log-out",
}
"""The fields that a run rests on, and for what."""

LEAVES_TRACES = "leaves a conversation behind on the account: --messages looks at it too"

KNOWN = (
    *NEEDED,
    *("human_readable_description", "platform", "os_version", "device_model", "app_sessions"),
    *("last_signed_in_city", "last_signed_in_region_code", "last_signed_in_country"),
    *("is_trusted_device", "can_untrust", "hashed_device_id", "render_id"),
)
"""All that are known (chatgpt-web.md, Web API: three independent public projects)."""


@examines(Area.TWIN, Area.SIGN_IN)
def test_the_site_tells_what_the_view_shows(
    patient: Profile, profiles: Profiles, examiner: Examiner, heard: Heard
) -> None:
    """The list behind the view: whether the page asks for it, which fields it has, and whether rows agree."""
    if heard.listing is None:
        examiner.found(
            ADDRESS, Status.WARNING, "the view was not heard to ask for it, so it was asked for by itself"
        )
        heard.listing = asked_for_itself(patient)
    try:
        sessions = parse(heard.listing)
    except ValueError as none:
        if isinstance(heard.listing, str):
            raise NotMeasured(f"{none}, but with {heard.listing}") from None
        raise NotMeasured(str(none)) from None
    if heard.listing.get("show_session_manager") is False:
        raise NotMeasured(NO_VIEW)
    examiner.found(ADDRESS, Status.OK, f"a list of {counted(len(sessions), 'session')}")
    look_at_the_fields(heard.listing["devices"], examiner)
    current = sum(session.current for session in sessions)
    agreed = Status.OK if current == 1 else Status.WRONG
    examiner.found(
        "current session", agreed, f"{current} of {counted(len(sessions), 'session')} marked as current"
    )
    look_at_the_numbers(heard.shown, len(sessions), examiner)
    look_for_strangers(sessions, profiles, examiner)


def look_at_the_fields(devices: list[dict[str, Any]], examiner: Examiner) -> None:
    """Which of the known fields every session has; which of those that a run rests on some lack."""
    having = {name: sum(each.get(name) is not None for each in devices) for name in KNOWN}
    lacking = {name: number for name, number in having.items() if number < len(devices) or not devices}
    told = f"{len(KNOWN) - len(lacking)} of {len(KNOWN)} that are known are in every session"
    but = ", ".join(f"{name} (in {number} of {len(devices)})" for name, number in lacking.items())
    examiner.found("fields", Status.OK, f"{told}; not {but}" if but else told)
    for name in (name for name in NEEDED if name in lacking):
        status = Status.WARNING if lacking[name] else Status.WRONG
        told = f"in {lacking[name]} of {counted(len(devices), 'session')}: {NEEDED[name]}"
        examiner.found(name, status, told)
    if more := sorted({name for each in devices for name in each} - set(KNOWN)):
        examiner.found("fields that are new", Status.OK, ", ".join(more))


def look_at_the_numbers(shown: int | None, listed: int, examiner: Examiner) -> None:
    """Whether as many rows are shown as sessions are listed."""
    if shown is not None:
        agree = f"{counted(shown, 'row')} shown, {counted(listed, 'session')} listed"
        examiner.found("rows and list", Status.OK if shown == listed else Status.WRONG, agree)


def look_for_strangers(sessions: Sequence[ListedSession], profiles: Profiles, examiner: Examiner) -> None:
    """Whether a log-out of all would end sessions that are nobody's, as far as a run can tell."""
    own = [session for session in sessions if session.current]
    if profiles.site.is_replica and profiles.sign_in_by_themselves:
        other = profiles.signed_in("secondary", LAPTOP)
        own += [each for each in parse(asked_for_itself(other)) if each.current]
    try:
        profiles.require_accounted(sessions, own)
    except NotMeasured as strangers:
        examiner.found("sessions of others", Status.WARNING, str(strangers))
    else:
        examiner.found(
            "sessions of others", Status.OK, "none: every session is one that a run can account for"
        )


@examines(Area.PROBES, Area.SIGN_IN)
def test_the_probes_can_tell(
    patient: Profile,
    profiles: Profiles,
    site: Site,
    run: Run,
    settings: Settings,
    examiner: Examiner,
    pytestconfig: pytest.Config,
) -> None:
    """Alive on the signed-in profile, revoked on a clean one that nobody signed in to."""
    left = frozenset() if pytestconfig.getoption("messages") else ACTS
    asked = [layer for layer in settings.layer_names if layer not in left]
    lanes = Lanes(settings.model_copy(update={"layers": ",".join(asked)}), site)
    for layer in settings.layer_names:
        why_not = LEAVES_TRACES if layer in left else lanes.lacking(layer)
        if why_not is not None:
            examiner.found(layer, Status.NOT_LOOKED_AT, why_not)
    if asked and lanes.layers:
        for layer, cannot_tell in Proving(run, profiles, lanes).of_each(patient).items():
            look_at_the_probe(layer, cannot_tell, examiner)


def look_at_the_probe(layer: str, cannot_tell: Sequence[str | None], examiner: Examiner) -> None:
    """Whether it can tell on both sides, and what it means if it cannot."""
    why = "; ".join(each for each in cannot_tell if each)
    if not why:
        told = "alive here, revoked on a clean profile"
        examiner.found(layer, Status.OK, told)
    elif layer in CORE:
        examiner.found(layer, Status.WRONG, why, remedy="mend it in probes/: without it nothing is measured")
    else:
        examiner.found(layer, Status.WARNING, why, remedy="a run says that it is not applicable, and goes on")


def counted(number: int, what: str) -> str:
    """One of it, or several."""
    return f"{number} {what}{'' if number == 1 else 's'}"
