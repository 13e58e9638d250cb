"""A plugin that loses pages in the middle of a watch. Used by test_survival.py only, as `-p`.

The page of the session that was logged out is closed; the page that was brought back crashes; then the second
tab is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Error

from afterglow.clock import now_s

if TYPE_CHECKING:  # a plugin is imported before those that it looks into
    from fixtures.profile import Profile
    from fixtures.revival import Revival

LOSSES_S = (1.0, 4.0, 6.0)
"""When each happens, counted from the log-out."""


@dataclass
class Losses:
    """Takes one page after the other away."""

    left: list[float] = field(default_factory=lambda: list(LOSSES_S))

    def take(self, revival: Revival) -> None:
        """Take away what is due."""
        moments = revival.conductor.lanes[0].watch.moments
        if not self.left or moments is None or now_s() < moments.acknowledged_s + self.left[0]:
            return
        if not between_two_reloads(revival):
            return
        eyes = revival.eyes[0]
        ways = (eyes.profile.page.close, lambda: crash(eyes.profile), eyes.tabs["second"].close)
        ways[-len(self.left)]()
        self.left.pop(0)


@pytest.fixture(autouse=True)
def loses_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it happen between two looks: nothing else runs on the browser's thread then."""
    from fixtures.revival import Revival

    losses = Losses()
    look_after: Callable[..., None] = Revival.look_after

    def loses(revival: Revival) -> None:
        losses.take(revival)
        look_after(revival)

    monkeypatch.setattr(Revival, "look_after", loses)


def between_two_reloads(revival: Revival) -> bool:
    """Whether no page is on its way: closing one that is has been seen to hang, and nobody would notice."""
    [page] = [lane for lane in revival.conductor.lanes if lane.watch.layer == "page"]
    return page.next_at_s is not None and page.next_at_s > now_s() + 0.05


def crash(profile: Profile) -> None:
    """Let the page's own process die."""
    with profile.page.expect_event("crash"), suppress(Error):
        profile.page.goto("chrome://crash", wait_until="commit")
