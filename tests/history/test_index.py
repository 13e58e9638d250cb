"""The index of the runs: it spares work, and nobody can tell what was read by it from what was not."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import afterglow.history.index
from afterglow.conductor import Lane
from afterglow.history.one_run import read_past_run
from afterglow.history.past import PastRun
from afterglow.history.read import History, read_history
from afterglow.record import RunFile
from afterglow.redaction import Redactor
from tests.history.nights import doors_of, made_up, some_lanes
from tests.instrument.made_up_runs import GONE, STILL_IN


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three runs, of which one was killed, and a file that is none."""
    runs = tmp_path / "runs"
    made_up(1).put(runs)
    made_up(2, doors_of(GONE, STILL_IN)).killed().put(runs)
    made_up(3, night="20261123T021500Z-1a2b").put(runs)
    (runs / "foreign.jsonl").write_text("hello\n")
    return runs


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read themselves, and not by the index."""
    names: list[str] = []

    def noted(path: Path) -> PastRun:
        names.append(path.name)
        return read_past_run(path)

    monkeypatch.setattr("afterglow.history.read.read_past_run", noted)
    return names


def index_of(folder: Path) -> Path:
    """Where the index is."""
    return folder.with_name("runs-index.jsonl")


def without_index(folder: Path) -> History:
    """What is read where there is none."""
    index_of(folder).unlink(missing_ok=True)
    return read_history(folder)


def test_what_is_known_is_not_read_again(folder: Path, read: list[str]) -> None:
    """Whole runs and killed ones; a file that is no run is looked at each time."""
    cold = read_history(folder)
    assert len(read) == 4
    read.clear()
    assert read_history(folder) == cold
    assert read == ["foreign.jsonl"]


def test_only_what_is_new_is_read(folder: Path, read: list[str]) -> None:
    read_history(folder)
    read.clear()
    path = made_up(4).put(folder)
    assert len(read_history(folder).runs) == 4
    assert path.name in read
    assert len(read) == 2
    read.clear()
    read_history(folder)
    assert path.name not in read


def test_a_run_says_where_its_file_is_now(folder: Path) -> None:
    """Also when the whole folder has moved together with its index."""
    read_history(folder)
    moved = folder.parent.rename(folder.parent.with_name("moved")) / "runs"
    assert {run.path.parent for run in read_history(moved).runs} == {moved}


# Files that change


def test_a_file_that_was_changed_is_read_again(folder: Path) -> None:
    path = folder / made_up(1).name
    read_history(folder)
    path.write_bytes(made_up(1, doors_of(GONE, GONE)).content)
    assert read_history(folder) == without_index(folder)


def test_a_change_that_hides_its_time_and_size_is_noticed(folder: Path) -> None:
    """Somebody can set back when a file was changed, but not when the system noted that."""
    path = folder / made_up(1).name
    before = read_history(folder)
    was = path.stat()
    assert was.st_size == len(made_up(1).content)
    path.write_bytes(made_up(1).content.replace(b"log out one", b"log out two"))
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    now = path.stat()
    assert (now.st_size, now.st_mtime_ns) == (was.st_size, was.st_mtime_ns)
    if now.st_ctime_ns == was.st_ctime_ns:
        pytest.skip("the system's clock did not move on between the two")
    after = read_history(folder)
    assert after != before
    assert after == without_index(folder)


def test_a_file_that_is_gone_is_forgotten(folder: Path) -> None:
    read_history(folder)
    name = made_up(1).name
    (folder / name).unlink()
    assert len(read_history(folder).runs) == 2
    assert name.encode() not in index_of(folder).read_bytes()


def test_a_file_that_became_a_folder_is_no_run(folder: Path) -> None:
    read_history(folder)
    path = folder / made_up(1).name
    path.unlink()
    path.mkdir()
    assert len(read_history(folder).passed_over) == 2


def test_a_run_that_goes_on_is_never_put_down(folder: Path, read: list[str]) -> None:
    """Nor what a file said before it was changed while it was read."""
    file = RunFile(folder, Redactor())
    try:
        for _ in range(2):
            read.clear()
            assert len(read_history(folder).runs) == 4
            assert file.path.name in read
        assert file.path.name.encode() not in index_of(folder).read_bytes()
    finally:
        file.close()


def test_what_changed_while_it_was_read_is_not_put_down(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grows(path: Path) -> PastRun:
        run = read_past_run(path)
        with path.open("ab") as file:
            file.write(b"\n")
        return run

    monkeypatch.setattr("afterglow.history.read.read_past_run", grows)
    read_history(folder)
    assert not index_of(folder).exists()


# An index that is good for nothing


def test_an_index_that_was_deleted_is_made_again(folder: Path) -> None:
    before = read_history(folder)
    content = index_of(folder).read_bytes()
    assert without_index(folder) == before
    assert index_of(folder).read_bytes() == content


@given(st.data())
@settings(max_examples=60)
def test_an_index_that_is_damaged_anywhere_is_not_believed(data: st.DataObject) -> None:
    """Cut off, overwritten, or something else altogether: and then it is mended."""
    with TemporaryDirectory() as at:
        folder = Path(at) / "runs"
        for number in (1, 2):
            made_up(number).put(folder)
        before, whole = read_history(folder), index_of(folder).read_bytes()
        start = data.draw(st.integers(0, len(whole)))
        instead = data.draw(st.one_of(st.just(None), st.binary(min_size=1, max_size=30)))
        damaged = whole[:start] + (b"" if instead is None else instead + whole[start + len(instead) :])
        index_of(folder).write_bytes(damaged)
        assert read_history(folder) == before
        assert set(whole.split(b"\n")) - {b""} <= set(index_of(folder).read_bytes().split(b"\n"))


def test_the_index_of_another_version_is_not_believed(
    folder: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which might have read the same files differently."""
    before = read_history(folder)
    read.clear()
    monkeypatch.setattr(afterglow.history.index, "MADE_BY", 2)
    afterglow.history.index._version.cache_clear()  # noqa: SLF001 - as a new version begins
    try:
        assert read_history(folder) == before
        assert len(read) == 4
    finally:
        afterglow.history.index._version.cache_clear()  # noqa: SLF001


