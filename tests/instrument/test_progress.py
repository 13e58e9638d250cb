"""What the terminal says while a watch waits, and when it is over."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from afterglow.clock import Gap
from afterglow.conductor import Lane, Role
from afterglow.delay import Interval, Verdict
from afterglow.measurement import Absent, Control, LayerResult, Measurement
from afterglow.progress import Picture, Progress, View, delays_table, fold, view
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


def lane(layer: str, session: str = "secondary", *, role: Role = Role.DOOR, begun: bool = True) -> Lane:
    patience = Patience(quiet_s=1.0, grace_s=5.0, assumed_edges=1)
    watch = LayerWatch(session, layer, Schedule(30.0), patience, MOMENTS if begun else None)
    return Lane(watch, NeverAsked(), role=role)


def read(lane: Lane, at_s: float, state: State, code: str = "") -> None:
    """One answer, so many seconds after the log-out, to a request sent 50 ms before."""
    sent_s = 100 + at_s - 0.05
    lane.watch.take(Reading(lane.watch.session, lane.watch.layer, sent_s, 100 + at_s, state, code))


def log() -> Console:
    return Console(file=StringIO(), force_terminal=False, width=100)


def terminal(width: int = 100, height: int = 30) -> Console:
    return Console(
        file=StringIO(), force_terminal=True, force_interactive=True, width=width, height=height, _environ={}
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
        lanes.append(lane("session", "primary", role=Role.CONTROL))
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
        progress.tick([access, page, lane("session", "primary", role=Role.CONTROL)], 107.0)
    shown = written(console)
    for words in ("1 of 2 settled, 7.0 s since the log-out, window 30 s", "4.11 to 4.33 s", "in 1.5 s"):
        assert words in shown
    for words in ("revoked", "alive", "control: primary not asked"):
        assert words in shown


def doors(number: int, session: str) -> list[Lane]:
    """So many doors of a session; every third one has settled."""
    lanes = [lane(f"door{each}", session) for each in range(number)]
    for each, one in enumerate(lanes):
        if each % 3:
            read(one, 5.0, ALIVE)
        else:
            settle(one)
    return lanes


def picture(lanes: Sequence[Lane], room: int) -> list[str]:
    """The lines of the picture, without their styles."""
    lines = Picture("log out all", 30.0, [view(lane) for lane in lanes], 7.0).lines(room)
    return ["".join(text for text, _ in line) for line in lines]


def test_a_picture_names_every_door_if_there_is_room() -> None:
    """Twelve doors of two sessions, each with a line, and its session said where it begins."""
    lines = picture([*doors(12, "primary"), *doors(12, "secondary")], room=40)
    assert len(lines) == 2 + 24
    assert sum("primary" in line for line in lines) == sum("secondary" in line for line in lines) == 1
    assert all(sum(f" door{each} " in line for line in lines) == 2 for each in range(12))


@pytest.mark.parametrize("room", [23, 14, 8])
def test_a_low_terminal_folds_settled_doors_into_one_line(room: int) -> None:
    """What has settled needs no line of its own; if that is not enough, what refuses keeps one longest."""
    lanes = [*doors(12, "primary"), *doors(12, "secondary")]
    read(lanes[-1], 5.5, REVOKED, "token_revoked")
    lines = picture([*lanes, lane("row", role=Role.CLOCK)], room)
    assert len(lines) <= room
    (settled,) = (line for line in lines if line.startswith("8 settled: primary door0 4.33, door3 4.33"))
    assert "secondary door0 4.33" in settled
    assert any("door11" in line and "token_revoked" in line for line in lines)
    assert lines[-1] == "seen: row gone secondary -"


def test_folding_loses_no_door() -> None:
    """Every door is shown, or told among the others."""
    views = [view(lane) for lane in doors(24, "primary")]
    for room in range(1, 30):
        shown, lines = fold(views, room)
        told = " ".join(text for line in lines for text, _ in line).replace(",", "")
        assert all(each in shown or f"{each.layer} " in f"{told} " for each in views)
        assert room < 4 or len(shown) + len(lines) <= room


def test_clocks_are_told_in_one_line_and_not_waited_for() -> None:
    """A row that is gone lets nobody in or out: it is never counted among the doors."""
    row, notice, access = lane("row", role=Role.CLOCK), lane("notice", role=Role.CLOCK), lane("access")
    settle(row)
    read(notice, 5.0, ALIVE)
    lines = picture([row, access, notice], room=20)
    assert lines[-1] == "seen: row gone secondary 4.33; tab noticed secondary -"
    assert "0 of 1 settled" in lines[0]
    assert not any(line.startswith("row") for line in lines)


def test_a_door_that_was_given_up_says_why() -> None:
    """Where the budget is spent nobody looks any more, and the line says so instead of a next look."""
    console, access = log(), lane("access")
    read(access, 1.0, ALIVE)
    access.stopped = "the budget of 9 requests is spent"
    with Progress(console, 30.0, "log out one") as progress:
        progress.tick([access], 101.5)
    assert "ended: the budget of 9 requests is spent" in written(console)


@pytest.mark.parametrize("console", [log(), terminal()], ids=["log", "terminal"])
def test_what_is_not_applicable_is_said_once(console: Console) -> None:
    """A reader must know which doors are not there, but not forever."""
    absent = (Absent("secondary", "codex", "no Codex here"), Absent("secondary", "platform", "no Codex here"))
    with Progress(console, 30.0, "log out one", absent) as progress:
        for tick in range(100):
            progress.tick([lane("access")], 101.0 + tick)
    assert written(console).count("not applicable: secondary codex, platform: no Codex here") == 1


@pytest.mark.parametrize(("from_s", "pictures"), [(1.0, 6), (61.0, 2)])
def test_a_terminal_is_drawn_less_often_after_the_first_minute(from_s: float, pictures: int) -> None:
    """Five times a second at first, then once: half an hour of watching is not half an hour of drawing."""
    drawn: list[float | None] = []

    class Counting(Progress):
        """Notes every picture."""

        def _show(self) -> float | None:
            drawn.append(since_s := super()._show())
            return since_s

    with Counting(terminal(), 1800.0, "log out all") as progress:
        for tick in range(54):
            progress.tick([lane("access")], 100 + from_s + tick / 50)
    assert len(drawn) == pictures + 1  # and one at the end


def test_a_view_is_worked_out_only_from_what_came_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane that said nothing new is not read again, however often it is drawn."""
    worked_out: list[str] = []

    def counting(lane: Lane, first_like: Reading | None = None) -> View:
        worked_out.append(lane.watch.layer)
        return view(lane, first_like)

    monkeypatch.setattr("afterglow.progress.view", counting)
    access, page = lane("access"), lane("page")
    with Progress(terminal(), 30.0, "log out one") as progress:
        for second in range(10):
            read(access, second, ALIVE)
            progress.tick([access, page], 100.5 + second)
    assert worked_out.count("access") == 10
    assert worked_out.count("page") == 1


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
    (access,) = (line for line in lines if line.startswith("   access"))
    (total,) = (line for line in lines if line.startswith(" all devices"))
    assert access.split()[1:] == ["4.11", "to", "4.23", "4.18", "0", "312", "4", "<0.1%", "within"]
    assert total.split()[2:] == ["5.00", "to", "6.50", "4.18", "2", "624", "8", "<0.1%", "within"]
    assert max(map(len, lines)) <= width


