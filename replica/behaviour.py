"""How the replica behaves: every tunable in one typed place, set at the start or patched while it runs.

A new tunable is one field here and one look at it where it acts. The command line (`--behaviour`) and the
control port (`PATCH /behaviour`) know it at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_serializer, model_validator

from replica.defects import ON_THE_PAGE, Defect
from replica.hurdles import Hurdle
from replica.noise import Noise
from replica.skins import Skin

if TYPE_CHECKING:
    from random import Random

Duration = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Delay = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Behaviour(BaseModel):
    """The tunables. All durations are real seconds; nothing is ever scaled."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    window_s: Duration = 30
    """No edge learns of a log-out later than this. The real site promises up to 30 minutes (1800 s)."""
    delay_min_s: Delay = 2
    delay_max_s: Delay = 12
    """An edge learns of a log-out after a delay drawn uniformly between these two, cut to the window."""
    token_life_s: Duration = 3600
    """Lifetime of an access token; tokens have whole seconds, so it is rounded up."""
    looks_up_every_s: Delay = 0
    """Every edge looks a session up only so long after its newest token was issued, and again after as long:
    a log-out reaches it at the next time, sooner the older the token is. 0: a delay is drawn as above."""
    stream_s: Duration = 1.5
    """How long the answer to a message takes to stream."""
    long_stream_s: Duration = 60
    """The same for a message that starts with "Write a long": long enough to be cut by a log-out."""
    delete_cookie_on_refusal: bool = False
    """Whether an edge that refuses a session cookie also deletes it from the browser."""
    show_session_manager: bool = True
    """False stands for an account tied to an organisation's SSO, which has no such view."""
    rechecks_on_back: bool = True
    """Whether a page that comes out of the back-forward cache asks again who is signed in."""
    heartbeat_s: Delay = 5
    """How often an open tab asks by itself who is signed in; 0 is never. Told to a page when it loads."""

    defects: frozenset[Defect] = frozenset()
    """The promises that the site breaks."""
    noise: frozenset[Noise] = frozenset()
    """The trouble that it has."""
    hurdles: frozenset[Hurdle] = frozenset()
    """What it puts before automation."""
    skin: Skin = Skin.LIST
    """The face of its Active sessions view."""
    outage_s: Duration = 20
    """How long the outage after a log-out lasts, where there is one."""
    challenge_s: Duration = 5
    """How long it asks for a person after a log-out, where it does."""
    mailed_code_life_s: Duration = 600
    """How long a code that was mailed is good, where one is."""

    # Off by default. By these, looking changes what is seen.
    serves_last_for_s: Delay = 0
    """An edge honours a layer of a session for so long after each time that it did, whatever it learns."""
    cache_cookie_s: Delay = 0
    """A cookie renewed by every use lets its session in unasked for so long, as some auth libraries do."""
    slides_expiry_s: Delay = 0
    """An edge refuses a logged-out session only once nobody used it there, by any layer, for so long."""
    learns_when_asked_s: Delay = 0
    """An edge learns so long after it was first asked for a logged-out session, if that is sooner."""

    @model_validator(mode="after")
    def _delays_are_ordered(self) -> Self:
        if self.delay_min_s > self.delay_max_s:
            raise ValueError("delay_min_s must not be greater than delay_max_s")
        return self

    @field_serializer("defects", "noise", "hurdles")
    def _in_order(self, switches: frozenset[str]) -> list[str]:
        return sorted(switches)

    def has(self, switch: Defect | Noise) -> bool:
        """Whether a switch is on."""
        return switch in self.defects or switch in self.noise

    @property
    def told_to_pages(self) -> str:
        """The defects that the pages' own scripts act on, by name, with blanks between them."""
        return " ".join(sorted(self.defects & ON_THE_PAGE))

    def patched(self, changes: dict[str, Any]) -> Behaviour:
        """The behaviour with some tunables changed. Raises pydantic's ValidationError for a bad change."""
        return Behaviour.model_validate(self.model_dump() | changes)

    def draw_delay_s(self, chance: Random, token_age_s: float = 0.0) -> float:
        """Draw how many seconds one edge takes to learn of a log-out; see `looks_up_every_s`."""
        if self.looks_up_every_s:
            return self.looks_up_every_s - token_age_s % self.looks_up_every_s
        latest = min(self.delay_max_s, self.window_s)
        return chance.uniform(min(self.delay_min_s, latest), latest)


def explain(problem: ValidationError) -> str:
    """What is wrong, in one line, without the offending values: they may be secrets."""
    return "; ".join(
        f"{'.'.join(map(str, error['loc']))}: {error['msg']}" if error["loc"] else error["msg"]
        for error in problem.errors(include_input=False, include_url=False, include_context=False)
    )
