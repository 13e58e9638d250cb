"""What the terminal says while a watch waits, and when it is over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from afterglow.conductor import Lane
from afterglow.delay import Interval, Verdict
from afterglow.measurement import Control, LayerResult, Measurement
from afterglow.progress import Progress, delays_table
from afterglow.readings import Answer, Moments, Reading, State
from afterglow.schedule import Schedule
from afterglow.watch import LayerWatch, Patience

MOMENTS = Moments(clicked_s=99.8, requested_s=99.9, acknowledged_s=100.0)
ALIVE, REVOKED, UNKNOWN = State.ALIVE, State.REVOKED, State.UNKNOWN


class NeverAsked:
    """A probe for lanes that are filled by hand."""

    async def ask(self) -> Answer:
        """Not in these tests."""
        raise AssertionError("nobody asks in these tests")


def lane(layer: str, session: str = "secondary", *, control: bool = False, begun: bool = True) -> Lane:
    patience = Patience(quiet_s=1.0, grace_s=5.0, assumed_edges=1, looks=2)
    watch = LayerWatch(session, layer, Schedule(30.0), patience, MOMENTS if begun else None)
    return Lane(watch, NeverAsked(), control=control)


def read(lane: Lane, at_s: float, state: State, code: str = "") -> None:
    """One answer, so many seconds after the log-out, to a request sent 50 ms before."""
    sent_s = 100 + at_s - 0.05
    lane.watch.take(Reading(lane.watch.session, lane.watch.layer, sent_s, 100 + at_s, state, code))


def log() -> Console:
    return Console(file=StringIO(), force_terminal=False, width=100)


def terminal(width: int = 100) -> Console:
    return Console(
        file=StringIO(), force_terminal=True, force_interactive=True, width=width, height=30, _environ={}
    )


def written(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def settle(lane: Lane, at_s: float = 4.228) -> None:
    read(lane, at_s - 0.066, ALIVE)
    for later_s in (0.0, 0.5, 1.0, 1.5, 2.0):
        read(lane, at_s + later_s, REVOKED, "token_revoked")


def test_a_log_gets_a_line_when_a_layer_changes_and_one_when_it_settles() -> None:
    """The line names the layer, when the answers changed, what they are now, and at the end the delay."""
    console, access = log(), lane("access")
    with Progress(console, 30.0, "log out one") as progress:
        read(access, 1.004, ALIVE)
        progress.tick([access], 101.1)
        for at_s in (4.228, 4.3):
            read(access, at_s, REVOKED, "token_revoked")
        progress.tick([access], 104.4)
        for at_s in (4.8, 5.3, 5.8):
            read(access, at_s, REVOKED, "token_revoked")
        progress.tick([access], 107.0)
    lines = written(console).splitlines()[1:]
    assert lines[0] == "   1.00 s  secondary access    alive"
    assert lines[1] == "   4.23 s  secondary access    revoked (token_revoked)"
    assert lines[2] == "   5.80 s  secondary access    revoked (token_revoked)  settled: 0.95 to 4.33 s"
    assert len(lines) == 3


def test_a_log_says_that_a_layer_came_back() -> None:
    """The first time that a layer comes back is worth a line; the last line counts how often it did."""
    console, access = log(), lane("access")
    with Progress(console, 30.0, "log out one") as progress:
        read(access, 1.0, REVOKED, "token_revoked")
        progress.tick([access], 101.0)
        read(access, 2.0, ALIVE)
        progress.tick([access], 102.0)
        read(access, 2.1, ALIVE)
        read(access, 2.2, REVOKED, "token_revoked")
        progress.tick([access], 103.0)
        for step in range(60):
            read(access, 2.3 + step / 10, REVOKED, "token_revoked")
        progress.tick([access], 110.0)
    lines = [line for line in written(console).splitlines() if "secondary access" in line]
    assert lines[1] == "   2.00 s  secondary access    alive again  came back once"
    assert "came back 2 times  settled:" in lines[2]
    assert len(lines) == 3


def test_what_came_after_the_last_tick_is_still_told() -> None:
    """A watch ends with its last reading, and nobody ticks after it."""
    console, access = log(), lane("access")
    with Progress(console, 30.0, "log out one") as progress:
        progress.tick([access], 101.0)
        settle(access)
    assert "settled: 4.11 to 4.33 s" in written(console)


def test_a_quiet_log_shows_life_every_fifteen_seconds() -> None:
    """A nightly job that says nothing for half an hour looks as if it hung."""
    console, access, replay = log(), lane("access"), lane("replay")
    settle(replay)
    read(access, 1.0, ALIVE)
    with Progress(console, 1800.0, "log out one") as progress:
        for tick in range(40 * 50):
            progress.tick([access, replay], 107.0 + tick / 50)
    beats = [line for line in written(console).splitlines() if "waiting for" in line]
    assert len(beats) == 2
    assert "s since the log-out, window 1800 s, 1 of 2 settled, waiting for secondary access" in beats[0]


def test_ticks_in_a_row_write_nothing_new() -> None:
    """The display is called fifty times a second, and is silent unless there is something to say."""
    console, access = log(), lane("access")
    read(access, 1.0, ALIVE)
    with Progress(console, 30.0, "log out one") as progress:
        for tick in range(500):
            progress.tick([access], 101.0 + tick / 50)
    assert len(written(console).splitlines()) == 2


def test_before_the_log_out_no_time_is_invented() -> None:
    """Times count from the log-out; before it there is nothing to count from."""
    console, access = log(), lane("access", begun=False)
    with Progress(console, 30.0, "log out one") as progress:
        read(access, -3.0, ALIVE)
        progress.tick([access], 97.0)
    assert "before the log-out  secondary access    alive\n" in written(console)


def test_a_lane_may_come_later_and_a_control_is_marked() -> None:
    """A session that must stay alive is told apart from those that are waited for."""
    console, lanes = log(), [lane("access")]
    with Progress(console, 30.0, "log out one") as progress:
        read(lanes[0], 1.0, ALIVE)
        progress.tick(lanes, 101.0)
        lanes.append(lane("session", "primary", control=True))
        settle(lanes[1])
        progress.tick(lanes, 107.0)
    assert "primary session (control)  revoked (token_revoked)  settled: was ended too" in written(console)


@pytest.mark.parametrize("console", [log(), terminal()], ids=["log", "terminal"])
def test_a_code_cannot_play_with_the_terminal(console: Console) -> None:
    """A code comes from the site as it is: neither markup nor escape sequences in it may take effect."""
    access = lane("access")
    with Progress(console, 30.0, "log out one") as progress:
        read(access, 1.0, REVOKED, "[red]\x1b[2J\n\x07:smile:" + "long" * 50)
        progress.tick([access], 101.0)
    assert "[red] [2J" in written(console)
    assert "\x1b[2J" not in written(console)
    assert "\x07" not in written(console)


def test_a_log_holds_no_control_characters() -> None:
    """Whatever keeps a CI's log may show it as it is."""
    console, access = log(), lane("access")
    with Progress(console, 30.0, "log out one") as progress:
        settle(access)
        progress.tick([access], 107.0)
    assert all(letter.isprintable() or letter == "\n" for letter in written(console))


