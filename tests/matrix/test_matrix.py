"""Every defect of the replica is caught by the check that should catch it, in the user's words.

A row is a run of the whole catalogue, in a process of its own, on a replica with one defect. `make matrix`
runs all rows; a small part of them belongs to `make test`.
"""

from __future__ import annotations

from pathlib import Path

import allure
import pytest

from replica.defects import Defect
from replica.noise import Noise
from tests.matrix.expected import EXPECTED, catching
from tests.matrix.matrix import brief, misses
from tests.matrix.rows import (
    CLEAN_UP_S,
    HEALTHY,
    LIMIT_S,
    Row,
    complaints_about,
    last_words,
    rows_folder,
    run_row,
)

FEW = (
    Defect.ROW_MISSING,
    Defect.CANCEL_LOGS_OUT,
    Defect.FOREIGN_ACCEPTED,
    Defect.STREAM_SURVIVES,
    Defect.PROTECTED_CACHEABLE,
    Defect.MFA_ENDS_SESSIONS,
)
"""One of each kind: the view, the page, the API, how a session ends, headers, the neighbours."""

PATIENT_S = "40"
"""The window of the healthy site. In a shorter one, on a machine that is busy with other tests, the suite may
not come to be sure of the last door in time, and rightly says undetermined."""

pytestmark = [
    allure.epic("The suite itself"),
    allure.feature("What the checks see"),
    pytest.mark.timeout(LIMIT_S + 2 * CLEAN_UP_S),
]


def accused(row: Row, *statuses: str) -> list[str]:
    """What is wrong with a row in which nothing should end so."""
    said = (f"{each.check} {each.status}: {brief(each.message)}" for each in row.with_status(*statuses))
    return [*complaints_about(row), *said]


def test_the_healthy_replica_passes_every_check(tmp_path: Path) -> None:
    """A site that keeps every promise is accused by no check, and each can measure what it is about."""
    row = run_row(HEALTHY, tmp_path, REVOCATION_WINDOW_S=PATIENT_S)
    row.write(rows_folder())
    assert not accused(row, "failed", "broken"), told(accused(row, "failed", "broken"), tmp_path)


@pytest.mark.parametrize("defect", FEW)
def test_a_defect_is_caught_by_the_check_that_should(defect: Defect, tmp_path: Path) -> None:
    """The quick part: only the checks that must catch it are run, and nothing is written down."""
    row = run_row(defect.value, tmp_path, catching(defect), REPLICA_DEFECTS=defect.value)
    missed = list(misses(row, EXPECTED[defect]))
    assert not missed, told(missed, tmp_path)


@pytest.mark.whole_matrix
@pytest.mark.parametrize("defect", Defect)
def test_quick_row(defect: Defect, tmp_path: Path) -> None:
    """Only the checks that must catch it, written down as a row of which the rest was not run."""
    row = run_row(defect.value, tmp_path, catching(defect), REPLICA_DEFECTS=defect.value)
    row.write(rows_folder())
    missed = list(misses(row, EXPECTED[defect]))
    assert not missed, told(missed, tmp_path)


@pytest.mark.whole_matrix
@pytest.mark.parametrize("defect", Defect)
def test_row(defect: Defect, tmp_path: Path) -> None:
    """The whole catalogue on a site with one defect; what else fails or cannot be measured is recorded."""
    row = run_row(defect.value, tmp_path, REPLICA_DEFECTS=defect.value)
    row.write(rows_folder())
    wrong = [*complaints_about(row), *misses(row, EXPECTED[defect])]
    assert not wrong, told(wrong, tmp_path)


@pytest.mark.whole_matrix
@pytest.mark.parametrize("noise", Noise)
def test_trouble_is_no_broken_promise(noise: Noise, tmp_path: Path) -> None:
    """Where the site is only slow, throttled or down, a check may fail to measure, but accuses nobody."""
    row = run_row(noise.value, tmp_path, REPLICA_NOISE=noise.value)
    row.write(rows_folder() / "noise")
    assert not accused(row, "failed"), told(accused(row, "failed"), tmp_path)


def told(wrong: list[str], folder: Path) -> str:
    """What is wrong, and what the row itself said at its end if there is nothing else to go by."""
    return "\n".join(
        wrong if any((folder / "allure-results").glob("*-result.json")) else [*wrong, last_words(folder)]
    )
