"""What is written can be shared: no secret that was told of and nothing that looks like one is left."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from afterglow.redaction import MASK, SHORTEST, Redactor

# Written down here anew, so that a way that the module forgets is not forgotten by its test.
WAYS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "in a URL": lambda s: quote(s, safe=""),
    "in a URL, by a browser's script": lambda s: quote(s, safe="!'()*"),
    "in a query": quote_plus,
    "in a form": lambda s: quote_plus(s, safe="*").replace("~", "%7E"),
    "in HTML": html.escape,
    "in an HTML text": lambda s: s.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;"),
    "in JSON": lambda s: json.dumps(s)[1:-1],
    "in JSON with letters of all kinds": lambda s: json.dumps(s, ensure_ascii=False)[1:-1],
    "in a traceback": lambda s: repr(s)[1:-1],
    "in base64": lambda s: base64.b64encode(s.encode()).decode(),
    "in base64 without padding": lambda s: base64.b64encode(s.encode()).decode().rstrip("="),
    "in a URL's base64": lambda s: base64.urlsafe_b64encode(s.encode()).decode(),
}

PLACES = (
    "{}",
    "the code is {}.",
    "https://example.test/a?t={}&n=1",
    '{{"t": "{}", "n": 1}}',
    "Cookie: a={}; b=2",
    '<input value="{}">',
)

SECRETS = st.text(st.characters(exclude_categories=["Cs"]), min_size=SHORTEST, max_size=40)

JWT = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=")
    for part in (b'{"alg":"RS256"}', b'{"a":1}', b"s" * 30)
)


def knowing(*secrets: str) -> Redactor:
    redact = Redactor()
    redact.learn(*secrets)
    return redact


@pytest.mark.parametrize("way", WAYS)
@given(secret=SECRETS, place=st.sampled_from(PLACES))
@example(secret="a!b@c'd\"e&f<g>h~i*j(k)l m\\n/o+p%ä", place=PLACES[0])
@example(secret="123456", place=PLACES[1])
def test_nothing_of_a_secret_remains_however_it_is_written(way: str, secret: str, place: str) -> None:
    """The place is as it was, and the mask stands where the secret stood."""
    left = knowing(secret)(place.format(WAYS[way](secret)))
    assert left.replace(f"{MASK}==", MASK).replace(f"{MASK}=", MASK) == place.format(MASK)


@given(SECRETS, SECRETS)
def test_a_secret_within_another_leaves_nothing_of_the_longer_one(inner: str, rest: str) -> None:
    """The longer one is looked for first, in whichever order they were learnt."""
    assert knowing(inner, inner + rest)(f"<{inner + rest}>") == f"<{MASK}>"


def test_values_too_short_to_be_told_from_words_are_passed_over() -> None:
    """Taking "1234" out of everything would leave nothing to read."""
    assert knowing("1234", "")("1234 readings") == "1234 readings"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("type 123456, then press Continue", f"type {MASK}, then press Continue"),
        ("It is 123456.", f"It is {MASK}."),
        ("?code=123456&n=1", f"?code={MASK}&n=1"),
        ("sent_s 0.123456", "sent_s 0.123456"),
        ("123456.789 s", "123456.789 s"),
        ("id 91234567", "id 91234567"),
    ],
)
def test_a_code_of_digits_is_taken_out_but_eats_no_number(text: str, left: str) -> None:
    """A one-time code must stand alone: measured times are full of digits."""
    assert knowing("123456")(text) == left


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("qa@example.test", "q…@example.test"),
        ("<q.a+night_1@mail.example.test>", "<q…@mail.example.test>"),
        ("?email=qa%2Bn%40example.test&x", "?email=q…%40example.test&x"),
        ("_qa@example.test", "_…@example.test"),
        ("äqa@example.test", "äq…@example.test"),
        ("see you @ noon", "see you @ noon"),
        ("q…@example.test", "q…@example.test"),
    ],
)
def test_an_email_keeps_its_first_letter_and_its_domain(text: str, left: str) -> None:
    """Enough to tell the accounts of a report apart."""
    assert Redactor()(text) == left


@pytest.mark.parametrize(
    "text",
    [
        JWT,
        f'{{"accessToken":"{JWT}"}}',
        JWT[:-20],
        JWT.replace(".", "..", 1),
        "Authorization: Bearer abcdefgh1234",
        "authorization: bearer abc.def-ghi~j",
        "__Secure-next-auth.session-token=abcdefgh12345; Path=/",
        "__Secure-next-auth.session-token.1=abcdefgh12345; Path=/",
        "key sk-proj-abcdefghijklmnop",
    ],
)
def test_what_looks_like_a_secret_is_taken_out_untold(text: str) -> None:
    """Tokens that nobody saw coming: in headers, in cookies, in bodies, cut short."""
    left = Redactor()(text)
    assert MASK in left
    assert not any(part in left for part in ("abc", JWT[:12], JWT[-10:]))


def test_a_long_text_without_any_address_is_searched_quickly() -> None:
    """A token of 200,000 characters is gone through once, not once from each of its letters."""
    text = "a" * 200_000
    assert Redactor()(text) == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("abc xyz"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc xyz"), inner),
    max_leaves=20,
)


@given(JSON)
def test_data_without_secrets_stays_as_it_was(data: object) -> None:
    """Numbers, truth values and structure, to the last bit."""
    assert knowing("a secret value", "123456").data(data) == data


@given(JSON, SECRETS)
def test_data_with_secrets_keeps_its_shape(data: object, secret: str) -> None:
    """Only the text changes, and in keys as well as in values."""
    found = knowing(secret).data({"kept": [data, (1, 0.5)], f"k {secret}": {"in": f"v {secret}"}})
    assert found == {"kept": [knowing(secret).data(data), [1, 0.5]], f"k {MASK}": {"in": f"v {MASK}"}}


def test_numbers_are_left_alone_even_if_they_read_like_a_code() -> None:
    """A code is a text; a number was measured."""
    assert knowing("123456").data([123456, 123456.0, "123456"]) == [123456, 123456.0, MASK]
