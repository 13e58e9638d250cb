"""`afterglow runs`: listing, exporting and pruning what was measured."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from afterglow.history.one_run import read_past_run
from afterglow.history.past import PastRun
from cli import app, main
from tests.history.nights import made_up


@pytest.fixture
def reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of reports with five nights, of which two were on another site."""
    monkeypatch.setenv("REPORTS_DIR", str(tmp_path))
    for number in (1, 2, 3):
        made_up(number).put(tmp_path / "runs")
    for number in (4, 5):
        made_up(number, target="chatgpt").put(tmp_path / "runs")
    return tmp_path


def said(*arguments: str) -> str:
    """What the command prints when all is well."""
    ended = CliRunner().invoke(app, ["runs", *arguments], env={"COLUMNS": "160"})
    assert ended.exit_code == 0, ended.output
    return ended.output


def complained(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """The one line with which the command refuses."""
    monkeypatch.setattr("sys.argv", ["afterglow", "runs", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    captured = capsys.readouterr()
    assert (stop.value.code, captured.out) == (2, "")
    [line] = captured.err.splitlines()
    return line


def listed(output: str) -> list[str]:
    """The last digits of the runs that a list names."""
    return re.findall(r"0000000(\d)", output)


# The list


@pytest.mark.usefixtures("reports")
def test_runs_alone_and_runs_list_are_the_same() -> None:
    assert said() == said("list")
    assert said("--last", "2") == said("list", "--last", "2")
    assert listed(said("list")) == ["5", "4", "3", "2", "1"]


@pytest.mark.usefixtures("reports")
def test_only_the_runs_that_are_shown_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of thousands, a few fit a screen."""
    read: list[str] = []

    def noted(path: Path) -> PastRun:
        read.append(path.name)
        return read_past_run(path)

    monkeypatch.setattr("cli.runs.read_past_run", noted)
    output = said("list", "--last", "2")
    assert (len(read), listed(output)) == (2, ["5", "4"])
    assert output.splitlines()[-1] == "3 older ones: --last 5 lists them too"


@pytest.mark.usefixtures("reports")
def test_runs_are_listed_by_target_and_by_site() -> None:
    assert listed(said("list", "--target", "replica")) == ["3", "2", "1"]
    assert listed(said("list", "--site", "https://chatgpt.com/")) == ["5", "4"]
    few = said("list", "--target", "replica", "--last", "1")
    assert listed(few) == ["3"]
    assert few.splitlines()[-1] == "2 older ones: --last 3 lists them too"


@pytest.mark.usefixtures("reports")
def test_a_site_without_runs_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = complained(capsys, monkeypatch, "list", "--site", "https://chat.example")
    assert re.fullmatch(
        r"afterglow: no runs in \S+ on https://chat\.example: `\S+ -m cli runs` lists .*", line
    )


def test_a_run_that_logged_nothing_out_says_so(reports: Path) -> None:
    whole = made_up(6)
    head = whole.content.partition(b"\n")[0]
    whole.changed(head + b'\n{"kind": "end"}\n').put(reports / "runs")
    assert "no log-out was noted" in said("list", "--last", "1")


# The table


@pytest.mark.parametrize(
    ("arguments", "rows"),
    [((), "10 doors"), (("--what", "log-outs"), "5 log-outs"), (("--what", "runs"), "5 runs")],
)
def test_the_runs_are_exported(reports: Path, tmp_path: Path, arguments: tuple[str, ...], rows: str) -> None:
    """What does not count is told on the side."""
    (reports / "runs" / "notes.jsonl").write_text("hello")
    for name in ("table.csv", "table.parquet"):
        output = said("export", str(tmp_path / name), *arguments)
        assert output.splitlines()[-1] == f"{tmp_path / name}: {rows} of 5 runs"
        assert "notes.jsonl is not the file of a run" in output
        assert (tmp_path / name).stat().st_size > 100


@pytest.mark.usefixtures("reports")
@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        (
            "table.xlsx",
            r"afterglow: \S+xlsx would be no table: let its name end in \.csv or \.parquet",
        ),
        ("nowhere/table.csv", r"afterglow: \S+ cannot be written \(No such file or directory\): choose .*"),
        ("taken.csv", r"afterglow: \S+ cannot be written \(Is a directory\): choose another place"),
    ],
)
def test_a_table_that_cannot_be_is_one_line(
    tmp_path: Path,
    name: str,
    complaint: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "taken.csv").mkdir()
    line = complained(capsys, monkeypatch, "export", str(tmp_path / name))
    assert re.fullmatch(complaint, line), line


# What is old


@pytest.fixture
def old(reports: Path) -> list[Path]:
    """What began before 24 November, newest last: three runs, one of which lies there twice, and a night."""
    made_up(1).put(reports / "runs", "copy.jsonl")
    report = reports / "nights" / "20261121T021500Z-1a2b" / "index.html"
    report.parent.mkdir(parents=True)
    report.write_text("<html>")
    at = datetime(2026, 11, 21, tzinfo=UTC).timestamp()
    os.utime(report, (at, at))
    names = [made_up(1).name, "copy.jsonl", made_up(2).name, made_up(3).name]
    return [*(reports / "runs" / name for name in names), report.parent]


BEFORE = ("prune", "--before", "2026-11-24")


def test_pruning_lists_exactly_what_would_go_and_removes_nothing(reports: Path, old: list[Path]) -> None:
    output = said(*BEFORE)
    *lines, last = output.splitlines()
    assert [line.split(":")[0] for line in lines] == [str(path.relative_to(reports)) for path in old]
    assert lines[0].startswith(f"runs/{made_up(1).name}: run 00000001, 1 log-out, ")
    assert last.startswith("nothing was removed: --yes removes these 5, ")
    assert all(path.exists() for path in old)
    assert not (reports / "removed.jsonl").exists()


def test_pruning_with_yes_removes_what_it_had_listed(reports: Path, old: list[Path]) -> None:
    """And nothing else: what was measured is in `removed.jsonl` in brief."""
    *lines, last = said(*BEFORE, "--yes").splitlines()
    assert [line.split(":")[0] for line in lines] == [f"removed {path.relative_to(reports)}" for path in old]
    assert last == f"what they were is in {reports / 'removed.jsonl'}"
    assert not any(path.exists() for path in old)
    assert sorted(path.name for path in (reports / "runs").iterdir()) == [made_up(4).name, made_up(5).name]
    told = [json.loads(line) for line in (reports / "removed.jsonl").read_text().splitlines()]
    assert [line["removed"] for line in told] == [str(path.relative_to(reports)) for path in old]
    assert told[0]["log_outs"][0]["delay_s"] == [1.7, None]
    assert said(*BEFORE, "--yes") == "nothing is as old as that\n"


def test_what_is_to_be_kept_may_be_told_in_days(reports: Path) -> None:
    made_up(7, started=datetime(2001, 2, 3, tzinfo=UTC)).put(reports / "runs")
    made_up(8, started=datetime.now(UTC)).put(reports / "runs")
    assert said("prune", "--keep-days", "365").startswith(
        "runs/20010203T000000Z-00000007.jsonl: run 00000007"
    )
    assert "00000008" not in said("prune", "--keep-days", "1")
    assert said("prune", "--keep-days", "36500") == "nothing is as old as that\n"


@pytest.mark.usefixtures("reports", "old")
@pytest.mark.parametrize("arguments", [(), ("--yes",), ("--before", "2026-11-24", "--keep-days", "3")])
def test_pruning_wants_to_know_what_is_old(
    reports: Path,
    arguments: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = complained(capsys, monkeypatch, "prune", *arguments)
    assert line == (
        "afterglow: say either --before YYYY-MM-DD or --keep-days N: what is older than that goes"
    )
    assert len(list((reports / "runs").iterdir())) == 6
