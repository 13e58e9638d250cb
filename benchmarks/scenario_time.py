"""Where the time of the main job goes: waiting for the site, making sure, or everything else.

    python benchmarks/scenario_time.py [runs]

Runs `python -m cli scenario` so many times (3) in a folder of its own. For each run it prints the whole time
and its parts: *propagation*, until the last device was out (the upper ends of the measured delays);
*confirming*, until the refusals had stayed uncontradicted for long enough; and *everything else*: starting
Python, the browser and the replica, four sign-ins, proving the probes, the plots, the report.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def one_run(folder: Path) -> tuple[float, float, float]:
    """Run the scenario once. Returns its whole time, propagation and confirming, in seconds."""
    began_s = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "cli", "scenario"],
        env={**os.environ, "REPORTS_DIR": str(folder)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    whole_s = time.monotonic() - began_s
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    parts = [waited(log_out) for log_out in summary["log_outs"]]
    return whole_s, sum(out_s for out_s, _ in parts), sum(sure_s - out_s for out_s, sure_s in parts)


def waited(log_out: dict[str, Any]) -> tuple[float, float]:
    """When all devices were out after a log-out, and when that was sure, in seconds."""
    out_s = log_out["all_devices"]["delay_s"][1]
    return out_s, max(out_s, *(layer["confirmed_s"] for layer in log_out["layers"]))


def main(runs: int) -> None:
    """Print a line a run."""
    table = Table("run", "whole, s", "propagation, s", "confirming, s", "everything else, s")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, runs + 1):
            whole_s, propagation_s, confirming_s = one_run(Path(folder))
            rest_s = whole_s - propagation_s - confirming_s
            times_s = (whole_s, propagation_s, confirming_s)
            cells = [*(f"{each:.1f}" for each in times_s), f"{rest_s:.1f} ({rest_s / whole_s:.0%})"]
            table.add_row(str(number), *cells)
    Console().print(table)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
