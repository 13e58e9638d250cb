"""What stands before automation: each hurdle does what its line says, and none is there by default."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime
from mailbox import Maildir
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from replica.hurdles import Hurdle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from email.message import EmailMessage
    from pathlib import Path

    import httpx
    from playwright.sync_api import Page

    from tests.replica.conftest import Account, Browser, Replica

    Read = Callable[[httpx.Response], dict[str, str]]
    Start = Callable[..., AbstractContextManager[Replica]]
    OpenPage = Callable[[], AbstractContextManager[Page]]
    Complaint = Callable[..., str]
    NewBrowser = Callable[..., Browser]
    Mails = Callable[[Account], list[EmailMessage]]

SESSION_COOKIE = "__Secure-next-auth.session-token"
LOOKS_LIKE_A_CODE = re.compile(r"\b\d{6}\b")
OTHER_HOSTS = ("elsewhere.localhost", "sso.localhost")


@pytest.fixture(scope="module")
def maildir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the site's mail goes; a folder that is there already, and empty."""
    return tmp_path_factory.mktemp("mail")


@pytest.fixture(scope="module")
def replica(started: Start, maildir: Path, _pool: dict[bool, list[Account]]) -> Iterator[Replica]:
    """A replica of one's own: nobody else is to meet its hurdles."""
    with started("--maildir", str(maildir), accounts=[*_pool[False], *_pool[True]]) as running:
        yield running


@pytest.fixture
def mails_to(maildir: Path) -> Mails:
    """The mails that an account has got, oldest first."""

    def mails(account: Account) -> list[Any]:
        box = Maildir(maildir, create=False)
        files = sorted(box.iterkeys(), key=lambda key: (maildir / "new" / key).stat().st_mtime_ns)
        read = [message_from_bytes(box.get_bytes(key), policy=policy.default) for key in files]
        return [mail for mail in read if mail["to"] == account.email]

    return mails


def code_in(mail: EmailMessage) -> str:
    """The code that a mail brings."""
    return str(mail["subject"]).removeprefix("Your ChatGPT code is ")


def reach_code(browser: Browser, account: Account) -> httpx.Response:
    """Sign in as far as the page that asks for the mailed code."""
    page = browser.reach_password(account.email)
    return browser.follow(browser.submit(page, password=account.password))


def go_in(page: Page, account: Account) -> None:
    """Type address and password, as a person does."""
    page.goto("/auth/login")
    page.get_by_role("textbox", name="Email address").fill(account.email)
    page.get_by_role("button", name="Continue", exact=True).click()
    page.get_by_role("textbox", name="Password").fill(account.password)
    page.get_by_role("button", name="Continue", exact=True).click()


def at_another_name(browser: Browser, method: str, url: str, **more: Any) -> httpx.Response:
    """Ask under a name that only browsers find on the loopback by themselves."""
    name, own = urlsplit(url).netloc, urlsplit(browser.replica.ready["auth_url"]).netloc
    return browser.ask(method, url.replace(name, own), headers={"host": name}, **more)


def below_auth(replica: Replica, host: str, path: str) -> str:
    """A page of another host that the same server stands in for."""
    return f"http://{host}:{urlsplit(replica.ready['auth_url']).port}{path}"


def typed(replica: Replica) -> int:
    """How often something was typed where it must not be."""
    return int(replica.truth()["typed_elsewhere"])


def elements(page: httpx.Response) -> list[str]:
    """What a page is made of, but for the scripts that it loads."""
    return [tag for tag in re.findall(r"<[^>]+>|[^<>\s][^<>]*", page.text) if "script" not in tag]


# --- the switches


def test_there_is_no_hurdle_unless_asked_for(
    replica: Replica, new_browser: NewBrowser, account: Account
) -> None:
    """A sign-in with a password alone ends in the app, and nothing was typed anywhere else."""
    assert replica.control("GET", "/behaviour").json()["hurdles"] == []
    browser, before = new_browser(), typed(replica)
    assert browser.sign_in(account).status_code == 200
    assert browser.session()["user"]["email"] == account.email
    assert typed(replica) == before