@pytest.mark.parametrize("width", [80, 100])
def test_a_terminal_shows_every_lane_with_its_delay(width: int) -> None:
    """One picture: which layer, what it answers, when it is asked again, and how long it outlived."""
    console, access, page = terminal(width), lane("access"), lane("page")
    settle(access)
    read(page, 5.0, ALIVE)
    page.next_at_s = 108.5
    with Progress(console, 30.0, "log out one") as progress:
        progress.tick([access, page, lane("session", "primary", control=True)], 107.0)
    shown = written(console)
    for words in ("7.0 s since the log-out, window 30 s", "1 of 2 settled", "4.11 to 4.33 s", "in 1.5 s"):
        assert words in shown
    for words in ("revoked", "alive", "not asked", "(control)"):
        assert words in shown


def test_a_terminal_is_drawn_at_most_five_times_a_second() -> None:
    """The display must leave the processor to the probes."""
    console, access = terminal(), lane("access")
    with Progress(console, 30.0, "log out one") as progress:
        for tick in range(100):
            progress.tick([access], 101.0 + tick / 50)
    assert 2 <= written(console).count("since the log-out") <= 12


def test_a_failure_gives_the_terminal_back() -> None:
    """Whatever breaks the watch, the cursor is shown again."""
    console = terminal()
    with pytest.raises(RuntimeError, match="probe broke"), Progress(console, 30.0, "log out one"):
        raise RuntimeError("probe broke")
    assert written(console).rstrip("\n").endswith("\x1b[?25h")


