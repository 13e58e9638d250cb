"""How pytest-xdist divides the tests: a file at a time, but for files of long tests that share nothing."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

APART = (
    "test_matrix.py",
    "test_noise.py",
    "test_observer.py",
    "test_bad_input.py",
    "test_verdicts.py",
    "test_capabilities.py",
    "test_skins.py",
    "test_first_live_run.py",
    "test_doctor.py",
    "test_safety.py",
    "test_hurdles.py",
    "test_nothing_secret.py",
    "test_nightly.py",
)
"""Each test of these may run beside the others of its file."""


class FilesTogether(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Gives a worker a whole file, which sets things up once, or one test of a file whose tests are apart."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return nodeid if file.rpartition("/")[2] in APART else file
