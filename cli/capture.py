"""`capture`: one walk by a person through the Active sessions view, kept so that its locators can be mended.

The command looks on and presses nothing. `afterglow/capture.py` tells what is kept, and what is taken out.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from io import FileIO
from pathlib import Path
from queue import Empty, Queue
from textwrap import fill
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from playwright.sync_api import BrowserContext, Error, Page, Request, Response

from afterglow.capture import HEEDED, Answer, Capture, Look
from afterglow.settings import Settings, SettingsError, load
from afterglow.states import BadState, States
from cli.place import ROOT, Stop, reports_folder
from cli.running import telling_line
from cli.signin import folder_of
from cli.window import window
from pages.seen import seen

LOOKS_EVERY_MS = 200
"""How long the command is deaf to the keyboard. A word that it is done stays for seconds."""

STDIN = 0


@dataclass(frozen=True, slots=True)
class Step:
    """What a person is asked to do. keeps_all: whatever comes until Enter is kept, not the last alone."""

    name: str
    asks: str
    keeps_all: bool = False


STEPS = (
    Step("home", "Sign in, if you are not yet, and stay on the first page of the app."),
    Step("profile-menu", "Open the profile menu, and leave it open."),
    Step("settings", "Choose Settings."),
    Step("security", "Open the tab Security (and login)."),
    Step(
        "active-sessions",
        "Go to Active sessions, wait until the list is there, and unfold its rows if they are folded. Two are"
        " needed: this browser's and another one. Sign in somewhere else first if there is only one.",
    ),
    Step(
        "row-menu",
        "Open the menu or the details of a row that is not this browser's, and leave it open. Skip this if"
        " rows have neither.",
    ),
    Step(
        "question-one",
        "Press Log out on one row that you can do without, and stop at the question. If the site asks"
        " nothing, the session ends: skip this if none may.",
    ),
    Step(
        "logged-out",
        "If you like, say yes: this ends that session. Whatever appears until you press Enter is kept. To"
        " skip this, say no to the question, and press s.",
        keeps_all=True,
    ),
    Step(
        "question-all",
        "Press Log out all, and stop at the question: say NO to it afterwards. If the site asks nothing,"
        " every session of the account ends, this one too: skip this if that must not be.",
    ),
)

HOW = (
    "{home} opens in a browser. Do there what each step says, then come back here: Enter keeps what is in the"
    " window, s skips the step, q ends the walk. Nothing is pressed for you."
)
LOOK_AT_IT = (
    "Taken out: names, e-mail addresses, places, ids, whatever was typed or written, all texts of the API"
    " but devices and apps. Look at it before you give it away: what a page says of you in its own words may"
    " remain."
)


class Ended(Exception):
    """The walk is over before its last step; the message says why, if it was not a person's wish."""


