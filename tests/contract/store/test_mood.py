"""What was understood over time, of users and of conversations."""

from __future__ import annotations

import pytest

from server.errors import NotFound
from server.store.mood import MAX_CONVERSATIONS
from server.store.mood_ports import HeardTurn, MeanContext
from server.store.sql import SqlStore
from tests.contract.store.harness import new_id
from tests.contract.store.people import ANN, BEN, NOW_MS, answer, asked, decision, message, opened


def understood(score: float) -> dict[str, object]:
    return {"act": "other", "sentiment": {"score": score}}


async def said(store: SqlStore, channel: str, score: float) -> None:
    """Ann's message, answered."""
    await store.answer(answer(await asked(store, channel), analysis=understood(score)))


async def test_what_a_user_said_comes_from_all_conversations_in_order(store: SqlStore) -> None:
    first, second = await opened(store), await opened(store)
    await said(store, first, -0.5)
    await said(store, second, 0.25)
    await said(store, first, 0.5)
    everything = [
        HeardTurn(first, 1, NOW_MS, understood(-0.5)),
        HeardTurn(second, 1, NOW_MS, understood(0.25)),
        HeardTurn(first, 3, NOW_MS, understood(0.5)),
    ]
    assert await store.heard_of(ANN.id, 10) == everything
    assert await store.heard_of(ANN.id, 2) == everything[1:]
    assert await store.heard_in(first, 10) == [everything[0], everything[2]]
    assert await store.heard_in(first, 1) == [everything[2]]


async def test_others_messages_and_open_turns_are_not_a_users(store: SqlStore) -> None:
    channel = await opened(store)
    await store.save_user(BEN, NOW_MS)
    await store.change_members(channel, [BEN.id], [], NOW_MS)
    appended = await store.append(message(channel, sender=BEN, wants_turn=True))
    assert appended.turn is not None
    await store.answer(answer(appended.turn, analysis=understood(0.1)))
    await asked(store, channel)
    assert await store.heard_of(ANN.id, 10) == []
    assert [turn.analysis for turn in await store.heard_of(BEN.id, 10)] == [understood(0.1)]
    await store.change_members(channel, [], [BEN.id], NOW_MS)
    assert await store.heard_of(BEN.id, 10) == []
    assert await store.heard_of("nobody", 10) == []


async def test_an_apology_was_not_understood(store: SqlStore) -> None:
    channel = await opened(store)
    await store.answer(answer(await asked(store, channel), decision=None, shown=None, analysis={}))
    assert [dict(turn.analysis) for turn in await store.heard_of(ANN.id, 10)] == [{}]


async def test_opened_conversations_are_counted_up_to_a_bound(store: SqlStore) -> None:
    assert await store.conversations_opened(ANN.id, 10) == 0
    for _ in range(3):
        await opened(store)
    await opened(store, BEN)
    assert [await store.conversations_opened(ANN.id, most) for most in (2, 3, 10)] == [2, 3, 3]


async def test_only_the_conversations_joined_last_are_looked_at(store: SqlStore) -> None:
    channels = [await opened(store) for _ in range(MAX_CONVERSATIONS + 2)]
    for channel in (channels[0], channels[-1]):
        await said(store, channel, 0.5)
    assert [turn.channel for turn in await store.heard_of(ANN.id, 10)] == [channels[-1]]


async def decided(store: SqlStore, channel: str, *features: float) -> None:
    await store.answer(answer(await asked(store, channel), chosen=decision(features=features)))


async def test_mean_contexts_of_the_conversation_and_of_the_latest(store: SqlStore) -> None:
    mine, other, latest = [await opened(store) for _ in range(3)]
    await decided(store, mine, 1.0, 0.0)
    await decided(store, other, 0.5, 0.5)
    await decided(store, mine, 0.0, 1.0, 1.0)  # of a newer release
    await decided(store, latest, 0.25)
    own = MeanContext(mine, 2, (0.5, 0.5, 0.5))
    expected = [own, MeanContext(latest, 1, (0.25,)), MeanContext(other, 1, (0.5, 0.5))]
    assert await store.mean_contexts(mine, 10) == expected
    assert await store.mean_contexts(mine, 1) == expected[:2], "of its own all count"


async def test_a_conversation_without_decisions_has_no_context(store: SqlStore) -> None:
    channel = await opened(store)
    assert await store.mean_contexts(channel, 10) == []
    assert await store.mean_contexts(f"conv:{new_id()}", 10) == []
    with pytest.raises(NotFound):
        await store.mean_contexts("user:ann", 10)
