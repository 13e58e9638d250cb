"""The command around the suite: exit codes, one-line errors, interruptions, and the count at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import app, scenario
from cli import test as stages
from cli.drill import LOG_OUT_OF_ALL
from cli.place import ROOT
from cli.running import Failed, quietly

PARENT = (
    "import sys; from cli.running import in_foreground; sys.exit(in_foreground([sys.executable, '-c', {!r}]))"
)

TIDY = """
import time
try:
    print("ready", flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    time.sleep(0.3)
    print("tidied up", flush=True)
    raise SystemExit(7)
"""

STUBBORN = """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""


def started(child: str) -> subprocess.Popen[str]:
    """A command that runs the child in the foreground, as on a terminal of its own."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(child)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_ctrl_c_lets_the_run_finish_its_clean_up() -> None:
    process = started(TIDY)
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=20)[0] == "tidied up\n"
    assert process.returncode == 7


def test_being_asked_to_end_lets_the_run_finish_its_clean_up() -> None:
    process = started(TIDY)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=20)[0] == "tidied up\n"
    assert process.returncode == 7


def test_a_second_ctrl_c_ends_at_once() -> None:
    process = started(STUBBORN)
    began_s = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(1)  # the first one must have arrived, or the two are one
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode != 0
    assert time.monotonic() - began_s < 10


def test_a_quiet_program_that_hangs_ends_with_its_children() -> None:
    began_s = time.monotonic()
    with pytest.raises(Failed, match="not done within 1 s"):
        quietly("sh", "-c", "sleep 60 & wait", limit_s=1)
    assert time.monotonic() - began_s < 10


def test_a_quiet_program_fails_with_its_own_words() -> None:
    with pytest.raises(Failed, match=r"^Error: no such host$"):
        quietly("sh", "-c", "echo downloading; echo Error: no such host >&2; echo bye; exit 3", limit_s=20)


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(Failed, match=r"^/nowhere/npm: No such file"):
        quietly("/nowhere/npm", limit_s=20)


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of reports with the results of some run."""
    monkeypatch.setenv("REPORTS_DIR", str(tmp_path))
    (tmp_path / "allure-results").mkdir()
    (tmp_path / "allure-results" / "1-result.json").write_text("{}")
    return tmp_path


@pytest.mark.parametrize("code", [0, 1, 2])
def test_the_scenario_ends_with_pytests_exit_code_and_the_path_of_its_report(
    code: int, results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scenario, "in_foreground", lambda _command, _env: code)
    monkeypatch.setattr(scenario, "build", lambda reports: reports / "index.html")
    ended = CliRunner().invoke(app, ["scenario"])
    assert ended.exit_code == code
    assert ended.output == f"report: {results / 'index.html'}\n"


@pytest.mark.usefixtures("results")
def test_a_run_that_never_began_gets_no_report_and_no_words_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scenario, "in_foreground", lambda _command, _env: 4)
    ended = CliRunner().invoke(app, ["scenario"])
    assert (ended.exit_code, ended.output) == (4, "")


def test_pytest_gets_every_option_that_is_not_ours(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def noted(command: list[str], _env: object) -> int:
        commands.append(command)
        return 4

    monkeypatch.setattr(scenario, "in_foreground", noted)
    CliRunner().invoke(app, ["scenario", "--headed", "-k", "all devices"])
    assert commands[0][-3:] == ["--headed", "-k", "all devices"]
    assert f"--alluredir={results / 'allure-results'}" in commands[0]


def test_what_a_person_can_mend_is_one_line_with_exit_code_2(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "cli", "report"],
        cwd=ROOT,
        env={**os.environ, "REPORTS_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr == (
        f"afterglow: {tmp_path}/allure-results has no results: run `python -m cli scenario` first\n"
    )


JUNIT = """<testsuites><testsuite>
<testcase name="a"/><testcase name="b"/>
<testcase name="c"><failure/></testcase><testcase name="d"><error/></testcase>
<testcase name="e"><skipped/></testcase>
</testsuite></testsuites>"""


def test_the_count_takes_passed_and_failed_from_junit_and_no_skipped(tmp_path: Path) -> None:
    (tmp_path / "junit.xml").write_text(JUNIT)
    assert stages.counted(tmp_path / "junit.xml") == (2, 2)


def test_the_first_stage_that_fails_is_the_last_and_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    junit = tmp_path / "junit.xml"
    junit.write_text(JUNIT)  # an older run's, which must not be counted

    def never() -> int:
        pytest.fail("ran after a failure")

    made = [
        stages.Stage("lint", lambda: 0),
        stages.Stage("tests", lambda: 3, junit),
        stages.Stage("scenario", never),
    ]
    monkeypatch.setattr(stages, "_stages", lambda _reports, _more: made)
    ended = CliRunner().invoke(app, ["test"])
    assert ended.exit_code == 3
    assert ended.output.splitlines()[-1] == "1 passed, 1 failed"


@pytest.mark.parametrize(("asked", "marks"), [([], ()), (["--long"], ("-m", "not whole_matrix"))])
def test_the_long_tests_run_only_if_asked_for(
    asked: list[str], marks: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What pyproject.toml leaves out by default is said again, without the long tests."""
    more: list[tuple[str, ...]] = []

    def made(_reports: Path, given: tuple[str, ...]) -> list[stages.Stage]:
        more.append(given)
        return [stages.Stage("lint", lambda: 0)]

    monkeypatch.setattr(stages, "_stages", made)
    assert CliRunner().invoke(app, ["test", *asked]).exit_code == 0
    assert more == [marks]


@pytest.mark.usefixtures("results")
def test_the_drill_is_the_log_out_of_all_in_real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever .env says, the drill runs on the replica, with half an hour as its window."""
    ran: list[tuple[list[str], dict[str, str]]] = []

    def noted(command: list[str], env: dict[str, str]) -> int:
        ran.append((command, env))
        return 4

    monkeypatch.setattr(scenario, "in_foreground", noted)
    CliRunner().invoke(app, ["drill", "--headed"])
    [(command, env)] = ran
    assert command[-3:] == ["-k", LOG_OUT_OF_ALL, "--headed"]
    assert (env["TARGET"], env["REVOCATION_WINDOW_S"]) == ("replica", "1800")
    assert f"def {LOG_OUT_OF_ALL}(" in (ROOT / "tests/scenario/test_active_sessions.py").read_text("utf-8")
