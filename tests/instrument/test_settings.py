"""Settings: each mistake is told in one line that names the setting and the remedy, and no secret."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from afterglow.contradictions import contradictions
from afterglow.settings import LAYERS, Settings, SettingsError, Target, load, mistyped

SECRET = "hunter2-hunter2"

LIVE = f"""
TARGET=chatgpt
ACCOUNT_EMAIL=qa@example.test
ACCOUNT_PASSWORD={SECRET}
TEST_ACCOUNT=qa@example.test
"""

BY_A_PERSON = LIVE.replace(f"ACCOUNT_PASSWORD={SECRET}", "SIGN_IN=state")

TOTP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

MAILBOX = f"SIGN_IN_CODE=imap\nIMAP_HOST=imap.example.test\nIMAP_PASSWORD={SECRET}"

THERE = f"""
BASE_URL=http://127.0.0.1:8000
ACCOUNT_EMAIL=qa@example.test
ACCOUNT_PASSWORD={SECRET}
"""
"""A replica that is there before the run."""


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has set, a test sees only its own settings."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """Where `.env` would be; there is none yet."""
    return tmp_path / ".env"


def loaded(env_file: Path, text: str) -> Settings:
    env_file.write_text(text, encoding="utf-8")
    return load(env_file)


def complaint(env_file: Path, text: str) -> str:
    with pytest.raises(SettingsError) as error:
        loaded(env_file, text)
    assert error.value.__cause__ is None, "pydantic's own words would show too"
    return str(error.value)


def test_without_any_setting_the_replica_is_measured(env_file: Path) -> None:
    """A first day needs no .env."""
    settings = load(env_file)
    assert settings.target is Target.REPLICA
    assert (settings.window_s, settings.floor_s, settings.patience_s) == (30.0, 0.1, (1.0, 5.0))


def test_chatgpt_has_the_window_that_it_promises_and_is_asked_less_often(env_file: Path) -> None:
    """Half an hour, and a second between two looks at the least."""
    settings = loaded(env_file, LIVE)
    assert (settings.window_s, settings.floor_s, settings.patience_s) == (1800.0, 1.0, (60.0, 180.0))


def test_every_default_can_be_overruled(env_file: Path) -> None:
    """A drill has the window of the real site on the replica."""
    settings = loaded(env_file, "REVOCATION_WINDOW_S=1800\nQUIET_S=30\nGRACE_S=60\nPROBE_FLOOR_S=0.5\n")
    assert (settings.window_s, settings.floor_s, settings.patience_s) == (1800.0, 0.5, (30.0, 60.0))


def test_the_environment_wins_over_the_file(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a nightly job that changes one thing."""
    monkeypatch.setenv("REVOCATION_WINDOW_S", "60")
    assert loaded(env_file, "REVOCATION_WINDOW_S=10\nQUIET_S=3\n").window_s == 60.0
    assert load(env_file).quiet_s == 3.0


