"""Afterglow beside what one would write by hand: how narrow, how dear and how often wrong the answers are.

    python -m benchmarks.pollers [--rounds N] [--seed N]

The same revocations of the replica are watched at once by Afterglow and by pollers as one would write them in
ten lines: a Playwright loop that reloads every 5 s, tenacity with httpx every 5 s and with exponential
back-off, and a loop that asks every second until the first 401. Each is a process of its own. Those written
by hand begin at the log-out and say "dead at t": the end lies after their look before, and not after t.

The truth is the last moment at which the site honoured the cookie, or the token, to anybody at all. An answer
is wrong if that is not in it. Afterglow's answers are held against it just the same, although it is not alone
here. "If careful" counts what is still wrong where one goes back to the last look that was let in, instead of
the look before, which may have been an error. The second truth is the moment at which the slowest edge
learned: Afterglow answers that with `every_edge`, the others with the same "dead at t".

Needs the packages of the extra `bench`. Writes `pollers.json` and `pollers.svg` to the reports.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any

import httpx
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from afterglow.conductor import Conductor
from afterglow.delay import Interval
from afterglow.machine import find_browser, keeps_sandbox
from afterglow.measurement import delay_json
from afterglow.readings import Moments
from afterglow.timeline import CROSS, FAINT, INK
from benchmarks.lanes import lane_of, out_of_the_box, requests_of
from benchmarks.site import Site, running_site, signed_in
from benchmarks.style import BAD, GOOD, reports, svg
from probes.asking import Copy

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

    import altair as alt
    from playwright.sync_api import BrowserContext, Page, Request

Json = dict[str, Any]
Look = tuple[float, bool]
"""When it was sent, and whether it was let in."""

EVERY_S, FIRST_401_EVERY_S = 5.0, 1.0
GIVE_UP_S = 60.0
"""Long after every edge has learned: a poller that has not found an end by then never will."""

SESSIONS, PAGES = 16, 6
"""Sessions in one scenario, and how many of them the browser reloads: no more than it can take in 5 s."""

SEEN_FIRST_S, APART_S = 1.0, 0.1
DELAY_MIN_S, DELAY_MAX_S = 1.0, 14.0
OUTAGE_AFTER_S, OUTAGE_S = 2.5, 10.0
"""An outage begins so long after the last log-out: in its middle, some have ended and most have not."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What the site is like."""

    name: str
    edges: int
    outage: bool = False


SCENARIOS = (Scenario("calm", 1), Scenario("flaps", 4), Scenario("outage", 3, outage=True))
TOLD = {
    "calm": "calm: one edge",
    "flaps": "flaps: four edges",
    "outage": f"outage: three edges, and 503 for {OUTAGE_S:g} s",
}


@dataclass(frozen=True, slots=True)
class Claim:
    """What a poller says of one session.

    By hand: the moments of its look before, of its last look that was let in, and of "dead", on the monotonic
    clock; the first two are minus infinity where there was none. Afterglow: its two delays.
    """

    session: str
    requests: int
    before_s: float = -math.inf
    alive_s: float = -math.inf
    dead_s: float = math.inf
    delay: Interval | None = None
    every_edge: Interval | None = None

    def answer(self, moments: Moments) -> tuple[Interval, Interval]:
        """The delay, and that of the slowest edge."""
        if self.delay is not None and self.every_edge is not None:
            return self.delay, self.every_edge
        said = self._since(self.before_s, moments)
        return said, said

    def careful(self, moments: Moments) -> Interval:
        """The delay, if whoever reads it goes back to the last look that was let in."""
        return self._since(self.alive_s, moments) if self.delay is None else self.delay

    def _since(self, look_s: float, moments: Moments) -> Interval:
        lower_s = max(0.0, look_s - moments.acknowledged_s)
        return Interval(lower_s, max(lower_s, self.dead_s - moments.earliest_s))


