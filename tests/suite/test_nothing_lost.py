"""A run that is killed, whenever it is, has lost nothing of what it had measured."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import allure
import pytest

from afterglow.clock import now_s
from afterglow.measurement import LayerResult, delay_json
from afterglow.readings import State
from afterglow.runs import RunState, StoredRun, read_run
from tests.suite.conftest import ROOT, Suite, running_site

pytestmark = [
    allure.epic("The suite itself"),
    allure.feature("Nothing lost"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal that a process cannot refuse"),
]

KILLS = 30
AT_ONCE = 6
"""Killed side by side: more would mostly wait for each other's start."""

LOST_AT_MOST_S = 1.0
"""The promise: every reading is kept within a second of its arrival."""

Said = dict[str, Any]


@dataclass(frozen=True)
class Killed:
    """A run that was killed: what it had said until then, and what its file tells."""

    said: list[Said]
    before: StoredRun
    after: StoredRun
    killed_s: float

    def lines(self, what: str) -> list[Said]:
        """What it said of one kind."""
        return [line for line in self.said if line["said"] == what]

    @property
    def kept(self) -> set[tuple[str, str, float]]:
        """The readings that the file holds."""
        [measurement] = self.after.measurements
        layers = [reading for layer in measurement.layers for reading in layer.readings]
        controls = [reading for control in measurement.controls for reading in control.readings]
        return {(each.session, each.layer, each.received_s) for each in layers + controls}

    @property
    def lost(self) -> list[Said]:
        """The readings that had come, and are not in the file."""
        said = self.lines("reading")
        return [r for r in said if (r["session"], r["layer"], r["received_s"]) not in self.kept]

    @property
    def safe_s(self) -> float:
        """What had come until then must be there."""
        return self.killed_s - LOST_AT_MOST_S


def killed_after(moment_s: float, seed: int, folder: Path) -> Killed:
    """Start a watch in a process of its own, and kill it so long after its log-out."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.suite.measures_until_killed", folder, str(seed)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        said = list(_until_logged_out(process.stdout))
        threading.Event().wait(moment_s)
        before = read_run(Path(said[0]["path"]))
        killed_s = now_s()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        rest, _ = process.communicate(timeout=20)
    # the last line may have been torn by the kill
    said += [json.loads(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    assert process.returncode == -signal.SIGKILL
    return Killed(said, before, read_run(before.path), killed_s)


def _until_logged_out(output: Any) -> Iterator[Said]:
    for line in output:
        said: Said = json.loads(line)
        yield said
        if said["said"] == "log-out":
            return
    pytest.fail("the watch ended by itself before its log-out")


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> list[Killed]:
    """Watches that were killed at random moments."""
    folder = tmp_path_factory.mktemp("runs")
    dice = Random(20_261_121)  # noqa: S311 - dice, not secrets
    moments_s = [dice.uniform(0.2, 2.0) for _ in range(KILLS)]
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        return list(pool.map(lambda of: killed_after(of[1], of[0], folder), enumerate(moments_s)))


def test_a_killed_run_can_be_read_and_is_told_from_one_that_goes_on(killed: list[Killed]) -> None:
    """kill -9 at 30 random moments: the file is read without a damaged line, and called interrupted.

    While its process lived, the same file was that of a run that goes on.
    """
    assert [each.before.state for each in killed] == KILLS * [RunState.RUNNING]
    assert [each.after.state for each in killed] == KILLS * [RunState.INTERRUPTED]
    assert [each.after.damaged for each in killed] == KILLS * [()]


def test_a_killed_run_loses_at_most_its_last_second(killed: list[Killed]) -> None:
    """Each watch says every reading aloud before it is recorded: what it said is held against its file."""
    for each in killed:
        assert each.kept, "nothing was read"
        assert [lost for lost in each.lost if lost["received_s"] <= each.safe_s] == []


def test_what_had_not_settled_is_open_from_the_last_alive_reading_on(killed: list[Killed]) -> None:
    """Never a made-up end: the delay is at least what was seen, and nobody knows how much more."""
    for each in killed:
        [log_out] = each.lines("log-out")
        session, *still_in = each.after.measurements[0].layers
        for layer in still_in:
            last_alive_s = max(r.sent_s for r in layer.readings if r.state is State.ALIVE)
            assert layer.delay.lower_s == last_alive_s - log_out["acknowledged_s"]
            assert layer.delay.upper_s == math.inf
            assert last_alive_s >= max(alive_of(each, layer), default=-math.inf)
        assert session.layer == "session"


def alive_of(killed: Killed, layer: LayerResult) -> list[float]:
    """When a layer was seen alive, as far as it must be in the file."""
    return [
        said["sent_s"]
        for said in killed.lines("reading")
        if (said["session"], said["layer"], said["state"]) == (layer.session, layer.layer, "alive")
        and said["received_s"] <= killed.safe_s
    ]


def test_what_had_settled_before_the_kill_keeps_its_interval(killed: list[Killed]) -> None:
    """The interval that the watch itself had found while it lived is found again, end for end."""
    settled = [(each, said) for each in killed for said in each.lines("settled")]
    safe = [(each, said) for each, said in settled if said["at_s"] <= each.safe_s]
    assert safe, "no watch lived long enough to settle"
    for each, said in safe:
        delays = {
            f"{layer.session} {layer.layer}": delay_json(layer.delay)
            for layer in each.after.measurements[0].layers
        }
        assert delays[said["name"]] == said["delay_s"]


def test_the_main_job_killed_in_the_middle_of_its_watch_keeps_what_it_saw(suite: Suite) -> None:
    """The whole suite, browser and all, on a replica that still honours everything when the end comes."""
    with running_site("--window-s", "30", "--delay-min-s", "20", "--delay-max-s", "25") as site:
        run = suite.start("tests/scenario", "-k", "invalidated", BASE_URL=site.base_url, **site.account)
        pause = threading.Event()
        try:
            while not any(each["action"] == "one" for each in site.truth()["revocations"]):
                assert run.poll() is None, run.communicate()[0]
                pause.wait(0.1)
            pause.wait(2)  # so that some readings are alive after the log-out
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)
            run.wait(timeout=20)
            if run.stdout is not None:
                run.stdout.close()
    [file] = (suite.folder / "runs").glob("*.jsonl")
    stored = read_run(file)
    assert (stored.state, stored.target, stored.damaged) == (RunState.INTERRUPTED, "replica", ())
    assert len(stored.notes) == 1 + stored.truncated, stored.notes
    [measurement] = stored.measurements
    assert measurement.interrupted
    assert measurement.layers
    for layer in measurement.layers:
        alive = [r.sent_s for r in layer.readings if r.state is State.ALIVE]
        seen_s = [sent_s - measurement.moments.acknowledged_s for sent_s in alive]
        assert layer.delay.lower_s == max([0.0, *seen_s])
        assert layer.delay.upper_s == math.inf
    assert max(layer.delay.lower_s for layer in measurement.layers) > 0
