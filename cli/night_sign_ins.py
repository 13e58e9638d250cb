"""Whether the account may, and can, be signed in as often as a stage of the night needs."""

from __future__ import annotations

from collections import Counter

from afterglow.one_at_a_time import Desk
from afterglow.outcomes import NotMeasured
from afterglow.settings import Settings, SignInBy
from afterglow.states import States
from cli.night_record import Code
from cli.signin import folder_of
from cli.stages import LeftOut

REPETITION = 4
"""Sign-ins of the main job, at most: both devices, the one that was logged out, and the newcomer."""

CATALOGUE = 30
"""Sign-ins of the catalogue: 26 on a replica, where nearly every check applies, and some to spare."""

PROFILES = Counter({"primary": 1, "secondary": 2})
"""The kept sign-ins that the main job uses, and spends (SIGN_IN=state): both devices, one of them twice."""


def require_sign_ins(settings: Settings, needed: int, code: Code) -> None:
    """Raise LeftOut with this code if there is no room for so many, or nobody who could sign in."""
    if settings.home is None or settings.account_email is None:
        return  # an account that is made up for the run
    if settings.sign_in is SignInBy.STATE:
        _require_kept(settings, needed, code)
        return
    limit = settings.daily_sign_ins
    # room for one more in a day that is shorter by the others: room for all of them
    if limit is not None and not _desk(settings).has_room(limit - needed + 1):
        raise LeftOut(
            f"it takes up to {needed} sign-ins, and SIGN_INS_PER_DAY ({limit}) leaves no room for them today",
            code,
            "lower REPETITIONS, or raise SIGN_INS_PER_DAY if the account bears it",
        )


def _require_kept(settings: Settings, needed: int, code: Code) -> None:
    if needed > REPETITION:
        raise LeftOut("most checks sign in anew, which takes a person (SIGN_IN=state)", code)
    assert settings.home is not None and settings.account_email is not None  # noqa: PT018
    usable = States(folder_of(settings), settings.home, settings.account_email).usable()
    missing = PROFILES - Counter(kept.about.profile for kept in usable)
    if missing:
        names = " ".join(sorted(missing.elements()))
        raise LeftOut(
            "needs a person: the kept sign-ins are spent, or were never made",
            code,
            f'make signin ARGS="{names}"',
        )


def _desk(settings: Settings) -> Desk:
    assert settings.home is not None and settings.account_email is not None  # noqa: PT018
    try:
        return Desk.of(settings.home, settings.account_email)
    except NotMeasured as why:
        raise LeftOut(str(why), Code.NOT_MEASURED) from None
