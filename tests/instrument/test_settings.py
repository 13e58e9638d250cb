"""Settings: each mistake is told in one line that names the setting and the remedy, and no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from afterglow.settings import LAYERS, Settings, SettingsError, Target, load

SECRET = "hunter2-hunter2"

LIVE = f"""
TARGET=chatgpt
ACCOUNT_EMAIL=qa@example.test
ACCOUNT_PASSWORD={SECRET}
TEST_ACCOUNT=qa@example.test
"""


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


@pytest.mark.parametrize(
    ("text", "names", "remedy"),
    [
        ("TARGET=chatgtp", "TARGET", "'replica' or 'chatgpt'"),
        ("BASE_URL=chatgpt.com", "BASE_URL", "valid url"),
        ("REVOCATION_WINDOW_S=half an hour", "REVOCATION_WINDOW_S", "valid number"),
        ("REVOCATION_WINDOW_S=0", "REVOCATION_WINDOW_S", "greater than 0"),
        ("REVOCATION_WINDOW_S=nan", "REVOCATION_WINDOW_S", ".env"),
        ("GRACE_S=inf", "GRACE_S", "less than 86400"),
        ("QUIET_S=-1", "QUIET_S", "greater than 0"),
        ("PROBE_FLOOR_S=0.01", "PROBE_FLOOR_S", "greater than or equal to 0.05"),
        ("ASSUMED_EDGES=0", "ASSUMED_EDGES", "greater than or equal to 1"),
        ("ASSUMED_EDGES=2.5", "ASSUMED_EDGES", "valid integer"),
        ("HEADED=perhaps", "HEADED", "valid boolean"),
        ("REPLICA_PORT=70000", "REPLICA_PORT", "less than or equal to 65535"),
        ("REPLICA_DELAY_MIN_S=20", "REPLICA_DELAY_MIN_S", "larger than REPLICA_DELAY_MAX_S: swap them"),
        ("WINDOW_S=30", "WINDOW_S", "no such setting: see .env.example"),
        ("TARGET=chatgpt", "ACCOUNT_EMAIL", "is missing: TARGET=chatgpt needs it; set it in .env"),
        ("TARGET=chatgpt\nACCOUNT_EMAIL=qa@example.test", "ACCOUNT_PASSWORD", "is missing"),
        (LIVE.replace("TEST_ACCOUNT=qa@example.test", ""), "TEST_ACCOUNT", "is missing"),
        (LIVE.replace("TEST_ACCOUNT=qa@", "TEST_ACCOUNT=mine@"), "TEST_ACCOUNT", "must repeat ACCOUNT_EMAIL"),
        (f"ACCOUNT_PASSWORD={SECRET}", "ACCOUNT_EMAIL", "go together"),
        (f"ACCOUNT_PASWORD={SECRET}", "ACCOUNT_PASWORD", "no such setting"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_its_name_and_remedy(
    env_file: Path, text: str, names: str, remedy: str
) -> None:
    """And never with a value that may be a secret."""
    line = complaint(env_file, text)
    assert line.startswith("settings: ")
    assert names in line
    assert remedy in line
    assert "\n" not in line
    assert SECRET not in line
    assert "qa@" not in line


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
    assert not any(secret in shown for secret in (SECRET, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "qa@example.test"))


def test_all_layers_are_watched_unless_some_are_named(env_file: Path) -> None:
    """An empty LAYERS means all of them; spaces around the commas do no harm."""
    assert load(env_file).layer_names == LAYERS
    assert loaded(env_file, "LAYERS=access, page").layer_names == ("access", "page")


def test_a_layer_that_does_not_exist_is_named_with_those_that_do(env_file: Path) -> None:
    """Whoever mistypes one is told what there is."""
    told = complaint(env_file, "LAYERS=acess,page")
    assert "LAYERS: acess is no layer" in told
    assert "access" in told


@pytest.mark.parametrize("layers", ["", "LAYERS=access,page\n"])
def test_alone_needs_the_name_of_the_one_layer(env_file: Path, layers: str) -> None:
    """One layer is watched, and which one is for the user to say."""
    told = complaint(env_file, f"{layers}PROBE_PATTERN=alone")
    assert "PROBE_PATTERN=alone watches one layer: name it in LAYERS" in told


def test_a_real_site_has_a_budget_and_the_replica_none(env_file: Path) -> None:
    """Somebody else's site is not asked without end; a setting overrules it."""
    assert load(env_file).budget is None
    assert loaded(env_file, LIVE).budget == 10_000
    assert loaded(env_file, "REQUEST_BUDGET=500").budget == 500
    assert "REQUEST_BUDGET" in complaint(env_file, "REQUEST_BUDGET=5")
