"""When to look next: often at first, then at a constant share of the elapsed time.

Where the nights before are known, most often where they make a revocation likely.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from afterglow.readings import Moments

if TYPE_CHECKING:
    from afterglow.expectation import Expectation, Plan


@dataclass(frozen=True, slots=True)
class Schedule:
    """The pace of one layer's looks.

    An interval is as wide as a step and a round trip together. That is `growth` of the time since the
    log-out, so that the relative width stays the same for a delay of seconds and one of half an hour.
    All times are in seconds.

    expectation: what the nights before let expect, if there were enough. It moves looks to where the
    revocation is likely. No step is shorter than the floor or longer than the cap, and no interval more than
    1.22 times as wide as it would be without.
    """

    window_s: float
    floor_s: float = 0.1
    cap_s: float = 15.0
    growth: float = 0.02
    # Jitter keeps the looks from falling into step with anything periodic on the site. It shortens steps
    # only: they are what an interval may be wide.
    jitter: float = 0.1
    # Once a layer refuses, the steps start again at the floor and grow this much faster: a flap must be
    # met soon after the refusal, and the quiet time that confirms the end need not be filled with looks.
    growth_when_refused: float = 0.25
    random: Random = field(default_factory=Random, repr=False, compare=False)
    expectation: Expectation | None = field(default=None, repr=False)
    _plan: Plan | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make the plan once; a step only looks it up."""
        plan = None
        if self.expectation is not None:
            plan = self.expectation.plan(floor_s=self.floor_s, cap_s=self.cap_s, growth=self.growth)
        object.__setattr__(self, "_plan", plan)

    def step_s(self, elapsed_s: float, growth: float, round_trip_s: float = 0.0) -> float:
        """The jittered step to take `elapsed_s` after the log-out, or after the refusal."""
        return self._jittered(growth * elapsed_s - round_trip_s)

    def expected_step_s(self, elapsed_s: float, round_trip_s: float = 0.0) -> float:
        """The jittered step to take `elapsed_s` after the log-out, by what the nights before let expect."""
        if self._plan is None:
            return self.step_s(elapsed_s, self.growth, round_trip_s)
        usual_width_s = max(self.floor_s + round_trip_s, self.growth * elapsed_s)
        widest_s = usual_width_s / self._plan.kept - round_trip_s
        return self._jittered(min(widest_s, self._plan.step_s(max(0.0, elapsed_s))))

    def _jittered(self, wanted_s: float) -> float:
        """As long as wanted, between floor and cap, less the jitter."""
        step_s = min(self.cap_s, max(self.floor_s, wanted_s))
        return step_s * (1 - self.jitter * self.random.random())

    def pins_s(self, moments: Moments, round_trip_s: float) -> tuple[float, float, float]:
        """Three looks that keep an interval from straddling the window.

        A refusal of the first two is received while the window is open, counted from the request: of the
        first even if it takes twice as long as usual, of the second if it takes no longer. An alive answer to
        the third was sent when it had closed, counted from the acknowledgement.
        """
        closes_s = moments.earliest_s + self.window_s
        return (
            closes_s - min(2.2 * round_trip_s + self.floor_s / 4, self.window_s / 10),
            closes_s - min(1.1 * round_trip_s + 0.001, self.window_s / 20),
            moments.acknowledged_s + self.window_s + 0.001,
        )

    def next_s(
        self,
        now_s: float,
        moments: Moments | None,
        refused_s: float | None,
        round_trip_s: float,
        *,
        asked_s: float,
        paced_s: float,
    ) -> float:
        """The moment of the next look.

        `moments` is None while the log-out has not happened yet, `refused_s` is the first refusal of the
        run that is being confirmed, `round_trip_s` what an answer takes. The last look was sent at `asked_s`;
        the step counts from `paced_s`.
        """
        if moments is None:
            return max(now_s, paced_s + self.step_s(0, self.growth))
        if refused_s is not None:
            return now_s + self.step_s(now_s - refused_s, self.growth_when_refused)
        elapsed_s = paced_s - moments.acknowledged_s
        then_s = max(now_s, paced_s + self.expected_step_s(elapsed_s, round_trip_s))
        pins_s = self.pins_s(moments, round_trip_s)
        if asked_s < pins_s[-1] <= now_s:  # it passed while an answer was awaited: it is made up for
            return now_s
        # A look that would still be under way at a pin gives way to it.
        return next((pin for pin in pins_s if now_s < pin < then_s + round_trip_s), then_s)
