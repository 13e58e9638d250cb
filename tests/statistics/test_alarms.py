"""The simulation of alarms: that it simulates what it says, and says what it found."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from benchmarks import alarms
from benchmarks.alarms import BADLY, CLOSELY, DISTRIBUTIONS, Looking, Row


@pytest.mark.parametrize("looking", [CLOSELY, BADLY], ids=lambda looking: looking.name)
def test_an_interval_contains_the_delay_and_misses_the_end_as_often_as_it_should(looking: Looking) -> None:
    dice = Random(1)  # noqa: S311 - dice, not secrets
    seen = [(delay, looking.at(delay, dice)) for delay in (dice.uniform(2, 12) for _ in range(2000))]
    assert all(interval.lower_s <= delay <= interval.upper_s for delay, interval in seen)
    unseen = sum(interval.upper_s == float("inf") for _, interval in seen) / len(seen)
    assert unseen == pytest.approx(looking.unseen, abs=0.04)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_a_delay_is_never_negative(name: str) -> None:
    dice = Random(1)  # noqa: S311 - dice, not secrets
    assert min(DISTRIBUTIONS[name](dice) for _ in range(5000)) >= 0


def test_a_rate_exceeds_its_level_only_by_more_than_chance_can() -> None:
    assert not Row("lately", "59", trials=1000, alarms=18, level=0.01).exceeds
    assert Row("lately", "59", trials=1000, alarms=30, level=0.01).exceeds
    assert not Row("lately", "59", trials=1000, alarms=900).exceeds


def test_a_rate_above_its_level_is_told_by_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A test that always raises the alarm would be a bad one."""
    out = tmp_path / "alarms.json"
    kept_short = {"sawtooth": DISTRIBUTIONS["sawtooth"]}
    monkeypatch.setattr(alarms, "DISTRIBUTIONS", kept_short)
    assert alarms.main(["--trials", "2", "--out", str(out)]) == 0
    monkeypatch.setattr(alarms, "TESTS", {"lately": lambda *_: True})
    assert alarms.main(["--trials", "10", "--out", str(out)]) == 1
    told = json.loads(out.read_text(encoding="utf-8"))
    assert [row["rate"] for row in told["false_alarms"][:5]] == [1.0] * 5
    assert "100.00" in capsys.readouterr().out
