"""Users, opening, the view of a conversation, heads, membership, history."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import Conflict, NotFound
from server.store.ports import Head
from server.store.sql import SqlStore
from server.wire.parts import Conversation, LastMessage, User
from tests.contract.store.harness import Harness
from tests.contract.store.people import (
    ANN,
    BEN,
    EVE,
    NOW_MS,
    answer,
    asked,
    claim,
    message,
    opened,
    opening,
    receipt,
)


async def test_a_user_is_inserted_then_updated(store: SqlStore, harness: Harness) -> None:
    await store.save_user(User("u", "customer", "Guest"), NOW_MS)
    await store.save_user(User("u", "customer", "Guest"), NOW_MS + 1)
    await store.save_user(User("u", "agent", "Uma"), NOW_MS + 2)
    assert harness.sql("SELECT id, kind, name, created_at_ms FROM users") == [("u", "agent", "Uma", NOW_MS)]


async def test_users_saved_at_once_are_all_there(store: SqlStore, harness: Harness) -> None:
    users = [User(f"u-{place % 40}", "customer", f"Guest {place % 40}") for place in range(80)]
    await asyncio.gather(*(store.save_user(user, NOW_MS) for user in users))
    assert harness.sql("SELECT count(*), count(DISTINCT name) FROM users") == [(40, 40)]


async def test_opening_makes_the_opener_a_member(store: SqlStore) -> None:
    wanted = opening(ANN, metadata={"page": "/help"})
    found = await store.open_conversation(wanted)
    assert (found.epoch, found.duplicate) == (wanted.epoch, False)
    assert found.conversation == Conversation(
        channel=wanted.channel, state="bot", resolved=False, at_ms=NOW_MS, offset=0, read_offset=0, unread=0
    )
    assert await store.conversation(wanted.channel, ANN.id) == found.conversation
    assert await store.is_member(wanted.channel, ANN.id)
    assert await store.head(wanted.channel) == Head(wanted.epoch, 0)


async def test_opening_again_with_the_key_gives_the_first(store: SqlStore) -> None:
    wanted = opening(ANN, key="k", metadata={"a": 1, "b": [2]})
    await store.open_conversation(wanted)
    await store.append(message(wanted.channel, "hi"))
    again = await store.open_conversation(opening(ANN, key="k", metadata={"b": [2], "a": 1}))
    assert (again.duplicate, again.epoch, again.conversation.channel) == (True, wanted.epoch, wanted.channel)
    assert again.conversation.offset == 1


@pytest.mark.parametrize("metadata", [None, {}, {"a": 2}])
async def test_opening_again_with_other_metadata_is_a_conflict(
    store: SqlStore, metadata: dict[str, int] | None
) -> None:
    await store.open_conversation(opening(ANN, key="k", metadata={"a": 1}))
    with pytest.raises(Conflict, match="'k'"):
        await store.open_conversation(opening(ANN, key="k", metadata=metadata))


async def test_an_open_key_belongs_to_its_user(store: SqlStore) -> None:
    found = [await store.open_conversation(opening(user, key="k")) for user in (ANN, BEN)]
    assert [one.duplicate for one in found] == [False, False]
    assert not await store.is_member(found[0].conversation.channel, BEN.id)


async def test_one_key_opened_many_times_at_once_is_one_conversation(harness: Harness) -> None:
    stores = harness.store(), harness.store()
    for store in stores:
        await store.start()
    found = await asyncio.gather(*(stores[n % 2].open_conversation(opening(ANN, key="k")) for n in range(20)))
    assert len({one.conversation.channel for one in found}) == 1
    assert sorted(one.duplicate for one in found) == [False] + [True] * 19
    assert harness.sql("SELECT count(*) FROM conversations") == [(1,)]


async def test_a_conversation_named_twice_is_a_conflict(store: SqlStore) -> None:
    first = opening(ANN)
    await store.open_conversation(first)
    second = opening(BEN)
    with pytest.raises(Conflict):
        await store.open_conversation(type(second)(first.channel, "e", BEN, "k", None, NOW_MS))
    assert not await store.is_member(first.channel, BEN.id)


async def test_unread_counts_what_others_wrote_after_the_read_offset(store: SqlStore) -> None:
    channel = await opened(store, ANN)
    turn = await asked(store, channel, "hi")
    await store.answer(answer(turn, "hello"))
    await store.append(message(channel, "I am Eve", sender=EVE, at_ms=NOW_MS + 50))
    seen = await store.conversation(channel, ANN.id)
    assert (seen.offset, seen.read_offset, seen.unread, seen.at_ms) == (3, 0, 2, NOW_MS + 50)
    assert seen.last == LastMessage(3, EVE, "I am Eve", NOW_MS + 50)
    await store.mark(receipt(channel, 2))
    seen = await store.conversation(channel, ANN.id)
    assert (seen.read_offset, seen.unread) == (2, 1)
    by_eve = await store.conversation(channel, EVE.id)
    assert (by_eve.read_offset, by_eve.unread) == (0, 2)


async def test_the_agent_of_a_claim_is_shown(store: SqlStore) -> None:
    channel = await opened(store)
    await store.claim(claim(channel, EVE))
    seen = await store.conversation(channel, ANN.id)
    assert (seen.state, seen.agent) == ("claimed", EVE)


async def test_what_does_not_exist_is_not_found_and_has_no_members(store: SqlStore) -> None:
    for channel in ("conv:01NOSUCH", "conv:\0", "conv:\ud800", "user:ann", ""):
        assert not await store.is_member(channel, ANN.id)
        with pytest.raises(NotFound):
            await store.head(channel)
        with pytest.raises(NotFound):
            await store.conversation(channel, ANN.id)
    channel = await opened(store)
    assert not await store.is_member(channel, BEN.id)
    assert not await store.is_member(channel, "\ud800")


async def test_membership_that_was_taken_away_is_seen_at_once(store: SqlStore, harness: Harness) -> None:
    channel = await opened(store)
    assert await store.is_member(channel, ANN.id)
    harness.sql("DELETE FROM members")
    assert not await store.is_member(channel, ANN.id)


async def test_many_looks_at_once_are_each_right(store: SqlStore) -> None:
    ours = [await opened(store, ANN) for _ in range(5)]
    theirs = [await opened(store, BEN) for _ in range(5)]
    for place, channel in enumerate(ours):
        for _ in range(place):
            await store.append(message(channel))
    members = await asyncio.gather(*(store.is_member(channel, ANN.id) for channel in (ours + theirs) * 40))
    heads = await asyncio.gather(*(store.head(channel) for channel in ours * 40))
    assert members == ([True] * 5 + [False] * 5) * 40
    assert [head.offset for head in heads] == [0, 1, 2, 3, 4] * 40


async def test_heads_of_many_leave_out_the_unknown(store: SqlStore) -> None:
    one, two = await opened(store), await opened(store)
    await store.append(message(two))
    asked_for = [one, "conv:01NOSUCH", "system", "conv:\ud800", two, *(f"conv:none-{n}" for n in range(40_000))]
    assert await store.heads(asked_for) == {one: 0, two: 1}
    assert await store.heads([]) == {}


async def test_history_ascends_in_both_directions(store: SqlStore) -> None:
    channel = await opened(store)
    for place in range(1, 11):
        await store.append(message(channel, str(place)))

    async def texts(direction: str, offset: int | None, limit: int) -> list[str]:
        if direction == "after":
            return [one.text for one in await store.messages_after(channel, offset or 0, limit)]
        return [one.text for one in await store.messages_before(channel, offset, limit)]

    assert await texts("after", 0, 3) == ["1", "2", "3"]
    assert await texts("after", 8, 50) == ["9", "10"]
    assert await texts("after", 10, 50) == []
    assert await texts("before", None, 3) == ["8", "9", "10"]
    assert await texts("before", 4, 2) == ["2", "3"]
    assert await texts("before", 1, 2) == []
    assert await store.messages_after("conv:01NOSUCH", 0, 10) == []
