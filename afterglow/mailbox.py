"""Reads one-time codes from a mailbox that the tester owns, over IMAP, and changes nothing in it."""

from __future__ import annotations

import imaplib
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from socket import gaierror

from imap_tools import AND, BaseMailBox, MailBox, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError, MailboxFolderSelectError, MailboxLoginError
from imap_tools.message import MailMessage
from pydantic import SecretStr

from afterglow.mailed_code import code_in
from afterglow.outcomes import NotMeasured

TLS_PORT = 993
"""RFC 8314: IMAP with TLS from the first byte."""

ANSWERS_WITHIN_S = 20.0
"""For the connection and for each answer. Providers delay greetings and sign-ins, by up to some ten seconds,
where they look somebody up or hold back whoever signs in often; who is silent for longer hangs."""

CLOCKS_DIFFER = timedelta(seconds=5)
"""A mail may be dated so much before it was asked for: two clocks of others date it, to the second, and need
not agree with ours. That may let in the code of a sign-in just before; whoever asks has used that one."""

FAILED = (ImapToolsError, imaplib.IMAP4.error, OSError, ValueError, LookupError)
"""How the libraries fail: a refusal, a broken connection, an answer or a setting that they cannot read."""


class MailboxFailed(NotMeasured):
    """The mailbox could not be read. The message names the setting and the remedy, and no secret."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox, and whose mails count: an address, or a domain with all below it.

    Always over TLS, with a certificate that this system trusts (or what SSL_CERT_FILE names); only to a
    loopback address, such as 127.0.0.1, and there on another port than 993, it is plain.
    """

    host: str
    port: int
    user: SecretStr
    password: SecretStr
    folder: str = "INBOX"
    sender: str = "openai.com"

    def newest_code(self, since: datetime) -> SecretStr | None:
        """The code of the newest mail that has one and was sent since then; None if there is no such mail.

        Raises MailboxFailed, or NotMeasured if that mail has several numbers of which any may be the code.
        """
        with self._told(), self._opened() as box:
            mails = sorted(self._mails(box, since - CLOCKS_DIFFER), key=lambda mail: mail.order, reverse=True)
            codes = (code_in(mail.message) for mail in mails)
            return next((code for code in codes if code is not None), None)

    @property
    def is_plain(self) -> bool:
        """Whether the connection is not encrypted. A name is never taken for the loopback."""
        with suppress(ValueError):
            return self.port != TLS_PORT and ip_address(self.host).is_loopback
        return False

    @contextmanager
    def _opened(self) -> Iterator[BaseMailBox]:
        """The folder, opened such that reading leaves no trace in it."""
        box = self._connected()
        try:
            self._sign_in(box)
            box.folder.set(self.folder, readonly=True)
            yield box
        finally:
            for leave in (box.logout, box.client.shutdown):
                with suppress(*FAILED):
                    leave()

    def _connected(self) -> BaseMailBox:
        if self.is_plain:
            return MailBoxUnencrypted(self.host, self.port, ANSWERS_WITHIN_S)
        trusted = ssl.create_default_context()
        return MailBox(self.host, self.port, ANSWERS_WITHIN_S, ssl_context=trusted)

    def _sign_in(self, box: BaseMailBox) -> None:
        user, password = self.user.get_secret_value(), self.password.get_secret_value()
        login = box.login if (user + password).isascii() else box.login_utf8
        try:
            login(user, password, initial_folder=None)
        except imaplib.IMAP4.abort:
            raise
        except (MailboxLoginError, imaplib.IMAP4.error):
            raise MailboxFailed(
                "IMAP_USER, IMAP_PASSWORD: the mailbox does not accept them: check both; many providers want "
                "a password made for apps, and IMAP to be turned on"
            ) from None

    def _mails(self, box: BaseMailBox, since: datetime) -> Iterator[Mail]:
        """The mails of that sender that were sent since then."""
        # the server knows days only, and counts them in a time zone of its own
        criteria = AND(date_gte=(since - timedelta(days=1)).date(), from_=self.sender.removeprefix("@"))
        # what arrived before was sent before: it need not be fetched
        came = {uid: at for uid, at in _arrivals(box, box.uids(criteria)).items() if at >= since}
        for message in box.fetch(uid_list=list(came), mark_seen=False) if came else ():
            mail = Mail(message, came[message.uid or ""])
            if mail.sent >= since and is_from(self.sender, message.from_):
                yield mail

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say of every failure in one line which setting may be wrong; what the server said may be secret."""
        try:
            yield
        except FAILED as error:
            raise MailboxFailed(self._remedy(error)) from None

    def _remedy(self, error: Exception) -> str:
        where = f"{self.host}:{self.port}"
        match error:
            case MailboxFolderSelectError():
                return f"IMAP_FOLDER: the mailbox has no folder {self.folder!r}: check its name"
            case gaierror():
                return f"IMAP_HOST: there is no host {self.host!r}: check its name and the network"
            case ssl.SSLCertVerificationError():
                return (
                    f"IMAP_HOST: the certificate of {where} is not trusted ({error.verify_message}): check "
                    "the name; for an authority of your own, name its file in SSL_CERT_FILE"
                )
            case ssl.SSLError():
                return f"IMAP_HOST, IMAP_PORT: no TLS with {where}: check both; the usual port is {TLS_PORT}"
            case TimeoutError():
                return f"IMAP_HOST, IMAP_PORT: {where} is silent for {ANSWERS_WITHIN_S:.0f} s: check both"
            case _:
                return (
                    f"IMAP_HOST, IMAP_PORT: {where} could not be read from ({type(error).__name__}): "
                    "check both and the network, or try again"
                )


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail, and when the mailbox got it."""

    message: MailMessage
    arrived: datetime

    @property
    def sent(self) -> datetime:
        """When it was sent, by its own Date; without one that tells, when it arrived.

        A code of the sign-in before may be late: it arrives now, but was sent then.
        """
        dated = self.message.date
        return min(dated, self.arrived) if dated.tzinfo else self.arrived

    @property
    def order(self) -> tuple[datetime, int]:
        """Mails of the same second came in the order of their numbers."""
        return self.sent, int(self.message.uid or 0)


def _arrivals(box: BaseMailBox, uids: list[str]) -> dict[str, datetime]:
    """When the mailbox got each mail, to the second; imap-tools does not ask for it."""
    if not uids:
        return {}
    _, answers = box.client.uid("FETCH", ",".join(uids), "(INTERNALDATE)")
    arrivals = {}
    for answer in answers:
        at = imaplib.Internaldate2tuple(answer) if isinstance(answer, bytes) else None
        uid = re.search(rb"UID (\d+)", answer) if at else None
        if at and uid:
            arrivals[uid[1].decode()] = datetime.fromtimestamp(time.mktime(at), UTC)
    return arrivals


def is_from(sender: str, address: str) -> bool:
    """Whether an address is the sender's: the same address, or of that domain or one below it."""
    sender, address = sender.lower().removeprefix("@"), address.lower()
    if "@" in sender:
        return address == sender
    return f".{address.rpartition('@')[2]}".endswith(f".{sender}")
