"""Whether a site's ordinary trouble ever turns into a finding.

    python -m benchmarks.noise [--runs N] [--at-once N] [--seed N]

Runs the scenario against a replica that keeps its promises and has trouble: late answers, errors, throttling,
resets, and whatever else `replica/noise.py` names, each alone, in pairs, and all together. Every run is a
process of its own with a replica of its own, a short window and a seed that repeats it. A test that failed
accuses a healthy site: there must be none. One that was broken measured nothing, and says so; these are
counted, with their reasons.

Writes `noise.json` to the reports. The folder of a run in which a test failed is kept. Exit code 1
if any did.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from itertools import combinations, cycle
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from afterglow.settings import without_settings
from benchmarks.figures import clopper_pearson
from benchmarks.style import reports
from replica.noise import Noise

SHORT = {
    "REVOCATION_WINDOW_S": "10",
    "GRACE_S": "20",
    "QUIET_S": "1",
    "REPLICA_DELAY_MIN_S": "0.2",
    "REPLICA_DELAY_MAX_S": "2",
    "REPLICA_BEHAVIOUR": '{"outage_s": 3, "challenge_s": 3}',
}
"""A window of seconds, and long patience: a site in trouble takes its time to be sure of."""

ENDS_WITHIN_S = 900.0
"""Longer than any run takes; the tests have limits of their own."""

KINDS = ("alone", "alone", "alone", "pair", "pair", "all")
"""How much noise the runs get, in turn."""

REASON_LENGTH = 60

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One run: the noise of its site, and the seed that draws it."""

    noise: tuple[str, ...]
    seed: int

    @property
    def kind(self) -> str:
        """The noise in a word or two, for a table."""
        if len(self.noise) == len(Noise):
            return "all together"
        return self.noise[0] if len(self.noise) == 1 else "pairs"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one test of a run."""

    case: Case
    test: str
    status: str
    why: str
    folder: str = ""

    @property
    def reason(self) -> str:
        """The first words of why, without what is different every time."""
        words = re.split(r"[:;(\n“]", re.sub(r"^[\w.]+: ", "", self.why).removeprefix("undetermined: "))[0]
        kind = "undetermined" if "Undetermined" in self.why else re.sub(r"\d[\d.,]*", "N", words).strip()
        return kind[:REASON_LENGTH] or "no reason given"


# Running


def cases(runs: int, seed: int) -> list[Case]:
    """So many runs: each noise alone in turn, some pairs, and all of it together."""
    chance = Random(seed)  # noqa: S311 - chance, not a secret
    names = [noise.value for noise in Noise]
    pairs = list(combinations(names, 2))
    chance.shuffle(pairs)
    alone, paired, kinds = cycle(names), cycle(pairs), cycle(KINDS)
    drawn: dict[str, Iterator[tuple[str, ...]]] = {
        "alone": ((name,) for name in alone),
        "pair": paired,
        "all": cycle([tuple(names)]),
    }
    return [Case(next(drawn[next(kinds)]), 1000 * seed + number) for number in range(runs)]


def run(case: Case) -> list[Outcome]:
    """Run the scenario once. The folder is removed, unless a test failed."""
    folder = Path(tempfile.mkdtemp(prefix="afterglow-noise-"))
    said = subprocess.run(  # noqa: S603 - our own suite, no shell
        command(folder),
        env=environment(case, folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=ENDS_WITHIN_S,
        check=False,
    ).stdout
    outcomes = list(outcomes_of(case, folder))
    if not outcomes:
        last = (said.splitlines() or ["it said nothing"])[-1]
        outcomes = [Outcome(case, "the run", "failed", f"no test ran: {last}", str(folder))]
    if all(outcome.status != "failed" for outcome in outcomes):
        shutil.rmtree(folder)
    else:
        (folder / "output.txt").write_text(said, encoding="utf-8")
    return outcomes


def command(folder: Path) -> list[str]:
    """The scenario, with all that it writes in a folder."""
    return [
        *(sys.executable, "-m", "pytest", "tests/scenario", "-q", "-p", "no:cacheprovider"),
        *(f"--alluredir={folder / 'allure-results'}", "--clean-alluredir"),
        f"--output={folder / 'playwright'}",
    ]


def environment(case: Case, folder: Path) -> dict[str, str]:
    """This process's environment with none of a user's settings, and with the noise of one run."""
    inherited = without_settings(os.environ)
    noise = {"REPLICA_NOISE": ",".join(case.noise), "REPLICA_SEED": str(case.seed)}
    return {**inherited, **SHORT, **noise, "REPORTS_DIR": str(folder)}


def outcomes_of(case: Case, folder: Path) -> Iterator[Outcome]:
    """What the Allure results say of each test."""
    for path in sorted((folder / "allure-results").glob("*-result.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        why = (result.get("statusDetails") or {}).get("message", "")
        test = result["fullName"].rpartition("#")[2]
        kept = str(folder) if result["status"] == "failed" else ""
        yield Outcome(case, test, result["status"], why, kept)


# Telling


def counts(outcomes: Sequence[Outcome]) -> Counter[str]:
    """How many tests ended how."""
    return Counter(outcome.status for outcome in outcomes)


def by_noise(outcomes: Sequence[Outcome]) -> Table:
    """A line for each noise and test."""
    table = Table("noise", "test", "passed", "failed", "broken", title="what became of the tests")
    kinds = dict.fromkeys([*(noise.value for noise in Noise), "pairs", "all together"])
    for kind in kinds:
        of_kind = [outcome for outcome in outcomes if outcome.case.kind == kind]
        for test in sorted({outcome.test for outcome in of_kind}):
            told = counts([outcome for outcome in of_kind if outcome.test == test])
            table.add_row(kind, test, *(str(told[each]) for each in ("passed", "failed", "broken")))
    return table


def reasons(outcomes: Sequence[Outcome]) -> Table:
    """Why nothing was measured, the most frequent reason first."""
    table = Table("times", "why nothing was measured")
    broken = Counter(outcome.reason for outcome in outcomes if outcome.status == "broken")
    for reason, times in broken.most_common():
        table.add_row(str(times), reason)
    return table


def summary(outcomes: Sequence[Outcome]) -> str:
    """The result in two sentences."""
    told, many = counts(outcomes), len(outcomes)
    _, at_most = clopper_pearson(told["failed"], many)
    return (
        f"{told['failed']} of {many} tests accused a healthy site (at most {at_most:.1%}, 95 % confidence). "
        f"{told['passed']} measured and passed, {told['broken']} measured nothing and said so."
    )


def to_json(outcomes: Sequence[Outcome], told: Mapping[str, object]) -> Json:
    """Everything, for machines."""
    return {
        **told,
        "settings": SHORT,
        "counts": counts(outcomes),
        "tests": [{**asdict(outcome), "reason": outcome.reason} for outcome in outcomes],
    }


def run_all(plan: Sequence[Case], at_once: int, console: Console) -> list[Outcome]:
    """Run them, several at a time, with a line that tells how it goes."""
    outcomes: list[Outcome] = []
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress, ThreadPoolExecutor(at_once) as pool:
        line = progress.add_task("starting", total=len(plan))
        for done in as_completed([pool.submit(run, case) for case in plan]):
            outcomes += done.result()
            told = counts(outcomes)
            progress.update(line, advance=1, description=f"{told['failed']} failed, {told['broken']} broken")
    return sorted(outcomes, key=lambda outcome: (outcome.case.seed, outcome.test))


def main() -> int:
    """Run them all; 1 if any test failed."""
    parser = argparse.ArgumentParser(description="Hold the scenario against a healthy site in trouble.")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    parser.add_argument("--seed", type=int, default=1, help="of the noise")
    told, console = parser.parse_args(), Console()
    outcomes = run_all(cases(told.runs, told.seed), told.at_once, console)
    path = reports() / "noise.json"
    path.write_text(json.dumps(to_json(outcomes, vars(told)), indent=1), encoding="utf-8")
    console.print(by_noise(outcomes), reasons(outcomes))
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    for outcome in failed:
        told_case = f"{','.join(outcome.case.noise)}, seed {outcome.case.seed}"
        console.print(f"failed: {outcome.test} ({told_case}), {outcome.folder}", markup=False, soft_wrap=True)
        console.print(f"    {outcome.why}", markup=False, highlight=False)
    console.print(summary(outcomes))
    console.print(f"written: {path}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
