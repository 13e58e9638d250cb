"""What is kept of a walk: enough to tell each row by its JSON twin, and nothing that is anybody's."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest

from afterglow.capture import HEEDED, Answer, Capture, Look
from afterglow.stand_ins import StandIns

DEVICE = {
    "session_id": "us_0123456789abcdef",
    "display_name": "Ada's iPhone",
    "last_signed_in_city": "Toronto",
    "last_signed_in_region_code": "ON",
    "last_signed_in_country": "Canada",
    "last_signed_in_timestamp_second": 1_780_411_500,
    "is_current_device": True,
}
SESSION = {
    "user": {"name": "Ada Lovelace", "email": "ada@corp.example", "idp": "somewhere"},
    "accessToken": "a token that is no JWT",
}
TOKEN = SESSION["accessToken"]


def look(html: str, aria: str = "", private: tuple[tuple[str, str], ...] = ()) -> Look:
    """A page of somebody's."""
    return Look("/", html, aria, private, {}, {"locale": "en-US"})


def answer(path: str, body: object) -> Answer:
    """What the site told the page."""
    return Answer("GET", path, 200, body)


def unpacked(capture: Capture) -> dict[str, str]:
    """What is in the zip."""
    with ZipFile(BytesIO(capture.zipped())) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_a_value_has_the_same_stand_in_wherever_it_is() -> None:
    """In the answer, in the page's texts and attributes, and in what assistive technology is told."""
    capture = Capture({})
    html = '<li id="us_0123456789abcdef"><p title="Toronto">Toronto, ON, Canada</p><p>Ada\'s iPhone</p></li>'
    listed = answer("/backend-api/accounts/sessions", {"devices": [DEVICE]})
    capture.keep(
        "list", look(html, "- text: Toronto, ON, Canada"), [listed, answer("/api/auth/session", SESSION)]
    )
    kept = unpacked(capture)
    [told, _] = json.loads(kept["list/answers.json"])
    assert told["body"]["devices"] == [
        {
            "session_id": "session_id 1",
            "display_name": "name 2's iPhone",
            "last_signed_in_city": "Town 1",
            "last_signed_in_region_code": "Region 1",
            "last_signed_in_country": "Country 1",
            "last_signed_in_timestamp_second": 1_780_411_500,
            "is_current_device": True,
        }
    ]
    assert kept["list/page.html"] == (
        '<li id="session_id 1"><p title="Town 1">Town 1, Region 1, Country 1</p>'
        "<p>name 2's iPhone</p></li>\n"
    )
    assert kept["list/aria.yaml"] == "- text: Town 1, Region 1, Country 1\n"


def test_what_is_learned_late_is_taken_out_of_what_was_kept_early() -> None:
    """Whose account it is may be told only by the last answer."""
    capture = Capture({"site": "https://chatgpt.com"})
    capture.keep("home", look("<p>Hello Ada, ask anything</p>", "- text: Hello Ada"), [])
    capture.keep("later", look("<p>so be it</p>"), [answer("/api/auth/session", SESSION)])
    kept = unpacked(capture)
    assert kept["home/page.html"] == "<p>Hello name 2, ask anything</p>\n"
    assert kept["home/aria.yaml"] == "- text: Hello name 2\n"
    assert json.loads(kept["manifest.json"])["steps"] == {"home": "/", "later": "/"}


@pytest.mark.parametrize(
    "leak",
    [
        TOKEN,
        base64.b64encode(f"x{TOKEN}".encode()).decode(),
        "cookie-value-0123456789",
        "ada@corp.example",
        "someone.else@corp.example",
        "+49 151 2345678",
        "203.0.113.7",
        "2001:db8:0:1:2:3:4:5",
        "Ada Lovelace",
        "LOVELACE",
        "my first conversation",
    ],
)
def test_what_is_somebodys_is_nowhere(leak: str) -> None:
    """Be it in a text or in an attribute, or in what assistive technology is told."""
    capture = Capture({})
    capture.learn_secrets(["cookie-value-0123456789", "dark"])
    html = f'<p aria-label="before {leak} behind" class="dark">before {leak} behind</p>'
    private = (("title", "my first conversation"),)
    capture.keep("home", look(html, f"- text: {leak}", private), [answer("/api/auth/session", SESSION)])
    kept = unpacked(capture)
    assert all(leak not in content for content in kept.values())
    assert 'class="dark"' in kept["home/page.html"]
    assert kept["home/page.html"].count("before ") == 2


