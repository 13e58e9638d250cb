"""The doctor looks at the pages before a sign-in, at the kept sign-ins, and signs in."""

from __future__ import annotations

import pytest

from afterglow.diagnosis import Area, Status
from afterglow.outcomes import NeedsPerson
from afterglow.redaction import masked
from afterglow.settings import Settings, SignInBy
from afterglow.states import Kept
from fixtures.devices import LAPTOP, undisguised
from fixtures.examining import Examiner
from fixtures.profile import Profile
from fixtures.profiles import Profiles
from fixtures.target import Site
from fixtures.whereabouts import (
    GUEST_HOME,
    IN_PASSING,
    SIGN_IN_PAGE,
)
from pages.guard import require_allowed
from pages.locators import sign_in
from pages.patience import visit
from pages.shell import Shell

examines = pytest.mark.examines


@examines(Area.SIGNED_OUT, Area.BROWSER, Area.NETWORK)
def test_the_pages_before_a_sign_in_are_known(
    profiles: Profiles, site: Site, settings: Settings, examiner: Examiner
) -> None:
    """In a clean profile: the guest's home, and the sign-in page up to the e-mail. Nothing is typed."""
    page = profiles.signed_out()
    try:
        guest = Shell(page, site.base_url)
        guest.open()
        examiner.look_for(GUEST_HOME, page)
        if settings.sign_in is SignInBy.STATE:
            examiner.none_seen(dict.fromkeys(SIGN_IN_PAGE, "nobody signs in there but a person"))
            return
        visit(page, f"{site.base_url}/auth/login")
        require_allowed(page.url, settings.hosts)
        if guest.challenge.count():
            raise NeedsPerson("the site asks for one (challenge) before its sign-in page")
        examiner.look_for(SIGN_IN_PAGE, page)
    finally:
        page.context.close()


@examines(Area.SIGN_IN, Area.BROWSER, Area.NETWORK)
def test_the_test_account_is_signed_in(
    patient: Profile, profiles: Profiles, settings: Settings, site: Site, examiner: Examiner
) -> None:
    """By a kept sign-in if one stands, else by the password; and it is the account that the settings name."""
    came = "with a kept sign-in" if patient.kept is not None else "with its password, by the doctor"
    examiner.found("signed in", Status.OK, came)
    assert patient.owner is not None
    whose = f"it is the test account, the site says: {masked(patient.owner.email)}"
    examiner.found("account", Status.OK, whose)
    if patient.kept is None:
        examiner.used(sign_in.PASSWORD, "the doctor has signed in through it")
    for kept in profiles.keeping.states.all() if profiles.keeping is not None else ():
        look_at_kept(kept, patient, profiles, examiner)
    if settings.sign_in is SignInBy.STATE:
        look_at_the_other_profile(profiles, examiner)
    elif site.is_replica:
        profiles.signed_in("secondary", LAPTOP)
        examiner.found("second session", Status.OK, "signed in by the doctor too, as this is a replica")
    examiner.none_seen(IN_PASSING)


def look_at_kept(kept: Kept, patient: Profile, profiles: Profiles, examiner: Examiner) -> None:
    """Whether a kept sign-in still lets in. One that does not is for the next run to put away."""
    what = f"kept sign-in of {kept.about.profile}"
    when = f"made {kept.about.began:%Y-%m-%d %H:%M} UTC"
    anew = f"python -m cli signin {kept.about.profile}"
    if patient.kept is not None and patient.kept.path == kept.path:
        examiner.found(what, Status.OK, f"{when}, alive")
    elif kept.about.spent is not None:
        examiner.found(
            what, Status.WARNING, f"{when}, spent since {kept.about.spent:%Y-%m-%d %H:%M} UTC", remedy=anew
        )
    elif not kept.usable:
        examiner.found(what, Status.WARNING, f"{when}, has run out", remedy=anew)
    elif stands(kept, profiles):
        examiner.found(what, Status.OK, f"{when}, alive")
    else:
        examiner.found(what, Status.WARNING, f"{when}, the site does not let it in any more", remedy=anew)


def stands(kept: Kept, profiles: Profiles) -> bool:
    """Whether the site lets it in. What it hands out on the way is kept instead of what was."""
    context = profiles.new_context(undisguised(LAPTOP), kept.state())
    try:
        shell = Shell(context.new_page(), profiles.site.base_url)
        shell.open()
        shell.require()
        if any(sign.count() for sign in shell.signed_out.values()):
            return False
        if profiles.keeping is not None:
            profiles.keeping.states.renew(kept, dict(context.storage_state(indexed_db=True)))
        return True
    finally:
        context.close()


def look_at_the_other_profile(profiles: Profiles, examiner: Examiner) -> None:
    """A run needs two devices, and where people sign in, both beforehand."""
    usable = profiles.keeping.states.usable("secondary") if profiles.keeping is not None else []
    if not usable:
        remedy = "python -m cli signin secondary"
        examiner.found(
            "kept sign-in of secondary", Status.MISSING, "a run needs a second device", remedy=remedy
        )
