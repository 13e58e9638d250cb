"""The report as somebody opens it, from a file and without a network: every tab, on a desk and on a phone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

import pytest
from playwright.sync_api import Browser, Page, Route, ViewportSize, expect

from tests.report.by_hand import BEGAN_MS, Folder, md5

DAY_MS = 86_400_000

Scheme: TypeAlias = Literal["light", "dark"]

ATTACHED = {
    "timeline.svg": ("image/svg+xml", '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
    "exchange.httpexchange": (
        "application/vnd.allure.http+json",
        '{"request": {"method": "GET", "url": "https://app.test/x"}, "response": {"status": 401}}',
    ),
    "readings.csv": ("text/csv", "layer,state\npage,alive\n"),
    "measurement.json": ("application/json", '{"url": "https://app.test/y"}'),
    "words.html": ("text/html", '<img src="https://app.test/z.png">'),
    "trace.zip": ("application/vnd.allure.playwright-trace", "PK"),
}

PLACES: dict[str, ViewportSize] = {
    "a desk": {"width": 1360, "height": 900},
    "a phone": {"width": 390, "height": 844},
}


def with_history(folder: Folder, nights: int) -> None:
    """So many runs before, of which every seventh broke a promise."""
    test = f"{md5(md5('tests.made#log-out'))}.{md5('')}"
    for night in range(nights):
        at = BEGAN_MS - (nights - night) * DAY_MS
        status = "passed" if night % 7 else "failed"
        result = {
            "id": str(night),
            "name": "log-out",
            "status": status,
            "start": at,
            "stop": at + 9,
            "duration": 9,
        }
        told = {
            "fullName": "tests.made#log-out",
            "historyId": test,
            "labels": [],
            "url": "",
            "reportLinks": [],
        }
        entry = {"uuid": f"night-{night}", "name": "Afterglow", "timestamp": at, "knownTestCaseIds": [test]}
        more = {"testResults": {test: {**result, **told}}, "metrics": {}, "url": ""}
        with folder.history.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**entry, **more}) + "\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """A night with all kinds of results and of attachments, after sixty others."""
    folder = Folder(tmp_path_factory.mktemp("opened"))
    attachments = [
        {"name": name, "source": f"{name.replace('.', '-attachment.')}", "type": kind}
        for name, (kind, _) in ATTACHED.items()
    ]
    link = {
        "type": "link",
        "name": "NIST SP 800-63B",
        "url": "https://pages.nist.gov/800-63-3/sp800-63b.html",
    }
    folder.add("log-out", "failed", "AssertionError: still alive after 30 s")
    folder.add(
        "log-out", "passed", description="See https://help.openai.com.", links=[link],
        steps=[{"name": "What was measured", "status": "passed", "attachments": attachments}],
    )  # fmt: skip
    folder.add("blocked", "broken", "sign-in blocked: the password is refused")
    folder.add("skipped", "skipped", "Skipped: not applicable: no such view")
    folder.add("known", "failed", "AssertionError: still alive after 40 s")
    for name, (_, content) in ATTACHED.items():
        folder.write(f"allure-results/{name.replace('.', '-attachment.')}", content)
        folder.write(f"allure-results/all-{name.replace('.', '-attachment.')}", content)
    everywhere = [{**each, "source": f"all-{each['source']}"} for each in attachments]
    folder.write("allure-results/1-globals.json", {"attachments": everywhere})
    known = {
        "test": "tests.made#known",
        "says": "still alive",
        "why": "told to the vendor",
        "until": "2999-12-31",
    }
    folder.write("known-issues.json", [known])
    with_history(folder, 60)
    folder.build()
    return folder


@dataclass
class Visit:
    """A page, what it asked of the network, and what went wrong in it."""

    page: Page
    asked: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def heard(self, route: Route) -> None:
        """Let through what needs no network."""
        if route.request.url.startswith(("file:", "data:", "blob:")):
            route.continue_()
        else:
            self.asked.append(route.request.url)
            route.abort()


@contextmanager
def opened(
    browser: Browser, folder: Folder, place: str = "a desk", scheme: Scheme = "light"
) -> Iterator[Visit]:
    """Open the report in a browser that is asked for nothing else."""
    context = browser.new_context(viewport=PLACES[place], color_scheme=scheme)
    visit = Visit(context.new_page())
    context.route("**/*", visit.heard)
    visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
    visit.page.on("console", lambda said: visit.errors.append(said.text) if said.type == "error" else None)
    visit.page.goto(folder.html.as_uri())
    expect(visit.page.get_by_test_id("report-title")).to_be_attached()
    try:
        yield visit
    finally:
        context.close()


def through_every_tab(page: Page, html: Path) -> None:
    """As a reader who misses nothing."""
    for tab, shows in {
        "categories": "Sign-in blocked",
        "resolutionCategories": "Known until 2999-12-31: told to the vendor",
        "qualityGate": "1 promise broken: log-out (passed on retry). Known, and passed over: known",
        "globalAttachments": "timeline.svg",
        "results": "skipped",
    }.items():
        page.get_by_test_id(f"nav-tab-{tab}").click()
        expect(page.get_by_text(shows).first).to_be_visible()
        if tab == "globalAttachments":
            open_attachments(page)
    page.get_by_test_id("tree-leaf").filter(has_text="log-out").click()
    expect(page.get_by_role("link", name="NIST SP 800-63B")).to_have_attribute(
        "href", re.compile("^https://pages")
    )
    page.get_by_test_id("test-result-step-header").filter(has_text="What was measured").click()
    open_attachments(page)
    for tab, shows in {"history": "60", "retries": "1"}.items():
        expect(page.get_by_test_id(f"test-result-tab-{tab}")).to_contain_text(shows)
        page.get_by_test_id(f"test-result-tab-{tab}").click()
    for section, shows in {"charts": "Status over the runs", "timeline": "Host: a-machine"}.items():
        page.goto(f"{html.as_uri()}#{section}")
        expect(page.get_by_text(shows)).to_be_visible()


def open_attachments(page: Page) -> None:
    for name in sorted(ATTACHED.keys() - {"trace.zip"}):  # which is for a viewer of its own
        page.get_by_role("button", name=re.compile(rf"^\d+ {re.escape(name)}$")).click()
    # the code of what is previewed is there too, and hidden
    expect(page.get_by_test_id("code-attachment-content").filter(visible=True).first).to_be_visible()
    expect(page.get_by_test_id("html-attachment-preview")).to_be_visible()


@pytest.mark.parametrize(("place", "scheme"), [("a desk", "light"), ("a phone", "dark")])
def test_no_tab_asks_anything_of_the_network(
    browser: Browser, folder: Folder, place: str, scheme: Scheme
) -> None:
    with opened(browser, folder, place, scheme) as visit:
        through_every_tab(visit.page, folder.html)
        assert visit.asked == []
        assert [each for each in visit.errors if "https://app.test/z.png" not in each] == []
        visit.page.goto("about:blank")
        visit.page.evaluate("fetch('https://app.test/').catch(() => 0)")
        assert visit.asked == ["https://app.test/"], "what is asked is not heard: this test looks wrongly"


def test_the_report_opens_with_what_the_run_comes_to(browser: Browser, folder: Folder) -> None:
    """Allure by itself scrolls on to the first test, when all is there: on a phone, past everything else."""
    with opened(browser, folder, "a phone") as visit:
        expect(visit.page.get_by_test_id("tree-leaf").first).to_be_attached()
        for _ in range(3):  # it scrolls in one of the next frames
            visit.page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 100)))")
        expect(visit.page.get_by_test_id("report-title")).to_be_in_viewport()
        visit.page.mouse.move(200, 500)
        visit.page.mouse.wheel(0, 900)
        expect(visit.page.get_by_test_id("report-title")).not_to_be_in_viewport()
