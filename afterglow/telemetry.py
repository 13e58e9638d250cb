"""What a run cost, and how well its probes were answered: counted as it goes, summed up at its end.

Counting is all that is done while a watch looks: nothing is asked, awaited or sorted for it. Not counted is
what tests ask for by themselves, and what the stream layer asks for: an answer, and at its end whether the
site is still there.
"""

from __future__ import annotations

import sys
import threading
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from pydantic import TypeAdapter
from rich.filesize import decimal

from afterglow.clock import Gap, now_s
from afterglow.measurement import Json, Measurement
from afterglow.outcomes import SignInBlocked
from afterglow.readings import Reading, State
from afterglow.redaction import Redactor

if sys.platform != "win32":
    import resource

APART = 12
"""So many kinds of one thing are told apart; the rarer ones are counted together, so that no list grows."""

OTHER = "other"

LISTENS = "stream"
"""The layer that listens: its readings are as far apart as what the site sends, and tell of no latency."""


# What is known at the end


@dataclass(frozen=True, slots=True)
class Latency:
    """From the sending of a look to its answer, in seconds. The percentiles are answers that came."""

    readings: int = 0
    sum_s: float = 0.0
    p50_s: float = 0.0
    p90_s: float = 0.0
    p99_s: float = 0.0
    max_s: float = 0.0

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Latency | None:
        """None for no answers at all."""
        ordered = sorted(seconds)
        if not ordered:
            return None
        tops = (percentile(ordered, percent) for percent in (50, 90, 99, 100))
        return cls(len(ordered), round(sum(ordered), 6), *(round(top, 6) for top in tops))


