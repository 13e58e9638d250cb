"""What the browser keeps of a session: storage of its own, cached pages, and what Back shows of them."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from playwright.sync_api import Page

    from tests.replica.conftest import Account, Browser, Json, Replica

    OpenPage = Callable[[], AbstractContextManager[Page]]

# All that this origin keeps, as text and by kind; a kind that keeps nothing is left out.
KEPT = """async () => {
  const kept = { local: Object.entries(localStorage), session: Object.entries(sessionStorage) };
  kept.databases = [];
  for (const { name, version } of await indexedDB.databases()) {
    const database = await new Promise((resolve, reject) => {
      const opening = indexedDB.open(name, version);
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = reject;
    });
    for (const store of database.objectStoreNames) {
      const records = await new Promise((resolve, reject) => {
        const asking = database.transaction(store).objectStore(store).getAll();
        asking.onsuccess = () => resolve(asking.result);
        asking.onerror = reject;
      });
      kept.databases.push([name, JSON.stringify(records)]);
    }
    database.close();
  }
  kept.caches = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      // it may be cleared while it is read
      kept.caches.push([name, request.url, await (await cache.match(request))?.text()]);
    }
  }
  return Object.fromEntries(Object.entries(kept).filter(([, entries]) => entries.length > 0));
}"""
EVERYWHERE = {
    "local": ["oai/profile"],
    "session": ["oai/draft"],
    "databases": ["ConversationsDatabase"],
    "caches": ["oai-assets"],
}


def kept(page: Page) -> Json:
    """What is kept where: text by name."""
    told: Json = page.evaluate(KEPT)
    return told


def names(page: Page) -> Json:
    """The names under which something is kept."""
    return {kind: [name for name, *_ in entries] for kind, entries in kept(page).items()}


def end_session_of(page: Page, account: Account, new_browser: Callable[[], Browser]) -> None:
    """Log out of all sessions from elsewhere; the edges are to learn at once."""
    elsewhere = new_browser()
    elsewhere.sign_in(account)
    elsewhere.log_out_all()
    assert "modal-expired-session" in page.request.get("/").text()


def log_out(page: Page) -> None:
    """Log out by the menu."""
    page.get_by_role("button", name="Open profile menu").click()
    page.get_by_test_id("log-out-menu-item").click()
    page.get_by_role("dialog").get_by_role("button", name="Log out").click()
    expect(page.get_by_test_id("login-button")).to_be_visible()


@pytest.fixture
def keeping(page_of: Page, until: Callable[..., None]) -> Page:
    """A page that is signed in, and whose storage is filled."""
    until(lambda: names(page_of) == EVERYWHERE, within_s=5)
    return page_of


@pytest.fixture
def at_once(replica: Replica) -> Iterator[None]:
    """Edges learn at once, and no tab asks by itself."""
    with replica.behaving(heartbeat_s=0, delay_min_s=0, delay_max_s=0):
        yield


def test_storage_holds_nothing_secret(keeping: Page, account: Account) -> None:
    """The person's name and id, the draft and a conversation; no token, no cookie and no e-mail address."""
    page = keeping
    page.locator("#prompt-textarea").fill("half a thought")
    held = str(kept(page))
    session = page.request.get("/api/auth/session").json()
    assert session["user"]["id"] in held
    assert "half a thought" in held
    cookies = [cookie["value"] for cookie in page.context.cookies()]
    assert not [secret for secret in [session["accessToken"], account.email, *cookies] if secret in held]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("stays", [False, True])
def test_a_log_out_clears_the_storage(stays: bool, keeping: Page, replica: Replica) -> None:
    """By the menu; with the defect all of it stays."""
    with replica.behaving(defects=["storage_kept"] if stays else []):
        log_out(keeping)
    assert names(keeping) == (EVERYWHERE if stays else {})


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("stays", [False, True])
@pytest.mark.parametrize("told", ["by a call", "by a reload"])
def test_the_end_of_a_session_clears_the_storage(
    told: str,
    stays: bool,
    keeping: Page,
    account: Account,
    new_browser: Callable[[], Browser],
    replica: Replica,
    until: Callable[..., None],
) -> None:
    """As soon as the page learns of it: from a call that is refused, or as a page behind the dialog."""
    with replica.behaving(defects=["storage_kept"] if stays else []):
        keeping.reload()
        until(lambda: names(keeping) == EVERYWHERE, within_s=5)
        end_session_of(keeping, account, new_browser)
        if told == "by a call":
            keeping.locator("#prompt-textarea").fill("hello")
            keeping.locator("#prompt-textarea").press("Enter")
        else:
            keeping.reload()
        expect(keeping.get_by_role("dialog", name="Your session has expired")).to_be_visible()
        if not stays:
            until(lambda: names(keeping) == {}, within_s=5)
    # whatever still reaches the prompt below the dialog keeps no draft again
    keeping.locator("#prompt-textarea").dispatch_event("input")
    assert names(keeping) == (EVERYWHERE if stays else {})


