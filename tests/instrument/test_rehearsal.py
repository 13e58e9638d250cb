"""Before a log-out: what a probe that cannot tell alive from revoked means for the run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from afterglow.budget import Budget
from afterglow.conductor import Lane, Role
from afterglow.outcomes import NotMeasured
from afterglow.readings import Answer, Reading, State
from afterglow.schedule import Schedule
from afterglow.settings import LAYERS, Settings, Transport
from afterglow.watch import LayerWatch, Patience
from fixtures.eyes import Eyes
from fixtures.lanes import CORE, Lanes
from fixtures.rehearsal import enough, unproven
from fixtures.target import Site
from probes.asking import Copy
from probes.over_http import OverHttp
from probes.over_page import OverPage


class Nobody:
    """Asks nothing."""

    async def ask(self) -> Answer:
        """Nobody asks."""
        raise AssertionError("nothing is asked here")


def lane(layer: str, *states: State, code: str = "") -> Lane:
    watch = LayerWatch("secondary", layer, Schedule(30.0), Patience(1.0, 5.0))
    for number, state in enumerate(states):
        watch.take(Reading("secondary", layer, float(number), number + 0.1, state, code))
    return Lane(watch, Nobody())


@pytest.mark.parametrize("layer", sorted(CORE))
def test_without_a_core_layer_nothing_is_measured(layer: str) -> None:
    """Page, session, access and replay exist everywhere: one that reads revoked while signed in is wrong."""
    with pytest.raises(
        NotMeasured, match=f"the {layer} probe cannot tell alive from revoked: it read revoked"
    ):
        unproven(lane(layer, State.ALIVE, State.REVOKED, code="token_revoked"), State.ALIVE)


def test_any_other_layer_that_cannot_tell_is_not_applicable() -> None:
    """A site that always gives the same token cannot be asked for a new one: that is said, and no failure."""
    why = unproven(lane("mint", State.UNKNOWN, State.UNKNOWN, code="same_token"), State.ALIVE)
    assert why == "it read unknown (same_token) on the secondary profile, where it must read alive"


def test_a_few_unknown_answers_are_forgiven() -> None:
    """An outage of a moment does not make a probe wrong; never having been alive does."""
    assert unproven(lane("access", State.UNKNOWN, State.ALIVE), State.ALIVE) is None
    with pytest.raises(NotMeasured, match="nothing was logged out"):
        unproven(lane("access"), State.ALIVE)


def test_what_leaves_something_behind_is_rehearsed_once() -> None:
    """A message and a long answer stay on the account; everything else is heard twice."""
    assert enough(lane("message", State.ALIVE))
    assert not enough(lane("access", State.ALIVE))
    assert enough(lane("access", State.ALIVE, State.ALIVE))


def test_a_real_site_has_no_platform_on_its_own_host() -> None:
    """The API Platform is elsewhere, with no verified sign of life: not applicable, with the reason."""
    settings = Settings.model_construct()
    live, replica = (Lanes(settings, Site(name, "https://example.test")) for name in ("chatgpt", "replica"))
    assert set(LAYERS) - set(live.layers) == {"platform"}
    assert replica.layers == LAYERS
    assert "host of its own" in (live.lacking("platform") or "")


def test_a_page_is_not_asked_for_what_it_cannot_do() -> None:
    """It sends its own cookies and no copies, and reads an answer only when it is whole."""
    settings = Settings.model_construct(probe_transport=Transport.BROWSER)
    lanes = Lanes(settings, Site("replica", "http://127.0.0.1"))
    assert set(LAYERS) - set(lanes.layers) == {"replay", "elsewhere", "platform", "stream"}


OVER_HTTP = ("session", "access", "replay", "mint", "elsewhere", "codex", "stream")


def eyes_of(profile: Any) -> Eyes:
    return Eyes(profile, Copy("http://127.0.0.1", "a browser", {}, "a token"), Budget(), OVER_HTTP)


def test_a_layer_is_asked_for_as_long_as_its_kind_of_look_takes() -> None:
    """A look of two questions needs more refusals than one; what can end only once needs a single one."""
    lanes = Lanes(Settings.model_construct(), Site("replica", "http://127.0.0.1"))
    patience = {
        lane.watch.layer: lane.watch.patience for lane in lanes.of(eyes_of(SimpleNamespace(name="secondary")))
    }
    assert {layer for layer, each in patience.items() if each.opinions} == {"session", "replay", "elsewhere"}
    assert (patience["stream"].refusals, patience["stream"].quiet_s) == (1, 0.0)
    assert all(each.chance == 0.001 for layer, each in patience.items() if layer != "stream")


@pytest.mark.parametrize(
    ("transport", "carrier"), [(Transport.HTTP, OverHttp), (Transport.BROWSER, OverPage)]
)
def test_a_control_is_asked_by_the_same_transport(transport: Transport, carrier: type) -> None:
    """Where a site answers only its own page, it does so for the session that must stay alive too."""
    lanes = Lanes(Settings.model_construct(probe_transport=transport), Site("replica", "http://127.0.0.1"))
    profile: Any = SimpleNamespace(name="primary", page=object())
    control = lanes.control(profile, eyes_of(profile).copy)
    assert isinstance(control.probe, carrier)
    assert control.role is Role.CONTROL
    assert control.watch.schedule.floor_s == control.watch.schedule.cap_s == 2.0, "it is looked at sparsely"
