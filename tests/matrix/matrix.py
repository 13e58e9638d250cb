"""Rows made into a matrix: who catches what, who alone, and what nobody sees."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from replica.defects import Defect
from tests.matrix.expected import Expectation
from tests.matrix.rows import HEALTHY, SEVERITY, Row, complaints_about

LONGEST_MESSAGE = 600
"""Enough for every message of ours; Playwright's, with their call logs, can be pages."""


class Mark(StrEnum):
    """What a cell says; the value is what the page calls it."""

    CAUGHT = "caught"
    AS_WELL = "caught as well"
    MISSED = "missed"
    BROKEN = "could not be measured"
    PASSED = "passed"
    SKIPPED = "skipped"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Cell:
    """What one check said of one site."""

    mark: Mark
    message: str = ""


@dataclass(frozen=True)
class Check:
    """A column."""

    file: str
    name: str
    title: str

    @property
    def words(self) -> str:
        """Its name, as the sentence that it is."""
        return in_words(self.name)

    @property
    def group(self) -> str:
        """What its file is about."""
        return in_words(self.file)


@dataclass(frozen=True)
class Line:
    """A defect, what is expected of the checks, and its row, if it was run."""

    name: str
    about: str
    expected: tuple[Expectation, ...] = ()
    row: Row | None = None

    @cached_property
    def _said(self) -> dict[str, Cell]:
        """What each check said, by its name."""
        row = self.row
        return {} if row is None else {name: self._cell(row, name) for name in _names(row)}

    def cell(self, check: str) -> Cell:
        """What a check said."""
        expected_in_vain = self.row is not None and any(each.check == check for each in self.expected)
        return self._said.get(
            check,
            Cell(Mark.MISSED, "it did not run") if expected_in_vain else Cell(Mark.NOT_RUN),
        )

    def _cell(self, row: Row, check: str) -> Cell:
        status, message = verdict_of(row, check)
        missed = list(misses(row, [each for each in self.expected if each.check == check]))
        if missed:
            return Cell(Mark.MISSED, "; ".join(missed))
        if status == "failed":
            expected = any(each.check == check for each in self.expected)
            return Cell(Mark.CAUGHT if expected else Mark.AS_WELL, message)
        return Cell(MARKS[status], message)

    @cached_property
    def caught_by(self) -> dict[str, str]:
        """The checks that failed, and what they said."""
        row = self.row
        if row is None:
            return {}
        names = dict.fromkeys(result.check for result in row.with_status("failed"))
        return {name: verdict_of(row, name)[1] for name in names}

    @property
    def broken(self) -> dict[str, str]:
        """The checks that could not measure, and why."""
        return {name: cell.message for name, cell in self._said.items() if cell.mark is Mark.BROKEN}

    @property
    def missed(self) -> list[str]:
        """What was expected and did not come."""
        return [] if self.row is None else list(misses(self.row, self.expected))

    @property
    def held(self) -> bool:
        """Whether the check that should has caught it."""
        return self.row is not None and bool(self.caught_by) and not self.missed


MARKS = {"broken": Mark.BROKEN, "passed": Mark.PASSED, "skipped": Mark.SKIPPED}


def _names(row: Row) -> Iterable[str]:
    return dict.fromkeys(result.check for result in row.results)


def verdict_of(row: Row, check: str) -> tuple[str, str]:
    """The status of a check, the worst of its parameters', and the messages of those that ended so."""
    results = row.of(check)
    status = min((result.status for result in results), key=SEVERITY.index)
    said = [
        f"[{result.parameter}] {brief(result.message)}" if result.parameter else brief(result.message)
        for result in results
        if result.status == status and result.message
    ]
    return status, "\n".join(said)


def misses(row: Row, expected: Sequence[Expectation]) -> Iterator[str]:
    """What was expected of a row and did not come, one line each."""
    for each in expected:
        results = row.of(each.check)
        failed = [result for result in results if result.status == "failed"]
        if not results:
            yield f"{each.check} did not run"
        elif not failed:
            status, message = verdict_of(row, each.check)
            yield f"{each.check} should have failed, but {SAID[status]}{': ' if message else ''}{message}"
        elif not any(each.told_by(result.message) for result in failed):
            yield f"{each.check} failed, but its message lacks /{each.words}/: {brief(failed[0].message)}"


SAID = {"broken": "could not measure", "passed": "passed", "skipped": "was skipped"}


def in_words(name: str) -> str:
    """A test's name as the sentence that it is."""
    return name.removeprefix("test_").replace("_", " ")


def brief(message: str) -> str:
    """What a person reads of a message: without the exception's name, pytest's working, Playwright's log."""
    said = re.split(r"\n\s*(?:assert |Call log:)", message.strip())[0]
    said = re.sub(r"^(?:\w+\.)*\w*(?:Error|Exception): ", "", said).strip()
    return said if len(said) <= LONGEST_MESSAGE else f"{said[:LONGEST_MESSAGE].rstrip()} …"


