"""Which stages a night has, with which settings each runs, and what is left out for which reason."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from afterglow.one_at_a_time import Desk
from afterglow.settings import Settings
from afterglow.states import States
from cli.catalogue import CATALOGUE
from cli.limited import Ended
from cli.night_record import Code, Record, Stage, State, Trouble
from cli.night_sign_ins import REPETITION, require_sign_ins
from cli.night_stages import TESTS, Optional, Tonight, suite_limit_s
from cli.nightly import night_settings
from cli.place import ROOT
from cli.scenario import SCENARIO
from cli.stages import LeftOut, Plan
from fixtures import plugin

NIGHT = "20261122T021500Z-1a2b"
SITE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def _no_settings_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("STATE_DIR", str(tmp_path / "auth"))


def of_a_site(**more: Any) -> Settings:
    """Settings for a site that is there before the night."""
    account = {"account_email": SecretStr("q@example.test"), "account_password": SecretStr("a password")}
    return Settings(base_url=SITE, **{**account, **more})


def tonight(tmp_path: Path, settings: Settings | None, *without: Optional) -> Tonight:
    return Tonight(Record(night=NIGHT), tmp_path, settings, frozenset(without))


def done(name: str, exit_code: int = 0, code: Code = Code.WITHIN) -> Stage:
    state = State.DONE if code is Code.WITHIN else State.FAILED
    return Stage(name=name, state=state, code=code, exit_code=exit_code)


def gone_through(night: Tonight, exit_codes: dict[str, int] | None = None) -> dict[str, Plan]:
    """All plans, each made as if those before had ended like that."""
    plans = {}
    for plan in night.plans():
        plans[plan.name] = plan
        code = (exit_codes or {}).get(plan.name, 0)
        night.record.stages.append(done(plan.name, code, Code.NOT_MEASURED if code else Code.WITHIN))
    return plans


def test_all_stages_in_order_each_with_a_deadline(tmp_path: Path) -> None:
    plans = gone_through(tonight(tmp_path, Settings(repetitions=2, keep_reports_days=30)))
    names = ["doctor", "scenario-1", "scenario-2", "catalogue", "report", "retention", "trend"]
    assert list(plans) == names
    assert all(0 < plan.limit_s < 20 * 3600 for name, plan in plans.items() if name != "retention")


def test_each_run_knows_its_night_and_which_repetition_it_is(tmp_path: Path) -> None:
    plans = gone_through(tonight(tmp_path, Settings(repetitions=2)))
    assert plans["scenario-1"].env == {"NIGHT": NIGHT, "REPETITION": "1"}
    assert plans["scenario-2"].env == {"NIGHT": NIGHT, "REPETITION": "2"}


def test_the_catalogue_waits_for_no_age(tmp_path: Path) -> None:
    plans = gone_through(tonight(tmp_path, Settings()))
    assert plans["catalogue"].env == {"NIGHT": NIGHT, "REPETITION": "", "AGE_AT_MOST_S": "0"}


def test_all_runs_of_a_night_share_one_folder_of_results_which_the_first_has_cleaned(tmp_path: Path) -> None:
    plans = gone_through(tonight(tmp_path, Settings(repetitions=2)))
    cleans = [name for name, plan in plans.items() if "--clean-alluredir" in plan.command]
    assert cleans == ["scenario-1"]


def test_a_first_run_that_never_began_has_cleaned_nothing(tmp_path: Path) -> None:
    """pytest ends with 4 before it cleans: else the next one would add to the results of another night."""
    plans = gone_through(tonight(tmp_path, Settings()), {"scenario-1": 4})
    assert "--clean-alluredir" in plans["catalogue"].command


@pytest.mark.parametrize("wrong", ["2", "3", "-9"])
def test_nothing_is_logged_out_on_a_site_that_the_doctor_did_not_find_ready(
    tmp_path: Path, wrong: str
) -> None:
    plans = gone_through(tonight(tmp_path, Settings()), {"doctor": int(wrong)})
    for name in ("scenario-1", "catalogue"):
        with pytest.raises(LeftOut, match="the doctor did not find it ready"):
            plans[name].begin()


def test_wrong_settings_leave_the_trend_alone(tmp_path: Path) -> None:
    plans = gone_through(tonight(tmp_path, None))
    assert list(plans) == ["report", "trend"]
    with pytest.raises(LeftOut, match="nothing was run"):
        tonight(tmp_path, None).report().begin()


def test_what_is_left_out_on_purpose_is_no_trouble(tmp_path: Path) -> None:
    plans = gone_through(tonight(tmp_path, Settings(), Optional.DOCTOR, Optional.CATALOGUE))
    for name in ("doctor", "catalogue"):
        with pytest.raises(LeftOut, match=f"--without {name}") as left_out:
            plans[name].begin()
        assert left_out.value.code is Code.WITHIN
    plans["scenario-1"].begin()


def test_no_stages_deadline_cuts_what_a_tests_own_limit_allows() -> None:
    settings = Settings(revocation_window_s=1800, repetitions=3)
    codes = plugin.SIGN_INS * 300
    allowed = 1800 + sum(settings.patience_s) + 10 + plugin.BESIDES_WATCHING_S
    assert suite_limit_s(settings, SCENARIO) > 3 * allowed
    assert suite_limit_s(of_a_site(sign_in_code="prompt"), SCENARIO) > 3 * codes


def test_the_catalogue_has_no_more_tests_than_its_deadline_allows(checks_of_the_catalogue: int) -> None:
    assert checks_of_the_catalogue <= TESTS[CATALOGUE]


@pytest.fixture(scope="module")
def checks_of_the_catalogue() -> int:
    """How many tests pytest finds in the catalogue."""
    command = [sys.executable, "-m", "pytest", CATALOGUE, "--collect-only", "-q", "-p", "no:cacheprovider"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sum("::" in line for line in said.splitlines())


# The doctor


def test_the_doctor_tells_what_is_in_the_way(
    tmp_path: Path, write_json: Callable[[Path, object], None]
) -> None:
    plan = tonight(tmp_path, Settings()).doctor()
    finding = {"area": "sign-in", "what": "the account", "status": "wrong", "detail": "sign-in blocked"}
    now = datetime.now(UTC).isoformat()
    told = {"target": "replica", "ended": now, "findings": [{**finding, "remedy": "make signin"}]}
    write_json(tmp_path / "doctor.json", told)
    (tmp_path / "doctor.html").write_text("<html>")
    assert plan.found is not None
    found = plan.found(Ended(2))
    assert found.stage.code is Code.NOT_MEASURED
    assert found.troubles == [
        Trouble(
            stage="doctor",
            what="sign-in: the account (wrong)",
            why="sign-in blocked",
            remedy="make signin",
        )
    ]
    assert (tmp_path / "nights" / NIGHT / "doctor.json").exists()


def test_settings_that_the_doctor_finds_wrong_are_a_misconfiguration(
    tmp_path: Path, write_json: Callable[[Path, object], None]
) -> None:
    plan = tonight(tmp_path, Settings()).doctor()
    write_json(tmp_path / "doctor.json", {"target": "replica", "ended": datetime.now(UTC).isoformat()})
    (tmp_path / "doctor.html").write_text("<html>")
    assert plan.found is not None
    assert plan.found(Ended(3)).stage.code is Code.MISCONFIGURED


def test_what_an_older_doctor_said_is_not_told_of_tonight(
    tmp_path: Path, write_json: Callable[[Path, object], None]
) -> None:
    write_json(tmp_path / "doctor.json", {"target": "replica", "findings": []})
    plan = tonight(tmp_path, Settings()).doctor()
    assert plan.found is not None
    found = plan.found(Ended(-9, hung=True))
    assert (found.stage.state, found.stage.files) == (State.HUNG, ())


def test_a_code_that_somebody_would_have_to_type_is_a_misconfiguration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SIGN_IN_CODE", "prompt")
    settings, wrong = night_settings()
    assert settings is None
    assert wrong is not None
    assert "nobody types a code at night" in wrong


# Sign-ins


def signed_in(settings: Settings, times: int) -> None:
    """The account was signed in so often within the last day."""
    assert settings.home is not None
    assert settings.account_email is not None
    for _ in range(times):
        Desk.of(settings.home, settings.account_email).note_sign_in(None)


@pytest.mark.parametrize(("limit", "times", "left_out"), [(12, 8, False), (12, 9, True), (3, 0, True)])
def test_a_repetition_is_left_out_where_the_days_sign_ins_do_not_suffice(
    limit: int, times: int, left_out: bool
) -> None:
    settings = of_a_site(sign_ins_per_day=limit)
    signed_in(settings, times)
    if not left_out:
        require_sign_ins(settings, REPETITION, Code.NOT_MEASURED)
        return
    with pytest.raises(LeftOut, match=rf"up to 4 sign-ins, and SIGN_INS_PER_DAY \({limit}") as told:
        require_sign_ins(settings, REPETITION, Code.NOT_MEASURED)
    assert told.value.code is Code.NOT_MEASURED


def test_the_catalogue_is_left_out_where_the_days_sign_ins_do_not_suffice_and_that_is_no_trouble(
    tmp_path: Path,
) -> None:
    plans = gone_through(tonight(tmp_path, of_a_site(sign_ins_per_day=12)))
    with pytest.raises(LeftOut) as left_out:
        plans["catalogue"].begin()
    assert left_out.value.code is Code.WITHIN


def test_an_account_that_is_made_up_is_signed_in_as_often_as_need_be(tmp_path: Path) -> None:
    plans = gone_through(tonight(tmp_path, Settings()))
    plans["scenario-1"].begin()
    plans["catalogue"].begin()


@pytest.mark.parametrize(
    ("kept", "missing"),
    [
        ([], "primary secondary secondary"),
        (["primary", "secondary"], "secondary"),
        (["primary", "secondary", "secondary"], None),
    ],
)
def test_kept_sign_ins_that_are_spent_need_a_person(
    tmp_path: Path, kept: list[str], missing: str | None
) -> None:
    settings = of_a_site(sign_in="state", account_password=None, state_dir=tmp_path / "auth")
    states = States(tmp_path / "auth", SITE, SecretStr("q@example.test"))
    now = datetime.now(UTC)
    for name in kept:
        states.keep({"cookies": []}, name, (now, now), now + timedelta(days=1))
    if missing is None:
        require_sign_ins(settings, REPETITION, Code.NOT_MEASURED)
        return
    with pytest.raises(LeftOut, match="needs a person") as left_out:
        require_sign_ins(settings, REPETITION, Code.NOT_MEASURED)
    assert left_out.value.remedy == f'make signin ARGS="{missing}"'


# The report and the trend


def test_the_report_of_the_night_is_kept_and_known_issues_are_passed_over(
    tmp_path: Path, write_json: Callable[[Path, object], None]
) -> None:
    """A promise that was broken and is listed as known makes no alarm every night."""
    night = tonight(tmp_path, Settings())
    night.record.stages.append(done("scenario-1", 1, Code.BROKEN_PROMISE))
    night.record.troubles.append(Trouble(stage="scenario-1", what="x", why="y", broken_promise=True))
    write_json(tmp_path / "allure-report/quality-gate.json", gate(kept=True))
    (tmp_path / "allure-report/index.html").write_text("<html>")
    plan = night.report()
    assert plan.found is not None
    night.record.add(plan.found(Ended(0)))
    assert (tmp_path / "nights" / NIGHT / "index.html").exists()
    assert night.record.exit_code is Code.WITHIN
    assert night.record.troubles[0].known


@pytest.mark.parametrize("says", ["broken", "nothing"])
def test_a_promise_that_is_broken_and_not_known_stays_broken(
    tmp_path: Path, write_json: Callable[[Path, object], None], says: str
) -> None:
    night = tonight(tmp_path, Settings())
    night.record.stages.append(done("scenario-1", 1, Code.BROKEN_PROMISE))
    night.record.troubles.append(Trouble(stage="scenario-1", what="x", why="y", broken_promise=True))
    if says == "broken":
        write_json(tmp_path / "allure-report/quality-gate.json", gate(kept=False))
    (tmp_path / "allure-report").mkdir(exist_ok=True)
    (tmp_path / "allure-report/index.html").write_text("<html>")
    plan = night.report()
    assert plan.found is not None
    night.record.add(plan.found(Ended(0)))
    assert night.record.exit_code is Code.BROKEN_PROMISE
    assert not night.record.troubles[0].known


def gate(*, kept: bool) -> list[dict[str, object]]:
    """What the report's gate says."""
    return [
        {"rule": "every promise kept", "success": kept, "message": "…"},
        {"rule": "everything measured", "success": True, "message": "…"},
    ]