def test_what_an_answer_says_is_in_no_file() -> None:
    """Whatever it is, and though it may be an id that the page has, too."""
    capture = Capture({})
    body = {"note": "some words", "id": "wrkspc-77", "list": ["one of several"]}
    html = "<p id='x-wrkspc-77'>some words, one of several</p>"
    capture.keep("home", look(html), [answer("/backend-api/accounts/check/v4-2023-04-27", body)])
    kept = unpacked(capture)
    assert all("wrkspc-77" not in content and "v4-2023-04-27" not in content for content in kept.values())
    assert "words" not in kept["home/answers.json"]
    assert "several" not in kept["home/answers.json"]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Jun 11, 2026, 11:05", "Jun 11, 2026, 11:05"),
        ("Lisbon, 11, Portugal", "Town 1, Region 1, Country 1"),
        ("Lisbon \u00b7 11", "Town 1 \u00b7 Region 1"),
        ("11", "Region 1"),
        ("Lisbon's best", "Town 1's best"),
        ("Lisbonian", "Lisbonian"),
        ("LISBON", "Town 1"),
        ("On", "On"),
    ],
)
def test_a_place_is_only_where_it_is_meant(text: str, kept: str) -> None:
    """A region's code may be the day of a month, too."""
    say = StandIns()
    place = {"city": "Lisbon", "region_code": "11", "country": "Portugal"}
    say.answer({f"last_signed_in_{part}": value for part, value in place.items()})
    say.answer({"last_signed_in_region_code": "ON"})
    assert say(text) == kept


def test_the_sites_own_words_stay() -> None:
    """Though an account may be called by them."""
    say = StandIns()
    say.learn_name("Test Account")
    assert say("Account") == "Account"
    assert say("Settings of Test Account") == "Settings of name 1"


def test_html_stays_what_it_is_but_for_the_stand_ins() -> None:
    """With its entities, its attributes without a value, and its case."""
    say = StandIns()
    say.learn("name", "Tom & Jerry")
    html = '<p hidden="" aria-label="a &quot;b&quot;">1 &lt; 2 &amp;amp; Tom &amp; Jerry</p><br><svg></svg>'
    assert say.markup(html) == html.replace("Tom &amp; Jerry", "name 1")


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"count": 3, "ok": True, "none": None, "rate": 0.5}, None),
        ({"expires": "2026-06-02T14:45:00.000Z", "at": 1_780_411_500, "at_ms": 1_780_411_500_123}, None),
        ({"phone": 491_512_345_678_901}, {"phone": 0}),
        ({"plan_type": "plus", "role": "owner"}, {"plan_type": "plus", "role": "role 1"}),
        ({"a1b2-c3d4": {"x": []}}, {"key 1": {"x": []}}),
        (
            [{"id": "abcdefgh1"}, {"id": "abcdefgh1"}, {"id": ""}],
            [{"id": "id 1"}, {"id": "id 1"}, {"id": ""}],
        ),
    ],
)
def test_an_answer_keeps_its_structure_and_its_times(body: Any, kept: Any) -> None:
    """All other texts become the name of their field."""
    assert StandIns().answer(body) == (body if kept is None else kept)


def test_a_word_of_an_answer_alone_does_not_change_the_page() -> None:
    """A role is called `owner`, and the page may speak of owners."""
    say = StandIns()
    say.answer({"role": "Security"})
    assert say("Security") == "Security"


@pytest.mark.parametrize(
    ("path", "heeded"),
    [
        ("/backend-api/accounts/sessions", True),
        ("/api/auth/session", True),
        ("/backend-api/conversations", False),
        ("/backend-api/me", False),
        ("/elsewhere/api/auth/session", False),
    ],
)
def test_only_what_the_view_is_made_of_is_heard(path: str, heeded: bool) -> None:
    """What somebody wrote is in other answers, and is not kept at all."""
    assert bool(HEEDED.fullmatch(path)) is heeded
