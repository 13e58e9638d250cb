"""A row of the matrix: what every check said of a site with one defect. Run, read, kept as JSON."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from cli.place import reports_folder
from tests.suite.conftest import ROOT, Suite

CATALOGUE = ("tests/sessions",)
"""What a row runs. Not the main job: its promises are the catalogue's first ones, told at greater length."""

HEALTHY = "healthy"
"""The name of the row whose site keeps every promise."""

SHORT = {
    "TARGET": "replica",
    # the slowest edge, its certainty, and some room for a busy machine; a late one learns after this
    "REVOCATION_WINDOW_S": "10",
    "GRACE_S": "2",
    "QUIET_S": "0.5",
    # long enough that a log-out is seen to spread, short enough to be waited for some fifty times
    "REPLICA_DELAY_MIN_S": "0.2",
    "REPLICA_DELAY_MAX_S": "1",
}

LIMIT_S = 600.0
"""A row takes some minutes, as nearly every check waits for an end; one that hangs is cut off."""

CLEAN_UP_S = 40.0
"""What an interrupted run may take to sign out and to close its browser."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one check said, with one parameter if it has any."""

    file: str
    check: str
    parameter: str
    title: str
    status: str
    message: str

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> Self:
        """From an Allure result."""
        module, _, check = result["fullName"].rpartition("#")
        given = [each for each in result.get("parameters", ()) if each["name"] != "browser_name"]
        return cls(
            file=module.rpartition(".")[2],
            check=check,
            parameter=", ".join(each["value"].strip("'\"") for each in given),
            title=result.get("name", check),
            status=result["status"] if result["status"] in SEVERITY else "broken",
            message=(result.get("statusDetails") or {}).get("message") or "",
        )


SEVERITY = ("failed", "broken", "passed", "skipped")
"""What counts for a check whose parameters ended differently, the first first."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the checks said of one site."""

    name: str
    began: str
    took_s: float
    ended: bool
    results: tuple[Result, ...]

    def of(self, check: str) -> list[Result]:
        """What a check said, once for each of its parameters."""
        return [result for result in self.results if result.check == check]

    def with_status(self, *statuses: str) -> list[Result]:
        """What ended so."""
        return [result for result in self.results if result.status in statuses]

    def write(self, folder: Path) -> None:
        """Keep it among the others."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False)
        (folder / f"{self.name}.json").write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """One that was kept."""
        kept = json.loads(path.read_text(encoding="utf-8"))
        return cls(**{**kept, "results": tuple(Result(**result) for result in kept["results"])})


def rows_folder() -> Path:
    """Where the rows are kept, one file each."""
    return reports_folder() / "matrix"


def results_in(folder: Path) -> tuple[Result, ...]:
    """The Allure results in a folder, in the order in which the checks ran."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*-result.json")]
    return tuple(Result.of(each) for each in sorted(results, key=lambda each: each.get("start", 0)))


def cut_off(results: Sequence[Result]) -> tuple[Result, ...]:
    """The results of a run that was interrupted: the last of them may say "passed", and nobody knows."""
    words = f"cut off after {LIMIT_S:.0f} s"
    return (*results[:-1], *(replace(last, status="broken", message=words) for last in results[-1:]))


def run_row(name: str, folder: Path, checks: Sequence[str] = (), **settings: str) -> Row:
    """Run the checks, or only those named, in a process of its own on a replica of its own."""
    suite = Suite(folder)
    chosen = ("-k", " or ".join(checks)) if checks else ()
    folder.mkdir(parents=True, exist_ok=True)
    began = datetime.now(UTC)
    with (folder / "output.txt").open("w", encoding="utf-8") as output:
        # In our own process group: Ctrl-C reaches the row too, which then signs out and ends by itself.
        process = subprocess.Popen(
            suite.command(*CATALOGUE, *chosen),
            cwd=ROOT,
            env=suite.environment({**SHORT, **settings}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        ended = _ended(process)
    took_s = round((datetime.now(UTC) - began).total_seconds(), 1)
    results = results_in(folder / "allure-results")
    if not ended:
        results = cut_off(results)
    return Row(name, f"{began:%Y-%m-%dT%H:%M:%SZ}", took_s, ended, results)


def _ended(process: subprocess.Popen[bytes]) -> bool:
    """Wait for the end; whether it came by itself."""
    try:
        process.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        return False
    else:
        return True
    finally:
        try:
            process.wait(CLEAN_UP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def last_words(folder: Path) -> str:
    """The end of what a row said, for one that has no results to tell."""
    lines = (folder / "output.txt").read_text(encoding="utf-8", errors="replace").splitlines()
    return " / ".join(line.strip() for line in lines[-3:] if line.strip())


def complaints_about(row: Row) -> Iterator[str]:
    """What is wrong with a row whatever it was about."""
    if not row.results:
        yield "no check ran"
    elif not row.ended:
        yield f"not done within {LIMIT_S:.0f} s: only {len(row.results)} results"
