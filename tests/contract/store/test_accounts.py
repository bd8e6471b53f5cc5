"""Accounts: who is known, their status, and whose tokens are void."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import Invalid, NotFound
from server.store.ports import Account, Revocation
from server.store.sql import SqlStore
from server.wire.parts import User
from tests.contract.store.harness import Harness
from tests.contract.store.people import ANN, BEN, EVE, NOW_MS, claim, opened, opening


def fresh(user: User, at_ms: int = NOW_MS) -> Account:
    return Account(user, "online", None, at_ms, 0, banned=False)


async def test_saving_gives_the_account_as_it_stands(store: SqlStore) -> None:
    assert await store.save_user(ANN, NOW_MS) == fresh(ANN)
    await store.set_status(ANN.id, "busy", "at lunch")
    await store.revoke_tokens(ANN.id, NOW_MS + 3)
    stands = Account(ANN, "busy", "at lunch", NOW_MS, NOW_MS + 3, banned=False)
    assert await store.save_user(ANN, NOW_MS + 9) == stands
    promoted = User(ANN.id, "agent", "Dr Ann")
    assert await store.save_user(promoted, NOW_MS + 9) == Account(
        promoted, "busy", "at lunch", NOW_MS, NOW_MS + 3, False
    )
    assert (await store.accounts([ANN.id]))[ANN.id].user == promoted


async def test_opening_a_conversation_makes_an_account(store: SqlStore) -> None:
    await opened(store, BEN)
    assert await store.accounts([BEN.id]) == {BEN.id: fresh(BEN)}


async def test_claiming_makes_an_account_and_changes_none(store: SqlStore) -> None:
    channel = await opened(store)
    await store.claim(claim(channel, EVE))
    assert await store.accounts([EVE.id]) == {EVE.id: fresh(EVE)}
    admin = User("user-ada", "admin", "Ada")
    await store.save_user(admin, NOW_MS)
    await store.claim(claim(await opened(store), User(admin.id, "agent", "A.")))
    assert await store.accounts([admin.id]) == {admin.id: fresh(admin)}


async def test_unknown_accounts_are_left_out(store: SqlStore) -> None:
    await store.save_user(ANN, NOW_MS)
    assert list(await store.accounts(["nobody", ANN.id, "\ud800", "a\0b"])) == [ANN.id]
    assert await store.accounts([]) == {}


async def test_accounts_are_listed_in_pages(store: SqlStore) -> None:
    users = [User(f"u-{place}", "customer", f"Guest {place}") for place in range(7)]
    await asyncio.gather(*(store.save_user(user, NOW_MS) for user in reversed(users)))
    first = await store.list_accounts(None, 4)
    assert [one.user for one in first] == users[:4]
    assert [one.user for one in await store.list_accounts(first[-1].user.id, 4)] == users[4:]
    assert await store.list_accounts("u-6", 4) == []


async def test_a_status_needs_a_user_and_plain_text(store: SqlStore) -> None:
    with pytest.raises(NotFound, match="nobody"):
        await store.set_status("nobody", "away", None)
    await store.save_user(ANN, NOW_MS)
    with pytest.raises(Invalid):
        await store.set_status(ANN.id, "away", "a\0b")
    await store.set_status(ANN.id, "invisible", "🌴")
    await store.set_status(ANN.id, "away", None)
    found = (await store.accounts([ANN.id]))[ANN.id]
    assert (found.status, found.status_text) == ("away", None)


async def test_last_seen_never_goes_back(store: SqlStore) -> None:
    for user in (ANN, BEN):
        await store.save_user(user, NOW_MS)
    await store.saw([ANN.id, "nobody", BEN.id], NOW_MS + 50)
    await asyncio.gather(store.saw([BEN.id], NOW_MS + 70), store.saw([ANN.id, BEN.id], NOW_MS + 20))
    await store.saw([], NOW_MS + 99)
    await store.set_status(ANN.id, "invisible", None)
    await store.saw([ANN.id], NOW_MS + 99)
    found = await store.accounts([ANN.id, BEN.id])
    assert (found[ANN.id].last_seen_ms, found[BEN.id].last_seen_ms) == (NOW_MS + 50, NOW_MS + 70)


async def test_everybody_writes_users_at_once_on_two_workers(harness: Harness) -> None:
    stores = harness.store(), harness.store(group_max=8)
    for store in stores:
        await store.start()
    users = [User(f"u-{place}", "customer", "x") for place in range(12)]
    for user in users[::2]:
        await stores[0].save_user(user, NOW_MS)
    jobs = [
        job
        for place, user in enumerate(users)
        for store in stores
        for job in (
            store.save_user(User(user.id, "customer", f"{place}"), NOW_MS),
            store.open_conversation(opening(User(user.id, "customer", f"{place}"))),
            store.saw([one.id for one in reversed(users)], NOW_MS + place),
        )
    ]
    await asyncio.gather(*jobs)
    await asyncio.gather(*(stores[place % 2].set_status(one.id, "busy", None) for place, one in enumerate(users)))
    found = await stores[1].accounts([one.id for one in users])
    assert {(one.status, one.last_seen_ms) for one in found.values()} == {("busy", NOW_MS + 11)}


# --------------------------------------------------------------------------- revocations


async def test_revoking_never_gives_tokens_back(store: SqlStore) -> None:
    with pytest.raises(NotFound):
        await store.revoke_tokens("nobody", NOW_MS)
    await store.save_user(ANN, NOW_MS)
    assert await store.revoke_tokens(ANN.id, NOW_MS) == Revocation(ANN.id, NOW_MS, banned=False)
    assert await store.revoke_tokens(ANN.id, NOW_MS - 9, banned=True) == Revocation(ANN.id, NOW_MS, banned=True)
    assert await store.revoke_tokens(ANN.id, NOW_MS + 1) == Revocation(ANN.id, NOW_MS + 1, banned=True)
    assert await store.revoke_tokens(ANN.id, 0, banned=False) == Revocation(ANN.id, NOW_MS + 1, banned=False)
    found = await store.save_user(ANN, NOW_MS)
    assert (found.tokens_from_ms, found.banned) == (NOW_MS + 1, False)


async def test_revocations_are_read_from_a_number_on(store: SqlStore) -> None:
    number, found = await store.revocations_after(0, 10)
    assert found == [] and number > 0
    for user in (ANN, BEN, EVE):
        await store.save_user(user, NOW_MS)
    await store.revoke_tokens(ANN.id, NOW_MS)
    await store.revoke_tokens(BEN.id, NOW_MS + 1, banned=True)
    first, found = await store.revocations_after(number, 1)
    assert found == [Revocation(ANN.id, NOW_MS, banned=False)]
    await store.revoke_tokens(ANN.id, NOW_MS + 2)
    last, found = await store.revocations_after(first, 10)
    assert found == [Revocation(BEN.id, NOW_MS + 1, banned=True), Revocation(ANN.id, NOW_MS + 2, banned=False)]
    assert await store.revocations_after(last, 10) == (last, [])
    assert await store.revocations_after(0, 10) == (last, [])


async def test_no_revocation_is_ever_missed(harness: Harness) -> None:
    """A number that was handed out is below every one that commits later, on whatever worker."""
    stores = harness.store(), harness.store(group_max=3)
    for store in stores:
        await store.start()
    users = [User(f"u-{place:02d}", "customer", "x") for place in range(30)]
    await asyncio.gather(*(stores[0].save_user(user, NOW_MS) for user in users))
    number, _ = await stores[1].revocations_after(0, 100)
    jobs = [asyncio.ensure_future(stores[place % 2].revoke_tokens(one.id, NOW_MS)) for place, one in enumerate(users)]
    seen: list[str] = []
    ended = False
    while not ended:
        were_done = all(job.done() for job in jobs)  # before the look: what was committed by then has to be found
        number, found = await stores[1].revocations_after(number, 4)
        seen += [one.user_id for one in found]
        ended = were_done and not found
    assert sorted(seen) == [one.id for one in users]
