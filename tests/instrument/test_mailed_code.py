"""Which of the numbers in a mail is the code: the one that says so, or the only one, or none."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from imap_tools.message import MailMessage

from afterglow.mailed_code import code_in
from afterglow.outcomes import NotMeasured


def code(subject: str = "Hello", text: str = "Hello", html: str = "") -> str | None:
    """What is found in a mail, laid open."""
    mail = EmailMessage()
    mail["Subject"] = subject
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    found = code_in(MailMessage.from_bytes(mail.as_bytes()))
    return found.get_secret_value() if found else None


@pytest.mark.parametrize(
    "text",
    [
        "Your code is 123456",
        "123456 is your verification code",
        "Your temporary ChatGPT login code: 123456.",
        "Ihr Code lautet „123456“",
        "(123456)",
        "*123456*",
        "Enter 123456, within 10 minutes",
        "123456\n\nThis code is good for 10 minutes.",
    ],
)
def test_a_number_of_six_digits_that_stands_alone_is_a_code(text: str) -> None:
    assert code(subject=text.split("\n", maxsplit=1)[0]) == "123456"
    assert code(text=text) == "123456"


@pytest.mark.parametrize(
    "text",
    [
        "1234567",
        "12345",
        "0123456789",
        "+49 30 123456",
        "415 123456",
        "123456 789",
        "123456.78",
        "0.123456",
        "1,123456",
        "123456,50",
        "12-123456",
        "123456-7",
        "#123456",
        "$123456",
        "A123456",
        "123456AB",
        "https://openai.com/123456",
        "https://openai.com/?id=123456",
        "123456@example.test",
        "123456/7",
        "123456%",
        "\u0661\u0662\u0663\u0664\u0665\u0666",
    ],
)
def test_what_belongs_to_something_longer_is_no_code(text: str) -> None:
    assert code(text=f"Number: {text}") is None
    assert code(subject=text) is None


def test_the_word_code_tells_it_from_the_other_numbers() -> None:
    assert code(text="Request 654321\n\nYour code:\n\n    123456\n\nTicket 999999") == "123456"


def test_the_word_code_goes_before_the_subject() -> None:
    assert code("[Ticket 654321] Sign in", "Your code: 123456") == "123456"


def test_the_subject_goes_before_the_text() -> None:
    assert code("Sign in with 123456", "Request 654321") == "123456"


def test_the_same_code_twice_is_one_code() -> None:
    assert code("Hello", "123456\n\nAgain: 123456") == "123456"


@pytest.mark.parametrize(
    "text",
    [
        "111111\n222222",
        "Your code is 111111. Your backup code is 222222.",
        "111111 is your code. Reference 222222",
        "111111 is your code, for request 222222",
    ],
)
def test_of_several_none_is_guessed(text: str) -> None:
    with pytest.raises(NotMeasured, match="2 numbers that may each be the one-time code"):
        code(text=text)


def test_a_mail_in_html_alone_is_read_as_a_person_does() -> None:
    mail = EmailMessage()
    mail.set_content(
        "<html><head><title>999999</title><style>.a { width: 888888 }</style></head>"
        '<body style="color: 777777"><!-- 666666 --><p data-id="555555">Here<br>it is</p>'
        "<h1><b>123</b><span>456</span></h1><script>444444</script></body></html>",
        subtype="html",
    )
    found = code_in(MailMessage.from_bytes(mail.as_bytes()))
    assert found is not None
    assert found.get_secret_value() == "123456"


def test_two_cells_are_not_one_number() -> None:
    assert code(html="<table><tr><td>123</td><td>456</td></tr></table>") is None


def test_html_is_read_where_the_text_has_no_code() -> None:
    assert code(text="View this mail in a browser.", html="<p>Your code: <b>123456</b>.</p>") == "123456"
