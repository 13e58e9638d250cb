"""What a person sees: the signs that tell the two states apart on a screen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

from playwright.sync_api import Locator


@dataclass(frozen=True, slots=True)
class Signs:
    """What tells the two states apart on the screen: each sign by its name, which becomes the code."""

    alive: Locator
    revoked: Mapping[str, Locator]
    unknown: Mapping[str, Locator]


def first_shown(signs: Mapping[str, Locator]) -> str | None:
    """The name of the first sign that is on the screen.

    All are asked for at once first: mostly none is there, and every question keeps the browser's line busy.
    """
    if not signs or not reduce(Locator.or_, signs.values()).count():
        return None
    return next((name for name, sign in signs.items() if sign.count()), None)


def short(error: Exception) -> str:
    """The first line of what went wrong in the browser, as a code."""
    return (str(error).splitlines() or [type(error).__name__])[0][:80]