def layer(
    session: str, name: str, delay: Interval, *, flaps: int = 0, chance: float | None = 0.0004
) -> LayerResult:
    readings = (Reading(session, name, 101.0, 101.1, ALIVE),) * 312
    return LayerResult(
        session, name, delay, delay.verdict(30.0), 4.18, 6.2, flaps, 4, ("token_revoked",), chance, readings
    )


def table(measurements: Sequence[Measurement], width: int = 80) -> list[str]:
    """The table as it is printed, line by line."""
    console = Console(file=StringIO(), force_terminal=False, width=width)
    console.print(delays_table(measurements))
    return [line.rstrip() for line in written(console).splitlines()]


ACCESS = layer("secondary", "access", Interval(4.115, 4.225))
PAGE = layer("secondary", "page", Interval(5.0, 6.5), flaps=2)
ONE = Measurement("log out one", 30.0, MOMENTS, (ACCESS, PAGE))


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_has_a_row_for_each_layer_and_one_for_all_devices(width: int) -> None:
    """Delay, first refusal, flaps, readings, unknown, the chance of a missed server, and the verdict."""
    lines = table([ONE], width)
    (access,) = (line for line in lines if line.startswith(" secondary access"))
    (total,) = (line for line in lines if line.startswith(" all devices"))
    assert access.split()[2:] == ["4.11", "to", "4.23", "4.18", "0", "312", "4", "<0.1%", "within"]
    assert total.split()[2:] == ["5.00", "to", "6.50", "4.18", "2", "624", "8", "<0.1%", "within"]
    assert max(map(len, lines)) <= 80


def test_the_table_sums_up_each_session_if_there_are_several() -> None:
    """Each session is out when its slowest layer is."""
    both = replace(ONE, action="log out all", layers=(layer("primary", "page", Interval(1, 2)), ACCESS, PAGE))
    lines = table([ONE, both])
    assert any(line.startswith(" primary  ") and "1.00 to 2.00" in line for line in lines)
    assert any(line.startswith(" secondary  ") and "5.00 to 6.50" in line for line in lines)
    assert sum(line.startswith(" all devices") for line in lines) == 2


def test_the_table_invents_no_end_and_no_chance() -> None:
    """A layer that never settled has neither, nor has what contains it."""
    endless = layer("secondary", "access", Interval(35.0, math.inf), chance=None)
    lines = table([replace(ONE, layers=(endless, PAGE))])
    for name in (" secondary access", " all devices"):
        (line,) = (line for line in lines if line.startswith(name))
        assert "over 35.00 " in line
        assert line.split()[-2:] == ["-", Verdict.LATE.value]


def test_the_table_says_what_became_of_the_control_and_why_nothing_counts() -> None:
    """A control that died makes every delay of its log-out undetermined, and the reason stands below."""
    control = Control("primary", (), died=True)
    why = "the control primary was signed out too"
    lines = table([replace(ONE, controls=(control,), undermined=why)], width=120)
    assert any("primary (control)" in line and "was ended too" in line for line in lines)
    assert any(line.endswith("undetermined") for line in lines)
    assert why in " ".join(" ".join(lines).split())
