"""Carries a probe's requests from inside a page, for sites that answer only their own.

The page's browser sends its own cookies and its own everything else: what is asked is what the page itself
could ask. Its scripts are not disturbed; all that is kept stands under one symbol.
"""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from playwright.sync_api import Error, Page

from afterglow.budget import Budget
from afterglow.readings import Answer
from afterglow.telemetry import Traffic
from probes.asking import Got, Looking, Probe, Wanted
from probes.signs import short

EVERY_S = 0.02
"""The page is spoken to at most this often, however many probes ask through it."""

LONGEST = 200_000
"""Characters of a body that are brought back. No answer of the web API is a hundredth of that."""

TURN = """([name, limit, wanted, awaited, dropped]) => {
    const key = Symbol.for(name);
    if (!window[key]) Object.defineProperty(window, key, { value: new Map() });
    const held = window[key];
    const start = async (entry, { path, ...how }) => {
        const signal = entry.leaving.signal;
        const always = { signal, redirect: "manual", cache: "no-store" };
        const got = await fetch(new URL(path, location.origin), { ...how, ...always });
        const text = (await got.text()).slice(0, limit);
        entry.got = { status: got.status, headers: [...got.headers], text, url: got.url };
    };
    for (const id of dropped) {
        held.get(id)?.leaving.abort();
        held.delete(id);
    }
    for (const [id, how] of wanted) {
        const entry = { leaving: new AbortController(), got: null };
        held.set(id, entry);
        start(entry, how).catch((error) => { entry.got = { failed: error.name }; });
    }
    const finished = [];
    for (const id of awaited) {
        const got = held.has(id) ? held.get(id).got : { failed: "page_left" };
        if (got) {
            held.delete(id);
            finished.push([id, got]);
        }
    }
    return finished;
}"""
"""Starts what is wanted, brings back what has finished. What a page that was left had begun is lost."""


@dataclass
class PageAsker:
    """Makes the requests of several probes in one page: all that is due goes and comes in one step."""

    page: Page
    clock: Callable[[], float] = time.monotonic
    _name: str = field(default_factory=lambda: f"afterglow {uuid4()}", init=False)
    _ids: Iterator[int] = field(default_factory=itertools.count, init=False, repr=False)
    _queued: dict[int, Wanted] = field(default_factory=dict, init=False, repr=False)
    _sent: dict[int, Wanted] = field(default_factory=dict, init=False, repr=False)
    _dropped: list[int] = field(default_factory=list, init=False, repr=False)
    _came: dict[int, Got | str] = field(default_factory=dict, init=False, repr=False)
    _turned_s: float = field(default=float("-inf"), init=False, repr=False)
    _session: bytes | None = field(default=None, init=False, repr=False)

    def ask(self, wanted: Wanted) -> int:
        """Have a request made with the next step. The number is for `bring`."""
        number = next(self._ids)
        self._queued[number] = wanted
        return number

    def bring(self, number: int) -> Got | str | None:
        """What came, or the code of a failure, once; None while it is owed."""
        if number not in self._came and self.clock() - self._turned_s >= EVERY_S:
            self._turned_s = self.clock()
            self._turn()
        return self._came.pop(number, None)

    def drop(self, number: int) -> None:
        """Nobody waits for this one any more."""
        if self._sent.pop(number, None) is not None:
            self._dropped.append(number)
        self._queued.pop(number, None)
        self._came.pop(number, None)

    def attach(self, page: Page) -> None:
        """Ask from another page from now on; what the old one owes is lost."""
        self.page, self._session = page, None
        self._fail("page_left")

    def _turn(self) -> None:
        """One step in the page, and none if nothing is due."""
        if not self._queued and not self._sent:
            return
        wanted = [(number, _as_fetched(one)) for number, one in self._queued.items()]
        try:
            if self._session is None:
                self._session = self._session_cookies()
            self._sent |= self._queued
            self._queued.clear()
            finished = self.page.evaluate(TURN, [self._name, LONGEST, wanted, [*self._sent], self._dropped])
            self._dropped.clear()
            self._take(finished)
        except Error as error:
            self._fail(short(error))

    def _take(self, finished: list[tuple[int, dict[str, Any]]]) -> None:
        done = {number: self._sent.pop(number) for number, _ in finished}
        renewed = any(wanted.cookies is not None for wanted in done.values()) and self._is_renewed()
        for number, got in finished:
            self._came[number] = got.get("failed") or _got(done[number], got, self.page.url, renewed)

    def _fail(self, code: str) -> None:
        self._came |= dict.fromkeys([*self._queued, *self._sent], code)
        self._queued.clear()
        self._sent.clear()

    def _is_renewed(self) -> bool:
        """Whether the jar holds another session cookie than when it was last looked into."""
        before, self._session = self._session, self._session_cookies()
        return self._session not in (before, NO_COOKIE)

    def _session_cookies(self) -> bytes:
        """What the jar holds of the session, to be known again: a page is not told what the site sets."""
        cookies = self.page.context.cookies(self.page.url)
        held = sorted((c["name"], c["value"]) for c in cookies if "session" in c["name"] and c["value"])
        return hashlib.sha256(repr(held).encode()).digest()


NO_COOKIE = hashlib.sha256(b"[]").digest()


def _as_fetched(wanted: Wanted) -> dict[str, Any]:
    """The request as `fetch` takes it."""
    credentials = "omit" if wanted.cookies is None else "include"
    fetched = {"path": wanted.path, "method": wanted.method, "headers": wanted.headers}
    return {**fetched, "credentials": credentials, **({"body": wanted.content} if wanted.content else {})}


def _got(wanted: Wanted, got: dict[str, Any], page_url: str, renewed: bool) -> Got:
    headers = tuple((name, value) for name, value in got["headers"])
    # an answer that redirects has no address of its own
    return Got(got["status"], headers, got["text"], got["url"] or page_url, wanted.method, renewed)


@dataclass
class OverPage:
    """Asks one layer through a page. It never waits for the site; the budget is asked before every request.

    Of a copy nothing is sent: the living browser's own cookies stand in for the copied ones.
    """

    probe: Probe
    asker: PageAsker
    budget: Budget
    traffic: Traffic = field(default_factory=lambda: Traffic(in_page=True), init=False)
    _look: Looking | None = field(default=None, init=False, repr=False)
    _number: int | None = field(default=None, init=False, repr=False)

    @property
    def layer(self) -> str:
        """The probe's layer."""
        return self.probe.layer

    def begin(self) -> None:
        """Start one look; what an earlier one is still owed is dropped. Raises BudgetSpent."""
        if self._number is not None:
            self.asker.drop(self._number)
        self._look, self._number = Looking(self.probe), None
        self._go_on(self._look)

    def finish(self) -> Answer | None:
        """The answer, or None while the page still owes it. Raises BudgetSpent."""
        look = self._look
        if look is None or self._number is None:
            return None
        came = self.asker.bring(self._number)
        if came is None:
            return None
        self._number = None
        if isinstance(came, str):
            look.fail(came)
        else:
            self.traffic.came(came.size_bytes)
            look.take(came)
        self._go_on(look)
        return look.answer

    def _go_on(self, look: Looking) -> None:
        if look.wanted is not None:
            self.budget.spend()
            self.traffic.sent(look.wanted.size_bytes)
            self._number = self.asker.ask(look.wanted)
