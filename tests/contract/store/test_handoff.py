"""The hand-off: asking for an agent, claims with their growing number, releases, the queue, absence."""

from __future__ import annotations

import asyncio

import pytest

from server.errors import Conflict, Invalid, NotFound
from server.store.ports import Changed, ClaimRow, QueueItem
from server.store.sql import SqlStore
from server.wire.parts import Turn
from tests.contract.store.harness import Harness
from tests.contract.store.people import (
    ADA,
    ANN,
    BEN,
    BOT,
    EVE,
    FAY,
    NOW_MS,
    answer,
    asked,
    claim,
    events,
    handoff,
    message,
    opened,
    release,
    resolution,
)

NEVER_MS = 3_600_000


async def test_the_whole_way_there_and_back(store: SqlStore) -> None:
    channel = await opened(store)
    waiting = await store.handoff(handoff(channel))
    assert (waiting.state, waiting.agent) == ("waiting", None)
    claimed = await store.claim(claim(channel, EVE))
    assert (claimed.state, claimed.agent) == ("claimed", EVE)
    seen = await store.conversation(channel, ANN.id)
    assert (seen.state, seen.agent) == ("claimed", EVE)
    released = await store.release(release(channel))
    assert (released.state, released.agent) == ("bot", None)
    told = await store.messages_after(channel, 0, 10)
    assert told == [waiting.message, claimed.message, released.message]
    eve = {"id": EVE.id, "kind": "agent", "name": "Eve"}
    assert [one.data for one in told] == [
        {"event": "waiting"},
        {"event": "claimed", "agent": eve},
        {"event": "released", "agent": eve},
    ]
    assert {one.sender.kind for one in told} == {"system"} and all(one.text for one in told)
    seen = await store.conversation(channel, ANN.id)
    assert (seen.state, seen.agent, seen.offset) == ("bot", None, 3)
    assert await store.is_member(channel, EVE.id)


async def test_what_is_no_change_says_nothing(store: SqlStore) -> None:
    channel = await opened(store)
    await store.handoff(handoff(channel))
    assert await store.handoff(handoff(channel)) == Changed("waiting", None, None)
    await store.claim(claim(channel))
    assert await store.handoff(handoff(channel)) == Changed("claimed", EVE, None)
    assert await store.claim(claim(channel)) == Changed("claimed", EVE, None)
    assert await events(store, channel) == ["waiting", "claimed"]


async def test_an_unknown_conversation_is_not_found(store: SqlStore) -> None:
    for channel in ("conv:01NOSUCH", "system", "conv:\0"):
        for call in (store.handoff(handoff(channel)), store.claim(claim(channel)), store.release(release(channel))):
            with pytest.raises(NotFound):
                await call


async def test_only_members_ask_where_it_says_so(store: SqlStore) -> None:
    channel = await opened(store)
    with pytest.raises(NotFound):
        await store.handoff(handoff(channel, BEN, members_only=True))
    with pytest.raises(Invalid):
        await store.handoff(handoff(channel, reason="a\0b"))
    assert (await store.handoff(handoff(channel, members_only=True))).state == "waiting"


async def test_of_many_claims_at_once_one_wins(harness: Harness) -> None:
    stores = harness.store(), harness.store()
    for store in stores:
        await store.start()
    channel = await opened(stores[0])
    agents = [type(EVE)(f"agent-{place}", "agent", f"Agent {place}") for place in range(10)]
    calls = (stores[place % 2].claim(claim(channel, agent)) for place, agent in enumerate(agents))
    done = await asyncio.gather(*calls, return_exceptions=True)
    (winner,) = (one for one in done if isinstance(one, Changed))
    assert sum(isinstance(one, Conflict) for one in done) == 9
    assert (await stores[1].conversation(channel, ANN.id)).agent == winner.agent
    assert await events(stores[0], channel) == ["claimed"]
    (held,) = await stores[0].claims()
    assert (held.agent, held.claim_number) == (winner.agent, 1)


async def test_who_may_release(store: SqlStore) -> None:
    channel = await opened(store)
    with pytest.raises(Conflict):
        await store.release(release(channel))
    await store.claim(claim(channel, EVE))
    with pytest.raises(Conflict):
        await store.release(release(channel, FAY))
    with pytest.raises(Conflict):
        await store.release(release(channel, EVE, claim_number=7))
    assert (await store.release(release(channel, ADA, claim_number=1))).state == "bot"
    await store.claim(claim(channel, FAY))
    with pytest.raises(Conflict):
        await store.release(release(channel, FAY, claim_number=1))
    assert [one.claim_number for one in await store.claims()] == [2]
    assert (await store.release(release(channel, FAY, claim_number=2))).state == "bot"


