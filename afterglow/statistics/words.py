"""Figures in words, rounded so that no sentence claims more than was found."""

from __future__ import annotations

import math
from datetime import datetime

FINE = 99
"""From so many per cent on, tenths matter: 99.9 % is not 99 %."""


def counted(number: int, thing: str) -> str:
    """Such as "1 night" or "59 nights"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def percent_down(share: float) -> str:
    """A share as a percentage, rounded down: for lower bounds."""
    hundredths = _steady(100 * share)
    if hundredths < FINE:
        return f"{math.floor(hundredths)} %"
    return f"{math.floor(_steady(10 * hundredths)) / 10:g} %"


def percent_up(share: float) -> str:
    """A share as a percentage, rounded up: for upper bounds."""
    hundredths = _steady(100 * share)
    if hundredths <= FINE:
        return f"{math.ceil(hundredths)} %"
    return f"{math.ceil(_steady(10 * hundredths)) / 10:g} %"


def chance_told(p_value: float) -> str:
    """How often chance alone would show as much, such as "p = 0.03", rounded up to two digits at most."""
    if p_value >= 1:
        return "p = 1"
    digits = 1 - math.floor(math.log10(p_value))
    told = f"{math.ceil(_steady(p_value * 10**digits)) / 10**digits:.{digits}f}"
    return f"p = {told.rstrip('0').rstrip('.')}"


def since_when(moment: datetime, first: datetime) -> str:
    """The date of a night in UTC, among nights of which this is the first; the time, if that is its date."""
    return f"{moment:%H:%M} UTC" if moment.date() == first.date() else f"{moment:%Y-%m-%d}"


def _steady(number: float) -> float:
    """Without the noise of floats: 0.95 is 95 %, not a bit less."""
    return round(number, 9)
