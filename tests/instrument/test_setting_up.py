"""Set-up: what is found is used, what is missing is installed once, and failure is told in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from afterglow.machine import NoBrowser, find_browser
from cli import browser, node
from cli.place import Stop
from cli.running import Failed


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH; it is empty, and so is the one of the venv beside it."""
    for name in ("bin", "venv"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr("sys.executable", str(tmp_path / "venv" / "python"))
    return tmp_path / "bin"


def put_node(folder: Path, version: str) -> None:
    """Put a Node there that knows its version and nothing else."""
    for name in ("node", "npm"):
        (folder / name).write_text(f"#!/bin/sh\necho v{version}\n")
        (folder / name).chmod(0o755)


def test_the_machines_node_is_used(path: Path) -> None:
    put_node(path, "20.0.1")
    found = node.find_node()
    assert found is not None
    assert (found.node, found.version) == (path / "node", "20.0.1")


@pytest.mark.parametrize("version", ["18.20.4", "what?"], ids=["too old", "unreadable"])
def test_the_venvs_node_stands_in_for_one_that_will_not_do(version: str, path: Path) -> None:
    put_node(path, version)
    put_node(path.parent / "venv", "24.1.0")
    found = node.find_node()
    assert found is not None
    assert found.version == "24.1.0"
    assert found.env["PATH"].startswith(str(path.parent / "venv")), "npm would run on the other Node"


def test_a_node_without_npm_will_not_do(path: Path) -> None:
    put_node(path, "20.0.1")
    (path / "npm").unlink()
    assert node.find_node() is None


@pytest.mark.usefixtures("path")
def test_where_node_cannot_be_installed_the_message_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_index(*_command: object, **_options: object) -> str:
        raise Failed("no matching distribution")

    monkeypatch.setattr(node, "quietly", no_index)
    with pytest.raises(Stop, match=r"Node: none of version 20 here, and none from PyPI \(no matching"):
        node.ensure_node()


@pytest.fixture
def installs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every installation of Allure, in a folder of its own with a lock file of its own."""
    made: list[str] = []
    allure = tmp_path / "node_modules" / "allure" / "cli.js"
    monkeypatch.setattr(node, "LOCK", tmp_path / "package-lock.json")
    monkeypatch.setattr(node, "STAMP", tmp_path / "node_modules" / "stamp")
    monkeypatch.setattr(node, "ALLURE", allure)
    node.LOCK.write_text("as it is today")

    def npm(*command: object, **_options: object) -> str:
        made.append(str(command[1]))
        allure.parent.mkdir(parents=True, exist_ok=True)
        (allure.parent / "package.json").write_text(json.dumps({"version": "3.0.0"}))
        return ""

    monkeypatch.setattr(node, "quietly", npm)
    return made


A_NODE = node.Node(Path("node"), Path("npm"), "20.0.0")


def test_allure_is_installed_once(installs: list[str]) -> None:
    assert [node.ensure_allure(A_NODE) for _ in range(2)] == ["3.0.0", "3.0.0"]
    assert installs == ["ci"]


def test_allure_is_installed_again_when_the_lock_file_has_changed(installs: list[str]) -> None:
    node.ensure_allure(A_NODE)
    node.LOCK.write_text("as it will be tomorrow")
    assert not node.allure_is_installed()
    node.ensure_allure(A_NODE)
    assert len(installs) == 2


@pytest.mark.usefixtures("installs")
def test_an_installation_that_failed_is_not_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_command: object, **_options: object) -> str:
        raise Failed("npm error network")

    monkeypatch.setattr(node, "quietly", offline)
    with pytest.raises(Stop, match=r"Allure: npm ci failed \(npm error network\)"):
        node.ensure_allure(A_NODE)
    assert not node.allure_is_installed()


def test_without_any_browser_the_message_names_everything_that_was_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def none(_chosen: str | None = None) -> tuple[Path, str]:
        raise NoBrowser

    def blocked() -> None:
        raise Failed("ENOTFOUND")

    monkeypatch.setattr(browser, "setting", lambda _name: None)
    monkeypatch.setattr(browser, "_started", none)
    ways = {"on this machine": lambda: None, "playwright install": blocked, "apt-get": lambda: None}
    monkeypatch.setattr(browser, "WAYS", ways)
    with pytest.raises(Stop) as stopped:
        browser.ensure_browser()
    assert str(stopped.value) == (
        "no browser. on this machine: there is none; playwright install: ENOTFOUND; apt-get: there is none. "
        "Install Chromium or Chrome, or set CHROMIUM_EXECUTABLE to one"
    )


def test_nothing_is_installed_in_place_of_a_chosen_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "setting", lambda _name: "/nowhere/chromium")
    # without Playwright, which cannot be started beside the one of another test
    monkeypatch.setattr(browser, "_started", lambda chosen: find_browser(str, chosen))
    monkeypatch.setattr(browser, "WAYS", {})
    with pytest.raises(Stop, match="CHROMIUM_EXECUTABLE: /nowhere/chromium does not exist"):
        browser.ensure_browser()