@pytest.mark.usefixtures("at_once")
def test_a_screen_may_go_on_to_say_signed_in(
    keeping: Page, account: Account, new_browser: Callable[[], Browser], replica: Replica
) -> None:
    """With that defect a page that is refused says nothing of it, and clears nothing."""
    with replica.behaving(defects=["screen_says_in"]):
        keeping.reload()
        end = new_browser()
        end.sign_in(account)
        end.log_out_all()
        keeping.locator("#prompt-textarea").fill("hello")
        with keeping.expect_response("**/backend-api/conversation") as refused:
            keeping.locator("#prompt-textarea").press("Enter")
        assert refused.value.status == 401
        expect(keeping.get_by_role("alert")).to_contain_text("Something went wrong.")
        expect(keeping.locator("#modal-expired-session")).to_have_count(0)
        expect(keeping.get_by_test_id("accounts-profile-button")).to_be_visible()
        assert names(keeping) == EVERYWHERE


HTML = {"accept": "text/html"}


@pytest.mark.parametrize(
    ("defect", "page", "answer"),
    [
        (None, "no-store", "no-store"),
        ("back_shows", "private, no-cache", "no-store"),
        ("protected_cacheable", "private, no-cache", "private, no-cache"),
    ],
)
def test_what_is_for_who_is_signed_in_is_kept_out_of_caches(
    defect: str | None,
    page: str,
    answer: str,
    new_browser: Callable[[], Browser],
    account: Account,
    replica: Replica,
) -> None:
    """Pages and answers alike; with defects they may be stored, though not used without asking."""
    browser = new_browser()
    browser.sign_in(account)
    with replica.behaving(defects=[defect] if defect else []):
        pages = [browser.ask("GET", path, headers=HTML) for path in ("/", "/codex", "/platform")]
        answers = [browser.ask("GET", "/api/auth/session"), browser.call("GET", "/backend-api/me")]
        script = browser.ask("GET", "/static/app.js")
    assert {response.headers["cache-control"] for response in pages} == {page}
    assert {response.headers["cache-control"] for response in answers} == {answer}
    assert script.headers["cache-control"] == "public, max-age=3600"


@pytest.fixture
def left(
    page_of: Page, account: Account, new_browser: Callable[[], Browser], request: pytest.FixtureRequest
) -> Page:
    """A page that was left for another, and whose session is over by now."""
    with page_of.expect_response("**/backend-api/me"):  # the last that a page asks before it is at rest
        page_of.reload()
    if request.param == "loaded again":
        # keeps a page out of the back-forward cache, which brings it back without loading it
        page_of.evaluate("addEventListener('unload', () => {})")
    page_of.goto("/help")
    end_session_of(page_of, account, new_browser)
    return page_of


WAYS_BACK = pytest.mark.parametrize("left", ["brought back", "loaded again"], indirect=True)


@pytest.fixture
def back_shows(replica: Replica) -> Iterator[None]:
    """Back shows what was there, and tabs ask often."""
    with replica.behaving(heartbeat_s=0.1, delay_min_s=0, delay_max_s=0, defects=["back_shows"]):
        yield


@pytest.mark.usefixtures("at_once")
@WAYS_BACK
def test_back_shows_nothing_of_a_dead_session(left: Page) -> None:
    """The site is asked, and says that the session has expired."""
    left.go_back(wait_until="commit")
    expect(left.get_by_role("dialog", name="Your session has expired")).to_be_visible()
    expect(left.get_by_role("button", name="Open profile menu")).to_have_count(0)


@pytest.mark.usefixtures("back_shows")
@WAYS_BACK
def test_back_may_show_the_page_as_it_was(left: Page, account: Account, until: Callable[..., None]) -> None:
    """With that defect it can be used, and asks nobody by itself; once it is loaded again, it is over."""
    asked: list[str] = []
    left.go_back(wait_until="commit")
    left.on("request", lambda request: asked.append(request.url))
    left.get_by_role("button", name="Open profile menu").click()
    expect(left.get_by_test_id("account-email")).to_have_text(account.email)
    shown_s = time.monotonic()
    until(lambda: time.monotonic() > shown_s + 0.5, within_s=2)
    left.evaluate("fetch('/static/site.css')")
    assert [url for url in asked if "/static/" not in url] == []
    assert asked
    expired = left.get_by_role("dialog", name="Your session has expired")
    expect(expired).to_have_count(0)
    left.reload()
    expect(expired).to_be_visible()
    expect(left.get_by_role("button", name="Open profile menu")).to_have_count(0)


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("defect", ["back_shows", "protected_cacheable"])
def test_a_page_that_may_be_stored_is_asked_for_anew(defect: str, page_of: Page, replica: Replica) -> None:
    """Opened again by its address it shows who is signed in by then: nobody."""
    with replica.behaving(defects=[defect]):
        page_of.goto("/library")
        page_of.goto("/scheduled")
        page_of.goto("/library")
        log_out(page_of)
        page_of.goto("/library")
        expect(page_of.get_by_test_id("login-button")).to_be_visible()
        expect(page_of).to_have_url(re.compile("/library$"))
