"""Which browser is driven, in which order, and how it is started."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from afterglow.machine import NoBrowser, find_browser, keeps_sandbox


def program(path: Path) -> Path:
    """Make an executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o755)
    return path


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on its PATH and no setting; its folder of programs."""
    monkeypatch.delenv("CHROMIUM_EXECUTABLE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("sys.platform", "linux")
    return tmp_path / "bin"


def nowhere() -> str:
    """Where Playwright would keep its own, had it been installed."""
    return "/nowhere/chrome"


def test_the_chosen_browser_goes_before_all_others(bare_machine: Path, tmp_path: Path) -> None:
    program(bare_machine / "chromium")
    own, chosen = program(tmp_path / "own"), program(tmp_path / "chosen")
    assert find_browser(lambda: str(own), chosen) == chosen


def test_the_environment_chooses_if_the_caller_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, chosen = program(tmp_path / "own"), program(tmp_path / "chosen")
    monkeypatch.setenv("CHROMIUM_EXECUTABLE", str(chosen))
    assert find_browser(lambda: str(own)) == chosen


@pytest.mark.parametrize("there", [True, False], ids=["not executable", "missing"])
def test_a_chosen_browser_that_cannot_run_is_never_replaced(
    there: bool, bare_machine: Path, tmp_path: Path
) -> None:
    program(bare_machine / "chromium")
    chosen = tmp_path / "chosen"
    if there:
        chosen.touch(mode=0o644)
    with pytest.raises(NoBrowser, match=f"CHROMIUM_EXECUTABLE: {chosen} (does not exist|is no program)"):
        find_browser(nowhere, chosen)


def test_playwrights_own_goes_before_the_machines(bare_machine: Path, tmp_path: Path) -> None:
    program(bare_machine / "chromium")
    own = program(tmp_path / "own")
    assert find_browser(lambda: str(own)) == own


@pytest.mark.parametrize("name", ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"])
def test_the_machines_chromium_or_chrome_will_do(name: str, bare_machine: Path) -> None:
    there = program(bare_machine / name)
    assert find_browser(nowhere) == there


def test_chromium_goes_before_chrome(bare_machine: Path) -> None:
    program(bare_machine / "google-chrome")
    chromium = program(bare_machine / "chromium")
    assert find_browser(nowhere) == chromium


def test_a_mac_keeps_it_among_the_applications(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setenv("HOME", str(tmp_path))
    there = program(tmp_path / "Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
    assert find_browser(nowhere) == there


def test_without_a_browser_the_message_says_where_it_looked_and_what_to_do() -> None:
    with pytest.raises(NoBrowser) as stopped:
        find_browser(nowhere)
    message = str(stopped.value)
    assert "\n" not in message
    for word in ("/nowhere/chrome", "google-chrome-stable", "python -m cli setup", "CHROMIUM_EXECUTABLE"):
        assert word in message


@pytest.mark.parametrize(("user", "keeps"), [(0, False), (1000, True)], ids=["root", "anybody else"])
def test_only_root_gives_up_the_sandbox(user: int, keeps: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert keeps_sandbox() is keeps
