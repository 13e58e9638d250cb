"""A one-time code is read from a real mail server: the right one or none, and the mailbox stays as it was."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from mailbox import Maildir
from pathlib import Path

import pytest
from imap_tools import MailBoxUnencrypted
from pydantic import SecretStr

from afterglow import mailbox as module
from afterglow.mailbox import CLOCKS_DIFFER, Mailbox, MailboxFailed, is_from
from afterglow.outcomes import NotMeasured
from tests.instrument.imap_server import Served, imap_server
from tests.instrument.mails import NOW, USER, deliver, folder_of

PASSWORD = 'not "this" one:1'
BEFORE, LATER = NOW - timedelta(minutes=1), NOW + timedelta(seconds=1)


@pytest.fixture
def maildir(tmp_path: Path) -> Maildir:
    """An empty Maildir."""
    return Maildir(tmp_path / "maildir")


@pytest.fixture
def served(maildir: Maildir) -> Iterator[Served]:
    """The server of that Maildir, without TLS."""
    with imap_server(folder_of(maildir), USER, PASSWORD, tls=False) as served:
        yield served


@pytest.fixture
def mailbox(served: Served) -> Mailbox:
    """The mailbox as the suite reads it."""
    return reader(served)


def reader(served: Served) -> Mailbox:
    return Mailbox(served.host, served.port, SecretStr(USER), SecretStr(PASSWORD))


def code(mailbox: Mailbox, since: datetime = NOW) -> str | None:
    """What is read, laid open."""
    found = mailbox.newest_code(since)
    return found.get_secret_value() if found else None


def test_the_code_is_read_from_the_subject_before_the_text(maildir: Maildir, mailbox: Mailbox) -> None:
    deliver(maildir, "Your ChatGPT code is 123456", "Request 654321")
    assert code(mailbox) == "123456"


@pytest.mark.parametrize("sender", ["openai.com", "@OpenAI.com", "noreply@tm.openai.com"])
def test_the_sender_may_be_given_in_several_ways(sender: str, maildir: Maildir, mailbox: Mailbox) -> None:
    deliver(maildir, "Your code is 123456")
    assert code(replace(mailbox, sender=sender)) == "123456"


def test_an_empty_mailbox_has_no_code(mailbox: Mailbox) -> None:
    assert code(mailbox) is None


@pytest.mark.parametrize(
    ("dated", "arrived"), [(BEFORE, BEFORE), (BEFORE, NOW), (None, BEFORE), (NOW, BEFORE)],
    ids=["before", "sent before, but late", "undated", "dated wrongly"],
)  # fmt: skip
def test_a_code_of_an_earlier_sign_in_is_not_taken(
    dated: datetime | None, arrived: datetime, maildir: Maildir, mailbox: Mailbox
) -> None:
    deliver(maildir, "Your code is 123456", dated=dated, arrived=arrived)
    assert code(mailbox) is None
    assert code(mailbox, BEFORE) == "123456"


def test_a_mail_without_a_date_counts_by_its_arrival(maildir: Maildir, mailbox: Mailbox) -> None:
    deliver(maildir, "Your code is 123456", dated=None, arrived=NOW)
    assert code(mailbox) == "123456"


def test_clocks_may_differ_a_little(maildir: Maildir, mailbox: Mailbox) -> None:
    deliver(maildir, "Your code is 123456", dated=NOW - CLOCKS_DIFFER)
    assert code(mailbox) == "123456"
    assert code(mailbox, NOW + timedelta(milliseconds=1)) is None


@pytest.mark.parametrize("hours", [-11, 0, 13])
def test_a_day_ends_elsewhere_at_another_time(hours: int, maildir: Maildir, mailbox: Mailbox) -> None:
    """The server searches by days of its own time zone, the mail is dated in a third one."""
    elsewhere = NOW.astimezone(timezone(timedelta(hours=hours)))
    deliver(maildir, "Your code is 123456", dated=elsewhere)
    assert code(mailbox, elsewhere) == "123456"


@pytest.mark.parametrize("order", [1, -1], ids=["newest last", "newest first"])
def test_the_newest_of_two_is_taken(order: int, maildir: Maildir, mailbox: Mailbox) -> None:
    mails = [("Your code is 111111", NOW), ("Your code is 222222", LATER)]
    for subject, dated in mails[::order]:
        deliver(maildir, subject, dated=dated)
    assert code(mailbox) == "222222"


def test_of_two_in_the_same_second_the_later_is_taken(maildir: Maildir, mailbox: Mailbox) -> None:
    for subject in ("Your code is 111111", "Your code is 222222"):
        deliver(maildir, subject)
        found = code(mailbox)  # the server has seen it, and numbered it
    assert found == "222222"


def test_a_newer_mail_without_a_code_hides_none(maildir: Maildir, mailbox: Mailbox) -> None:
    deliver(maildir, "Your code is 123456")
    deliver(maildir, "New sign-in to your account", dated=LATER)
    assert code(mailbox) == "123456"


@pytest.mark.parametrize(
    "sender",
    [
        "noreply@evil-openai.com",
        "noreply@openai.com.evil.test",
        '"noreply@openai.com" <noreply@evil.test>',
        "openai.com@evil.test",
        "a friend <friend@example.test>",
    ],
)
def test_a_mail_of_somebody_else_does_not_count(sender: str, maildir: Maildir, mailbox: Mailbox) -> None:
    deliver(maildir, "Your code is 123456", sender=sender)
    assert code(mailbox) is None


@pytest.mark.parametrize(
    ("sender", "address", "counts"),
    [
        ("openai.com", "noreply@openai.com", True),
        ("openai.com", "noreply@tm.openai.com", True),
        ("openai.com", "NoReply@TM.OpenAI.com", True),
        ("@openai.com", "noreply@openai.com", True),
        ("openai.com", "noreply@evil-openai.com", False),
        ("openai.com", "openai.com", True),
        ("openai.com", "", False),
        ("noreply@openai.com", "noreply@openai.com", True),
        ("noreply@openai.com", "other@openai.com", False),
        ("noreply@openai.com", "noreply@tm.openai.com", False),
        ("noreply@openai.com", "evil-noreply@openai.com", False),
    ],
)
def test_a_sender_is_an_address_or_a_domain_with_all_below(sender: str, address: str, counts: bool) -> None:
    assert is_from(sender, address) is counts


def test_reading_leaves_the_mailbox_as_it_was(maildir: Maildir, served: Served, mailbox: Mailbox) -> None:
    deliver(maildir, "Your code is 123456")
    folder = folder_of(maildir)

    def left() -> tuple[list[Path], list[tuple[str, ...]]]:
        files = sorted(path for each in ("new", "cur") for path in (folder / each).iterdir())
        with MailBoxUnencrypted(served.host, served.port).login(USER, PASSWORD, None) as box:
            box.folder.set("INBOX", readonly=True)
            return files, [mail.flags for mail in box.fetch(mark_seen=False)]

    before = left()
    assert code(mailbox) == "123456"
    assert left() == before
    assert before[0], "nothing was delivered"


def test_another_folder_is_read_if_it_is_named(maildir: Maildir, mailbox: Mailbox) -> None:
    deliver(maildir.add_folder("Codes"), "Your code is 123456")
    assert code(mailbox) is None
    assert code(replace(mailbox, folder="Codes")) == "123456"


def test_several_codes_in_one_mail_are_told_and_none_is_guessed(maildir: Maildir, mailbox: Mailbox) -> None:
    deliver(maildir, "Hello", "111111 or 222222")
    with pytest.raises(NotMeasured, match=r"2 numbers .* narrow IMAP_SENDER") as told:
        code(mailbox)
    assert "111111" not in str(told.value)


def test_it_is_read_over_tls_with_a_certificate_that_is_trusted(
    maildir: Maildir, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(maildir, "Your code is 123456")
    with imap_server(folder_of(maildir), USER, PASSWORD) as served:
        monkeypatch.setenv("SSL_CERT_FILE", str(served.ca_file))
        assert not reader(served).is_plain
        assert code(reader(served)) == "123456"


@pytest.mark.parametrize("names_authority", [False, True], ids=["of no authority", "for another name"])
def test_a_certificate_that_is_wrong_is_refused(
    names_authority: bool, maildir: Maildir, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "elsewhere.test" if names_authority else "localhost"
    with imap_server(folder_of(maildir), USER, PASSWORD, name=name) as served:
        if names_authority:
            monkeypatch.setenv("SSL_CERT_FILE", str(served.ca_file))
        failure = told(reader(served))
    assert failure.startswith("IMAP_HOST: the certificate of localhost:")
    assert "SSL_CERT_FILE" in failure


@pytest.mark.parametrize(
    ("host", "port", "plain"),
    [
        ("127.0.0.1", 1143, True),
        ("::1", 1143, True),
        ("127.0.0.1", 993, False),
        ("localhost", 1143, False),
        ("10.0.0.1", 143, False),
        ("imap.example.test", 143, False),
        ("127.0.0.1.example.test", 143, False),
    ],
)
def test_only_a_loopback_address_is_spoken_to_in_the_clear(host: str, port: int, plain: bool) -> None:
    assert Mailbox(host, port, SecretStr(USER), SecretStr(PASSWORD)).is_plain is plain


def told(mailbox: Mailbox) -> str:
    """What is said of a mailbox that cannot be read. It is one line, of the settings, without a secret."""
    with pytest.raises(MailboxFailed) as failed:
        mailbox.newest_code(NOW)
    said = str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__
    assert len(said.splitlines()) == 1
    for secret in (mailbox.user, mailbox.password):
        assert secret.get_secret_value() not in said
    return said


@pytest.mark.parametrize("password", ["not this one", "näin ei", 'quo"te\\'])
def test_a_wrong_password_is_told(password: str, mailbox: Mailbox) -> None:
    wrong = replace(mailbox, password=SecretStr(password))
    assert told(wrong).startswith("IMAP_USER, IMAP_PASSWORD: the mailbox does not accept them")


def test_a_password_may_have_letters_of_all_kinds(maildir: Maildir) -> None:
    deliver(maildir, "Your code is 123456")
    with imap_server(folder_of(maildir), USER, "pässwörd", tls=False) as served:
        assert code(replace(reader(served), password=SecretStr("pässwörd"))) == "123456"


@pytest.mark.parametrize("folder", ["Nowhere", "Nö where", 'quo"te'])
def test_a_missing_folder_is_told(folder: str, mailbox: Mailbox) -> None:
    assert told(replace(mailbox, folder=folder)).startswith(
        f"IMAP_FOLDER: the mailbox has no folder {folder!r}"
    )


def test_an_unreachable_mailbox_is_told(mailbox: Mailbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    said = told(replace(mailbox, port=port))
    assert said.startswith(
        f"IMAP_HOST, IMAP_PORT: 127.0.0.1:{port} could not be read from (ConnectionRefused"
    )


def test_a_host_that_does_not_exist_is_told(mailbox: Mailbox) -> None:
    assert told(replace(mailbox, host="nowhere.invalid")).startswith(
        "IMAP_HOST: there is no host 'nowhere.inv"
    )


def test_a_port_without_tls_is_told(mailbox: Mailbox) -> None:
    assert told(replace(mailbox, host="localhost")).startswith("IMAP_HOST, IMAP_PORT: no TLS with localhost:")


@contextmanager
def listening(greeting: bytes | None) -> Iterator[int]:
    """Something that is no mail server: it says one thing, or nothing at all."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                if greeting is not None:
                    connection.sendall(greeting)
                else:
                    connection.recv(1)  # until the other side has had enough

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def test_a_mailbox_that_says_nothing_is_told_in_time(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWERS_WITHIN_S", 0.1)
    with listening(None) as port:
        assert "is silent for" in told(replace(mailbox, port=port))


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"* BYE not today\r\n"])
def test_a_server_of_another_kind_is_told(greeting: bytes, mailbox: Mailbox) -> None:
    with listening(greeting) as port:
        assert "could not be read from" in told(replace(mailbox, port=port))