def test_the_hurdles_are_listed_with_what_they_do() -> None:
    """`--list-switches` has them under their own option, each with its line."""
    command = [sys.executable, "-m", "replica", "--list-switches"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    _, _, after = told.partition("--hurdles\n")
    listed = [line.split(maxsplit=1) for line in after.partition("--skin")[0].splitlines()]
    assert listed == [[hurdle.value, hurdle.about] for hurdle in Hurdle]


def test_hurdles_can_stand_from_the_start(started: Start, tmp_path: Path) -> None:
    """Named on the command line, with commas between them."""
    options = ["--hurdles", "email_code,sso", "--maildir", str(tmp_path / "deep" / "mail")]
    with started(*options) as replica:
        assert replica.control("GET", "/behaviour").json()["hurdles"] == ["email_code", "sso"]


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        (["--hurdles", "no_such"], "--list-switches"),
        (["--hurdles", "email_code"], "--maildir FOLDER"),
        (["--behaviour", '{"hurdles": ["email_code"]}'], "--maildir FOLDER"),
        (["--hurdles", "another_account"], "REPLICA_ACCOUNTS"),
        (["--maildir", "/dev/null/mail"], "choose another folder"),
    ],
)
def test_a_hurdle_that_cannot_stand_is_named(options: list[str], remedy: str, complaint: Complaint) -> None:
    """Exit status 2, and one line says what to do."""
    assert remedy in complaint(*options)


@pytest.mark.parametrize("hurdle", [Hurdle.EMAIL_CODE, Hurdle.ANOTHER_ACCOUNT])
def test_a_hurdle_that_lacks_something_is_not_put_up_later_either(hurdle: Hurdle, started: Start) -> None:
    """The control port refuses what needs a Maildir or a second account, and nothing is changed."""
    with started() as replica:
        response = replica.control("PATCH", "/behaviour", json={"hurdles": [hurdle]})
        assert response.status_code == 422
        assert hurdle in response.json()["detail"]
        assert replica.control("GET", "/behaviour").json()["hurdles"] == []


def test_the_challenge_of_the_noise_is_another_one(replica: Replica, new_browser: NewBrowser) -> None:
    """Both are called alike, and one does not put up the other."""
    with replica.behaving(noise=["challenge"]):
        assert new_browser().visit("/auth/login").status_code == 200


# --- challenge


def test_the_sign_in_pages_ask_for_a_person(
    replica: Replica, new_browser: NewBrowser, account: Account, read: Read
) -> None:
    """403 with the marks of a challenge, also for a form; the app itself is as before."""
    browser = new_browser()
    password_page = browser.reach_password(account.email)
    with replica.behaving(hurdles=["challenge"]):
        entry = browser.visit("/auth/login")
        sent = browser.submit(password_page, password=account.password)
        home = browser.visit("/")
    for page in (entry, sent):
        assert page.status_code == 403
        assert page.headers["cf-mitigated"] == "challenge"
        assert read(page)["title"] == "Just a moment..."
        assert 'name="cf-turnstile-response"' in page.text
    assert home.status_code == 200
    assert SESSION_COOKIE not in browser.cookies


# --- email_code


def test_a_mailed_code_lets_in(
    replica: Replica,
    new_browser: NewBrowser,
    account: Account,
    read: Read,
    mails_to: Mails,
) -> None:
    """After the right password a page of its own asks for the code that was mailed, once."""
    browser = new_browser()
    with replica.behaving(hurdles=["email_code"]):
        page = reach_code(browser, account)
        assert page.url.path == "/email-verification"
        assert read(page)["title"] == "Check your inbox - OpenAI"
        assert SESSION_COOKIE not in browser.cookies
        [mail] = mails_to(account)
        browser.follow(browser.submit(page, code=code_in(mail)))
    assert browser.session()["user"]["email"] == account.email


def test_the_mail_is_one_that_a_reader_must_read_with_care(
    replica: Replica,
    new_browser: NewBrowser,
    account: Account,
    mails_to: Mails,
) -> None:
    """Dated, addressed, in text and in HTML; and the code is not the first number that looks like one."""
    with replica.behaving(hurdles=["email_code"]):
        reach_code(new_browser(), account)
    [mail] = mails_to(account)
    code = code_in(mail)
    assert LOOKS_LIKE_A_CODE.fullmatch(code)
    assert mail["from"] == "OpenAI <noreply@tm.openai.com>"
    assert abs(parsedate_to_datetime(str(mail["date"])) - datetime.now(UTC)) < timedelta(minutes=1)
    bodies = [mail.get_body(preferencelist=(kind,)) for kind in ("plain", "html")]
    for body in bodies:
        assert body is not None
        numbers = LOOKS_LIKE_A_CODE.findall(body.get_content())
        assert numbers.count(code) == 1
        assert numbers[0] != code


