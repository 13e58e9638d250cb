"""One measurement and the run's summary: the fields that are promised, and verdicts that are earned."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from afterglow.clock import Gap
from afterglow.delay import Verdict
from afterglow.measurement import Absent, Age, Measurement, controls_of, layer_result, undermining
from afterglow.readings import Moments, Reading, State
from afterglow.redaction import Redactor
from afterglow.schedule import Schedule
from afterglow.summary import Summary, overall
from afterglow.telemetry import LayerAnswers, Telemetry
from afterglow.timeline import control_fate
from afterglow.watch import LayerWatch, Patience

MOMENTS = Moments(clicked_s=9.5, requested_s=9.9, acknowledged_s=10.0)
STARTED = "2026-06-02T01:02:03.004+00:00"
OF = {"a": State.ALIVE, "r": State.REVOKED, "u": State.UNKNOWN}


def watch(
    states: str, *, session: str = "secondary", layer: str = "session", step_s: float = 1.0
) -> LayerWatch:
    """A watch with a reading a second, from the log-out on: alive, refused, unknown."""
    patience = Patience(quiet_s=1.0, grace_s=5.0, chance=0.5, assumed_edges=1)
    watch = LayerWatch(session, layer, Schedule(30.0), patience, MOMENTS)
    for i, letter in enumerate(states):
        sent_s = 10.0 + step_s * i
        code = {"a": "", "r": "token_revoked", "u": "http_503"}[letter]
        watch.take(Reading(session, layer, sent_s, sent_s + 0.25, OF[letter], code))
    return watch


def measured(*watches: LayerWatch, undermined: str | None = None) -> Measurement:
    return Measurement(
        action="log out one",
        window_s=30.0,
        moments=MOMENTS,
        layers=tuple(map(layer_result, watches)),
        ages={"secondary": Age(12.3456, None)},
        undermined=undermined,
    )


IN_TIME = watch("aaaurarrrr")
LATE = watch("aaaarrrr", layer="access", step_s=10.0)
OPEN = watch("aar", layer="page")


@pytest.fixture
def summary(tmp_path: Path) -> Summary:
    redact = Redactor()
    redact.learn("correct horse")
    return Summary(tmp_path / "reports" / "summary.json", redact, "replica", 30.0, STARTED, "run.jsonl")


def content(summary: Summary) -> Any:
    return json.loads(summary.path.read_text(encoding="utf-8"))


def test_what_a_run_costs_is_in_the_summary(summary: Summary) -> None:
    """From the first moment on; what it says of a site's words goes through the redaction like all else."""
    summary.write()
    assert content(summary)["telemetry"]["probe_requests"] == 0
    summary.telemetry = Telemetry(layers=(LayerAnswers("session", 1, 1, {"correct horse": 1}),), flaps=7)
    summary.write()
    found = content(summary)["telemetry"]
    assert (found["flaps"], found["unknown_rate"]) == (7, 1.0)
    assert "correct horse" not in summary.path.read_text(encoding="utf-8")


def test_the_summary_has_the_promised_fields(summary: Summary) -> None:
    """What a nightly job reads; seconds count from the log-out."""
    summary.add(measured(IN_TIME), STARTED)
    found = content(summary)
    assert {name: found[name] for name in ("v", "target", "window_s", "started", "state", "verdict")} == {
        "v": 1,
        "target": "replica",
        "window_s": 30.0,
        "started": STARTED,
        "state": "running",
        "verdict": "within",
    }
    [measurement] = found["measurements"]
    # none comes and goes unnoticed
    assert measurement == {
        "action": "log out one",
        "session": "secondary",
        "layer": "session",
        "delay_s": [5.0, 6.35],
        "confirmed_s": 9.35,
        "first_refusal_s": 4.35,
        "flaps": 1,
        "readings": 10,
        "unknowns": 1,
        "codes": ["token_revoked"],
        "every_edge_s": [5.0, 9.35],
        "renewals": 0,
        "stopped": None,
        "residual_chance": 0.375,  # two edges, four refusals, and six shares for the second try
        "verdict": "within",
    }
    [all_devices] = found["all_devices"]
    assert all_devices == {
        "action": "log out one",
        "delay_s": [5.0, 6.35],
        "first_refusal_s": 4.35,
        "flaps": 1,
        "readings": 10,
        "unknowns": 1,
        "verdict": "within",
    }
    assert found["log_outs"][0]["ages_s"] == {"secondary": {"session": 12.346, "token": None}}