def test_an_empty_value_means_the_default(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copied example file is full of them."""
    monkeypatch.setenv("GRACE_S", "")
    settings = loaded(env_file, "TARGET=\nREVOCATION_WINDOW_S=\nACCOUNT_EMAIL=\nHEADED=\n")
    assert (settings.target, settings.window_s, settings.grace_s) == (Target.REPLICA, 30.0, None)
    assert (settings.account_email, settings.is_headed) == (None, False)


MALFORMED = [
    ("TARGET=chatgtp", "TARGET", "'replica' or 'chatgpt'"),
    ("BASE_URL=chatgpt.com", "BASE_URL", "as in https://chatgpt.com"),
    ("BASE_URL=ftp://chatgpt.com", "BASE_URL", "as in https://chatgpt.com"),
    ("REVOCATION_WINDOW_S=half an hour", "REVOCATION_WINDOW_S", "valid number"),
    ("REVOCATION_WINDOW_S=0", "REVOCATION_WINDOW_S", "greater than 0"),
    ("REVOCATION_WINDOW_S=nan", "REVOCATION_WINDOW_S", ".env"),
    ("GRACE_S=inf", "GRACE_S", "less than 86400"),
    ("QUIET_S=-1", "QUIET_S", "greater than 0"),
    ("PROBE_FLOOR_S=0.01", "PROBE_FLOOR_S", "greater than or equal to 0.05"),
    ("ASSUMED_EDGES=0", "ASSUMED_EDGES", "greater than or equal to 1"),
    ("ASSUMED_EDGES=2.5", "ASSUMED_EDGES", "valid integer"),
    ("REQUEST_BUDGET=5", "REQUEST_BUDGET", "greater than or equal to 100"),
    ("PROBE_PATTERN=some", "PROBE_PATTERN", "'alone' or 'silent-control'"),
    ("PROBE_TRANSPORT=pigeon", "PROBE_TRANSPORT", "'http' or 'browser'"),
    ("SIGN_IN=magic", "SIGN_IN", "'password' or 'state'"),
    ("SIGN_IN_CODE=sms", "SIGN_IN_CODE", "'totp', 'imap' or 'prompt'"),
    ("SIGN_INS_PER_DAY=0", "SIGN_INS_PER_DAY", "greater than or equal to 1"),
    ("IMAP_PORT=0", "IMAP_PORT", "greater than or equal to 1"),
    ("HEADED=perhaps", "HEADED", "should be yes or no"),
    ("TRACES=some", "TRACES", "should be yes or no"),
    ("KEEP_SIGNED_IN=maybe", "KEEP_SIGNED_IN", "should be yes or no"),
    ("END_UNKNOWN_SESSIONS=chrome", "END_UNKNOWN_SESSIONS", "should be yes or no"),
    ("REPLICA_PORT=70000", "REPLICA_PORT", "less than or equal to 65535"),
    ("REPLICA_SEED=dice", "REPLICA_SEED", "valid integer"),
    ("REPLICA_EDGES=65", "REPLICA_EDGES", "less than or equal to 64"),
    ("REPLICA_DELAY_MAX_S=long", "REPLICA_DELAY_MAX_S", "valid number"),
]

NO_SUCH = [
    ("SPEED=3", "SPEED", "no such setting: see .env.example"),
    ("WINDOW_S=30", "WINDOW_S", "did you mean REVOCATION_WINDOW_S?"),
    ("REVOCATION_WINDOW=30", "REVOCATION_WINDOW", "did you mean REVOCATION_WINDOW_S?"),
    (f"PASSWORD={SECRET}", "PASSWORD", "did you mean ACCOUNT_PASSWORD or IMAP_PASSWORD?"),
    (f"ACCOUNT_PASWORD={SECRET}", "ACCOUNT_PASWORD", "did you mean ACCOUNT_PASSWORD?"),
    ("IMAP_USERNAME=qa", "IMAP_USERNAME", "did you mean IMAP_USER?"),
    ("KEEP_SIGNED=yes", "KEEP_SIGNED", "did you mean KEEP_SIGNED_IN?"),
    ("END_UNKNOWN=yes", "END_UNKNOWN", "did you mean END_UNKNOWN_SESSIONS?"),
    (f"{TOTP}====", "a name in .env", "no setting: see .env.example"),
    (f"# fine\n\nACCOUNT_PASSWORD {SECRET}", ".env: line 3", "is not NAME=value"),
    (f"ACCOUNT_PASSWORD='{SECRET}' {SECRET}", ".env: line 1", "is not NAME=value"),
    ("KEEP_SIGNED_IN", ".env: line 1", "is not NAME=value"),
    ("\nQUIET_S=1\n\n# again\nquiet_s=2", ".env: lines 2 and 5", "remove one of them"),
]

CONTRADICTORY = [
    ("TARGET=chatgpt", "ACCOUNT_EMAIL", "is missing: TARGET=chatgpt needs it; set it in .env"),
    ("TARGET=chatgpt\nACCOUNT_EMAIL=qa@example.test", "ACCOUNT_PASSWORD", "is missing"),
    (LIVE.replace("TEST_ACCOUNT=qa@example.test", ""), "TEST_ACCOUNT", "is missing"),
    (LIVE.replace("TEST_ACCOUNT=qa@", "TEST_ACCOUNT=mine@"), "TEST_ACCOUNT", "must repeat ACCOUNT_EMAIL"),
    (f"ACCOUNT_PASSWORD={SECRET}", "ACCOUNT_EMAIL", "go together: set both"),
    (f"ACCOUNT_TOTP_SECRET={TOTP}", "ACCOUNT_TOTP_SECRET", "set ACCOUNT_EMAIL and ACCOUNT_PASSWORD"),
    (LIVE.replace("qa@example.test", "qa@home"), "ACCOUNT_EMAIL", "such as qa@example.test: mend it"),
    (LIVE.replace(SECRET, SECRET[:5]), "ACCOUNT_PASSWORD", "choose one of 6 or more"),
    (LIVE + MAILBOX.replace(SECRET, SECRET[:5]), "IMAP_PASSWORD", "choose one of 6 or more"),
    ("KEEP_SIGNED_IN=yes", "KEEP_SIGNED_IN=yes", "set BASE_URL, or remove it"),
    ("SIGN_IN=state\nACCOUNT_EMAIL=qa@example.test", "SIGN_IN=state", "set BASE_URL, or leave SIGN_IN"),
    ("SIGN_IN=state\nBASE_URL=http://localhost:1", "SIGN_IN=state", "needs ACCOUNT_EMAIL"),
    (LIVE + "SIGN_IN=state", "ACCOUNT_PASSWORD", "is not used with SIGN_IN=state"),
    (BY_A_PERSON + "SIGN_IN_CODE=prompt", "SIGN_IN_CODE", "is not used with SIGN_IN=state"),
    (BY_A_PERSON + f"ACCOUNT_TOTP_SECRET={TOTP}", "ACCOUNT_TOTP_SECRET", "is not used with SIGN_IN=state"),
    (BY_A_PERSON + "IMAP_HOST=imap.example.test", "IMAP_HOST", "is not used with SIGN_IN=state"),
    (LIVE + f"ACCOUNT_TOTP_SECRET={SECRET}", "ACCOUNT_TOTP_SECRET", "copy it anew"),
    (LIVE + "SIGN_IN_CODE=totp", "SIGN_IN_CODE=totp", "needs ACCOUNT_TOTP_SECRET: set it"),
    (LIVE + f"SIGN_IN_CODE=prompt\nACCOUNT_TOTP_SECRET={TOTP}", "SIGN_IN_CODE=prompt", "remove one of them"),
    (LIVE + f"{MAILBOX}\nACCOUNT_TOTP_SECRET={TOTP}", "SIGN_IN_CODE=imap", "remove one of them"),
    (LIVE + "SIGN_IN_CODE=imap\nIMAP_HOST=imap.example.test", "IMAP_PASSWORD", "set it in .env"),
    (LIVE + f"SIGN_IN_CODE=imap\nIMAP_PASSWORD={SECRET}", "IMAP_HOST", "set it in .env"),
    (MAILBOX, "IMAP_USER", "unless ACCOUNT_EMAIL is the mailbox's name: set it"),
    (LIVE + f"IMAP_PASSWORD={SECRET}", "IMAP_PASSWORD", "set SIGN_IN_CODE=imap, or remove it"),
    (LIVE + MAILBOX.replace("imap.", "imaps://imap."), "IMAP_HOST", "give the name alone"),
    (LIVE + MAILBOX.replace("example.test", "example.test:993"), "IMAP_HOST", "the port is IMAP_PORT"),
    (LIVE + MAILBOX + "\nIMAP_SENDER=openai.com, example.test", "IMAP_SENDER", "give one"),
    (LIVE + "BASE_URL=https://chatgpt.com/auth", "BASE_URL", "give scheme, host and port alone"),
    (LIVE + f"BASE_URL=https://qa:{SECRET}@chatgpt.com", "BASE_URL", "give scheme, host and port alone"),
    (LIVE + f"BASE_URL=https://:{SECRET}@chatgpt.com", "BASE_URL", "give scheme, host and port alone"),
    (LIVE + "BASE_URL=http://chatgpt.com", "BASE_URL", "is not https"),
    (LIVE + "BASE_URL=https://chatgpt.example.test", "BASE_URL", "add chatgpt.example.test there"),
    (LIVE + "BASE_URL=http://127.0.0.1:8000", "BASE_URL", "add 127.0.0.1 there, if that is the site"),
    (
        THERE.replace("http://127.0.0.1:8000", "https://chat.openai.com") + "ALLOWED_HOSTS=chat.openai.com",
        "BASE_URL",
        "set TARGET=chatgpt",
    ),
    (LIVE + "ALLOWED_HOSTS=https://chatgpt.com", "ALLOWED_HOSTS", "give names alone"),
    (LIVE + "ALLOWED_HOSTS=*.openai.com,chatgpt.com", "ALLOWED_HOSTS", "give names alone"),
    (LIVE + "ALLOWED_HOSTS=auth.openai.com", "ALLOWED_HOSTS", "leaves out chatgpt.com"),
    ("ALLOWED_HOSTS=chatgpt.com", "ALLOWED_HOSTS", "leaves out 127.0.0.1"),
    (LIVE + "END_UNKNOWN_SESSIONS=yes\nKNOWN_SESSIONS=Safari on iPhone", "KNOWN_SESSIONS", "keep one"),
    ("KNOWN_SESSIONS=Chrome on Mac @ yesterday", "KNOWN_SESSIONS", "Chrome on Mac @ 2026-11-20 10:22"),
    ("KNOWN_SESSIONS=Firefox,@ 2026-11-20", "KNOWN_SESSIONS", "Chrome on Mac @ 2026-11-20 10:22"),
    ("STATE_DIR=~/kept", "STATE_DIR", "give the whole path"),
    ("REPORTS_DIR=~/reports", "REPORTS_DIR", "give the whole path"),
    ("CHROMIUM_EXECUTABLE=~/chrome", "CHROMIUM_EXECUTABLE", "give the whole path"),
    ("REPLICA_SKIN=captured\nREPLICA_CAPTURE=~/view.zip", "REPLICA_CAPTURE", "give the whole path"),
    ("STATE_DIR=reports/.auth", "STATE_DIR and REPORTS_DIR", "set them apart"),
    ("STATE_DIR=.", "STATE_DIR and REPORTS_DIR", "set them apart"),
    ("REVOCATION_WINDOW_S=8\nGRACE_S=2\nQUIET_S=10", "QUIET_S", "lower it"),
    ("REVOCATION_WINDOW_S=8\nPROBE_FLOOR_S=8", "PROBE_FLOOR_S", "lower it"),
    (LIVE + "PROBE_FLOOR_S=0.9", "PROBE_FLOOR_S", "nobody else's site is asked more often"),
    ("LAYERS=acess,page", "LAYERS: acess is no layer", "there are page, session, access"),
    ("LAYERS=access,page,access", "LAYERS names access twice", "name each once"),
    ("PROBE_PATTERN=alone", "PROBE_PATTERN=alone", "name it in LAYERS"),
    ("PROBE_PATTERN=alone\nLAYERS=access,page", "PROBE_PATTERN=alone", "name it in LAYERS"),
    ("REPLICA_DELAY_MIN_S=20", "REPLICA_DELAY_MIN_S", "larger than REPLICA_DELAY_MAX_S: swap them"),
    ("REPLICA_SKIN=captured", "REPLICA_SKIN=captured", "needs REPLICA_CAPTURE"),
    ("REPLICA_CAPTURE=view.zip", "REPLICA_CAPTURE", "REPLICA_SKIN=captured"),
    (LIVE + "REPLICA_PORT=8000", "REPLICA_PORT", "remove it, or BASE_URL and TARGET"),
    (THERE + "REPLICA_SEED=1\nREPLICA_EDGES=1", "REPLICA_EDGES, REPLICA_SEED", "remove it"),
]


@pytest.mark.parametrize(("text", "names", "remedy"), [*MALFORMED, *NO_SUCH, *CONTRADICTORY])
def test_a_mistake_is_told_in_one_line_with_its_name_and_remedy(
    env_file: Path, text: str, names: str, remedy: str
) -> None:
    """And never with a value that may be a secret."""
    line = complaint(env_file, text)
    assert line.startswith("settings: ")
    assert names in line
    assert remedy in line
    assert "\n" not in line
    assert "value_error" not in line, "pydantic's own words"
    assert SECRET[:5] not in line
    assert TOTP not in line
    assert "qa@" not in line.replace("qa@example.test: mend it", "")


@pytest.mark.parametrize("text", [text for text, _, _ in CONTRADICTORY if not text.startswith("TARGET=")])
def test_one_contradiction_makes_one_complaint(
    env_file: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Nobody is sent in two directions."""
    told: list[str] = []

    def listening(settings: Settings, layers: Sequence[str]) -> list[str]:
        told.extend(contradictions(settings, layers))
        return told

    monkeypatch.setattr("afterglow.settings.contradictions", listening)
    complaint(env_file, text)
    assert len(told) == 1


@pytest.mark.parametrize(
    "text",
    [
        LIVE + f"ACCOUNT_TOTP_SECRET={TOTP.lower()}\nSIGN_IN_CODE=totp",
        LIVE + f"{MAILBOX}\nIMAP_USER=qa\nIMAP_PORT=1143\nIMAP_FOLDER=Codes\nIMAP_SENDER=noreply@openai.com",
        LIVE + "BASE_URL=http://[::1]:8000\nALLOWED_HOSTS=::1, 127.0.0.1",
        LIVE + "KNOWN_SESSIONS=Chrome on Mac, Chrome on Mac@2026-11-20 10:22 , Safari on iPhone @ 2026-11-20",
        LIVE + "END_UNKNOWN_SESSIONS=yes\nHEADED=no\nTRACES=no\nSIGN_INS_PER_DAY=1\nKEEP_SIGNED_IN=no",
        BY_A_PERSON + "STATE_DIR=/tmp/elsewhere\nKEEP_SIGNED_IN=no",
        THERE + "KEEP_SIGNED_IN=yes\nPROBE_FLOOR_S=0.05",
        THERE.replace("127.0.0.1:8000", "localhost"),
        "BASE_URL=http://localhost:8000",
        "REPLICA_SKIN=captured\nREPLICA_CAPTURE=view.zip\nREPLICA_DELAY_MIN_S=60\nREPLICA_DELAY_MAX_S=60",
        "PROBE_PATTERN=alone\nLAYERS=access\nPROBE_FLOOR_S=10",
    ],
)
def test_what_goes_together_is_taken(env_file: Path, text: str) -> None:
    """The checks are not so strict that they stand in somebody's way."""
    loaded(env_file, text)


SECRETS = [name for name, field in Settings.model_fields.items() if SecretStr in get_args(field.annotation)]

CORE = "zq7-hunter2-kx"

CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0")
"""Whatever the environment can hold."""

SECRET_VALUES = st.builds(
    lambda before, after: f"{before}{CORE}{after}",
    st.text(CHARACTERS, max_size=12),
    st.text(CHARACTERS, max_size=12),
)

BESIDE = [
    {"REPLICA_DELAY_MIN_S": "20"},
    {"GRACE_S": "never"},
    {"TARGET": "chatgpt", "PROBE_FLOOR_S": "0.5"},
    {"SIGN_IN": "state", "LAYERS": "none"},
    {"SIGN_IN_CODE": "imap", "IMAP_SENDER": "a b"},
    {"SIGN_IN_CODE": "totp", "BASE_URL": "https://example.test/path"},
    {"ACOUNT_PASSWORD": CORE},
]
"""Mistakes, so that there is always a complaint."""


@given(
    held=st.dictionaries(st.sampled_from(SECRETS), SECRET_VALUES, min_size=1),
    beside=st.sampled_from(BESIDE),
)
def test_no_secret_is_ever_in_a_complaint(held: dict[str, str], beside: dict[str, str]) -> None:
    """Whatever it consists of, and whatever else is wrong."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**{name.upper(): value for name, value in held.items()}, **beside}.items():
            patch.setenv(name, value)
        with pytest.raises(SettingsError) as error:
            load(Path("/nowhere/.env"))
    told = f"{error.value} {error.value!r} {error.value.__cause__!r}"
    assert CORE not in told.lower()
    assert not any(value in told for value in held.values())


def test_the_secrets_are_those_that_the_run_must_learn(env_file: Path) -> None:
    """Addresses are masked by what they look like; a mailbox's name that looks like none is a secret."""
    assert set(SECRETS) == {
        *("account_email", "account_password", "account_totp_secret", "test_account"),
        *("imap_user", "imap_password"),
    }
    assert loaded(env_file, LIVE).secrets == [SECRET]
    assert "qa-mailbox" in loaded(env_file, f"{LIVE}{MAILBOX}\nIMAP_USER=qa-mailbox").secrets
    assert "qa@example.test" not in loaded(env_file, f"{LIVE}{MAILBOX}\nIMAP_USER=qa@example.test").secrets


def one_letter_less(name: str) -> str:
    """As if a key had not been hit."""
    return name[0] + name[2:]


@pytest.mark.parametrize("name", [name.upper() for name in Settings.model_fields])
def test_a_mistyped_name_is_told_what_was_meant(
    env_file: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """In `.env`, where every name is ours, and in the environment, if it is of several words."""
    typed = one_letter_less(name)
    told = complaint(env_file, f"{typed}={SECRET}")
    assert f"{typed}: no such setting: did you mean {name}?" in told
    env_file.unlink()
    monkeypatch.setenv(typed, SECRET)
    if "_" not in name:
        load(env_file)
    else:
        with pytest.raises(SettingsError, match=rf"{typed}: no such setting: did you mean {name}\?"):
            load(env_file)


def test_what_belongs_to_others_is_no_mistake() -> None:
    """Programs and services have variables of their own, and the replica has some."""
    others = [
        *("PATH", "LANG", "SEED", "TARGETS", "HEADLESS", "STATE_DIRECTORY", "XDG_STATE_HOME", "RUNTIME_DIR"),
        *("REPLICA_ACCOUNTS", "REPLICA_CONTROL_TOKEN", "PYTEST_ADDOPTS", "ALLURE_REPORT", "GITHUB_ACTIONS"),
        *(
            "IMAP_TOKEN",
            "SSL_CERT_FILE",
            "PLAYWRIGHT_BROWSERS_PATH",
            "DATABASE_URL",
            "SMTP_PASSWORD",
            "GUEST_ACCOUNT",
        ),
    ]
    assert mistyped(others) == []
    assert mistyped([name.upper() for name in Settings.model_fields]) == []
    assert mistyped(Settings.model_fields) == []


def test_several_mistakes_are_told_at_once(env_file: Path) -> None:
    """So that they are mended at once."""
    line = complaint(env_file, f"HEADED=perhaps\nQUIET_S={SECRET}\nOOPS={SECRET}")
    assert all(name in line for name in ("HEADED", "QUIET_S", "OOPS"))
    assert SECRET not in line
    assert "\n" not in line


def test_a_file_that_is_no_text_is_named(env_file: Path) -> None:
    """It is not taken for an empty one."""
    env_file.write_bytes(b"\xff\xfe\x00QUIET_S=3")
    with pytest.raises(SettingsError, match="cannot be read"):
        load(env_file)


def test_no_secret_shows_when_settings_are_printed_or_kept(env_file: Path) -> None:
    """In a traceback, in the run's file, anywhere."""
    settings = loaded(env_file, LIVE + "ACCOUNT_TOTP_SECRET=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\n")
    shown = f"{settings!r} {settings} {settings.model_dump(mode='json')} {settings.model_dump_json()}"
    assert not any(
        secret in shown for secret in (SECRET, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "qa@example.test")
    )


def test_all_layers_are_watched_unless_some_are_named(env_file: Path) -> None:
    """An empty LAYERS means all of them; spaces around the commas do no harm."""
    assert load(env_file).layer_names == LAYERS
    assert loaded(env_file, "LAYERS=access, page").layer_names == ("access", "page")


def test_a_real_site_has_a_budget_and_the_replica_none(env_file: Path) -> None:
    """Somebody else's site is not asked without end; a setting overrules it."""
    assert load(env_file).budget is None
    assert loaded(env_file, LIVE).budget == 10_000
    assert loaded(env_file, "REQUEST_BUDGET=500").budget == 500
