"""`python -m tests.matrix`: the page and the file for machines, from the rows that were kept."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer

from cli.place import reports_folder
from replica.defects import Defect
from tests.matrix.expected import EXPECTED, JUSTIFIED
from tests.matrix.matrix import Matrix
from tests.matrix.page import render
from tests.matrix.rows import HEALTHY, Row, rows_folder


def kept_rows(folder: Path) -> list[Row]:
    """The rows of this and of earlier runs; one of a defect that is no more is left alone."""
    paths = (folder / f"{name}.json" for name in (HEALTHY, *Defect))
    return [Row.read(path) for path in paths if path.exists()]


def write(matrix: Matrix, reports: Path) -> Path:
    """Write both files; the page's path."""
    text = json.dumps(matrix.as_json(), indent=1, ensure_ascii=False)
    (reports / "defect-matrix.json").write_text(text + "\n", encoding="utf-8")
    page = reports / "defect-matrix.html"
    page.write_text(render(matrix), encoding="utf-8")
    return page


def main() -> int:
    """Build both; 1 if something is not as it must be."""
    rows = kept_rows(rows_folder())
    if not rows:
        typer.echo("matrix: no row was kept, so there is no page")
        return 1
    matrix = Matrix.of(rows, EXPECTED, JUSTIFIED)
    page = write(matrix, reports_folder())
    for problem in matrix.problems:
        typer.echo(f"matrix: {problem}")
    if not matrix.whole:
        typer.echo(
            f"matrix: {len(matrix.ran)} of {len(matrix.lines)} defects were run, "
            f"{len(matrix.complete)} of them with every check"
        )
    typer.echo(f"matrix: {page}")
    return 1 if matrix.problems else 0


if __name__ == "__main__":
    sys.exit(main())
