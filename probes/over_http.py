"""Carries a probe's requests over HTTP, outside of any browser."""

from __future__ import annotations

from dataclasses import dataclass, field

from afterglow.budget import Budget
from afterglow.readings import Answer
from afterglow.telemetry import Traffic
from probes.asking import Copy, Looking, Probe
from probes.wire import FAILURES, carried, proxy_of


@dataclass(slots=True)
class OverHttp:
    """Asks with the copied cookies and token, each request over a connection of its own.

    Follows no redirect, and neither keeps nor sends a cookie that the probe did not hand it. `copy` tells
    where the site is and what the client says it is. The budget is asked before every request.
    """

    probe: Probe
    copy: Copy
    budget: Budget
    traffic: Traffic = field(default_factory=Traffic, init=False)
    _proxy: str | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Look up the way out once."""
        self._proxy = proxy_of(self.copy.base_url)

    @property
    def layer(self) -> str:
        """The probe's layer."""
        return self.probe.layer

    async def ask(self) -> Answer:
        """Ask once. A network failure is an unknown answer; only BudgetSpent is raised."""
        look = Looking(self.probe)
        while look.wanted is not None:
            self.budget.spend()
            self.traffic.sent(look.wanted.size_bytes)
            try:
                got = await carried(look.wanted, self.copy, self._proxy)
            except FAILURES as failure:
                look.fail(type(failure).__name__)
            else:
                self.traffic.came(got.size_bytes)
                look.take(got)
        assert look.answer is not None
        return look.answer
