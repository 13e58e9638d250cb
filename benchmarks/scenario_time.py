"""Where the time of the main job goes: waiting for the site, or everything else.

    python benchmarks/scenario_time.py [runs]

Runs `python -m cli scenario` so many times (3) in a folder of its own, and prints for each run the whole
time, the time in which the replica was still propagating a log-out (the sum of the measured delays until
all devices were out, at their upper ends), and the rest with its share.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table


def one_run(folder: Path) -> tuple[float, float]:
    """Run the scenario once. Returns its whole time and the time spent on propagation, in seconds."""
    began_s = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "cli", "scenario"],
        env={**os.environ, "REPORTS_DIR": str(folder)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    whole_s = time.monotonic() - began_s
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return whole_s, sum(each["delay_s"][1] for each in summary["all_devices"])


def main(runs: int) -> None:
    """Print a line a run."""
    table = Table("run", "whole, s", "propagation, s", "everything else, s", "share of it")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, runs + 1):
            whole_s, waiting_s = one_run(Path(folder))
            rest_s = whole_s - waiting_s
            table.add_row(
                str(number), f"{whole_s:.1f}", f"{waiting_s:.1f}", f"{rest_s:.1f}", f"{rest_s / whole_s:.0%}"
            )
    Console().print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
