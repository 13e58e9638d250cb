"""What a run costs: counted on the way, summed up at the end, and told to people and machines."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from afterglow.clock import Gap
from afterglow.delay import Interval
from afterglow.measurement import Measurement, layer_result
from afterglow.openmetrics import metrics_text
from afterglow.outcomes import NeedsPerson
from afterglow.readings import Moments, Reading, State
from afterglow.redaction import Redactor
from afterglow.schedule import Schedule
from afterglow.summary import Summary
from afterglow.telemetry import (
    APART,
    OTHER,
    BrowserTraffic,
    Carried,
    Endings,
    Gaps,
    Latency,
    LayerAnswers,
    Meter,
    ProbeTraffic,
    SignIns,
    Telemetry,
    Traffic,
    percentile,
    traffic_of,
)
from afterglow.watch import LayerWatch, Patience
from probes.asking import Got, Wanted

SECONDS = st.floats(min_value=0, max_value=1e3)
COUNTS = st.dictionaries(st.text(), st.integers(min_value=0))
LATENCIES = st.none() | st.builds(
    Latency, sum_s=SECONDS, p50_s=SECONDS, p90_s=SECONDS, p99_s=SECONDS, max_s=SECONDS
)
TELEMETRIES = st.builds(
    Telemetry,
    wall_s=SECONDS,
    cpu_s=st.none() | SECONDS,
    children_cpu_s=st.none() | SECONDS,
    probes=st.tuples() | st.tuples(st.from_type(ProbeTraffic)),
    browser=st.from_type(BrowserTraffic),
    layers=st.lists(st.builds(LayerAnswers, codes=COUNTS, told=LATENCIES, unknown=LATENCIES)).map(tuple),
    sign_ins=st.from_type(SignIns),
    tests=st.builds(Endings, by_kind=COUNTS),
    gaps=st.builds(Gaps, whole_s=SECONDS),
)
MOMENTS = Moments(9.5, 9.9, 10.0)


def reading(state: State, latency_s: float, *, layer: str = "session", code: str = "") -> Reading:
    return Reading("secondary", layer, 100.0, 100.0 + latency_s, state, code)


def measured(*delays: Interval, undermined: str | None = None) -> Measurement:
    """A log-out of one, whose session layer had these delays in turn, and flapped three times in each."""
    watch = LayerWatch("secondary", "session", Schedule(30.0), Patience(1.0, 5.0), MOMENTS)
    layers = tuple(replace(layer_result(watch), delay=delay, flaps=3) for delay in delays)
    return Measurement("log out one", 30.0, MOMENTS, layers, undermined=undermined)


def summary_of(
    telemetry: Telemetry, *measurements: Measurement, redact: Redactor | None = None, target: str = "replica"
) -> Summary:
    return Summary(
        Path("unused"),
        redact or Redactor(),
        target,
        30.0,
        "2026-06-02T01:02:03+00:00",
        "20260602T010203Z-0123abcd.jsonl",
        measured=[(each, "") for each in measurements],
        telemetry=telemetry,
    )


def parsed(text: str) -> dict[str, Metric]:
    """The families by their names, as somebody else's parser reads them."""
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return {family.name: family for family in families}


def samples(text: str, family: str) -> dict[tuple[str, ...], float]:
    """The values of one family by their labels, but for the target's."""
    return {
        (sample.name.removeprefix(family), *(v for k, v in sorted(sample.labels.items()) if k != "target")): (
            sample.value
        )
        for sample in parsed(text)[family].samples
    }


# Counting


@given(st.lists(SECONDS, min_size=1), st.sampled_from([50, 90, 99, 100]))
def test_a_percentile_is_the_order_statistic_that_numpy_gives(seconds: list[float], percent: int) -> None:
    """No value is made up between two others: every percentile is a latency that was read."""
    wanted = np.percentile(seconds, percent, method="inverted_cdf")
    assert percentile(sorted(seconds), percent) == wanted


