"""A stream: an answer that is on its way when the log-out comes. When is it cut?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from afterglow.budget import Budget
from afterglow.readings import Answer, State
from probes.access import AccessProbe
from probes.asking import Copy, unknown
from probes.chat import DATA, DONE, is_streaming, not_streaming, posted
from probes.over_http import OverHttp
from probes.wire import FAILURES

LONG = "Write a long story of a lighthouse keeper who writes letters: at least three thousand words."
"""Long enough that its answer outlasts a log-out. It is asked once a watch."""

CUT = "cut"
ENDED_BY_ITSELF = "ended_by_itself"

ANSWERED_WITHIN_S = 10.0
"""A site that was cut off in the middle of an answer may not say anything any more."""

TOLD_EVERY_S = 0.1
"""Words come faster than anybody needs to know."""


@dataclass(slots=True)
class StreamProbe:
    """Asks for a long answer with the held token, once, and follows it to its end.

    Data is a sign of life. An answer whose body ends cleanly but without `[DONE]` was cut by the site:
    revoked, unless the site answers nothing else either. One that ends with it ended by itself, and says
    nothing of the log-out; its code tells so. A connection that breaks says nothing either.
    """

    copy: Copy
    budget: Budget
    layer: ClassVar[str] = "stream"

    async def follow(self) -> AsyncIterator[Answer]:
        """Alive for as long as data comes, then how it ended. Raises BudgetSpent before anything is sent."""
        try:
            async with posted(self.copy, self.budget, LONG) as response:
                if not is_streaming(response):
                    yield await not_streaming(response)
                    return
                done, told_s = False, float("-inf")
                async for line in response.aiter_lines():
                    if not line.startswith(DATA):
                        continue
                    done = done or line.removeprefix(DATA).strip() == DONE
                    now_s = asyncio.get_running_loop().time()
                    if not done and now_s - told_s >= TOLD_EVERY_S:
                        told_s = now_s
                        yield Answer(State.ALIVE)
        except FAILURES as failure:
            yield unknown(type(failure).__name__)
        else:
            yield Answer(State.REVOKED, ENDED_BY_ITSELF) if done else await self._cut()

    async def _cut(self) -> Answer:
        """A site that is going down ends its answers cleanly too: then it answers nothing else either."""
        try:
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                asked = await OverHttp(AccessProbe(self.copy), self.copy, self.budget).ask()
        except TimeoutError:
            asked = unknown("timeout")
        if asked.state is State.UNKNOWN:
            return unknown(f"{CUT}, then {asked.code}")
        return Answer(State.REVOKED, CUT)
