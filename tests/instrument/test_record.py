"""The run's file: every line readable, free of secrets, and there whatever happens next."""

from __future__ import annotations

import json
import math
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from afterglow.record import VERSION, RunFile
from afterglow.redaction import MASK, Redactor


def lines_of(file: RunFile) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def redact() -> Redactor:
    redact = Redactor()
    redact.learn("correct horse")
    return redact


def test_the_first_line_says_what_the_file_is(tmp_path: Path, redact: Redactor) -> None:
    """Its version, its id, and which moment of UTC the monotonic clock stood for."""
    file = RunFile(tmp_path / "runs", redact)
    [first] = lines_of(file)
    file.close()
    assert (first["kind"], first["v"], first["id"]) == ("run", VERSION, file.id)
    assert abs(datetime.now(UTC) - datetime.fromisoformat(first["utc"])) < timedelta(hours=1)
    assert first["clock_s"] > 0
    assert file.path.name == f"{datetime.fromisoformat(first['utc']):%Y%m%dT%H%M%SZ}-{file.id}.jsonl"


def test_a_line_can_be_read_as_soon_as_it_was_written(tmp_path: Path, redact: Redactor) -> None:
    """A run that is killed has lost nothing that it had read."""
    file = RunFile(tmp_path, redact)
    for number in range(3):
        file.append("reading", {"number": number, "sent_s": 0.1 + 0.2})
        assert lines_of(file)[-1] == {"kind": "reading", "number": number, "sent_s": 0.1 + 0.2}
    file.close()


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
    assert last["kind"] == "end"
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
