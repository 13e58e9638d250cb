"""The pictures of all nights are in the report of one, once, and their trouble costs nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.report.by_hand import Folder

SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
WHERE = "All nights, interactive"


@dataclass
class Past:
    """A history of so many nights, on the site that was measured last."""

    nights: range
    latest_site: tuple[str, str | None] | None = ("replica", None)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    chances: list[float] = field(default_factory=list)

    def of(self, target: str, site: str | None = None) -> Past:
        """Note which site is asked for."""
        self.asked.append((target, site))
        return self


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    folder.add("log-out", "passed")
    return folder


def given(monkeypatch: pytest.MonkeyPatch, past: Past, titles: list[str]) -> None:
    def drawn(history: Any, chance: Random) -> Iterator[tuple[str, str]]:
        assert history is past
        past.chances.append(chance.random())
        yield from ((title, SVG) for title in titles)

    monkeypatch.setattr("afterglow.history.read.read_history", lambda _: past)
    monkeypatch.setattr("afterglow.pictures.plots.run_level_svgs", drawn)


def attached(folder: Folder) -> list[str]:
    return [each["name"] for each in folder.build().data("widgets/globals.json")["attachments"]]


def test_the_pictures_of_all_nights_are_there_once_however_often_the_report_is_built(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"name": "log out all, doors", "source": "own-attachment.svg", "type": "image/svg+xml"}
    folder.write("allure-results/own-attachment.svg", SVG)
    folder.write("allure-results/own-globals.json", {"attachments": [own]})
    given(monkeypatch, Past(range(2)), ["survival", "over time", "doors"])
    folder.build()
    given(monkeypatch, past := Past(range(3)), ["survival", "the sawtooth"])
    folder.build()
    assert sorted(attached(folder)) == sorted([WHERE, "log out all, doors", "survival", "the sawtooth"])
    given(monkeypatch, Past(range(1)), [])
    assert attached(folder) == ["log out all, doors"], "what is no longer so is still shown"
    assert past.asked == [("replica", None)] * 2
    assert past.chances[0] == past.chances[1], "the same nights give other pictures"


@pytest.mark.parametrize(
    "past", [Past(range(1)), Past(range(0), latest_site=None)], ids=["one night", "none"]
)
def test_of_one_night_there_is_no_trend(folder: Folder, monkeypatch: pytest.MonkeyPatch, past: Past) -> None:
    given(monkeypatch, past, ["survival"])
    assert attached(folder) == []


def test_a_picture_that_fails_is_told_in_a_line_and_the_report_is_there(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(_: object, __: object) -> Iterator[tuple[str, str]]:
        yield "survival", SVG
        raise ValueError("no converter\nfor this machine")

    given(monkeypatch, Past(range(2)), [])
    monkeypatch.setattr("afterglow.pictures.plots.run_level_svgs", fails)
    assert attached(folder) == []
    assert "trend: not in the report (ValueError: no converter)" in capsys.readouterr().out.splitlines()
