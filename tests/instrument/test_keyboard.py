"""A person at the terminal can be asked in the middle of a run, and nobody is waited for who is not there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pty = pytest.importorskip("pty", reason="Windows has no such terminals")

ROOT = Path(__file__).parents[2]

ASKS = """
import time
from fixtures.keyboard import Keyboard

def test_asking(pytestconfig):
    keyboard = Keyboard(pytestconfig)
    print("captured")
    given_up_s = time.monotonic() + 30
    for question in ("first? ", "second? "):
        there = keyboard.ask(question)
        with open("answers", "a") as answers:
            print(there, file=answers)
        while there and (line := keyboard.line()) is None and time.monotonic() < given_up_s:
            time.sleep(0.01)
        if there:
            with open("answers", "a") as answers:
                print(repr(line), file=answers)
"""


OWNING = (sys.executable, "-c", "import os, sys; os.login_tty(0); os.execvp(sys.argv[1], sys.argv[1:])")
"""Makes a terminal that of a session of its own, as a window of terminals does."""


class Terminal:
    """A terminal of the test's own, and the program that it runs."""

    def __init__(
        self, folder: Path, command: Callable[[list[str]], list[str]], *, owned: bool = True
    ) -> None:
        (folder / "test_asking.py").write_text(ASKS, encoding="utf-8")
        pytest_command = [sys.executable, "-m", "pytest", "-c", os.devnull, "-p", "no:cacheprovider"]
        self.answers = folder / "answers"
        self.said = ""
        self._master, slave = pty.openpty()
        self._program = subprocess.Popen(
            [*(OWNING if owned else ()), *command([*pytest_command, "test_asking.py"])],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=not owned,
        )
        os.close(slave)

    def reads(self, words: str) -> None:
        """Read what is shown until the words come."""
        while words not in self.said:
            self.said += os.read(self._master, 4096).decode()

    def types(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def answered(self) -> list[str]:
        """Let the program end, and tell what it was told."""
        try:
            while chunk := os.read(self._master, 4096):
                self.said += chunk.decode()
        except OSError:  # how a terminal says that nobody holds it any more
            pass
        assert self._program.wait(30) == 0, self.said
        os.close(self._master)
        return self.answers.read_text(encoding="utf-8").splitlines()


def as_it_is(command: list[str]) -> list[str]:
    return command


def in_background(command: list[str]) -> list[str]:
    return ["sh", "-c", f"set -m; {' '.join(command)} & wait $!"]


def test_a_person_is_asked_past_the_capturing_and_answers(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, as_it_is)
    terminal.reads("first? ")
    terminal.types("123456\n")
    terminal.reads("second? ")
    terminal.types("654321\n")
    assert terminal.answered() == ["True", r"'123456\n'", "True", r"'654321\n'"]
    assert "captured" not in terminal.said


def test_a_terminal_that_is_closed_is_told(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, as_it_is)
    terminal.reads("first? ")
    terminal.types("\x04")  # Ctrl-D
    terminal.reads("second? ")
    terminal.types("654321\n")
    assert terminal.answered() == ["True", "''", "True", r"'654321\n'"]


def test_nobody_is_asked_in_the_background(tmp_path: Path) -> None:
    """Reading there would stop the whole run, until somebody notices."""
    terminal = Terminal(tmp_path, in_background)
    assert terminal.answered() == ["False", "False"]
    assert "first?" not in terminal.said


def test_nobody_is_asked_at_a_terminal_of_others(tmp_path: Path) -> None:
    assert Terminal(tmp_path, as_it_is, owned=False).answered() == ["False", "False"]


def test_nobody_is_asked_without_a_terminal(tmp_path: Path) -> None:
    def from_nothing(command: list[str]) -> list[str]:
        return ["sh", "-c", f"{' '.join(command)} </dev/null"]

    assert Terminal(tmp_path, from_nothing).answered() == ["False", "False"]