# --------------------------------------------------------------------------- claim against bot


async def test_a_claim_drops_what_is_unanswered(store: SqlStore) -> None:
    channel = await opened(store)
    first = await asked(store, channel)
    await store.claim(claim(channel))
    under_claim = await store.append(message(channel, wants_turn=True))
    assert (under_claim.turn, under_claim.holder) == (None, None)
    await store.release(release(channel))
    assert await store.answer(answer(first)) is None
    await store.expire_leases()
    assert await store.take_turns("w", NEVER_MS, 10) == []
    assert await store.own_turns("worker-1", 10) == []
    assert await store.answer(answer(await asked(store, channel))) is not None
    assert await events(store, channel) == ["customer", "claimed", "customer", "released", "customer", "bot"]


async def test_others_do_not_write_under_a_claim(store: SqlStore) -> None:
    channel = await opened(store)
    early = await store.append(message(channel, "early", sender=FAY, key="k"))
    await store.claim(claim(channel, EVE))
    for sender in (FAY, BOT):
        with pytest.raises(Conflict):
            await store.append(message(channel, sender=sender))
    again = await store.append(message(channel, "early", sender=FAY, key="k"))
    assert again.duplicate and again.message == early.message
    for sender in (EVE, ANN):
        await store.append(message(channel, sender=sender))
    await store.release(release(channel))
    for sender in (FAY, BOT):
        await store.append(message(channel, sender=sender))
    assert await events(store, channel) == [
        "agent", "claimed", "agent", "customer", "released", "agent", "bot",
    ]  # fmt: skip


async def test_bot_and_agent_never_both_answer(harness: Harness) -> None:
    """Two workers race: one answers turns, one claims and releases; the offsets tell who was first."""
    stores = harness.store(), harness.store()
    for store in stores:
        await store.start()
    channel = await opened(stores[0])

    async def bot() -> int:
        answered = 0
        for _ in range(25):
            done = await stores[0].append(message(channel, wants_turn=True))
            if done.turn is not None:
                shown = Turn("d", "warm")
                reply = answer(done.turn, "by the bot", decision=None, shown=shown)
                answered += await stores[0].answer(reply) is not None
        return answered

    async def agent() -> None:
        for _ in range(8):
            await stores[1].claim(claim(channel))
            await stores[1].append(message(channel, "by Eve", sender=EVE))
            await stores[1].release(release(channel))

    answered, _ = await asyncio.gather(bot(), agent())
    told = await events(stores[0], channel)
    is_claimed = False
    for event in told:
        is_claimed = {"claimed": True, "released": False}.get(event, is_claimed)
        assert not (is_claimed and event == "bot")
    assert (told.count("bot"), told.count("claimed"), told.count("released")) == (answered, 8, 8)


async def test_calls_take_effect_in_their_order(store: SqlStore) -> None:
    channel = await opened(store)
    turn = await asked(store, channel)
    calls: list[object] = [
        store.handoff(handoff(channel)),
        store.answer(answer(turn)),
        store.claim(claim(channel, EVE)),
        store.append(message(channel, sender=EVE)),
        store.append(message(channel, sender=FAY)),
        store.claim(claim(channel, FAY)),
        store.release(release(channel, EVE)),
        store.append(message(channel, sender=FAY)),
    ]
    done = await asyncio.gather(*calls, return_exceptions=True)  # type: ignore[call-overload]
    assert [isinstance(one, Conflict) for one in done] == [False] * 4 + [True] * 2 + [False] * 2
    assert await events(store, channel) == [
        "customer", "waiting", "bot", "claimed", "agent", "released", "agent",
    ]  # fmt: skip


# --------------------------------------------------------------------------- queue


async def test_the_queue_tells_what_an_agent_wants_to_know(store: SqlStore) -> None:
    channel = await opened(store)
    turn = await asked(store, channel, "where is it?!")
    analysis = {"urgency": 0.8, "sentiment": {"label": "negative", "score": -0.5}}
    await store.answer(answer(turn, analysis=analysis))
    await store.handoff(handoff(channel, reason="angry", at_ms=NOW_MS + 7))
    item = QueueItem(channel, NOW_MS + 7, "angry", 0.8, -0.5, "where is it?!")
    assert await store.queue(10) == [item]
    # An apology has understood nothing.
    await store.answer(answer(await asked(store, channel, "hello?"), analysis={}, decision=None, shown=None))
    assert await store.queue(10) == [QueueItem(channel, NOW_MS + 7, "angry", 0.8, -0.5, "hello?")]