@dataclass(slots=True)
class Work:
    """What a poller's process is handed: the sessions, who was logged out when, and where to put claims.

    It says that it is ready with the first thing that it puts, and with the last what it cost.
    """

    copies: Mapping[str, Copy]
    ended: Queue[tuple[str, Moments]]
    told: Queue[Claim | float]

    def each(self, poll: Callable[[Copy, str], Claim]) -> None:
        """Poll every session on a thread of its own, from its log-out on."""
        threads = []
        for _ in self.copies:
            session, _moments = self.ended.get()
            thread = threading.Thread(
                target=lambda name: self.told.put(poll(self.copies[name], name)), args=(session,)
            )
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()


# What one would write by hand


def first_401(work: Work) -> None:
    """Ask once a second, and stop at the first 401."""
    with httpx.Client(timeout=10, trust_env=False) as http:

        def poll(copy: Copy, session: str) -> Claim:
            looks: list[Look] = []
            while looked(http, copy, looks).status_code != 401:
                time.sleep(FIRST_401_EVERY_S)
            return by_hand(session, looks, time.monotonic())

        work.each(poll)


def tenacity_every_5_s(work: Work) -> None:
    """Let tenacity ask every 5 s."""
    from tenacity import wait_fixed

    with_tenacity(work, wait_fixed(EVERY_S))


def tenacity_back_off(work: Work) -> None:
    """Let tenacity ask after 1, 2, 4, 8, ... s."""
    from tenacity import wait_exponential

    with_tenacity(work, wait_exponential(multiplier=1, max=60))


def with_tenacity(work: Work, wait: Any) -> None:
    """Ask until the token is refused; a network failure or any other status is tried again."""
    from tenacity import retry, retry_if_exception_type, retry_if_result, stop_after_delay

    with httpx.Client(timeout=10, trust_env=False) as http:

        def poll(copy: Copy, session: str) -> Claim:
            looks: list[Look] = []

            @retry(
                wait=wait,
                stop=stop_after_delay(GIVE_UP_S),
                retry=retry_if_exception_type(httpx.HTTPError)
                | retry_if_result(lambda response: response.status_code != 401),
            )
            def refused() -> httpx.Response:
                return looked(http, copy, looks)

            refused()
            return by_hand(session, looks, time.monotonic())

        work.each(poll)


def reload_every_5_s(work: Work) -> None:
    """Reload a page of each session every 5 s until it is a guest's."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_browser(lambda: playwright.chromium.executable_path),
            chromium_sandbox=keeps_sandbox(),
        )
        pages = {session: opened(browser.new_context(), copy) for session, copy in work.copies.items()}
        requests = dict.fromkeys(pages, 0)
        for session, page in pages.items():
            page.on("request", partial(count_one, requests, session))
        costs = Costs()
        work.told.put(0.0)
        for session, (looks, dead_s) in reloaded(pages, work.ended).items():
            work.told.put(by_hand(session, looks, dead_s, requests[session]))
        work.told.put(costs.spent_s)
        browser.close()


def count_one(requests: dict[str, int], session: str, _: Request) -> None:
    """One request more."""
    requests[session] += 1


def reloaded(
    pages: Mapping[str, Page], ended: Queue[tuple[str, Moments]]
) -> dict[str, tuple[list[Look], float]]:
    """Reload each page every 5 s from its log-out on, and return its looks and when it was dead."""
    looks: dict[str, list[Look]] = {}
    due_s: dict[str, float] = {}
    dead_s: dict[str, float] = {}
    while len(dead_s) < len(pages):
        try:
            session, _ = ended.get(timeout=0.02)
            looks[session], due_s[session] = [], time.monotonic()
        except Empty:
            pass
        for session in [name for name, at_s in due_s.items() if at_s <= time.monotonic()]:
            sent_s, guest = time.monotonic(), seen_as_guest(pages[session])
            looks[session].append((sent_s, guest is False))
            due_s[session] = time.monotonic() + EVERY_S
            if guest:
                dead_s[session] = time.monotonic()
                del due_s[session]
    return {session: (looks[session], dead_s[session]) for session in pages}


def seen_as_guest(page: Page) -> bool | None:
    """Reload, and see whether the document is that of a guest; None for an error page.

    Where the cookie still lets the page in and the token is refused, the page asks to log in as well. That is
    the end of another thing than the cookie, so only a guest's own page counts here.
    """
    response = page.reload()
    if response is None or not response.ok:
        return None
    return page.get_by_test_id("login-button").count() > 0


def opened(context: BrowserContext, copy: Copy) -> Page:
    """A page of the site with a session's cookies."""
    context.add_cookies(
        [
            {"name": name, "value": value, "url": copy.base_url.replace("http:", "https:"), "secure": True}
            for name, value in copy.cookies.items()
        ]
    )
    page = context.new_page()
    page.goto(copy.base_url)
    if seen_as_guest(page):
        raise RuntimeError("the page is not signed in: its cookies were not taken")
    return page