def test_answers_that_say_nothing_are_counted_by_themselves() -> None:
    """A time-out of ten seconds says nothing of how long a site takes that answers."""
    meter = Meter()
    for latency_s in (0.01, 0.03, 0.02):
        meter.read(reading(State.ALIVE, latency_s))
    meter.read(reading(State.REVOKED, 0.04, code="token_revoked"))
    meter.read(reading(State.UNKNOWN, 10.0, code="timeout"))
    [layer] = meter.sum_up((), Redactor()).layers
    assert (layer.readings, layer.unknowns, layer.codes) == (5, 1, {"timeout": 1})
    assert layer.unknown_rate == 0.2
    assert layer.told is not None
    assert layer.unknown is not None
    assert (layer.told.readings, layer.told.p50_s, layer.told.max_s) == (4, 0.02, 0.04)
    assert (layer.unknown.readings, layer.unknown.p50_s) == (1, 10.0)


def test_a_layer_that_listens_has_no_latency() -> None:
    """What comes on a stream is as far apart as the site sends it."""
    meter = Meter()
    meter.read(reading(State.ALIVE, 0.1, layer="stream"))
    [layer] = meter.sum_up((), Redactor()).layers
    assert (layer.readings, layer.told, layer.unknown) == (1, None, None)


def test_however_many_codes_a_site_has_the_list_stays_short() -> None:
    """The most frequent ones are told apart. What a code holds of secrets is not told."""
    meter, redact = Meter(), Redactor()
    redact.learn("correct horse")
    for number in range(3 * APART):
        for _ in range(number + 1):
            meter.read(reading(State.UNKNOWN, 1.0, code=f"correct horse {number}"))
    [layer] = meter.sum_up((), redact).layers
    assert len(layer.codes) == APART + 1
    assert sum(layer.codes.values()) == layer.readings
    assert max(layer.codes, key=lambda code: layer.codes[code]) == OTHER
    assert "correct horse" not in json.dumps(dict(layer.codes))


def test_the_traffic_of_all_probes_of_a_door_is_added_up() -> None:
    """A rehearsal and every watch have probes of their own; what was never answered is told."""
    rehearsed, watched = Traffic(), Traffic()
    in_page = Traffic(in_page=True)
    for traffic in (rehearsed, watched, watched, in_page):
        traffic.sent(100)
    for traffic in (rehearsed, watched, in_page):
        traffic.came(1000)
    found = traffic_of(
        [
            Carried("secondary", "session", rehearsed),
            Carried("secondary", "session", watched),
            Carried("secondary", "tab", in_page),
        ]
    )
    assert found == (
        ProbeTraffic("secondary", "session", 3, 0, 1, 300, 2000),
        ProbeTraffic("secondary", "tab", 1, 1, 0, 100, 1000),
    )


def test_a_request_and_its_answer_have_a_size() -> None:
    """As they are written; half a character, which only a script can make, breaks nothing."""
    wanted = Wanted("/me", cookies={"a": "bc"}, bearer="token", accept="x")
    assert wanted.size_bytes == len(
        "GET /me HTTP/1.1\r\nAccept: x\r\nAuthorization: Bearer token\r\na=bc; \r\n"
    )
    assert Got(200, (("a", "b"),), "é", "").size_bytes == len("HTTP/1.1 200\r\na: b\r\n\r\n") + 2
    assert Got(200, (), "\ud83d", "").size_bytes > Got(200, (), "", "").size_bytes


def test_how_a_sign_in_went_is_seen_by_how_it_ended() -> None:
    """Done, blocked, or neither: a site that broke down has blocked nobody."""
    meter = Meter()
    with meter.sign_in():
        pass
    for error in (NeedsPerson("a challenge"), RuntimeError("the browser is gone")):
        with pytest.raises(type(error)), meter.sign_in():
            raise error
    assert meter.sum_up((), Redactor()).sign_ins == SignIns(tried=3, done=1, blocked=1)


