"""One walk through the view keeps what a maintainer needs to mend its locators, and nothing of anybody."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zipfile import ZipFile

import allure
import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from cli.capture import STEPS
from tests.suite import conftest
from tests.suite.conftest import Site, running_site
from tests.suite.walking import ASKED, NewWalk, Walk, at_the_window, sign_in, walk_through, walks

pytestmark = [allure.epic("The suite itself"), allure.feature("Capture")]

SOMEBODY = {
    "ACCOUNT_EMAIL": "quillon.featherby@corp.example",
    "ACCOUNT_PASSWORD": "a password that nobody may see",
}
NAME = "Quillon Featherby"
DRAFT = "a draft that nobody may see"
MESSAGE = "a message that nobody may see"
PLACES = ("Lisbon", "Portugal", "Toronto", "Canada", "Osaka", "Japan", "Nairobi", "Kenya")

AT_ONCE = ("--edges", "1", "--delay-min-s", "0", "--delay-max-s", "0")


@pytest.fixture
def begin(playwright: Playwright, tmp_path: Path) -> Iterator[NewWalk]:
    """Begin a walk."""
    with walks(playwright, tmp_path) as begin:
        yield begin


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, browser: Browser) -> Iterator[Site]:
    """A site with a table, on which somebody with a name is signed in on one device."""
    told = {"email": SOMEBODY["ACCOUNT_EMAIL"], "password": SOMEBODY["ACCOUNT_PASSWORD"], "name": NAME}
    monkeypatch.setattr(conftest, "accounts", lambda: json.dumps([told]))
    monkeypatch.setattr(conftest, "ACCOUNT", SOMEBODY)
    with running_site(*AT_ONCE, "--skin", "table") as site, browser.new_context() as context:
        sign_in(context.new_page(), site)
        yield site


def of(archive: Path) -> dict[str, str]:
    """What is in a capture, by the names of its files."""
    with ZipFile(archive) as opened:
        return {name: opened.read(name).decode() for name in opened.namelist()}


def secrets_of(page: Page, site: Site) -> dict[str, str]:
    """Whatever lets somebody in, or tells who it is, as the browser and the site know it."""
    jar = page.context.new_cdp_session(page).send("Network.getCookies")["cookies"]
    session = page.evaluate("async () => (await fetch('/api/auth/session')).json()")
    sessions = site.truth()["sessions"]
    return {
        "password": site.account["ACCOUNT_PASSWORD"],
        "e-mail": site.account["ACCOUNT_EMAIL"],
        "name": NAME,
        "first name": NAME.split()[0],
        "family name": NAME.split()[1],
        "draft": DRAFT,
        "message": MESSAGE,
        "token": session["accessToken"],
        "user": session["user"]["id"],
        **{f"place {number}": place for number, place in enumerate(PLACES)},
        **{f"cookie {cookie['name']}": cookie["value"] for cookie in jar},
        **{f"session {number}": each["session_id"] for number, each in enumerate(sessions)},
    }


def in_base64(secret: str) -> list[str]:
    """What is left of it in base64, wherever in something longer it begins."""
    return [
        base64.b64encode(b"x" * shift + secret.encode()).decode().rstrip("=")[4 if shift else 0 : -2]
        for shift in range(3)
    ]


def test_a_walk_keeps_what_each_step_showed_and_nothing_of_anybody(
    begin: NewWalk, site: Site, playwright: Playwright
) -> None:
    """Neither what was typed, nor who is signed in where, nor what lets anybody in, in whatever spelling."""
    walk = begin(site.base_url)
    with at_the_window(playwright, walk) as page:
        sign_in(page, site)
        composer = page.locator("#prompt-textarea")
        composer.fill(MESSAGE)
        composer.press("Enter")
        expect(page.get_by_test_id("stop-button")).to_be_visible()
        expect(page.get_by_test_id("send-button")).to_be_visible()  # the answer is complete
        composer.fill(DRAFT)
        expect(composer).to_have_text(DRAFT)
        secrets = secrets_of(page, site)
        walk_through(page, walk, yes=True)
        assert walk.end() == 0, walk.said
    kept = of(walk.to)
    for what, secret in secrets.items():
        for name, content in {**kept, "the terminal": walk.said}.items():
            assert secret not in content, f"{what} in {name}"
            assert secret not in unescape(content), f"{what} in {name}, escaped"
            assert quote(secret, safe="") not in content, f"{what} in {name}, as in an address"
            assert not any(part in content for part in in_base64(secret)), f"{what} in {name}, in base64"
    assert_tells_enough(kept, site)
    assert str(walk.to) in walk.said
    assert "Look at it before you give it away" in walk.said


def assert_tells_enough(kept: dict[str, str], site: Site) -> None:
    """The manifest tells where it was captured; every step is there; a row and its twin agree."""
    manifest = json.loads(kept["manifest.json"])
    assert manifest["site"] == site.base_url
    assert re.match(r"chromium \d+", manifest["browser"])
    assert (manifest["format"], manifest["locale"], manifest["time_zone"]) == (1, "en-US", "UTC")
    steps = {step.name for step in STEPS} - {"row-menu"}
    assert steps <= set(manifest["steps"])
    assert manifest["steps"]["active-sessions"] == "/#settings/Security"
    assert steps <= {name.partition("/")[0] for name in kept if name.endswith("/aria.yaml")}
    listed = listed_in(kept)
    page = kept["active-sessions/page.html"]
    assert len(listed) == 2
    for device in listed:
        assert f"{device['last_signed_in_city']}, {device['last_signed_in_country']}" in page
        assert device["display_name"] in page
    found = json.loads(kept["active-sessions/found.json"])["active_sessions"]
    assert found["session row"] == ["role row without a role columnheader", "test id active-session"]
    assert found["confirm dialog"] == []
    assert json.loads(kept["question-one/found.json"])["active_sessions"]["confirm dialog"]
    assert "Session logged out." in "".join(kept[name] for name in kept if name.startswith("logged-out"))


def listed_in(kept: dict[str, str]) -> list[dict[str, Any]]:
    """The sessions that the page was told of before the list was looked at."""
    answers = json.loads(kept["security/answers.json"]) + json.loads(kept["active-sessions/answers.json"])
    bodies = [each["body"] for each in answers if each["path"] == "/backend-api/accounts/sessions"]
    devices: list[dict[str, Any]] = bodies[-1]["devices"]
    return devices


def test_the_walk_presses_nothing(begin: NewWalk, site: Site, playwright: Playwright) -> None:
    """Enter alone, at every step: the page stays where it was, and nothing ends."""
    walk = begin(site.base_url)
    with at_the_window(playwright, walk) as page:
        sign_in(page, site)
        heard: list[str] = []
        page.on("request", lambda request: heard.append(request.method))
        for _ in STEPS[1:]:
            walk.step()
        walk.answer()
        assert walk.end() == 0, walk.said
        assert page.url == f"{site.base_url}/"
        assert set(heard) <= {"GET"}
    assert site.truth()["revocations"] == []


def ctrl_c(walk: Walk, page: Page) -> str:  # noqa: ARG001
    os.killpg(walk.process.pid, signal.SIGINT)
    return "interrupted"


def close_the_window(walk: Walk, page: Page) -> str:  # noqa: ARG001
    page.close()
    return "the browser window was closed"


def crash(walk: Walk, page: Page) -> str:  # noqa: ARG001
    page.context.browser.new_browser_cdp_session().send("Browser.crash")  # type: ignore[union-attr]
    return "the browser window was closed"


@pytest.mark.parametrize("happens", [ctrl_c, close_the_window, crash])
def test_what_was_kept_until_then_is_kept_whatever_happens(
    happens: Any, begin: NewWalk, site: Site, playwright: Playwright
) -> None:
    """One clear line, exit code 2, and the steps so far in a zip."""
    walk = begin(site.base_url)
    with at_the_window(playwright, walk) as page:
        walk.step()
        try:
            why = happens(walk, page)
        except Exception:  # noqa: BLE001 - the robot's own connection goes with the browser
            why = "the browser window was closed"
        assert walk.end() == 2, walk.said
    assert f"afterglow: {why}: the walk is not complete" in walk.said
    assert "Traceback" not in walk.said
    assert list(json.loads(of(walk.to)["manifest.json"])["steps"]) == ["home"]


def test_a_step_can_be_skipped_and_the_walk_ended(begin: NewWalk, site: Site, playwright: Playwright) -> None:
    """What is no answer is asked again; a skipped step is not in the capture; an ended walk is no fault."""
    walk = begin(site.base_url)
    with at_the_window(playwright, walk) as page:
        walk.step("what?")
        walk.step("s")
        walk.step()
        page.goto("about:blank")
        walk.step()
        assert f"not at {site.base_url}: go back there" in walk.said
        walk.answer("q")
        assert walk.end() == 0, walk.said
    assert list(json.loads(of(walk.to)["manifest.json"])["steps"]) == ["profile-menu"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"BASE_URL": ""}, "there is no site to walk through: set TARGET=chatgpt, or BASE_URL"),
        ({"CHROMIUM_EXECUTABLE": "/bin/false"}, "a browser window is needed, and none opens"),
        ({"BASE_URL": "http://127.0.0.1:9"}, "http://127.0.0.1:9 cannot be opened"),
    ],
)
def test_a_walk_that_cannot_begin_says_why_and_leaves_nothing(
    settings: dict[str, str], said: str, begin: NewWalk
) -> None:
    """In one line, without a traceback."""
    walk = begin("http://127.0.0.1:9", **settings)
    assert walk.end() == 2
    assert f"afterglow: {said}" in walk.said
    assert "Traceback" not in walk.said
    assert ASKED not in walk.said
    assert not walk.to.exists()
