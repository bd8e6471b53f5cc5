"""Receipts: how far each user has got, and assessments of whole conversations."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import Invalid, NotFound
from server.store.ports import Assessment
from server.store.sql import SqlStore
from server.wire.parts import ReceiptMark, User
from tests.contract.store.harness import Harness
from tests.contract.store.people import ANN, BEN, EVE, NOW_MS, conversation_of, message, opened, receipt


async def talked(store: SqlStore, messages: int = 5) -> str:
    """A conversation of Ann's, where Eve looks in."""
    channel = await opened(store)
    await store.save_user(EVE, NOW_MS)
    for _ in range(messages):
        await store.append(message(channel))
    return channel


async def test_a_receipt_moves_forward_only(store: SqlStore) -> None:
    channel = await talked(store)
    moved = [await store.mark(receipt(channel, offset, EVE)) for offset in (0, 2, 2, 1, 5, 4)]
    assert moved == [False, True, False, False, True, False]
    assert (await store.conversation(channel, EVE.id)).read_offset == 5


async def test_read_means_delivered_too(store: SqlStore) -> None:
    channel = await talked(store)
    assert await store.receipts(channel, 10) == []
    assert await store.mark(receipt(channel, 3, EVE, "delivered"))
    assert await store.receipts(channel, 10) == [ReceiptMark(EVE, "delivered", 3)]
    assert (await store.conversation(channel, EVE.id)).read_offset == 0
    assert await store.mark(receipt(channel, 2, EVE, "read"))
    assert await store.receipts(channel, 10) == [ReceiptMark(EVE, "read", 2), ReceiptMark(EVE, "delivered", 3)]
    assert await store.mark(receipt(channel, 5, EVE, "read"))
    assert not await store.mark(receipt(channel, 4, EVE, "delivered"))
    assert await store.receipts(channel, 10) == [ReceiptMark(EVE, "read", 5)]


async def test_who_moved_last_stands_first(store: SqlStore) -> None:
    channel = await talked(store)
    users = [User(f"agent-{place}", "agent", f"Agent {place}") for place in range(4)]
    for place, user in enumerate(users):
        await store.save_user(user, NOW_MS)
        await store.mark(receipt(channel, 2, user, at_ms=NOW_MS + 10 * (place % 3)))
    await store.mark(receipt(channel, 3, users[0], at_ms=NOW_MS + 15))
    marks = await store.receipts(channel, 3)
    assert [(mark.user, mark.offset) for mark in marks] == [(users[2], 2), (users[0], 3), (users[1], 2)]
    for nowhere in ("conv:01NOSUCH",):
        assert await store.receipts(nowhere, 3) == []


async def test_nobody_reads_what_is_not_there(store: SqlStore) -> None:
    channel = await talked(store, 2)
    for offset in (3, -1, 2**53):
        with pytest.raises(Invalid):
            await store.mark(receipt(channel, offset))
    for missing in ("conv:01NOSUCH", "system", "conv:\0"):
        with pytest.raises(NotFound):
            await store.mark(receipt(missing, 0))
    with pytest.raises(NotFound):
        await store.mark(receipt(channel, 1, BEN, members_only=True))
    assert await store.mark(receipt(channel, 1, ANN, members_only=True))
    assert [mark.user for mark in await store.receipts(channel, 9)] == [ANN]


async def test_a_message_of_the_same_group_can_be_read(store: SqlStore) -> None:
    channel = await opened(store)
    done = await asyncio.gather(
        store.append(message(channel)), store.mark(receipt(channel, 1, members_only=True)), store.ping()
    )
    assert done[1] is True


async def test_devices_on_two_workers_end_at_the_highest(harness: Harness) -> None:
    stores = harness.store(), harness.store(group_max=4)
    for store in stores:
        await store.start()
    channel = await talked(stores[0], 20)
    calls = [
        stores[place % 2].mark(receipt(channel, offset, EVE, "read" if offset % 3 else "delivered"))
        for place, offset in enumerate([*range(1, 21), *range(20, 0, -1)])
    ]
    await asyncio.gather(*calls)
    assert await stores[1].receipts(channel, 10) == [ReceiptMark(EVE, "read", 20)]


# --------------------------------------------------------------------------- assessments


def assessment(channel: str, by: User = ANN, rating: float = 0.75, **changes: bool) -> Assessment:
    return Assessment(channel, by, rating, "quick", ("speed", "tone"), NOW_MS, **changes)


async def test_a_later_assessment_replaces_the_earlier(store: SqlStore, harness: Harness) -> None:
    channel = await opened(store)
    for rating in (0.25, 1.0):
        await store.assess(assessment(channel, rating=rating, members_only=True))
    await store.assess(assessment(channel, EVE, 0.5))
    stored = "SELECT user_id, rating, comment, categories_json FROM assessments WHERE conversation_id = :id ORDER BY 1"
    assert harness.sql(stored, id=conversation_of(channel)) == [
        (ANN.id, 1.0, "quick", '["speed","tone"]'),
        (EVE.id, 0.5, "quick", '["speed","tone"]'),
    ]


async def test_who_may_not_assess(store: SqlStore) -> None:
    channel = await opened(store)
    for refused in (assessment(channel, BEN, members_only=True), assessment("conv:01NOSUCH"), assessment("system")):
        with pytest.raises(NotFound):
            await store.assess(refused)
    for rating in (-0.1, 1.1, float("nan")):
        with pytest.raises(Invalid):
            await store.assess(assessment(channel, rating=rating))
