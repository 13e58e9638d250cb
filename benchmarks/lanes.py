"""Lanes as the suite builds them for its target, for the layers that need no browser."""

from __future__ import annotations

from collections.abc import Callable

from afterglow.budget import Budget
from afterglow.conductor import Lane
from afterglow.schedule import Schedule
from afterglow.settings import Settings
from afterglow.watch import LayerWatch, Patience
from probes.access import AccessProbe
from probes.asking import Copy, Probe
from probes.codex import CodexProbe
from probes.mint import MintProbe
from probes.over_http import OverHttp
from probes.session import ElsewhereProbe, ReplayProbe, SessionProbe, on_another_device, opinions_on

PROBES: dict[str, Callable[[Copy], Probe]] = {
    "session": SessionProbe,
    "access": AccessProbe,
    "replay": ReplayProbe,
    "mint": MintProbe,
    "elsewhere": ElsewhereProbe,
    "codex": CodexProbe,
}
"""The probes that ask over HTTP, by their layers."""


def out_of_the_box(**changes: object) -> Settings:
    """The settings that a user has who sets nothing; the environment and `.env` are not asked."""
    return Settings.model_construct(**changes)  # type: ignore[arg-type]


def lane_of(name: str, layer: str, copy: Copy, settings: Settings) -> Lane:
    """One layer of one session."""
    quiet_s, grace_s = settings.patience_s
    schedule = Schedule(settings.window_s, floor_s=settings.floor_s)
    edges = settings.assumed_edges
    patience = Patience(quiet_s, grace_s, assumed_edges=edges, opinions=opinions_on(layer))
    carried = on_another_device(copy) if layer == "elsewhere" else copy
    probe = OverHttp(PROBES[layer](copy), carried, Budget())
    return Lane(LayerWatch(name, layer, schedule, patience), probe)


def requests_of(lane: Lane) -> int:
    """How many requests a lane has made."""
    assert isinstance(lane.probe, OverHttp)
    return lane.probe.budget.spent