def test_a_wrong_password_mails_nothing(
    replica: Replica,
    new_browser: NewBrowser,
    account: Account,
    mails_to: Mails,
) -> None:
    """Only who knows the password is asked for a code."""
    browser = new_browser()
    with replica.behaving(hurdles=["email_code"]):
        browser.submit(browser.reach_password(account.email), password="wrong")
    assert mails_to(account) == []


def test_looking_at_the_code_page_again_mails_nothing(
    replica: Replica,
    new_browser: NewBrowser,
    account: Account,
    mails_to: Mails,
) -> None:
    """A reload leaves the code that was mailed good."""
    browser = new_browser()
    with replica.behaving(hurdles=["email_code"]):
        page = reach_code(browser, account)
        browser.visit(str(page.url))
        [mail] = mails_to(account)
        browser.follow(browser.submit(page, code=code_in(mail)))
    assert browser.session()["user"]["email"] == account.email


def test_a_wrong_mailed_code_stays_on_the_page(
    replica: Replica,
    new_browser: NewBrowser,
    account: Account,
    read: Read,
    mails_to: Mails,
) -> None:
    """A visible error, and the right code still works afterwards."""
    browser = new_browser()
    with replica.behaving(hurdles=["email_code"]):
        page = reach_code(browser, account)
        wrong = browser.follow(browser.submit(page, code="abcdef"))
        assert read(wrong)["alert"] == "Incorrect code"
        assert SESSION_COOKIE not in browser.cookies
        browser.follow(browser.submit(page, code=code_in(mails_to(account)[0])))
    assert SESSION_COOKIE in browser.cookies


def test_a_new_mail_takes_the_place_of_the_last_one(
    replica: Replica,
    new_browser: NewBrowser,
    account: Account,
    read: Read,
    mails_to: Mails,
) -> None:
    """After `Resend email` the first code is wrong, and the second is right."""
    browser = new_browser()
    with replica.behaving(hurdles=["email_code"]):
        page = reach_code(browser, account)
        again = browser.follow(browser.submit(page, intent="resend"))
        assert again.url == page.url
        first, second = map(code_in, mails_to(account))
        assert read(browser.submit(page, code=first))["alert"] == "Incorrect code"
        browser.follow(browser.submit(page, code=second))
    assert SESSION_COOKIE in browser.cookies


def test_a_mailed_code_is_taken_once_and_comes_before_the_second_factor(
    replica: Replica,
    new_browser: NewBrowser,
    mfa_account: Account,
    read: Read,
    mails_to: Mails,
) -> None:
    """An account with an authenticator is asked for both codes; the mailed one is no good any more then."""
    browser = new_browser()
    with replica.behaving(hurdles=["email_code"]):
        mail_page = reach_code(browser, mfa_account)
        code = code_in(mails_to(mfa_account)[0])
        factor_page = browser.follow(browser.submit(mail_page, code=code))
        assert factor_page.url.path.startswith("/mfa-challenge/")
        assert read(browser.submit(mail_page, code=code))["alert"] == "Incorrect code"
        browser.follow(browser.submit(factor_page, code=mfa_account.code()))
    assert SESSION_COOKIE in browser.cookies


def test_a_mailed_code_that_is_too_old_is_wrong(
    replica: Replica,
    new_browser: NewBrowser,
    account: Account,
    read: Read,
    mails_to: Mails,
) -> None:
    """It is good for ten minutes, or here for no time at all."""
    browser = new_browser()
    assert replica.control("GET", "/behaviour").json()["mailed_code_life_s"] == 600
    with replica.behaving(hurdles=["email_code"], mailed_code_life_s=1e-6):
        page = reach_code(browser, account)
        late = browser.submit(page, code=code_in(mails_to(account)[0]))
    assert read(late)["alert"] == "Incorrect code"


def test_the_code_page_can_be_used_by_a_person(
    replica: Replica,
    open_page: OpenPage,
    account: Account,
    mails_to: Mails,
) -> None:
    """The field is called Code, and the buttons Continue and Resend email."""
    with replica.behaving(hurdles=["email_code"]), open_page() as page:
        go_in(page, account)
        code = page.get_by_role("textbox", name="Code", exact=True)
        expect(code).to_have_attribute("autocomplete", "one-time-code")
        expect(code).to_have_attribute("name", "code")
        with page.expect_navigation():
            page.get_by_role("button", name="Resend email", exact=True).click()
        code.fill(code_in(mails_to(account)[-1]))
        page.get_by_role("button", name="Continue", exact=True).click()
        expect(page.get_by_test_id("accounts-profile-button")).to_be_visible()


# --- verify_identity


