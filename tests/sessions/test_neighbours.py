"""What else is done when somebody else may be in: password, second factor, API keys, in the right order."""

from __future__ import annotations

import secrets
from dataclasses import replace

import allure
import pyotp
from playwright.sync_api import expect
from pydantic import SecretStr

from afterglow.clock import now_s
from afterglow.outcomes import NotMeasured, SignInBlocked
from afterglow.readings import State
from fixtures.afterwards import Afterwards
from fixtures.apps import api_key
from fixtures.asking import told
from fixtures.capabilities import Capability, needs
from fixtures.devices import DESKTOP, LAPTOP, PHONE
from fixtures.links import ASVS_SESSIONS, HELP_ARTICLE, bug_class
from fixtures.observing import Observe
from fixtures.people import People
from fixtures.profile import Profile
from fixtures.profiles import Profiles
from fixtures.promises import the_current
from fixtures.run import Run
from fixtures.target import Account, Cast
from pages.api_keys import ApiKeys
from pages.credentials import Credentials

pytestmark = [
    allure.epic("Active sessions"),
    allure.feature("Neighbours: password, second factor, API keys"),
    needs(Capability.SPARE_ACCOUNTS),
]


def credentials(profile: Profile) -> Credentials:
    """What the account signs in with, opened on the profile's page."""
    opened = Credentials(profile.page, profile.site.base_url)
    opened.open()
    return opened


def with_new_password(account: Account, run: Run) -> Account:
    """The same account as it will be once its password is changed."""
    password = SecretStr(secrets.token_urlsafe(18))
    run.learn(password)
    return replace(account, password=password)


def lets_in(profiles: Profiles, name: str) -> bool:
    """Whether the site lets somebody in who knows what these profiles know."""
    try:
        profiles.signed_in(name, PHONE)
    except SignInBlocked as blocked:
        if "the site says" not in str(blocked):  # it did not refuse: something else was in the way
            raise
        return False
    return True


@allure.story("Second factor")
@allure.title("Enrolling a second factor ends no session")
@allure.link(HELP_ARTICLE, name="help article: managing active sessions")
@bug_class("a person is thrown out for doing the right thing")
def test_enrolling_a_second_factor_ends_no_session(
    people: People, cast: Cast, run: Run, afterwards: Afterwards
) -> None:
    """Two devices are signed in, and on one of them an authenticator app is set up: both stay signed in.

    Enrolling a second factor is about sign-ins to come. Whoever is in already stays in, an intruder too: that
    is why a second factor alone is no answer to a compromise. Both sessions are asked for until the window
    is over, because not every server need have heard of their end at once.
    """
    owner = people(cast.spares[0])
    one, other = owner.signed_in("one", DESKTOP), owner.signed_in("other", LAPTOP)
    copies = {each.name: each.copy(run) for each in (one, other)}
    settings = credentials(one)
    with allure.step("Set up an authenticator app on one device"):
        secret = settings.begin_authenticator()
        run.learn(secret)
        code = SecretStr(pyotp.TOTP(secret.get_secret_value()).now())
        run.learn(code)
        since_s = now_s()
        settings.turn_on_authenticator(code)
    for name, copy in copies.items():
        with allure.step(f"The session of the {name} device goes on"):
            goes_on = afterwards.goes_on(one.page, copy, since_s, name)
            assert goes_on, (
                f"to enrol a second factor on one device has ended the session of the {name} device"
            )
    with allure.step("Both devices show it, and the second factor is on"):
        assert credentials(one).has_authenticator(), (
            "a second factor was enrolled, and the settings do not show it"
        )
        other.shell.open()
        expect(other.shell.signed_in).to_be_visible()


