"""What the settings are told as: in `.env.example`, and by `python -m cli config`."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer import Typer
from typer.testing import CliRunner

from afterglow.origins import GROUPS, MASKED, UNITS, Origin, in_force, told_of, value_of
from afterglow.settings import Settings, load
from cli import config
from cli.place import ROOT, Stop

EXAMPLE = ROOT / ".env.example"

PASSWORD = "hunter2-hunter2"
TOTP = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

LIVE = f"""
TARGET=chatgpt
ACCOUNT_EMAIL=qa@example.test
TEST_ACCOUNT=qa@example.test
ACCOUNT_PASSWORD={PASSWORD}
"""

BY_MAIL = f"""
SIGN_IN_CODE=imap
IMAP_HOST=imap.example.test
IMAP_PASSWORD={PASSWORD}
"""


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine has set, a test sees only its own settings."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command looks for `.env`; there is none yet."""
    path = tmp_path / ".env"
    monkeypatch.setattr(config, "ENV_FILE", path)
    return path


# .env.example


@dataclass(frozen=True)
class Documented:
    """A setting in `.env.example`: its group, what is said of it, and the value that a copy begins with."""

    name: str
    group: str
    said: str
    value: str

    @property
    def default(self) -> str:
        """What is said of the default."""
        return self.said.rpartition("Default: ")[2]


def documented() -> list[Documented]:
    """Every setting of the file, in its order."""
    group, said, found = "", list[str](), list[Documented]()
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"# --- (.+?) -+", line):
            group = heading[1]
        elif line.startswith("#"):
            said.append(line.removeprefix("#").strip())
        elif line:
            name, _, value = line.partition("=")
            found.append(Documented(name, group, " ".join(said), value))
            said = []
    return found


def test_every_setting_is_in_the_example_once_and_in_its_group() -> None:
    """A newcomer finds all there is in one file, in the order in which `config` shows it."""
    in_example: dict[str, list[str]] = {}
    for each in documented():
        in_example.setdefault(each.group, []).append(each.name.lower())
    assert in_example == {group: list(names) for group, names in GROUPS.items()}
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(Settings.model_fields)


def test_the_example_as_copied_changes_nothing(env_file: Path) -> None:
    """Whoever copies it and fills in one thing has set that one thing."""
    env_file.write_bytes(EXAMPLE.read_bytes())
    assert load(env_file).model_fields_set == set()


def test_who_goes_live_fills_in_the_account_alone(env_file: Path) -> None:
    """What the README asks for is enough."""
    text = EXAMPLE.read_text(encoding="utf-8")
    for line in LIVE.split():
        name = line.partition("=")[0]
        text = text.replace(f"\n{name}=\n", f"\n{line}\n")
    env_file.write_text(text, encoding="utf-8")
    assert load(env_file).model_fields_set == {"target", "account_email", "test_account", "account_password"}


@pytest.mark.parametrize("setting", documented(), ids=lambda setting: setting.name)
def test_the_example_names_the_default_on_either_target(env_file: Path, setting: Documented) -> None:
    """The one that the code has: what is written down drifts otherwise."""
    name = setting.name.lower()
    on_replica = load(env_file)
    env_file.write_text(LIVE, encoding="utf-8")
    live = load(env_file)
    for settings in (on_replica, live):
        if name in settings.model_fields_set:
            continue
        value = value_of(settings, name)
        for told in value if isinstance(value, list) else [told_of(name, value)]:
            assert re.search(rf"(?<![\w.]){re.escape(told)}(?![\w]|\.\w)", setting.default), (
                told,
                setting.default,
            )


@pytest.mark.parametrize("setting", documented(), ids=lambda setting: setting.name)
def test_the_example_says_what_a_setting_does_and_its_unit(setting: Documented) -> None:
    """Before its default, which is told of each."""
    does, default, _ = setting.said.partition("Default: ")
    assert default
    assert len(does.split()) >= 3
    unit = "seconds" if setting.name.endswith("_S") else UNITS.get(setting.name.lower(), "")
    assert unit in does


# python -m cli config


