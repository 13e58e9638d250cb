"""The report: one file that keeps to itself, tells the kinds of trouble apart, and remembers earlier runs."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from cli.place import Stop
from cli.report import build

RUN = """
import allure

class SignInBlocked(Exception): ...
class LocatorDrift(Exception): ...

@allure.title("A session ends in time")
def test_ends(): ...
def test_alive(): assert False, "still alive after 30 s"
def test_outage(): raise RuntimeError("the site is down")
def test_blocked(): raise SignInBlocked("sign-in blocked: a challenge page")
def test_drifted(): raise LocatorDrift("locator drift: the row is not on the screen")
"""


def run_into(reports: Path) -> None:
    """Run a tiny suite as `scenario` would."""
    reports.mkdir(exist_ok=True)
    (reports / "test_tiny.py").write_text(RUN)
    subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "pytest",
                "test_tiny.py",
                "-q",
                "-p",
                "no:cacheprovider",
                "-c",
                "/dev/null",
            ),
            *("--alluredir=allure-results", "--clean-alluredir"),
        ],
        cwd=reports,
        check=False,  # its failures are what the report is about
        capture_output=True,
    )


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of reports after one run."""
    folder = tmp_path_factory.mktemp("somewhere") / "reports of tonight"
    run_into(folder)
    return folder


@pytest.fixture(scope="module")
def html(reports: Path) -> str:
    """The report of that run."""
    return build(reports).read_text(encoding="utf-8")


class Loads(HTMLParser):
    """Collects what a page loads by itself when it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address of what a tag loads; a link that waits for a click is none."""
        if tag != "a":
            self.urls += [value for name, value in attrs if name in {"src", "href", "data"} and value]


def data(html: str, name: str) -> Any:
    """A JSON file that the report carries within."""
    found = re.search(rf'd\("{re.escape(name)}","([^"]*)"\)', html)
    assert found, f"the report carries no {name}"
    return json.loads(base64.b64decode(found[1]))


def test_the_report_loads_nothing_from_anywhere(html: str) -> None:
    loads = Loads()
    loads.feed(html)
    assert loads.urls, "the report's own scripts were not found: this test looks for the wrong thing"
    assert [url[:80] for url in loads.urls if not url.startswith("data:")] == []
    assert "gtag" not in html


def test_the_report_names_the_tests_and_their_statuses(html: str) -> None:
    leaves = data(html, "widgets/default/tree.json")["leavesById"].values()
    assert {leaf["name"]: leaf["status"] for leaf in leaves} == {
        "A session ends in time": "passed",
        "test_alive": "failed",
        "test_outage": "broken",
        "test_blocked": "broken",
        "test_drifted": "broken",
    }


def test_each_kind_of_trouble_has_its_category(html: str) -> None:
    nodes = data(html, "widgets/categories.json")["nodes"].values()
    assert {node["name"]: node["statistic"]["total"] for node in nodes if node["type"] == "category"} == {
        "Promise broken": 1,
        "Sign-in blocked": 1,
        "Locator drift": 1,
        "Could not be measured": 1,
    }


def test_history_grows_by_one_entry_for_each_run_however_often_it_is_reported(tmp_path: Path) -> None:
    def entries() -> list[str]:
        return (tmp_path / "history.jsonl").read_text(encoding="utf-8").splitlines()

    run_into(tmp_path)
    build(tmp_path)
    build(tmp_path)
    assert len(entries()) == 1
    first = entries()[0]
    run_into(tmp_path)
    html = build(tmp_path).read_text(encoding="utf-8")
    assert len(entries()) == 2
    assert entries()[0] == first, "the run before was rewritten"
    assert html.count('d("data/history/') == 1, "the report does not know the run before"


def test_without_results_the_message_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="has no results: run `python -m cli scenario` first"):
        build(tmp_path)


def test_without_allure_the_message_names_the_remedy(reports: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.report.allure_is_installed", lambda: False)
    with pytest.raises(Stop, match="Allure is not installed: run `python -m cli setup`"):
        build(reports)
