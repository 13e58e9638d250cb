"""The page objects find their way through every face of the view, and touch nothing where they do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import allure
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect
from pydantic import SecretStr

from afterglow.outcomes import LocatorDrift, NoSessionView, NothingAsked
from pages.active_sessions import ActiveSessions
from pages.listing import ListedSession
from pages.overlays import overlays
from pages.shell import Shell
from pages.signin import SignIn
from replica.skins import Skin
from tests.suite.conftest import Site, running_site
from tests.suite.walking import at_the_window, sign_in, walk_through, walks

pytestmark = [allure.epic("The suite itself"), allure.feature("Faces of the view")]

AT_ONCE = ("--edges", "1", "--delay-min-s", "0", "--delay-max-s", "0")
"""These tests are about what is found on a page, not about how long a log-out takes."""

KNOWN = [skin for skin in Skin if skin not in (Skin.UNMATCHED, Skin.CAPTURED)]

LAPTOP = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0"
)
PHONE = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile"


@dataclass
class Device:
    """A device of the account, signed in, and the view as seen from it."""

    page: Page
    view: ActiveSessions

    def sessions(self) -> tuple[ListedSession, ListedSession]:
        """Its own session and the other one, as the view was told, once it is open."""
        listed = self.view.open()
        assert listed is not None
        [own], [other] = [[one for one in listed if one.current is current] for current in (True, False)]
        return own, other


NewDevice = Callable[[Site, str], Device]


@pytest.fixture
def new_device(browser: Browser) -> Iterator[NewDevice]:
    """Sign in on one device more."""
    contexts = []

    def make(site: Site, user_agent: str) -> Device:
        context = browser.new_context(locale="en-US", timezone_id="Asia/Tokyo", user_agent=user_agent)
        contexts.append(context)
        page = context.new_page()
        email, password = (SecretStr(site.account[name]) for name in ("ACCOUNT_EMAIL", "ACCOUNT_PASSWORD"))
        SignIn(page, site.base_url).sign_in(email, password, lambda _mailed: None)
        return Device(page, ActiveSessions(page, site.base_url, "Asia/Tokyo"))

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def captured(playwright: Playwright, tmp_path: Path, new_device: NewDevice) -> Callable[[Skin], Path]:
    """Walk through a face as a person would with `afterglow capture`; the zip that comes of it."""

    def capture(skin: Skin) -> Path:
        with running_site(*AT_ONCE, "--skin", skin) as site, walks(playwright, tmp_path) as begin:
            new_device(site, PHONE)
            walk = begin(site.base_url)
            with at_the_window(playwright, walk) as page:
                sign_in(page, site)
                walk_through(page, walk)
                assert walk.end() == 0, walk.said
            return walk.to

    return capture


@contextmanager
def two_devices(new_device: NewDevice, skin: Skin, *options: str) -> Iterator[tuple[Site, Device, Device]]:
    """A laptop and a phone of one account, on a site with this face."""
    with running_site(*AT_ONCE, "--skin", skin, *options) as site:
        yield site, new_device(site, LAPTOP), new_device(site, PHONE)


def ended(site: Site) -> set[str]:
    """The sessions that were logged out."""
    return {end["session_id"] for end in site.truth()["revocations"]}


def is_in(device: Device, site: Site) -> bool:
    """Whether the site still takes a device as signed in."""
    shell = Shell(device.page, site.base_url)
    shell.open()
    shell.require()
    return shell.profile_menu.count() == 1


@pytest.mark.parametrize("skin", KNOWN)
def test_the_right_row_is_found_and_logged_out_in_every_face(skin: Skin, new_device: NewDevice) -> None:
    """Each session has its row; the other's log-out is declined, then done; then all are logged out."""
    holds_to_the_promises(skin, new_device)


@pytest.mark.parametrize("skin", [Skin.LIST, Skin.TABLE, Skin.CARDS, Skin.KEBAB, Skin.NESTED])
def test_a_captured_face_is_found_as_the_one_that_it_was_captured_from(
    skin: Skin, captured: Callable[[Skin], Path], new_device: NewDevice
) -> None:
    """Everything that holds there holds here: so a mended locator can be tried without the site."""
    holds_to_the_promises(Skin.CAPTURED, new_device, "--capture", str(captured(skin)))


def holds_to_the_promises(skin: Skin, new_device: NewDevice, *options: str) -> None:
    """What is promised of each face."""
    with two_devices(new_device, skin, *options) as (site, laptop, phone):
        view = laptop.view
        own, other = laptop.sessions()
        expect(view.rows).to_have_count(2)
        expect(view.current_marks).to_have_count(1)
        for session, device in ((own, "Chrome on macOS"), (other, "Chrome on Android")):
            row = view.row_of(session)
            expect(row.root).to_contain_text(device)
            expect(row.current).to_have_count(1 if session.current else 0)
        expect(view.row_of(own).reveal().log_out).to_have_count(0)
        expect(view.row_of(other).reveal().log_out).to_have_count(1)
        if skin is not Skin.NO_CONFIRM:
            question = view.ask_to_log_out(view.row_of(other))
            question.cancel()
            expect(question.root).to_have_count(0)
            assert ended(site) == set()
            expect(view.rows_of(other)).to_have_count(1)
        view.log_out(view.row_of(other))
        assert view.announced() == "Session logged out."
        expect(view.rows_of(other)).to_have_count(0)
        expect(view.rows_of(own)).to_have_count(1)
        assert ended(site) == {other.session_id}
        assert not is_in(phone, site)
        assert is_in(laptop, site)
        view.open()
        view.log_out_of_all()
        assert view.announced() == "Successfully logged out of all sessions."
        assert not is_in(laptop, site)