@dataclass(frozen=True)
class Matrix:
    """All that was measured, and what follows from it."""

    healthy: Row | None
    lines: tuple[Line, ...]
    checks: tuple[Check, ...]
    justified: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        rows: Iterable[Row],
        expected: Mapping[Defect, tuple[Expectation, ...]],
        justified: Mapping[str, str],
    ) -> Matrix:
        """From the rows that there are; the defects in the order of the checks that should catch them."""
        by_name = {row.name: row for row in rows}
        healthy = by_name.get(HEALTHY)
        lines = [
            Line(each.value, each.about, expected.get(each, ()), by_name.get(each.value)) for each in Defect
        ]
        ran = [healthy, *(line.row for line in lines)]
        checks = columns(row for row in ran if row is not None)
        place = {check.name: number for number, check in enumerate(checks)}
        first = {
            line.name: min((place.get(each.check, len(place)) for each in line.expected), default=len(place))
            for line in lines
        }
        return cls(healthy, tuple(sorted(lines, key=lambda line: first[line.name])), checks, justified)

    @property
    def ran(self) -> list[Line]:
        """The defects that were run."""
        return [line for line in self.lines if line.row is not None]

    @cached_property
    def complete(self) -> list[Line]:
        """The defects on which every check was run; the others were tried with some checks alone."""
        return [
            line for line in self.ran if all(line.cell(c.name).mark is not Mark.NOT_RUN for c in self.checks)
        ]

    @property
    def whole(self) -> bool:
        """Whether every row is there, and complete."""
        return self.healthy is not None and len(self.complete) == len(self.lines)

    def catches(self, check: str) -> list[str]:
        """The defects that made a check fail."""
        return [line.name for line in self.ran if check in line.caught_by]

    def alone(self, check: str) -> list[str]:
        """The defects that no other check of the catalogue sees."""
        return [line.name for line in self.complete if list(line.caught_by) == [check]]

    @cached_property
    def problems(self) -> list[str]:
        """Whatever must not be, one line each."""
        return [*self._unhealthy(), *self._unseen(), *(self._unproven() if self.whole else ())]

    def _unhealthy(self) -> Iterator[str]:
        if self.healthy is not None:
            for complaint in complaints_about(self.healthy):
                yield f"The healthy site: {complaint}."
            for result in self.healthy.with_status("failed", "broken"):
                yield f"The healthy site: {result.check} {result.status}: {brief(result.message)}"

    def _unseen(self) -> Iterator[str]:
        for line in self.ran:
            if not line.caught_by:
                yield f"{line.name} is seen by no check. {line.about}"
            else:
                yield from (f"{line.name}: {missed}" for missed in line.missed)

    def _unproven(self) -> Iterator[str]:
        for check in self.checks:
            if not self.alone(check.name) and check.name not in self.justified:
                yield f"{check.name} has no defect of its own, and nobody says why it stays."

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "measured": list(self.measured),
            "totals": self.totals,
            "problems": self.problems,
            "defects": {line.name: self._line_as_json(line) for line in self.lines},
            "checks": {
                check.name: {
                    "file": check.file,
                    "title": check.title,
                    "catches": self.catches(check.name),
                    "only_it_catches": self.alone(check.name),
                    "justification": self.justified.get(check.name),
                }
                for check in self.checks
            },
        }

    @staticmethod
    def _line_as_json(line: Line) -> dict[str, Any]:
        return {
            "about": line.about,
            "ran": line.row is not None,
            "expected": [each.check for each in line.expected],
            "missed": line.missed,
            "caught_by": line.caught_by,
            "broken": line.broken,
        }

    @property
    def measured(self) -> tuple[str, str] | tuple[()]:
        """When the first row began, and the last one."""
        rows = [line.row for line in self.ran if line.row] + ([self.healthy] if self.healthy else [])
        began = sorted(row.began for row in rows)
        return (began[0], began[-1]) if began else ()

    @property
    def totals(self) -> dict[str, int]:
        """The figures."""
        return {
            "defects": len(self.lines),
            "ran": len(self.ran),
            "ran_with_every_check": len(self.complete),
            "caught": sum(bool(line.caught_by) for line in self.ran),
            "caught_as_expected": sum(line.held for line in self.ran),
            "caught_by_one_check_alone": sum(len(line.caught_by) == 1 for line in self.complete),
            "checks": len(self.checks),
            "checks_with_a_defect_of_their_own": sum(bool(self.alone(check.name)) for check in self.checks),
        }


def columns(rows: Iterable[Row]) -> tuple[Check, ...]:
    """Every check that ran anywhere, in the order of running, the checks of a file together."""
    found: dict[str, dict[str, Check]] = {}
    for row in rows:
        for each in row.results:
            found.setdefault(each.file, {}).setdefault(each.check, Check(each.file, each.check, each.title))
    return tuple(check for of_file in found.values() for check in of_file.values())
