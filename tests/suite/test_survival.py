"""Whatever happens in the middle of a watch, the watch goes on, and what it reports contains the truth."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import allure
import httpx
import pytest

from afterglow.budget import Budget
from afterglow.clock import now_s
from afterglow.conductor import Conductor, Lane
from afterglow.readings import Moments, State
from afterglow.runs import RunState, read_run
from afterglow.schedule import Schedule
from afterglow.watch import LayerWatch, Patience
from probes.asking import Copy
from probes.over_http import OverHttp
from probes.session import SessionProbe
from tests.replica.conftest import Account, Browser, Replica
from tests.suite.conftest import ACCOUNT, CONTROL_TOKEN, Ran, Site, Suite, running_site, wait_for
from tests.suite.network import Network, Server, browsers_of, descendants, kill_browser

pytestmark = [
    allure.epic("The suite itself"),
    allure.feature("Survival"),
    pytest.mark.skipif(sys.platform != "linux", reason="processes are found, stopped and killed as on Linux"),
]

ONE = "test_a_logged_out_session_is_invalidated"
SCENARIO = ("tests/scenario", "-k", "invalidated")

AT_ONCE = 4
"""Runs side by side: each mostly waits, but each also starts a browser."""

OVER_HTTP = {"session", "access", "replay", "mint", "elsewhere", "codex", "platform"}
"""The layers that ask nothing of a browser."""

IN_TABS = {"tab", "message", "back"}

ASKED_IN_PAGES = {"PROBE_TRANSPORT": "browser", "LAYERS": "page,session,access,mint,codex,tab,message"}
"""Without the back button: to close a page while another goes through its history has been seen to hang."""

UNSURE_S = 1.0
"""What is on its way when a site goes may still be answered, and so may what leaves just before it comes."""

Line = dict[str, Any]


# What happens to a run


@dataclass
class Disturbed:
    """A run in a process of its own, and what happened to it. Seconds count from the acknowledgement.

    cut_s: from when to when nothing could be seen of the site.
    """

    suite: Suite
    process: subprocess.Popen[str]
    cut_s: tuple[float, float] = (0.0, 0.0)
    truth: dict[str, Any] = field(default_factory=dict)
    ran: Ran | None = None

    def lines(self, kind: str) -> list[Line]:
        """The lines of one kind that its file holds by now."""
        return [line for line in lines_of(self.suite.folder) if line["kind"] == kind]

    def logged_out(self) -> None:
        """Wait for the log-out."""
        wait_for(lambda: bool(self.lines("log-out")) or self.process.poll() is not None, "the log-out")
        assert self.process.poll() is None, self.process.communicate()[0]

    @property
    def since_s(self) -> float:
        """How long ago the log-out was acknowledged."""
        return now_s() - self.zero_s

    @property
    def zero_s(self) -> float:
        """When the log-out was acknowledged, on the clock."""
        [log_out] = self.lines("log-out")
        return float(log_out["acknowledged_s"])

    def until(self, since_s: float) -> None:
        """Wait until so long after the log-out."""
        threading.Event().wait(max(0.0, since_s - self.since_s))

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        """As a terminal does: to the run and to all that it has started in its own group."""
        os.killpg(self.process.pid, number)

    def ends(self, within_s: float = 120) -> None:
        """Wait for its end."""
        output, _ = self.process.communicate(timeout=within_s)
        self.ran = Ran(self.process.returncode, output, self.suite.folder)

    @property
    def output(self) -> str:
        """All that it said."""
        assert self.ran is not None
        return self.ran.output

    @property
    def log_out(self) -> Line:
        """The one log-out of its summary."""
        assert self.ran is not None
        [log_out] = self.ran.summary["log_outs"]
        return dict(log_out)

    @property
    def delays(self) -> dict[str, tuple[float, float | None]]:
        """The delay of every door that was watched."""
        return {layer["layer"]: tuple(layer["delay_s"]) for layer in self.log_out["layers"]}

    @property
    def gaps(self) -> list[str]:
        """Why nobody could look, in its own words."""
        return [gap["why"] for gap in self.log_out["gaps"]]

    def readings(self, from_s: float, to_s: float) -> list[Line]:
        """The readings whose request left between these moments after the log-out."""
        zero_s = self.zero_s
        return [line for line in self.lines("reading") if from_s <= line["sent_s"] - zero_s <= to_s]


def lines_of(folder: Path) -> list[Line]:
    """The lines of the one run's file so far, without one that is still being written."""
    return [
        json.loads(line)
        for path in (folder / "runs").glob("*.jsonl")
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True)
        if line.endswith("\n")
    ]


