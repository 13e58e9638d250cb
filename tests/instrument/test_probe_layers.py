"""What each layer's probe wants to know, and what it makes of the answers: without a site or a wire."""

from __future__ import annotations

import json
from typing import Any

import pytest

from afterglow.readings import Answer, State
from probes.access import AccessProbe
from probes.asking import Copy, Got, Looking, Probe, Wanted
from probes.codex import CodexProbe
from probes.mint import REMEMBERED, MintProbe
from probes.platform import PlatformProbe
from probes.session import ElsewhereProbe, ReplayProbe, SessionProbe, TabProbe

COPY = Copy("https://site.example.test", "Afterglow test", {"session-token": "held"}, "held-token")

JSON = ("Content-Type", "application/json")
HTML = ("Content-Type", "text/html; charset=utf-8")


def got(status: int, text: str, *headers: tuple[str, str]) -> Got:
    return Got(status, headers, text, "https://site.example.test/asked")


def says(status: int, body: object) -> Got:
    return got(status, json.dumps(body), JSON)


def shows(status: int, text: str = "<title>Just a moment...</title>") -> Got:
    return got(status, text, HTML)


def leads_to(location: str) -> Got:
    return got(302, "", ("location", location))


def session(token: str) -> Got:
    return says(200, {"user": {"id": "user-1"}, "accessToken": token})


def looked(probe: Probe, *answers: Got) -> tuple[list[Wanted], Answer]:
    """Look once: what was wanted, and the answer in the end. Every one of the answers must be asked for."""
    look, wanted, left = Looking(probe), [], list(answers)
    while look.wanted is not None:
        wanted.append(look.wanted)
        look.take(left.pop(0))
    assert not left
    assert look.answer is not None
    return wanted, look.answer


def told(probe: Probe, *answers: Got) -> tuple[State, str]:
    _, answer = looked(probe, *answers)
    assert answer.exchange is not None, "the evidence"
    return answer.state, answer.code


ALIVE = (State.ALIVE, "")

SAY_NOTHING = [
    (shows(403), "challenge"),
    (says(403, {"detail": "restricted"}), "http_403"),
    (says(429, {}), "http_429"),
    (shows(502), "http_502_html"),
    (got(0, ""), "redirected"),
]


@pytest.mark.parametrize(
    ("probe", "layer"),
    [
        (AccessProbe, "access"),
        (SessionProbe, "session"),
        (ReplayProbe, "replay"),
        (ElsewhereProbe, "elsewhere"),
        (TabProbe, "tab"),
        (MintProbe, "mint"),
        (CodexProbe, "codex"),
        (PlatformProbe, "platform"),
    ],
)
@pytest.mark.parametrize(("answer", "code"), SAY_NOTHING)
def test_no_layer_takes_trouble_for_a_refusal(probe: Any, layer: str, answer: Got, code: str) -> None:
    """A challenge, a limit, an outage, a redirect whose target a page may not know."""
    asking: Probe = probe(COPY)
    assert asking.layer == layer
    assert told(asking, answer) == (State.UNKNOWN, code)


def test_codex_lets_the_held_token_in() -> None:
    """It is asked with the token alone."""
    [wanted], answer = looked(CodexProbe(COPY), says(200, {"plan_type": "free"}))
    assert (wanted.method, wanted.path) == ("GET", "/backend-api/wham/usage")
    assert (wanted.bearer, wanted.cookies) == ("held-token", None)
    assert answer.state is State.ALIVE


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (says(401, {"error": {"code": "token_revoked"}}), (State.REVOKED, "token_revoked")),
        (says(401, {"detail": "Unauthorized"}), (State.REVOKED, "Unauthorized")),
        (shows(401), (State.UNKNOWN, "http_401_html")),
        (says(200, ["free"]), (State.UNKNOWN, "http_200")),
        (shows(200), (State.UNKNOWN, "http_200_html")),
        (says(404, {}), (State.UNKNOWN, "http_404")),
    ],
)
def test_codex_refuses_only_with_a_401_that_says_so(answer: Got, expected: tuple[State, str]) -> None:
    """All else is no answer of Codex."""
    assert told(CodexProbe(COPY), answer) == expected


def test_the_mint_is_asked_for_a_new_token_with_the_copied_cookies() -> None:
    """Frozen, as they were copied: whatever the site renews."""
    probe = MintProbe(COPY)
    renewing = got(200, session("new").text, JSON, ("Set-Cookie", "session-token=renewed"))
    for answer in (renewing, session("newer")):
        [wanted], answered = looked(probe, answer)
        assert wanted.path == "/api/auth/session?refresh=true"
        assert (wanted.cookies, wanted.bearer) == ({"session-token": "held"}, None)
        assert answered.state is State.ALIVE