def looked(http: httpx.Client, copy: Copy, looks: list[Look]) -> httpx.Response:
    """Ask who the token belongs to, and note when that was and whether it was let in."""
    sent_s = time.monotonic()
    headers = {"Authorization": f"Bearer {copy.access_token}"}
    response = http.get(f"{copy.base_url}/backend-api/me", headers=headers)
    looks.append((sent_s, response.is_success))
    return response


def by_hand(session: str, looks: Sequence[Look], dead_s: float, requests: int | None = None) -> Claim:
    """Dead at this moment: since the look before the last one."""
    before_s = looks[-2][0] if len(looks) > 1 else -math.inf
    alive_s = max((sent_s for sent_s, alive in looks if alive), default=-math.inf)
    return Claim(session, len(looks) if requests is None else requests, before_s, alive_s, dead_s)


# Afterglow


def afterglow_token(work: Work) -> None:
    """Watch the held access tokens."""
    afterglow(work, "access")


def afterglow_cookie(work: Work) -> None:
    """Watch the cookies: whether they still give a token."""
    afterglow(work, "mint")


def afterglow(work: Work, layer: str) -> None:
    """Watch one layer of every session, out of the box."""
    settings = out_of_the_box()
    lanes = {name: lane_of(name, layer, copy, settings) for name, copy in work.copies.items()}
    costs = Costs()

    def listen() -> None:
        while not work.ended.empty():
            session, moments = work.ended.get()
            lanes[session].watch.moments = moments

    with Conductor(list(lanes.values()), lambda _: None, clock=time.monotonic) as conductor:
        work.told.put(0.0)
        conductor.run(time.sleep, on_tick=listen)
    for name, lane in lanes.items():
        watch = lane.watch
        work.told.put(Claim(name, requests_of(lane), delay=watch.interval, every_edge=watch.every_edge))
    work.told.put(costs.spent_s)


# What they cost


def processor_s() -> float:
    """Processor seconds of this process and of all that it has started, ended or not."""
    parents: dict[int, int] = {}
    spent: dict[int, float] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        number = int(stat.parent.name)
        parents[number] = int(fields[1])
        spent[number] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    mine = {os.getpid()}
    while more := {number for number, parent in parents.items() if parent in mine} - mine:
        mine |= more
    return math.fsum(spent[number] for number in mine)


@dataclass(slots=True)
class Costs:
    """What was spent since it was made."""

    began_s: float = field(default_factory=processor_s)

    @property
    def spent_s(self) -> float:
        """Processor seconds."""
        return processor_s() - self.began_s


def costed(poll: Callable[[Work], None]) -> Callable[[Work], None]:
    """Let a simple poller say that it is ready, and what it cost."""

    def whole(work: Work) -> None:
        costs = Costs()
        work.told.put(0.0)
        poll(work)
        work.told.put(costs.spent_s)

    return whole


@dataclass(frozen=True, slots=True)
class Poller:
    """One way to watch. truth: what the replica calls the thing that it looks at."""

    name: str
    run: Callable[[Work], None]
    truth: str
    sessions: int = SESSIONS
    settles_itself: bool = False