def test_the_table_sums_up_each_session() -> None:
    """Each session is out when its slowest layer is, and its layers stand below it."""
    both = replace(ONE, action="log out all", layers=(layer("primary", "page", Interval(1, 2)), ACCESS, PAGE))
    lines = table([ONE, both])
    first, second = lines.index(next(line for line in lines if line.startswith(" primary "))), len(lines)
    assert "1.00 to 2.00" in lines[first]
    assert lines[first + 1].startswith("   page")
    assert sum(" secondary  " in line and "5.00 to 6.50" in line for line in lines[:second]) == 2
    assert sum(line.startswith(" all devices") for line in lines) == 2


def test_the_table_invents_no_end_and_no_chance() -> None:
    """A layer that never settled has neither, nor has what contains it."""
    endless = layer("secondary", "access", Interval(35.0, math.inf), chance=None)
    lines = table([replace(ONE, layers=(endless, PAGE))])
    for name in ("   access", " all devices"):
        (line,) = (line for line in lines if line.startswith(name))
        assert "over 35.00 " in line
        assert line.split()[-2:] == ["-", Verdict.LATE.value]


def test_the_table_says_what_became_of_the_control_and_why_nothing_counts() -> None:
    """A control that died makes every delay of its log-out undetermined, and the reason stands below."""
    control = Control("primary", (), died=True)
    why = "the control primary was signed out too"
    lines = table([replace(ONE, controls=(control,), undermined=why)], width=120)
    assert any(line.startswith("   primary") and "was ended too" in line for line in lines)
    assert any(line.endswith("undetermined") for line in lines)
    assert why in " ".join(" ".join(lines).split())


