"""What must not outlive a run does not, however the run ends."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from filelock import FileLock

from fixtures.private_folder import LOCK, PREFIX, YOUNG_S, private_folder, sweep
from tests.suite.conftest import ROOT, wait_for

HOLDER = """
from fixtures.private_folder import private_folder
with private_folder() as folder:
    (folder / "raw").write_text("secret")
    print(folder, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files that nobody else has."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def left_behind(temporary: Path, *, old: bool) -> Path:
    """The folder of a run that has died together with its remover."""
    folder = temporary / f"{PREFIX}of-yesterday"
    folder.mkdir()
    (folder / LOCK).touch()
    (folder / "raw").write_text("secret")
    when_s = time.time() - (2 * YOUNG_S if old else 0)
    os.utime(folder, (when_s, when_s))
    return folder


def test_the_folder_is_for_its_owners_eyes_and_goes_with_the_block() -> None:
    """With all that is in it."""
    with private_folder() as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "raw").write_text("secret")
    assert not folder.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal that a process cannot refuse")
def test_the_folder_of_a_run_that_is_killed_is_removed(temporary: Path) -> None:
    """A process that outlives it does that, and nothing else."""
    run = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert run.stdout is not None
    folder = Path(run.stdout.readline().strip())
    assert (folder / "raw").exists()
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate(timeout=10)
    wait_for(lambda: not folder.exists(), "the remover", within_s=10)


def test_what_a_power_cut_left_is_removed_by_the_next_run(temporary: Path) -> None:
    """The first thing that a run does which wants a folder of its own."""
    dead = left_behind(temporary, old=True)
    with private_folder():
        assert not dead.exists()


def test_the_folder_of_a_run_that_lives_is_left_alone(temporary: Path) -> None:
    """It is locked as long as its run lives; one that is not locked yet is young."""
    folder = left_behind(temporary, old=True)
    with FileLock(folder / LOCK):
        sweep()
        assert (folder / "raw").exists()
    os.utime(folder)
    sweep()
    assert (folder / "raw").exists()


def test_what_only_has_a_like_name_is_left_alone(temporary: Path) -> None:
    """Nothing without our lock in it is ours."""
    folder = left_behind(temporary, old=True)
    (folder / LOCK).unlink()
    os.utime(folder, (0, 0))
    sweep()
    assert (folder / "raw").exists()
