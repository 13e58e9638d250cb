"""What the probes that live in a browser see of a real one, on a replica that knows no delays."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import allure
import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, Request, Route, StorageState
from pydantic import SecretStr

from afterglow.budget import Budget, BudgetSpent
from afterglow.conductor import BrowserProbe
from afterglow.readings import Answer, State
from pages.shell import Shell
from pages.signin import SignIn
from probes.access import AccessProbe
from probes.asking import Copy
from probes.back import FROM_MEMORY, BackProbe
from probes.message import MessageProbe
from probes.over_page import OverPage, PageAsker
from probes.page import PageProbe
from probes.platform import PlatformProbe
from probes.screen import OnScreen, notice_shown, row_shown
from probes.session import SessionProbe, TabProbe
from probes.signs import Signs
from tests.suite.conftest import Site, running_site

pytestmark = [allure.epic("The suite itself"), allure.feature("Probes in the browser")]

ANSWERED_WITHIN_S = 15.0
"""No look takes so long; it only ends a test that hangs."""

NOTHING = Copy("", "", {}, "no token")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A replica of one edge that learns of a log-out at once, and whose tabs do not ask by themselves."""
    options = ("--edges", "1", "--delay-min-s", "0", "--delay-max-s", "0", "--stream-s", "0.3")
    with running_site(*options, "--behaviour", '{"heartbeat_s": 0}') as site:
        yield site


@dataclass
class Person:
    """Somebody who is signed in, in a profile of their own."""

    site: Site
    context: BrowserContext
    page: Page

    @property
    def token(self) -> str:
        """The access token of this moment."""
        asked = "async () => (await (await fetch('/api/auth/session')).json()).accessToken"
        return str(self.page.evaluate(asked))

    def tab(self, path: str = "/") -> Page:
        """One tab more."""
        page = self.context.new_page()
        page.goto(f"{self.site.base_url}{path}")
        Shell(page, self.site.base_url).require()
        return page

    def signs(self, page: Page) -> Signs:
        """What a page of theirs shows."""
        shell = Shell(page, self.site.base_url)
        return Signs(shell.signed_in, shell.signed_out, {"challenge": shell.challenge})

    def is_logged_out(self) -> None:
        """End this session and no other, behind the browser's back."""
        cookies = "; ".join(f"{c.get('name')}={c.get('value')}" for c in self.context.cookies())
        answer = httpx.get(f"{self.site.base_url}/auth/logout", headers={"Cookie": cookies})
        assert answer.status_code == 302


@pytest.fixture
def leaver(browser: Browser, site: Site) -> Iterator[Person]:
    """Somebody whose session may be ended: they have just signed in."""
    context = browser.new_context(locale="en-US")
    yield signed_in(context, site)
    context.close()


def signed_in(context: BrowserContext, site: Site) -> Person:
    """Sign in, by the real pages."""
    page = context.new_page()
    email, password = (SecretStr(site.account[name]) for name in ("ACCOUNT_EMAIL", "ACCOUNT_PASSWORD"))
    SignIn(page, site.base_url).sign_in(email, password, lambda _mailed: None)
    Shell(page, site.base_url).signed_in.wait_for()
    return Person(site, context, page)


@pytest.fixture(scope="module")
def kept(browser: Browser, site: Site) -> StorageState:
    """What a browser keeps of one sign-in: most tests end nothing, and can do with the same session."""
    context = browser.new_context(locale="en-US")
    signed_in(context, site)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def person(browser: Browser, site: Site, kept: StorageState) -> Iterator[Person]:
    """Somebody who is signed in, in a browser of their own."""
    context = browser.new_context(locale="en-US", storage_state=kept)
    page = context.new_page()
    page.goto(site.base_url)
    Shell(page, site.base_url).signed_in.wait_for()
    yield Person(site, context, page)
    context.close()


def begun(probe: BrowserProbe, page: Page) -> Callable[[], Answer]:
    """Begin a look; what comes back waits for its answer."""
    probe.begin()

    def answer() -> Answer:
        deadline_s = time.monotonic() + ANSWERED_WITHIN_S
        while (found := probe.finish()) is None:
            assert time.monotonic() < deadline_s, f"{probe} gave no answer"
            page.wait_for_timeout(20)
        return found

    return answer


def asked(probe: BrowserProbe, page: Page) -> tuple[State, str]:
    """Look once, on the browser's own clock."""
    answer = begun(probe, page)()
    return answer.state, answer.code


