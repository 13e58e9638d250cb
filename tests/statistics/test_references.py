"""The reference values, and how they are recomputed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from afterglow.statistics.npmle import estimate
from benchmarks import references
from tests.statistics.intervals import interval


def surpyval(*, off_by: float = 0.0) -> SimpleNamespace:
    """Stands in for SurPyval: our own estimate, or one that is off."""

    def fit(xl: list[float], xr: list[float], **_: object) -> SimpleNamespace:
        found = estimate([interval(*ends) for ends in zip(xl, xr, strict=True)])
        ends = sorted({end for end in (*xl, *xr) if end != float("inf")})
        return SimpleNamespace(x=ends, R=[found.survival(end)[1] + off_by for end in ends])

    return SimpleNamespace(__version__="0", Turnbull=SimpleNamespace(fit=fit))


def test_the_stored_values_are_those_that_are_found_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "surpyval", surpyval())
    assert references.main([]) == 0


def test_a_difference_in_the_third_digit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "surpyval", surpyval(off_by=0.001))
    assert references.main([]) == 1


def test_what_is_written_is_what_was_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Data and form, but for the last digit of a share."""
    copy = tmp_path / "references.json"
    before = references.STORED.read_text(encoding="utf-8")
    copy.write_text(before, encoding="utf-8")
    monkeypatch.setattr(references, "STORED", copy)
    monkeypatch.setitem(sys.modules, "surpyval", surpyval())
    assert references.main(["--write"]) == 0
    after = copy.read_text(encoding="utf-8")
    assert "SurPyval 0," in json.loads(after)["source"]
    assert len(after.splitlines()) == len(before.splitlines())
    old, new = json.loads(before)["sets"], json.loads(after)["sets"]
    assert list(old) == list(new)
    for name, data in old.items():
        assert new[name]["intervals"] == data["intervals"]
        assert dict(new[name]["survival"]) == pytest.approx(dict(data["survival"]), abs=2e-6)


def test_without_surpyval_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "surpyval", None)
    assert references.main([]) == 2
    assert "python -m pip install surpyval" in capsys.readouterr().err
