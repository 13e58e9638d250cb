"""What a real site puts before automation, most of it at the sign-in: each a named switch, off by default.

None of it is a broken promise, and none goes away by itself: a person, or a mailbox, is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from replica.switches import Switch

if TYPE_CHECKING:
    from collections.abc import Collection

    from replica.accounts import Accounts
    from replica.mail import Post

LOOK_ALIKE = "elsewhere"
IDENTITY_PROVIDER = "sso"
"""Names below the one of the sign-in pages. They stand for hosts of somebody else."""


class Hurdle(Switch):
    """A hurdle: `value` is its name, `about` says in one line what the site then does."""

    CHALLENGE = "challenge", "The sign-in pages ask for a person, with 403."
    EMAIL_CODE = "email_code", "A right password is not enough: a code is mailed, and asked for."
    VERIFY_IDENTITY = "verify_identity", "Before the Security tab is shown, the password is asked for again."
    SSO = "sso", "The e-mail address leads to an identity provider on another host."
    BLOCKED_ACCOUNT = "blocked_account", "A right password leads to a page that says: deactivated."
    SENT_ELSEWHERE = "sent_elsewhere", "The sign-in entry leads to a look-alike on another host."
    SENT_ELSEWHERE_LATER = "sent_elsewhere_later", "The e-mail address leads to a look-alike on another host."
    ANOTHER_ACCOUNT = "another_account", "Whoever signs in is let in as the next account of the list."
    FORM_ELSEWHERE = "form_elsewhere", "The forms of the sign-in pages are sent to another host."


def what_is_missing(hurdles: Collection[Hurdle], accounts: Accounts, post: Post | None) -> str:
    """What a hurdle needs and the replica was not given; empty if nothing is."""
    if Hurdle.EMAIL_CODE in hurdles and post is None:
        return f"{Hurdle.EMAIL_CODE.value} mails a code: start with --maildir FOLDER"
    if Hurdle.ANOTHER_ACCOUNT in hurdles and len(accounts) < 2:
        return f"{Hurdle.ANOTHER_ACCOUNT.value} needs another account: list two or more in REPLICA_ACCOUNTS"
    return ""
