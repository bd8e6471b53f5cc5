"""What answers may cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.chat.language.budget import DAY_MS, Budget, Exhausted, Prices, day_start_ms
from server.store.usage_ports import Amount, Spent


@pytest.mark.parametrize(
    ("budget", "spent", "found"),
    [
        (Budget(), Spent(Amount(10**9, 10**9)), None),
        (Budget(conversation=Amount(100, 0)), Spent(conversation=Amount(90, 5)), None),
        (
            Budget(conversation=Amount(100, 0)),
            Spent(conversation=Amount(91, 5)),
            Exhausted("conversation", "tokens", 100),
        ),
        (Budget(user=Amount(0, 50)), Spent(user=Amount(10**6, 46)), Exhausted("user", "cost", 50)),
        (Budget(user=Amount(0, 50)), Spent(user=Amount(10**6, 45)), None),
        (Budget(day=Amount(100, 0)), Spent(everybody=Amount(100, 0)), Exhausted("day", "tokens", 100)),
    ],
)  # fmt: skip
def test_the_next_answer_must_fit(budget: Budget, spent: Spent, found: Exhausted | None) -> None:
    assert budget.check(spent, Amount(10, 5)) == found


def test_costs_are_rounded_up() -> None:
    assert Prices(prompt=0.15, completion=0.6).cost_micros(1_000, 100) == 210
    assert Prices(prompt=0.15).cost_micros(1, 0) == 1
    assert Prices().cost_micros(1_000, 1_000) == 0


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0, 100), st.floats(0, 100))
def test_cost_grows_with_what_is_used(prompt: int, completion: int, first: float, second: float) -> None:
    prices = Prices(first, second)
    assert prices.cost_micros(prompt, completion) <= prices.cost_micros(prompt + 1, completion + 1)
    assert prices.cost_micros(prompt, completion) >= prompt * first + completion * second - 1e-6


def test_days_begin_at_midnight() -> None:
    noon = 20_000 * DAY_MS + DAY_MS // 2
    assert day_start_ms(noon) == 20_000 * DAY_MS == day_start_ms(20_000 * DAY_MS)


def test_a_budget_without_limits_needs_no_counting() -> None:
    assert not Budget().is_limited
    assert Budget(user=Amount(0, 1)).is_limited
