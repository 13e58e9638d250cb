"""What all tests of the suite share."""

from __future__ import annotations

import signal
from typing import Any

import pytest

LONGEST_FIRST = (
    "test_matrix.py",
    "test_survival.py",
    "test_nightly.py",
    "test_nothing_lost.py",
    "test_first_live_run.py",
    "test_doctor.py",
    "test_safety.py",
    "test_hurdles.py",
    "test_capture.py",
    "test_nothing_secret.py",
    "test_page.py",
    "test_skins.py",
)
"""Where several workers share the tests, the longest must not begin last."""


def pytest_configure() -> None:
    """Some tests press Ctrl-C on what they start, to which a shell makes its background jobs deaf."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first."""
    order = {name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.hookimpl(optionalhook=True)  # pytest-xdist comes with the packages for development
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Divide the tests among the workers."""
    from tests.side_by_side import FilesTogether

    return FilesTogether(config, log)
