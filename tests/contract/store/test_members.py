"""Members, and the lists of a user's conversations."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import Invalid, NotFound
from server.store.schema import LONG
from server.store.sql import SqlStore
from tests.contract.store.harness import Harness
from tests.contract.store.people import ANN, BEN, EVE, FAY, NOW_MS, claim, message, opened, receipt


async def known(store: SqlStore) -> None:
    for user in (ANN, BEN, EVE, FAY):
        await store.save_user(user, NOW_MS)


async def test_members_are_added_and_removed(store: SqlStore) -> None:
    await known(store)
    channel = await opened(store)
    assert await store.change_members(channel, [EVE.id, BEN.id, ANN.id], ["nobody"], NOW_MS + 1) == (
        [EVE.id, BEN.id],
        [],
    )
    assert await store.members(channel, 10) == [ANN, BEN, EVE]
    assert await store.members(channel, 2) == [ANN, BEN]
    assert await store.change_members(channel, [FAY.id], [BEN.id, FAY.id[:-1]], NOW_MS + 2) == ([FAY.id], [BEN.id])
    assert await store.members(channel, 10) == [ANN, EVE, FAY]
    assert not await store.is_member(channel, BEN.id) and await store.is_member(channel, FAY.id)
    assert (await store.head(channel)).offset == 0


async def test_what_can_not_be_added_changes_nothing(store: SqlStore) -> None:
    await known(store)
    channel = await opened(store)
    with pytest.raises(NotFound, match="nobody"):
        await store.change_members(channel, [BEN.id, "nobody"], [ANN.id], NOW_MS)
    with pytest.raises(Invalid, match=BEN.id):
        await store.change_members(channel, [BEN.id], [BEN.id], NOW_MS)
    for missing in ("conv:01NOSUCH", "system", "conv:\0"):
        with pytest.raises(NotFound):
            await store.change_members(missing, [BEN.id], [], NOW_MS)
        assert await store.members(missing, 10) == []
    assert await store.members(channel, 10) == [ANN]


async def test_membership_counts_from_the_call_on(store: SqlStore) -> None:
    await known(store)
    channel = await opened(store)

    def send(text: str) -> object:
        return store.append(message(channel, text, sender=BEN, members_only=True))

    calls = [
        send("too early"),
        store.change_members(channel, [BEN.id], [], NOW_MS),
        send("in time"),
        store.change_members(channel, [], [BEN.id], NOW_MS),
        send("too late"),
    ]
    done = await asyncio.gather(*calls, return_exceptions=True)  # type: ignore[call-overload]
    assert [isinstance(one, NotFound) for one in done] == [True, False, False, False, True]
    assert [one.text for one in await store.messages_after(channel, 0, 10)] == ["in time"]


async def test_a_foreign_conversation_looks_like_none(store: SqlStore) -> None:
    channel = await opened(store)
    texts = []
    for where in (channel, "conv:01NOSUCH"):
        with pytest.raises(NotFound) as raised:
            await store.append(message(where, sender=BEN, members_only=True))
        texts.append(str(raised.value).replace(where.removeprefix("conv:"), "…"))
    assert texts[0] == texts[1]


async def test_a_removed_member_may_not_send_through_another_worker(harness: Harness) -> None:
    stores = harness.store(), harness.store()
    for store in stores:
        await store.start()
    channel = await opened(stores[0])
    await stores[0].append(message(channel, "hi", key="k", members_only=True))
    await stores[1].change_members(channel, [], [ANN.id], NOW_MS)
    for key in ("k", "l"):
        with pytest.raises(NotFound):
            await stores[0].append(message(channel, "hi", key=key, members_only=True))
    assert (await stores[0].append(message(channel, "staff"))).message.offset == 2


async def test_changes_at_once_are_each_counted_once(harness: Harness) -> None:
    stores = harness.store(), harness.store()
    for store in stores:
        await store.start()
    await known(stores[0])
    channel = await opened(stores[0])
    done = await asyncio.gather(
        *(stores[place % 2].change_members(channel, [BEN.id, EVE.id], [], NOW_MS) for place in range(12))
    )
    assert sorted(added for some, _ in done for added in some) == [BEN.id, EVE.id]


# --------------------------------------------------------------------------- lists


async def test_own_conversations_come_by_newest_activity(store: SqlStore) -> None:
    channels = [await opened(store) for _ in range(5)]
    await opened(store, BEN)
    for place in (3, 0, 4, 1, 2):
        await store.append(message(channels[place], f"in {place}", at_ms=NOW_MS + 10 * (place * 3 % 5 + 1)))
    newest_first = [3, 1, 4, 2, 0]  # place * 3 % 5 is 4, 3, 2, 1, 0
    listed = await store.conversations(ANN.id, None, 10)
    assert [one.channel for one in listed] == [channels[place] for place in newest_first]
    assert listed == [await store.conversation(one.channel, ANN.id) for one in listed]
    assert [one.last.text for one in listed if one.last] == [f"in {place}" for place in newest_first]
    page = await store.conversations(ANN.id, listed[1].at_ms, 2)
    assert page == listed[2:4]
    assert await store.conversations(ANN.id, listed[-1].at_ms, 2) == []
    assert await store.conversations("nobody", None, 2) == []
    assert await store.channels_of(ANN.id, 3) == [one.channel for one in listed[:3]]
    assert await store.channels_of("nobody", 3) == []
    at_once = await asyncio.gather(
        *(store.channels_of(who, most) for who, most in [(ANN.id, 9), (BEN.id, 3), (ANN.id, 1)])
    )
    assert [len(found) for found in at_once] == [5, 1, 1]
    assert at_once[0] == [one.channel for one in listed]


async def test_the_list_is_the_askers_view(store: SqlStore) -> None:
    channel = await opened(store)
    await store.append(message(channel, "hi"))
    await store.append(message(channel, "there"))
    await store.claim(claim(channel, EVE))
    await store.mark(receipt(channel, 1, EVE))
    (by_ann,) = await store.conversations(ANN.id, None, 10)
    (by_eve,) = await store.conversations(EVE.id, None, 10)
    assert (by_ann.state, by_ann.agent, by_ann.read_offset, by_ann.unread) == ("claimed", EVE, 0, 1)
    assert (by_eve.state, by_eve.agent, by_eve.read_offset, by_eve.unread) == ("claimed", EVE, 1, 2)


async def test_unread_is_right_wherever_one_has_read_to(store: SqlStore) -> None:
    channel = await opened(store)
    # Long enough for both ways of counting.
    senders = [ANN, EVE, EVE, ANN, ANN, EVE, ANN] * (LONG // 7 + 5)
    await asyncio.gather(*(store.append(message(channel, sender=sender)) for sender in senders))
    for user in (ANN, EVE):
        await store.save_user(user, NOW_MS)
        for read in (0, 1, 2, 3, 100, LONG - 1, LONG, LONG + 1, LONG + 9, len(senders) - 1, len(senders)):
            await store.mark(receipt(channel, read, user))
            seen = await store.conversation(channel, user.id)
            assert (seen.read_offset, seen.unread) == (read, sum(one != user for one in senders[read:]))
