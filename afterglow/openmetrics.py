"""A run in the OpenMetrics text format, for whoever watches nights with Prometheus or the like.

Counters begin at nothing with every run. There is no classic Prometheus format beside it: a collector that
reads only that one, such as node_exporter's for text files, does not take it. Every name is fixed, and so is
what the labels may say: layers, sessions, actions and kinds of failure, never what a site answered.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
    StateSetMetricFamily,
)
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from afterglow.delay import Interval, Verdict, longest
from afterglow.record import COMPLETE, INTERRUPTED
from afterglow.summary import Summary, overall
from afterglow.telemetry import Latency, LayerAnswers

STATES = ("running", COMPLETE, INTERRUPTED)

NOT_MEASURED = "not measured"
"""Stands in the place of a verdict where there is nothing to judge."""

QUANTILES = {"0.5": "p50_s", "0.9": "p90_s", "0.99": "p99_s", "1": "max_s"}

Row = tuple[Mapping[str, str], float]


def metrics_text(summary: Summary, about: Mapping[str, str]) -> str:
    """The whole file, `# EOF` at its end. `about`: what else is to be said of the run, such as its night."""
    registry = CollectorRegistry()
    registry.register(_Metrics(summary, about))
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return text.decode("utf-8")


@dataclass(frozen=True, slots=True, eq=False)  # a registry knows its collectors by identity
class _Metrics(Collector):
    summary: Summary
    about: Mapping[str, str]

    def collect(self) -> Iterator[Metric]:
        """All families. What a label says goes through the redaction before it is escaped."""
        yield from self._run()
        yield from self._delays()
        yield from self._requests()
        yield from self._answers()
        yield from self._events()

    def _labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        redact = self.summary.redact
        return {name: redact(value) for name, value in {"target": self.summary.target, **labels}.items()}

    def _counter(self, name: str, told: str, rows: Sequence[Row], unit: str = "") -> Metric:
        family = CounterMetricFamily(f"afterglow_{name}", told, unit=unit)
        for labels, value in rows:
            family.add_sample(f"{family.name}_total", self._labels(labels), value)
        return family

    def _gauge(self, name: str, told: str, rows: Sequence[Row], unit: str = "seconds") -> Metric:
        family = GaugeMetricFamily(f"afterglow_{name}", told, unit=unit)
        for labels, value in rows:
            family.add_sample(family.name, self._labels(labels), value)
        return family

    def _one_of(self, name: str, told: str, states: Sequence[str], now: str) -> Metric:
        family = StateSetMetricFamily(f"afterglow_{name}", told)
        for state in states:
            family.add_sample(family.name, self._labels({family.name: state}), float(state == now))
        return family

    def _run(self) -> Iterator[Metric]:
        summary, telemetry = self.summary, self.summary.telemetry
        info = InfoMetricFamily("afterglow_run", "Which run this is.")
        run = summary.run_file.removesuffix(".jsonl")
        info.add_sample("afterglow_run_info", self._labels({"run": run, **self.about}), 1)
        yield info
        yield self._one_of("run_state", "How far the run has come.", STATES, summary.state)
        verdict = overall(summary.measurements)
        yield self._one_of(
            "verdict",
            "The worst verdict of the run against the window.",
            (*Verdict, NOT_MEASURED),
            verdict.value if verdict else NOT_MEASURED,
        )
        started_s = datetime.fromisoformat(summary.started).timestamp()
        yield self._gauge("run_start_timestamp", "When the run began, in Unix time.", [({}, started_s)])
        yield self._gauge("run_duration", "How long the run has taken.", [({}, telemetry.wall_s)])
        yield self._gauge("window", "The promised window.", [({}, summary.window_s)])
        spent = {"suite": telemetry.cpu_s, "ended children": telemetry.children_cpu_s}
        rows: list[Row] = [({"of": of}, cpu_s) for of, cpu_s in spent.items() if cpu_s is not None]
        yield self._counter(
            "cpu", "CPU time of the suite, and of what it started and outlived.", rows, "seconds"
        )

    def _delays(self) -> Iterator[Metric]:
        found = self._longest()
        ends: tuple[tuple[str, list[Row]], ...] = (
            ("lower", [(labels_of(door), delay.rounded(4)[0]) for door, delay in found.items()]),
            ("upper", [(labels_of(door), delay.rounded(4)[1]) for door, delay in found.items()]),
        )
        for end, rows in ends:
            yield self._gauge(
                f"delay_{end}",
                f"The {end} end of the interval that contains how long a layer outlived its log-out: of the "
                "run's longest, where there were several. +Inf is an end that was never seen.",
                rows,
            )

    def _longest(self) -> dict[tuple[str, str, str], Interval]:
        """The longest delay of every door, of those measurements that nothing speaks against."""
        delays: defaultdict[tuple[str, str, str], list[Interval]] = defaultdict(list)
        for measurement in self.summary.measurements:
            for layer in measurement.layers if not measurement.undermined else ():
                delays[measurement.action, layer.session, layer.layer].append(layer.delay)
        return {door: longest(several) for door, several in sorted(delays.items())}

    def _requests(self) -> Iterator[Metric]:
        telemetry = self.summary.telemetry
        for name, told, attribute, unit in (
            ("probe_requests", "Requests that probes made.", "requests", ""),
            ("probe_unanswered_requests", "Of these, how many were never answered.", "unanswered", ""),
            ("probe_sent_bytes", "What probes sent, without the connections' own.", "sent_bytes", "bytes"),
            ("probe_received_bytes", "What they got, unpacked.", "received_bytes", "bytes"),
        ):
            rows: list[Row] = [
                ({"session": each.session, "layer": each.layer}, getattr(each, attribute))
                for each in telemetry.probes
            ]
            yield self._counter(name, told, rows, unit)
        browser = telemetry.browser
        of_pages: list[Row] = [({}, telemetry.page_requests)]
        yield self._counter("page_requests", "Requests that pages made by themselves.", of_pages)
        failed: list[Row] = [({}, browser.failed)]
        yield self._counter("browser_failed_requests", "Requests of the browser that broke.", failed)
        announced: list[Row] = [({}, browser.announced_bytes)]
        yield self._counter("browser_announced_bytes", "Content-Length of what it got.", announced, "bytes")

    def _answers(self) -> Iterator[Metric]:
        layers = self.summary.telemetry.layers
        read: list[Row] = [({"layer": each.layer}, each.readings) for each in layers]
        unknown: list[Row] = [({"layer": each.layer}, each.unknowns) for each in layers]
        yield self._counter("readings", "Answers that probes brought back.", read)
        yield self._counter("unknown_readings", "Of these, how many said nothing.", unknown)
        latency = Metric(
            "afterglow_probe_latency", "From a look's sending to its answer.", "summary", "seconds"
        )
        for answers in layers:
            for said, seconds in _latencies(answers):
                self._add_latency(latency, {"layer": answers.layer, "answer": said}, seconds)
        yield latency

    def _add_latency(self, family: Metric, labels: Mapping[str, str], seconds: Latency) -> None:
        for quantile, attribute in QUANTILES.items():
            value = getattr(seconds, attribute)
            family.add_sample(family.name, self._labels({**labels, "quantile": quantile}), value)
        family.add_sample(f"{family.name}_count", self._labels(labels), seconds.readings)
        family.add_sample(f"{family.name}_sum", self._labels(labels), seconds.sum_s)

    def _events(self) -> Iterator[Metric]:
        summary, telemetry = self.summary, self.summary.telemetry
        judged = Counter((each.action, each.verdict.value) for each in summary.measurements)
        log_outs: list[Row] = [
            ({"action": action, "verdict": verdict}, number)
            for (action, verdict), number in sorted(judged.items())
        ]
        yield self._counter("log_outs", "Log-outs that were measured.", log_outs)
        yield self._counter(
            "flaps", "How often a layer was alive again after it was refused.", [({}, telemetry.flaps)]
        )
        ways: list[Row] = [({"step": step}, number) for step, number in asdict(telemetry.sign_ins).items()]
        yield self._counter("sign_ins", "Sign-ins by password: tried, and how it went.", ways)
        tests = telemetry.tests
        ended: list[Row] = [
            ({"status": each.name}, getattr(tests, each.name))
            for each in fields(tests)
            if each.name != "by_kind"
        ]
        yield self._counter("tests", "How the tests ended.", ended)
        kinds: list[Row] = [({"kind": kind}, number) for kind, number in sorted(tests.by_kind.items())]
        yield self._counter("stopped_tests", "What stopped those that failed or broke.", kinds)
        gaps: list[Row] = [({}, telemetry.gaps.number)]
        yield self._counter("gaps", "Times in which nobody could look.", gaps)
        gaps_s: list[Row] = [({}, telemetry.gaps.whole_s)]
        yield self._counter("gap", "How long these were together.", gaps_s, "seconds")


def labels_of(door: tuple[str, str, str]) -> dict[str, str]:
    """The labels of a delay."""
    return dict(zip(("action", "session", "layer"), door, strict=True))


def _latencies(answers: LayerAnswers) -> Iterator[tuple[str, Latency]]:
    if answers.told is not None:
        yield "told", answers.told
    if answers.unknown is not None:
        yield "unknown", answers.unknown
