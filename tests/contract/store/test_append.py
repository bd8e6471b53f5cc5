"""``append`` and ``resolve``: order, offsets, keys, reopening."""

from __future__ import annotations

import asyncio
import random

import pytest

from server.errors import Conflict, Invalid, NotFound
from server.store.ports import Appended
from server.store.sql import SqlStore
from server.wire.frames import Message
from server.wire.parts import User
from tests.contract.store.harness import Harness
from tests.contract.store.people import ANN, BEN, BOT, EVE, NOW_MS, message, opened, resolution


async def test_a_message_comes_back_as_it_was_sent(store: SqlStore) -> None:
    channel = await opened(store)
    first = await store.append(
        message(channel, "Grüße 😕", key="k-1", data={"b": [1, 2.5, None], "a": {"z": "\u0000"}})
    )
    second = await store.append(message(channel, "and?", reply_to=first.message.message_id))
    epoch = (await store.head(channel)).epoch
    assert first.message == Message(
        channel=channel,
        epoch=epoch,
        offset=1,
        message_id=first.message.message_id,
        at_ms=NOW_MS,
        sender=ANN,
        text="Grüße 😕",
        data={"b": [1, 2.5, None], "a": {"z": "\u0000"}},
        key="k-1",
    )
    assert (first.messages, first.duplicate, first.turn) == ((first.message,), False, None)
    assert second.message.reply_to == first.message.message_id
    assert await store.messages_after(channel, 0, 10) == [first.message, second.message]
    stored_data = (await store.messages_after(channel, 0, 1))[0].data
    assert stored_data is not None and list(stored_data) == ["b", "a"]


async def test_offsets_count_from_one_in_the_order_of_the_calls(store: SqlStore) -> None:
    channel = await opened(store)
    calls = [store.append(message(channel, str(place))) for place in range(20)]
    done = [await call for call in reversed(calls)][::-1]
    assert [(one.message.offset, one.message.text) for one in done] == [(n + 1, str(n)) for n in range(20)]


async def test_the_same_key_again_gives_the_first_message(store: SqlStore) -> None:
    channel = await opened(store)
    first = await store.append(message(channel, "hi", key="k", data={"a": 1, "b": 2}))
    again = await store.append(
        message(channel, "hi", key="k", data={"b": 2, "a": 1}, at_ms=NOW_MS + 9, wants_turn=True)
    )
    assert again == Appended(first.message, duplicate=True, messages=(), turn=None)
    assert await store.messages_after(channel, 0, 10) == [first.message]


@pytest.mark.parametrize(
    "changes", [{"text": "ho"}, {"data": {"a": 1}}, {"reply_to": "01X"}], ids=lambda one: next(iter(one))
)
async def test_the_same_key_with_other_content_is_a_conflict(store: SqlStore, changes: dict[str, object]) -> None:
    channel = await opened(store)
    await store.append(message(channel, "hi", key="k"))
    with pytest.raises(Conflict, match="'k'"):
        await store.append(message(channel, **{"text": "hi", "key": "k", **changes}))  # type: ignore[arg-type]
    assert (await store.head(channel)).offset == 1


async def test_a_key_belongs_to_its_sender_and_channel(store: SqlStore) -> None:
    one, two = await opened(store), await opened(store)
    done = [
        await store.append(message(channel, text, sender=sender, key="k"))
        for channel, sender, text in ((one, ANN, "a"), (one, BEN, "b"), (two, ANN, "c"))
    ]
    assert [found.duplicate for found in done] == [False] * 3
    assert [found.message.offset for found in done] == [1, 2, 1]


async def test_fifty_repeats_at_once_store_one_row(harness: Harness) -> None:
    stores = harness.store(), harness.store()
    for store in stores:
        await store.start()
    channel = await opened(stores[0])
    done = await asyncio.gather(*(stores[place % 2].append(message(channel, "hi", key="k")) for place in range(50)))
    assert sorted(found.duplicate for found in done) == [False] + [True] * 49
    assert all(found.message == done[0].message for found in done)
    assert harness.sql("SELECT count(*) FROM messages") == [(1,)]


async def test_many_senders_on_two_workers_get_gapless_offsets(harness: Harness) -> None:
    rng = random.Random(7)
    stores = harness.store(), harness.store(group_max=16)
    for store in stores:
        await store.start()
    channels = [await opened(stores[0]) for _ in range(4)]
    senders = [User(f"user-{place}", "customer", "x") for place in range(10)]

    async def talk(sender: User, worker: SqlStore) -> None:
        for place in range(25):
            channel = rng.choice(channels)
            done = await worker.append(message(channel, f"{sender.id} {place}", sender=sender))
            assert done.message.sender == sender

    await asyncio.gather(*(talk(sender, store) for sender in senders for store in stores))
    stored = [await stores[0].messages_after(channel, 0, 1_000) for channel in channels]
    assert sum(map(len, stored)) == 500
    for channel, messages in zip(channels, stored, strict=True):
        assert [one.offset for one in messages] == list(range(1, len(messages) + 1))
        assert (await stores[1].head(channel)).offset == len(messages)


