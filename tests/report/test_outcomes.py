"""Whatever keeps a test from passing is in one category, by what a person does next about it."""

from __future__ import annotations

import hashlib
import json
import os
import pkgutil
import platform
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module

import pytest

import afterglow
import fixtures
import pages
import probes
from afterglow.outcomes import NotApplicable, NotMeasured
from afterglow.settings import without_settings
from cli.place import ROOT
from tests.report.by_hand import Folder, Report

SUITE = """
import allure, pytest
from pathlib import Path
from playwright.sync_api import Error
from pydantic import SecretStr
from afterglow.mailbox import MailboxFailed
from afterglow.one_at_a_time import AccountBusy
from afterglow.outcomes import *
from afterglow.record import NotRecorded
from afterglow.states import BadState
from fixtures.target import TargetDown
from pages.signin import Lost

RAISED = {
    "AssertionError": AssertionError("still alive after 30 s"),
    "NeedsPerson": NeedsPerson("a challenge is shown"),
    "the site asks": NotMeasured("the site asks for a person (challenge): HTTP 403"),
    "SignInBlocked": SignInBlocked("the password is refused"),
    "LocatorDrift": LocatorDrift("the row", "saw: sign-in blocked: no"),
    "TargetDown": TargetDown("https://app.test cannot be reached (ConnectError): check BASE_URL"),
    "no replica": TargetDown("the replica did not start: it said nothing"),
    "Lost": Lost("HTTP 502"),
    "visit": NotMeasured("the site answers with HTTP 503: try again when it is up"),
    "away": NotMeasured("the site could not be reached"),
    "home": NotMeasured("the site does not show its home: HTTP 500"),
    "Playwright": Error("Page.goto: net::ERR_CONNECTION_REFUSED at https://app.test/"),
    "Undetermined": Undetermined("the delay is in (28, 33] s, and the window is 30 s"),
    "NotMeasured": NotMeasured("no answer came to a message of a signed-in device"),
    "AccountBusy": AccountBusy(" (process 1)"),
    "BadState": BadState("x.json is of another account: sign in again"),
    "MailboxFailed": MailboxFailed("IMAP_HOST: no connection"),
    "NotRecorded": NotRecorded(Path("run.jsonl"), OSError(28, "No space left on device")),
    "a bug": KeyError("x"),
    "NotApplicable": NotApplicable("the site gives no sign-in times"),
    "NoSessionView": NoSessionView(),
    "NothingAsked": NothingAsked(),
}

@pytest.mark.parametrize("name", RAISED)
def test(name):
    allure.dynamic.title(name)
    raise RAISED[name]

@allure.title("repeated")
def test_repeated():
    allure.dynamic.parameter("repetition", 2)
"""

CATEGORIES = {
    "Promise broken": ["AssertionError"],
    "A person is needed": ["NeedsPerson", "the site asks"],
    "Sign-in blocked": ["SignInBlocked"],
    "Locator drift": ["LocatorDrift"],
    "Site out of reach": ["Lost", "Playwright", "TargetDown", "away", "home", "no replica", "visit"],
    "Undetermined": ["Undetermined"],
    "Could not be measured": [
        "AccountBusy",
        "BadState",
        "MailboxFailed",
        "NotMeasured",
        "NotRecorded",
        "a bug",
    ],
    "Not applicable here": ["NoSessionView", "NotApplicable", "NothingAsked"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """What a run leaves that raises each of them, with the suite's own plug-in."""
    path = tmp_path_factory.mktemp("outcomes")
    folder = Folder(path / "reports")
    (path / "test_all.py").write_text(SUITE, encoding="utf-8")
    options = ("-q", "-c", os.devnull, "-p", "no:cacheprovider", "-p", "fixtures.plugin", f"--rootdir={path}")
    subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"--alluredir={folder.results}", "test_all.py"],
        cwd=path,
        env={**without_settings(os.environ), "PYTHONPATH": str(ROOT), "REPORTS_DIR": str(folder.path)},
        check=False,  # its failures are what the report is about
        capture_output=True,
    )
    return folder


@pytest.fixture(scope="module")
def report(folder: Folder) -> Report:
    return folder.build()


def test_each_outcome_has_the_category_of_what_to_do_next(report: Report) -> None:
    assert report.categories == CATEGORIES


def test_the_categories_stand_in_the_order_of_their_gravity(report: Report) -> None:
    assert list(report.categories) == list(CATEGORIES)


def subclasses(of: type[Exception]) -> Iterator[str]:
    yield of.__name__
    for each in of.__subclasses__():
        yield from subclasses(each)


def test_no_outcome_is_without_a_category() -> None:
    """A new one must be added here, with the category that it belongs to."""
    for package in (afterglow, pages, probes, fixtures):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    known = {name for names in CATEGORIES.values() for name in names}
    assert {*subclasses(NotMeasured), *subclasses(NotApplicable)} - known == set()


def test_a_list_of_tests_tells_the_repetitions_of_a_night_apart(report: Report) -> None:
    assert "repeated (repetition 2)" in {test["name"] for test in report.tests}


def test_what_could_not_be_measured_is_told_in_its_own_words(report: Report) -> None:
    told = {test["name"]: report.data(f"data/test-results/{test['nodeId']}.json") for test in report.tests}
    assert told["SignInBlocked"]["error"]["message"] == "sign-in blocked: the password is refused"
    assert told["AssertionError"]["error"]["message"].startswith("AssertionError: still alive")


def test_the_machine_is_told_by_no_name_of_its_own(folder: Folder) -> None:
    """A host's name may be a person's."""
    hosts = {
        label["value"]
        for file in folder.results.glob("*-result.json")
        for label in json.loads(file.read_text(encoding="utf-8"))["labels"]
        if label["name"] == "host"
    }
    assert hosts == {hashlib.sha256(platform.node().encode()).hexdigest()[:8]}
