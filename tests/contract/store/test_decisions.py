"""The decision log, read back: what was logged, to the last bit, in pages, by policy and time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from server.errors import Invalid, NotFound
from server.store import decision_ports
from server.store.decision_ports import LoggedDecision, all_decisions
from server.store.ports import DecisionRow, RewardParts
from server.store.sql import SqlStore
from tests.contract.store.harness import Harness
from tests.contract.store.people import ANN, NOW_MS, answer, asked, decision, opened


async def logged(store: SqlStore, *, at_ms: int = NOW_MS, policy: str = "linucb") -> DecisionRow:
    made = replace(decision(policy), at_ms=at_ms)
    assert await store.answer(answer(await asked(store, await opened(store)), chosen=made)) is not None
    return made


def as_logged(made: DecisionRow, reward: float | None = None) -> LoggedDecision:
    return LoggedDecision(
        made.decision_id, made.policy, made.version, made.arm, made.propensity, made.arms, made.probabilities,
        made.features, made.at_ms, reward, made.mode,
    )  # fmt: skip


async def test_what_was_decided_and_what_it_earned(store: SqlStore) -> None:
    features = (0.1, 1 / 3, -0.0, 5e-324, 1.7976931348623157e308)
    silent = await logged(store)
    made = replace(
        decision(features=features), version=12, probabilities=(2 / 3, 1 / 3), propensity=2 / 3, mode="log_only"
    )
    await store.answer(answer(await asked(store, await opened(store)), chosen=made))
    await store.add_reward(RewardParts(made.decision_id, {"feedback": 0.25}), lambda parts: parts["feedback"], NOW_MS)
    found = await store.decisions("linucb", limit=10)
    assert found == [as_logged(silent), as_logged(made, 0.25)]
    assert str(found[1].features) == str(features)
    assert await store.decision(made.decision_id) == found[1]
    await store.add_reward(RewardParts(made.decision_id, {"feedback": 1.0}), lambda parts: parts["feedback"], NOW_MS)
    assert (await store.decision(made.decision_id)).reward == 1.0


async def test_by_policy_and_time(store: SqlStore) -> None:
    made = [await logged(store, at_ms=NOW_MS + hour * 3_600_000) for hour in range(4)]
    other = await logged(store, policy="squarecb")

    async def ids(policy: str = "linucb", since_ms: int | None = None, until_ms: int | None = None) -> list[str]:
        found = await store.decisions(policy, since_ms=since_ms, until_ms=until_ms, limit=10)
        return [each.decision_id for each in found]

    expected = [one.decision_id for one in made]
    assert await ids() == expected
    assert await ids(since_ms=made[1].at_ms) == expected[1:]
    assert await ids(until_ms=made[3].at_ms) == expected[:3]
    assert await ids(since_ms=made[1].at_ms, until_ms=made[2].at_ms) == expected[1:2]
    assert await ids("squarecb") == [other.decision_id]
    assert await ids("uniform") == []
    assert await store.deciding_policies() == ["linucb", "squarecb"]


async def test_pages_meet_without_gap_or_repeat(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for number in range(7):
        made.append(await logged(store))
        if number % 2:
            await logged(store, policy="squarecb")
    monkeypatch.setattr(decision_ports, "PAGE_DECISIONS", 3)
    found = [each.decision_id async for each in all_decisions(store, "linucb")]
    assert found == [each.decision_id for each in made]
    page = await store.decisions("linucb", after=found[4], limit=1)
    assert [each.decision_id for each in page] == [found[5]]


async def test_of_nothing(store: SqlStore) -> None:
    assert await store.decisions("linucb", limit=10) == []
    assert await store.deciding_policies() == []
    with pytest.raises(NotFound, match="no decision '01NOSUCH'"):
        await store.decision("01NOSUCH")
    with pytest.raises(Invalid):
        await store.decision("a\0b")


async def test_whom_they_were_for_where_that_is_asked_for(store: SqlStore) -> None:
    made = await logged(store)
    assert await store.decisions("linucb", limit=9) == [as_logged(made)]
    (found,) = await store.decisions("linucb", limit=9, with_people=True)
    assert found == replace(as_logged(made), user=ANN.id)


async def test_the_order_is_that_of_their_times(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of clocks that differ, and of several at one time."""
    times = [5, 3, 3, 9, 1, 3]
    made = [await logged(store, at_ms=NOW_MS + number) for number in times]
    monkeypatch.setattr(decision_ports, "PAGE_DECISIONS", 2)
    expected = sorted(made, key=lambda one: (one.at_ms, one.decision_id))
    found = [each.decision_id async for each in all_decisions(store, "linucb")]
    assert found == [each.decision_id for each in expected]
    since = [each.decision_id async for each in all_decisions(store, "linucb", since_ms=NOW_MS + 3)]
    assert since == [each.decision_id for each in expected[1:]]
    with pytest.raises(NotFound):
        await store.decisions("linucb", after="01NOSUCH", limit=9)


async def test_the_last_weeks_of_a_long_log_are_found_by_an_index(harness: Harness) -> None:
    """As the planner says where sorting and reading all is out of the question."""
    await harness.store().start()
    of_time = "policy = 'linucb' AND at_ms >= 5 AND (5, 'a') < (at_ms, decision_id) AND at_ms < 9"
    query = f"SELECT reward FROM decisions WHERE {of_time} ORDER BY at_ms, decision_id LIMIT 9"  # noqa: S608
    plan = harness.sql(f"EXPLAIN {'QUERY PLAN ' if harness.url.startswith('sqlite') else ''}{query}")
    told = " ".join(str(row) for row in plan)
    assert "ix_decisions_policy_at_ms" in told and "SORT" not in told.upper().replace("TEMP B-TREE", "SORT"), told