def test_a_page_asks_with_its_own_cookies_and_with_the_token_that_they_give(leaver: Person) -> None:
    """The second tab is never reloaded, and sees the end of the session all the same."""
    tab = leaver.tab()
    probe = OverPage(TabProbe(NOTHING), PageAsker(tab), Budget())
    assert asked(probe, tab) == (State.ALIVE, "")
    leaver.is_logged_out()
    assert asked(probe, tab) == (State.REVOKED, "signed_out")
    assert Shell(tab, "").signed_in.count() == 1, "the tab itself was not disturbed"


def test_a_page_sends_no_cookie_with_a_bearer(person: Person) -> None:
    """Else it would be the cookie that is measured."""
    tab, seen = person.tab(), list[dict[str, str]]()

    def look(route: Route) -> None:
        seen.append(route.request.all_headers())
        route.continue_()

    tab.route("**/backend-api/me", look)
    probe = OverPage(AccessProbe(Copy("", "", {}, person.token)), PageAsker(tab), Budget())
    assert asked(probe, tab) == (State.ALIVE, "")
    assert [("cookie" in headers, "authorization" in headers) for headers in seen] == [(False, True)]


def test_all_probes_of_a_page_go_and_come_together(person: Person) -> None:
    """However many they are, the page is spoken to once to begin them, and then until all are back."""
    tab, clock = person.tab(), [0.0]
    asker, spoken = PageAsker(tab, lambda: clock[0]), list[str]()
    evaluate = tab.evaluate

    def counted(script: str, argument: object = None) -> object:
        spoken.append(script)
        return evaluate(script, argument)

    tab.evaluate = counted  # type: ignore[method-assign,assignment]
    came: list[Request] = []
    tab.on("requestfinished", lambda request: came.append(request))
    copy = Copy("", "", {}, person.token)
    probes = [OverPage(AccessProbe(copy), asker, Budget()) for _ in range(12)]
    for probe in probes:
        probe.begin()
    assert [probe.finish() for probe in probes] == [None] * 12
    assert len(spoken) == 1
    while len(came) < 12:
        tab.wait_for_timeout(20)
    tab.wait_for_timeout(300)
    assert [probe.finish() for probe in probes] == [None] * 12
    assert len(spoken) == 1, "not before its time"
    clock[0] = 1.0
    answers = [probe.finish() for probe in probes]
    assert [answer and answer.state for answer in answers] == [State.ALIVE] * 12
    assert len(spoken) == 2


def test_a_page_leaves_nothing_for_the_sites_scripts_to_stumble_over(person: Person) -> None:
    """All that is kept stands under one symbol, which no loop over names meets."""
    tab = person.tab()
    names = "() => [Object.keys(window), Object.getOwnPropertyNames(window)].flat().sort()"
    before = tab.evaluate(names)
    assert asked(OverPage(TabProbe(NOTHING), PageAsker(tab), Budget()), tab)[0] is State.ALIVE
    assert tab.evaluate(names) == before
    assert tab.evaluate("() => Object.getOwnPropertySymbols(window).length") == 1


def test_a_page_that_is_left_owes_nothing_any_more(person: Person) -> None:
    """What it had begun is unknown, and the next look works on the new document."""
    tab = person.tab()
    tab.route("**/api/auth/session", lambda _: None)  # never answered
    probe = OverPage(TabProbe(NOTHING), PageAsker(tab), Budget())
    answer = begun(probe, tab)
    assert probe.finish() is None
    tab.unroute_all(behavior="ignoreErrors")
    tab.goto(f"{person.site.base_url}/library")
    assert answer().code == "page_left"
    assert asked(probe, tab) == (State.ALIVE, "")


def test_a_page_that_cannot_ask_is_unknown(leaver: Person) -> None:
    """A network failure, a redirect whose target is hidden, an empty page, a closed one."""
    tab = leaver.tab()
    tab.route("**/api/auth/session", lambda route: route.abort())
    asker = PageAsker(tab)
    probe = OverPage(TabProbe(NOTHING), asker, Budget())
    assert asked(probe, tab) == (State.UNKNOWN, "TypeError")
    leaver.is_logged_out()
    assert asked(OverPage(PlatformProbe(NOTHING), asker, Budget()), tab) == (State.UNKNOWN, "redirected")
    tab.goto("about:blank")
    assert asked(probe, tab)[0] is State.UNKNOWN
    tab.close()
    assert asked(probe, leaver.page)[0] is State.UNKNOWN
    asker.attach(leaver.page)
    assert asked(probe, leaver.page) == (State.REVOKED, "signed_out")


