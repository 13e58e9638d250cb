"""The matrix as one page that needs no server, no script and nothing from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tests.matrix.matrix import Cell, Check, Line, Mark, Matrix, in_words
from tests.matrix.rows import HEALTHY

TEMPLATE = "page.html.jinja"

SIGNS = {
    Mark.CAUGHT: "●",
    Mark.AS_WELL: "○",
    Mark.MISSED: "✕",
    Mark.BROKEN: "?",
    Mark.PASSED: "",
    Mark.SKIPPED: "\N{EN DASH}",
    Mark.NOT_RUN: "",
}
"""So that the page can be read without seeing colours."""

MEANINGS = {
    Mark.CAUGHT: "caught by the check that should",
    Mark.AS_WELL: "caught as well",
    Mark.MISSED: "should have caught it, and did not",
    Mark.BROKEN: "could not be measured",
    Mark.PASSED: "passed",
    Mark.SKIPPED: "skipped",
    Mark.NOT_RUN: "not run",
}


@dataclass(frozen=True, slots=True)
class Square:
    """A cell as the page shows it."""

    kind: str
    sign: str
    tip: str
    opens_group: bool


def render(matrix: Matrix) -> str:
    """The page."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    healthy = Line(HEALTHY, "The site keeps every promise.", (), matrix.healthy)
    groups = [list(checks) for _, checks in groupby(matrix.checks, lambda check: check.file)]
    firsts = {checks[0].name for checks in groups}
    return environment.get_template(TEMPLATE).render(
        matrix=matrix,
        healthy=healthy,
        when=_when(matrix.measured),
        figures=_figures(matrix),
        groups=groups,
        firsts=firsts,
        squares=lambda line: [_square(line, check, check.name in firsts) for check in matrix.checks],
        legend=[(_kind(mark), SIGNS[mark], meaning) for mark, meaning in MEANINGS.items()],
        told=_told,
        in_words=in_words,
    )


def _kind(mark: Mark) -> str:
    return mark.name.lower().replace("_", "-")


def _square(line: Line, check: Check, opens_group: bool) -> Square:
    cell = line.cell(check.name)
    return Square(_kind(cell.mark), SIGNS[cell.mark], _tip(line, check, cell), opens_group)


def _tip(line: Line, check: Check, cell: Cell) -> str:
    """What a cell says when it is pointed at; nothing where all is as it should be."""
    if cell.mark in (Mark.PASSED, Mark.NOT_RUN):
        return ""
    said = f"\n{cell.message}" if cell.message else ""
    return f"{line.name} \N{MULTIPLICATION SIGN} {check.words}: {MEANINGS[cell.mark]}{said}"


def _told(line: Line) -> list[tuple[str, str, bool]]:
    """Who caught a defect, what it said, and whether it should: those first."""
    expected = {each.check for each in line.expected}
    told = [(name, message, name in expected) for name, message in line.caught_by.items()]
    return sorted(told, key=lambda each: not each[2])


def _when(measured: tuple[str, ...]) -> str:
    """The time of the measurements, for a reader anywhere."""
    if not measured:
        return "nothing measured yet"
    first, last = (each.replace("T", " ").removesuffix("Z")[:16] for each in measured)
    if first == last:
        return f"{first} UTC"
    return f"{first} to {last.removeprefix(f'{first[:10]} ')} UTC"


def _figures(matrix: Matrix) -> str:
    """All of it in one sentence."""
    totals = matrix.totals
    of_how_many = f"{totals['caught_as_expected']} of {totals['ran']} defects"
    rest = totals["defects"] - totals["ran"]
    partly = totals["ran"] - totals["ran_with_every_check"]
    tried = f"; {partly} defects were tried only with the checks that should catch them" if partly else ""
    return (
        f"{of_how_many} are caught by the check that should, {totals['caught_by_one_check_alone']} of them "
        f"by one check alone; {totals['checks']} checks, of which "
        f"{totals['checks_with_a_defect_of_their_own']} have a defect that only they see; the healthy site "
        f"{_of_the_healthy(matrix)}{tried}{f'; {rest} defects were not run' if rest else ''}."
    )


def _of_the_healthy(matrix: Matrix) -> str:
    if matrix.healthy is None:
        return "was not run"
    return "is accused by one of them" if matrix.healthy.with_status("failed") else "is accused by none"
