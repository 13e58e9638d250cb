"""Which build server made a run is told in the report, and nothing that the server keeps secret."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from afterglow.redaction import Redactor
from fixtures.executor import executor, write_executor
from fixtures.run import Run
from tests.report.by_hand import Folder

SECRETS = {
    "GITHUB_TOKEN": "ghs_hush",
    "ACTIONS_RUNTIME_TOKEN": "hush",
    "CI_JOB_TOKEN": "glcbt-hush",
    "CI_REPOSITORY_URL": "https://gitlab-ci-token:glcbt-hush@gitlab.test/o/r.git",
    "BUILDKITE_AGENT_ACCESS_TOKEN": "hush",
    "ACCOUNT_PASSWORD": "hush",
}
"""What such environments hold besides."""

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_RUN_NUMBER": "128",
    "GITHUB_RUN_ID": "9301",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_WORKFLOW": "Nightly",
    "GITHUB_SERVER_URL": "https://github.test",
    "GITHUB_REPOSITORY": "o/r",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PIPELINE_IID": "17",
    "CI_JOB_NAME": "nightly",
    "CI_JOB_URL": "https://gitlab.test/o/r/-/jobs/55",
    "CI_PROJECT_URL": "https://gitlab.test/o/r",
}
JENKINS = {
    "JENKINS_URL": "https://qa:hush@jenkins.test:8443/",
    "BUILD_NUMBER": "9",
    "JOB_NAME": "afterglow/nightly",
    "BUILD_URL": "https://qa:hush@jenkins.test:8443/job/afterglow/9/?token=hush#hush",
}
BUILDKITE = {
    "BUILDKITE": "true",
    "BUILDKITE_BUILD_NUMBER": "3",
    "BUILDKITE_PIPELINE_NAME": "nightly",
    "BUILDKITE_BUILD_URL": "https://buildkite.test/o/nightly/builds/3",
}


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        (
            GITHUB,
            {
                "name": "GitHub Actions",
                "type": "github",
                "url": "https://github.test/o/r",
                "buildName": "Nightly #128",
                "buildUrl": "https://github.test/o/r/actions/runs/9301/attempts/2",
                "buildOrder": 128,
            },
        ),
        (
            GITLAB,
            {
                "name": "GitLab CI",
                "type": "gitlab",
                "url": "https://gitlab.test/o/r",
                "buildName": "nightly #17",
                "buildUrl": "https://gitlab.test/o/r/-/jobs/55",
                "buildOrder": 17,
            },
        ),
        (
            JENKINS,
            {
                "name": "Jenkins",
                "type": "jenkins",
                "url": "https://jenkins.test:8443/",
                "buildName": "afterglow/nightly #9",
                "buildUrl": "https://jenkins.test:8443/job/afterglow/9/",
                "buildOrder": 9,
            },
        ),
        (
            BUILDKITE,
            {
                "name": "Buildkite",
                "type": "buildkite",
                "buildName": "nightly #3",
                "buildUrl": "https://buildkite.test/o/nightly/builds/3",
                "buildOrder": 3,
            },
        ),
    ],
    ids=["GitHub", "GitLab", "Jenkins", "Buildkite"],
)
def test_a_build_is_told_with_its_number_and_its_address(
    environment: dict[str, str], told: dict[str, str | int]
) -> None:
    """Nothing but what is meant for the report is taken, and no address keeps a password or a query."""
    assert executor({**SECRETS, **environment}) == told


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({"GITHUB_ACTIONS": "true"}, {"name": "GitHub Actions", "type": "github"}),
        (
            {"JENKINS_URL": "jenkins", "BUILD_URL": "javascript:alert(1)", "BUILD_NUMBER": "nine"},
            {"name": "Jenkins", "type": "jenkins", "buildName": "nine"},
        ),
        ({"GITLAB_CI": "true", "CI_JOB_URL": "https://[", "CI_JOB_NAME": "x"}, {
            "name": "GitLab CI", "type": "gitlab", "buildName": "x",
        }),
    ],
    ids=["bare", "no addresses", "no address at all"],
)  # fmt: skip
def test_what_a_server_does_not_say_or_says_wrongly_is_left_out(
    environment: dict[str, str], told: dict[str, str]
) -> None:
    assert executor(environment) == told


def test_a_run_by_hand_leaves_no_executor_not_even_that_of_the_run_before(tmp_path: Path) -> None:
    write_executor(tmp_path, GITHUB, Redactor())
    assert json.loads((tmp_path / "executor.json").read_text(encoding="utf-8"))["buildOrder"] == 128
    write_executor(tmp_path, SECRETS, Redactor())
    assert not (tmp_path / "executor.json").exists()


def test_a_run_writes_it_among_its_results_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**SECRETS, **GITHUB}.items():
        monkeypatch.setenv(name, value)
    run: Any = SimpleNamespace(environment={"Target": "replica"}, redact=Redactor())
    Run.describe(run, tmp_path)
    assert json.loads((tmp_path / "executor.json").read_text(encoding="utf-8")) == executor(GITHUB)


def test_the_report_shows_circumstances_and_build(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.add("log-out", "passed")
    write_executor(folder.results, GITLAB, Redactor())
    folder.write(
        "allure-results/environment.properties", "Target=replica\nWindow=30 s\nNight=20261122T021500Z-1a2b\n"
    )
    report = folder.build()
    assert '"executor":{"name":"GitLab CI","type":"gitlab","url":"https://gitlab.test/o/r"' in report.html
    assert {item["name"]: item["values"] for item in report.data("widgets/allure_environment.json")} == {
        "Target": ["replica"],
        "Window": ["30 s"],
        "Night": ["20261122T021500Z-1a2b"],
    }


def test_the_report_holds_nothing_of_git_and_of_a_build_server_but_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Allure by itself puts into it the address of the repository, and those of the build, as they are."""
    git = shutil.which("git")
    assert git is not None, "this test needs git"
    remote = "https://qa:hushhush@github.test/o/r.git"
    for command in (["init", "--quiet"], ["remote", "add", "origin", remote]):
        subprocess.run([git, *command], cwd=tmp_path, check=True)
    for name, value in JENKINS.items():
        monkeypatch.setenv(name, value.replace("hush", "hushhush"))
    monkeypatch.setenv("JOB_URL", "https://qa:hushhush@jenkins.test:8443/job/afterglow/")
    folder = Folder(tmp_path / "reports")
    folder.add("log-out", "passed")
    folder.build()
    for file in (*folder.html.parent.rglob("*.*"), folder.history):
        assert b"hushhush" not in file.read_bytes(), file
    assert '"type":"local"' in folder.html.read_text(encoding="utf-8"), (
        "what Allure found is told elsewhere now"
    )
