"""`drill`: log-out of all in real time, on the replica, to practise the half hour before it counts."""

from __future__ import annotations

import typer

from cli.scenario import run_scenario

REAL_TIME = {
    "TARGET": "replica",
    "BASE_URL": "",
    # "up to 30 minutes": OpenAI's help page, for log-out of all
    "REVOCATION_WINDOW_S": "1800",
    "REPLICA_DELAY_MIN_S": "30",
    "REPLICA_DELAY_MAX_S": "1800",
}

LOG_OUT_OF_ALL = "test_log_out_of_all_reaches_every_device_within_the_window"


def main(context: typer.Context) -> None:
    """Log out of all on the replica, whose edges take up to the documented 30 minutes, and build the report.

    Takes as long as the slowest edge, plus a minute that makes sure. Whatever else is given goes to pytest.
    """
    raise typer.Exit(run_scenario(["-k", LOG_OUT_OF_ALL, *context.args], REAL_TIME))