def percentile(ordered: Sequence[float], percent: int) -> float:
    """The smallest of the values that at least so many percent do not exceed: an order statistic."""
    return ordered[max(0, -(-percent * len(ordered) // 100) - 1)]


@dataclass(frozen=True, slots=True)
class LayerAnswers:
    """How the looks at one layer were answered, by all sessions, rehearsals and controls included.

    codes: what made answers unknown, how often each. told: latency of the answers that said something.
    unknown: of those that did not, time-outs among them.
    """

    layer: str
    readings: int = 0
    unknowns: int = 0
    codes: Mapping[str, int] = field(default_factory=dict)
    told: Latency | None = None
    unknown: Latency | None = None

    @property
    def unknown_rate(self) -> float:
        """The share of answers that said nothing."""
        return self.unknowns / self.readings if self.readings else 0.0


@dataclass(frozen=True, slots=True)
class ProbeTraffic:
    """What the probes of one layer of one session sent, over HTTP or from inside a page.

    in_page: so many of the requests went from inside a page. unanswered: so many were broken off, or never
    answered. Bytes are those of requests and answers as HTTP/1.1 writes them, unpacked, without what a
    connection and its encryption take, and without what a browser adds to a request.
    """

    session: str
    layer: str
    requests: int = 0
    in_page: int = 0
    unanswered: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0


@dataclass(frozen=True, slots=True)
class BrowserTraffic:
    """What all pages of the run's browser requested, those requests included that probes made inside a page.

    announced_bytes: of the bodies, as far as their answers said how long they are; one from the browser's
    own cache says so too. What really came is not asked: to wait for a body may take for ever.
    """

    requests: int = 0
    failed: int = 0
    announced_bytes: int = 0


@dataclass(frozen=True, slots=True)
class SignIns:
    """Sign-ins by password. What was tried and is neither done nor blocked met with something else."""

    tried: int = 0
    done: int = 0
    blocked: int = 0


@dataclass(frozen=True, slots=True)
class Endings:
    """How the tests of this process ended, in the report's words; by_kind: the exceptions' class names."""

    passed: int = 0
    failed: int = 0
    broken: int = 0
    skipped: int = 0
    by_kind: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gaps:
    """Times in which nobody could look."""

    number: int = 0
    whole_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What a run cost, and how it went.

    wall_s: from pytest's start to the moment of counting. cpu_s: of this process since then, of all its
    threads. children_cpu_s: of the processes that it had started and waited for, and of those that they had:
    the replica, Playwright's driver and its browser, once they have ended. None where the system tells none.
    """

    wall_s: float = 0.0
    cpu_s: float | None = None
    children_cpu_s: float | None = None
    probes: tuple[ProbeTraffic, ...] = ()
    browser: BrowserTraffic = field(default_factory=BrowserTraffic)
    layers: tuple[LayerAnswers, ...] = ()
    sign_ins: SignIns = field(default_factory=SignIns)
    tests: Endings = field(default_factory=Endings)
    log_outs: int = 0
    flaps: int = 0
    gaps: Gaps = field(default_factory=Gaps)

    @property
    def probe_requests(self) -> int:
        """All requests of all probes."""
        return sum(each.requests for each in self.probes)

    @property
    def probe_bytes(self) -> int:
        """All that they sent and received."""
        return sum(each.sent_bytes + each.received_bytes for each in self.probes)

    @property
    def page_requests(self) -> int:
        """What the pages asked for by themselves."""
        return max(0, self.browser.requests - sum(each.in_page for each in self.probes))

    @property
    def unknown_rate(self) -> float | None:
        """The share of all readings that said nothing; None if nothing was read."""
        readings = sum(each.readings for each in self.layers)
        return sum(each.unknowns for each in self.layers) / readings if readings else None

    @property
    def told(self) -> str:
        """One line for a person."""
        cost = f"{self.probe_requests:,} requests ({decimal(self.probe_bytes)}) by the probes"
        parts = [f"{cost}, {self.page_requests:,} by the pages", self._sign_ins_told, self._time_told]
        if self.unknown_rate is not None:
            parts.append(f"{_percent(self.unknown_rate)} unknown")
        return "; ".join(parts)

    @property
    def _sign_ins_told(self) -> str:
        done, blocked = self.sign_ins.done, self.sign_ins.blocked
        told = "1 sign-in" if done == 1 else f"{done} sign-ins"
        return f"{told} and {blocked} blocked" if blocked else told

    @property
    def _time_told(self) -> str:
        if self.cpu_s is None:
            return f"{self.wall_s:,.0f} s"
        return f"{self.wall_s:,.0f} s, {self.cpu_s + (self.children_cpu_s or 0.0):,.0f} s of CPU"

    def to_json(self) -> Json:
        """All fields, and the sums that a reader would have to make."""
        fields: Json = TELEMETRY.dump_python(self, mode="json")
        rate = self.unknown_rate
        return {
            **fields,
            "probe_requests": self.probe_requests,
            "probe_bytes": self.probe_bytes,
            "page_requests": self.page_requests,
            "unknown_rate": None if rate is None else round(rate, 6),
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, object]) -> Telemetry:
        """Read it back; what is absent is nothing. Raises ValueError where a field is no such thing."""
        return TELEMETRY.validate_python(fields)


TELEMETRY = TypeAdapter(Telemetry)


def _percent(share: float) -> str:
    return "<0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


# What is counted on the way


@dataclass(slots=True)
class Traffic:
    """What one probe has sent and got so far. Each probe asks from one thread."""

    in_page: bool = False
    requests: int = 0
    answers: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0

    def sent(self, size_bytes: int) -> None:
        """A request goes out."""
        self.requests += 1
        self.sent_bytes += size_bytes

    def came(self, size_bytes: int) -> None:
        """Its answer is here."""
        self.answers += 1
        self.received_bytes += size_bytes


class Carried(NamedTuple):
    """Whose requests a probe's traffic is."""

    session: str
    layer: str
    traffic: Traffic


@dataclass(slots=True)
class Answers:
    """The latencies of one layer so far, in seconds, and what made answers unknown."""

    told: array[float] = field(default_factory=lambda: array("d"))
    unknown: array[float] = field(default_factory=lambda: array("d"))
    codes: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Clocks:
    """The time that has passed, and that was spent, since it was made."""

    _then: tuple[float, float | None, float | None] = field(default_factory=lambda: _spent_s())

    def passed_s(self) -> tuple[float, float | None, float | None]:
        """Wall, CPU of this process, and CPU of its children that have ended."""
        (wall_s, *cpu_s), (wall_then_s, *cpu_then_s) = _spent_s(), self._then
        own_s, children_s = (
            None if now is None or then is None else round(now - then, 3)
            for now, then in zip(cpu_s, cpu_then_s, strict=True)
        )
        return round(wall_s - wall_then_s, 3), own_s, children_s


def _spent_s() -> tuple[float, float | None, float | None]:
    if sys.platform == "win32":
        return now_s(), None, None
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    own_s, children_s = (each.ru_utime + each.ru_stime for each in used)
    return now_s(), own_s, children_s


@dataclass(slots=True)
class Meter:
    """Counts. Readings and gaps may come from any thread, all else from the one that runs the tests."""

    clocks: Clocks = field(default_factory=Clocks)
    carried: list[Carried] = field(default_factory=list)
    browser: Counter[str] = field(default_factory=Counter)
    _sign_ins: Counter[str] = field(default_factory=Counter)
    _ended: dict[str, tuple[str, str]] = field(default_factory=dict)
    _answers: defaultdict[str, Answers] = field(default_factory=lambda: defaultdict(Answers))
    _gaps_s: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def read(self, reading: Reading) -> None:
        """Count an answer."""
        latency_s = reading.received_s - reading.sent_s
        with self._lock:
            answers = self._answers[reading.layer]
            if reading.state is State.UNKNOWN:
                answers.unknown.append(latency_s)
                answers.codes[reading.code] += 1
            else:
                answers.told.append(latency_s)

    def gap(self, gap: Gap) -> None:
        """Count a time in which nobody could look."""
        self._gaps_s.append(gap.to_s - gap.from_s)

    @contextmanager
    def sign_in(self) -> Iterator[None]:
        """A sign-in is tried within the block; how it went is seen by how the block ends."""
        self._sign_ins["tried"] += 1
        try:
            yield
        except SignInBlocked:
            self._sign_ins["blocked"] += 1
            raise
        self._sign_ins["done"] += 1

    def tested(self, test: str, ended: str, kind: str = "") -> None:
        """A test, or a part of it, has ended: passed, failed, broken or skipped, the last three for good.

        kind: the class of what stopped it.
        """
        if self._ended.get(test, ("passed", ""))[0] == "passed":
            self._ended[test] = (ended, kind)

    def sum_up(self, measurements: Sequence[Measurement], redact: Redactor) -> Telemetry:
        """What was counted until now. Names that come from a site go through `redact`."""
        with self._lock:
            layers = tuple(
                _answers_of(layer, answers, redact) for layer, answers in sorted(self._answers.items())
            )
        wall_s, cpu_s, children_cpu_s = self.clocks.passed_s()
        return Telemetry(
            wall_s=wall_s,
            cpu_s=cpu_s,
            children_cpu_s=children_cpu_s,
            probes=traffic_of(self.carried),
            browser=BrowserTraffic(**self.browser),
            layers=layers,
            sign_ins=SignIns(**self._sign_ins),
            tests=_tests_of(self._ended.values()),
            log_outs=len(measurements),
            flaps=sum(layer.flaps for measurement in measurements for layer in measurement.layers),
            gaps=Gaps(len(self._gaps_s), round(sum(self._gaps_s), 3)),
        )


def traffic_of(carried: Iterable[Carried]) -> tuple[ProbeTraffic, ...]:
    """The traffic of each layer of each session, of however many probes."""
    by_door: defaultdict[tuple[str, str], list[Traffic]] = defaultdict(list)
    for session, layer, traffic in carried:
        by_door[session, layer].append(traffic)
    return tuple(
        ProbeTraffic(
            session,
            layer,
            requests=sum(each.requests for each in all_of_it),
            in_page=sum(each.requests for each in all_of_it if each.in_page),
            unanswered=sum(each.requests - each.answers for each in all_of_it),
            sent_bytes=sum(each.sent_bytes for each in all_of_it),
            received_bytes=sum(each.received_bytes for each in all_of_it),
        )
        for (session, layer), all_of_it in sorted(by_door.items())
    )


def _answers_of(layer: str, answers: Answers, redact: Redactor) -> LayerAnswers:
    listens = layer == LISTENS
    return LayerAnswers(
        layer,
        readings=len(answers.told) + len(answers.unknown),
        unknowns=len(answers.unknown),
        codes=_apart((redact(code), number) for code, number in answers.codes.items()),
        told=None if listens else Latency.of(answers.told),
        unknown=None if listens else Latency.of(answers.unknown),
    )


def _tests_of(ended: Iterable[tuple[str, str]]) -> Endings:
    ways, kinds = Counter[str](), Counter[str]()
    for way, kind in ended:
        ways[way] += 1
        kinds[kind] += bool(kind)
    return Endings(**ways, by_kind=_apart((kind, number) for kind, number in kinds.items() if number))


def _apart(counted: Iterable[tuple[str, int]]) -> dict[str, int]:
    """The most frequent ones by themselves, all others together."""
    whole = Counter[str]()
    for name, number in counted:
        whole[name] += number
    found = dict(whole.most_common(APART))
    if (rest := whole.total() - sum(found.values())) > 0:
        found[OTHER] = found.get(OTHER, 0) + rest
    return found
