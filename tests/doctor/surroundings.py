"""The doctor looks at what a run stands on: settings, browser, network, clock."""

from __future__ import annotations

import time

import httpx
import pytest
from playwright.sync_api import Browser, Playwright

from afterglow.contradictions import is_loopback
from afterglow.diagnosis import Area, Status
from afterglow.machine import NoBrowser, find_browser
from afterglow.outcomes import NotMeasured
from afterglow.redaction import masked
from afterglow.settings import CodeFrom, Settings, SignInBy
from fixtures.examining import Examiner
from fixtures.profile import CLOCKS_AGREE
from fixtures.target import Site, ahead_of_us

examines = pytest.mark.examines

FAST_S = 2.0
"""A home that takes longer to answer makes for wide intervals."""

CUT_S = 0.5
"""A Date is cut to the second: in the mean it is half of one older than it says."""

CODES_HOLD_S = 15
"""Half the life of an authenticator's code: a clock that is off by more may make codes that are refused."""

HIDDEN = {True: "shown on the screen", False: "not shown (HEADED=no)"}


@examines(Area.SETTINGS)
def test_the_settings_hang_together(settings: Settings, examiner: Examiner) -> None:
    """They were read and checked before this; here is what they come to."""
    whose = masked(settings.account_email) if settings.account_email else "made up for the run"
    where = settings.home or "the embedded replica, which is started and stopped here"
    examiner.found(f"TARGET={settings.target.value}", Status.OK, where)
    examiner.found("account", Status.OK, whose)
    codes = f"one-time codes from {settings.code_from.value}" if settings.code_from else "no one-time codes"
    how = {
        SignInBy.PASSWORD: f"with the account's password, {codes}",
        SignInBy.STATE: "by a person beforehand (python -m cli signin)",
    }
    examiner.found(f"SIGN_IN={settings.sign_in.value}", Status.OK, how[settings.sign_in])


@examines(Area.BROWSER)
def test_a_browser_starts(settings: Settings, examiner: Examiner, request: pytest.FixtureRequest) -> None:
    """The one that the settings name, else Playwright's own, else the machine's."""
    playwright: Playwright = request.getfixturevalue("playwright")
    try:
        path = find_browser(lambda: playwright.chromium.executable_path, settings.chromium_executable)
    except NoBrowser as none:
        raise NotMeasured(str(none)) from None
    browser: Browser = request.getfixturevalue("browser")
    what = f"{browser.browser_type.name} {browser.version}"
    examiner.found(what, Status.OK, f"{path}, {HIDDEN[settings.is_headed]}")


@examines(Area.NETWORK)
def test_the_site_answers_and_its_clock_agrees(site: Site, settings: Settings, examiner: Examiner) -> None:
    """One request without a browser, as most probes ask."""
    began_s = time.monotonic()
    answer = httpx.get(site.base_url, timeout=20)
    took_s = time.monotonic() - began_s
    told = f"HTTP {answer.status_code} after {1000 * took_s:.0f} ms"
    if in_trouble_of_its_own(answer.status_code):
        raise NotMeasured(f"{site.base_url} answers {told}: try again when it is up")
    if answer.status_code >= 400:
        remedy = (
            "if the browser gets in below, set PROBE_TRANSPORT=browser: probes then ask from inside of it"
        )
        examiner.found(site.base_url, Status.WARNING, f"{told} outside of a browser", remedy=remedy)
    else:
        examiner.found(site.base_url, Status.OK if took_s < FAST_S else Status.WARNING, told)
    look_at_the_clock(answer, settings, examiner)
    for host in sorted(settings.hosts - {httpx.URL(site.base_url).host}):
        if not is_loopback(host):
            look_at_the_host(host, examiner)


def in_trouble_of_its_own(status: int) -> bool:
    """Whether a status says so."""
    return status >= 500 or status == 429


def look_at_the_clock(answer: httpx.Response, settings: Settings, examiner: Examiner) -> None:
    """How far the site's clock is ahead, by the Date of an answer that has just come."""
    if "date" not in answer.headers:
        examiner.found(
            "clock", Status.WARNING, "the site's answers have no Date: whether it agrees is not known"
        )
        return
    ahead_s = ahead_of_us(answer).total_seconds() + CUT_S
    told = (
        f"the site's is about {abs(ahead_s):.0f} s {'ahead of' if ahead_s > 0 else 'behind'} this machine's"
    )
    if abs(ahead_s) <= CLOCKS_AGREE.total_seconds():
        examiner.found(
            "clock", Status.OK, f"the site's and this machine's agree within {CLOCKS_AGREE.seconds} s"
        )
    elif abs(ahead_s) > CODES_HOLD_S and settings.code_from is CodeFrom.TOTP:
        remedy = "set this machine's clock (NTP): codes from ACCOUNT_TOTP_SECRET may be refused"
        examiner.found("clock", Status.WARNING, told, remedy=remedy)
    else:
        remedy = "set this machine's clock (NTP) if it is the one that is off; runs allow for the difference"
        examiner.found("clock", Status.WARNING, told, remedy=remedy)


def look_at_the_host(host: str, examiner: Examiner) -> None:
    """Whether another host of the sign-in can be reached at all; what it answers does not matter."""
    try:
        httpx.head(f"https://{host}/", timeout=10)
    except httpx.HTTPError as error:
        why = f"cannot be reached ({type(error).__name__})"
        examiner.found(
            host, Status.WRONG, why, remedy="let the network or its proxy reach it, or mend ALLOWED_HOSTS"
        )
    else:
        examiner.found(host, Status.OK, "can be reached")