def options(delay_s: float, window_s: float = 60) -> tuple[str, ...]:
    """Every edge learns of a log-out after the same time: then it is known to all layers to the moment."""
    return "--window-s", str(window_s), "--delay-min-s", str(delay_s), "--delay-max-s", str(delay_s)


def started(folder: Path, base_url: str, *arguments: str, **settings: str) -> Disturbed:
    """Start a run."""
    suite = Suite(folder)
    settings = {"REVOCATION_WINDOW_S": "30", "BASE_URL": base_url, **ACCOUNT, **settings}
    return Disturbed(suite, suite.start(*SCENARIO, *arguments, **settings))


def finished(run: Disturbed, site: Site, within_s: float = 120) -> Disturbed:
    """Wait for the end of a run, and ask its site what really happened."""
    try:
        run.ends(within_s)
    finally:
        if run.process.poll() is None:
            os.killpg(run.process.pid, signal.SIGCONT)
            os.killpg(run.process.pid, signal.SIGKILL)
            run.process.communicate()
    run.truth = site.truth()
    return run


def browser_killed(folder: Path) -> Disturbed:
    """Every process of the browser is killed."""
    with running_site(*options(16)) as site:
        run = started(folder, site.base_url)
        run.logged_out()
        run.until(1.5)
        assert kill_browser(run.process.pid)
        return finished(run, site)


def pages_lost(folder: Path) -> Disturbed:
    """A page is closed, the one that was brought back crashes, and the tab that asks is closed."""
    with running_site(*options(9)) as site:
        plugin = ("-p", "tests.suite.loses_pages_on_purpose")
        return finished(started(folder, site.base_url, *plugin, **ASKED_IN_PAGES), site)


def site_restarted(folder: Path) -> Disturbed:
    """The site is stopped, learns of the log-out while it is down, and is started again."""
    with Server(options(5), folder.with_suffix(".state")) as server:
        site = server.start()
        run = started(folder, site.base_url)
        run.logged_out()
        run.until(1.5)
        server.stop()
        stopped_s = run.since_s
        run.until(stopped_s + 8)
        starting_s = run.since_s
        site = server.start()
        run.cut_s = (stopped_s, starting_s)
        return finished(run, site)


@contextmanager
def behind_a_network(folder: Path, *options: str, delay_s: float = 0.0) -> Iterator[tuple[Network, Site]]:
    """A replica that is reached over a network, as long as the block lasts."""
    server = Server(options, folder.with_suffix(".state"))
    with Network(server.ports[0], delay_s=delay_s).up() as network:
        server.options += ("--public-url", network.url)
        with server:
            yield network, server.start()


def network_cut(folder: Path) -> Disturbed:
    """The network is cut for longer than a request may take, and mended before the log-out takes effect."""
    with behind_a_network(folder, *options(15)) as (network, site):
        run = started(folder, network.url)
        run.logged_out()
        run.until(1.5)
        network.cut()
        cut_s = run.since_s
        run.until(cut_s + 11)
        run.cut_s = (cut_s, run.since_s)
        network.mend()
        return finished(run, site)


