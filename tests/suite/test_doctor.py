"""`afterglow doctor` looks at all that a run needs, says what is not there, and ends nothing."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import allure
import pytest

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
    read,
)
from fixtures.whereabouts import names
from tests.suite.conftest import ROOT, Ran, Site, Suite, running_site, wait_for

pytestmark = [allure.epic("The suite itself"), allure.feature("Doctor")]

COMMAND = (sys.executable, "-m", "cli", "doctor")

LIVE = {"TARGET": "chatgpt", "HEADED": "no", "ALLOWED_HOSTS": "127.0.0.1,localhost"}
"""The settings of the live site, here of one on the loopback."""


FEW = {"LAYERS": "session,access"}
"""Probes that are proven quickly, where others are looked at than they."""


def started(suite: Suite, **settings: str) -> subprocess.Popen[str]:
    """Start the doctor as its user does, in a session of its own."""
    return subprocess.Popen(
        COMMAND,
        cwd=ROOT,
        env=suite.environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def looked(suite: Suite, **settings: str) -> tuple[Ran, Diagnosis]:
    """Let the doctor look, and read what it wrote."""
    ran = suite.ended(started(suite, **settings))
    assert "Traceback" not in ran.output, ran.output
    assert {path.name for path in suite.folder.iterdir()} - {".lock"} == {FILE, PAGE}, "it left a run behind"
    return ran, read(suite.folder / FILE)


def live(site: Site) -> dict[str, str]:
    """What makes a replica the live site."""
    return {**LIVE, "BASE_URL": site.base_url, **site.account, "TEST_ACCOUNT": site.account["ACCOUNT_EMAIL"]}


def of(findings: Iterable[Finding], locator: str) -> Finding:
    """What was found of a locator."""
    [finding] = [each for each in findings if each.locator == locator]
    return finding


def by_name(diagnosis: Diagnosis, area: Area) -> dict[str, Finding]:
    """The findings of an area."""
    return {each.what: each for each in diagnosis.findings if each.area is area}


def accounted(diagnosis: Diagnosis) -> list[str]:
    """Every locator that there is a finding of."""
    return sorted(each.locator for each in diagnosis.findings if each.locator)


ALL = sorted(names().values())


def test_a_healthy_site_is_told_to_be_ready_and_keeps_its_sessions(suite: Suite, tmp_path: Path) -> None:
    """As the live site it is looked at with one kept sign-in; as a replica two of its own come and go.

    It has no test ids, and its clock is off: what stands in is told, and by how much it is off.
    """
    with running_site("--skin", "no_test_ids", "--noise", "clock_off") as site:
        first, diagnosis = looked(suite, **live(site))
        assert first.exit_code == READY, first.output
        assert accounted(diagnosis) == ALL
        assert re.search(r"about (239|240) s ahead of this machine's", first.output)
        menu = of(diagnosis.findings, "shell.PROFILE_MENU")
        assert menu.status is Status.WARNING
        assert "by way 3 of 3: role button named “Open profile menu”" in menu.detail
        assert "not by test id accounts-profile-button (12 projects)" in menu.detail
        row = of(diagnosis.findings, "active_sessions.ROW_LOG_OUT")
        assert (row.status, "needs a second session" in row.detail) == (Status.NOT_LOOKED_AT, True)
        assert site.truth()["revocations"] == []

        nothing_kept = str(tmp_path / "nothing kept")
        settings = {"BASE_URL": site.base_url, "STATE_DIR": nothing_kept, **FEW, **site.account}
        second, diagnosis = looked(suite, **settings)
        assert second.exit_code == READY, second.output
        assert accounted(diagnosis) == ALL
        assert of(diagnosis.findings, "active_sessions.ROW_LOG_OUT").status is Status.OK
        assert by_name(diagnosis, Area.TWIN)["rows and list"].detail == "3 rows shown, 3 sessions listed"
        truth = site.truth()
    assert [end["action"] for end in truth["revocations"]] == ["self", "self"]
    assert len({end["session_id"] for end in truth["revocations"]}) == 2
    assert len(truth["sessions"]) == 3
    for ran in (first, second):
        assert site.account["ACCOUNT_PASSWORD"] not in ran.output
        assert site.account["ACCOUNT_EMAIL"] not in ran.output


def test_a_view_that_nobody_knows_is_told_locator_by_locator(suite: Suite) -> None:
    """What is missing is named, with what is on the screen instead; the rest is looked at all the same."""
    with running_site("--skin", "unmatched") as site:
        ran, diagnosis = looked(suite, BASE_URL=site.base_url, **FEW, **site.account)
        ends = {end["action"] for end in site.truth()["revocations"]}
    assert ran.exit_code == NOT_READY, ran.output
    missing = {each.locator for each in diagnosis.findings if each.status is Status.MISSING}
    assert missing == {f"active_sessions.{name}" for name in ("HEADING", "LIST", "LOG_OUT_ALL")}
    assert 'button "Kick everybody"' in of(diagnosis.findings, "active_sessions.HEADING").seen
    assert 'button "Kick everybody"' in ran.output
    assert "mend active_sessions.LIST in pages/locators" in ran.output
    assert accounted(diagnosis) == ALL
    assert by_name(diagnosis, Area.PROBES)["access"].status is Status.OK
    assert ends == {"self"}


def test_settings_that_contradict_each_other_are_all_that_is_told(suite: Suite) -> None:
    """Exit code 3, the one line that names the remedy, and no word of a browser."""
    ran, diagnosis = looked(suite, TARGET="chatgpt")
    assert ran.exit_code == MISCONFIGURED
    assert "TEST_ACCOUNT is missing" in ran.output
    assert {each.area for each in diagnosis.findings if each.status is Status.WRONG} == {Area.SETTINGS}
    assert {each.status for each in diagnosis.findings if each.area is Area.BROWSER} == {Status.UNKNOWN}


def test_a_site_that_nobody_answers_for_is_told_once(suite: Suite) -> None:
    """What needs the site is not looked at, and the reason is the network."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        account = {"ACCOUNT_EMAIL": "q@example.test", "ACCOUNT_PASSWORD": "irrelevant"}
        ran, diagnosis = looked(suite, BASE_URL=f"http://127.0.0.1:{taken.getsockname()[1]}", **account)
    assert ran.exit_code == NOT_READY
    assert [each.area for each in diagnosis.findings if each.status is Status.WRONG] == [Area.NETWORK]
    assert "cannot be reached (ConnectError): check BASE_URL" in ran.output.replace("\n", " ").replace(
        "  ", ""
    )
    assert by_name(diagnosis, Area.BROWSER)
    assert accounted(diagnosis) == ALL
    assert "because of “network and clock”" in of(diagnosis.findings, "active_sessions.ROW").detail