def test_a_mint_is_alive_only_by_a_token_that_nobody_has_seen() -> None:
    """An old one tells only that the site did not care to make another."""
    probe = MintProbe(COPY)
    old = (State.UNKNOWN, "same_token")
    assert told(probe, session("held-token")) == old
    assert told(probe, session("first")) == ALIVE
    assert told(probe, session("first")) == old
    assert told(probe, session("second")) == ALIVE
    assert told(probe, session("first")) == old
    assert told(probe, session("held-token")) == old


def test_a_mint_remembers_no_more_than_it_must() -> None:
    """Neither without end, nor anything that could be used."""
    probe = MintProbe(COPY)
    for number in range(REMEMBERED + 5):
        assert told(probe, session(f"token-{number}")) == ALIVE
    assert told(probe, session(f"token-{REMEMBERED}")) == (State.UNKNOWN, "same_token")
    assert told(probe, session("token-0")) == ALIVE
    assert "token" not in repr(probe)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (says(200, {}), (State.REVOKED, "signed_out")),
        (says(200, {"WARNING_BANNER": "DO NOT SHARE"}), (State.REVOKED, "signed_out")),
        (says(200, {"error": "RefreshAccessTokenError"}), (State.REVOKED, "RefreshAccessTokenError")),
        (
            says(401, {"detail": {"code": "app_session_terminated"}}),
            (State.REVOKED, "app_session_terminated"),
        ),
        (says(200, {"error": "SomeOtherError"}), (State.UNKNOWN, "SomeOtherError")),
        (says(200, {"user": {"id": "user-1"}}), (State.UNKNOWN, "unexpected_body")),
    ],
)
def test_a_mint_is_closed_by_what_ends_a_session(answer: Got, expected: tuple[State, str]) -> None:
    """The same refusals as for the session itself."""
    assert told(MintProbe(COPY), answer) == expected


def test_the_platform_is_asked_for_a_page_with_the_copied_cookies() -> None:
    """Any of its pages, as a browser asks for one."""
    home = shows(200, "<h1>API Platform</h1><p>Signed in</p>")
    [wanted], answer = looked(PlatformProbe(COPY, "/settings/profile"), home)
    assert wanted == Wanted("/settings/profile", cookies=COPY.cookies, accept="text/html")
    assert answer.state is State.ALIVE


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (leads_to("/loggedout"), (State.REVOKED, "loggedout")),
        (leads_to("https://site.example.test/loggedout?from=x"), (State.REVOKED, "loggedout")),
        (leads_to("/auth/login"), (State.UNKNOWN, "http_302")),
        (leads_to("/?next=/loggedout"), (State.UNKNOWN, "http_302")),
        (shows(200, "<h1>You are logged out</h1> Log in to use the API Platform."), None),
        (shows(200, "<h1>Something else</h1>"), None),
        (got(200, "API Platform", ("content-type", "text/plain")), (State.UNKNOWN, "http_200")),
        (says(401, {"detail": "Unauthorized"}), (State.UNKNOWN, "http_401")),
    ],
)
def test_the_platform_has_ended_where_it_leads_to_its_logged_out_page(
    answer: Got, expected: tuple[State, str] | None
) -> None:
    """Any other redirect, and any other page, is unknown."""
    assert told(PlatformProbe(COPY), answer) == (expected or (State.UNKNOWN, "http_200_html"))


def test_a_tab_asks_with_what_its_browser_holds() -> None:
    """A cookie that the copy knows is for carriers that have no browser; the token is the one just given."""
    [asked, served], answer = looked(TabProbe(COPY), session("fresh"), says(200, {"id": "user-1"}))
    assert asked.cookies is not None
    assert (served.cookies, served.bearer) == (None, "fresh")
    assert answer.state is State.ALIVE


def test_a_look_that_gets_no_answer_is_unknown() -> None:
    """What had been renewed by then is told all the same."""
    look = Looking(SessionProbe(COPY))
    renewed = session("fresh")
    look.take(Got(renewed.status, renewed.headers, renewed.text, renewed.url, renewed=True))
    look.fail("page_left")
    assert look.wanted is None
    assert look.answer == Answer(State.UNKNOWN, "page_left", renewed=True)


def test_headers_are_found_in_any_case() -> None:
    """A browser gives them in lower case, a server as it likes; and cookies come in several."""
    answer = got(200, "", ("SET-Cookie", "a=1"), ("set-cookie", "b=2"), ("Retry-AFTER", "3"))
    assert answer.every("set-cookie") == ["a=1", "b=2"]
    assert answer.header("retry-after") == "3"
    assert answer.header("content-type") == ""
    assert answer.exchange.headers == (("Retry-AFTER", "3"),)


def test_what_is_asked_for_does_not_show_in_a_traceback() -> None:
    """Neither cookies nor tokens, nor what came back."""
    wanted = Wanted("/asked", cookies=COPY.cookies, bearer=COPY.access_token)
    assert "held" not in repr(wanted)
    assert "fresh" not in repr(session("fresh"))