def test_a_report_of_before_is_not_built_again_for_a_night_without_a_run(tmp_path: Path) -> None:
    night = tonight(tmp_path, Settings())
    night.record.stages.append(Stage(name="scenario-1", state=State.LEFT_OUT, code=Code.WITHIN))
    with pytest.raises(LeftOut, match="nothing was run"):
        night.report().begin()


def test_old_reports_go_and_their_names_are_told(tmp_path: Path) -> None:
    old = tmp_path / "nights" / "20200101T000000Z-0000"
    old.mkdir(parents=True)
    (old / "index.html").write_text("<html>")
    os.utime(old / "index.html", (0, 0))
    night = tonight(tmp_path, Settings(keep_reports_days=30))
    plan = night.retention(30)
    assert plan.found is not None
    plan.found(Ended(0))
    assert not (old / "index.html").exists()
    assert any(old.name in line for line in night.record.removed)


def finding(action: str, layer: str | None = None) -> dict[str, object]:
    """What the trend says of one question, for machines."""
    return {
        "question": {
            "action": action,
            "layer": layer,
            "surface": None,
            "engine": None,
            "told": f"{action}, …",
        },
        "in_short": ["the promise", "the change", "since then"],
    }


def test_the_trend_is_told_in_a_sentence_for_each_action_and_for_what_has_got_worse(
    tmp_path: Path, write_json: Callable[[Path, object], None]
) -> None:
    night = tonight(tmp_path, Settings())
    plan = night.trend()
    findings = [
        finding("log out all"),
        finding("log out all", "access"),
        finding("log out all", "codex"),
    ]
    write_json(tmp_path / "trend.json", {"findings": findings, "longer_too": ["log out all, access"]})
    assert plan.found is not None
    plan.found(Ended(0))
    assert night.record.trend == [
        "log out all: the promise; the change; since then",
        "longer lately, also by themselves: log out all, access",
    ]


def test_the_trend_of_yesterday_is_not_told_again(
    tmp_path: Path, write_json: Callable[[Path, object], None]
) -> None:
    write_json(tmp_path / "trend.json", {"findings": [finding("log out all")], "longer_too": []})
    night = tonight(tmp_path, Settings())
    plan = night.trend()
    assert plan.found is not None
    plan.found(Ended(1))
    assert night.record.trend == []
