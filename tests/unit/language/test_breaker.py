"""When a server that fails is left alone."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.chat.language.breaker import Breaker, BreakerRule

RULE = BreakerRule(failures=3, open_ms=100.0, max_open_ms=350.0)


def failed(breaker: Breaker, times: int, now_ms: float = 0.0) -> Breaker:
    for _ in range(times):
        breaker = breaker.failed_at(now_ms)
    return breaker


def test_it_opens_after_so_many_failures_in_a_row() -> None:
    breaker = failed(Breaker(RULE), 2)
    assert breaker.state(0) == "closed"
    assert failed(breaker.succeeded(), 2).state(0) == "closed", "not in a row"
    assert failed(breaker, 1).state(0) == "open"
    assert failed(breaker, 1).ask(99)[1] is False


def test_one_try_decides() -> None:
    breaker = failed(Breaker(RULE), 3)
    trying, allowed = breaker.ask(100)
    assert allowed and trying.state(100) == "half_open"
    assert trying.ask(100)[1] is False, "one at a time"
    assert trying.succeeded().state(100) == "closed"
    again = trying.failed_at(150)
    assert (again.state(349), again.state(350)) == ("open", "half_open"), "twice as long"


def test_the_pause_has_a_limit() -> None:
    breaker, now_ms = failed(Breaker(RULE), 3), 0.0
    for _ in range(5):
        now_ms = breaker.until_ms
        breaker = breaker.ask(now_ms)[0].failed_at(now_ms)
    assert breaker.until_ms - now_ms == 350


def test_a_server_that_asks_for_time_gets_it() -> None:
    breaker = failed(Breaker(RULE), 2).failed_at(0, at_least_ms=200)
    assert breaker.until_ms == 200
    assert failed(Breaker(RULE), 2).failed_at(0, at_least_ms=1e9).until_ms == 350


def test_a_cancelled_try_lets_the_next_one_try() -> None:
    trying, _ = failed(Breaker(RULE), 3).ask(100)
    assert trying.given_up().ask(100)[1] is True


def test_what_was_under_way_when_it_opened_does_not_prolong_it() -> None:
    breaker = failed(Breaker(RULE), 3)
    assert breaker.failed_at(90).until_ms == breaker.until_ms


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 500)), max_size=60))
def test_it_is_never_closed_for_ever(steps: list[tuple[bool, float]]) -> None:
    """Whatever happened, after the longest pause somebody may try."""
    breaker, now_ms = Breaker(RULE), 0.0
    for success, pause_ms in steps:
        now_ms += pause_ms
        breaker, allowed = breaker.ask(now_ms)
        if allowed:
            breaker = breaker.succeeded() if success else breaker.failed_at(now_ms)
    assert breaker.ask(now_ms + RULE.max_open_ms)[1]
