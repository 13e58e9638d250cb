"""All runs of a folder: each once, oldest first, and a line for every file that does not count."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from afterglow.history.past import PastRun
from afterglow.history.read import History, read_history
from afterglow.record import RunFile
from afterglow.redaction import Redactor
from tests.history.nights import FIRST, doors_of, made_up
from tests.instrument.made_up_runs import GONE, STILL_IN


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where runs are."""
    return tmp_path / "runs"


def ids(history: History) -> list[str]:
    """The runs' ids, without the zeros."""
    return [run.id.lstrip("0") for run in history.runs]


def test_no_folder_is_no_history(folder: Path) -> None:
    history = read_history(folder)
    assert (history.runs, history.passed_over, history.nights, history.latest_site) == ((), (), [], None)


def test_runs_come_oldest_first_whatever_their_files_are_called(folder: Path) -> None:
    for number in (3, 1, 2):
        made_up(number).put(folder, f"{9 - number}.jsonl")
    assert ids(read_history(folder)) == ["1", "2", "3"]


# Files that do not count


def test_a_file_that_is_no_run_is_named_and_costs_no_other(folder: Path) -> None:
    made_up().put(folder)
    (folder / "empty.jsonl").touch()
    (folder / "a-folder.jsonl").mkdir()
    (folder / "foreign.jsonl").write_text('{"testResults": {}}\n')
    (folder / "newer.jsonl").write_text('{"kind": "run", "v": 99}\n')
    (folder / "gone.jsonl").symlink_to(folder / "nowhere")
    (folder / "notes.txt").write_text("hello")
    history = read_history(folder)
    assert ids(history) == ["1"]
    told = {line.split(" ")[0].rpartition("/")[2]: line for line in history.passed_over}
    assert set(told) == {f"{name}.jsonl" for name in ("empty", "a-folder", "foreign", "newer", "gone")}
    assert "is not the file of a run" in told["empty.jsonl"]
    assert "is not the file of a run" in told["foreign.jsonl"]
    assert "read it with a newer one" in told["newer.jsonl"]
    assert "cannot be read (No such file or directory)" in told["gone.jsonl"]
    assert "cannot be read" in told["a-folder.jsonl"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="whoever may read all reads it")
def test_a_file_that_may_not_be_read_is_named(folder: Path) -> None:
    made_up().put(folder).chmod(0)
    assert "cannot be read (Permission denied)" in read_history(folder).passed_over[0]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_a_name_that_is_no_text_is_no_obstacle(folder: Path) -> None:
    made_up(1).put(folder)
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff.jsonl")).write_bytes(made_up(2).content)
    for _ in range(2):
        assert ids(read_history(folder)) == ["1", "2"]


# The same run twice


def test_a_copy_is_counted_once_and_named(folder: Path) -> None:
    made_up(1).put(folder)
    copy = made_up(1).put(folder, "copy of it.jsonl")
    history = read_history(folder)
    assert ids(history) == ["1"]
    told = f"{copy} tells of run 00000001 as 20261121T021500Z-00000001.jsonl does: counted once"
    assert history.passed_over == (told,)


def test_a_copy_in_a_folder_of_the_folder_is_not_looked_at(folder: Path) -> None:
    made_up(1).put(folder)
    made_up(1).put(folder / "old")
    assert (ids(read_history(folder)), read_history(folder).passed_over) == (["1"], ())


