"""A robot in the place of the person who walks through the view for `cli capture`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue

import pytest
from playwright.sync_api import Page, Playwright, expect
from pydantic import SecretStr

from afterglow.settings import without_settings
from cli.capture import STEPS
from pages.signin import SignIn
from tests.suite.conftest import ROOT, Site
from tests.suite.person import person

ASKED = "Enter, s or q: "

WITHIN_S = 60.0

LOG_OUT = re.compile("^(log out|kick)$", re.I)
LOG_OUT_ALL = re.compile("^(log out all|kick everybody)$", re.I)


@dataclass
class Walk:
    """`cli capture`, under way. said: all that it has said so far."""

    process: subprocess.Popen[str]
    port: int
    to: Path
    said: str = ""
    _heard: Queue[str] = field(default_factory=Queue)

    def __post_init__(self) -> None:
        """Listen to it from now on."""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        while character := self.process.stdout.read(1):
            self._heard.put(character)
        self._heard.put("")

    def until(self, words: str) -> None:
        """Listen until it has said this."""
        begin = len(self.said)
        deadline_s = time.monotonic() + WITHIN_S
        while words not in self.said[begin:]:
            try:
                character = self._heard.get(timeout=max(0.0, deadline_s - time.monotonic()))
            except Empty:
                pytest.fail(f"it did not say {words!r} but {self.said[begin:]!r}")
            assert character, f"it ended without {words!r}: {self.said[begin:]!r}"
            self.said += character

    def answer(self, line: str = "") -> None:
        """Type a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def step(self, line: str = "") -> None:
        """Type a line, and listen until the next is asked for."""
        self.answer(line)
        self.until(ASKED)

    def end(self) -> int:
        """Listen to the end; the exit code."""
        code = self.process.wait(WITHIN_S)
        while character := self._heard.get(timeout=WITHIN_S):
            self.said += character
        return code


NewWalk = Callable[..., Walk]


@contextmanager
def walks(playwright: Playwright, folder: Path) -> Iterator[NewWalk]:
    """Begins walks at a site; what is still under way at the end is ended."""
    processes = ExitStack()  # each is waited for, and its pipes are closed

    def begin(base_url: str, **settings: str) -> Walk:
        somebody = person(playwright, folder)
        settings = {"CHROMIUM_EXECUTABLE": str(somebody.program)} | settings
        to = folder / f"capture-{somebody.port}.zip"
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "capture", "--to", str(to)],
            cwd=ROOT,
            env={**without_settings(os.environ), "BASE_URL": base_url, **settings},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        processes.enter_context(process)
        processes.callback(_kill, process)
        return Walk(process, somebody.port, to)

    with processes:
        yield begin


def _kill(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def at_the_window(playwright: Playwright, walk: Walk) -> Iterator[Page]:
    """The page in the window that the command has opened, once it asks for the first step."""
    walk.until(ASKED)
    robot = playwright.chromium.connect_over_cdp(f"http://127.0.0.1:{walk.port}")
    yield robot.contexts[0].pages[-1]


def sign_in(page: Page, site: Site) -> None:
    """Sign in as a person does."""
    email, password = (SecretStr(site.account[name]) for name in ("ACCOUNT_EMAIL", "ACCOUNT_PASSWORD"))
    SignIn(page, site.base_url).sign_in(email, password, lambda _mailed: None)


def walk_through(page: Page, walk: Walk, *, yes: bool = False) -> None:
    """Do what each step says, in a page that is signed in. yes: end the one session that is asked about."""
    acts = acts_on(page, yes=yes)
    for step in STEPS:
        act = acts.get(step.name, lambda: "")
        line = act() or ""
        if step is STEPS[-1]:
            walk.answer(line)
        else:
            walk.step(line)


def acts_on(page: Page, *, yes: bool) -> dict[str, Callable[[], str | None]]:
    """What the robot does in each step; what it then types, if not Enter alone."""
    question = page.get_by_role("alertdialog")
    menu = page.get_by_role("button", name="Session options").last

    def row_menu() -> str:
        if not menu.count():
            return "s"
        menu.click()
        return ""

    def log_out() -> None:
        page.get_by_role("button", name=LOG_OUT).or_(page.get_by_role("menuitem", name=LOG_OUT)).last.click()
        expect(question).to_be_visible()

    def answer() -> str:
        question.get_by_role("button").nth(1 if yes else 0).click()
        expect(question).to_have_count(0)
        return "" if yes else "s"

    def log_out_all() -> None:
        page.get_by_role("button", name=LOG_OUT_ALL).click()
        expect(question).to_be_visible()

    return {
        "profile-menu": lambda: page.get_by_role("button", name="Open profile menu").click(),
        "settings": lambda: page.get_by_role("menuitem", name="Settings").click(),
        "security": lambda: page.get_by_role("tab", name="Security").click(),
        "active-sessions": lambda: _open(page),
        "row-menu": row_menu,
        "question-one": log_out,
        "logged-out": answer,
        "question-all": log_out_all,
    }


def _open(page: Page) -> None:
    """Wherever the list is, behind a button of its own or there already; with its rows unfolded."""
    manage = page.get_by_role("button", name="Manage")
    if manage.count():
        manage.click()
    expect(page.get_by_text("Chrome on").nth(1)).to_be_visible()
    folded = page.locator('[aria-expanded="false"]:not([aria-haspopup])')
    while folded.count():
        folded.first.click()