def test_clocks_are_told_apart_from_the_doors_and_have_no_verdict(summary: Summary) -> None:
    """A nightly job that sums up verdicts or delays must not find a clock among them."""
    clock = layer_result(watch("aarrrr", layer="row"))
    summary.add(replace(measured(IN_TIME), clocks=(clock,)), STARTED)
    found = content(summary)
    assert [each["layer"] for each in found["measurements"]] == ["session"]
    [row] = found["clocks"]
    assert (row["action"], row["layer"], row["delay_s"]) == ("log out one", "row", [1.0, 2.35])
    assert "verdict" not in row
    assert found["log_outs"][0]["clocks"] == [{key: row[key] for key in row if key != "action"}]


def test_what_is_not_applicable_is_told_with_its_reason(summary: Summary) -> None:
    """A door that is missing from the measurements was not forgotten."""
    absent = Absent("secondary", "codex", "the target has none")
    summary.add(replace(measured(IN_TIME), absent=(absent,)), STARTED)
    told = {"session": "secondary", "layer": "codex", "why": "the target has none"}
    assert content(summary)["not_applicable"] == [{"action": "log out one", **told}]
    assert content(summary)["log_outs"][0]["not_applicable"] == [told]


def test_a_log_out_is_told_whole(summary: Summary) -> None:
    """Its moments, the order in which its doors closed, its gaps, its cost, and what looking did."""
    early = replace(layer_result(watch("arrrr", layer="mint")), renewals=2)
    it = replace(
        measured(OPEN, IN_TIME),
        gaps=(Gap(12.0, 15.5, "machine suspended"),),
        requests={"secondary": 41},
        budget=900,
    )
    summary.add(replace(it, layers=(*it.layers, early)), STARTED)
    [log_out] = content(summary)["log_outs"]
    assert log_out["clicked_to_requested_s"] == 0.4
    assert log_out["clicked_to_acknowledged_s"] == 0.5
    assert log_out["closing_order"] == ["secondary mint", "secondary session", "secondary page"]
    assert log_out["gaps"] == [{"from_s": 2.0, "to_s": 5.5, "why": "machine suspended"}]
    assert (log_out["requests"], log_out["request_budget"]) == ({"secondary": 41}, 900)
    [changed] = log_out["looking_changed"]
    assert "anew 2 times when its mint was asked" in changed


def test_a_request_that_was_not_seen_has_no_time(summary: Summary) -> None:
    """The click stands in for it, and the file says so."""
    summary.add(replace(measured(IN_TIME), moments=replace(MOMENTS, requested_s=None)), STARTED)
    [log_out] = content(summary)["log_outs"]
    assert log_out["clicked_to_requested_s"] is None
    assert log_out["request_seen"] is False


def test_an_end_that_was_not_seen_is_null(summary: Summary) -> None:
    """Not a number that looks like a result; and one open layer leaves all devices open."""
    summary.add(measured(IN_TIME, OPEN), STARTED)
    found = content(summary)
    assert found["measurements"][1]["delay_s"] == [1.0, None]
    assert found["measurements"][1]["residual_chance"] is None
    assert found["all_devices"][0]["delay_s"] == [5.0, None]
    assert found["all_devices"][0]["verdict"] == "undetermined"


def test_a_layer_that_never_refused_has_no_first_refusal(summary: Summary) -> None:
    """Nor have all devices, then."""
    summary.add(measured(IN_TIME, watch("aaaa")), STARTED)
    found = content(summary)
    assert found["measurements"][1]["first_refusal_s"] is None
    assert found["all_devices"][0]["first_refusal_s"] is None


@pytest.mark.parametrize(
    ("watches", "verdict"),
    [
        ([IN_TIME], Verdict.WITHIN),
        ([IN_TIME, OPEN], Verdict.UNDETERMINED),
        ([IN_TIME, OPEN, LATE], Verdict.LATE),
    ],
)
def test_the_worst_verdict_wins(watches: list[LayerWatch], verdict: Verdict) -> None:
    """Over the layers of a measurement, and over the measurements of a run."""
    assert measured(*watches).verdict is verdict
    assert overall([measured(watch) for watch in watches]) is verdict


