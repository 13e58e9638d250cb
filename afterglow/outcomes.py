"""Why something could not be measured. None of these is a broken promise: the report calls them broken.

They are no AssertionError on purpose, because Allure and the reader tell the two apart by that.
"""


class NotMeasured(Exception):
    """A measurement that could not be made. The message says why, and what a person can do."""


class SignInBlocked(NotMeasured):
    """The site did not let the account in: wrong credentials, a challenge, a code that nobody has."""

    def __init__(self, why: str) -> None:
        super().__init__(f"sign-in blocked: {why}")


class NeedsPerson(SignInBlocked):
    """The site asks for a person, or for what only one has. That is recognised, and never solved."""

    def __init__(self, what: str) -> None:
        super().__init__(f"needs a person: {what}")


class LocatorDrift(NotMeasured):
    """What a page object looks for is not on the screen. The message names it and says what is."""

    def __init__(self, looked_for: str, saw: str) -> None:
        super().__init__(f"locator drift: {looked_for} is not on the screen\n{saw}")


class Undetermined(NotMeasured):
    """The delay was watched, but no verdict can be given on it."""

    def __init__(self, why: str) -> None:
        super().__init__(f"undetermined: {why}")


class NotApplicable(Exception):
    """What a check is about does not exist for this target or account. The report calls it skipped."""


class NoSessionView(NotApplicable):
    """The account has no Active sessions view, and the site itself says so: it is tied to SSO."""

    def __init__(self) -> None:
        super().__init__("the site says that it shows this account no Active sessions (tied to SSO?)")


class NothingAsked(NotApplicable):
    """The site ends a session without a question; it has been ended, and there is nothing to decline."""

    def __init__(self) -> None:
        super().__init__("the site asked nothing back before it acted, so that nothing could be declined")