def test_a_page_tells_that_looking_renewed_the_session(person: Person) -> None:
    """By the browser's jar: a page is not told what the site sets."""
    asker = PageAsker(person.page)
    probe = OverPage(SessionProbe(NOTHING), asker, Budget())
    assert begun(probe, person.page)().renewed is False
    answer = begun(probe, person.page)
    person.context.add_cookies([{"name": "session-token", "value": "new", "url": person.site.base_url}])
    assert answer().renewed is True
    assert begun(probe, person.page)().renewed is False


def test_a_budget_that_is_spent_stops_a_look_in_the_page(person: Person) -> None:
    """Before the request, also in the middle of a look."""
    probe = OverPage(TabProbe(NOTHING), PageAsker(person.page), Budget(limit=1))
    answer = begun(probe, person.page)
    with pytest.raises(BudgetSpent):
        answer()
    with pytest.raises(BudgetSpent):
        probe.begin()


@pytest.mark.parametrize("parked", ["about:blank", "/loggedout"])
def test_back_shows_a_living_session_and_then_its_end(leaver: Person, parked: str) -> None:
    """Time after time: the tab is parked again after every look."""
    tab = leaver.tab("/library")
    tab.goto(parked if parked == "about:blank" else f"{leaver.site.base_url}{parked}")
    probe = BackProbe(tab, leaver.signs(tab))
    for _ in range(3):
        assert asked(probe, tab) == (State.ALIVE, "")
    leaver.is_logged_out()
    for _ in range(2):
        state, code = asked(probe, tab)
        assert state is State.REVOKED
        assert code == "expired-session dialog"


def test_a_page_out_of_the_browsers_memory_that_asks_nobody_is_said_to_be(person: Person) -> None:
    """A person sees it, whatever the site says by now."""
    page = person.context.new_page()
    page.route("**/remembered", lambda route: route.fulfill(content_type="text/html", body=SIGNED_IN))
    page.goto(f"{person.site.base_url}/remembered")
    page.goto("about:blank")
    probe = BackProbe(page, person.signs(page))
    assert asked(probe, page) == (State.ALIVE, FROM_MEMORY)


SIGNED_IN = '<title>Home</title><button data-testid="accounts-profile-button">Q</button>'


def test_back_during_an_outage_is_unknown(person: Person) -> None:
    """A page that could not ask anybody may look signed in for long."""
    tab = person.tab()
    tab.goto("about:blank")
    probe = BackProbe(tab, person.signs(tab))
    person.site.outage(600)
    try:
        assert asked(probe, tab) == (State.UNKNOWN, "http_503")
    finally:
        person.site.outage(0)
    for _ in range(2):
        assert asked(probe, tab) == (State.ALIVE, "")


def test_back_finds_its_way_when_the_page_went_on_by_itself(person: Person) -> None:
    """Then there is no step forward any more, and it parks anew."""
    tab = person.tab()
    tab.goto("about:blank")
    probe = BackProbe(tab, person.signs(tab))
    assert asked(probe, tab) == (State.ALIVE, "")
    tab.wait_for_url("about:blank")
    tab.go_back()
    tab.goto(f"{person.site.base_url}/library")
    probe.begin()
    assert probe.finish() is None
    assert begun(probe, tab)().state is State.ALIVE
    tab.wait_for_url("about:blank")
    tab.close()
    assert asked(probe, person.page) == (State.UNKNOWN, "page_closed")


def test_a_message_is_taken_and_then_refused(leaver: Person) -> None:
    """Sent in the open tab without a reload; the next one waits for the end of the answer before it."""
    tab = leaver.tab()
    shell = Shell(tab, leaver.site.base_url)
    probe = MessageProbe(tab, leaver.signs(tab), shell.send)
    for _ in range(2):
        assert asked(probe, tab) == (State.ALIVE, "")
    answer = begun(probe, tab)()
    assert answer.exchange is not None
    assert (answer.exchange.method, answer.exchange.status) == ("POST", 200)
    tab.locator('[data-testid="send-button"]').wait_for()
    leaver.is_logged_out()
    answer = begun(probe, tab)()
    assert answer.state is State.REVOKED
    assert answer.exchange is not None
    assert answer.exchange.status == 401
    tab.locator("#modal-expired-session").wait_for()
    assert asked(probe, tab) == (State.REVOKED, "expired-session dialog")


