"""Recomputes by SurPyval what the tests hold the estimate against.

    python -m benchmarks.references [--write]

SurPyval (pypi.org/project/surpyval) is another implementation of the same estimate, and no dependency of this
project: install it where this runs. Its option "Kaplan-Meier" makes it the maximum likelihood estimate; its
default is none. Prints how far what is stored, and how far our own estimate, is from what it finds. `--write`
stores what it finds. Exit code 1 if any of it differs by more than half a thousandth.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from afterglow.delay import Interval
from afterglow.statistics.npmle import estimate

STORED = Path(__file__).parents[1] / "tests/statistics/references.json"
DIFFERS = 0.0005
"""Three digits are what is promised."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Recompute, compare, and store if asked to."""
    parser = argparse.ArgumentParser(description="Recompute the tests' reference values by SurPyval.")
    parser.add_argument("--write", action="store_true", help="store what SurPyval finds")
    asked = parser.parse_args(arguments)
    try:
        surpyval = import_module("surpyval")
    except ImportError:
        Console(stderr=True).print("SurPyval is not installed: python -m pip install surpyval")
        return 2
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    table = Table("data", "n", "points", "stored", "ours", box=SIMPLE_HEAD)
    worst = 0.0
    for name, data in stored["sets"].items():
        found = survival(surpyval, data["intervals"])
        ours = estimate([Interval(lower_s, _upper(upper_s)) for lower_s, upper_s in data["intervals"]])
        from_stored = _furthest(found, dict(data["survival"]))
        from_ours = _furthest(found, {t: ours.survival(t)[1] for t in found})
        table.add_row(
            name, str(len(data["intervals"])), str(len(found)), f"{from_stored:.1e}", f"{from_ours:.1e}"
        )
        worst = max(worst, from_stored, from_ours)
        data["survival"] = [[t, round(share, 6)] for t, share in found.items()]
    Console().print(table)
    if asked.write:
        stored["source"] = f"SurPyval {surpyval.__version__}, Turnbull, turnbull_estimator='Kaplan-Meier'"
        STORED.write_text(_json(stored), encoding="utf-8")
    return int(worst > DIFFERS)


def survival(surpyval: Any, intervals: Sequence[tuple[float, float | None]]) -> dict[float, float]:
    """By SurPyval: at each end of an interval, the share of delays that are longer.

    Where an interval is a point, it tells what holds just before and what holds there; the latter is kept.
    """
    fitted = surpyval.Turnbull.fit(
        xl=[lower_s for lower_s, _ in intervals],
        xr=[_upper(upper_s) for _, upper_s in intervals],
        turnbull_estimator="Kaplan-Meier",
        tol=1e-10,
        max_iter=100_000,
    )
    return dict(zip((float(t) for t in fitted.x), (float(share) for share in fitted.R), strict=True))


def _furthest(found: dict[float, float], other: dict[float, float]) -> float:
    """The largest difference; without end if the other tells of other moments."""
    if found.keys() != other.keys():
        return math.inf
    return max(abs(share - other[t]) for t, share in found.items())


def _upper(upper_s: float | None) -> float:
    return math.inf if upper_s is None else upper_s


def _json(stored: dict[str, Any]) -> str:
    """One line for each set's data, so that a change of a figure is seen as one."""
    told = {
        name: json.dumps({"what": data["what"], "intervals": data["intervals"], "survival": data["survival"]})
        for name, data in stored["sets"].items()
    }
    sets = ",\n".join(f"    {json.dumps(name)}: {data}" for name, data in told.items())
    return f'{{\n  "source": {json.dumps(stored["source"])},\n  "sets": {{\n{sets}\n  }}\n}}\n'


if __name__ == "__main__":
    sys.exit(main())