def test_the_security_tab_asks_who_one_is(replica: Replica, page_of: Page, account: Account) -> None:
    """Home and the other tabs are as before; Security leads to a page that wants the password, and back."""
    page = page_of
    with replica.behaving(hurdles=["verify_identity"]):
        page.goto("/")
        expect(page.get_by_test_id("accounts-profile-button")).to_be_visible()
        page.goto("/#settings")
        page.get_by_role("tab", name="Account").click()
        expect(page.get_by_role("tabpanel", name="Account")).to_be_visible()
        page.get_by_test_id("security-tab").click()
        expect(page).to_have_title("Verify your identity - OpenAI")
        assert page.url.startswith(replica.ready["auth_url"])
        before = len(replica.truth()["sessions"])
        page.get_by_role("textbox", name="Password").fill(account.password)
        page.get_by_role("button", name="Continue", exact=True).click()
        expect(page.get_by_role("list", name="Active sessions").first).to_be_visible()
        assert len(replica.truth()["sessions"]) == before


def test_an_identity_is_verified_by_the_right_password_of_the_same_account(
    replica: Replica, new_browser: NewBrowser, account: Account, read: Read
) -> None:
    """A wrong one stays on the page; what another browser proved does not count here."""
    browser, other = new_browser(), new_browser()
    for each in (browser, other):
        each.sign_in(account)
    with replica.behaving(hurdles=["verify_identity"]):

        def asks(of: Browser) -> bool:
            return "data-is-to-verify" in of.visit("/").text

        page = browser.visit("/auth/verify")
        assert read(browser.submit(page, password="wrong"))["alert"] == "Incorrect email address or password"
        assert asks(browser)
        proof = browser.submit(page, password=account.password)
        callback = proof.headers["location"]
        state = parse_qs(urlsplit(callback).query)["state"][0]
        other.cookies["__Secure-next-auth.state"] = state
        assert other.ask("GET", callback).status_code == 400
        assert asks(other)
        assert asks(browser)
        page = browser.visit("/auth/verify")
        back = browser.ask("GET", browser.submit(page, password=account.password).headers["location"])
        assert back.headers["location"] == "/#settings/Security"
        assert not asks(browser)
        assert asks(other)


def test_a_guest_has_no_identity_to_verify(new_browser: NewBrowser) -> None:
    """Whoever is signed out is sent to the sign-in."""
    assert new_browser().ask("GET", "/auth/verify").headers["location"] == "/auth/login"


# --- sso


def test_an_address_may_lead_to_an_identity_provider(
    replica: Replica, new_browser: NewBrowser, account: Account, read: Read
) -> None:
    """Another host, with a form of its own that nobody gets past; what is sent there is counted."""
    browser = new_browser()
    before = typed(replica)
    with replica.behaving(hurdles=["sso"]):
        where = browser.submit(browser.visit("/auth/login"), email=account.email).headers["location"]
        assert where.startswith(below_auth(replica, "sso.localhost", "/saml/"))
        page = at_another_name(browser, "GET", where)
        sent = at_another_name(browser, "POST", where, data={"username": "ada", "password": "guess"})
    assert {'name="username"', 'name="password"'} <= set(re.findall(r'name="\w+"', page.text))
    assert "openai" not in read(page)["title"].lower()
    assert read(sent)["alert"]
    assert typed(replica) == before + 1


# --- blocked_account


def test_an_account_may_be_none_any_more(
    replica: Replica, new_browser: NewBrowser, account: Account, read: Read
) -> None:
    """The right password leads to a page that says so and offers no way on; a wrong one does not."""
    browser = new_browser()
    with replica.behaving(hurdles=["blocked_account"]):
        page = browser.reach_password(account.email)
        assert read(browser.submit(page, password="wrong"))["alert"] == "Incorrect email address or password"
        blocked = browser.follow(browser.submit(page, password=account.password))
    assert "do not have an account because it has been deleted or deactivated" in read(blocked)["alert"]
    assert "<button" not in blocked.text
    assert SESSION_COOKIE not in browser.cookies


# --- sent_elsewhere, sent_elsewhere_later


def test_the_entry_may_lead_to_a_look_alike(replica: Replica, new_browser: NewBrowser) -> None:
    """Another host, and all that one sees of the page is the same."""
    browser = new_browser()
    own = browser.visit("/auth/login")
    with replica.behaving(hurdles=["sent_elsewhere"]):
        where = browser.ask("GET", "/auth/login").headers["location"]
    assert (
        urlsplit(where)[:3]
        == urlsplit(below_auth(replica, "elsewhere.localhost", "/log-in-or-create-account"))[:3]
    )
    assert elements(at_another_name(browser, "GET", where)) == elements(own)


