"""What a run says that it cost is what its site has seen of it, and a run that came nowhere says so too."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import allure
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from afterglow.telemetry import Telemetry
from tests.suite.canaries import every_byte, leaks
from tests.suite.conftest import Ran, Site, Suite, running_site, wait_for
from tests.suite.network import CHUNK, Network, Server

pytestmark = [allure.epic("The suite itself"), allure.feature("Telemetry")]

ONE = ("tests/scenario", "-k", "invalidated")

TIMES = ("--window-s", "8", "--delay-min-s", "0.5", "--delay-max-s", "3")

REQUEST = re.compile(rb"(?:GET|POST|OPTIONS|HEAD|PUT|PATCH|DELETE) \S+ HTTP/1\.1\r\n")

OF_PROBES = b"Accept-Encoding: identity\r\n"
"""No browser asks for that, and no client that the suite uses for anything else."""

OF_CLIENTS = b"python-httpx"
"""Asks once whether the site is up at all."""

ASKING = ("session", "access", "replay", "mint", "elsewhere", "codex", "platform", "tab")
"""The layers whose requests are counted, but for the one that listens."""


@dataclass
class Line:
    """All that went over one connection."""

    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)


@dataclass
class Tap(Network):
    """A way to a site on which somebody keeps what goes over it."""

    lines: list[Line] = field(default_factory=list)

    @property
    def of_probes(self) -> list[Line]:
        """The connections of probes that ask over HTTP."""
        return [line for line in self.lines if OF_PROBES in line.sent]

    @property
    def browser_requests(self) -> int:
        """The requests on connections of the browser."""
        asked = [line.sent for line in self.lines]
        return sum(
            len(REQUEST.findall(sent)) for sent in asked if not (OF_PROBES in sent or OF_CLIENTS in sent)
        )

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line()
        self.lines.append(line)
        with self._kept(writer), suppress(OSError):
            site_reader, site_writer = await asyncio.open_connection("127.0.0.1", self.to_port)
            with self._kept(site_writer):
                there = copied(reader, site_writer, line.sent)
                await asyncio.gather(there, copied(site_reader, writer, line.received))


async def copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
    """Carry one way, to its end."""
    with suppress(OSError):
        while chunk := await reader.read(CHUNK):
            kept += chunk
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()


@contextmanager
def tapped(folder: Path) -> Iterator[tuple[Tap, Site]]:
    """A replica that is reached by a way on which everything is counted."""
    server = Server(TIMES, folder.with_suffix(".state"))
    with Tap(server.ports[0]).up() as tap:
        server.options += ("--public-url", tap.url)
        with server:
            yield tap, server.start()


def telemetry_of(ran: Ran) -> Telemetry:
    """What the summary says, which is what the run's file says too."""
    [path] = (ran.folder / "runs").glob("*.jsonl")
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    [line] = [line for line in lines if line["kind"] == "telemetry"]
    assert Telemetry.from_json(line) == Telemetry.from_json(ran.summary["telemetry"])
    assert [each["kind"] for each in lines[-2:]] == ["telemetry", "end"]
    return Telemetry.from_json(line)


def metrics_of(ran: Ran) -> dict[str, dict[str, float]]:
    """The metrics by family and by the one label that matters, as somebody else's parser reads them."""
    text = (ran.folder / "metrics.txt").read_text(encoding="utf-8")
    assert text.endswith("# EOF\n")
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return {family.name: by_label(family.samples) for family in families}


def by_label(samples: Iterable[Any]) -> dict[str, float]:
    """The samples by what tells them apart."""
    return {
        " ".join(value for name, value in sorted(sample.labels.items()) if name != "target"): sample.value
        for sample in samples
    }