def test_a_sign_in_that_is_refused_is_tried_once(suite: Suite) -> None:
    """In the site's own words; the pages before it are looked at, those behind it are not."""
    with running_site() as site:
        wrong = {**site.account, "ACCOUNT_PASSWORD": "the wrong one"}
        ran, diagnosis = looked(suite, BASE_URL=site.base_url, **wrong)
    assert ran.exit_code == NOT_READY
    [stopped] = [each for each in diagnosis.findings if each.status is Status.WRONG]
    assert stopped.area is Area.SIGN_IN
    assert "Incorrect email address or password" in stopped.detail
    assert "the wrong one" not in ran.output + (suite.folder / PAGE).read_text(encoding="utf-8")
    assert of(diagnosis.findings, "sign_in.EMAIL").status is Status.OK
    assert "because of “sign-in”" in of(diagnosis.findings, "active_sessions.ROW").detail


@pytest.mark.skipif(sys.platform == "win32", reason="signals of a terminal")
def test_ctrl_c_leaves_what_was_found_so_far(suite: Suite) -> None:
    """It signs out what it signed in, and says of the rest that it was not looked at."""
    with running_site() as site:
        doctor = started(suite, BASE_URL=site.base_url, **site.account)
        wait_for(lambda: looking_at(suite.folder / FILE) is Area.VIEW, "the view to be looked at")
        os.killpg(doctor.pid, signal.SIGINT)
        ran = suite.ended(doctor)
        truth = site.truth()
    assert ran.exit_code == NOT_READY, ran.output
    assert "Traceback" not in ran.output
    diagnosis = read(suite.folder / FILE)
    assert diagnosis.interrupted == STOPPED
    assert accounted(diagnosis) == ALL
    assert of(diagnosis.findings, "sign_in.EMAIL").status is Status.OK
    assert {each.status for each in diagnosis.findings if each.area is Area.PROBES} == {Status.UNKNOWN}
    ended = {end["session_id"] for end in truth["revocations"]}
    assert len(ended) == len(truth["sessions"]), "a session was left behind"


def looking_at(path: Path) -> Area | None:
    """The area under way, if the file is there."""
    return read(path).looking_at if path.exists() else None
