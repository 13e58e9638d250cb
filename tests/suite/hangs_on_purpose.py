"""A test that hangs, to be run by `test_hangs.py`; pytest does not collect it by itself."""

from __future__ import annotations

import threading

import pytest


@pytest.mark.timeout(7)
def test_that_waits_for_somebody_who_never_comes() -> None:
    threading.Event().wait(60)
