"""Whatever happens in a run, nothing secret is left behind by it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory

import allure
import pyotp
import pytest
from playwright.sync_api import Browser

from cli.report import build
from tests.suite.canaries import every_byte, leaks, unpacked
from tests.suite.conftest import ROOT, Ran, Suite, wait_for
from tests.suite.traces import has_a_click, shown_by_the_viewer, trace_zips, what_does_not_fit

pytestmark = [allure.epic("The suite itself"), allure.feature("Secrets")]

ACCOUNT = {
    "ACCOUNT_EMAIL": "canary.mailbox@example.test",
    "ACCOUNT_PASSWORD": 'Kanarien"vogel & <Passwort> 7',
}

MAILBOX = {
    "SIGN_IN_CODE": "imap",
    "IMAP_HOST": "imap.example.test",
    "IMAP_PASSWORD": "Kanarienvogels/Postfach+1",
}
"""Nothing is ever mailed: the account has no second factor. But the setting is known."""

INI = ("junit_logging=all", "junit_family=xunit1", "log_cli=true")
EVERYTHING = ("--showlocals", "-vv", *(f"--override-ini={setting}" for setting in INI))


@pytest.fixture
def canaries(tmp_path: Path) -> Path:
    """Where a run writes down what must not be left behind."""
    return tmp_path / "canaries.json"


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for temporary files of this run alone. Its name is short: Chromium's socket is in there."""
    with TemporaryDirectory(prefix="ag-") as folder:
        yield Path(folder)


def secrets_of(canaries: Path, *kinds: str) -> dict[str, str]:
    """What the run had in hand, these kinds at least: a search for nothing would find nothing."""
    secrets: dict[str, str] = json.loads(canaries.read_text(encoding="utf-8"))
    for kind in ("email", "password", "name", "API key", *kinds):
        assert any(kind in name for name in secrets), f"the run had no {kind} in hand"
    return secrets


def searched(ran: Ran) -> Iterator[tuple[str, bytes]]:
    """Everything that a run left, the terminal included."""
    return chain(unpacked("terminal", ran.output.encode()), every_byte(ran.folder))


def test_a_failing_run_leaves_no_secret_behind(suite: Suite, canaries: Path) -> None:
    """A run that fails in many ways with every secret in hand leaves none of them anywhere.

    Searched are the Allure results with their attachments, JUnit, the run's file, the summary, a HAR that
    somebody wrote, and the terminal with all its details: for the password, the TOTP secret, every cookie,
    the access token, an API key, the e-mail address and the name.
    """
    ran = suite.run(
        "tests/suite/leaks_on_purpose.py",
        *EVERYTHING,
        **ACCOUNT,
        ACCOUNT_TOTP_SECRET=pyotp.random_base32(),
        CANARIES=str(canaries),
    )
    assert "4 failed, 2 passed, 1 skipped, 1 warning, 1 error" in ran.output, ran.output
    secrets = secrets_of(canaries, "totp", "session-token", "token", "unheard")
    left = dict(searched(ran))
    for kind in ("-attachment.html", "leaky.har", "junit.xml", "summary.json", ".jsonl"):
        assert any(name.endswith(kind) for name in left), f"no {kind}: nothing was searched"
    assert leaks(left, secrets) == set()
    assert re.search(rb"c\xe2\x80\xa6@example\.test", left["junit.xml"]), "the e-mail is not shown masked"


def test_a_run_that_prints_past_pytest_shows_no_secret(suite: Suite, canaries: Path) -> None:
    """With -s nothing is captured: what tests print, and what is logged, goes straight to the terminal."""
    ran = suite.run(
        "tests/suite/leaks_on_purpose.py",
        *("-s", "-o", "junit_family=xunit1", "-k", "fails_with or warns"),
        **ACCOUNT,
        ACCOUNT_TOTP_SECRET=pyotp.random_base32(),
        CANARIES=str(canaries),
    )
    secrets = secrets_of(canaries, "totp", "session-token", "token")
    assert "password [redacted]" in ran.output
    assert leaks(searched(ran), secrets) == set()