def process_stopped(folder: Path) -> Disturbed:
    """The run is stopped as by a sleeping machine, and the log-out takes effect meanwhile."""
    with running_site(*options(4)) as site:
        run = started(folder, site.base_url)
        run.logged_out()
        run.until(1.5)
        os.kill(run.process.pid, signal.SIGSTOP)
        # the last of its threads stops a moment later, and may still ask something meanwhile
        os.waitid(os.P_PID, run.process.pid, os.WSTOPPED | os.WNOWAIT)
        from_s = run.since_s
        run.until(from_s + 5)
        run.cut_s = (from_s, run.since_s)
        os.kill(run.process.pid, signal.SIGCONT)
        return finished(run, site)


def interrupted_once(folder: Path) -> Disturbed:
    """Ctrl-C on a slow network: something is always under way."""
    with behind_a_network(folder, *options(40), delay_s=0.1) as (network, site):
        run = started(folder, network.url)
        run.logged_out()
        run.until(3)
        run.cut_s = (run.since_s, run.since_s)
        run.interrupt()
        return finished(run, site)


def interrupted_twice(folder: Path) -> Disturbed:
    """Ctrl-C twice while the site does not answer: to clean up in order would take minutes."""
    with behind_a_network(folder, *options(40)) as (network, site):
        run = started(folder, network.url)
        run.logged_out()
        run.until(2)
        network.cut()
        children = descendants(run.process.pid)
        assert browsers_of(run.process.pid)
        run.interrupt()
        threading.Event().wait(0.3)
        run.interrupt()
        finished(run, site, within_s=25)
        wait_for(lambda: not any(map(is_alive, children)), "the end of all that the run had started")
        return run


def is_alive(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


HAPPENS: dict[str, Callable[[Path], Disturbed]] = {
    "network_was_cut": network_cut,
    "site_was_restarted": site_restarted,
    "pages_were_lost": pages_lost,
    "browser_was_killed": browser_killed,
    "process_was_stopped": process_stopped,
    "was_interrupted": interrupted_once,
    "was_interrupted_twice": interrupted_twice,
}
"""What is done, by the fixture that hands over the run; the longest first."""


@pytest.fixture(scope="module")
def disturbed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[Disturbed]]]:
    """All runs that the selected tests ask for, side by side: most of their time is waiting."""
    asked = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    folder = tmp_path_factory.mktemp("survival")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(how, folder / name) for name, how in HAPPENS.items() if name in asked}


Runs = dict[str, "Future[Disturbed]"]


@pytest.fixture(scope="module")
def network_was_cut(disturbed: Runs) -> Disturbed:
    """A run whose network was cut and mended."""
    return disturbed["network_was_cut"].result()


@pytest.fixture(scope="module")
def site_was_restarted(disturbed: Runs) -> Disturbed:
    """A run whose site was stopped and started again."""
    return disturbed["site_was_restarted"].result()


@pytest.fixture(scope="module")
def pages_were_lost(disturbed: Runs) -> Disturbed:
    """A run whose pages were closed and crashed."""
    return disturbed["pages_were_lost"].result()


@pytest.fixture(scope="module")
def browser_was_killed(disturbed: Runs) -> Disturbed:
    """A run whose browser was killed."""
    return disturbed["browser_was_killed"].result()


@pytest.fixture(scope="module")
def process_was_stopped(disturbed: Runs) -> Disturbed:
    """A run that stood still for a while."""
    return disturbed["process_was_stopped"].result()


@pytest.fixture(scope="module")
def was_interrupted(disturbed: Runs) -> Disturbed:
    """A run that was interrupted."""
    return disturbed["was_interrupted"].result()


@pytest.fixture(scope="module")
def was_interrupted_twice(disturbed: Runs) -> Disturbed:
    """A run that was interrupted, and then once more."""
    return disturbed["was_interrupted_twice"].result()


# What is expected of it


