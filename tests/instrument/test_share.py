"""Evidence leaves the house in one file that nothing secret is in, or not at all."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from cli import share
from cli.place import Stop

NEW, OLD = "20260603T120000Z-0badcafe", "20260602T120000Z-0ddba115"
PASSWORD = "correct horse battery"
COOKIE = "wJ8pQ2nR5tY7uI9oP1aS3dF6gH"
STORED = "refresh-8f14e45fceea167a5a36dedd4bea2543"

LINE = '{"kind":"settings","target":"replica"}\n'


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What two runs left, the report of the newer one among it, and a kept sign-in."""
    folder, states = tmp_path / "reports", tmp_path / "states"
    (folder / "runs").mkdir(parents=True)
    (folder / "allure-report").mkdir()
    (states / "site").mkdir(parents=True)
    for run in (OLD, NEW):
        (folder / "runs" / f"{run}.jsonl").write_text(LINE)
    (folder / "summary.json").write_text(json.dumps({"run_file": f"{NEW}.jsonl"}))
    (folder / "junit.xml").write_text("<testsuites/>")
    (folder / "allure-report" / "index.html").write_text("<h1>q…@example.test</h1>")
    (folder / "somebody-elses.txt").write_text(PASSWORD)
    state = {
        "cookies": [{"name": "session", "value": COOKIE}, {"name": "theme", "value": "Allure"}],
        "origins": [
            {
                "origin": "https://site.test",
                "localStorage": [
                    {"name": "auth", "value": json.dumps({"t": STORED})},
                    {"name": "x", "value": "testsuites"},
                ],
            }
        ],
    }
    (states / "site" / "primary.json").write_text(json.dumps(state))
    monkeypatch.setenv("REPORTS_DIR", str(folder))
    monkeypatch.setenv("STATE_DIR", str(states))
    monkeypatch.setenv("ACCOUNT_PASSWORD", PASSWORD)
    return folder


def shared(*arguments: str) -> str:
    """What the command says."""
    app = typer.Typer()
    app.command()(share.main)
    result = CliRunner().invoke(app, arguments)
    if result.exception is not None:
        raise result.exception
    return result.output


def names_in(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def test_the_last_run_is_packed_whole(reports: Path) -> None:
    """Report, summary, JUnit and readings; nothing that is not the run's."""
    said = shared()
    target = reports / f"afterglow-{NEW}.zip"
    assert str(target) in said
    assert "4 files" in said
    assert names_in(target) == {f"runs/{NEW}.jsonl", "summary.json", "junit.xml", "allure-report/index.html"}


def test_the_doctors_findings_go_along_if_there_are_any(reports: Path, tmp_path: Path) -> None:
    """And the file goes where it was asked for."""
    (reports / "doctor.json").write_text("{}")
    (reports / "doctor.html").write_text("<p>healthy</p>")
    shared("--to", str(tmp_path / "mine.zip"))
    assert {"doctor.json", "doctor.html"} < names_in(tmp_path / "mine.zip")


def test_of_an_older_run_its_readings_are_packed_alone(reports: Path) -> None:
    """The report is that of a later run, and must not pass for its own."""
    assert "only its readings" in shared("0ddb")
    assert names_in(reports / f"afterglow-{OLD}.zip") == {f"runs/{OLD}.jsonl"}


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("trace.network", content)
    return packed.getvalue()


PLACES: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "in base64": lambda secret: base64.b64encode(b"a page that shows " + secret + b" and more"),
    "in a trace in base64": lambda secret: b'd("' + base64.b64encode(zipped(secret)) + b'")',
    "in gzip": gzip.compress,
}
FILES = ("summary.json", "junit.xml", "allure-report/index.html", f"runs/{NEW}.jsonl")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", FILES[1:])
@pytest.mark.parametrize(
    ("secret", "kind"),
    [
        (PASSWORD, "ACCOUNT_PASSWORD"),
        (COOKIE, "of a kept sign-in"),
        (STORED, "of a kept sign-in"),
        ("sk-proj-abcdefghijklmnop", "API key"),
        ("somebody@example.test", "e-mail address"),
    ],
)
def test_nothing_is_written_if_a_secret_is_anywhere(
    reports: Path, place: str, name: str, secret: str, kind: str
) -> None:
    """One line says which file and which kind of secret; never the secret."""
    (reports / name).write_bytes(PLACES[place](secret.encode()))
    with pytest.raises(Stop) as stop:
        shared()
    line = str(stop.value)
    assert line.startswith(name)
    assert kind in line
    assert "nothing was written" in line
    assert secret not in line
    assert "\n" not in line
    assert list(reports.glob("*.zip*")) == []


def tear_state(reports: Path) -> None:
    (reports.parent / "states" / "site" / "primary.json").write_text("{")


def age_report(reports: Path) -> None:
    os.utime(reports / "allure-report" / "index.html", (0, 0))


def remove_runs(reports: Path) -> None:
    for path in (reports / "runs").iterdir():
        path.unlink()


def nothing(_reports: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("happened", "arguments", "words"),
    [
        (tear_state, [], "primary.json cannot be read"),
        (age_report, [], "run `python -m cli report` first"),
        (remove_runs, [], "run `python -m cli scenario` first"),
        (nothing, ["feed"], "no run feed"),
        (nothing, ["0"], "2 runs begin with 0"),
        (nothing, ["--to", "/nowhere/at/all.zip"], "--to: /nowhere/at/all.zip cannot be written"),
    ],
)
def test_what_a_person_can_mend_is_said_in_one_line(
    reports: Path, happened: Callable[[Path], Any], arguments: list[str], words: str
) -> None:
    """A kept sign-in that cannot be read, a report of before, a run that there is not."""
    happened(reports)
    with pytest.raises(Stop) as stop:
        shared(*arguments)
    assert words in str(stop.value)
    assert "\n" not in str(stop.value)
    assert list(reports.glob("*.zip*")) == []
