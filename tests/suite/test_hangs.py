"""A run never hangs, and what a limit cuts off says where it hung."""

from __future__ import annotations

import allure
import pytest

from tests.suite.conftest import Suite

pytestmark = [allure.epic("The suite itself"), allure.feature("Time limits")]

TELLS_LIMITS = """
import pytest

@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session):
    for item in session.items:
        print("limit:", item.get_closest_marker("timeout").args[0])
"""


def test_what_is_cut_off_is_told_first(suite: Suite) -> None:
    """A few seconds before the limit it is written down where every thread stands, then the test fails."""
    ran = suite.run("tests/suite/hangs_on_purpose.py")
    assert ran.exit_code == pytest.ExitCode.TESTS_FAILED
    told = ran.output.index("Timeout (0:00:02)!")
    assert "in test_that_waits_for_somebody_who_never_comes" in ran.output[told:]
    assert "Failed: Timeout (>7.0s)" in ran.output


def test_the_limit_lies_beyond_the_longest_watch(suite: Suite) -> None:
    """No limit can cut a measurement: it is longer than window, quiet time and grace, whatever they are."""
    suite.folder.mkdir(parents=True)
    (suite.folder / "tells_limits.py").write_text(TELLS_LIMITS, encoding="utf-8")
    ran = suite.run(
        "tests/scenario",
        "-p",
        "tells_limits",
        "-k",
        "listed",
        PYTHONPATH=str(suite.folder),
        REVOCATION_WINDOW_S="1800",
        GRACE_S="180",
        QUIET_S="60",
    )
    [limit] = [line.removeprefix("limit: ") for line in ran.output.splitlines() if line.startswith("limit: ")]
    assert float(limit) > 1800 + 180 + 60
