"""A night with stages that are faked: `python -m tests.nightly.faked NAME=CODE …`, where CODE is Python.

Everything else is as it is: the lock, the signals, the deadlines, the record and the exit code.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from cli import limited, main
from cli.night_stages import Tonight
from cli.stages import Plan

FAKES = [argument.partition("=") for argument in sys.argv[1:]]

LIMIT_S = float(os.environ.get("FAKED_LIMIT_S", "60"))


def plans(_tonight: Tonight) -> Iterator[Plan]:
    """One for each argument."""
    for name, _, code in FAKES:
        yield Plan(name, (sys.executable, "-c", code), LIMIT_S)


if __name__ == "__main__":
    limited.LAST_WORDS_S = 1.0
    if clean_up_s := os.environ.get("FAKED_CLEAN_UP_S"):
        vars(limited)["CLEAN_UP_S"] = float(clean_up_s)
    setattr(Tonight, "plans", plans)  # noqa: B010 - mypy lets nobody assign to a method
    sys.argv[1:] = ["nightly"]
    main()
