"""The lines of a `.env` that say something else than their writer meant. python-dotenv passes over them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from dotenv.parser import Binding, parse_stream


def misread(env_file: Path) -> Iterator[str]:
    """What is wrong with the lines of the file, each in one line that shows nothing of a value.

    Raises OSError and UnicodeDecodeError as reading does; without a file there is nothing wrong.
    """
    if not env_file.exists():
        return
    with env_file.open(encoding="utf-8") as lines:
        bindings = list(parse_stream(lines))
    for each in bindings:
        if each.error or (each.key is not None and each.value is None):
            yield (
                f"{env_file.name}: line {_line(each)} is not NAME=value: mend it, with quotes around a value "
                "that has quotes or spaces in it"
            )
    named = sorted((each.key.upper(), _line(each)) for each in bindings if each.key and each.value)
    for (name, first), (other, second) in pairwise(named):
        if name == other:
            yield f"{env_file.name}: lines {first} and {second} set the same name: remove one of them"


def _line(binding: Binding) -> int:
    """The line on which it begins; what is before it, empty lines and comments, may be part of it."""
    before = binding.original.string
    return binding.original.line + before[: len(before) - len(before.lstrip())].count("\n")
