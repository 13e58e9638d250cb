"""Nights meet a session at every age: how old it is at the log-out is drawn by chance, and written down."""

from __future__ import annotations

import re

import allure

from tests.suite.conftest import Suite

pytestmark = [allure.epic("The suite itself"), allure.feature("Nights")]

EVERY_S = 10.0
"""The replica looks a session up so long after its newest token was issued, and again after
as long."""

UNSURE_S = 2.0
"""A site tells its clock in whole seconds, by the Date of an answer, and late by as long as that took."""


def test_the_age_at_log_out_is_the_one_that_was_drawn_and_sets_the_delay(suite: Suite) -> None:
    """On a site that looks a session up every 10 s, the delay is what is left of these at the log-out.

    Nothing that is done between the wait and the click gives the session a new token: not the copy, not the
    first looks. Else every night would measure the same point of the token's life.
    """
    ran = suite.run(
        "tests/scenario",
        *("-k", "invalidated"),
        LAYERS="page,session,access,replay,mint",
        AGE_AT_MOST_S="8",
        REVOCATION_WINDOW_S="30",
        REPLICA_BEHAVIOUR=f'{{"looks_up_every_s": {EVERY_S}}}',
    )
    assert ran.exit_code == 0, ran.output
    drawn = re.search(r"the log-out comes in ([\d.]+) s, as was drawn by chance", ran.output)
    assert drawn is not None, ran.output
    [log_out] = ran.summary["log_outs"]
    token_age_s = log_out["ages_s"]["secondary"]["token"]
    assert token_age_s >= float(drawn[1]) - UNSURE_S
    [access] = [layer for layer in log_out["layers"] if layer["layer"] == "access"]
    lower_s, upper_s = access["delay_s"]
    left_s = [times * EVERY_S - token_age_s for times in (1, 2, 3)]
    assert any(lower_s - UNSURE_S <= each <= upper_s + UNSURE_S for each in left_s)


def test_without_a_night_nobody_waits(suite: Suite) -> None:
    """A run by hand logs out at once, unless AGE_AT_MOST_S says otherwise."""
    ran = suite.run("tests/scenario", "-k", "invalidated", LAYERS="page,session,access,replay")
    assert ran.exit_code == 0, ran.output
    assert "drawn by chance" not in ran.output
