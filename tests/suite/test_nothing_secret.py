"""Whatever happens in a run, nothing secret is left behind by it."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import allure
import pyotp

from afterglow.redaction import spellings
from tests.suite.conftest import Suite

EMAIL = "canary.mailbox@example.test"
PASSWORD = 'Kanarien"vogel & <Passwort> 7'


def every_byte(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file that a run left, the members of archives included."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        yield from unpacked(str(path.relative_to(folder)), path.read_bytes())


def unpacked(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """A file and, if it is an archive, what is in it."""
    yield name, content
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                yield from unpacked(f"{name}/{member}", archive.read(member))


def found_in(content: bytes, secret: str) -> bool:
    """Whether any spelling of the secret is in there."""
    return any(spelling.encode() in content for spelling in spellings(secret))


@allure.epic("The suite itself")
@allure.feature("Secrets")
def test_a_failing_run_leaves_no_secret_behind(suite: Suite, tmp_path: Path) -> None:
    """A run that fails in three ways with every secret in hand leaves none of them anywhere.

    Searched are the Allure results with their attachments, JUnit, the run's file, the summary and the
    terminal: for the password, the TOTP secret, every cookie, the access token and the e-mail address.
    """
    canaries = tmp_path / "canaries.json"
    ran = suite.run(
        "tests/suite/leaks_on_purpose.py",
        "--showlocals",
        "-o",
        "junit_logging=all",
        "-o",
        "log_cli=true",
        ACCOUNT_EMAIL=EMAIL,
        ACCOUNT_PASSWORD=PASSWORD,
        ACCOUNT_TOTP_SECRET=pyotp.random_base32(),
        CANARIES=str(canaries),
    )
    assert "3 failed" in ran.output, ran.output
    secrets: dict[str, str] = json.loads(canaries.read_text(encoding="utf-8"))
    assert {"email", "password", "totp", "token"} < set(secrets)
    assert any("session-token" in name for name in secrets)
    left = {"terminal": ran.output.encode(), **dict(every_byte(suite.folder))}
    assert any(name.endswith("-attachment.html") for name in left), (
        "the run attached nothing: nothing was searched"
    )
    leaks = [
        f"{name} holds the {kind}"
        for name, content in left.items()
        for kind, secret in secrets.items()
        if found_in(content, secret)
    ]
    assert leaks == []
    assert re.search(rb"c\xe2\x80\xa6@example\.test", left["junit.xml"]), "the e-mail is not shown masked"
