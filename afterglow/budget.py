"""How many requests a session may cost in one watch. The site is somebody else's: it is never exceeded."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


class BudgetSpent(Exception):
    """The next request would exceed the budget, and was not made."""


@dataclass(slots=True)
class Budget:
    """Counts requests. `limit` is None where nobody set one. Safe to use from any thread."""

    limit: int | None = None
    spent: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def spend(self, count: int = 1) -> None:
        """Take note of requests that are about to be made. Raises BudgetSpent if they may not be."""
        with self._lock:
            if self.limit is not None and self.spent + count > self.limit:
                raise BudgetSpent(f"the budget of {self.limit} requests is spent")
            self.spent += count
