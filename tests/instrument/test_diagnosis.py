"""What the doctor writes down and shows, without a browser: every locator, every end, and no secret."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from afterglow.diagnosis import (
    FILE,
    MISCONFIGURED,
    NOT_READY,
    PAGE,
    READY,
    STOPPED,
    Area,
    Diagnosis,
    Finding,
    Status,
    Subject,
    read,
    sections,
    told,
)
from afterglow.outcomes import SignInBlocked
from afterglow.redaction import Redactor
from afterglow.settings import Settings
from cli import doctor
from fixtures.examining import EXCERPT, Examiner, excerpt_of, tried
from fixtures.whereabouts import ANY_OF, TABLES, names
from pages.locators import active_sessions, shell

SECRET = "correct horse battery staple"


@pytest.fixture
def examiner(tmp_path: Path) -> Examiner:
    """One that writes."""
    redact = Redactor()
    redact.learn(SECRET)
    examiner = Examiner(tmp_path / FILE, redact, Diagnosis(target="replica"))
    examiner.look_at(Area.NETWORK)
    return examiner


def finding(status: Status, what: str = "something", area: Area = Area.NETWORK, detail: str = "") -> Finding:
    return Finding(area=area, what=what, status=status, detail=detail)


def test_every_locator_of_the_pages_is_accounted_for_once() -> None:
    """Whoever adds one says where the doctor can look at it, or why it cannot (`fixtures/whereabouts.py`)."""
    accounted = Counter(mark for tables in TABLES.values() for table in tables for mark in table)
    known = names()
    assert {name for mark, name in known.items() if mark not in accounted} == set(), "nobody looks at these"
    assert {mark.name for mark, times in accounted.items() if times > 1} == set(), "these are in two tables"
    assert {mark.name for mark in accounted if mark not in known} == set()
    assert set(known) >= ANY_OF


def test_a_locator_that_stands_in_is_a_warning_and_says_what_failed(examiner: Examiner) -> None:
    """The first way is as it should be; one further down works, and is told with those before it."""
    examiner.found_by(shell.PROFILE_MENU, shell.PROFILE_MENU.ways[:1])
    examiner.found_by(shell.PROFILE_MENU, shell.PROFILE_MENU.ways[2:])
    first, third = examiner.diagnosis.findings[-2:]
    assert (first.status, third.status) == (Status.OK, Status.WARNING)
    assert first.detail == "by way 1 of 3: test id accounts-profile-button (12 projects)"
    assert third.detail == (
        "by way 3 of 3: role button named “Open profile menu” (public projects); "
        "not by test id accounts-profile-button (12 projects); "
        "not by test id profile-button (public projects)"
    )
    assert [way.found for way in third.ways] == [False, False, True]
    assert [way.found for way in tried(shell.PROFILE_MENU)] == [None, None, None]


def test_different_elements_do_not_stand_in_for_each_other(examiner: Examiner) -> None:
    """A guest's home has one button or the other: neither is a fallback."""
    examiner.found_by(shell.GUEST, shell.GUEST.ways[2:3])
    assert examiner.diagnosis.findings[-1].status is Status.OK


def test_whatever_is_found_is_on_the_disk_at_once_and_without_secrets(examiner: Examiner) -> None:
    """A check that is cut off by the machine leaves what it had, and says that it has not ended."""
    examiner.found("a page", Status.WRONG, f"says {SECRET}", remedy=SECRET, seen=f"{SECRET}, q@example.test")
    content = examiner.path.read_text(encoding="utf-8")
    assert SECRET not in content
    assert "q@example.test" not in content
    left = read(examiner.path)
    assert (left.looking_at, left.ended, left.ready) == (Area.NETWORK, None, False)
    assert left.findings[-1].detail == "says [redacted]"


def test_what_was_not_looked_at_is_said_with_the_first_reason(examiner: Examiner) -> None:
    """An area that stands behind one that stands behind another names the one that was in the way."""
    examiner.cut_short(Area.NETWORK, "the site is down\nits page")
    examiner.leave_out(Area.SIGN_IN, Area.NETWORK)
    examiner.leave_out(Area.VIEW, Area.SIGN_IN)
    examiner.end()
    found = {each.locator: each for each in examiner.diagnosis.findings if each.locator}
    assert set(found) == set(names().values())
    assert found["active_sessions.HEADING"].detail == "not looked at, because of “network and clock”"
    stopped = [each for each in examiner.diagnosis.findings if each.status is Status.WRONG]
    assert [(each.detail, each.seen) for each in stopped] == [("the site is down", "its page")]
    assert examiner.diagnosis.exit_code == NOT_READY


def test_the_same_trouble_is_told_once(examiner: Examiner) -> None:
    """Where two areas fail for one reason, the second names the first."""
    examiner.cut_short(Area.NETWORK, str(SignInBlocked("no")))
    examiner.cut_short(Area.SIGN_IN, str(SignInBlocked("no")))
    assert [each.area for each in examiner.diagnosis.findings if each.status is Status.WRONG] == [
        Area.NETWORK
    ]
    assert examiner.diagnosis.closed[Area.SIGN_IN] == "not looked at, because of “network and clock”"


