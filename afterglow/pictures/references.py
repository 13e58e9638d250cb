"""What other providers say of their delays: lines to read ours by. None of them is a promise of the site."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

MINUTE_S, HOUR_S = 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class Documented:
    """A delay that a provider states. secondary: somebody else says so, not the provider itself."""

    delay_s: float
    provider: str
    secondary: bool = False

    def __str__(self) -> str:
        """The provider, and whether it is a secondary source."""
        return f"{self.provider} (secondary source)" if self.secondary else self.provider


DOCUMENTED = (
    Documented(5, "OpenShift, disabled user"),
    Documented(MINUTE_S, "Clerk", secondary=True),
    Documented(180, "Apigee"),
    Documented(5 * MINUTE_S, "better-auth"),
    Documented(15 * MINUTE_S, "Entra CAE"),
    Documented(15 * MINUTE_S, "OpenShift"),
    Documented(30 * MINUTE_S, "ChatGPT, log out of all"),
    Documented(HOUR_S, "Firebase"),
    Documented(HOUR_S, "Cognito"),
    Documented(24 * HOUR_S, "Microsoft account", secondary=True),
)
"""Ceilings as their documentation states them in 2026, shortest first."""

UNSTATED = "Supabase states none but the token's own end; Okta, Auth0 and Slack state none."


def fitting(to_s: float) -> dict[float, str]:
    """Those that an axis of so many seconds holds, by their delay; who states the same shares a line."""
    shown = [each for each in DOCUMENTED if each.delay_s <= to_s]
    by_delay = groupby(shown, lambda each: each.delay_s)
    return {delay_s: " · ".join(str(each) for each in many) for delay_s, many in by_delay}


def beyond(to_s: float) -> Iterator[Documented]:
    """Those that it does not hold."""
    return (each for each in DOCUMENTED if each.delay_s > to_s)