@allure.story("Password")
@allure.title("Changing the password ends the other sessions")
@allure.link(ASVS_SESSIONS, name="OWASP ASVS 7.4.3: end other sessions after a factor change")
@bug_class("a stolen session outlives the password")
def test_changing_the_password_ends_the_other_sessions(
    people: People, cast: Cast, run: Run, afterwards: Afterwards, observe: Observe
) -> None:
    """The password is changed on one device: the other is out within the window, and the one goes on.

    Which session ended, and after how long, is recorded. Afterwards the new password signs in, and the old
    one does not.
    """
    account = cast.spares[1]
    owner, changed = people(account), with_new_password(account, run)
    one, other = owner.signed_in("one", DESKTOP), owner.signed_in("other", LAPTOP)
    copy = other.copy(run)
    settings = credentials(one)
    with allure.step("Change the password on one device"):
        since_s = now_s()
        settings.change_password(account.password, changed.password)
    with allure.step("The session of the other device ends"):
        out = afterwards.is_out(one.page, copy, since_s, other.name)
        observe(
            "ended by a changed password",
            f"the other session, after {now_s() - since_s:.1f} s" if out else "none",
        )
        assert out, "the password was changed, and the session of the other device goes on after the window"
    with allure.step("The session on which it was changed goes on"):
        goes_on = afterwards.goes_on(one.page, one.copy(run), since_s, one.name)
        assert goes_on, "to change the password has ended the session on which it was changed"
    with allure.step("The new password signs in, and the old one does not"):
        new, old = (
            lets_in(people(changed), "knows the new password"),
            lets_in(people(account), "knows the old"),
        )
        assert new, "the new password does not sign in"
        assert not old, "the old password still signs in"


@needs(Capability.API_KEYS)
@allure.story("After a compromise")
@allure.title("The order of steps after a compromise shuts the intruder out")
@allure.link(HELP_ARTICLE, name="help article: managing active sessions")
@allure.link(ASVS_SESSIONS, name="OWASP ASVS 7.4.1, 7.4.3, 7.5.2")
@bug_class("a key that was revoked still works")
def test_the_order_of_steps_after_a_compromise(
    people: People, cast: Cast, run: Run, afterwards: Afterwards, observe: Observe
) -> None:
    """A drill: somebody else is signed in and has an API key. The owner goes through the steps, in order.

    Reset the password, log out of all, look after the second factor, rotate API keys, review the activity,
    contact support. At the end the intruder's session is out, the stolen key is refused and a new one works,
    only the owner is listed, and the way to support is there. Nothing is sent to support.
    """
    account = cast.spares[2]
    changed = with_new_password(account, run)
    before = people(account)
    owner, intruder = before.signed_in("owner", DESKTOP), before.signed_in("intruder", LAPTOP)
    keys = ApiKeys(owner.page, owner.site.base_url)
    keys.open()
    stolen_text = keys.create()
    stolen, copy = api_key(owner, stolen_text, run), intruder.copy(run)
    if told(stolen.state(), "stolen key's") is not State.ALIVE:
        raise NotMeasured("an API key that was just made is refused: that it is refused later says nothing")

    with allure.step("1. Reset the password"):
        credentials(owner).change_password(account.password, changed.password)
    with allure.step("2. Log out of all sessions, and sign in with the new password"):
        owner.listed()
        since_s = now_s()
        owner.active_sessions.log_out_of_all()
        owner.active_sessions.announced()
        again = people(changed).signed_in("owner again", DESKTOP)
        out = afterwards.is_out(again.page, copy, since_s, intruder.name)
        assert out, "the intruder is still in, after the password was reset and all sessions were logged out"
    with allure.step("3. Look after the second factor"):
        observe("second factor after a compromise", "on" if credentials(again).has_authenticator() else "off")
    with allure.step("4. Rotate the API keys"):
        keys = ApiKeys(again.page, again.site.base_url)
        keys.open()
        keys.revoke(stolen_text)
        expect(keys.keys, "the API key that was revoked is still shown").to_have_count(0)
        fresh = api_key(again, keys.create(), run)
        assert told(fresh.state(), "new key's") is State.ALIVE, "the new API key does not work"
        assert told(stolen.state(), "stolen key's") is State.REVOKED, (
            "the API key that was revoked still works"
        )
    with allure.step("5. Review the activity: only the owner's session is listed"):
        listed = again.listed()
        own = the_current(listed)
        others = [each.device or "a device" for each in listed if each.identity != own.identity]
        assert not others, f"beside the owner's own session there is still {', '.join(others)}"
    with allure.step("6. The way to support is there; nothing is sent"):
        again.page.goto(f"{again.site.base_url}/help", wait_until="domcontentloaded")
        expect(again.page.get_by_text("support").first, "no help page tells of support").to_be_visible()
    with allure.step("The owner is in, and the intruder is not"):
        intruder.shell.open()
        expect(intruder.shell.any_signed_out).to_be_visible()
        again.shell.open()
        expect(again.shell.signed_in).to_be_visible()
