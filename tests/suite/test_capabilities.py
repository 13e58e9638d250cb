"""A check that a target has nothing for is skipped, and says so; it is neither passed nor failed."""

from __future__ import annotations

import allure
import pytest

from tests.suite.conftest import Suite, running_site

pytestmark = [allure.epic("The suite itself"), allure.feature("What does not apply")]

NEEDY = {
    "test_nobody_can_end_a_session_of_another_account": "second account",
    "test_removing_a_trusted_device": "devices become trusted",
    "test_an_account_tied_to_sso_has_no_view": "tied to SSO",
    "test_enrolling_a_second_factor_ends_no_session": "second factor a test may change",
}
"""What somebody else's site has none of, and the words that say so."""


def test_what_a_target_lacks_is_skipped_with_the_reason(suite: Suite) -> None:
    """On a site that the run did not start there is only the one account: no other one is tried."""
    with running_site() as site:
        ran = suite.run("tests/sessions", "-k", " or ".join(NEEDY), BASE_URL=site.base_url, **site.account)
        assert site.truth()["sessions"] == [], "nobody signs in for a check that is skipped"
    assert ran.exit_code == pytest.ExitCode.OK, ran.output
    assert ran.statuses == {"skipped"}
    for check, words in NEEDY.items():
        told = ran.results[check]["statusDetails"]["message"]
        assert "not applicable: this target has no " in told
        assert words in told


def test_an_account_without_the_view_is_not_applicable(suite: Suite) -> None:
    """An account tied to SSO has no Active sessions: the main job does not apply, and ends nothing."""
    with running_site("--behaviour", '{"show_session_manager": false}') as site:
        ran = suite.run("tests/scenario", BASE_URL=site.base_url, **site.account)
        ended = {each["action"] for each in site.truth()["revocations"]}
    assert ran.statuses == {"skipped"}, ran.output
    assert ran.exit_code == pytest.ExitCode.OK, ran.output
    told = {each["statusDetails"]["message"] for each in ran.results.values()}
    assert all("not applicable" in words for words in told)
    assert ended <= {"self"}, "the run signs out what it signed in, and ends nothing else"