POLLERS = (
    Poller("Afterglow, token", afterglow_token, "access", settles_itself=True),
    Poller("until the first 401, 1 s", first_401, "access"),
    Poller("tenacity, 5 s", tenacity_every_5_s, "access"),
    Poller("tenacity, back-off", tenacity_back_off, "access"),
    Poller("Afterglow, cookie", afterglow_cookie, "session", settles_itself=True),
    Poller("Playwright reload, 5 s", reload_every_5_s, "session", PAGES, settles_itself=True),
)


def run_poller(name: str, work: Work) -> None:
    """A process of its own begins here; processes are handed names, since functions do not travel."""
    poller = next(each for each in POLLERS if each.name == name)
    (poller.run if poller.settles_itself else costed(poller.run))(work)


# One scenario


@dataclass(frozen=True, slots=True)
class Answer:
    """What a poller said of one session, beside what was true. Seconds since the log-out."""

    poller: str
    scenario: str
    delay: Interval
    every_edge: Interval
    careful: Interval
    honoured_s: float
    slowest_s: float
    requests: int
    cpu_s: float

    @property
    def wrong(self) -> bool:
        """Whether the last moment honoured is not in the answer."""
        return not self.delay.lower_s <= self.honoured_s <= self.delay.upper_s

    @property
    def wrong_if_careful(self) -> bool:
        """The same if the answer is read as beginning with the last look that was let in."""
        return not self.careful.lower_s <= self.honoured_s <= self.careful.upper_s

    @property
    def wrong_on_slowest(self) -> bool:
        """Whether the moment at which the slowest edge learned is not in it."""
        return not self.every_edge.lower_s <= self.slowest_s <= self.every_edge.upper_s

    @property
    def width_s(self) -> float:
        """How wide it is."""
        return self.delay.upper_s - self.delay.lower_s

    def to_json(self) -> Json:
        """All of it."""
        return {
            "poller": self.poller,
            "scenario": self.scenario,
            "answer_s": delay_json(self.delay),
            "every_edge_s": delay_json(self.every_edge),
            "honoured_s": round(self.honoured_s, 4),
            "slowest_s": round(self.slowest_s, 4),
            "wrong": self.wrong,
            "wrong_if_careful": self.wrong_if_careful,
            "wrong_on_slowest": self.wrong_on_slowest,
            "requests": self.requests,
            "cpu_s": round(self.cpu_s, 4),
        }


def one_round(scenario: Scenario, seed: int) -> list[Answer]:
    """Let every poller watch the same sessions, log them out, and ask for the truth."""
    spawn = multiprocessing.get_context("spawn")
    options = {"delay_min_s": DELAY_MIN_S, "delay_max_s": DELAY_MAX_S}
    with (
        running_site(edges=scenario.edges, seed=seed, **options) as site,
        signed_in(site, SESSIONS + 1) as (keeper, *clients),
    ):
        site.behave(heartbeat_s=0)  # an open page would be one more poller
        copies = {client.session_id: client.copy for client in clients}
        works, processes = {}, []
        for poller in POLLERS:
            watched = dict(list(copies.items())[: poller.sessions])
            work = works[poller] = Work(watched, spawn.Queue(), spawn.Queue())
            processes.append(spawn.Process(target=run_poller, args=(poller.name, work), daemon=True))
            processes[-1].start()
        for work in works.values():
            work.told.get(timeout=GIVE_UP_S)
        time.sleep(SEEN_FIRST_S)
        moments = {}
        for session in copies:
            moments[session] = keeper.log_out_row(session)
            for work in works.values():
                if session in work.copies:
                    work.ended.put((session, moments[session]))
            time.sleep(APART_S)
        if scenario.outage:
            time.sleep(OUTAGE_AFTER_S)
            site.outage(OUTAGE_S)
        claims = {poller: collected(work) for poller, work in works.items()}
        for process in processes:
            process.join(GIVE_UP_S)
        return [
            answer
            for poller, (told, cpu_s) in claims.items()
            for answer in answers(poller, scenario, told, cpu_s, moments, site)
        ]