def test_the_table_tells_clocks_from_doors() -> None:
    """A clock is seen or not seen; it has no verdict, and no total contains it."""
    row = layer("secondary", "row", Interval(0.2, 0.4), chance=None)
    notice = layer("secondary", "notice", Interval(35.0), chance=None)
    lines = table([replace(ONE, clocks=(row, notice))])
    gone, noticed = lines.index(" row gone"), lines.index(" tab noticed")
    assert re.fullmatch(r"   secondary .* seen", lines[gone + 1])
    assert lines[noticed + 1].endswith(" not seen")
    (total,) = (line for line in lines if line.startswith(" all devices"))
    assert "5.00 to 6.50" in total
    assert "not counted as sign-out" in " ".join(" ".join(lines).split())


def test_below_the_table_stands_everything_beside_the_numbers() -> None:
    """What is not there and why, when nobody looked, what looking did, what it cost, what was given up."""
    late = replace(PAGE, delay=Interval(31.0), verdict=Verdict.LATE, stopped="the budget of 900 is spent")
    lines = table(
        [
            replace(
                ONE,
                layers=(replace(ACCESS, renewals=3), late),
                absent=(Absent("secondary", "stream", "no answer was under way"),),
                gaps=(Gap(103.0, 164.2, "machine suspended"),),
                requests={"secondary": 1812, "primary": 9},
                budget=2000,
            )
        ]
    )
    below = " ".join(" ".join(lines).split())
    for words in (
        "not applicable secondary stream: no answer was under way",
        "gaps Nobody looked from 3.0 to 64.2 s: machine suspended.",
        "looking the site set the cookie of the secondary session anew 3 times",
        "stopped secondary page: the budget of 900 is spent",
        "requests secondary 1,812; primary 9; of 2,000 each",
    ):
        assert words in below
    assert max(map(len, lines)) <= 80


def test_a_table_of_many_doors_and_long_delays_fits_eighty_columns() -> None:
    """A window of half an hour has the longest numbers; no name may be broken by them."""
    names = ("page", "session", "access", "replay", "elsewhere", "mint", "platform", "message")
    many = [layer(who, name, Interval(1711.6, 1716.4)) for who in ("primary", "secondary") for name in names]
    clocks = (layer("secondary", "notice", Interval(1800.1), chance=None),)
    lines = table(
        [replace(ONE, window_s=1800.0, layers=(*many, replace(many[0], delay=Interval(9.0))), clocks=clocks)]
    )
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("   elsewhere ") for line in lines) == 2
    assert " tab noticed" in lines