def test_rows_of_files_that_are_not_there_count_for_nothing(folder: Path) -> None:
    """As when an index was copied without its files."""
    read_history(folder)
    made_up(1).put(folder.parent / "other" / "runs")
    index_of(folder).rename(folder.parent / "other" / "runs-index.jsonl")
    assert len(read_history(folder.parent / "other" / "runs").runs) == 1


def test_where_no_index_can_be_written_there_is_none(folder: Path) -> None:
    """And nothing is left of the attempt."""
    index_of(folder).mkdir()
    before = sorted(path.name for path in folder.parent.iterdir())
    for _ in range(2):
        assert len(read_history(folder).runs) == 3
    assert sorted(path.name for path in folder.parent.iterdir()) == before


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="whoever may write all writes it")
def test_a_folder_that_may_not_be_written_is_read(folder: Path) -> None:
    folder.parent.chmod(0o500)
    try:
        assert len(read_history(folder).runs) == 3
    finally:
        folder.parent.chmod(0o700)


def test_two_who_read_at_once_do_not_disturb_each_other(folder: Path) -> None:
    """While runs come, change and go."""
    with ThreadPoolExecutor(4) as pool:
        for number in range(4, 12):
            made_up(number).put(folder)
            for history in pool.map(read_history, [folder] * 4):
                assert len(history.runs) == number
    assert read_history(folder) == without_index(folder)
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


@given(st.lists(st.tuples(some_lanes(), st.sampled_from(["whole", "killed", "cut", "gone"])), max_size=5))
@settings(max_examples=40)
def test_what_the_index_knows_is_what_the_files_say(nights: list[tuple[list[Lane], str]]) -> None:
    """After every change: runs come, are cut short, and go."""
    with TemporaryDirectory() as at:
        folder = Path(at) / "runs"
        for number, (lanes, fate) in enumerate(nights):
            run = made_up(number, lanes)
            path = (run.killed() if fate == "killed" else run).put(folder)
            read_history(folder)
            if fate == "cut":
                path.write_bytes(run.content[: len(run.content) * 2 // 3])
            if fate == "gone":
                path.unlink()
            known = read_history(folder)
            assert known == without_index(folder)
            assert len(known.runs) <= number + 1