def test_a_message_that_gets_no_answer_of_the_session_is_unknown(person: Person) -> None:
    """An outage, a broken connection, a challenge, a tab in which nothing can be typed."""
    tab = person.tab()
    shell = Shell(tab, person.site.base_url)
    probe = MessageProbe(tab, person.signs(tab), shell.send)
    person.site.outage(600)
    try:
        assert asked(probe, tab) == (State.UNKNOWN, "http_503")
    finally:
        person.site.outage(0)
    tab.route("**/conversation", lambda route: route.abort())
    assert asked(probe, tab) == (State.UNKNOWN, "failed")
    tab.set_content("Just a moment...")
    assert asked(probe, tab) == (State.UNKNOWN, "challenge")
    tab.close()
    assert asked(probe, person.page)[0] is State.UNKNOWN


def test_a_message_outlives_the_natural_end_of_a_token(person: Person) -> None:
    """The page renews its token and sends again, as a person would expect."""
    tab, ends = person.tab(), [True]

    def once_expired(route: Route) -> None:
        if ends.pop() if ends else False:
            route.fulfill(status=401, json={"detail": {"code": "token_expired"}})
        else:
            route.continue_()

    tab.route("**/conversation", once_expired)
    probe = MessageProbe(tab, person.signs(tab), Shell(tab, "").send)
    assert asked(probe, tab) == (State.ALIVE, "")


def test_a_reload_survives_a_closed_page_and_a_crashed_one(person: Person) -> None:
    """Both are unknown, and another page can be followed."""
    tab = person.tab()
    probe = PageProbe(tab, person.signs(tab))
    assert asked(probe, tab) == (State.ALIVE, "")
    with tab.expect_event(
        "domcontentloaded"
    ):  # closing a page whose reload only begins has been seen to hang
        answer = begun(probe, person.page)
    tab.close()
    assert answer().code == "page_closed"
    assert asked(probe, person.page) == (State.UNKNOWN, "page_closed")
    other = person.tab()
    probe.attach(other, person.signs(other))
    assert asked(probe, other) == (State.ALIVE, "")
    crash(other)
    assert asked(probe, person.page) == (State.UNKNOWN, "page_crashed")
    probe.attach(person.page, person.signs(person.page))
    assert asked(probe, person.page) == (State.ALIVE, "")


def crash(page: Page) -> None:
    """Let the page's own process die."""
    with page.expect_event("crash"), contextlib.suppress(Error):
        page.goto("chrome://crash", wait_until="commit")


def test_a_notice_is_what_an_untouched_tab_shows_by_itself(leaver: Person) -> None:
    """It looks signed in until it says otherwise, however long the session has been over."""
    tab = leaver.tab()
    probe = OnScreen("notice", notice_shown(leaver.signs(tab)))
    assert asked(probe, tab) == (State.ALIVE, "")
    leaver.is_logged_out()
    assert asked(probe, tab) == (State.ALIVE, "")
    Shell(tab, "").send("hello")
    Shell(tab, "").expired.wait_for()
    assert asked(probe, tab) == (State.REVOKED, "expired-session dialog")
    tab.goto("about:blank")
    assert asked(probe, tab) == (State.UNKNOWN, "no_sign")
    tab.close()
    assert asked(probe, leaver.page)[0] is State.UNKNOWN


def test_a_row_goes_only_from_a_list_that_is_shown(person: Person) -> None:
    """An empty list, or none, is no list without the row."""
    page = person.context.new_page()
    page.set_content("<ul><li>Mine<li>Theirs</ul>")
    rows = page.locator("li")
    probe = OnScreen("row", row_shown(rows, rows.filter(has_text="Theirs")))
    assert asked(probe, page) == (State.ALIVE, "")
    page.set_content("<ul><li>Mine</ul>")
    assert asked(probe, page) == (State.REVOKED, "row_gone")
    page.set_content("<ul></ul>")
    assert asked(probe, page) == (State.UNKNOWN, "no_list")
    assert asked(OnScreen("row", lambda: State.ALIVE), page) == (State.ALIVE, "")
