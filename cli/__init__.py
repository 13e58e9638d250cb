"""The `afterglow` command: sets the machine up, runs the suite from outside, builds the report."""

from __future__ import annotations

import sys

import typer

from cli import (
    capture,
    catalogue,
    config,
    doctor,
    drill,
    matrix,
    nightly,
    report,
    runs,
    scenario,
    setup,
    share,
    signin,
    test,
    trend,
)
from cli.place import Stop

app = typer.Typer(
    help="Measures how long a ChatGPT session outlives its log-out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a bug's traceback must reach an issue as Python wrote it
)
app.command("setup")(setup.main)
app.command("config")(config.main)
app.command("doctor")(doctor.main)
app.command("signin")(signin.main)
app.command("capture")(capture.main)
app.command("scenario", context_settings=scenario.TAKES_ANYTHING)(scenario.main)
app.command("catalogue", context_settings=scenario.TAKES_ANYTHING)(catalogue.main)
app.command("nightly")(nightly.main)
app.command("matrix", context_settings=scenario.TAKES_ANYTHING)(matrix.matrix)
app.command("noise", context_settings=scenario.TAKES_ANYTHING)(matrix.noise)
app.command("drill", context_settings=scenario.TAKES_ANYTHING)(drill.main)
app.command("report")(report.main)
app.command("share")(share.main)
app.command("test")(test.main)
app.command("trend")(trend.main)
app.add_typer(runs.app, name="runs")


def main() -> None:
    """Run the command. What a person can mend is told in one line, with exit code 2."""
    try:
        app()
    except Stop as stop:
        typer.echo(f"afterglow: {stop}", err=True)
        sys.exit(2)
