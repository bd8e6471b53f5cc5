"""Notifications to one user and to everybody, until they are seen."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.errors import Conflict, Invalid, NotFound
from server.store.ports import Notice
from server.store.sql import SqlStore
from server.wire.frames import Notification
from server.wire.parts import User
from tests.contract.store.harness import Harness, new_id
from tests.contract.store.people import ANN, BEN, EVE, NOW_MS, opened


def notice(user: User | None = ANN, title: str = "news", **changes: Any) -> Notice:
    values: dict[str, Any] = {
        "notification_id": new_id(),
        "user_id": None if user is None else user.id,
        "priority": "normal",
        "title": title,
        "body": "something",
        "data": None,
        "at_ms": NOW_MS,
        **changes,
    }
    return Notice(**values)


async def known(store: SqlStore, *users: User) -> None:
    for user in users:
        await store.save_user(user, NOW_MS)


async def titles(store: SqlStore, user: User, limit: int = 100) -> list[str]:
    return [one.title for one in (await store.unseen(user.id, limit))[0]]


async def test_a_notification_comes_back_as_it_was_sent(store: SqlStore) -> None:
    await known(store, ANN, BEN)
    sent = notice(ANN, "Grüße 😕", data={"b": [1, None], "a": "\u0000"}, priority="high")
    assert await store.notify(sent) == 1
    wanted = Notification(
        channel="user:user-ann",
        notification_id=sent.notification_id,
        priority="high",
        title="Grüße 😕",
        body="something",
        at_ms=NOW_MS,
        data={"b": [1, None], "a": "\u0000"},
    )
    assert await store.unseen(ANN.id, 10) == ([wanted], 1)
    assert await store.unseen(BEN.id, 10) == ([], 0)
    assert await store.unseen("nobody", 10) == ([], 0)


async def test_what_can_not_be_sent(store: SqlStore) -> None:
    with pytest.raises(NotFound, match="user-ann"):
        await store.notify(notice(ANN))
    await known(store, ANN)
    first = notice(ANN)
    await store.notify(first)
    with pytest.raises(Conflict):
        await store.notify(notice(ANN, notification_id=first.notification_id))
    for changes in ({"title": "a\0b"}, {"body": "\ud800"}, {"data": {"when": {1}}}):
        with pytest.raises(Invalid):
            await store.notify(notice(ANN, **changes))
    assert await titles(store, ANN) == ["news"]


async def test_the_most_urgent_then_the_oldest_come_first(store: SqlStore) -> None:
    await known(store, ANN)
    for place, priority in enumerate(["low", "urgent", "normal", "urgent", "high", "low"]):
        receiver = ANN if place % 2 else None
        await store.notify(notice(receiver, f"{priority} {place}", priority=priority, at_ms=NOW_MS - place))
    assert await titles(store, ANN) == ["urgent 3", "urgent 1", "high 4", "normal 2", "low 5", "low 0"]
    found, count = await store.unseen(ANN.id, 2)
    assert ([one.title for one in found], count) == (["urgent 3", "urgent 1"], 6)


async def test_what_is_for_all_is_for_those_who_are_known_by_then(store: SqlStore) -> None:
    await known(store, ANN, BEN)
    assert await store.notify(notice(None, "first")) == 2
    await known(store, EVE)
    await known(store, ANN)
    assert await store.notify(notice(None, "second", at_ms=NOW_MS - 99)) == 3
    assert await titles(store, BEN) == ["second", "first"]
    assert await titles(store, EVE) == ["second"]
    # A guest is known from the first conversation on.
    await opened(store, User("guest", "customer", "Guest"))
    assert await store.unseen("guest", 10) == ([], 0)
    (found, _) = await store.unseen(BEN.id, 1)
    assert found[0].channel == "user:user-ben"


async def test_what_was_seen_is_gone_for_that_user(store: SqlStore) -> None:
    await known(store, ANN, BEN)
    own, all_of_us = notice(ANN, "own"), notice(None, "all")
    await store.notify(own)
    await store.notify(all_of_us)
    for one in (own, all_of_us):
        assert await store.see(ANN.id, one.notification_id, NOW_MS) is True
        assert await store.see(ANN.id, one.notification_id, NOW_MS) is False
    assert await store.unseen(ANN.id, 10) == ([], 0)
    assert await titles(store, BEN) == ["all"]


async def test_what_is_not_ones_own_is_not_found(store: SqlStore) -> None:
    await known(store, ANN, BEN)
    own, all_of_us = notice(ANN), notice(None)
    await store.notify(own)
    await store.notify(all_of_us)
    await known(store, EVE)
    for user_id, notification_id in (
        (BEN.id, own.notification_id),
        (EVE.id, all_of_us.notification_id),
        ("nobody", all_of_us.notification_id),
        (ANN.id, "01NOSUCH"),
        (ANN.id, "a\0b"),
    ):
        with pytest.raises(NotFound):
            await store.see(user_id, notification_id, NOW_MS)
    assert (await store.unseen(ANN.id, 10))[1] == 2


async def test_a_notification_is_seen_once_on_many_devices(harness: Harness) -> None:
    stores = harness.store(), harness.store()
    for store in stores:
        await store.start()
    await known(stores[0], ANN)
    for sent in (notice(ANN), notice(None)):
        await stores[0].notify(sent)
        calls = (stores[place % 2].see(ANN.id, sent.notification_id, NOW_MS) for place in range(8))
        assert sorted(await asyncio.gather(*calls)) == [False] * 7 + [True]


async def test_many_are_stored_at_once(harness: Harness) -> None:
    stores = harness.store(), harness.store()
    for store in stores:
        await store.start()
    users = [User(f"u-{place}", "customer", "x") for place in range(6)]
    await asyncio.gather(*(stores[0].save_user(user, NOW_MS) for user in users))
    jobs = [stores[place % 2].notify(notice(None, f"{place}")) for place in range(10)]
    jobs += [stores[place % 2].notify(notice(user, "own")) for place, user in enumerate(users)]
    assert sorted(await asyncio.gather(*jobs)) == [1] * 6 + [6] * 10
    for user in users:
        assert (await stores[0].unseen(user.id, 3))[1] == 11


async def test_many_who_ask_at_once_each_get_their_own(store: SqlStore) -> None:
    await known(store, ANN)
    await store.notify(notice(None, "before Ben"))
    await known(store, BEN)
    await store.notify(notice(BEN, "for Ben"))
    asked = await asyncio.gather(*(store.unseen(user_id, 10) for user_id in (ANN.id, BEN.id, "nobody", ANN.id)))
    assert [([shown.title for shown in found], total) for found, total in asked] == [
        (["before Ben"], 1), (["for Ben"], 1), ([], 0), (["before Ben"], 1),
    ]  # fmt: skip