def collected(work: Work) -> tuple[list[Claim], float]:
    """All claims of a poller, and then what it cost."""
    claims = []
    while isinstance(told := work.told.get(timeout=2 * GIVE_UP_S), Claim):
        claims.append(told)
    return claims, told


def answers(
    poller: Poller,
    scenario: Scenario,
    claims: Sequence[Claim],
    cpu_s: float,
    moments: Mapping[str, Moments],
    site: Site,
) -> list[Answer]:
    """Lay the claims of a poller beside the truth."""
    truth = site.truth([claim.session for claim in claims])
    honoured = {each["session_id"]: each["last_honoured_monotonic_s"] for each in truth["sessions"]}
    ends = {each["session_id"]: each for each in truth["revocations"]}
    found = []
    for claim in claims:
        delay, every_edge = claim.answer(moments[claim.session])
        end = ends[claim.session]
        last_s = honoured[claim.session][poller.truth] - end["requested_monotonic_s"]
        learned_s = [effect["delay_s"] for effect in end["effects"] if effect["layer"] == poller.truth]
        found.append(
            Answer(
                poller.name,
                scenario.name,
                delay,
                every_edge,
                claim.careful(moments[claim.session]),
                max(0.0, last_s),
                max(learned_s),
                claim.requests,
                cpu_s / len(claims),
            )
        )
    return found


# Showing


def figures(answers: Sequence[Answer]) -> Json:
    """What the answers of one poller in one scenario come to."""
    widths_s = [answer.width_s for answer in answers if math.isfinite(answer.width_s)]
    return {
        "answers": len(answers),
        "width_s": statistics.median(widths_s) if widths_s else None,
        "requests": statistics.fmean(answer.requests for answer in answers),
        "cpu_s": statistics.fmean(answer.cpu_s for answer in answers),
        "wrong": sum(answer.wrong for answer in answers),
        "wrong_if_careful": sum(answer.wrong_if_careful for answer in answers),
        "wrong_on_slowest": sum(answer.wrong_on_slowest for answer in answers),
    }


def grouped(answers: Sequence[Answer]) -> dict[tuple[str, str], Json]:
    """The figures by scenario and poller."""
    return {
        (scenario.name, poller.name): figures(mine)
        for scenario in SCENARIOS
        for poller in POLLERS
        if (mine := [a for a in answers if (a.scenario, a.poller) == (scenario.name, poller.name)])
    }


def table(answers: Sequence[Answer]) -> Table:
    """One row for each poller in each scenario; the ratio is to Afterglow on the same thing."""
    drawn = Table(
        "", title="a row is so many answers; widths are medians", title_justify="left", box=SIMPLE_HEAD
    )
    for heading in ("answers", "width,\ns", "ratio", "wrong", "if\ncareful", "requests", "CPU,\nms"):
        drawn.add_column(heading, justify="right")
    ours = {"access": "Afterglow, token", "session": "Afterglow, cookie"}
    truth = {poller.name: poller.truth for poller in POLLERS}
    all_figures = grouped(answers)
    for scenario in dict.fromkeys(scenario for scenario, _ in all_figures):
        drawn.add_row(f"[bold]{scenario}[/]")
        for (where, name), each in all_figures.items():
            if where == scenario:
                reference = all_figures[scenario, ours[truth[name]]]["width_s"]
                drawn.add_row(name, *_cells(each, reference), end_section=name == POLLERS[-1].name)
    return drawn


def _cells(each: Mapping[str, Any], reference: float | None) -> Iterator[str]:
    width_s = each["width_s"]
    yield str(each["answers"])
    yield "none" if width_s is None else f"{width_s:.2f}"
    yield "" if width_s is None or not reference else f"{width_s / reference:.1f}"
    yield f"{each['wrong'] / each['answers']:.0%}"
    yield f"{each['wrong_if_careful'] / each['answers']:.0%}"
    yield f"{each['requests']:.0f}"
    yield f"{1000 * each['cpu_s']:.0f}"