def shown(*arguments: str, width: int = 80) -> str:
    """What the command prints."""
    app = Typer()
    app.command()(config.main)
    ran = CliRunner().invoke(app, arguments, env={"COLUMNS": str(width)}, catch_exceptions=False)
    assert ran.exit_code == 0
    return ran.output


def lines_of(output: str) -> dict[str, str]:
    """The first line of each setting, without its name."""
    rows = (line.split(maxsplit=1) for line in output.splitlines() if line.startswith("  "))
    return {row[0]: row[1].strip() for row in rows if len(row) == 2 and row[0].isupper()}


def as_json(env_file: Path, text: str) -> dict[str, dict[str, Any]]:
    """What the command says to machines."""
    env_file.write_text(text, encoding="utf-8")
    return {each["name"]: each for each in json.loads(shown("--json"))}


def test_every_value_is_shown_with_its_unit_and_who_set_it(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment wins over the file, and what is empty there counts for nothing."""
    env_file.write_text("GRACE_S=7\nQUIET_S=2\nHEADED=yes\nLAYERS=\n", encoding="utf-8")
    monkeypatch.setenv("grace_s", "9")
    monkeypatch.setenv("PROBE_FLOOR_S", "0.2")
    monkeypatch.setenv("QUIET_S", "")
    lines = lines_of(shown())
    assert lines["GRACE_S"].split() == ["9", "s", "environment"]
    assert lines["PROBE_FLOOR_S"].split() == ["0.2", "s", "environment"]
    assert lines["QUIET_S"].split() == ["2", "s", ".env"]
    assert lines["HEADED"].split() == ["yes", ".env"]
    assert lines["REVOCATION_WINDOW_S"].split() == ["30", "s", "default"]
    assert lines["LAYERS"].endswith("default")


def test_what_depends_on_the_target_is_shown_as_it_is_in_force(env_file: Path) -> None:
    """Nobody has to know how the default is worked out."""
    found = as_json(env_file, LIVE)
    assert {name: found[name]["value"] for name in ("REVOCATION_WINDOW_S", "GRACE_S", "QUIET_S")} == {
        "REVOCATION_WINDOW_S": 1800,
        "GRACE_S": 180,
        "QUIET_S": 60,
    }
    assert found["REVOCATION_WINDOW_S"]["unit"] == "s"
    assert found["REVOCATION_WINDOW_S"]["from"] == "default"
    assert found["BASE_URL"]["value"] == "https://chatgpt.com"
    assert found["ALLOWED_HOSTS"]["value"] == ["auth.openai.com", "chatgpt.com"]
    assert found["SIGN_INS_PER_DAY"]["value"] == 12
    assert found["REQUEST_BUDGET"]["value"] == 10_000
    assert found["HEADED"]["value"] is found["KEEP_SIGNED_IN"]["value"] is True
    assert as_json(env_file, "SIGN_IN_CODE=")["SIGN_IN_CODE"]["value"] is None
    assert as_json(env_file, f"{LIVE}ACCOUNT_TOTP_SECRET={TOTP}")["SIGN_IN_CODE"]["value"] == "totp"


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_no_secret_is_shown(env_file: Path, how: tuple[str, ...]) -> None:
    """Neither a password nor how long it is, and of an address only what tells whose it is."""
    env_file.write_text(f"{LIVE}{BY_MAIL}IMAP_USER=qa-mailbox\n", encoding="utf-8")
    output = shown(*how)
    env_file.write_text(f"{LIVE}ACCOUNT_TOTP_SECRET={TOTP}\nIMAP_USER=\n", encoding="utf-8")
    output += shown(*how)
    assert not any(
        secret in output for secret in (PASSWORD, PASSWORD[:4], TOTP, TOTP[:4], "qa@", "qa-mailbox")
    )
    assert output.count("q…@example.test") == 4
    assert output.count(MASKED) == 5


def test_secrets_of_any_length_look_the_same(env_file: Path) -> None:
    """A mask as long as the password would tell how long it is."""
    env_file.write_text(LIVE, encoding="utf-8")
    short = shown()
    env_file.write_text(LIVE.replace(PASSWORD, PASSWORD * 5), encoding="utf-8")
    assert shown() == short


@pytest.mark.parametrize("value", ["qa@home", "qa", f"{PASSWORD} qa@example.test"])
def test_what_only_looks_a_little_like_an_address_is_masked_whole(value: str) -> None:
    """A mailbox may be known by any name."""
    settings = Settings.model_construct(imap_user=SecretStr(value))
    assert value_of(settings, "imap_user") == MASKED


def test_a_password_that_looks_like_an_address_is_a_password() -> None:
    """Not even its first letter is shown."""
    settings = Settings.model_construct(account_password=SecretStr("hunter2@example.test"))
    assert value_of(settings, "account_password") == MASKED


def test_nothing_that_a_terminal_would_obey_is_printed(env_file: Path) -> None:
    """A value is text, whatever is in it."""
    env_file.write_text('KNOWN_SESSIONS="Chrome\x1b[2J on [bold]Mac"\n', encoding="utf-8")
    assert "\x1b" not in shown()
    assert "[bold]Mac" in shown()


@pytest.mark.parametrize(
    ("text", "idle", "why"),
    [
        ("", GROUPS["The mailbox"], "SIGN_IN_CODE=imap"),
        (LIVE, GROUPS["The embedded replica"], "a site already"),
        (LIVE + BY_MAIL, ("account_totp_secret",), "SIGN_IN_CODE=imap"),
        (
            LIVE.replace(f"ACCOUNT_PASSWORD={PASSWORD}", "SIGN_IN=state"),
            ("account_password", "account_totp_secret", "sign_in_code"),
            "SIGN_IN=state",
        ),
        ("END_UNKNOWN_SESSIONS=yes", ("known_sessions",), "whatever is listed"),
    ],
)
def test_what_has_nothing_to_do_is_said_to(
    env_file: Path, text: str, idle: tuple[str, ...], why: str
) -> None:
    """With the reason, in place of a value that would mislead."""
    found = as_json(env_file, text)
    assert all(why in found[name.upper()]["idle"] for name in idle)
    lines, whole = lines_of(shown()), shown()
    group = next(group for group, names in GROUPS.items() if idle[0] in names)
    if tuple(GROUPS[group]) == idle:
        assert not {name.upper() for name in idle} & set(lines)
        assert re.search(rf"^{group} +not used: ", whole, re.MULTILINE)
    else:
        assert all(lines[name.upper()].startswith("not used: ") for name in idle)


def test_nothing_that_was_set_has_nothing_to_do(env_file: Path) -> None:
    """It would be a contradiction, and be told as one; but for rows that a wider permission holds already."""
    env_file.write_text(LIVE + BY_MAIL, encoding="utf-8")
    by_hand = [each for each in in_force(load(env_file), {}) if each.origin is not Origin.DEFAULT]
    assert len(by_hand) == 7
    assert not any(each.idle for each in by_hand)


def test_all_settings_fit_a_terminal_of_80_columns(env_file: Path) -> None:
    """Whatever their values."""
    env_file.write_text(LIVE + "KNOWN_SESSIONS=" + ", ".join(["Chrome on Mac"] * 9), encoding="utf-8")
    assert max(len(line.rstrip()) for line in shown().splitlines()) <= 80
    names = {name.upper() for name in Settings.model_fields} - {
        name.upper() for group in ("The mailbox", "The embedded replica") for name in GROUPS[group]
    }
    assert names <= set(lines_of(shown()))


def test_a_newcomer_is_told_of_the_example(env_file: Path) -> None:
    """Until there is a `.env`."""
    assert "copy .env.example" in " ".join(shown().split())
    env_file.touch()
    assert "copy .env.example" not in " ".join(shown().split())


@pytest.mark.parametrize(
    "text", ["TARGET=chatgpt", "QUIET_S=soon", "SPEED=3", f"ACCOUNT_PASSWORD {PASSWORD}"]
)
def test_what_is_wrong_is_told_in_one_line(env_file: Path, text: str) -> None:
    """As everywhere: nothing is shown that no run would go by."""
    env_file.write_text(text, encoding="utf-8")
    with pytest.raises(Stop, match=r"^settings: .*") as stop:
        shown()
    assert "\n" not in str(stop.value)
    assert PASSWORD not in str(stop.value)
