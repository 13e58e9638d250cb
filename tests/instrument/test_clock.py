"""The clock, and the times in which nobody could look: played, since no test puts its machine to sleep."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from afterglow.clock import CLOCK_SET_S, NOTICED_S, Gap, Pulse, now_s


@dataclass(slots=True)
class Played:
    """The three clocks of a machine."""

    clock_s: float = 1000.0
    awake_s: float = 400.0
    wall_s: float = 1.8e9

    def pulse(self) -> Pulse:
        """What feels them."""
        return Pulse(lambda: self.clock_s, lambda: self.awake_s, lambda: self.wall_s)

    def pass_by(self, seconds: float, *, asleep_s: float = 0.0, set_by_s: float = 0.0) -> None:
        """Let time pass, of which the machine may have slept a part, and somebody may set its clock."""
        self.clock_s += seconds
        self.awake_s += seconds - asleep_s
        self.wall_s += seconds + set_by_s


@pytest.mark.parametrize(
    ("seconds", "asleep_s", "set_by_s", "why"),
    [
        (62.0, 61.0, 0.0, "machine suspended"),
        (62.0, 61.0, -3600.0, "machine suspended"),  # its clock was set when it woke: the sleep is the reason
        (62.0, 0.0, 0.0, "process not running"),
        (0.25, 0.0, 120.0, "time of day set by +120 s; not looking"),
        (0.25, 0.0, -120.0, "time of day set by -120 s; not looking"),
    ],
)
def test_a_gap_is_told_with_its_reason(seconds: float, asleep_s: float, set_by_s: float, why: str) -> None:
    """From the last time that all was well to the first time that it is again."""
    machine = Played()
    pulse = machine.pulse()
    machine.pass_by(seconds, asleep_s=asleep_s, set_by_s=set_by_s)
    assert pulse.feel() == Gap(1000.0, 1000.0 + seconds, why)
    machine.pass_by(0.25)
    assert pulse.feel() is None, "a gap is told once"


def test_a_busy_machine_is_no_gap() -> None:
    """Neither is the daily correction of its clock, however long it goes on."""
    machine = Played()
    pulse = machine.pulse()
    for _ in range(100):
        machine.pass_by(NOTICED_S, set_by_s=0.9 * CLOCK_SET_S)
        assert pulse.feel() is None


def test_a_gap_reads_as_a_person_says_it() -> None:
    """What, and for how long."""
    assert str(Gap(1000.0, 1061.23, "machine suspended")) == "machine suspended for 61.2 s"


def test_the_clock_goes_on_and_never_back() -> None:
    """In steps far smaller than an answer takes: else an interval would miss what it must contain."""
    read = [now_s() for _ in range(10_000)]
    assert read == sorted(read)
    until_s = now_s() + 0.05
    steps = set()
    while (at_s := now_s()) < until_s:
        steps.add(at_s)
    assert len(steps) > 50


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="only Linux has that clock")
def test_on_linux_the_clock_is_the_one_that_goes_on_while_the_machine_sleeps() -> None:
    """Python's own stands still then, and a delay would come out too short."""
    before_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before_s <= now_s() <= time.clock_gettime(time.CLOCK_BOOTTIME)
