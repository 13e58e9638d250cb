"""Runs other programs: quietly and for a limited time, or in the foreground for as long as they need."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from cli.place import ROOT

CLEAN_UP_S = 30.0
"""An interrupted run still signs out, closes its files and stops its site; more means that it hangs."""


class Failed(Exception):
    """A program did not do what it was run for; the message is its own last word."""


def quietly(
    *command: str | Path, limit_s: float, env: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> str:
    """Run a program without a word of its own on the screen, and return what it said. Raises Failed."""
    try:
        program = subprocess.Popen(  # noqa: S603 - our own command lines, no shell
            command,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # so that its own children, which do the work, end with it
        )
    except OSError as error:
        raise Failed(f"{command[0]}: {error.strerror}") from None
    try:
        said, _ = program.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        raise Failed(f"not done within {limit_s:.0f} s") from None
    finally:
        if program.returncode is None:
            _end(program)
    if program.returncode != 0:
        raise Failed(telling_line(said) or f"exit code {program.returncode}")
    return said


def in_foreground(command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> int:
    """Run a program on this terminal and return its exit code. An interrupted one may finish its clean-up.

    `env` is added to the environment.

    Ctrl-C reaches both by itself, as they share the terminal. Being asked to end, as a nightly job's runner
    does, reaches only us: it is passed on as the Ctrl-C that the program knows how to obey.
    """
    program = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **(env or {})})  # noqa: S603 - our own

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        program.send_signal(signal.SIGINT)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        return _waited_for(program)
    finally:
        signal.signal(signal.SIGTERM, before)


def _waited_for(program: subprocess.Popen[bytes]) -> int:
    try:
        return program.wait()
    except KeyboardInterrupt:
        pass
    try:
        return program.wait(CLEAN_UP_S)
    except (KeyboardInterrupt, subprocess.TimeoutExpired):
        program.kill()
        return program.wait()


def _end(program: subprocess.Popen[str]) -> None:
    if os.name == "posix":
        os.killpg(program.pid, signal.SIGKILL)
    else:
        program.kill()
    program.communicate()


def telling_line(said: str) -> str:
    """The line that tells most: the first that speaks of an error, else the last."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")