def picture(answers: Sequence[Answer]) -> str:
    """Every answer by its width, right or wrong; a scenario above the other."""
    import altair as alt

    names = [poller.name for poller in POLLERS]
    all_figures = grouped(answers)
    widths_s = [answer.width_s for answer in answers if 0 < answer.width_s < math.inf]
    domain = [min(widths_s) / 1.2, 1.2 * max(widths_s)]
    kinds = ["right", "wrong"]

    def panel(scenario: Scenario, *, last: bool) -> alt.LayerChart | alt.FacetChart:
        rows = [
            {"poller": a.poller, "width": a.width_s, "kind": kinds[a.wrong], "place": number % 7}
            for number, a in enumerate(answers)
            if a.scenario == scenario.name and 0 < a.width_s < math.inf
        ]
        told = [
            {
                "poller": name,
                "told": f"{each['wrong']} of {each['answers']} wrong",
                "cost": f"{each['requests']:.0f} requests, {1000 * each['cpu_s']:.0f} ms CPU a session",
                "bad": each["wrong"] > 0,
            }
            for (of, name), each in all_figures.items()
            if of == scenario.name
        ]
        y = alt.Y("poller:N", sort=names, title=None).axis(
            domain=False, ticks=False, labelLimit=220, grid=True
        )
        title = "width of the answer, s" if last else None
        x = alt.X("width:Q", title=title).scale(type="log", domain=domain, nice=False)
        points = alt.Chart(alt.InlineData(values=rows)).mark_point(filled=True, size=40, opacity=0.7)
        points = points.encode(
            x=x,
            y=y,
            yOffset=alt.YOffset("place:O", scale=alt.Scale(domain=list(range(7)))),
            color=alt.Color("kind:N").scale(domain=kinds, range=[GOOD, BAD]),
            shape=alt.Shape("kind:N").scale(domain=kinds, range=["circle", CROSS]),
        )
        words = alt.Chart(alt.InlineData(values=told)).encode(y=y)
        wrong = words.mark_text(align="left", fontSize=12, fontWeight="bold").encode(
            text="told:N", x=alt.value(590), color=alt.condition("datum.bad", alt.value(BAD), alt.value(INK))
        )
        cost = words.mark_text(align="left", fontSize=11, color=FAINT).encode(text="cost:N", x=alt.value(690))
        heading = alt.TitleParams(TOLD[scenario.name], fontSize=13, offset=6)
        return alt.layer(points, wrong, cost).properties(width=580, height=180, title=heading)

    chart = alt.vconcat(
        *(panel(scenario, last=scenario is SCENARIOS[-1]) for scenario in SCENARIOS), spacing=18
    )
    title = alt.TitleParams(
        "How wide the answers are, and how many are wrong",
        subtitle=[
            "Every mark is one log-out, watched by all of these at once. Wrong: the last moment at which the "
            "site honoured the token or the cookie,",
            "to anybody, is not in the answer. Token and cookie end apart; Playwright looks at the cookie.",
        ],
    )
    return svg(chart.properties(title=title))


def main() -> int:
    """Let them run. Nothing is promised here: what Afterglow promises is held against the truth elsewhere."""
    parser = argparse.ArgumentParser(description="Afterglow beside pollers written by hand.")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    console = Console()
    try:
        import tenacity  # noqa: F401 - only whether it is there
    except ImportError:
        console.print("tenacity is missing: python -m pip install -e '.[dev]'", markup=False)
        return 2
    answers: list[Answer] = []
    for number in range(told.rounds):
        for scenario in SCENARIOS:
            answers += one_round(scenario, 1000 * told.seed + number)
    folder = reports()
    told_figures = [
        {"scenario": scenario, "poller": poller, **each}
        for (scenario, poller), each in grouped(answers).items()
    ]
    whole = {"figures": told_figures, "answers": [answer.to_json() for answer in answers]}
    (folder / "pollers.json").write_text(json.dumps(whole, indent=1), encoding="utf-8")
    (folder / "pollers.svg").write_text(picture(answers), encoding="utf-8")
    console.print(table(answers))
    console.print(f"written: {folder / 'pollers.json'}, {folder / 'pollers.svg'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