def went_on(run: Disturbed) -> None:
    """The run came to its end by itself, with a test that passed, and every door within the window."""
    assert run.ran is not None
    assert run.ran.exit_code == 0, run.output
    assert run.ran.results[ONE]["status"] == "passed"
    assert (run.ran.summary["state"], run.ran.summary["verdict"]) == ("complete", "within")


def contains_the_truth(run: Disturbed) -> None:
    """Every interval that was closed holds the moment at which all edges learned of the log-out."""
    [end] = [end for end in run.truth["revocations"] if end["action"] == "one"]
    moments_s = {effect["at_monotonic_s"] for effect in end["effects"]}
    since_request_s = {round(at_s - end["requested_monotonic_s"], 3) for at_s in moments_s}
    [learned_s] = since_request_s
    handled_s = end["acknowledged_monotonic_s"] - end["requested_monotonic_s"]
    [honoured_s] = [
        each["last_honoured_monotonic_s"]
        for each in run.truth["sessions"]
        if each["session_id"] == end["session_id"]
    ]
    stream_s = honoured_s["stream"] - end["requested_monotonic_s"]
    for layer, (lower_s, upper_s) in run.delays.items():
        assert lower_s <= learned_s, layer
        # whatever ends an answer that is being written, the site honours it no longer
        ended_s = learned_s if layer != "stream" else min(learned_s, stream_s)
        assert upper_s is None or upper_s >= ended_s - handled_s, layer


def test_a_watch_survives_the_death_of_its_browser(browser_was_killed: Disturbed) -> None:
    """kill -9 of the whole browser: what asks over HTTP goes on, and the page goes on in a new browser.

    Nobody signs in again: the browser comes back with what it held of the site before the log-out. Tabs that
    had to be open before the log-out cannot be replaced, and their layers are not applicable.
    """
    run = browser_was_killed
    went_on(run)
    contains_the_truth(run)
    assert {
        "secondary: the browser had died; brought back",
        "primary: the browser had died; brought back",
    } <= {*run.gaps}
    assert set(run.delays) == OVER_HTTP | {"page", "stream"}
    lost = {each["layer"]: each["why"] for each in run.log_out["not_applicable"]}
    assert {*lost} >= IN_TABS
    assert {lost[layer] for layer in IN_TABS} == {"its tab was lost: the browser had died"}
    back_s = max(gap["to_s"] for gap in run.log_out["gaps"])
    pages = [r for r in run.readings(back_s, 30) if (r["session"], r["layer"]) == ("secondary", "page")]
    assert {reading["state"] for reading in pages} >= {"alive", "revoked"}
    assert len(run.truth["sessions"]) == 2, "somebody has signed in again"


def test_a_watch_survives_closed_and_crashed_pages(pages_were_lost: Disturbed) -> None:
    """A page that is closed or crashes is opened again in the same browser; only a lost tab stays lost.

    Here everything is asked from inside of pages: what was asked in the tab that is lost goes on in another.
    """
    run = pages_were_lost
    went_on(run)
    contains_the_truth(run)
    assert run.gaps == [
        "secondary: the page was closed; brought back",
        "secondary: the page had crashed; brought back",
        "secondary, the tab that asks: the page was closed; replaced",
    ]
    assert set(run.delays) == {"page", "session", "access", "mint", "codex", "message"}
    lost = {each["layer"]: each["why"] for each in run.log_out["not_applicable"]}
    assert {layer: lost[layer] for layer in ("tab", "notice")} == dict.fromkeys(
        ("tab", "notice"), "its tab was lost: the page was closed"
    )
    assert len(run.truth["sessions"]) == 2, "somebody has signed in again"


def test_a_site_that_was_stopped_and_started_is_unknown_meanwhile(site_was_restarted: Disturbed) -> None:
    """Refused connections are no refusals of the session: the intervals reach over the whole gap."""
    run = site_was_restarted
    contains_the_truth(run)
    unknown_meanwhile(run)
    went_on(run)
    assert OVER_HTTP | {"page", "tab", "back"} <= set(run.delays)
    for layer in OVER_HTTP:
        lower_s, upper_s = run.delays[layer]
        assert lower_s <= run.cut_s[0]
        assert upper_s is not None
        assert upper_s >= run.cut_s[1]


