"""Ratings, rewards and the log that policies are folded from."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import replace

import pytest

from server.errors import Invalid, NotFound
from server.store.ports import DecisionRow, Rating, RewardEvent, RewardParts
from server.store.sql import SqlStore
from server.wire.frames import Message
from tests.contract.store.harness import Harness
from tests.contract.store.people import ANN, BEN, BOT, EVE, NOW_MS, answer, asked, decision, message, opened

WEIGHTS = {"feedback": 0.4, "sentiment": 0.3, "thanks": 0.2, "speed": 0.1}


def mean(parts: Mapping[str, float]) -> float | None:
    """A weighted mean of the parts that have a weight, as the product's own; the order of the sum shows."""
    known = [(WEIGHTS[name], value) for name, value in parts.items() if name in WEIGHTS]
    return sum(weight * value for weight, value in known) / sum(weight for weight, _ in known) if known else None


async def decided(store: SqlStore, chosen: DecisionRow | None = None, channel: str = "") -> tuple[DecisionRow, Message]:
    """A decision that stands in the ledger, and the answer that it led to."""
    made = chosen or decision()
    said = await store.answer(answer(await asked(store, channel or await opened(store)), chosen=made))
    assert said is not None
    return made, said


def rating(said: Message, user_id: str = ANN.id, value: float = 1.0, **changes: bool) -> Rating:
    return Rating(said.message_id, user_id, value, "nice", NOW_MS, **changes)


async def test_a_rating_names_its_decision(store: SqlStore) -> None:
    made, said = await decided(store)
    assert await store.rate(rating(said)) == RewardParts(made.decision_id, {"feedback": 1.0}, said.channel, made.at_ms)


async def test_a_later_rating_replaces_the_earlier(store: SqlStore, harness: Harness) -> None:
    _, said = await decided(store)
    for value in (1.0, 0.0, 0.25):
        assert (await store.rate(rating(said, value=value))).parts == {"feedback": value}
    await store.rate(rating(said, EVE.id, in_every_conversation=True))
    assert harness.sql("SELECT user_id, rating, comment FROM ratings ORDER BY rating") == [
        (ANN.id, 0.25, "nice"),
        (EVE.id, 1.0, "nice"),
    ]


async def test_strangers_and_other_messages_are_not_found(store: SqlStore) -> None:
    made, said = await decided(store)
    (question,) = await store.messages_before(said.channel, 2, 1)
    await opened(store, BEN)
    for wrong in (
        rating(said, BEN.id),
        rating(said, "nobody"),
        rating(question),
        rating(question, EVE.id, in_every_conversation=True),
        Rating("01NOSUCH", ANN.id, 1.0, None, NOW_MS),
    ):
        with pytest.raises(NotFound):
            await store.rate(wrong)
    found = await store.rate(rating(said, EVE.id, in_every_conversation=True))
    assert found.decision_id == made.decision_id


async def test_a_bot_message_without_a_decision_can_be_rated(store: SqlStore) -> None:
    channel = await opened(store)
    apology = await store.answer(answer(await asked(store, channel), decision=None, shown=None))
    service = await store.append(message(channel, "beep", sender=BOT))
    assert apology is not None
    for said in (apology, service.message):
        assert await store.rate(rating(said)) == RewardParts("", {"feedback": 1.0}, channel)


@pytest.mark.parametrize("value", [-0.01, 1.01, float("nan"), float("inf")])
async def test_what_is_no_share_is_invalid(store: SqlStore, value: float) -> None:
    made, said = await decided(store)
    with pytest.raises(Invalid, match="from 0 to 1"):
        await store.rate(rating(said, value=value))
    with pytest.raises(Invalid, match="feedback"):
        await store.add_reward(RewardParts(made.decision_id, {"feedback": value}), mean, NOW_MS)
    with pytest.raises(Invalid):
        await store.add_reward(RewardParts(made.decision_id, {"feedback": 1.0}), lambda _parts: value, NOW_MS)
    assert await store.rewards_after("linucb", 0, 10) == []


async def test_a_reward_is_logged_with_what_a_policy_needs(store: SqlStore) -> None:
    features = (0.1, 1 / 3, -0.0, 5e-324, 1.7976931348623157e308, 2.0**-1074)
    made, _ = await decided(store, decision(features=features))
    event = await store.add_reward(RewardParts(made.decision_id, {"feedback": 0.5}), mean, NOW_MS + 7)
    assert event == RewardEvent(
        "linucb", 1, made.decision_id, "warm", features, 0.5, None, NOW_MS + 7, made.at_ms, made.propensity
    )
    assert await store.rewards_after("linucb", 0, 10) == [event]
    assert str(event.features) == str(features)


