"""A sign-in gets codes that were never used, from where the settings say, and none that was sent before."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from mailbox import Maildir
from pathlib import Path
from typing import Any, cast

import pyotp
import pytest
from pydantic import SecretStr

from afterglow.mailbox import Mailbox
from afterglow.outcomes import NotMeasured, SignInBlocked
from afterglow.settings import Settings
from fixtures.codes import (
    LOOK_EVERY_S,
    Codes,
    Fresh,
    MailedCodes,
    NoCodes,
    PromptedCodes,
    TotpCodes,
    codes_of,
    mailbox_of,
)
from fixtures.keyboard import Keyboard
from fixtures.run import Run
from fixtures.target import Account
from tests.instrument.imap_server import imap_server
from tests.instrument.mails import USER, deliver

PASSWORD = "secret of the mailbox"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@dataclass
class Learner:
    """Stands for the run: it notes what it was told of."""

    learned: list[str] = field(default_factory=list)

    def learn(self, *secrets: SecretStr) -> None:
        """Note it."""
        self.learned += [secret.get_secret_value() for secret in secrets]


@dataclass
class Typist:
    """Stands for the keyboard: what is typed, in turn, and what was asked. there: whether anybody is."""

    lines: list[str | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    there: bool = True

    def ask(self, question: str) -> bool:
        """Note the question."""
        self.asked.append(question)
        return self.there

    def line(self) -> str | None:
        """What is typed next."""
        return self.lines.pop(0) if self.lines else None


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of these tests are their own."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def learner() -> Learner:
    """A run that notes what it learns."""
    return Learner()


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets the time, in seconds."""

    def set_to(moment_s: float) -> None:
        monkeypatch.setattr(time, "monotonic", lambda: moment_s)

    return set_to


def prompted(learner: Learner, typist: Typist) -> PromptedCodes:
    return PromptedCodes(cast(Keyboard, typist), Fresh(learner.learn))


def opened(code: SecretStr | None) -> str | None:
    return code.get_secret_value() if code else None


def test_an_authenticator_gives_each_code_once_and_it_is_learned(learner: Learner) -> None:
    codes = TotpCodes(SecretStr(f"{SECRET[:4]} {SECRET[4:]}"), Fresh(learner.learn))
    before, given, after = pyotp.TOTP(SECRET).now(), opened(codes.next()), pyotp.TOTP(SECRET).now()
    assert given in {before, after}
    assert learner.learned == [given]
    assert codes.next() is None or before != pyotp.TOTP(SECRET).now()


def test_no_code_is_given_twice_not_even_later(learner: Learner) -> None:
    fresh = Fresh(learner.learn)
    given = [opened(fresh(SecretStr(code))) for code in ("111111", "222222", "111111")]
    assert given == ["111111", "222222", None]
    assert fresh(None) is None
    assert learner.learned == ["111111", "222222"]


def test_an_account_may_have_no_codes() -> None:
    codes: Codes = NoCodes()
    codes.begin()
    assert (codes.exist, codes.next()) == (False, None)


@dataclass
class Box:
    """A mailbox that gives what it is told to, and notes since when it was asked."""

    newest: str | None = None
    asked: list[datetime] = field(default_factory=list)

    def newest_code(self, since: datetime) -> SecretStr | None:
        """Note it."""
        self.asked.append(since)
        return SecretStr(self.newest) if self.newest else None


def mailed(learner: Learner, box: Box) -> MailedCodes:
    return MailedCodes(cast(Mailbox, box), Fresh(learner.learn))


def test_a_mailbox_is_asked_every_few_seconds_only(learner: Learner, at: Callable[[float], None]) -> None:
    box = Box()
    at(100)
    codes = mailed(learner, box)
    assert [codes.next() for _ in range(3)] == [None] * 3
    assert len(box.asked) == 1
    at(100 + LOOK_EVERY_S - 0.01)
    codes.next()
    assert len(box.asked) == 1
    at(100 + LOOK_EVERY_S)
    box.newest = "123456"
    assert opened(codes.next()) == "123456"
    assert len(box.asked) == 2
    assert learner.learned == ["123456"]


def test_each_sign_in_has_mails_of_its_own(learner: Learner, at: Callable[[float], None]) -> None:
    """The code of the sign-in before is not given again, should it count as new; nor must anybody wait."""
    box = Box("111111")
    at(100)
    codes = mailed(learner, box)
    codes.begin()
    assert opened(codes.next()) == "111111"
    began = datetime.now(UTC)
    codes.begin()
    assert codes.next() is None
    assert box.asked[0] < began <= box.asked[1]
    assert len(box.asked) == 2