@pytest.mark.parametrize("status", Status)
def test_readiness_and_the_exit_code_follow_the_worst(status: Status) -> None:
    """Warnings and what is left out on purpose do not stop a run; what is missing, wrong or unknown does."""
    diagnosis = Diagnosis(target="replica", findings=[finding(Status.OK, area=area) for area in Area])
    assert not diagnosis.ready, "it has not ended"
    diagnosis.findings.append(finding(status))
    diagnosis.end()
    stops = status in (Status.MISSING, Status.WRONG, Status.UNKNOWN)
    assert diagnosis.exit_code == (NOT_READY if stops else READY)
    diagnosis.findings.append(finding(Status.WRONG, area=Area.SETTINGS))
    assert diagnosis.exit_code == MISCONFIGURED


@pytest.mark.parametrize(
    ("code", "said", "reason"),
    [
        (None, "", doctor.HUNG),
        (-9, "", doctor.KILLED),
        (2, "", STOPPED),
        (4, "ERROR: reports is in use by another run", "not looked at, because of “settings”"),
    ],
)
def test_however_the_examinations_end_it_can_be_read(
    tmp_path: Path, code: int | None, said: str, reason: str
) -> None:
    """They hung, were killed or stopped, or never began: what was found stays, and the rest has a reason."""
    begun = Diagnosis(target="replica", findings=[finding(Status.OK)])
    begun.expect([Subject(area=Area.VIEW, what="a heading", locator="active_sessions.HEADING")])
    begun.write(tmp_path / FILE, Redactor())
    diagnosis = doctor.completed(tmp_path / FILE, Settings(_env_file=None), code, said)
    assert finding(Status.OK) in diagnosis.findings
    assert {each.detail for each in diagnosis.findings if each.area is Area.VIEW} == {reason}
    assert not diagnosis.ready
    if said:
        assert "reports is in use by another run" in {each.detail for each in diagnosis.findings}


def test_examinations_that_wrote_nothing_are_no_good_news(tmp_path: Path) -> None:
    """A file that is not there, or was never finished, is not ready."""
    diagnosis = doctor.completed(tmp_path / FILE, Settings(_env_file=None), 3, "INTERNALERROR> it broke")
    assert {each.area for each in diagnosis.in_the_way} == set(Area)


def test_lines_that_say_the_same_are_told_together() -> None:
    """What is on the screen instead is told where it is first met; a way that was found is told by itself."""
    alike = [finding(Status.OK, name, Area.PROBES, "alive here") for name in ("page", "session")]
    assert [line.names for line in told(alike)] == ["page, session"]
    missing = [
        Finding(area=Area.VIEW, what=name, status=Status.MISSING, detail=name, seen="- dialog")
        for name in ("heading", "list")
    ]
    assert [line.seen for line in told(missing)] == ["- dialog", ""]


def test_areas_that_were_not_looked_at_are_gathered() -> None:
    """Ten areas for one reason are one line."""
    diagnosis = doctor.misconfigured("settings: TARGET is no target")
    headings = dict(sections(diagnosis))
    assert list(headings) == ["settings", "what was not looked at"]
    [line] = headings["what was not looked at"]
    assert len(line.findings) == len(Area) - 1


def test_the_page_and_the_terminal_take_what_a_site_says_for_text(tmp_path: Path) -> None:
    """Markup of the site's is shown, not obeyed, and the page loads nothing from elsewhere."""
    bad = "[bold]<script>alert(1)</script>\x1b[2J"
    diagnosis = Diagnosis(target="replica")
    diagnosis.findings.append(
        Finding(area=Area.VIEW, what="heading", status=Status.MISSING, detail=bad, remedy=bad, seen=bad)
    )
    diagnosis.end()
    doctor.keep(diagnosis, tmp_path, Redactor())
    page = (tmp_path / PAGE).read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "http" not in page.replace("http-equiv", "")
    console = Console(record=True, width=120)
    doctor.show(diagnosis, tmp_path, console)
    shown = console.export_text()
    assert "[bold]<script>alert(1)</script>" in shown
    assert "\x1b" not in shown
    assert json.loads((tmp_path / FILE).read_text(encoding="utf-8"))["ready"] is False


def test_an_excerpt_is_of_the_dialog_on_top() -> None:
    """What lies under it, and a long list, are left out."""
    under = '- navigation:\n  - link "Chat"\n- dialog "Settings":\n  - tab\n'
    seen = f'{under}  - dialog "Manage":\n    - button "Kick"'
    assert excerpt_of(seen) == '- dialog "Manage":\n  - button "Kick"'
    long = excerpt_of("\n".join(map(str, range(EXCERPT + 3)))).splitlines()
    assert (len(long), long[-1]) == (EXCERPT + 1, "… and 3 lines more")


def test_what_is_used_and_what_is_not_seen_are_told(examiner: Examiner) -> None:
    """A locator that something was done with works; of the others of its table the reason is told, once."""
    table = {active_sessions.MORE: "no menu", active_sessions.MENU: "no menu"}
    examiner.used(active_sessions.MORE, "it was opened")
    examiner.none_seen(table)
    found = [(each.what, each.status) for each in examiner.diagnosis.findings[-2:]]
    assert found == [("row's button for more", Status.OK), ("row's menu", Status.NOT_LOOKED_AT)]
