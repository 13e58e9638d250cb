"""Log-outs that are measured and recorded with every secret in hand: one that passes, and two that do not.

Run by test_nothing_secret.py only; not collected otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from afterglow.delay import Verdict
from fixtures.measuring import Measuring, Watching
from fixtures.profile import Profile
from fixtures.promises import the_same
from fixtures.target import Account
from fixtures.tracing import Tracing
from fixtures.verdicts import settled_verdict
from probes.access import AccessProbe
from tests.suite.canaries import API_KEY, note_account, note_profile

LAYERS = ("page", "session", "access", "replay")


@pytest.fixture
def logged_out(
    primary: Profile, secondary: Profile, measure: Measuring, account: Account
) -> Callable[[Callable[[], None]], Watching]:
    """Logs the secondary device out, and watches. Something may happen right after."""

    def act(then: Callable[[], None]) -> Watching:
        note_account(account)
        for profile in (primary, secondary):
            note_profile(profile)
        own = secondary.own_session()
        watching = measure("log out one", ended=[secondary], controls=[primary], layers=LAYERS)
        row = primary.active_sessions.row_of(the_same(own, primary.listed()))
        primary.page.evaluate("(key) => document.body.append(key)", API_KEY)
        with watching as watch:
            with watch.log_out_on(primary):
                primary.active_sessions.log_out(row)
            then()
            watch.until_settled()
        note_profile(primary)
        return watch

    return act


def test_passes_with_secrets(
    logged_out: Callable[[Callable[[], None]], Watching],
    primary: Profile,
    secondary: Profile,
    pictures: Callable[..., None],
) -> None:
    """All is well, and recorded."""
    watch = logged_out(lambda: None)
    pictures("afterwards", primary, secondary)
    assert settled_verdict(watch.measurement) is Verdict.WITHIN


def test_breaks_in_a_probe(
    logged_out: Callable[[Callable[[], None]], Watching], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe of ours breaks in the middle of the watch, with what it held in its words."""

    def breaks(self: AccessProbe) -> None:
        raise RuntimeError(f"with {self.copy.access_token} and {self.copy.cookies}")

    logged_out(lambda: monkeypatch.setattr(AccessProbe, "look", breaks))


def test_breaks_before_the_log_out(
    primary: Profile, secondary: Profile, measure: Measuring, account: Account
) -> None:
    """The view looks different: what led there was recorded, and the snapshot tells what was seen instead."""
    for profile in (primary, secondary):
        note_profile(profile)
    measure("log out one", ended=[secondary], controls=[primary], layers=LAYERS)
    primary.shell.open()
    words = f"{account.email.get_secret_value()} {API_KEY}"
    primary.page.evaluate("(words) => document.body.append(words)", words)
    primary.active_sessions.row_of(secondary.own_session())


@pytest.fixture
def by_name_alone(request: pytest.FixtureRequest) -> None:
    """What does not end by itself is run only if it is asked for."""
    if not request.config.getoption("keyword"):
        pytest.skip("it does not end by itself")


@pytest.mark.usefixtures("by_name_alone")
def test_is_killed_while_it_is_recorded(primary: Profile, tracing: Tracing, account: Account) -> None:
    """Everything secret is being recorded when it happens."""
    note_account(account)
    tracing.begin(primary, "until it is killed")
    primary.shell.open()
    note_profile(primary)
    print("ready to be killed", flush=True)  # noqa: T201 - with -s, whoever waits for it reads it
    primary.page.wait_for_timeout(60_000)


@pytest.mark.usefixtures("by_name_alone")
def test_is_killed_in_the_watch(
    logged_out: Callable[[Callable[[], None]], Watching], primary: Profile
) -> None:
    """The log-out was recorded, the watch is not, and there was no time yet to clean what was."""

    def wait() -> None:
        print("ready to be killed", flush=True)  # noqa: T201 - with -s, whoever waits for it reads it
        primary.page.wait_for_timeout(60_000)

    logged_out(wait)