async def test_the_longest_waiting_stand_first(store: SqlStore) -> None:
    channels = [await opened(store) for _ in range(4)]
    for place in (2, 0, 3):
        await store.handoff(handoff(channels[place], reason=None, at_ms=NOW_MS + place))
    assert await store.queue(2) == [
        QueueItem(channels[place], NOW_MS + place, None, None, None, None) for place in (0, 2)
    ]


async def test_the_queue_empties_by_claim_and_resolution(store: SqlStore) -> None:
    one, two = await opened(store), await opened(store)
    for channel in (one, two):
        await store.handoff(handoff(channel))
    await store.claim(claim(one))
    await store.resolve(resolution(two))
    assert await store.queue(10) == []
    assert (await store.conversation(two, ANN.id)).state == "bot"
    assert await events(store, two) == ["waiting", "resolved"]


async def test_a_release_to_the_queue_waits_again_with_its_reason(store: SqlStore) -> None:
    channel = await opened(store)
    await store.handoff(handoff(channel, reason="angry"))
    await store.claim(claim(channel))
    done = await store.release(release(channel, to="waiting", at_ms=NOW_MS + 9))
    assert (done.state, done.agent, len(done.messages)) == ("waiting", None, 2)
    assert await store.queue(10) == [QueueItem(channel, NOW_MS + 9, "angry", None, None, None)]
    assert await events(store, channel) == ["waiting", "claimed", "released", "waiting"]
    assert await store.messages_after(channel, 2, 10) == list(done.messages)
    # While it waits the bot still answers.
    assert await store.answer(answer(await asked(store, channel))) is not None


async def test_what_is_resolved_does_not_wait(store: SqlStore) -> None:
    channel = await opened(store)
    await store.claim(claim(channel))
    await store.resolve(resolution(channel, by=EVE))
    assert (await store.release(release(channel, to="waiting"))).state == "bot"
    assert await store.queue(10) == []
    asked_again = await store.handoff(handoff(channel))
    assert [one.data for one in asked_again.messages] == [{"event": "reopened"}, {"event": "waiting"}]
    seen = await store.conversation(channel, ANN.id)
    assert (seen.state, seen.resolved) == ("waiting", False)


# --------------------------------------------------------------------------- absence


async def test_absence_is_counted_from_its_first_note(store: SqlStore, harness: Harness) -> None:
    one, two = await opened(store), await opened(store)
    await store.claim(claim(one, EVE))
    await store.claim(claim(two, FAY))
    assert [(held.agent, held.absent_ms) for held in await store.claims()] == [(EVE, None), (FAY, None)]
    await store.note_agents([EVE.id], [FAY.id])
    harness.sql("UPDATE users SET absent_since_ms = absent_since_ms - 90000")
    await store.note_agents([EVE.id, "nobody"], [])
    found = {held.agent.id: held for held in await store.claims()}
    assert found[FAY.id] == ClaimRow(two, FAY, 1, None)
    absent_ms = found[EVE.id].absent_ms
    assert absent_ms is not None and 90_000 <= absent_ms < 150_000
    await store.note_agents([], [EVE.id])
    assert [held.absent_ms for held in await store.claims()] == [None, None]
    await store.note_agents([], [])


async def test_who_claims_is_there(store: SqlStore) -> None:
    one, two = await opened(store), await opened(store)
    await store.claim(claim(one, EVE))
    await store.note_agents([EVE.id], [])
    await store.claim(claim(two, EVE))
    assert [held.absent_ms for held in await store.claims()] == [None, None]


async def test_a_claim_that_lapsed_is_released_once(harness: Harness) -> None:
    stores = harness.store(), harness.store()
    for store in stores:
        await store.start()
    channel = await opened(stores[0])
    await stores[0].claim(claim(channel))
    (held,) = await stores[0].claims()
    calls = (
        stores[place % 2].release(release(channel, to="waiting", claim_number=held.claim_number)) for place in range(6)
    )
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(isinstance(one, Changed) for one in done) == 1
    assert sum(isinstance(one, Conflict) for one in done) == 5
    assert await events(stores[0], channel) == ["claimed", "released", "waiting"]