def test_a_mailed_code_comes_from_the_server(tmp_path: Path, learner: Learner) -> None:
    maildir = Maildir(tmp_path / "maildir")
    deliver(maildir, "Your code is 111111", dated=datetime.now(UTC) - timedelta(minutes=1))
    with imap_server(tmp_path / "maildir", USER, PASSWORD, tls=False) as served:
        codes = codes_of(
            settings(
                sign_in_code="imap", imap_host=served.host, imap_port=served.port, imap_password=PASSWORD
            ),
            account(),
            cast(Run, learner),
            cast(Keyboard, Typist()),
        )
        codes.begin()
        assert codes.next() is None
        deliver(maildir, "Your code is 222222", dated=datetime.now(UTC))
        codes.begin()
        assert opened(codes.next()) == "222222"
    assert learner.learned == ["222222"]


def test_a_mailbox_that_fails_is_told_to_whoever_waits(learner: Learner) -> None:
    codes = MailedCodes(Mailbox("127.0.0.1", 1, SecretStr("u"), SecretStr("p")), Fresh(learner.learn))
    with pytest.raises(NotMeasured, match="IMAP_HOST, IMAP_PORT"):
        codes.next()


def test_a_person_is_asked_once_and_waited_for(learner: Learner) -> None:
    typist = Typist([None, None, "123 456\n"])
    codes = prompted(learner, typist)
    assert [opened(codes.next()) for _ in range(4)] == [None, None, None, "123456"]
    assert typist.asked == ["The site asks for a one-time code. Type it within 5 minutes: "]
    assert learner.learned == ["123456"]


@pytest.mark.parametrize("typed", ["\n", "12345\n", "1234567\n", "hello\n", "١٢٣٤٥٦\n"])
def test_what_is_no_code_is_asked_for_again(typed: str, learner: Learner) -> None:
    typist = Typist([typed, "123-456\r\n"])
    codes = prompted(learner, typist)
    assert [opened(codes.next()) for _ in range(3)] == [None, None, "123456"]
    assert typist.asked[1:] == ["A code has six digits. Type it again: "]


def test_a_code_that_was_typed_before_is_asked_for_again(learner: Learner) -> None:
    typist = Typist(["123456\n", "123456\n", "654321\n"])
    codes = prompted(learner, typist)
    given = [opened(codes.next()) for _ in range(5)]
    assert given == [None, "123456", None, None, "654321"]
    assert typist.asked[2:] == ["That code was used before. Type the new one: "]


def test_every_sign_in_asks_anew(learner: Learner) -> None:
    typist = Typist()
    codes = prompted(learner, typist)
    codes.next()
    codes.begin()
    codes.next()
    assert len(typist.asked) == 2


def test_without_a_person_the_sign_in_is_blocked(learner: Learner) -> None:
    with pytest.raises(SignInBlocked, match="SIGN_IN_CODE=prompt needs a person at a terminal: "):
        prompted(learner, Typist(there=False)).next()


def test_a_prompt_that_was_closed_blocks_the_sign_in(learner: Learner) -> None:
    codes = prompted(learner, Typist([""]))
    codes.next()
    with pytest.raises(SignInBlocked, match="was closed"):
        codes.next()


def settings(**given: Any) -> Settings:
    """Settings for the account."""
    return Settings(_env_file=None, account_email=USER, account_password=PASSWORD, **given)


def account(totp: str | None = None) -> Account:
    return Account(SecretStr(USER), SecretStr("x"), SecretStr(totp) if totp else None)


@pytest.mark.parametrize(
    ("given", "totp", "kind"),
    [
        ({}, None, NoCodes),
        ({}, SECRET, TotpCodes),
        (
            {"sign_in_code": "imap", "imap_host": "imap.example.test", "imap_password": PASSWORD},
            None,
            MailedCodes,
        ),
        ({"sign_in_code": "prompt"}, None, PromptedCodes),
        ({"sign_in_code": "prompt"}, SECRET, TotpCodes),
    ],
)
def test_the_settings_say_where_codes_come_from(
    given: dict[str, object], totp: str | None, kind: type, learner: Learner
) -> None:
    """The secret of an account of its own goes before the settings, which are about the main one."""
    codes = codes_of(settings(**given), account(totp), cast(Run, learner), cast(Keyboard, Typist()))
    assert type(codes) is kind
    assert codes.exist is (kind is not NoCodes)
    assert codes.awaited


def test_there_is_time_for_each() -> None:
    waits = [TotpCodes.within_s, MailedCodes.within_s, PromptedCodes.within_s]
    assert waits == [60, 180, 300]
    assert NoCodes.within_s == 0


def test_the_mailbox_is_the_accounts_own_unless_another_is_named() -> None:
    given = {"sign_in_code": "imap", "imap_host": "imap.example.test", "imap_password": PASSWORD}
    assert opened(mailbox_of(settings(**given), account()).user) == USER
    assert opened(mailbox_of(settings(**given, imap_user="somebody"), account()).user) == "somebody"


def test_settings_without_a_mailbox_are_told() -> None:
    with pytest.raises(SignInBlocked, match="IMAP_HOST and IMAP_PASSWORD"):
        mailbox_of(settings(), account())
