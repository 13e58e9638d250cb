"""A view that was captured on another site is shown as it was there, with this site's sessions in it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import Page

    from tests.replica.conftest import Account, Browser, Replica

    Complaint = Callable[..., str]
    Start = Callable[..., AbstractContextManager[Replica]]
    Showing = Callable[[Path], AbstractContextManager[tuple[Replica, Page]]]

JUNE_2 = 1_780_411_500  # 14:45 UTC


def device(number: int, name: str, *, current: bool = False) -> dict[str, Any]:
    """A session, as a captured site told of it."""
    return {
        "session_id": f"session_id {number}",
        "display_name": name,
        "last_signed_in_city": f"Town {number}",
        "last_signed_in_country": "Country 1",
        "last_signed_in_timestamp_second": JUNE_2 + 86_400 * number,
        "is_current_device": current,
    }


TOLD = [
    device(1, "Safari on iPhone"),
    device(2, "Chrome on macOS", current=True),
    device(3, "Safari on iPhone"),
]


def row(name: str, place: str, when: str, button: str = "") -> str:
    """A row of the captured site."""
    return f'<article class="x9"><b>{name}</b><p>{place}, Country 1 \u2022 {when}</p>{button}</article>'


SIGN_OUT = '<div role="button" tabindex="0">Sign out</div>'
VIEW = f"""<nav>Elsewhere</nav>
<div role="dialog"><div role="tablist"><button role="tab">Security</button></div>
<div class="y1"><h2>Where you're signed in</h2>
<section><h3>This device</h3>{row("Chrome on macOS", "Town 2", "June 4, 2026")}</section>
<section><h3>Others</h3>{row("Safari on iPhone", "Town 1", "June 3, 2026", SIGN_OUT)}
{row("Safari on iPhone", "Town 3", "June 5, 2026", SIGN_OUT)}</section>
<footer><button>Sign out everywhere</button></footer></div></div>"""
QUESTION = """<div role="dialog"><p>Sign out Safari on iPhone in Town 3?</p>
<button>Keep it</button><button>Sign out</button></div>"""


def steps(view: str = VIEW, told: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """What the steps of a walk kept, by step: its elements, and what the site told of the sessions."""
    devices = TOLD if told is None else told
    return {"active-sessions": (view, devices), "question-one": (view + QUESTION, [])}


def packed(folder: Path, kept: dict[str, Any], **manifest: Any) -> Path:
    """The zip of a capture."""
    path = folder / "capture.zip"
    about = {
        "format": 1,
        "locale": "en-US",
        "time_zone": "UTC",
        "steps": dict.fromkeys(kept, "/"),
        **manifest,
    }
    with ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", json.dumps(about))
        for step, (page, devices) in kept.items():
            body = {"path": "/backend-api/accounts/sessions", "status": 200, "body": {"devices": devices}}
            archive.writestr(f"{step}/page.html", page)
            archive.writestr(f"{step}/answers.json", json.dumps([body] if devices else []))
    return path


@pytest.fixture
def showing(
    started: Start, browser: Chromium, browser_for: Callable[..., Browser], new_account: Callable[[], Account]
) -> Showing:
    """The security settings of somebody with two sessions, on a site with a captured face."""

    @contextmanager
    def shown(capture: Path) -> Iterator[tuple[Replica, Page]]:
        account = new_account()
        at_once = ("--edges", "1", "--delay-min-s", "0", "--delay-max-s", "0")
        faced = ("--skin", "captured", "--capture", str(capture))
        with (
            started(*at_once, *faced, accounts=[account]) as replica,
            browser.new_context(base_url=replica.base_url, locale="en-US", timezone_id="UTC") as context,
        ):
            browser_for(replica).sign_in(account)
            page = context.new_page()
            own = browser_for(replica, user_agent=page.evaluate("navigator.userAgent"))
            own.sign_in(account)
            jar = [{"name": name, "value": value} for name, value in own.cookies.items()]
            context.add_cookies(
                [{**each, "domain": "127.0.0.1", "path": "/", "secure": True} for each in jar]  # type: ignore[typeddict-item]
            )
            page.goto("/#settings/Security")
            expect(page.locator("article")).to_have_count(2)
            yield replica, page

    return shown


def test_the_rows_have_the_sessions_of_this_site(showing: Showing, tmp_path: Path) -> None:
    """Each in its own part of the view, with its device, place and date, written as there."""
    with showing(packed(tmp_path, steps())) as (replica, page):
        panel = page.get_by_role("tabpanel")
        expect(panel.get_by_role("heading")).to_have_text(["Where you're signed in", "This device", "Others"])
        expect(page.locator("article.x9")).to_have_count(2)
        for session in replica.truth()["sessions"]:
            current = "Windows" not in session["user_agent"]
            section = panel.locator("section").filter(has_text="This device" if current else "Others")
            signed_in = datetime.fromisoformat(session["created_wall"])
            expect(section.locator("article")).to_have_count(1)
            expect(section.locator("b")).to_have_text("Chrome on Linux" if current else "Chrome on Windows")
            expect(section.locator("p")).to_contain_text(
                f" \u2022 {signed_in:%B} {signed_in.day}, {signed_in.year}"
            )
            expect(section.locator("p")).not_to_contain_text("Town")
            expect(section.get_by_role("button")).to_have_count(0 if current else 1)
        expect(page.locator("[data-captured]")).to_have_count(0)


def test_its_buttons_do_what_they_are_for(showing: Showing, tmp_path: Path) -> None:
    """The question is asked in the words that were captured; then one session ends, then all do."""
    with showing(packed(tmp_path, steps())) as (replica, page):
        page.get_by_role("button", name="Sign out", exact=True).click()
        question = page.get_by_role("dialog").last
        expect(question.get_by_role("paragraph")).to_contain_text("Sign out Chrome on Windows in ")
        question.get_by_role("button", name="Keep it").click()
        expect(page.locator("article")).to_have_count(2)
        assert replica.truth()["revocations"] == []
        page.get_by_role("button", name="Sign out", exact=True).click()
        page.get_by_role("dialog").last.get_by_role("button", name="Sign out").click()
        expect(page.locator("article")).to_have_count(1)
        assert len(replica.truth()["revocations"]) == 1
        page.get_by_role("button", name="Sign out everywhere").click()
        # how that is asked was not captured, so it is asked as ever
        page.get_by_role("alertdialog").get_by_role("button", name="Log out all").click()
        expect(page.get_by_role("status").last).to_have_text("Successfully logged out of all sessions.")
        assert len(replica.truth()["revocations"]) == 2


def test_a_site_that_asked_nothing_is_one_that_asks_nothing(showing: Showing, tmp_path: Path) -> None:
    """A step that shows no question says that there was none."""
    with showing(packed(tmp_path, steps() | {"question-one": (VIEW, [])})) as (replica, page):
        page.get_by_role("button", name="Sign out", exact=True).click()
        expect(page.locator("article")).to_have_count(1)
        assert len(replica.truth()["revocations"]) == 1


HOSTILE = """<script>window.ran = 1</script>
<img src="x" onerror="window.ran = 2"><b onclick="window.ran = 3">x</b>
<a href="javascript:window.ran = 4">x</a><iframe srcdoc="<script>parent.ran = 5</script>"></iframe>
<svg onload="window.ran = 6"></svg><style>* { background: url(http://127.0.0.1:9/) }</style>"""


def test_nothing_in_a_capture_runs(showing: Showing, tmp_path: Path) -> None:
    """Whoever sent it: no script, no handler, no address, and the page itself would allow none."""
    hostile = VIEW.replace("<footer>", f"<footer>{HOSTILE}")
    with showing(packed(tmp_path, steps(hostile))) as (_, page):
        footer = page.locator("footer")
        for each in footer.locator("b, a").all():
            each.click()
        assert page.evaluate("window.ran") is None
        left = "<img><b>x</b> <a>x</a> <svg></svg><button>Sign out everywhere</button>"
        assert " ".join(footer.inner_html().split()) == left
        page.evaluate("document.querySelector('footer b').setAttribute('onclick', 'window.ran = 7')")
        footer.locator("b").click()
        assert page.evaluate("window.ran") is None


ONE_ROW = TOLD[1:2]
IN_A_DIALOG = VIEW.replace('<div class="y1">', '<div role="dialog">')
NAMELESS = [{**each, "display_name": "Firefox on Linux"} for each in TOLD]


@pytest.mark.parametrize(
    ("kept", "manifest", "missing"),
    [
        ({"home": ("", [])}, {}, "has no list: the step active-sessions was not taken"),
        (steps(told=[]), {}, "has no answer of /backend-api/accounts/sessions"),
        (steps(told=NAMELESS), {}, "has no rows: the page does not name the 3 sessions"),
        (steps(told=ONE_ROW), {}, "needs two rows in its list, the browser's own and another"),
        (steps(IN_A_DIALOG), {}, "has no way to its list: the step security was not taken"),
        (
            {"security": ('<div role="tabpanel"><button>Sessions</button></div>', []), **steps(IN_A_DIALOG)},
            {},
            "has no way to its list: nothing in the step security leads to “Where you're signed in”",
        ),
        (steps(), {"format": 2}, "has format 2, and only 1 can be read"),
        (steps(), {"steps": None}, "is no capture, or a damaged one"),
    ],
)
def test_a_capture_that_cannot_be_shown_says_what_is_missing(
    kept: dict[str, Any], manifest: dict[str, Any], missing: str, complaint: Complaint, tmp_path: Path
) -> None:
    """In one line, at the start."""
    capture = packed(tmp_path, kept, **manifest)
    said = complaint("--skin", "captured", "--capture", str(capture))
    assert said.startswith(f"replica: --capture {capture}: {missing}")


def test_what_is_no_capture_at_all_is_named(complaint: Complaint, tmp_path: Path) -> None:
    """A file that is none, one that is something else, and none given."""
    other = tmp_path / "other.zip"
    other.write_text("no zip")
    assert complaint("--capture", str(other)) == f"replica: --capture {other}: is no zip that can be read"
    with ZipFile(other, "w") as archive:
        archive.writestr("something.txt", "")
    assert (
        complaint("--capture", str(other)) == f"replica: --capture {other}: is no capture, or a damaged one"
    )
    assert complaint("--skin", "captured").startswith("replica: --skin captured: there is nothing to show")
