"""Trouble that every real site has, and that is no broken promise: each a named switch, off by default."""

from __future__ import annotations

from replica.switches import Switch


class Noise(Switch):
    """A trouble: `value` is its name, `about` says in one line what the site then does."""

    LATENCY = "latency", "Answers take up to two seconds longer, each another time."
    ERRORS = "errors", "One answer of ten is a 5xx."
    THROTTLING = "throttling", "Now and then all is answered with 429 and Retry-After for a second or two."
    RESETS = "resets", "One connection of twenty is reset before it is answered."
    OUTAGE = "outage", "A second after a log-out the site is down for outage_s seconds."
    CHALLENGE = "challenge", "A second after a log-out the site asks for a person for challenge_s seconds."
    SLOW_SCRIPTS = "slow_scripts", "Scripts come up to three seconds late."
    CLOCK_OFF = "clock_off", "The site's clock is four minutes fast."
    MISSING_DETAILS = "missing_details", "Rows leave out details, each row another."


CLOCK_OFF_S = 240.0
"""How fast the site's clock is, where it is."""
