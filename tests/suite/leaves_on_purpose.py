"""Tests that cannot be cleaned up after. Run by test_clean_up.py only; not collected otherwise."""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Route

from fixtures.devices import PHONE
from fixtures.people import People
from fixtures.profile import Profile
from fixtures.target import Cast


def bar_the_way_out(context: BrowserContext) -> None:
    """From now on nobody can log out in this browser."""

    def stop(route: Route) -> None:
        route.abort()

    context.route("**/auth/logout", stop)


def test_signs_in_for_good(primary: Profile, secondary: Profile) -> None:
    """Of two devices of the run, one cannot be signed out any more."""
    bar_the_way_out(secondary.context)
    assert primary.signed_in


def test_signs_somebody_else_in_for_good(people: People, cast: Cast) -> None:
    """Nor can the one device of another account."""
    profile = people(cast.other).signed_in("visitor", PHONE)
    bar_the_way_out(profile.context)
