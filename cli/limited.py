"""Runs a program for a limited time, with nobody at its keyboard: what a night is made of."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from cli.place import ROOT
from cli.running import CLEAN_UP_S

POSIX = os.name == "posix"

LOOK_S = 0.2
"""So often it is looked whether it has ended, is over its time, or somebody wants it to end."""

LAST_WORDS_S = 5.0
"""What heeds neither Ctrl-C nor the request to end after this is killed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended. code: its exit code. hung, interrupted: why it was ended, if it was."""

    code: int
    hung: bool = False
    interrupted: bool = False


class Ending:
    """Ctrl-C, and being asked to end: how often. Nothing is torn out of the middle of what it does.

    The first lets the program under way finish in order, and none begin after it; the second ends it at once.
    """

    def __init__(self) -> None:
        self.asked = 0

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """As long as the block lasts. What whoever started us has switched off stays off, as under nohup."""
        numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if POSIX else [])]
        before = {number: signal.getsignal(number) for number in numbers}
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._note)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.asked += 1


def for_at_most(
    limit_s: float,
    command: Sequence[str | Path],
    env: Mapping[str, str],
    ending: Ending,
) -> Ended:
    """Run a program to its end, to its time limit, or until somebody wants it to end. Raises OSError.

    `env` is added to the environment. It has a session of its own, so that all that it started can be ended
    with it; Ctrl-C therefore reaches us alone, and is passed on. Its standard input is empty: whatever asks a
    person something is told at once that there is none.
    """
    program = subprocess.Popen(  # noqa: S603 - our own command lines, no shell
        command,
        cwd=ROOT,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline_s = time.monotonic() + limit_s
    while (code := _within(LOOK_S, program)) is None:
        if ending.asked:
            return Ended(_finished(program, ending), interrupted=True)
        if time.monotonic() > deadline_s:
            return Ended(_finished(program, ending), hung=True)
    # on a terminal without job control both may have heard the same Ctrl-C
    return Ended(code, interrupted=ending.asked > 0)


def _within(seconds: float, program: subprocess.Popen[bytes]) -> int | None:
    """Its exit code; None if it has not ended by then."""
    try:
        return program.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _finished(program: subprocess.Popen[bytes], ending: Ending) -> int:
    """End it: as with Ctrl-C on a terminal first, which it obeys in order, and then by force."""
    asked = ending.asked
    if POSIX:  # elsewhere it shares our console, and has heard Ctrl-C by itself
        _signal_all(program, signal.SIGINT)
    deadline_s = time.monotonic() + CLEAN_UP_S
    code = None
    while code is None and ending.asked == asked and time.monotonic() < deadline_s:
        code = _within(LOOK_S, program)
    if not POSIX:
        program.kill()
        return program.wait()
    if code is None:
        _signal_all(program, signal.SIGTERM)
        code = _within(LAST_WORDS_S, program)
    _signal_all(program, signal.SIGKILL)  # also what has outlived it
    return program.wait() if code is None else code


def _signal_all(program: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Tell it, and all that it has started in its session."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, number)