def test_a_cut_network_is_unknown_until_it_is_mended(network_was_cut: Disturbed) -> None:
    """Nothing comes and nothing is refused: requests run out of time, and the session is alive afterwards."""
    run = network_was_cut
    contains_the_truth(run)
    unknown_meanwhile(run)
    went_on(run)
    assert OVER_HTTP | {"page", "tab", "back"} <= set(run.delays)
    for layer in OVER_HTTP:
        lower_s, _ = run.delays[layer]
        assert lower_s >= run.cut_s[1], f"{layer} was not seen alive again"


def unknown_meanwhile(run: Disturbed) -> None:
    """Whatever was asked while nobody could answer was not answered, and nothing was made of it."""
    from_s, to_s = run.cut_s
    readings = [
        reading
        for reading in run.readings(0, to_s - UNSURE_S)
        if reading["received_s"] - run.zero_s >= from_s + UNSURE_S
        and reading["layer"] in OVER_HTTP
        and reading["session"] == "secondary"
    ]
    assert {r["layer"] for r in readings} == OVER_HTTP
    assert {r["state"] for r in readings} - {"unknown"} == set(), [
        r for r in readings if r["state"] != "unknown"
    ]


def test_a_run_that_stood_still_says_so(process_was_stopped: Disturbed) -> None:
    """Stopped for five seconds, as when a machine sleeps: a gap, and intervals that reach over it."""
    run = process_was_stopped
    went_on(run)
    contains_the_truth(run)
    assert "process not running" in run.gaps
    [gap] = [gap for gap in run.log_out["gaps"] if gap["why"] == "process not running"]
    assert gap["from_s"] <= run.cut_s[0]
    assert gap["to_s"] >= run.cut_s[1]
    for layer in OVER_HTTP:
        lower_s, upper_s = run.delays[layer]
        assert lower_s <= run.cut_s[0]
        assert upper_s is not None
        assert upper_s >= run.cut_s[1]


def test_what_is_under_way_at_ctrl_c_comes_home(was_interrupted: Disturbed) -> None:
    """Ctrl-C ends a watch in order: the last answers count, and what was signed in is signed out.

    The report is there. What had not ended is open: nobody knows how much longer it would have gone on.
    """
    run = was_interrupted
    assert run.ran is not None
    assert run.ran.exit_code == pytest.ExitCode.INTERRUPTED, run.output
    assert run.ran.summary["state"] == "interrupted"
    assert "Ctrl-C once more ends it at once" in run.output
    asked_at_s, _ = run.cut_s
    under_way = [
        reading
        for reading in run.lines("reading")
        if reading["sent_s"] - run.zero_s < asked_at_s < reading["received_s"] - run.zero_s
    ]
    assert {reading["state"] for reading in under_way} == {"alive"}
    assert run.log_out["interrupted"]
    assert {upper_s for _, upper_s in run.delays.values()} == {None}
    contains_the_truth(run)
    assert [end["action"] for end in run.truth["revocations"]] == ["one", "self"]
    attached = list((run.suite.folder / "allure-results").glob("*-attachment.*"))
    assert {path.suffix for path in attached} >= {".svg", ".csv", ".json"}
    assert (run.suite.folder / "junit.xml").exists()
    assert run.lines("end")[-1]["state"] == "interrupted"


