"""`signin`: a person signs in, once, in a window of its own; what the browser then holds is kept for runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from playwright.sync_api import Browser, Error, Page
from pydantic import SecretStr

from afterglow.one_at_a_time import Desk
from afterglow.outcomes import NotApplicable, NotMeasured
from afterglow.redaction import masked
from afterglow.settings import Settings, SettingsError, load
from afterglow.states import NAME, Kept, States, counted
from cli.place import ROOT, Stop
from cli.window import window
from pages.active_sessions import ActiveSessions
from pages.listing import ListedSession
from pages.shell import Owner, Shell

WITHIN_S = 15 * 60
"""A person has to fetch a phone, and may be asked to wait for a mail."""

LOOKS_EVERY_MS = 1_000

Names = Annotated[
    list[str],
    typer.Argument(
        metavar="PROFILE...",
        help="Whose sign-in it shall be: primary, secondary; a name that comes twice is signed in twice.",
    ),
]


def main(profiles: Names) -> None:
    """Open a window for each profile, wait until a person has signed in, and keep the sign-in for runs."""
    for name in profiles:
        if not NAME.fullmatch(name):
            raise Stop(f"{name!r} is no name of a profile: use lower-case letters, digits and hyphens")
    settings, site, account = _whom()
    states = States(folder_of(settings), site, account)
    try:
        desk = Desk.of(site, account)
        with desk.taken(), window(settings) as browser:
            for number, name in enumerate(profiles, start=1):
                desk.note_sign_in(settings.daily_sign_ins)
                typer.echo(f"{number} of {len(profiles)}: the {name} profile")
                _tell_kept(_signed_in(browser, name, states))
        _tell_all(states)
    except (NotMeasured, NotApplicable) as error:
        raise Stop(str(error)) from None


def folder_of(settings: Settings) -> Path:
    """Where sign-ins are kept, wherever the command was started."""
    return ROOT / settings.state_dir


def _whom() -> tuple[Settings, str, SecretStr]:
    """The settings, the site and the account. Raises Stop if there is nobody to sign in, or nowhere."""
    try:
        settings = load(ROOT / ".env")
    except SettingsError as error:
        raise Stop(str(error)) from None
    if settings.home is None:
        raise Stop("there is no site before a run starts its own: set TARGET=chatgpt, or BASE_URL")
    if settings.account_email is None:
        raise Stop("ACCOUNT_EMAIL is missing: it says whose sign-in is kept; set it in .env")
    return settings, settings.home, settings.account_email


def _signed_in(browser: Browser, name: str, states: States) -> Kept:
    """Wait for a person to sign in. Raises Stop if nobody does, or into another account."""
    began = datetime.now(UTC)
    page = browser.new_context(locale="en-US").new_page()
    shell = Shell(page, states.site)
    typer.echo(
        f"  A window has opened at {states.site}. Sign in there as {masked(states.account)}; nothing that "
        f"you type is read.\n  There are {WITHIN_S // 60} minutes for it. Ctrl-C ends it, and keeps nothing."
    )
    try:
        page.goto(f"{states.site}/auth/login", wait_until="commit")
        _wait_for_person(shell)
        ended = datetime.now(UTC)
        owner = shell.owner()
        _require_same(owner, states.account)
        own = _own_row(page, states.site)
        state: Any = page.context.storage_state(indexed_db=True)
        page.context.close()
    except Error as error:
        raise Stop(
            f"the window went away before anybody had signed in ({error.message.splitlines()[0]})"
        ) from None
    return states.keep(state, name, (began, ended), owner.expires, own)


def _wait_for_person(shell: Shell) -> None:
    """Until the app shows that somebody is signed in. Looks, and presses nothing."""
    for _ in range(WITHIN_S * 1000 // LOOKS_EVERY_MS):
        if shell.signed_in.count():
            return
        shell.page.wait_for_timeout(LOOKS_EVERY_MS)
    raise Stop(f"nobody has signed in within {WITHIN_S // 60} minutes: nothing was kept")


def _require_same(owner: Owner, account: SecretStr) -> None:
    if owner.email.get_secret_value().lower() != account.get_secret_value().lower():
        raise Stop(
            f"that is {masked(owner.email)}, and ACCOUNT_EMAIL is {masked(account)}: nothing was kept; that "
            "session stays signed in until it is logged out by hand"
        )


def _own_row(page: Page, site: str) -> ListedSession | None:
    """The session as the view lists it, by which a run knows its row; None where that cannot be read."""
    try:
        listed = ActiveSessions(page, site, "UTC").open() or []
    except (NotMeasured, NotApplicable) as why:
        typer.echo(f"  Its row could not be looked up: {str(why).splitlines()[0]}")
        return None
    current = [session for session in listed if session.current]
    return current[0] if len(current) == 1 else None


def _tell_kept(kept: Kept) -> None:
    about = kept.about
    until = f", until {about.expires:%Y-%m-%d} at the latest" if about.expires else ""
    typer.echo(f"  kept for the {about.profile} profile{until}: {kept.path}")
    typer.echo("  Whoever has this file is signed in: it is readable by you alone, and must not be copied.")


def _tell_all(states: States) -> None:
    typer.echo(
        f"kept for {masked(states.account)}: {counted(states.usable())}; set SIGN_IN=state to use them"
    )