def test_a_test_is_counted_once_by_what_stopped_it_first() -> None:
    """One that broke while it was cleaned up has not passed; what failed has failed, whatever came after."""
    meter = Meter()
    meter.tested("a", "passed")
    meter.tested("b", "passed")
    meter.tested("b", "broken", "NotMeasured")
    meter.tested("c", "failed", "AssertionError")
    meter.tested("c", "broken", "NotMeasured")
    meter.tested("d", "skipped")
    tests = meter.sum_up((), Redactor()).tests
    assert (tests.passed, tests.failed, tests.broken, tests.skipped) == (1, 1, 1, 1)
    assert tests.by_kind == {"AssertionError": 1, "NotMeasured": 1}


def test_flaps_and_gaps_are_added_up() -> None:
    """Over all log-outs, and also of a watch that was never summed up."""
    meter = Meter()
    meter.gap(Gap(10.0, 12.5, "machine suspended"))
    meter.gap(Gap(20.0, 21.0, "process not running"))
    found = meter.sum_up([measured(Interval(1, 2), Interval(2, 3)), measured(Interval(1, 2))], Redactor())
    assert (found.log_outs, found.flaps, found.gaps) == (2, 9, Gaps(2, 3.5))


def test_time_is_counted_from_the_beginning_of_the_run() -> None:
    """Of this process now, and of its children only once they have ended."""
    found = Meter().sum_up((), Redactor())
    assert 0 <= found.wall_s < 60
    assert found.cpu_s is None or 0 <= found.cpu_s < 60


def test_what_probes_asked_inside_a_page_is_not_the_pages_own() -> None:
    """The browser counts all that it requests; a probe that asked through it is counted as a probe."""
    probes = (ProbeTraffic("secondary", "tab", 7, in_page=7), ProbeTraffic("secondary", "access", 9))
    found = Telemetry(probes=probes, browser=BrowserTraffic(requests=100))
    assert (found.probe_requests, found.page_requests) == (16, 93)


# Telling


def test_the_cost_is_told_in_one_line() -> None:
    """What a nightly log should say."""
    telemetry = Telemetry(
        wall_s=48.2,
        cpu_s=11.0,
        children_cpu_s=20.4,
        probes=(ProbeTraffic("secondary", "session", 5454, 10, 0, 400_000, 800_000),),
        browser=BrowserTraffic(requests=320),
        layers=(LayerAnswers("session", 1000, 3),),
        sign_ins=SignIns(4, 4, 0),
    )
    assert telemetry.told == (
        "5,454 requests (1.2 MB) by the probes, 310 by the pages; 4 sign-ins; 48 s, 31 s of CPU; "
        "0.3 % unknown"
    )


def test_a_run_that_came_nowhere_has_a_cost_too() -> None:
    """Nothing was read, so that no rate is stated; and no system need tell of CPU time."""
    telemetry = Telemetry(wall_s=1.4, sign_ins=SignIns(2, 1, 1))
    assert telemetry.told == (
        "0 requests (0 bytes) by the probes, 0 by the pages; 1 sign-in and 1 blocked; 1 s"
    )


@given(TELEMETRIES)
def test_what_is_written_is_read_back_the_same(telemetry: Telemetry) -> None:
    """Through JSON, as a line of the run's file."""
    line = json.dumps({"kind": "telemetry", **telemetry.to_json()}, allow_nan=False)
    assert Telemetry.from_json(json.loads(line)) == telemetry


def test_what_is_absent_was_not_counted() -> None:
    """A run of before knew nothing of it, and one of tomorrow may know more."""
    assert Telemetry.from_json({}) == Telemetry()
    found = Telemetry.from_json({"flaps": 3, "moons": 2, "browser": {"requests": 1}})
    assert found == Telemetry(flaps=3, browser=BrowserTraffic(requests=1))


@pytest.mark.parametrize("fields", [{"flaps": "many"}, {"layers": 3}, {"browser": [1]}])
def test_what_is_no_telemetry_is_refused(fields: dict[str, object]) -> None:
    """Somebody else's line is not read as ours."""
    with pytest.raises(ValueError, match="Telemetry"):
        Telemetry.from_json(fields)


# OpenMetrics