def test_a_face_that_nobody_knows_is_told_as_it_is_and_left_alone(new_device: NewDevice) -> None:
    """Locator drift names what was looked for and shows what is there; nothing is pressed, nothing ends."""
    drifts(Skin.UNMATCHED, new_device)


def test_a_captured_face_that_nobody_knows_stays_unknown(
    captured: Callable[[Skin], Path], new_device: NewDevice
) -> None:
    """Until the locators are mended, what was captured is as strange to them as it was on the site."""
    drifts(Skin.CAPTURED, new_device, "--capture", str(captured(Skin.UNMATCHED)))


def drifts(skin: Skin, new_device: NewDevice, *options: str) -> None:
    """What a run says of a face beyond all guesses."""
    with two_devices(new_device, skin, *options) as (site, laptop, phone):
        with pytest.raises(LocatorDrift) as drift:
            laptop.view.open()
        words = str(drift.value)
        assert words.startswith("locator drift: heading Active sessions is not on the screen")
        assert "Where you are logged in" in words
        assert 'button "Kick everybody"' in words
        assert ended(site) == set()
        assert all(is_in(device, site) for device in (laptop, phone))


def test_an_account_without_the_view_is_told_from_one_whose_view_is_not_found(new_device: NewDevice) -> None:
    """The site itself says that it shows none. What it does not say is locator drift."""
    with running_site(*AT_ONCE, "--behaviour", '{"show_session_manager": false}') as site:
        laptop = new_device(site, LAPTOP)
        with pytest.raises(NoSessionView):
            laptop.view.open()
        laptop.page.route("**/backend-api/accounts/sessions", lambda route: route.fulfill(status=503))
        with pytest.raises(LocatorDrift, match="heading Active sessions"):
            laptop.view.open()


def test_a_site_that_asks_nothing_back_has_nothing_to_decline(new_device: NewDevice) -> None:
    """The session has been ended by the first click, and whoever wanted to decline is told so."""
    with two_devices(new_device, Skin.NO_CONFIRM) as (site, laptop, _):
        _, other = laptop.sessions()
        with pytest.raises(NothingAsked):
            laptop.view.ask_to_log_out(laptop.view.row_of(other))
        assert ended(site) == {other.session_id}


@pytest.mark.parametrize("goes_after_ms", [1500, None])
def test_what_was_announced_before_is_not_taken_for_what_comes(
    goes_after_ms: int | None, new_device: NewDevice
) -> None:
    """Whether it goes in time or stays for good."""
    with two_devices(new_device, Skin.LIST) as (site, laptop, _):
        _, other = laptop.sessions()
        row = laptop.view.row_of(other)
        laptop.page.evaluate(SAY_SOMETHING, goes_after_ms)
        laptop.view.log_out(row)
        assert laptop.view.announced() == "Session logged out."
        assert ended(site) == {other.session_id}


SAY_SOMETHING = """(goesAfterMs) => {
    const word = document.createElement("p");
    word.setAttribute("role", "status");
    word.textContent = "Something else is done.";
    document.body.prepend(word);
    if (goesAfterMs !== null) setTimeout(() => word.remove(), goesAfterMs);
}"""

BUTTONS = "<button>Close</button><button>Not now</button><button>Cancel</button>"


DIALOGS = {
    "a renewal": (f'<div role="dialog"><h2>Your plan renews</h2>{BUTTONS}</div>', True),
    "a welcome": ('<div role="dialog"><h2>Welcome</h2><button>Skip</button></div>', True),
    "the sessions": (f'<div role="dialog"><h2>Active sessions</h2>{BUTTONS}</div>', False),
    "the settings": (f'<div role="dialog"><div role="tablist"></div>{BUTTONS}</div>', False),
    "a question": (f'<div role="dialog"><h2>Are you sure?</h2>{BUTTONS}</div>', False),
    "a password": (f'<div role="dialog"><h2>Change the password</h2>{BUTTONS}</div>', False),
    "an alert": (f'<div role="alertdialog"><h2>Welcome</h2>{BUTTONS}</div>', False),
    "no way out": ('<div role="dialog"><h2>Welcome</h2><button>Continue</button></div>', False),
    "no dialog": (f"<div><h2>Welcome</h2>{BUTTONS}</div>", False),
}


@pytest.mark.parametrize("dialog", DIALOGS)
def test_only_what_came_by_itself_is_left(dialog: str, browser: Browser) -> None:
    """The settings, a question, a list of sessions have a Close or a Cancel too, and keep it unpressed."""
    markup, left = DIALOGS[dialog]
    with browser.new_context() as context:
        page = context.new_page()
        page.set_content(f"<title>App</title>{markup}")
        assert overlays(page).count() == int(left)
