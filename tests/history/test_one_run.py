"""One run of the past: what its file tells, whoever wrote it and whatever happened to it since."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from afterglow.conductor import Lane, Role
from afterglow.delay import Interval, Verdict
from afterglow.history.one_run import NO_LOG_OUT, read_past_run
from afterglow.history.past import PastRun
from afterglow.measurement import Age
from afterglow.record import VERSION
from afterglow.runs import NO_END, NotARun, read_run
from tests.history.nights import BROWSER, MACHINE, MadeUp, doors_of, from_lines, made_up, some_lanes
from tests.instrument.made_up_runs import GONE, STARTED, STILL_IN, lane, lanes_of_a_run, watch_lines

WHOLE = made_up(lanes=doors_of("aaar" + 12 * "r", STILL_IN))


def read(run: MadeUp) -> PastRun:
    """Read a run's file, which may then go."""
    with TemporaryDirectory() as folder:
        return read_past_run(run.put(Path(folder)))


def alike(run: PastRun) -> PastRun:
    """A run without where it was read, and what is told of its file."""
    return replace(run, path=Path(), notes=())


# Whole files


@given(some_lanes())
@settings(max_examples=60)
def test_what_a_run_says_of_itself_is_what_its_readings_say(lanes: list[Lane]) -> None:
    """A run whose file is whole is not worked out again, and nobody can tell.

    The same file with a damaged line, which says nothing, is worked out from its readings.
    """
    whole = made_up(lanes=lanes)
    quick, exact = read(whole), read(whole.scratched())
    assert quick.notes == ()
    assert len(exact.notes) == 1
    assert alike(quick) == alike(exact)


@pytest.mark.parametrize("more", [b"?", b"?\n", b'{"kind": "reading", "watch": 1\n'])
def test_whatever_is_damaged_is_told(more: bytes) -> None:
    """A file whose run summed everything up is searched for it too."""
    assert len(read(WHOLE.changed(WHOLE.content + more)).notes) == 1


def test_a_run_is_read_with_all_that_is_known_of_it() -> None:
    """Where, when, by what, of which night; and every door of every log-out."""
    run = read(made_up(night="20261121T021500Z-1a2b", repetition=2, target="chatgpt"))
    assert (run.id, run.started, run.state) == (
        "00000001",
        datetime(2026, 11, 21, 2, 15, tzinfo=UTC),
        "complete",
    )
    assert (run.target, run.site, run.window_s) == ("chatgpt", "https://chatgpt.com", 8.0)
    assert (run.night, run.repetition) == ("20261121T021500Z-1a2b", 2)
    assert (run.machine, run.browser, run.engine) == ("0badcafe", "chromium 156.0.7000.1", "chromium")
    assert run.telemetry == {"requests": 812, "wall_s": 51.25, "failures": {"http_503": 2}}
    assert run.notes == ()
    [log_out] = run.log_outs
    assert (log_out.run, log_out.number, log_out.action) == (run.id, 1, "log out one")
    assert log_out.clicked == datetime.fromisoformat(STARTED)
    assert (log_out.window_s, log_out.verdict, log_out.usable) == (8.0, Verdict.UNDETERMINED, True)
    assert log_out.why == "secondary access outlived the log-out by over 1.70 s"
    assert log_out.ages == {"secondary": Age(12.5, None)}
    session, access = log_out.doors
    assert (session.session, session.layer, session.delay) == ("secondary", "session", Interval(0.9, 1.5043))
    assert (access.layer, access.delay, access.flaps) == ("access", Interval(1.7, math.inf), 2)
    assert (access.readings, access.unknowns) == (len(STILL_IN), 1)


@pytest.mark.parametrize(
    ("told", "site"),
    [
        ({"target": "replica"}, None),
        ({"target": "replica", "base_url": "http://127.0.0.1:8123/"}, "http://127.0.0.1:8123"),
        ({"target": "chatgpt"}, "https://chatgpt.com"),
        ({"target": "chatgpt", "base_url": "https://chat.example/"}, "https://chat.example"),
    ],
)
def test_a_site_is_known_by_its_address(told: dict[str, Any], site: str | None) -> None:
    """A replica that a run started itself has one that says nothing."""
    assert read(made_up(**told)).site == site