def test_a_second_ctrl_c_ends_a_run_at_once(was_interrupted_twice: Disturbed) -> None:
    """Nothing is waited for any more, not even the sign-out on a site that does not answer.

    What was read is in the run's file, nothing that the run had started goes on, and it says that sessions
    may have been left behind.
    """
    run = was_interrupted_twice
    assert run.ran is not None
    assert run.ran.exit_code == pytest.ExitCode.INTERRUPTED, run.output
    assert "ended at once: sessions may still be signed in" in run.output
    assert [end["action"] for end in run.truth["revocations"]] == ["one"]
    [file] = (run.suite.folder / "runs").glob("*.jsonl")
    *whole, _ = file.read_text(encoding="utf-8").splitlines()
    assert all(json.loads(line) for line in whole)
    assert str(file) in run.output
    stored = read_run(file)
    assert (stored.state, stored.damaged) == (RunState.INTERRUPTED, ())
    [measurement] = stored.measurements
    assert all(
        reading.state is not State.REVOKED for layer in measurement.layers for reading in layer.readings
    )


# A name that is not found


NAME = "name-of-the-site.test"


@dataclass
class Resolver:
    """Knows one name more than the system does, while it works."""

    works: bool = True
    asked: list[bool] = field(default_factory=list)
    _original: Callable[..., Any] = socket.getaddrinfo

    def __call__(self, host: Any, *rest: Any, **how: Any) -> Any:
        """Look a name up."""
        if host != NAME:
            return self._original(host, *rest, **how)
        self.asked.append(self.works)
        if not self.works:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return self._original("127.0.0.1", *rest, **how)


def test_a_name_that_is_not_found_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The resolver fails for a while: unknown, alive again, then revoked; the interval holds the truth."""
    monkeypatch.setattr(socket, "getaddrinfo", resolver := Resolver())
    monkeypatch.setenv("no_proxy", NAME)
    with Server(options(3), tmp_path / "state") as server, httpx.Client() as http:
        site = server.start()
        browser = signed_in(server, site, http)
        url = f"http://{NAME}:{server.ports[0]}"
        copy = Copy(url, browser.user_agent, dict(browser.cookies), browser.token())
        watch = LayerWatch("secondary", "session", Schedule(20, floor_s=0.05), Patience(0.3, 5))
        with Conductor(
            [Lane(watch, OverHttp(SessionProbe(copy), copy, Budget()))], lambda _: None
        ) as conductor:
            conductor.run(wait, until_s=now_s() + 0.3)
            clicked_s = now_s()
            browser.log_out_all().raise_for_status()
            moments = Moments(clicked_s, None, now_s())
            conductor.logged_out(moments)
            conductor.run(wait, until_s=now_s() + 0.5)
            resolver.works, gone_s = False, now_s()
            conductor.run(wait, until_s=now_s() + 1)
            resolver.works, back_s = True, now_s()
            conductor.run(wait)
        [end] = site.truth()["revocations"]
    meanwhile = [reading for reading in watch.readings if gone_s <= reading.sent_s < back_s - 0.1]
    assert {(reading.state, reading.code) for reading in meanwhile} == {(State.UNKNOWN, "gaierror")}
    later = [reading.state for reading in watch.readings if reading.sent_s >= back_s]
    assert (later[0], later[-1]) == (State.ALIVE, State.REVOKED)
    assert watch.settled
    [learned_s] = {round(effect["delay_s"], 3) for effect in end["effects"]}
    handled_s = moments.acknowledged_s - moments.clicked_s
    assert back_s - moments.acknowledged_s <= watch.interval.lower_s <= learned_s
    assert learned_s - handled_s <= watch.interval.upper_s < 20


def signed_in(server: Server, site: Site, http: httpx.Client) -> Browser:
    """Sign in without a screen."""
    assert server.process is not None
    ready = {"base_url": site.base_url, "control_url": site.control_url}
    browser = Browser(Replica(server.process, ready, CONTROL_TOKEN, http))
    browser.sign_in(Account(ACCOUNT["ACCOUNT_EMAIL"], ACCOUNT["ACCOUNT_PASSWORD"]))
    return browser


def wait(seconds: float) -> None:
    """Let time pass."""
    threading.Event().wait(seconds)
