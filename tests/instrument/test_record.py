"""The run's file: every line readable, free of secrets, and there whatever happens next."""

from __future__ import annotations

import errno
import json
import math
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from afterglow.clock import Gap, now_s
from afterglow.readings import Moments, Reading, State
from afterglow.record import (
    VERSION,
    NotRecorded,
    RunFile,
    being_written,
    gap_json,
    moments_json,
    reading_json,
)
from afterglow.redaction import MASK, Redactor

PROMISED_S = 1.0
"""A line is on the disk so long after it came."""


def lines_of(file: RunFile) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def redact() -> Redactor:
    redact = Redactor()
    redact.learn("correct horse")
    return redact


def test_the_first_line_says_what_the_file_is(tmp_path: Path, redact: Redactor) -> None:
    """Its version, its id, and which moment of UTC the clock of all measuring stood for."""
    before_s = now_s()
    file = RunFile(tmp_path / "runs", redact)
    [first] = lines_of(file)
    file.close()
    assert (first["kind"], first["v"], first["id"]) == ("run", VERSION, file.id)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(first["utc"])) < timedelta(hours=1)
    assert before_s <= first["clock_s"] <= now_s()
    assert file.path.name == f"{datetime.fromisoformat(first['utc']):%Y%m%dT%H%M%SZ}-{file.id}.jsonl"


def test_a_line_can_be_read_as_soon_as_it_was_written(tmp_path: Path, redact: Redactor) -> None:
    """A run that is killed has lost nothing that it had read."""
    file = RunFile(tmp_path, redact)
    for number in range(3):
        file.append("reading", {"number": number, "sent_s": 0.1 + 0.2})
        assert lines_of(file)[-1] == {"kind": "reading", "number": number, "sent_s": 0.1 + 0.2}
    file.close()


