"""A night as such: what fails is contained, what hangs is ended, one at a time, and it always tells."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cli.limited import Ended, Ending
from cli.night_record import Code, Found, State
from cli.stages import Night, Plan
from tests.nightly.conftest import FakedNight
from tests.suite.conftest import wait_for

pytestmark = pytest.mark.skipif(os.name != "posix", reason="processes are asked to end as on POSIX")

FINE = "fine=print('all is well')"
READY = "import pathlib; pathlib.Path({!r}).touch(); "
WAITS = "import time; time.sleep(600)"
DEAF = "import signal; [signal.signal(n, signal.SIG_IGN) for n in (signal.SIGINT, signal.SIGTERM)]; "
HARDENED = """
import pathlib, signal
signal.signal(signal.SIGINT, lambda *_: pathlib.Path({heard!r}).touch())
signal.signal(signal.SIGTERM, signal.SIG_IGN)
"""
TIDIES = """
import pathlib, time
try:
    pathlib.Path({ready!r}).touch()
    time.sleep(600)
except KeyboardInterrupt:
    pathlib.Path({tidied!r}).touch()
    raise SystemExit(2)
"""


def test_a_stage_that_fails_stops_none_after_it(night: FakedNight) -> None:
    code, said = night.run("first=raise SystemExit(3)", "second=import nothing_of_the_kind", FINE)
    assert code == 2, said
    assert night.states == {"first": "failed", "second": "failed", "fine": "done"}
    assert "all is well" in said
    assert night.record["state"] == "complete"


def test_what_goes_wrong_in_the_nights_own_hands_stops_nothing_either() -> None:
    """A file that cannot be read, a disk that is full: it is told of that stage, and the next one begins."""

    def fails(_ended: Ended) -> Found:
        raise OSError("no space left on device")

    found: list[Found] = []
    plans = [Plan("copies", (), 1, found=fails), Plan("after", (), 1)]
    Night(Ending(), 60, lambda _: None, found.append).go(plans)
    assert [each.stage.state for each in found] == [State.FAILED, State.DONE]
    assert found[0].stage.code is Code.NOT_MEASURED
    assert found[0].stage.why == "OSError: no space left on device"


def test_what_would_begin_after_the_end_of_the_night_is_left_out() -> None:
    found: list[Found] = []
    Night(Ending(), 0, lambda _: None, found.append).go([Plan("late", (), 1)])
    [late] = found
    assert (late.stage.state, late.stage.code) == (State.LEFT_OUT, Code.NOT_MEASURED)


def test_a_night_without_trouble_ends_with_0(night: FakedNight) -> None:
    code, said = night.run(FINE)
    assert code == 0, said
    assert "all within the window (exit code 0)" in said


def test_a_stage_that_hangs_is_ended_with_all_that_it_started_and_told_as_such(
    night: FakedNight, tmp_path: Path
) -> None:
    """It heeds neither Ctrl-C nor the request to end, and nor does its child."""
    pid = tmp_path / "pid"
    child = f"{DEAF}{WAITS}"
    hangs = (
        f"{DEAF}import pathlib, subprocess, sys; "
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}]); "
        f"pathlib.Path({str(pid)!r}).write_text(str(child.pid)); {WAITS}"
    )
    code, said = night.run(f"hangs={hangs}", FINE, FAKED_LIMIT_S="2", FAKED_CLEAN_UP_S="1")
    assert code == 2, said
    assert night.states == {"hangs": "hung", "fine": "done"}
    assert "it hung, and was ended" in said
    wait_for(lambda: not is_running(int(pid.read_text())), "the child to be gone", within_s=10)


def is_running(pid: int) -> bool:
    """Whether there is such a process, and it is not one that only nobody has waited for."""
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_asked_to_end_it_lets_the_stage_finish_in_order_and_writes_its_summary(
    night: FakedNight, tmp_path: Path, number: signal.Signals
) -> None:
    """The program under way hears Ctrl-C, which it obeys in order; no other begins."""
    ready, tidied = tmp_path / "ready", tmp_path / "tidied"
    process = night.start(FINE, f"slow={TIDIES.format(ready=str(ready), tidied=str(tidied))}", "after=pass")
    wait_for(ready.exists, "the second stage")
    process.send_signal(number)
    code, said = night.ended(process)
    assert code == 130, said
    assert tidied.exists()
    assert night.states == {"fine": "done", "slow": "interrupted", "after": "left out"}
    assert night.record["state"] == "interrupted"
    assert "interrupted (exit code 130)" in said


def test_asked_twice_it_ends_at_once_and_tells_all_the_same(night: FakedNight, tmp_path: Path) -> None:
    ready, heard = tmp_path / "ready", tmp_path / "heard"
    deaf = f"deaf={HARDENED.format(heard=str(heard))}{READY.format(str(ready))}{WAITS}"
    process = night.start(deaf, FAKED_CLEAN_UP_S="600")
    wait_for(ready.exists, "the stage")
    process.send_signal(signal.SIGINT)
    wait_for(heard.exists, "the first Ctrl-C to arrive")  # or the two are one
    process.send_signal(signal.SIGINT)
    code, said = night.ended(process)
    assert code == 130, said
    assert night.states == {"deaf": "interrupted"}


def test_of_two_nights_at_once_the_second_ends_with_one_clear_line(night: FakedNight, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    first = night.start(f"slow={READY.format(str(ready))}{WAITS}")
    wait_for(ready.exists, "the first night")
    try:
        code, said = night.run(FINE)
        assert code == 2
        assert said.splitlines() == [
            f"afterglow: {night.reports} is in use by another night: wait for it, or set REPORTS_DIR"
        ]
        assert list((night.reports / "nights").glob("*/index.html")) == []
    finally:
        first.send_signal(signal.SIGINT)
        night.ended(first)


def test_a_night_that_is_killed_leaves_what_it_had_and_no_lock(night: FakedNight, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    waits = f"{READY.format(str(ready))}import os, time\nwhile os.getppid() != 1: time.sleep(0.1)"
    first = night.start(FINE, f"slow={waits}")
    wait_for(ready.exists, "the second stage")
    first.kill()
    night.ended(first)
    assert (night.record["state"], night.states) == ("running", {"fine": "done"})
    code, said = night.run(FINE)
    assert code == 0, said
    assert len(list((night.reports / "nights").iterdir())) == 2


def test_nobody_is_waited_for_at_the_keyboard(night: FakedNight) -> None:
    """What asks a person something is told that there is none, even where somebody types an answer."""
    read, write = os.pipe()
    os.write(write, b"123456\n")
    code, said = replace(night, keyboard=read).run("asks=input('your code, please? ')")
    os.close(read)
    os.close(write)
    assert code == 2
    assert "EOFError" in said


def test_a_folder_that_cannot_be_written_to_is_one_line(night: FakedNight, tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    code, said = night.run(FINE)
    assert code == 2
    assert said.startswith("afterglow: REPORTS_DIR: ")
    assert "Traceback" not in said


def test_what_a_ci_server_shows_is_written_where_it_says(night: FakedNight, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("what was there\n")
    night.run(FINE, GITHUB_STEP_SUMMARY=str(page))
    assert page.read_text().startswith("what was there\n## Afterglow: all within the window (exit code 0)\n")


def test_the_help_tells_the_exit_codes() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "cli", "nightly", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for code in ("0: ", "1: ", "2: ", "3: ", "130: "):
        assert code in said