def test_the_metrics_say_what_was_measured() -> None:
    """An end that was never seen is +Inf; of several log-outs of a kind, the longest delay counts."""
    telemetry = Telemetry(layers=(LayerAnswers("session", 10, 1),), sign_ins=SignIns(2, 1, 1))
    text = metrics_text(
        summary_of(
            telemetry,
            measured(Interval(4.11, 4.23)),
            measured(Interval(2.0)),
            measured(Interval(20.0, 21.0), undermined="the control died"),
        ),
        {"night": "20261122T021500Z-1a2b"},
    )
    assert text.endswith("# EOF\n")
    door = ("", "log out one", "session", "secondary")
    assert samples(text, "afterglow_delay_lower_seconds") == {door: 4.11}
    assert samples(text, "afterglow_delay_upper_seconds") == {door: math.inf}
    assert "+Inf" in text
    assert samples(text, "afterglow_verdict") == {
        ("", "within"): 0,
        ("", "late"): 0,
        ("", "undetermined"): 1,
        ("", "not measured"): 0,
    }
    assert samples(text, "afterglow_log_outs")["_total", "log out one", "undetermined"] == 2
    assert samples(text, "afterglow_readings") == {("_total", "session"): 10}
    assert samples(text, "afterglow_sign_ins") == {
        ("_total", "tried"): 2,
        ("_total", "done"): 1,
        ("_total", "blocked"): 1,
    }
    [run] = parsed(text)["afterglow_run"].samples
    assert run.labels["night"] == "20261122T021500Z-1a2b"
    assert run.labels["run"] == "20260602T010203Z-0123abcd"
    assert parsed(text)["afterglow_window_seconds"].unit == "seconds"


def test_a_run_without_measurements_has_metrics_too() -> None:
    """A night in which nobody could sign in is one that somebody has to hear of."""
    text = metrics_text(summary_of(Telemetry()), {})
    assert samples(text, "afterglow_verdict")["", "not measured"] == 1
    assert samples(text, "afterglow_run_state")["", "running"] == 1
    assert not parsed(text)["afterglow_delay_lower_seconds"].samples


def test_the_percentiles_are_the_quantiles_of_a_summary() -> None:
    """With their number and their sum, so that a mean over nights can be made."""
    meter = Meter()
    for latency_s in (0.25, 0.75):
        meter.read(reading(State.ALIVE, latency_s))
    text = metrics_text(summary_of(meter.sum_up((), Redactor())), {})
    assert samples(text, "afterglow_probe_latency_seconds") == {
        ("", "told", "session", "0.5"): 0.25,
        ("", "told", "session", "0.9"): 0.75,
        ("", "told", "session", "0.99"): 0.75,
        ("", "told", "session", "1"): 0.75,
        ("_count", "told", "session"): 2,
        ("_sum", "told", "session"): 1.0,
    }


@given(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")))
def test_a_hostile_name_stays_a_name(layer: str, target: str) -> None:
    """Quotes, backslashes and new lines in a label end neither the label nor the line."""
    telemetry = Telemetry(layers=(LayerAnswers(layer, 1),))
    text = metrics_text(summary_of(telemetry, target=target), {})
    [sample] = parsed(text)["afterglow_readings"].samples
    assert sample.labels == {"layer": layer, "target": target}


def test_no_label_tells_a_secret() -> None:
    """Not even one that the escapes of the format would have changed."""
    redact = Redactor()
    redact.learn('Kanarien"vogel')
    telemetry = Telemetry(layers=(LayerAnswers('Kanarien"vogel', 1), LayerAnswers("q.a@example.test", 1)))
    text = metrics_text(summary_of(telemetry, redact=redact), {})
    assert "Kanarien" not in text
    assert "q.a@" not in text


def test_whatever_a_site_answers_makes_no_new_series() -> None:
    """A code is a site's own: a label for it would grow without end in whatever collects the nights."""
    few, many = Meter(), Meter()
    few.read(reading(State.UNKNOWN, 1.0, code="http_503"))
    for number in range(100):
        many.read(reading(State.UNKNOWN, 1.0, code=f"code {number}"))
    texts = [metrics_text(summary_of(meter.sum_up((), Redactor())), {}) for meter in (few, many)]
    assert len(texts[0].splitlines()) == len(texts[1].splitlines())