def test_a_line_is_on_the_disk_within_a_second_even_if_nothing_follows_it(
    tmp_path: Path, redact: Redactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine may go down in the long silence after the last reading. Only asking the disk keeps it."""
    synced: Queue[str] = Queue()
    fsync = os.fsync

    def noted(handle: int) -> None:
        before = file.path.read_text(encoding="utf-8")
        fsync(handle)
        synced.put(before)

    file = RunFile(tmp_path, redact)
    monkeypatch.setattr("os.fsync", noted)
    for line in ("the first", "after a silence", "after another"):
        file.append(line, {})
        while f'"{line}"' not in synced.get(timeout=PROMISED_S):
            pass
    file.close()


def test_a_full_disk_is_told_in_one_line_by_every_line_after_it_and_at_the_end(
    tmp_path: Path, redact: Redactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes next is told, not only the thread that met it; and there is no pretended end."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    file = RunFile(tmp_path, redact)
    with monkeypatch.context() as patch:
        patch.setattr("afterglow.record._write_all", full)
        with pytest.raises(NotRecorded):
            file.append("reading", {})
    with pytest.raises(
        NotRecorded, match=r"^\S+\.jsonl cannot be written any more \(No space left on device\): "
    ):
        file.append("reading", {})
    with pytest.raises(NotRecorded, match="No space left") as raised:
        file.close()
    assert "\n" not in str(raised.value)
    assert [line["kind"] for line in lines_of(file)] == ["run"]


def test_a_disk_that_fails_in_the_background_is_told_by_the_next_line(
    tmp_path: Path, redact: Redactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that waits for the disk has nobody to tell: it keeps the error for who comes next."""

    def broken(_handle: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    file = RunFile(tmp_path, redact)
    monkeypatch.setattr("os.fsync", broken)
    pause = threading.Event()

    def append_for_long() -> None:
        for number in range(1000):
            file.append("reading", {"number": number})
            pause.wait(0.01)

    with pytest.raises(NotRecorded, match="Input/output error"):
        append_for_long()
    with pytest.raises(NotRecorded, match="Input/output error"):
        file.close()


def test_a_file_that_is_closed_leaves_no_thread_behind(tmp_path: Path, redact: Redactor) -> None:
    before = set(threading.enumerate())
    file = RunFile(tmp_path, redact)
    assert set(threading.enumerate()) - before
    file.append("reading", {})
    file.close()
    assert not set(threading.enumerate()) - before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no marks that a reader could look for")
def test_a_file_shows_that_its_run_is_still_alive(tmp_path: Path, redact: Redactor) -> None:
    """A reader can tell a run that goes on from one that was killed; looking does it no harm."""
    file = RunFile(tmp_path, redact)
    assert [being_written(file.path) for _ in range(2)] == [True, True]
    file.append("reading", {})
    file.close()
    assert not being_written(file.path)
    assert not being_written(tmp_path / "no such file")


def test_seconds_are_written_in_full(tmp_path: Path, redact: Redactor) -> None:
    """A rounded one could move an interval's end past the truth: what is read back is the same number."""
    third_s = 86_400 / 7
    written = {
        "reading": reading_json(Reading("a", "b", third_s, third_s + 1e-9, State.REVOKED, "gone")),
        "log-out": moments_json(Moments(third_s, None, third_s + 1e-9)),
        "gap": gap_json(Gap(third_s, third_s + 1e-9, "asleep")),
    }
    file = RunFile(tmp_path, redact)
    for kind, fields in written.items():
        file.append(kind, fields)
    file.close()
    read = {line.pop("kind"): line for line in lines_of(file)}
    assert {kind: read[kind] for kind in written} == written
    assert read["reading"]["sent_s"] == third_s


def test_no_line_holds_a_secret(tmp_path: Path, redact: Redactor) -> None:
    """However deep it lies, and as a key too; line breaks do not tear a line in two."""
    file = RunFile(tmp_path, redact)
    file.append("odd", {"a\nb": [{"correct horse": "qa@example.test"}, "x\r\u2028correct horse\n"]})
    file.close()
    assert "horse" not in file.path.read_text(encoding="utf-8")
    raw = file.path.read_bytes().decode().split("\n")[1]
    assert json.loads(raw) == {
        "kind": "odd",
        "a\nb": [{MASK: "q…@example.test"}, f"x\r\u2028{MASK}\n"],
    }


def test_what_json_cannot_say_is_refused_before_anything_is_written(tmp_path: Path, redact: Redactor) -> None:
    """An infinite end must be written as null by whoever knows what it means."""
    file = RunFile(tmp_path, redact)
    with pytest.raises(ValueError, match="JSON"):
        file.append("delay", {"upper_s": math.inf})
    file.close()
    assert [line["kind"] for line in lines_of(file)] == ["run", "end"]


def test_lines_of_several_threads_do_not_mix(tmp_path: Path, redact: Redactor) -> None:
    """Probes run on a thread of their own, and so does the browser."""
    file = RunFile(tmp_path, redact)

    def write(thread: int) -> None:
        for number in range(50):
            file.append("r", {"thread": thread, "number": number, "padding": "y" * 500})

    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # the threads take turns as often as they can
    try:
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(write, range(8)))
    finally:
        sys.setswitchinterval(usual_s)
    file.close()
    lines = [line for line in lines_of(file) if line["kind"] == "r"]
    assert len(lines) == 8 * 50
    for thread in range(8):
        assert [line["number"] for line in lines if line["thread"] == thread] == list(range(50))


def test_the_last_line_says_that_the_run_ended_by_itself(tmp_path: Path, redact: Redactor) -> None:
    """After it, nothing more can be added."""
    file = RunFile(tmp_path, redact)
    file.close()
    first, last = lines_of(file)
    assert (last["kind"], last["state"]) == ("end", "complete")
    assert last["clock_s"] >= first["clock_s"]
    with pytest.raises(ValueError, match="closed"):
        file.append("late", {})


def test_runs_of_the_same_second_do_not_collide(tmp_path: Path, redact: Redactor) -> None:
    """Each has an id of its own in its name."""
    files = [RunFile(tmp_path, redact) for _ in range(20)]
    for file in files:
        file.close()
    assert len(list(tmp_path.glob("*.jsonl"))) == 20


def test_a_folder_that_cannot_be_made_is_told_at_once(tmp_path: Path, redact: Redactor) -> None:
    """Before anything was logged out."""
    (tmp_path / "runs").write_text("a file stands in the way", encoding="utf-8")
    with pytest.raises(OSError, match="runs"):
        RunFile(tmp_path / "runs", redact)