def test_a_run_of_no_night_is_a_night_of_its_own() -> None:
    run = read(made_up(7))
    assert (run.night, run.repetition) == ("00000007", None)


def test_a_log_out_whose_control_died_is_kept_but_not_usable() -> None:
    """Its delays may be those of something else."""
    lanes = [lane("secondary", "session", GONE), lane("primary", "session", "a" + 40 * "r", Role.CONTROL)]
    whole = made_up(lanes=lanes)
    for run in (read(whole), read(whole.scratched()), read(whole.killed())):
        [log_out] = run.log_outs
        assert (log_out.usable, log_out.verdict) == (False, Verdict.UNDETERMINED)
        assert log_out.why == "the control primary was signed out too, although nobody ended it"


def test_a_run_that_logged_nothing_out_is_a_run_nevertheless() -> None:
    run = read(from_lines(3, [MACHINE, BROWSER, ("settings", {"target": "replica"})]))
    assert (run.log_outs, run.window_s, run.notes) == ((), 30.0, (NO_LOG_OUT,))


# Others


def test_a_killed_run_counts_as_far_as_it_had_come() -> None:
    """What had settled by then is known; and its file says that it was killed."""
    run = read(made_up(lanes=doors_of(GONE, STILL_IN)).killed())
    assert (run.state, run.notes) == ("interrupted", (NO_END,))
    [log_out] = run.log_outs
    assert [str(door.delay) for door in log_out.doors] == ["0.90 to 1.51 s", "over 1.70 s"]
    assert (log_out.usable, log_out.why) == (True, "the watch was interrupted")


@given(st.integers(0, len(WHOLE.content)))
@settings(max_examples=150)
def test_a_file_that_breaks_off_anywhere_tells_nothing_that_is_not_so(length: int) -> None:
    """Each door is as it was, or open: nothing settles because its readings are missing."""
    run = read(WHOLE.changed(WHOLE.content[:length]))
    doors = {door.layer: door for log_out in read(WHOLE).log_outs for door in log_out.doors}
    for door in (door for log_out in run.log_outs for door in log_out.doors):
        assert door.lower_s <= doors[door.layer].lower_s
        assert door.upper_s >= doors[door.layer].upper_s
    assert run.id == WHOLE.id
    assert (run.state, run.notes) == ("complete", ()) if length >= len(WHOLE.content) - 1 else run.notes


@given(st.integers(0, len(WHOLE.content) - 1), st.binary(max_size=40))
@settings(max_examples=150)
def test_a_file_that_is_damaged_anywhere_never_raises(at: int, instead: bytes) -> None:
    content = WHOLE.content[:at] + instead + WHOLE.content[at + len(instead) :]
    assert read(WHOLE.changed(content)).id


@given(st.binary(max_size=400))
def test_any_bytes_are_a_run_or_are_refused_in_one_line(content: bytes) -> None:
    """Also under the name of a run."""
    read(WHOLE.changed(content))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "notes.jsonl"
        path.write_bytes(content)
        with pytest.raises(NotARun, match=r"^\S+notes\.jsonl is not the file of a run: [^\n]+$"):
            read_past_run(path)


@pytest.mark.parametrize(
    "utc", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "yesterday", 17, None]
)
def test_a_time_that_cannot_be_is_not_believed(utc: object) -> None:
    """The head's: then the file's name tells. The click's: then it counts from the run's begin."""
    whole = made_up()
    of_head = whole.changed(
        whole.content.replace(json.dumps(whole.started.isoformat()).encode(), json.dumps(utc).encode())
    )
    assert read(of_head).started == whole.started
    if isinstance(utc, str):
        of_click = whole.changed(whole.content.replace(STARTED.encode(), utc.encode()))
        assert read(of_click).log_outs[0].clicked.year in (9999, 2026)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes with names")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "20261121T150401Z-0123abcd.jsonl")
    with pytest.raises(NotARun, match="it is a pipe"):
        read_past_run(tmp_path / "20261121T150401Z-0123abcd.jsonl")


