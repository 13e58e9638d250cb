"""Recording what the browser does ends no measurement: it is left out where it cannot be had."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import allure
import pytest
from playwright.sync_api import Browser, BrowserContext, Error

from afterglow.redaction import Redactor
from fixtures.tracing import Tracing
from tests.suite.conftest import ROOT, wait_for

pytestmark = [allure.epic("The suite itself"), allure.feature("Traces")]

COOKIE = "0123456789abcdef-of-this-test"
FREEZE = "() => { setTimeout(() => { const began = Date.now(); while (Date.now() - began < 6000); }, 20); }"


@pytest.fixture
def tracing(traces_folder: Path) -> Tracing:
    """Records for a run that has nothing but its secrets."""
    redact = Redactor()
    run: Any = SimpleNamespace(redact=redact, learn=redact.learn)
    return Tracing(run, traces_folder)


@pytest.fixture
def attached(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes | str]:
    """What goes into the report."""
    found: dict[str, bytes | str] = {}
    monkeypatch.setattr(allure, "attach", lambda body, name, *_: found.update({name: body}))
    return found


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser with a page and a cookie."""
    context = browser.new_context()
    context.add_cookies([{"name": "any", "value": COOKIE, "url": "http://site.test"}])
    context.route("**/*", lambda route: route.fulfill(body=f"<body>hello {COOKIE}", content_type="text/html"))
    context.new_page().goto("http://site.test")
    yield context
    context.close()


def profile_of(context: BrowserContext, name: str = "primary") -> Any:
    return SimpleNamespace(name=name, context=context, page=context.pages[0])


def test_what_a_page_shows_is_recorded_and_nothing_of_it_stays_on_the_disk(
    tracing: Tracing, context: BrowserContext, attached: dict[str, bytes | str], traces_folder: Path
) -> None:
    """The trace is clean, and what Playwright wrote for it is gone."""
    tracing.begin(profile_of(context), "a moment")
    context.pages[0].reload()

    def on_the_disk() -> bool:
        files = (path for path in traces_folder.rglob("*") if path.is_file())
        return any(COOKIE.encode() in path.read_bytes() for path in files)

    wait_for(on_the_disk, "Playwright to write down what it records", within_s=10)
    tracing.end()
    assert not on_the_disk()
    tracing.attach()
    [(name, trace)] = attached.items()
    assert name == "trace of primary: a moment"
    assert isinstance(trace, bytes)
    with zipfile.ZipFile(io.BytesIO(trace)) as opened:
        told = b"".join(opened.read(member) for member in opened.namelist())
    assert str(ROOT).encode() not in told, "it tells where on this machine the suite lies"


def test_a_page_that_hangs_is_not_waited_for(
    tracing: Tracing, context: BrowserContext, attached: dict[str, bytes | str]
) -> None:
    """The report says that there is no trace; Playwright itself would wait until the page answers again."""
    context.pages[0].evaluate(FREEZE)
    context.new_page().wait_for_timeout(100)
    tracing.look(profile_of(context), "a moment")
    tracing.attach()
    assert list(attached) == ["no trace of primary: a moment"]


def test_a_browser_that_is_gone_ends_nothing(
    tracing: Tracing, context: BrowserContext, browser: Browser, attached: dict[str, bytes | str]
) -> None:
    """Closed before the recording began, or while it went on; the next one is recorded all the same."""
    gone = browser.new_context()
    gone.new_page()
    profile = profile_of(gone, "secondary")
    tracing.begin(profile, "it closes")
    gone.close()
    tracing.end()
    tracing.look(profile, "it is closed")
    tracing.look(profile_of(context), "it is open")
    tracing.attach()
    assert sorted(attached) == [
        "no trace of secondary: it closes",
        "no trace of secondary: it is closed",
        "trace of primary: it is open",
    ]


def test_who_presses_may_be_another_one_than_was_thought(
    tracing: Tracing, context: BrowserContext, browser: Browser, attached: dict[str, bytes | str]
) -> None:
    """What was recorded of the wrong one is thrown away, and its browser can be recorded again."""
    wrong = browser.new_context()
    wrong.new_page()
    tracing.begin(profile_of(wrong, "secondary"), "the log-out")
    tracing.begin(profile_of(context), "the log-out")
    tracing.end()
    tracing.look(profile_of(wrong, "secondary"), "afterwards")
    tracing.attach()
    assert sorted(attached) == ["trace of primary: the log-out", "trace of secondary: afterwards"]
    with pytest.raises(Error):  # nothing goes on
        wrong.tracing.stop_chunk(path="/dev/null")
    wrong.close()