def test_without_a_measurement_there_is_no_verdict(summary: Summary) -> None:
    """A run that measured nothing has not passed."""
    summary.write()
    assert content(summary)["verdict"] is None
    assert overall([]) is None


def test_nothing_in_the_summary_of_an_undermined_measurement_says_within(summary: Summary) -> None:
    """The delays are told, but nobody may take them for a verdict."""
    it = measured(IN_TIME, undermined="the control primary was signed out too")
    summary.add(replace(it, clocks=(layer_result(watch("aarrrr", layer="row")),)), STARTED)
    text = summary.path.read_text(encoding="utf-8")
    assert "within" not in text
    assert content(summary)["log_outs"][0]["why_undetermined"] == "the control primary was signed out too"


def test_the_file_is_replaced_in_one_step(summary: Summary, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that dies while it writes leaves the last whole file behind."""
    summary.add(measured(IN_TIME), STARTED)
    before = summary.path.read_bytes()

    def torn(path: Path, text: str, encoding: str) -> None:
        path.write_bytes(text[: len(text) // 2].encode(encoding))
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_text", torn)
    with pytest.raises(OSError, match="no space left"):
        summary.add(measured(LATE), STARTED)
    assert summary.path.read_bytes() == before


def test_the_summary_holds_no_secret(summary: Summary) -> None:
    """Whatever a session was called, and whatever the site said."""
    leaky = layer_result(watch("arrr", session="correct horse"))
    summary.add(
        Measurement("log out one", 30.0, MOMENTS, (leaky,), undermined="for qa@example.test"), STARTED
    )
    text = summary.path.read_text(encoding="utf-8")
    assert "horse" not in text
    assert "q…@example.test" in text


def test_a_session_is_out_when_its_last_layer_is() -> None:
    """The largest delay over its layers; another session's layers are none of its."""
    it = measured(IN_TIME, watch("aarrr", layer="access"), watch("aaaaaaarrr", session="tertiary"))
    assert it.sessions == ("secondary", "tertiary")
    assert it.of_session("secondary") == IN_TIME.interval
    assert it.all_devices == it.of_session("tertiary")


@pytest.mark.parametrize(
    ("watches", "why"),
    [
        ([IN_TIME], ""),
        ([IN_TIME, OPEN], "secondary page outlived the log-out by over 1.00 s"),
        ([watch("aauu")], "secondary session could not be read at the end (http_503)"),
        ([watch("")], "secondary session was never read"),
    ],
)
def test_what_kept_it_from_a_verdict_is_told(watches: list[LayerWatch], why: str) -> None:
    """In words of a person."""
    assert measured(*watches).why_undetermined() == why


@pytest.mark.parametrize(
    ("states", "why"),
    [
        ("aaaa", None),
        ("aaraa", None),
        ("aauu", None),
        ("", "the control primary was not once seen alive"),
        ("aarrrr", "the control primary was signed out too, although nobody ended it"),
        ("aaar", "the control primary was being refused when the watch ended"),
        ("aaaru", "the control primary was being refused when the watch ended"),
        ("uuu", "the control primary was not once seen alive"),
    ],
)
def test_a_control_that_was_lost_undermines_a_measurement(states: str, why: str | None) -> None:
    """What died without having been logged out shows that something else was at work."""
    assert undermining(controls_of([watch(states, session="primary")])) == why


@pytest.mark.parametrize(
    ("states", "lost", "fate"),
    [
        ("aaaa", False, "stayed alive"),
        ("aarau", False, "stayed alive"),
        ("uuu", False, "never seen"),
        ("aaar", True, "was refused at the end"),
        ("aarrrr", True, "was ended too"),
    ],
)
def test_a_control_that_is_refused_at_the_end_is_lost(states: str, lost: bool, fate: str) -> None:
    """A refusal that is not confirmed yet must not pass for having stayed alive; an outage is no refusal."""
    [control] = controls_of([watch(states, session="primary")])
    assert (control.lost, control_fate(control)) == (lost, fate)


def test_a_control_says_how_often_it_was_seen_alive() -> None:
    """Looking at it is kept sparse, so the number matters."""
    [control] = controls_of([watch("aaru", session="primary")])
    assert control.to_json() == {"session": "primary", "readings": 4, "alive": 2, "died": False}
