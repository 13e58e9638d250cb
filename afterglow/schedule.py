"""When to look next: often at first, then at a constant share of the elapsed time."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from afterglow.readings import Moments


@dataclass(frozen=True, slots=True)
class Schedule:
    """The pace of one layer's looks.

    The step is `growth` of the time since the log-out, so that the relative width of the interval stays
    the same for a delay of seconds and one of half an hour. All times are in seconds.
    """

    window_s: float
    floor_s: float = 0.1
    cap_s: float = 15.0
    growth: float = 0.02
    # Jitter keeps the looks from falling into step with anything periodic on the site.
    jitter: float = 0.1
    # Once a layer refuses, the steps start again at the floor and grow this much faster: a flap must be
    # met soon after the refusal, and the quiet time that confirms the end need not be filled with looks.
    growth_when_refused: float = 0.25
    random: Random = field(default_factory=Random, repr=False, compare=False)

    def step_s(self, elapsed_s: float, growth: float) -> float:
        """The jittered step to take `elapsed_s` after the log-out, or after the refusal."""
        step_s = min(self.cap_s, max(self.floor_s, growth * elapsed_s))
        return step_s * (1 + self.jitter * (2 * self.random.random() - 1))

    def pins_s(self, moments: Moments, round_trip_s: float) -> tuple[float, float]:
        """Two looks that keep an interval from straddling the window.

        A refusal of the first is received while the window is open, counted from the request; an alive
        answer to the second was sent when it had closed, counted from the acknowledgement.
        """
        margin_s = min(2 * round_trip_s + self.floor_s / 4, self.window_s / 10)
        return (moments.earliest_s + self.window_s - margin_s, moments.acknowledged_s + self.window_s + 0.001)

    def next_s(
        self, now_s: float, moments: Moments | None, refused_s: float | None, round_trip_s: float
    ) -> float:
        """The moment of the next look.

        `moments` is None while the log-out has not happened yet, `refused_s` is the first refusal of the
        run that is being confirmed, `round_trip_s` what an answer takes.
        """
        if moments is None:
            return now_s + self.step_s(0, self.growth)
        if refused_s is not None:
            return now_s + self.step_s(now_s - refused_s, self.growth_when_refused)
        then_s = now_s + self.step_s(now_s - moments.acknowledged_s, self.growth)
        return next((pin for pin in self.pins_s(moments, round_trip_s) if now_s < pin < then_s), then_s)