@pytest.mark.parametrize("names", [("a.jsonl", "b.jsonl"), ("b.jsonl", "a.jsonl")])
def test_of_two_files_of_one_run_the_more_complete_one_counts(folder: Path, names: tuple[str, str]) -> None:
    """As when a copy was made while the run went on, or was damaged since."""
    whole = made_up(1, doors_of(GONE, STILL_IN))
    broken_off = whole.changed(whole.content[: len(whole.content) // 2])
    for worse in (whole.killed(), broken_off, whole.scratched()):
        worse.put(folder, names[0])
        whole.put(folder, names[1])
        [run] = read_history(folder).runs
        assert run.path.name == names[1]


def test_a_copy_whose_first_line_is_lost_is_known_by_its_name(folder: Path) -> None:
    whole = made_up(1, started=FIRST + timedelta(microseconds=123456))
    whole.put(folder, "whole.jsonl")
    whole.changed(whole.content.partition(b"\n")[2]).put(folder)
    history = read_history(folder)
    assert (ids(history), len(history.passed_over)) == (["1"], 1)


def test_two_runs_that_share_an_id_by_chance_are_two(folder: Path) -> None:
    """Eight digits do not tell ten years of runs apart for sure; when they began does."""
    made_up(1).put(folder)
    made_up(1, started=FIRST + timedelta(days=400)).put(folder)
    history = read_history(folder)
    assert (ids(history), history.passed_over) == (["1", "1"], ())


# Several machines


def test_the_runs_of_several_machines_are_merged_by_copying_their_files(folder: Path) -> None:
    """Of one night that two machines share, though the clock of one is an hour late; and a copy too many."""
    night, late = "20261121T021500Z-1a2b", FIRST + timedelta(days=1, hours=1)
    other = ("machine", {"machine": "c0ffee00", "system": "Linux aarch64", "afterglow": "0.1.0"})
    made_up(1, night=night, repetition=1).put(folder)
    made_up(2, lines=[other], started=late, night=night, repetition=1).put(folder)
    made_up(3, lines=[other], started=FIRST, night="20261120T021500Z-aaaa").put(folder)
    made_up(4, lines=[other]).put(folder)
    made_up(1, night=night, repetition=1).put(folder, "from the other machine.jsonl")
    history = read_history(folder)
    assert [[run.id[-1] for run in each.runs] for each in history.nights] == [["3"], ["1", "2"], ["4"]]
    assert [each.name for each in history.nights[:2]] == ["20261120T021500Z-aaaa", night]
    assert [run.machine for run in history.nights[1].runs] == ["0badcafe", "c0ffee00"]
    assert len(history.passed_over) == 1


def test_only_the_runs_on_one_site_are_asked_for(folder: Path) -> None:
    """A replica that runs started themselves is one site, and no address is ChatGPT's own."""
    made_up(1).put(folder)
    made_up(2, target="chatgpt").put(folder)
    made_up(3, target="chatgpt", base_url="https://chatgpt.com/").put(folder)
    made_up(4, base_url="http://127.0.0.1:8000/").put(folder)
    made_up(5, target="chatgpt", base_url="https://chat.example/").put(folder)
    history = read_history(folder)
    assert ids(history.of("replica")) == ["1"]
    assert ids(history.of("chatgpt")) == ids(history.of("chatgpt", "https://chatgpt.com")) == ["2", "3"]
    assert ids(history.of("replica", "http://127.0.0.1:8000")) == ["4"]
    assert history.latest_site == ("chatgpt", "https://chat.example")
    assert ids(history.of(*history.latest_site)) == ["5"]
    assert ids(history.of("unheard-of")) == []


def test_the_latest_site_is_that_of_the_newest_run_that_tells_it(folder: Path) -> None:
    made_up(1).put(folder)
    untold = made_up(2)
    untold.changed(untold.content.replace(b'"target": "replica"', b'"target": null')).put(folder)
    history = read_history(folder)
    assert history.latest_site == ("replica", None)
    assert ids(history.of(*history.latest_site)) == ["1"]


def test_a_run_that_goes_on_is_told_as_such(folder: Path) -> None:
    file = RunFile(folder, Redactor())
    try:
        [run] = read_history(folder).runs
        assert (run.id, run.state) == (file.id, "running")
    finally:
        file.close()
    [ended] = read_history(folder).runs
    assert isinstance(ended, PastRun)
    assert ended.state == "complete"


def test_a_run_that_does_not_say_where_it_was_was_at_home(folder: Path) -> None:
    """A target has one address unless somebody says otherwise."""
    made_up().put(folder)
    [run] = read_history(folder).runs
    history = History((replace(run, target="chatgpt", site=None),))
    assert history.latest_site is not None
    assert len(history.of(*history.latest_site).runs) == 1
