"""What is written can be shared: no secret that was told of and nothing that looks like one is left."""

from __future__ import annotations

import base64
import html
import json
import re
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
    "in a template": lambda s: html.escape(s).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
    "in JSON for a script": lambda s: json.dumps(s)[1:-1].replace("<", r"\u003C").replace("&", r"\u0026"),
    "in JSON within JSON": lambda s: json.dumps(json.dumps(s)[1:-1])[1:-1],
    "in JSON within HTML": lambda s: html.escape(json.dumps(s)[1:-1]),
    "in a URL within a URL": lambda s: quote(quote(s, safe=""), safe=""),
    "escaped for a URL to the last letter": lambda s: "".join(f"%{byte:02x}" for byte in s.encode()),
    "escaped for HTML to the last letter": lambda s: "".join(f"&#{ord(each)};" for each in s),
    "escaped for a script to the last letter": lambda s: "".join(map(in_utf_16, s)),
}


def in_utf_16(character: str) -> str:
    units = character.encode("utf-16-be").hex().upper()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


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


def readable_in(text: str, secret: str) -> bool:
    """Whether a secret can be read in any run of base64, whichever character one begins to decode at."""
    for run in re.findall(r"[A-Za-z0-9+/_-]+", text):
        for skip in range(4):
            rest = run[skip:].replace("-", "+").replace("_", "/")
            whole = rest[: len(rest) // 4 * 4]
            if secret.encode() in base64.b64decode(whole + "A" * (-len(whole) % 4)):
                return True
    return False


@given(secret=SECRETS, before=st.binary(max_size=8), behind=st.binary(min_size=3, max_size=8))
@example(secret="123456", before=b"x", behind=b"yyy")
@example(secret="???>>>~~~", before=b"xx", behind=b"yyy")
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_within_something_in_base64_is_taken_out_at_any_alignment(
    encode: Callable[[bytes], bytes], secret: str, before: bytes, behind: bytes
) -> None:
    """A body that a trace keeps in base64 holds the secret anywhere, between bytes of any kind."""
    text = f"<{encode(before + secret.encode() + behind).decode()}>"
    assert not readable_in(knowing(secret)(text), secret)


@given(secret=SECRETS, times=st.integers(2, 3))
def test_a_secret_in_base64_of_base64_is_taken_out(secret: str, times: int) -> None:
    """A body in a trace in a report: each packs the other in."""
    content = f"a page that shows {secret} and goes on".encode()
    for _ in range(times):
        content = base64.b64encode(content)
    content = knowing(secret)(content.decode()).encode()
    for _ in range(times):
        content = base64.b64decode(content)
    assert content.decode() == f"a page that shows {MASK} and goes on"


@pytest.mark.parametrize(
    "within", ["key sk-proj-abcdefghijklmnop!", f"Bearer {JWT}", "by some.body@example.test!"]
)
@pytest.mark.parametrize("shift", range(3))
def test_what_looks_like_a_secret_is_taken_out_of_base64_untold(within: str, shift: int) -> None:
    """In a page that was kept as base64, in lines or not, tokens and addresses go as well."""
    page = f"{'-' * shift}<p>{within}</p> and some more words, so that it takes more lines than one".encode()
    for text in (base64.b64encode(page), base64.urlsafe_b64encode(page), base64.encodebytes(page)):
        left = Redactor()(f'"{text.decode()}"').strip('"')
        said = base64.b64decode(left.replace("-", "+").replace("_", "/") + "==").decode()
        assert said == page.decode().replace(within, Redactor()(within))
        assert said != page.decode()


@pytest.mark.parametrize("kept", [16, 30, 118])
def test_of_a_long_secret_that_is_cut_short_neither_end_is_left(kept: int) -> None:
    """pytest shows the begin and the end of a long value, and three dots between them."""
    secret = "".join(f"{number:x}" for number in range(1, 200))
    left = knowing(secret)(f"assert '{secret[:kept]}...{secret[-kept:]}' == 'x'")
    assert left == f"assert '{MASK}' == 'x'"


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
        "{'__Secure-next-auth.session-token.0': 'abcdefgh12345'}",
        '{"name":"Cookie","value":"a=abc"}',
        '{"name": "set-cookie", "value": "abc=1; Path=/"}',
        '{"cookies":[{"name":"x]","value":"abc"}],"headers":[]}',
        '"localStorage":[{"name":"x","value":"say \\"abc\\" twice"}]',
        "otpauth://totp/Site:q?secret=JBSWY3DPEHPK3PXPabcabcab&issuer=Site",
        "/callback?session-token%3Dabcdefgh12345&n=1",
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


@pytest.mark.parametrize(
    "text",
    [
        '{"name":"content-type","value":"text/html"}',
        '{"name":"Cookie","value":""}',
        '"cookies":[]',
        "deck-of-cards-with-more-than-sixteen-letters",
        "a0eb1b5b0c3bd92a8ca62a3e6ffd3b3f24d4ae9c",
    ],
)
def test_what_only_looks_a_little_like_a_secret_stays(text: str) -> None:
    """A report that is all mask tells nobody anything."""
    assert Redactor()(text) == text


@pytest.mark.parametrize(
    "text", ["Bearer abcdefgh1234", '{"name":"cookie","value":"abc"}', JWT, "qa@example.test"]
)
def test_what_was_taken_out_once_is_not_found_again(text: str) -> None:
    """Or evidence that is clean would be refused when it is shared."""
    kinds: list[str] = []
    clean = Redactor()(text, note=kinds.append)
    assert kinds
    again: list[str] = []
    assert Redactor()(clean, note=again.append) == clean
    assert again == []


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