def test_measuring_leaves_no_secret_behind(
    suite: Suite, canaries: Path, temporary: Path, browser: Browser, tmp_path: Path
) -> None:
    """A log-out that is measured, one that breaks in a probe, and one that never comes: all are recorded.

    Searched are also the traces, which the viewer still opens, and the report that is built of
    it all. Afterwards nothing is left in the folder for temporary files.
    """
    ran = suite.run(
        "tests/suite/leaks_while_measuring.py",
        *EVERYTHING,
        **ACCOUNT,
        **MAILBOX,
        CANARIES=str(canaries),
        TMPDIR=str(temporary),
    )
    assert "2 failed, 1 passed, 2 skipped" in ran.output, ran.output
    secrets = secrets_of(canaries, "session-token", "token", "imap")
    build(suite.folder)
    left = dict(searched(ran))
    assert any(name.endswith("trace.network") for name in left), "no trace was searched"
    assert any("index.html (in base64)/trace.trace" in name for name in left), "no report was searched"
    assert leaks(left, secrets) == set()
    assert leaks(every_byte(temporary), secrets) == set()
    assert not list(temporary.glob("afterglow-*"))
    traces = list(trace_zips(suite.folder / "allure-results"))
    assert len(traces) >= 4
    assert [wrong for trace in traces for wrong in what_does_not_fit(trace)] == []
    pressed = next(filter(has_a_click, traces))
    around, page = shown_by_the_viewer(pressed, browser, tmp_path / "viewer")
    assert "from the view to the acknowledgement" in around
    assert "[redacted]" in page, "the name of the account is shown"


def test_without_traces_none_are_kept(suite: Suite, canaries: Path) -> None:
    """TRACES=no: for whoever wants nothing of the pages to be kept at all."""
    ran = suite.run(
        *("tests/suite/leaks_while_measuring.py", "-k", "before_the_log_out"),
        **ACCOUNT,
        CANARIES=str(canaries),
        TRACES="no",
    )
    assert "1 failed" in ran.output, ran.output
    assert list(trace_zips(suite.folder / "allure-results")) == []


def test_a_sign_in_that_breaks_leaves_no_secret_behind(suite: Suite, canaries: Path) -> None:
    """The password is typed, the code is due, and everything breaks; then the sign-in is blocked."""
    ran = suite.run(
        "tests/suite/leaks_while_signing_in.py",
        *EVERYTHING,
        **ACCOUNT,
        ACCOUNT_TOTP_SECRET=pyotp.random_base32(),
        CANARIES=str(canaries),
    )
    assert "2 failed" in ran.output, ran.output
    assert "sign-in blocked" in ran.output
    assert leaks(searched(ran), secrets_of(canaries, "totp")) == set()


@contextmanager
def killed(run: subprocess.Popen[str]) -> Iterator[list[str]]:
    """Waits until a run says that it is ready, gives what it has said, and kills it after the block."""
    said: list[str] = []
    try:
        assert run.stdout is not None
        for line in run.stdout:
            said.append(line)
            if "ready to be killed" in line:
                break
        else:
            pytest.fail("".join(said))
        yield said
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        said.append(run.communicate(timeout=20)[0])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal that a process cannot refuse")
@pytest.mark.parametrize("when", ["while_it_is_recorded", "in_the_watch"])
def test_a_killed_run_leaves_no_secret_behind(
    suite: Suite, canaries: Path, temporary: Path, when: str
) -> None:
    """kill -9 while Playwright records everything secret, and later, when the recording is not cleaned yet.

    What was being recorded is removed by a process that outlives the run for that alone. In the watch there
    is nothing on the disk even before.
    """
    run = suite.start(
        *("tests/suite/leaks_while_measuring.py", "-s", "-k", f"is_killed_{when}"),
        **ACCOUNT,
        **MAILBOX,
        CANARIES=str(canaries),
        TMPDIR=str(temporary),
    )
    with killed(run) as said:
        secrets = secrets_of(canaries, "session-token", "token", "imap")
        being_recorded = bool(leaks(every_byte(temporary), secrets))
        assert being_recorded == (when == "while_it_is_recorded")
    wait_for(lambda: not list(temporary.glob("afterglow-*")), "the remover", within_s=20)
    left = chain(unpacked("terminal", "".join(said).encode()), every_byte(suite.folder, temporary))
    assert leaks(left, secrets) == set()


@pytest.mark.parametrize("option", ["--tracing=on", "--video=retain-on-failure", "--screenshot=on"])
def test_what_would_be_kept_with_every_secret_in_it_is_refused(suite: Suite, option: str) -> None:
    """The plug-in's own files know of no redaction. One line says so, and what is kept instead."""
    ran = suite.run("tests/scenario", option)
    assert ran.exit_code == pytest.ExitCode.USAGE_ERROR
    [line] = ran.complaints
    assert option in line
    assert "TRACES=yes" in line


def test_every_screenshot_is_taken_where_the_private_is_covered() -> None:
    """There is one place that takes pictures, and it covers the address and the name."""
    rooms = ("pages", "probes", "fixtures", "tests/scenario", "tests/sessions")
    sources = chain.from_iterable((ROOT / room).rglob("*.py") for room in rooms)
    takers = [path.name for path in sources if ".screenshot(" in path.read_text(encoding="utf-8")]
    assert takers == ["evidence.py"]
