"""A run signs out what it has signed in; where it cannot, it says so, and fails."""

from __future__ import annotations

import allure
import pytest

from tests.suite.conftest import Suite

pytestmark = [allure.epic("The suite itself"), allure.feature("Clean-up")]

LEAVES = "tests/suite/leaves_on_purpose.py"


@pytest.mark.parametrize(
    ("check", "left", "gone"),
    [
        ("test_signs_in_for_good", "secondary", "primary"),
        ("test_signs_somebody_else_in_for_good", "visitor", "primary"),
    ],
)
def test_a_session_that_cannot_be_signed_out_fails_the_run(
    suite: Suite, check: str, left: str, gone: str
) -> None:
    """What is left behind is named, with what to do about it; what was signed out is not."""
    ran = suite.run(f"{LEAVES}::{check}")
    assert ran.exit_code == pytest.ExitCode.TESTS_FAILED, ran.output
    assert "1 passed, 1 error" in ran.output
    [line] = [line for line in ran.output.splitlines() if line.startswith("the run left sessions behind")]
    assert f"of the profiles {left}: end them by hand" in line
    assert gone not in line
