"""The outbox: turns, their leases, answers, what was answered."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import Conflict
from server.store.ports import PastTurn
from server.store.sql import SqlStore
from server.wire.parts import Turn
from tests.contract.store.harness import Harness
from tests.contract.store.people import (
    ANN,
    BOT,
    NOW_MS,
    answer,
    asked,
    decision,
    message,
    opened,
    resolution,
)

NEVER_MS = 3_600_000


async def test_a_customers_message_opens_a_leased_turn(store: SqlStore) -> None:
    channel = await opened(store)
    done = await store.append(message(channel, wants_turn=True))
    assert done.turn is not None
    assert (done.turn.lease_number, done.turn.message) == (1, done.message)
    assert await store.take_turns("worker-2", NEVER_MS, 10) == []
    assert (await store.append(message(channel))).turn is None


async def test_an_answer_is_a_message_of_the_bot_that_closes_its_turn(store: SqlStore) -> None:
    channel = await opened(store)
    turn = await asked(store, channel)
    wanted = answer(turn, "on its way")
    said = await store.answer(wanted)
    assert said is not None
    assert (said.offset, said.sender, said.text, said.data) == (2, BOT, "on its way", {"suggestions": ["track it"]})
    assert (said.reply_to, said.turn, said.key) == (turn.message.message_id, wanted.shown, None)
    assert (said.message_id, said.at_ms, said.epoch) == (wanted.message_id, NOW_MS + 5, turn.message.epoch)
    assert await store.messages_after(channel, 1, 10) == [said]
    await store.expire_leases()
    assert await store.take_turns("worker-2", NEVER_MS, 10) == []


async def test_a_turn_is_answered_once(harness: Harness) -> None:
    stores = harness.store(), harness.store()
    for store in stores:
        await store.start()
    channel = await opened(stores[0])
    turn = await asked(stores[0], channel)
    said = await asyncio.gather(*(stores[place % 2].answer(answer(turn, str(place))) for place in range(20)))
    assert sum(one is not None for one in said) == 1
    assert (await stores[0].head(channel)).offset == 2
    assert harness.sql("SELECT count(*) FROM decisions") == [(1,)]


async def test_the_database_itself_refuses_a_second_answer(store: SqlStore, harness: Harness) -> None:
    channel = await opened(store)
    turn = await asked(store, channel)
    await store.answer(answer(turn))
    harness.sql("UPDATE turns SET state = 'open'")
    with pytest.raises(Conflict):
        await store.answer(answer(turn))
    assert (await store.head(channel)).offset == 2


async def test_an_apology_carries_no_decision(store: SqlStore, harness: Harness) -> None:
    channel = await opened(store)
    turn = await asked(store, channel)
    said = await store.answer(answer(turn, "sorry", shown=None, decision=None, data=None, analysis={}, notes={"n": 1}))
    assert said is not None and said.turn is None and said.data is None
    assert harness.sql("SELECT count(*) FROM decisions") == [(0,)]
    assert await store.answer(answer(turn)) is None
    (past,) = await store.past_turns(channel, 10)
    assert (past.decision_id, past.arm, past.analysis, past.notes) == (None, None, {}, {"n": 1})


async def test_a_lapsed_turn_is_taken_over_and_the_old_lease_is_void(store: SqlStore) -> None:
    channel = await opened(store)
    turn = await asked(store, channel)
    assert await store.expire_leases() == 1
    (taken,) = await store.take_turns("worker-2", NEVER_MS, 10)
    assert (taken.turn_id, taken.lease_number, taken.message) == (turn.turn_id, 2, turn.message)
    assert await store.answer(answer(turn)) is None
    assert (await store.head(channel)).offset == 1
    assert await store.answer(answer(taken)) is not None


async def test_two_takers_never_get_the_same_turn(harness: Harness) -> None:
    stores = harness.store(), harness.store()
    for store in stores:
        await store.start()
    channel = await opened(stores[0])
    for _ in range(10):
        await asked(stores[0], channel)
    await stores[0].expire_leases()
    takers = (stores[place % 2].take_turns(f"w{place}", NEVER_MS, 3) for place in range(8))
    taken = [turn.turn_id for some in await asyncio.gather(*takers) for turn in some]
    assert len(taken) == len(set(taken)) == 10


async def test_the_lowest_offsets_are_taken_first(store: SqlStore) -> None:
    one, two = await opened(store), await opened(store)
    for channel in (one, two, two, one, two):
        await asked(store, channel)
    await store.expire_leases()
    taken = await store.take_turns("w", NEVER_MS, 3)
    taken += await store.take_turns("w", NEVER_MS, 10)
    assert [turn.message.offset for turn in taken] == [1, 1, 2, 2, 3]


async def test_a_lease_of_no_length_lapses_by_the_databases_clock(store: SqlStore) -> None:
    channel = await opened(store)
    short = await store.append(message(channel, wants_turn=True, lease_ms=0))
    await store.append(message(await opened(store), wants_turn=True, lease_ms=NEVER_MS))
    taken = await store.take_turns("w", NEVER_MS, 10)
    assert [turn.message for turn in taken] == [short.message]


async def test_renewing_extends_what_the_worker_still_holds(store: SqlStore, harness: Harness) -> None:
    mine, lost, done = [await asked(store, await opened(store), worker="w1") for _ in range(3)]
    await store.answer(answer(done))
    await store.expire_leases()
    harness.sql("UPDATE turns SET worker = 'w2' WHERE turn_id = :id", id=lost.turn_id)
    await store.renew_turns("w1", [mine.turn_id, lost.turn_id, done.turn_id], NEVER_MS)
    assert [turn.turn_id for turn in await store.take_turns("w3", NEVER_MS, 10)] == [lost.turn_id]
    await store.renew_turns("w1", [], NEVER_MS)
    assert await store.answer(answer(mine)) is not None


async def test_ended_leases_are_counted_once(store: SqlStore) -> None:
    channel = await opened(store)
    turns = [await asked(store, channel) for _ in range(3)]
    await store.answer(answer(turns[0]))
    assert await store.expire_leases() == 2
    assert await store.expire_leases() == 0


async def test_a_dropped_or_unknown_turn_is_not_answered(store: SqlStore, harness: Harness) -> None:
    channel, other = await opened(store), await opened(store)
    turn, elsewhere = await asked(store, channel), await asked(store, other)
    harness.sql("UPDATE turns SET state = 'dropped' WHERE turn_id = :id", id=turn.turn_id)
    assert await store.answer(answer(turn)) is None
    assert await store.answer(answer(type(turn)("01NOSUCH", 1, turn.message))) is None
    assert await store.answer(answer(type(turn)(elsewhere.turn_id, 1, turn.message))) is None
    assert (await store.head(channel)).offset == 1


async def test_a_resolved_conversation_stays_so_when_the_bot_answers(store: SqlStore) -> None:
    channel = await opened(store)
    turn = await asked(store, channel)
    await store.resolve(resolution(channel))
    said = await store.answer(answer(turn))
    assert said is not None and said.offset == 3
    assert (await store.conversation(channel, ANN.id)).resolved


async def test_the_whole_turn_is_kept_for_whoever_may_see_it(store: SqlStore) -> None:
    channel = await opened(store)
    shown = Turn("d", "warm", "linucb", 7, 0.1 + 0.2, None, 1_410, 38, 2_900)
    await store.answer(answer(await asked(store, channel), shown=shown))
    assert (await store.messages_before(channel, None, 1))[0].turn == shown


async def test_past_turns_tell_what_was_said(store: SqlStore) -> None:
    channel = await opened(store)
    turns = [await asked(store, channel, f"question {place}") for place in range(4)]
    chosen = [decision(arm=arm) for arm in ("warm", "brisk", "warm")]
    for place in (0, 1, 2):
        await store.answer(answer(turns[place], f"answer {place}", chosen[place], notes={"place": place}))
    past = await store.past_turns(channel, 2)
    assert past == [
        PastTurn(
            turn_id=turns[place].turn_id,
            decision_id=chosen[place].decision_id,
            arm=chosen[place].arm,
            text=f"question {place}",
            analysis={"intent": "parcel", "sentiment": {"score": -0.48}},
            notes={"place": place},
            at_ms=NOW_MS,
            answered_at_ms=NOW_MS + 5,
        )
        for place in (1, 2)
    ]
    assert await store.past_turns("conv:01NOSUCH", 2) == []


# --------------------------------------------------------------------------- one worker at a time, in offset order


async def test_a_turn_goes_to_whoever_holds_the_conversation(store: SqlStore) -> None:
    channel = await opened(store)
    first = await asked(store, channel, worker="w1")
    other = await store.append(message(channel, wants_turn=True, worker="w2"))
    assert (other.turn, other.holder) == (None, "w1")
    same = await store.append(message(channel, wants_turn=True, worker="w1"))
    assert same.turn is not None and same.holder is None
    elsewhere = await store.append(message(await opened(store), wants_turn=True, worker="w2"))
    assert elsewhere.turn is not None
    own = await store.own_turns("w1", 10)
    assert own == [first, type(first)(other.message.message_id, 1, other.message), same.turn]
    assert await store.own_turns("w1", 2) == own[:2]
    another = await asked(store, await opened(store), worker="w1")
    assert await store.own_turns("w1", 10, another.message.channel) == [another]
    assert await store.own_turns("w1", 2, channel) == own[:2]
    assert await store.own_turns("w2", 10, channel) == []
    assert await store.own_turns("w2", 10) == [elsewhere.turn]
    assert await store.own_turns("w3", 10) == []


async def test_a_turn_gets_the_holders_lease(store: SqlStore) -> None:
    """What is left behind by a dead worker is taken over with what others stored for it."""
    channel = await opened(store)
    await store.append(message(channel, wants_turn=True, worker="dead", lease_ms=0))
    await store.append(message(channel, wants_turn=True, worker="alive", lease_ms=NEVER_MS))
    taken = await store.take_turns("heir", NEVER_MS, 10)
    assert [(turn.message.offset, turn.lease_number) for turn in taken] == [(1, 2), (2, 2)]
    late = await store.append(message(channel, wants_turn=True, worker="alive", lease_ms=NEVER_MS))
    assert late.holder == "heir"
    assert [turn.message.offset for turn in await store.own_turns("heir", 10)] == [1, 2, 3]


async def test_answers_are_refused_out_of_order(store: SqlStore) -> None:
    channel = await opened(store)
    turns = [await asked(store, channel) for _ in range(3)]
    assert await store.answer(answer(turns[1])) is None
    assert await store.answer(answer(turns[2])) is None
    for turn in turns:
        assert await store.answer(answer(turn)) is not None
    assert await store.own_turns("worker-1", 10) == []


async def test_what_lapsed_behind_a_held_turn_is_not_taken(store: SqlStore) -> None:
    channel = await opened(store)
    first, second, third = [await asked(store, channel, worker="w1") for _ in range(3)]
    await store.expire_leases()
    await store.renew_turns("w1", [first.turn_id], NEVER_MS)
    assert await store.take_turns("w2", NEVER_MS, 10) == []
    assert await store.answer(answer(first)) is not None
    taken = await store.take_turns("w2", NEVER_MS, 10)
    assert [turn.turn_id for turn in taken] == [second.turn_id, third.turn_id]


async def test_the_limit_counts_conversations(store: SqlStore) -> None:
    channels = [await opened(store) for _ in range(3)]
    for channel in channels:
        for _ in range(4):
            await asked(store, channel)
    await store.expire_leases()
    taken = await store.take_turns("w", NEVER_MS, 2)
    assert len({turn.message.channel for turn in taken}) == 2
    assert [turn.message.offset for turn in taken] == [1, 1, 2, 2, 3, 3, 4, 4]
    assert len(await store.take_turns("w", NEVER_MS, 2)) == 4


async def test_many_workers_answer_a_conversation_in_order(harness: Harness) -> None:
    """Messages come in through three workers, leases end all the time; the replies stand in the questions' order."""
    stores = [harness.store() for _ in range(3)]
    for store in stores:
        await store.start()
    channel = await opened(stores[0])
    left = 30

    async def send(place: int) -> None:
        for number in range(left // 3):
            await stores[place].append(message(channel, f"{place} {number}", wants_turn=True, worker=f"w{place}"))
            await asyncio.sleep(0)

    async def work(place: int) -> None:
        store, worker = stores[place], f"w{place}"
        while len(await store.past_turns(channel, 100)) < left:
            turns = await store.own_turns(worker, 4)
            for turn in turns or await store.take_turns(worker, 50, 4):
                await store.answer(answer(turn, chosen=decision()))

    await asyncio.gather(*(send(place) for place in range(3)), *(work(place) for place in range(3)))
    messages = await stores[0].messages_after(channel, 0, 1_000)
    questions = [one.message_id for one in messages if one.sender.kind == "customer"]
    assert [one.reply_to for one in messages if one.sender.kind == "bot"] == questions