def test_the_requests_that_a_run_states_are_those_that_its_site_has_seen(suite: Suite) -> None:
    """Somebody on the way to the site counts what comes by, and finds the same requests of probes.

    Of the pages' requests no more come by than were stated: some are answered by the browser itself, and
    those of the sign-in pages go another way. The site knows as many sessions as sign-ins are stated, and
    has minted at least as many tokens as were read. Nothing secret gets into the file for machines.
    """
    with tapped(suite.folder) as (tap, site):
        layers = ",".join(("page", *ASKING))
        ran = suite.run(*ONE, BASE_URL=tap.url, LAYERS=layers, **site.account)
        assert ran.exit_code == 0, ran.output
        truth = site.truth()
    telemetry = telemetry_of(ran)

    over_http = telemetry.probe_requests - sum(each.in_page for each in telemetry.probes)
    unanswered = sum(each.unanswered for each in telemetry.probes)
    assert 0 <= over_http - len(tap.of_probes) <= unanswered
    read = {each.layer: each.readings for each in telemetry.layers}
    asked = Counter[str]()
    for each in telemetry.probes:
        asked[each.layer] += each.requests
    for layer in ASKING:
        assert asked[layer] >= read[layer] > 0, layer

    in_page = sum(each.in_page for each in telemetry.probes)
    assert telemetry.browser.requests == telemetry.page_requests + in_page
    assert 0 < tap.browser_requests <= telemetry.browser.requests
    assert telemetry.browser.announced_bytes > 0

    sent, received = (
        sum(getattr(each, name) for each in telemetry.probes if not each.in_page)
        for name in ("sent_bytes", "received_bytes")
    )
    assert 0.5 < sent / sum(len(line.sent) for line in tap.of_probes) <= 1
    assert 0.9 < received / sum(len(line.received) for line in tap.of_probes) <= 1

    assert telemetry.sign_ins.tried == telemetry.sign_ins.done == len(truth["sessions"])
    assert sum(each["tokens_minted"] for each in truth["sessions"]) >= telemetry.sign_ins.done
    assert (telemetry.log_outs, telemetry.tests.passed) == (1, 1)

    metrics = metrics_of(ran)
    assert sum(metrics["afterglow_probe_requests"].values()) == telemetry.probe_requests
    [(lower_s, upper_s)] = [each["delay_s"] for each in ran.summary["all_devices"]]
    assert max(metrics["afterglow_delay_lower_seconds"].values()) == pytest.approx(lower_s)
    assert max(metrics["afterglow_delay_upper_seconds"].values()) == pytest.approx(upper_s)
    assert metrics["afterglow_run_state"]["complete"] == 1
    assert leaks(every_byte(ran.folder), site.account) == set()
    assert telemetry.told in ran.output


def test_a_run_that_was_not_let_in_says_what_stopped_it(suite: Suite) -> None:
    """A sign-in that was blocked is tried once; there are no delays, but everything else is written."""
    with running_site(*TIMES) as site:
        account = {**site.account, "ACCOUNT_PASSWORD": "not the password"}
        ran = suite.run("tests/scenario", BASE_URL=site.base_url, **account)
    telemetry = telemetry_of(ran)
    assert (telemetry.sign_ins.tried, telemetry.sign_ins.done, telemetry.sign_ins.blocked) == (1, 0, 1)
    assert (telemetry.log_outs, telemetry.probes, telemetry.unknown_rate) == (0, (), None)
    assert telemetry.tests.by_kind == {"SignInBlocked": telemetry.tests.broken}
    assert telemetry.page_requests > 0
    metrics = metrics_of(ran)
    assert metrics["afterglow_verdict"]["not measured"] == 1
    assert metrics["afterglow_delay_upper_seconds"] == {}
    assert metrics["afterglow_stopped_tests"] == {"SignInBlocked": telemetry.tests.broken}


def test_a_run_that_was_interrupted_says_what_it_has_cost_until_then(suite: Suite) -> None:
    """Ctrl-C in the middle of a watch: what was asked and read is counted."""
    with running_site("--window-s", "60", "--delay-min-s", "30", "--delay-max-s", "40") as site:
        process = suite.start(*ONE, BASE_URL=site.base_url, **site.account, REVOCATION_WINDOW_S="60")
        wait_for(lambda: '"kind": "log-out"' in lines_of(suite), "the log-out")
        process.send_signal(signal.SIGINT)
        ran = suite.ended(process)
    telemetry = telemetry_of(ran)
    assert telemetry.probe_requests > 0
    assert telemetry.sign_ins.done == 2
    assert metrics_of(ran)["afterglow_run_state"]["interrupted"] == 1


def lines_of(suite: Suite) -> str:
    """What the run has written by now."""
    return "".join(path.read_text(encoding="utf-8") for path in (suite.folder / "runs").glob("*.jsonl"))