async def test_defaults_go_to_old_decisions_without_a_reward(store: SqlStore) -> None:
    _young, old, _other, rewarded, *more = [
        (await decided(store, replace(decision(policy), at_ms=at_ms)))[0]
        for policy, at_ms in [("linucb", 100), ("linucb", 10), ("lints", 10), ("linucb", 10), *[("linucb", 20)] * 3]
    ]
    await store.add_reward(RewardParts(rewarded.decision_id, {"feedback": 1.0}), mean, NOW_MS)
    assert await store.default_rewards("linucb", 0.25, 100, NOW_MS, 2) == 2
    assert await store.default_rewards("linucb", 0.25, 100, NOW_MS, 5) == 2
    assert await store.default_rewards("linucb", 0.25, 100, NOW_MS, 5) == 0
    log = await store.rewards_after("linucb", 1, 9)
    assert [event.decision_id for event in log] == [one.decision_id for one in (old, *more)]
    assert {(event.reward, event.previous, event.decided_ms <= 20) for event in log} == {(0.25, None, True)}
    event = await store.add_reward(RewardParts(old.decision_id, {"feedback": 1.0}), mean, NOW_MS)
    assert event is not None and (event.reward, event.previous) == (1.0, 0.25)
    assert await store.rewards_after("lints", 0, 9) == []
    with pytest.raises(Invalid, match="default reward"):
        await store.default_rewards("linucb", 1.5, 100, NOW_MS, 5)


async def test_parts_merge_and_previous_chains(store: SqlStore) -> None:
    made, _ = await decided(store)
    found = [
        await store.add_reward(RewardParts(made.decision_id, parts), mean, NOW_MS)
        for parts in ({"sentiment": 0.5}, {"feedback": 1.0, "thanks": 1.0}, {"feedback": 0.0})
    ]
    events = [event for event in found if event is not None]
    merged = [
        {"sentiment": 0.5},
        {"feedback": 1.0, "sentiment": 0.5, "thanks": 1.0},
        {"feedback": 0.0, "sentiment": 0.5, "thanks": 1.0},
    ]
    assert [event.reward for event in events] == [mean(dict(sorted(parts.items()))) for parts in merged]
    assert [event.previous for event in events] == [None, events[0].reward, events[1].reward]
    assert [event.log_offset for event in events] == [1, 2, 3]


async def test_nothing_is_logged_where_nothing_changes(store: SqlStore) -> None:
    made, _ = await decided(store)
    found = RewardParts(made.decision_id, {"feedback": 1.0})
    assert await store.add_reward(RewardParts(made.decision_id, {"unknown": 1.0}), mean, NOW_MS) is None
    assert await store.add_reward(found, mean, NOW_MS) is not None
    assert await store.add_reward(found, mean, NOW_MS) is None
    assert await store.add_reward(RewardParts(made.decision_id, {}), mean, NOW_MS) is None
    assert await store.add_reward(RewardParts("01NOSUCH", {"feedback": 1.0}), mean, NOW_MS) is None
    assert len(await store.rewards_after("linucb", 0, 10)) == 1


async def test_the_order_of_arrival_does_not_matter(store: SqlStore) -> None:
    parts = {"feedback": 0.1, "sentiment": 0.7, "thanks": 0.2}
    finals = set()
    for order in itertools.permutations(parts):
        made, _ = await decided(store)
        for name in order:
            event = await store.add_reward(RewardParts(made.decision_id, {name: parts[name]}), mean, NOW_MS)
        assert event is not None
        finals.add(event.reward)
    assert len(finals) == 1


async def test_a_combiner_that_fails_harms_nobody_else(store: SqlStore) -> None:
    made, other = (await decided(store))[0], (await decided(store))[0]

    def broken(_parts: Mapping[str, float]) -> float:
        raise ZeroDivisionError("a bug")

    bad = asyncio.create_task(store.add_reward(RewardParts(made.decision_id, {"feedback": 1.0}), broken, NOW_MS))
    good = asyncio.create_task(store.add_reward(RewardParts(other.decision_id, {"feedback": 1.0}), mean, NOW_MS))
    with pytest.raises(ZeroDivisionError):
        await bad
    assert (await good) is not None
    assert await store.add_reward(RewardParts(made.decision_id, {"feedback": 1.0}), mean, NOW_MS) is not None


async def test_each_policys_log_is_gapless_on_many_workers(harness: Harness) -> None:
    stores = harness.store(), harness.store(group_max=4)
    for store in stores:
        await store.start()
    made = [(await decided(stores[0], decision(policy)))[0] for policy in ("linucb", "lints") for _ in range(6)]
    jobs = [
        store.add_reward(RewardParts(one.decision_id, {name: value}), mean, NOW_MS)
        for name, value in (("feedback", 1.0), ("sentiment", 0.25), ("thanks", 0.5), ("feedback", 0.0))
        for one in made
        for store in stores
    ]
    events = [event for event in await asyncio.gather(*jobs) if event is not None]
    for policy in ("linucb", "lints"):
        log = await stores[1].rewards_after(policy, 0, 1_000)
        assert [event.log_offset for event in log] == list(range(1, len(log) + 1))
        assert sorted((event for event in events if event.policy == policy), key=lambda one: one.log_offset) == log
        last: dict[str, float] = {}
        for event in log:
            assert event.previous == last.get(event.decision_id)
            assert event.reward != event.previous
            last[event.decision_id] = event.reward
        assert len(last) == 6
        assert len({*last.values()}) == 1


async def test_the_log_is_read_in_steps(store: SqlStore) -> None:
    channel = await opened(store)
    for _ in range(5):
        made, _said = await decided(store, channel=channel)
        await store.add_reward(RewardParts(made.decision_id, {"feedback": 1.0}), mean, NOW_MS)
    log = await store.rewards_after("linucb", 0, 100)
    assert await store.rewards_after("linucb", 0, 2) == log[:2]
    assert await store.rewards_after("linucb", 2, 2) == log[2:4]
    assert await store.rewards_after("linucb", 5, 2) == []
    assert await store.rewards_after("unheard of", 0, 2) == []