def test_the_way_may_lead_to_a_look_alike_only_at_the_password(
    replica: Replica, new_browser: NewBrowser, account: Account, read: Read
) -> None:
    """The first page is the site's own, the second is not."""
    browser = new_browser()
    own = browser.reach_password(account.email)
    with replica.behaving(hurdles=["sent_elsewhere_later"]):
        first = browser.visit("/auth/login")
        where = browser.submit(first, email=account.email).headers["location"]
    assert str(first.url).startswith(replica.ready["auth_url"])
    assert where == below_auth(replica, "elsewhere.localhost", "/log-in/password")
    page = at_another_name(browser, "GET", where)
    assert read(page)["title"] == read(own)["title"]
    assert next(part for part in elements(own) if 'name="password"' in part) in elements(page)


def test_every_key_that_is_pressed_elsewhere_is_counted(
    replica: Replica, open_page: OpenPage, until: Callable[..., None]
) -> None:
    """Looking at the page counts nothing; each key, a whole text that is put in, and each form do."""
    with replica.behaving(hurdles=["sent_elsewhere"]), open_page() as page:
        page.goto("/auth/login")
        expect(page).to_have_title("Log in or sign up - OpenAI")
        field = page.get_by_role("textbox", name="Email address")
        field.focus()
        before = typed(replica)
        field.press_sequentially("abc")
        until(lambda: typed(replica) == before + 3, within_s=10)
        field.fill("nobody@example.com")
        until(lambda: typed(replica) == before + 4, within_s=10)
        page.get_by_role("button", name="Continue", exact=True).click()
        expect(page).to_have_title("Enter your password - OpenAI")
        assert typed(replica) == before + 5
        assert urlsplit(page.url).hostname == "elsewhere.localhost"
        page.get_by_role("textbox", name="Password").fill("guess")
        page.get_by_role("button", name="Continue", exact=True).click()
        expect(page.get_by_role("alert")).to_have_text("Incorrect email address or password")
        until(lambda: typed(replica) == before + 7, within_s=10)


# --- form_elsewhere


def test_a_form_of_the_right_host_may_be_sent_to_another(
    replica: Replica, open_page: OpenPage, account: Account
) -> None:
    """Typing counts for nothing there; what is sent arrives elsewhere, and is counted."""
    with replica.behaving(hurdles=["form_elsewhere"]), open_page() as page:
        before = typed(replica)
        page.goto("/auth/login")
        assert page.url.startswith(replica.ready["auth_url"])
        page.get_by_role("textbox", name="Email address").fill(account.email)
        assert typed(replica) == before
        page.get_by_role("button", name="Continue", exact=True).click()
        expect(page).to_have_title("Enter your password - OpenAI")
        assert urlsplit(page.url).hostname == "elsewhere.localhost"
        assert typed(replica) == before + 1


# --- another_account


def test_whoever_signs_in_may_be_let_in_as_somebody_else(
    replica: Replica, new_browser: NewBrowser, account: Account
) -> None:
    """The session and the user are another account's: its address and its name."""
    browser = new_browser()
    with replica.behaving(hurdles=["another_account"]):
        browser.sign_in(account)
    said, user = browser.session()["user"], browser.call("GET", "/backend-api/me").json()
    assert said["email"] != account.email
    assert said["email"].endswith("@example.com")
    assert {said["email"], said["name"]} == {user["email"], user["name"]}


# --- the other hosts


@pytest.mark.parametrize("host", OTHER_HOSTS)
@pytest.mark.parametrize("path", ["/", "/log-in", "/verify-identity", "/email-verification", "/error"])
def test_another_host_has_none_of_the_sites_own_pages(
    host: str, path: str, replica: Replica, new_browser: NewBrowser
) -> None:
    """Also with the state of a sign-in that is under way."""
    browser = new_browser()
    query = urlsplit(str(browser.visit("/auth/login").url)).query
    assert at_another_name(browser, "GET", below_auth(replica, host, f"{path}?{query}")).status_code == 404


def test_the_look_alike_lets_nobody_in(new_browser: NewBrowser, account: Account) -> None:
    """The right password of a sign-in that is under way is refused there."""
    browser = new_browser()
    page = browser.reach_password(account.email)
    url = str(page.url).replace("localhost", "elsewhere.localhost")
    sent = at_another_name(browser, "POST", url, data={"password": account.password})
    assert (sent.status_code, sent.has_redirect_location) == (200, False)
    assert SESSION_COOKIE not in browser.cookies