@pytest.mark.parametrize("first", [WHOLE, WHOLE.killed(), WHOLE.changed(b"?\n")])
def test_runs_that_were_put_into_one_file_are_not_taken_for_one(tmp_path: Path, first: MadeUp) -> None:
    """Their readings would be mixed: each claims to be of the first watch."""
    path = first.changed(first.content + made_up(2).content + made_up(3).content).put(tmp_path)
    with pytest.raises(NotARun, match=r"holds more than one run: let each have a file of its own$"):
        read_past_run(path)


# Older formats, as they were written then

HERE = Path(__file__).parent
FIRST_FORMAT = (HERE / "first_format.jsonl").read_text(encoding="utf-8")
SECOND_FORMAT = (HERE / "second_format.jsonl").read_text(encoding="utf-8")


def of_the_past(folder: Path, text: str) -> PastRun:
    """Read a file of an older format."""
    path = folder / "old.jsonl"
    path.write_text(text, encoding="utf-8")
    return read_past_run(path)


def test_a_run_of_the_first_format_is_read(tmp_path: Path) -> None:
    """It knows of no machine, no browser and no ages; its delay is the one that the run had found."""
    run = of_the_past(tmp_path, FIRST_FORMAT)
    assert (run.id, run.state, run.target, run.window_s) == ("5e7a51de", "complete", "replica", 30.0)
    assert (run.machine, run.browser, run.night, dict(run.telemetry)) == (None, None, "5e7a51de", {})
    [log_out] = run.log_outs
    assert (log_out.verdict, log_out.usable, log_out.why) == (Verdict.WITHIN, True, None)
    assert [(door.layer, door.delay, door.readings) for door in log_out.doors] == [
        ("access", Interval(4.1, 4.3601), 3)
    ]


def test_a_run_of_the_second_format_is_read(tmp_path: Path) -> None:
    """It said how it watched, and left it to its readings what its controls say."""
    run = of_the_past(tmp_path, SECOND_FORMAT)
    assert (run.site, run.window_s, run.notes) == ("https://chatgpt.com", 1800.0, ())
    [log_out] = run.log_outs
    assert (log_out.verdict, log_out.usable) == (Verdict.WITHIN, True)
    assert log_out.ages == {"primary": Age(29.093, 1.091)}
    assert log_out.delay == Interval(4.1, 4.3601)


def test_a_control_that_failed_in_the_second_format_makes_its_log_out_unusable(tmp_path: Path) -> None:
    lines = SECOND_FORMAT.splitlines(keepends=True)
    blind = [line.replace('"alive"', '"unknown"') if "newcomer" in line else line for line in lines]
    run = of_the_past(tmp_path, "".join(blind))
    [log_out] = run.log_outs
    assert (log_out.usable, log_out.verdict) == (False, Verdict.UNDETERMINED)
    assert log_out.why == "the control newcomer was not once seen alive"


def test_a_newer_format_is_left_to_a_newer_afterglow(tmp_path: Path) -> None:
    with pytest.raises(NotARun, match=rf"is of format {VERSION + 1}, .* read it with a newer one$"):
        of_the_past(tmp_path, FIRST_FORMAT.replace('"v": 1', f'"v": {VERSION + 1}'))


def test_the_readings_of_a_run_are_worked_out_once_more_where_it_did_not_sum_up_all_of_them(
    tmp_path: Path,
) -> None:
    """A log-out without its measurement, in a file that has its end."""
    lines = list(watch_lines(lanes_of_a_run()))
    path = from_lines(4, lines).put(tmp_path)
    [log_out] = read_past_run(path).log_outs
    [measurement] = read_run(path).measurements
    assert [str(door.delay) for door in log_out.doors] == [str(layer.delay) for layer in measurement.layers]
