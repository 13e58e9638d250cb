"""What the tests of the night share: nights in processes of their own, with stages that are faked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from afterglow.settings import without_settings
from cli.place import ROOT

WITHIN_S = 60


def _hears_a_hang_up() -> None:
    """Whoever runs the tests under nohup has made all that they start deaf to it."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@dataclass(frozen=True)
class FakedNight:
    """Nights in one folder of reports, whose stages are lines of Python. keyboard: their standard input."""

    reports: Path
    keyboard: int | None = None

    def start(self, *stages: str, **env: str) -> subprocess.Popen[str]:
        """Start one, in a session of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "tests.nightly.faked", *stages],
            cwd=ROOT,
            env={**without_settings(os.environ), "REPORTS_DIR": str(self.reports), **env},
            stdin=self.keyboard,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=_hears_a_hang_up if os.name == "posix" else None,
        )

    def run(self, *stages: str, **env: str) -> tuple[int, str]:
        """Run one to its end: its exit code, and what it said."""
        return self.ended(self.start(*stages, **env))

    def ended(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        """Wait for its end."""
        said, _ = process.communicate(timeout=WITHIN_S)
        return process.returncode, said

    @property
    def record(self) -> dict[str, Any]:
        """The last night, as machines read it."""
        record: dict[str, Any] = json.loads((self.reports / "nightly.json").read_text(encoding="utf-8"))
        return record

    @property
    def states(self) -> dict[str, str]:
        """How each of its stages went."""
        return {stage["name"]: stage["state"] for stage in self.record["stages"]}


@pytest.fixture
def night(tmp_path: Path) -> FakedNight:
    """Nights with faked stages."""
    return FakedNight(tmp_path / "reports")


@pytest.fixture
def write_json() -> Callable[[Path, object], None]:
    """Writes a file of JSON, and its folder."""

    def write(path: Path, data: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data), encoding="utf-8")

    return write