async def test_an_unknown_conversation_is_not_found(store: SqlStore) -> None:
    for channel in ("conv:01NOSUCH", "system", "conv:", "conv:\0", "conv:\ud800"):
        with pytest.raises(NotFound):
            await store.append(message(channel))
        with pytest.raises(NotFound):
            await store.resolve(resolution(channel))


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "a\0b"},
        {"text": "\ud800"},
        {"key": "a\0b"},
        {"data": {"when": {1, 2}}},
        {"data": {"text": "\ud800"}},
        {"at_ms": 2**63},
    ],
    ids=["nul", "surrogate", "nul in key", "set in data", "surrogate in data", "66 bits"],
)
async def test_what_no_column_takes_is_invalid_and_stops_nobody(store: SqlStore, changes: dict[str, object]) -> None:
    channel = await opened(store)
    good = [store.append(message(channel, str(place))) for place in range(3)]
    bad = store.append(message(channel, **changes))  # type: ignore[arg-type]
    good += [store.append(message(channel, str(place))) for place in range(3, 6)]
    with pytest.raises(Invalid):
        await bad
    assert [(await call).message.offset for call in good] == [1, 2, 3, 4, 5, 6]


async def test_a_row_that_breaks_an_index_fails_alone(store: SqlStore) -> None:
    channel = await opened(store)
    first = await store.append(message(channel, "first"))
    calls = [
        store.append(message(channel, str(place), message_id=first.message.message_id if place == 5 else ""))
        for place in range(12)
    ]
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(done[5], Conflict)
    stored = [found for found in done if isinstance(found, Appended)]
    assert [found.message.offset for found in stored] == list(range(2, 13))
    assert [found.message.text for found in stored] == [str(place) for place in range(12) if place != 5]


async def test_a_cancelled_caller_harms_nobody_and_may_repeat(store: SqlStore) -> None:
    channel = await opened(store)
    task = asyncio.create_task(store.append(message(channel, "hi", key="k")))
    other = asyncio.create_task(store.append(message(channel, "ho")))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert not (await other).duplicate
    again = await store.append(message(channel, "hi", key="k"))
    stored = await store.messages_after(channel, 0, 10)
    assert sorted(one.text for one in stored) == ["hi", "ho"]
    assert again.message in stored


# --------------------------------------------------------------------------- resolve and reopen


async def test_resolving_says_so_once(store: SqlStore) -> None:
    channel = await opened(store)
    await store.append(message(channel))
    said = await store.resolve(resolution(channel))
    assert said is not None
    assert (said.offset, said.sender, said.data) == (2, User("system", "system", "Parlance"), {"event": "resolved"})
    assert said.text and said.key is None
    assert await store.resolve(resolution(channel)) is None
    assert (await store.conversation(channel, ANN.id)).resolved
    back = await store.resolve(resolution(channel, resolved=False))
    assert back is not None and (back.offset, back.data) == (3, {"event": "reopened"})
    assert await store.resolve(resolution(channel, resolved=False)) is None
    assert not (await store.conversation(channel, ANN.id)).resolved
    assert (await store.messages_after(channel, 1, 10)) == [said, back]


async def test_a_customers_message_reopens_and_the_system_speaks_first(store: SqlStore) -> None:
    channel = await opened(store)
    await store.resolve(resolution(channel))
    done = await store.append(message(channel, "one more thing", wants_turn=True))
    assert [(one.offset, one.sender.kind, one.data) for one in done.messages] == [
        (2, "system", {"event": "reopened"}),
        (3, "customer", None),
    ]
    assert done.message == done.messages[1]
    assert done.turn is not None and done.turn.message == done.message
    assert len((await store.append(message(channel, "and another"))).messages) == 1
    assert not (await store.conversation(channel, ANN.id)).resolved


async def test_only_a_customer_reopens_and_a_repeat_does_not(store: SqlStore) -> None:
    channel = await opened(store)
    await store.append(message(channel, "hi", key="k"))
    await store.resolve(resolution(channel, by=EVE))
    for sender in (EVE, BOT):
        assert len((await store.append(message(channel, sender=sender))).messages) == 1
    assert (await store.append(message(channel, "hi", key="k"))).duplicate
    assert (await store.conversation(channel, ANN.id)).resolved


async def test_calls_of_one_group_take_effect_one_after_the_other(store: SqlStore) -> None:
    channel = await opened(store)
    calls = [
        store.append(message(channel, "a", key="a")),
        store.resolve(resolution(channel)),
        store.append(message(channel, "b", key="b")),
        store.append(message(channel, "a", key="a")),
        store.resolve(resolution(channel)),
    ]
    done = await asyncio.gather(*calls)
    texts = [(one.sender.kind, one.data and one.data["event"]) for one in await store.messages_after(channel, 0, 10)]
    system = "system"
    assert texts == [
        ("customer", None), (system, "resolved"), (system, "reopened"), ("customer", None), (system, "resolved"),
    ]  # fmt: skip
    assert isinstance(done[3], Appended) and done[3].duplicate
