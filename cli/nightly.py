"""`nightly`: a whole night, for whoever sleeps. It waits for nobody, never hangs, and tells all it found."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Annotated

import typer
from filelock import FileLock, Timeout
from rich.console import Console

from afterglow.settings import CodeFrom, Settings, SettingsError, load
from cli.limited import Ending
from cli.night_record import FILE, Code, Found, Record, Stage, State, Trouble
from cli.night_stages import Optional, Tonight
from cli.night_told import markdown, show
from cli.place import ROOT, Stop, reports_folder
from cli.stages import Night

LOCK = ".nightly.lock"

AT_MOST_S = 20 * 3600.0
"""All of a night: before the next one begins. Every stage has a deadline of its own."""

BY_HAND = (
    "SIGN_IN_CODE=prompt: nobody types a code at night: set ACCOUNT_TOTP_SECRET, SIGN_IN_CODE=imap, or "
    "SIGN_IN=state"
)

Without = Annotated[
    list[Optional] | None, typer.Option(help="Leave this stage out; may be given more than once.")
]


def main(without: Without = None) -> None:
    """Run a whole night: doctor, main job (REPETITIONS), catalogue, report, trend, summary.

    0: all within the window.

    1: a promise was broken. This outranks all that follows.

    2: not measured, or not told: a blocked sign-in, locator drift, an outage, no verdict, a stage that
    hung or failed, another night under way.

    3: the settings are wrong, and nothing was run.

    130: interrupted; what there is was told.

    make itself ends with 2 for any of these: where the code matters, call python -m cli nightly.
    Each night is kept in reports/nights; reports/nightly.json is the last one.
    """
    reports = reports_folder()
    with _alone(reports):
        try:
            code = _night(reports, frozenset(without or ())).exit_code
        except Stop:
            raise
        except Exception:  # noqa: BLE001 - Python's own exit code for it is that of a broken promise
            traceback.print_exc()
            code = Code.NOT_MEASURED
    raise typer.Exit(code.value)


@contextmanager
def _alone(reports: Path) -> Iterator[None]:
    """Let no other night into the reports as long as the block lasts. Raises Stop if one is under way.

    The system gives the lock back when the process ends, however it ends.
    """
    lock = FileLock(reports / LOCK)
    try:
        reports.mkdir(parents=True, exist_ok=True)
        lock.acquire(blocking=False)
    except Timeout:
        raise Stop(f"{reports} is in use by another night: wait for it, or set REPORTS_DIR") from None
    except OSError as error:
        raise Stop(
            f"REPORTS_DIR: {reports} cannot be written to ({error.strerror}): choose another folder"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _night(reports: Path, without: frozenset[Optional]) -> Record:
    """Go through the night. What is known is on the disk after every stage. Raises Stop if that cannot be."""
    now = datetime.now(UTC)
    record = Record(night=f"{now:%Y%m%dT%H%M%SZ}-{token_hex(2)}", started=now)
    settings, wrong = night_settings()
    if settings is not None:
        record.target, record.site = settings.target.value, settings.home
    tonight = Tonight(record, reports, settings, without)
    console = Console()

    def tell(found: Found) -> None:
        record.add(found)
        record.write(tonight.folder / FILE, reports / FILE)

    ending = Ending()
    try:
        if wrong:
            tell(_misconfigured(wrong))
        with ending.heeded():
            Night(ending, AT_MOST_S, lambda name: _announce(name, console), tell).go(tonight.plans())
            record.end()
            record.write(tonight.folder / FILE, reports / FILE)
            show(record, reports, console)
            _tell_ci(record)
    except OSError as error:
        show(record, reports, console)
        raise Stop(f"REPORTS_DIR: {reports} cannot be written to ({error.strerror}): mend it") from None
    return record


def night_settings() -> tuple[Settings | None, str | None]:
    """The settings, or what is wrong with them."""
    try:
        settings = load(ROOT / ".env")
    except SettingsError as error:
        return None, str(error)
    return (None, BY_HAND) if settings.code_from is CodeFrom.PROMPT else (settings, None)


def _misconfigured(why: str) -> Found:
    stage = Stage(name="settings", state=State.FAILED, code=Code.MISCONFIGURED, why=why)
    trouble = Trouble(stage="settings", what="nothing was run", why=why, remedy="see make config")
    return Found(stage=stage, troubles=[trouble])


def _announce(name: str, console: Console) -> None:
    """A heading between what the programs say themselves."""
    console.print()
    console.rule(f"{name}  {datetime.now(UTC):%H:%M:%S} UTC", align="left", characters="-")
    console.file.flush()


def _tell_ci(record: Record) -> None:
    """On the page of the run, where a CI server has one (GitHub Actions)."""
    if page := os.environ.get("GITHUB_STEP_SUMMARY"):
        with suppress(OSError), Path(page).open("a", encoding="utf-8") as file:
            file.write(markdown(record))
