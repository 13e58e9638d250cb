"""What all tests of the suite share."""

from __future__ import annotations

import signal

import pytest

APART = (
    "test_matrix.py",
    "test_survival.py",
    "test_noise.py",
    "test_observer.py",
    "test_bad_input.py",
    "test_verdicts.py",
    "test_capabilities.py",
    "test_skins.py",
)
"""Files whose tests take long and share nothing: each test may run beside the others. They begin first.

The tests of all other files share what a file sets up, and stay together.
"""


def pytest_configure(config: pytest.Config) -> None:
    """Some tests press Ctrl-C on what they start, to which a shell makes its background jobs deaf."""
    config.addinivalue_line("markers", "xdist_group(name): stays with the others of its group")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Tell pytest-xdist which tests stay together."""
    if item.path.name not in APART:
        item.add_marker(pytest.mark.xdist_group(item.path.name))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest first: they must not begin last."""
    items.sort(key=lambda item: APART.index(item.path.name) if item.path.name in APART else len(APART))
