"""What `afterglow doctor` runs: examinations, area by area; nothing else collects them.

None ends a session or changes the account: what could is held back on its way to the site.
"""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from afterglow.diagnosis import CUT_OFF_S, FILE, STOPPED, Area, Diagnosis, Status
from afterglow.settings import CODE_WITHIN_S, Settings
from fixtures.devices import DESKTOP
from fixtures.examining import Examiner
from fixtures.interrupt import INTERRUPT
from fixtures.listening import Heard
from fixtures.plugin import REDACT, own_words, settings_of
from fixtures.profile import Profile
from fixtures.profiles import Profiles
from fixtures.run import Run

EXAMINER = pytest.StashKey[Examiner]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """What else the doctor may do."""
    parser.addoption("--messages", action="store_true", help="look also by what leaves conversations behind")


def pytest_configure(config: pytest.Config) -> None:
    """Every examination says what it looks at, and what must have been gone through before."""
    config.addinivalue_line("markers", "examines(area, *after): an examination of `afterglow doctor`")


def area_of(item: pytest.Item) -> tuple[Area, tuple[Area, ...]]:
    """What a test looks at, and what must have been gone through before."""
    marker = item.get_closest_marker("examines")
    assert marker is not None, f"{item.name} does not say what it examines"
    area, *after = marker.args
    return area, tuple(after)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Cut off what hangs, so that the next is looked at. A person who types a code has the time for it."""
    examinations = [item for item in items if item.get_closest_marker("examines")]
    if not examinations:  # of other tests, in a run that came by here
        return
    settings = settings_of(config)
    a_code_s = CODE_WITHIN_S[settings.code_from] if settings.code_from else 0.0
    for item in examinations:
        area, _ = area_of(item)
        item.add_marker(pytest.mark.timeout(CUT_OFF_S[area] + (a_code_s if area is Area.SIGN_IN else 0.0)))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Begin to write."""
    settings = settings_of(session.config)
    redact = session.config.stash[REDACT]
    redact.learn(*settings.secrets)
    diagnosis = Diagnosis(target=settings.target.value, site=settings.home)
    session.config.stash[EXAMINER] = Examiner(settings.reports_dir / FILE, redact, diagnosis)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> Generator[None, Any, Any]:
    """Say of what was not looked at that it was not; whoever started this knows more of any other end.

    Whatever comes of signing out: that is done within.
    """
    try:
        return (yield)
    finally:
        examiner = session.config.stash.get(EXAMINER, None)
        if examiner is not None and exitstatus == pytest.ExitCode.INTERRUPTED:
            examiner.end(STOPPED)
        elif examiner is not None and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            examiner.end()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin with an area, unless one that it needs could not be gone through."""
    area, after = area_of(item)
    examiner = item.config.stash[EXAMINER]
    if (closed := examiner.closed(*after)) is not None:
        examiner.leave_out(area, closed)
        pytest.skip(closed.value)
    examiner.look_at(area)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Write down why an area could not be gone through, in words that were redacted already."""
    report: pytest.TestReport = yield
    if report.failed and call.excinfo is not None:
        area, _ = area_of(item)
        if own_words(call.excinfo.value) is not None:
            item.config.stash[EXAMINER].cut_short(area, report.longreprtext)
        else:
            item.config.stash[EXAMINER].cut_short(area, last_line(report), Status.UNKNOWN)
    return report


def last_line(report: pytest.TestReport) -> str:
    """What an error of the doctor's own says last; and a look that took too long."""
    words = report.longreprtext.strip().splitlines() or ["nothing is known of it"]
    told = next((line for line in words if line.startswith("E ")), words[-1]).removeprefix("E ").strip()
    if "Timeout (>" in told:
        return f"was cut off after {told.partition('>')[2].partition('s)')[0]} s without an end"
    return f"the doctor itself failed: {told}"


@pytest.fixture(scope="session")
def examiner(pytestconfig: pytest.Config) -> Examiner:
    """Writes down what is found."""
    return pytestconfig.stash[EXAMINER]


@pytest.fixture(scope="session")
def run(pytestconfig: pytest.Config, settings: Settings) -> Iterator[Run]:
    """A run that leaves nothing of its own in the reports: nothing was measured."""
    with tempfile.TemporaryDirectory(prefix="afterglow-doctor-") as folder:
        elsewhere = settings.model_copy(update={"reports_dir": Path(folder)})
        run = Run.start(elsewhere, pytestconfig.stash[REDACT], pytestconfig.stash[INTERRUPT])
        yield run
        run.end("complete")


@pytest.fixture(scope="session")
def heard() -> Heard:
    """Is filled where the view is looked at."""
    return Heard()


@pytest.fixture(scope="session")
def patient(profiles: Profiles) -> Profile:
    """The device that a run opens the view on; it stays where the last look has left it."""
    return profiles.signed_in("primary", DESKTOP)
