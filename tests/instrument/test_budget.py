"""The budget of requests: the site is somebody else's, and it is never exceeded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterglow.budget import Budget, BudgetSpent


@given(st.integers(0, 50), st.lists(st.integers(1, 9)))
def test_what_would_exceed_it_is_refused_and_not_counted(limit: int, wanted: list[int]) -> None:
    """What still fits may be spent afterwards."""
    budget, spent = Budget(limit), 0
    for count in wanted:
        if spent + count > limit:
            with pytest.raises(BudgetSpent, match=f"the budget of {limit} requests is spent"):
                budget.spend(count)
        else:
            budget.spend(count)
            spent += count
        assert budget.spent == spent


def test_without_a_limit_it_only_counts() -> None:
    """Nobody set one: what it cost is still told."""
    budget = Budget()
    for _ in range(1000):
        budget.spend()
    assert budget.spent == 1000


def test_many_threads_share_one_budget() -> None:
    """The browser's and the probes': together they spend all of it and no more."""
    budget = Budget(1000)

    def spend() -> int:
        spent = 0
        for _ in range(400):
            try:
                budget.spend()
            except BudgetSpent:
                continue
            spent += 1
        return spent

    with ThreadPoolExecutor(8) as pool:
        spent = [each.result() for each in [pool.submit(spend) for _ in range(8)]]
    assert sum(spent) == budget.spent == 1000
