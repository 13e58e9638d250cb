"""The colours of the pictures by name, in light and in dark: a specification names them, and is painted last.

The light ones are those of `afterglow/timeline.py` and `afterglow/doors.py`, which the colour-blind tell from
one another. No colour says anything that a shape or a word does not say as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from afterglow.doors import ALARM, COLOURS
from afterglow.timeline import FAINT, HAIR, INK, LOOKS, NO_END, STILL_IN, Mark

LIGHT = {
    "paper": "#ffffff",
    "ink": INK,
    "faint": FAINT,
    "hair": HAIR,
    "alarm": ALARM,
    "estimate": "#0072b2",
    "within": "#0072b2",
    "late": LOOKS[Mark.REVOKED].colour,
    "undetermined": LOOKS[Mark.AGAIN].colour,
    "measured": LOOKS[Mark.UNKNOWN].colour,
    "still-in": COLOURS[STILL_IN],
    "closed": "#f2a71b",
    "no-end": COLOURS[NO_END],
}

DARK = {
    "paper": "#171b20",
    "ink": "#e7eaee",
    "faint": "#a4aeb9",
    "hair": "#323941",
    "alarm": "#ff9d80",
    "estimate": "#6db7ea",
    "within": "#6db7ea",
    "late": "#ff8b45",
    "undetermined": "#e88fc0",
    "measured": "#a4aeb9",
    "still-in": "#54462a",
    "closed": "#f2a71b",
    "no-end": "#49515b",
}


def named(colour: str) -> str:
    """The colour as a specification names it."""
    return f"@{colour}"


def painted(spec: Any, colours: Mapping[str, str]) -> Any:
    """The same specification with colours in place of their names."""
    if isinstance(spec, dict):
        return {key: painted(value, colours) for key, value in spec.items()}
    if isinstance(spec, list):
        return [painted(value, colours) for value in spec]
    if isinstance(spec, str) and spec.startswith("@"):
        return colours.get(spec[1:], spec)
    return spec
