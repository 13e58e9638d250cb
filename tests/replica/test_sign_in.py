"""Signing in: the pages of the other host, the second factor, and what makes a session."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.replica.conftest import Account, Browser, Replica

    Read = Callable[[httpx.Response], dict[str, str]]

SESSION_COOKIE = "__Secure-next-auth.session-token"


def test_a_sign_in_makes_a_session(new_browser: Callable[[], Browser], account: Account, read: Read) -> None:
    """E-mail address and password, each on its page of the sign-in host, end in the signed-in shell."""
    browser = new_browser()
    page = read(browser.sign_in(account))
    assert page["account-email"] == account.email
    assert browser.session()["user"]["email"] == account.email


def test_the_session_is_made_at_the_callback(
    new_browser: Callable[[], Browser], account: Account, replica: Replica
) -> None:
    """The right password alone makes no session: the app makes it when the browser comes back."""
    browser = new_browser()
    before = len(replica.truth()["sessions"])
    response = browser.submit(browser.reach_password(account.email), password=account.password)
    assert len(replica.truth()["sessions"]) == before
    browser.follow(response)
    assert len(replica.truth()["sessions"]) == before + 1


def test_the_session_cookie_is_kept_from_scripts(
    new_browser: Callable[[], Browser], account: Account
) -> None:
    """The cookie is HttpOnly, Secure and SameSite=Lax, for the whole site, for about 90 days."""
    browser = new_browser()
    response = browser.submit(browser.reach_password(account.email), password=account.password)
    response = browser.ask("GET", response.headers["location"])
    [cookie] = [c for c in response.headers.get_list("set-cookie") if c.startswith(SESSION_COOKIE)]
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes == {"httponly", "secure", "samesite=lax", "path=/", "max-age=7776000"}


def test_the_titles_tell_the_pages_apart(
    new_browser: Callable[[], Browser], mfa_account: Account, read: Read
) -> None:
    """The password page and the code page have the titles of the real site."""
    browser = new_browser()
    password_page = browser.reach_password(mfa_account.email)
    code_page = browser.follow(browser.submit(password_page, password=mfa_account.password))
    assert read(password_page)["title"] == "Enter your password - OpenAI"
    assert read(code_page)["title"] == "Verify your identity - OpenAI"
    assert code_page.url.path.startswith("/mfa-challenge/")


@pytest.mark.parametrize("known", [True, False])
def test_a_wrong_password_stays_on_the_page(
    known: bool, new_browser: Callable[[], Browser], account: Account, read: Read
) -> None:
    """A visible error, the same for an account that does not exist, and no session."""
    browser = new_browser()
    email = account.email if known else "nobody@example.com"
    page = browser.follow(browser.submit(browser.reach_password(email), password="wrong"))
    assert read(page)["alert"] == "Incorrect email address or password"
    assert page.url.path == "/log-in/password"
    assert SESSION_COOKIE not in browser.cookies


def test_a_wrong_code_stays_on_the_page(
    new_browser: Callable[[], Browser], mfa_account: Account, read: Read
) -> None:
    """A visible error, and the right code still works afterwards."""
    browser = new_browser()
    page = browser.reach_password(mfa_account.email)
    page = browser.follow(browser.submit(page, password=mfa_account.password))
    wrong = browser.follow(browser.submit(page, code="abcdef"))
    assert read(wrong)["alert"] == "Incorrect code"
    assert wrong.url == page.url
    browser.follow(browser.submit(page, code=mfa_account.code()))
    assert browser.session()["user"]["mfa"] is True


def test_a_code_is_taken_once(new_browser: Callable[[], Browser], mfa_account: Account, read: Read) -> None:
    """The same one-time code is refused at a second sign-in."""
    code = mfa_account.code()
    pages = []
    for _ in range(2):
        browser = new_browser()
        page = browser.reach_password(mfa_account.email)
        page = browser.follow(browser.submit(page, password=mfa_account.password))
        pages.append(browser.follow(browser.submit(page, code=code)))
    first, second = map(read, pages)
    assert first["account-email"] == mfa_account.email
    assert second["alert"] == "Incorrect code"


def test_a_sign_in_that_passed_does_not_pass_for_another_account(
    new_browser: Callable[[], Browser], account: Account, mfa_account: Account
) -> None:
    """Changing the account in the middle asks for its second factor again."""
    browser = new_browser()
    page = browser.reach_password(account.email)
    callback = browser.submit(page, password=account.password).headers["location"]
    browser.ask(
        "POST", str(page.url).replace("/log-in/password", "/log-in"), data={"email": mfa_account.email}
    )
    browser.submit(page, password=mfa_account.password)
    assert browser.ask("GET", callback).status_code == 400
    assert browser.session() == {}


def test_a_callback_works_once_and_only_where_it_began(
    new_browser: Callable[[], Browser], account: Account
) -> None:
    """Neither another browser nor a second use of the address makes a session."""
    browser, thief = new_browser(), new_browser()
    page = browser.reach_password(account.email)
    callback = browser.submit(page, password=account.password).headers["location"]
    assert thief.ask("GET", callback).status_code == 400
    assert browser.ask("GET", callback).status_code == 302
    assert browser.ask("GET", callback).status_code == 400


def test_a_sign_in_ends_where_it_was_asked_to(new_browser: Callable[[], Browser], account: Account) -> None:
    """`next` leads to a page of the app."""
    assert new_browser().sign_in(account, next_path="/codex").url.path == "/codex"


@pytest.mark.parametrize(
    "target", ["https://example.com/", "//example.com", "/%5Cexample.com", "/%09/example.com"]
)
def test_a_sign_in_never_leads_away(
    target: str, new_browser: Callable[[], Browser], account: Account
) -> None:
    """`next` is ignored when it would leave the site."""
    browser = new_browser()
    page = browser.reach_password(account.email, next_path=target)
    response = browser.submit(page, password=account.password)
    assert browser.ask("GET", response.headers["location"]).headers["location"] == "/"


def test_a_sign_in_begun_under_another_name_moves_to_the_right_one(
    new_browser: Callable[[], Browser], replica: Replica
) -> None:
    """Cookies belong to a host name, so the sign-in begins under the name that it returns to."""
    other_name = replica.base_url.replace("127.0.0.1", "localhost")
    response = new_browser().ask("GET", f"{other_name}/auth/login?next=/codex")
    assert response.headers["location"] == f"{replica.base_url}/auth/login?next=/codex"


def test_an_unknown_state_is_an_expired_sign_in(
    new_browser: Callable[[], Browser], replica: Replica, read: Read
) -> None:
    """A sign-in page without its state says so."""
    page = new_browser().ask("GET", f"{replica.ready['auth_url']}/log-in/password?state=none")
    assert page.status_code == 400
    assert read(page)["h1"] == "Sign-in expired"


def test_the_state_is_in_the_address_of_every_page(
    new_browser: Callable[[], Browser], account: Account
) -> None:
    """The pages of one sign-in are tied together by their state."""
    browser = new_browser()
    first = browser.visit("/auth/login")
    second = browser.follow(browser.submit(first, email=account.email))
    states = [parse_qs(urlsplit(str(page.url)).query)["state"] for page in (first, second)]
    assert states[0] == states[1]
