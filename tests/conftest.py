"""What all tests of the suite share."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Some tests press Ctrl-C on what they start, to which a shell makes its background jobs deaf."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