@dataclass(slots=True)
class Keyboard:
    """What a person types, while the browser goes on being heard. Ctrl-C is a line like any other."""

    _lines: Queue[bytes | None] = field(default_factory=Queue)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to the terminal, to Ctrl-C and to being asked to end, as long as the block lasts."""
        threading.Thread(target=self._read, daemon=True).start()
        asked_to_end = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(each, lambda *_: self._lines.put(None)) for each in asked_to_end]
        try:
            yield
        finally:
            for each, handler in zip(asked_to_end, before, strict=True):
                signal.signal(each, handler)

    def line(self, meanwhile: Callable[[], None]) -> str:
        """The next line, without blanks around it. Raises Ended on Ctrl-C, or where there is no terminal."""
        while True:
            try:
                line = self._lines.get_nowait()
            except Empty:
                meanwhile()
                continue
            if line is None:
                raise Ended("interrupted")
            return line.decode(errors="replace").strip().lower()

    def _read(self) -> None:
        # past Python's own buffer, whose lock a thread that still waits would hold at the end
        with suppress(OSError), FileIO(os.dup(STDIN)) as terminal:
            for line in terminal:
                self._lines.put(line)
        self._lines.put(None)


@dataclass  # no slots: playwright keeps its wrapped handlers on the object
class Walk:
    """One walk, on a browser that a person drives."""

    context: BrowserContext
    home: str
    keyboard: Keyboard
    capture: Capture
    _answers: list[Answer] = field(default_factory=list)

    def begin(self) -> None:
        """Open the site. Raises Ended if it cannot be reached."""
        # only what has come to its end: the body of what nobody reads would never come
        self.context.on("requestfinished", self._hear)
        page = self.context.new_page()
        try:
            page.goto(self.home, wait_until="domcontentloaded")
        except Error as error:
            raise Ended(f"{self.home} cannot be opened: {telling_line(error.message)}") from None

    def take(self, number: int, step: Step) -> None:
        """Ask a person to do one step, and keep it. Raises Ended."""
        asks = fill(step.asks, 96, initial_indent=f"{number}/{len(STEPS)}   ", subsequent_indent=" " * 6)
        typer.echo(f"\n{asks}")
        came: list[Look] = []
        while True:
            typer.echo("      Enter, s or q: ", nl=False)
            answer = self.keyboard.line(lambda: self._wait(came if step.keeps_all else None))
            typer.echo("")
            if answer == "q":
                raise Ended
            if answer == "s":
                return
            if answer == "" and self._keeps(step, came):
                return

    def _keeps(self, step: Step, came: list[Look]) -> bool:
        page = self._page()
        if not self._is_at_home(page):
            typer.echo(
                f"      The window is at {urlsplit(page.url).netloc}, not at {self.home}: go back there."
            )
            return False
        try:
            page.wait_for_timeout(LOOKS_EVERY_MS)  # what the site has just answered may still be on its way
            look = seen(page)
        except Error:
            typer.echo("      The page is just being loaded: try again when it is there.")
            return False
        self.capture.learn_secrets(cookie.get("value", "") for cookie in self.context.cookies())
        looks = [each for each in came if each.html != look.html]
        for number, each in enumerate([*looks, look]):
            self.capture.keep(f"{step.name}-{number}" if number else step.name, each, self._answers)
            self._answers = []
        return True

    def _wait(self, came: list[Look] | None) -> None:
        """Let the browser tell what it has to. Raises Ended if it is gone."""
        page = self._page()
        try:
            page.wait_for_timeout(LOOKS_EVERY_MS)
        except Error:
            if page.is_closed():
                return  # there may be another window
            raise Ended("the browser has crashed") from None
        if came is not None and self._is_at_home(page):
            with suppress(Error):
                look = seen(page)
                if look.html not in [each.html for each in came]:
                    came.append(look)

    def _page(self) -> Page:
        """The window that a person looks at: the last that was opened."""
        windows = [page for page in self.context.pages if not page.is_closed()]
        if not windows:
            raise Ended("the browser window was closed")
        return windows[-1]

    def _is_at_home(self, page: Page) -> bool:
        return page.url == self.home or page.url.startswith(f"{self.home}/")

    def _hear(self, request: Request) -> None:
        path = urlsplit(request.url).path
        if not request.url.startswith(f"{self.home}/") or not HEEDED.fullmatch(path):
            return
        with suppress(Error):  # a page that has gone on has nothing to tell any more
            response = request.response()
            if response is not None:
                self._answers.append(Answer(request.method, path, response.status, _json(response)))


def _json(response: Response) -> object:
    try:
        return response.json()
    except ValueError:
        return None


def main(
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where the capture goes. Default: the reports folder.")
    ] = None,
) -> None:
    """Walk through the Active sessions view by hand, and keep all that is needed to mend its locators.

    Nothing is pressed for you. What is kept is one zip with nobody's name, address, place, id or token in it.
    """
    try:
        settings = load(ROOT / ".env")
    except SettingsError as error:
        raise Stop(str(error)) from None
    to = to or reports_folder() / f"capture-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.zip"
    try:
        walk(settings, to, kept_sign_in(settings))
    except BadState as error:
        raise Stop(str(error)) from None


def kept_sign_in(settings: Settings) -> Any:
    """What the newest kept sign-in of the account holds, so that nobody has to sign in; None without one."""
    if settings.home is None or settings.account_email is None:
        return None
    kept = States(folder_of(settings), settings.home, settings.account_email).usable()
    return kept[-1].state() if kept else None


def walk(settings: Settings, to: Path, storage_state: Any = None) -> None:
    """Lead a person through the view, and write what was kept. storage_state: a sign-in that was kept.

    Raises Stop if it cannot begin, and if it ended otherwise than by a person's wish: then, too, what was
    kept until then is written.
    """
    if settings.home is None:
        raise Stop("there is no site to walk through: set TARGET=chatgpt, or BASE_URL")
    _require_room(to)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    capture = Capture({"captured": now, "site": settings.home, "afterglow": version("afterglow")})
    keyboard, why = Keyboard(), ""
    try:
        with keyboard.listening(), window(settings) as browser:
            capture.about["browser"] = f"{browser.browser_type.name} {browser.version}"
            # as the suite opens it, and in a zone that tells nothing of where the person is
            context = browser.new_context(
                locale="en-US", timezone_id="UTC", no_viewport=True, storage_state=storage_state
            )
            _lead(Walk(context, settings.home, keyboard, capture))
    except Ended as ended:
        why = str(ended)
    except Error as error:
        why = f"the browser failed: {telling_line(error.message)}"
    _write(capture, to)
    if why:
        raise Stop(f"{why}: the walk is not complete")


def _lead(walk: Walk) -> None:
    walk.begin()
    typer.echo(HOW.format(home=walk.home))
    for number, step in enumerate(STEPS, start=1):
        walk.take(number, step)


def _require_room(to: Path) -> None:
    """Make sure, before a person takes the trouble, that the capture can be written. Raises Stop."""
    if to.exists():
        raise Stop(f"{to} is there already: remove it, or choose another name with --to")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.touch()
        to.unlink()
    except OSError as error:
        raise Stop(f"{to} cannot be written ({error.strerror}): choose another name with --to") from None


def _write(capture: Capture, to: Path) -> None:
    if not capture.kept:
        typer.echo("\nnothing was kept")
        return
    try:
        to.write_bytes(capture.zipped())
    except OSError as error:
        raise Stop(f"{to} cannot be written ({error.strerror}): nothing was kept") from None
    typer.echo(f"\nkept: {', '.join(kept.step for kept in capture.kept)}\nin:   {to}\n{LOOK_AT_IT}")
