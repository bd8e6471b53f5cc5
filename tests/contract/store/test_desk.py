"""The agents' desk: transfers, notes, search, customers, satisfaction."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from server.chat.routing import Candidate, assign
from server.errors import Conflict, Invalid, NotFound
from server.knowledge.plain_words import sought_words
from server.store.desk_ports import Note, Satisfaction
from server.store.ports import Assessment, ClaimRow, Store
from server.store.routing_ports import Decide, Offer, Placement, RoutingFacts
from server.store.search_ports import Found, Search
from server.store.sql import SqlStore
from server.wire.parts import User
from tests.contract.store.harness import Harness, new_id
from tests.contract.store.people import (
    ADA,
    ANN,
    BEN,
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

DAY_MS = 86_400_000


async def known(store: SqlStore, *users: User) -> None:
    for user in users:
        await store.save_user(user, NOW_MS)


# --------------------------------------------------------------------------- transfers


async def test_a_transfer_to_an_agent_is_one_step(store: SqlStore) -> None:
    await known(store, FAY)
    channel = await opened(store)
    late = await asked(store, channel)
    await store.claim(claim(channel, EVE))
    done = await store.release(release(channel, EVE, heir=FAY.id, reason="speaks French"))
    assert (done.state, done.agent) == ("claimed", FAY)
    assert [one.data["event"] for one in done.messages if one.data] == ["released", "claimed"]
    assert [one.offset for one in done.messages] == [3, 4]
    assert await store.claims() == [ClaimRow(channel, FAY, 2, None)]
    assert await store.answer(answer(late)) is None
    asked_then = await store.append(message(channel, wants_turn=True))
    assert (asked_then.turn, asked_then.holder) == (None, None)
    assert await store.is_member(channel, FAY.id)
    with pytest.raises(Conflict):
        await store.append(message(channel, sender=EVE))
    # should the heir's claim lapse, the queue tells why somebody was asked for
    await store.release(release(channel, FAY, to="waiting"))
    assert [item.reason for item in await store.queue(10)] == ["speaks French"]


async def test_who_may_transfer_to_whom(store: SqlStore) -> None:
    await known(store, FAY, BEN, ADA)
    channel = await opened(store)
    with pytest.raises(Conflict):
        await store.release(release(channel, EVE, heir=FAY.id))
    await store.claim(claim(channel, EVE))
    with pytest.raises(Conflict):
        await store.release(release(channel, FAY, heir=FAY.id))
    with pytest.raises(Conflict):
        await store.release(release(channel, EVE, heir=EVE.id))
    with pytest.raises(Conflict):
        await store.release(release(channel, EVE, heir=FAY.id, claim_number=7))
    for nobody in (BEN.id, "no-such-user"):
        with pytest.raises(NotFound):
            await store.release(release(channel, EVE, heir=nobody))
    with pytest.raises(Invalid):
        await store.release(release(channel, EVE, heir="a\0b"))
    assert await events(store, channel) == ["claimed"]
    assert (await store.release(release(channel, ADA, heir=FAY.id))).agent == FAY


async def test_back_to_the_queue_with_a_reason(store: SqlStore) -> None:
    channel = await opened(store)
    await store.handoff(handoff(channel, reason="angry"))
    await store.claim(claim(channel, EVE))
    done = await store.release(release(channel, EVE, to="waiting", reason="end of shift", at_ms=NOW_MS + 5))
    assert (done.state, done.agent) == ("waiting", None)
    (item,) = await store.queue(10)
    assert (item.reason, item.waiting_since_ms) == ("end of shift", NOW_MS + 5)


async def test_the_bot_never_answers_between_two_agents(harness: Harness) -> None:
    """Transfers to and fro on two workers, while customers write and every turn there is gets answered."""
    stores = harness.store(), harness.store()
    for store in stores:
        await store.start()
    await known(stores[0], EVE, FAY)
    channels = [await opened(stores[0]) for _ in range(4)]
    turns = [await asked(stores[0], channel) for channel in channels]
    for channel in channels:
        await stores[0].claim(claim(channel, EVE))

    async def pass_on(channel: str) -> None:
        for place in range(6):
            by, heir = (EVE, FAY) if place % 2 == 0 else (FAY, EVE)
            await stores[place % 2].release(release(channel, by, heir=heir.id))

    async def write(channel: str, place: int) -> None:
        for number in range(6):
            sent = await stores[(place + number) % 2].append(message(channel, f"{number}", wants_turn=True))
            assert (sent.turn, sent.holder) == (None, None)
            assert await stores[number % 2].answer(answer(turns[place])) is None

    await asyncio.gather(*(pass_on(one) for one in channels), *(write(one, n) for n, one in enumerate(channels)))
    for channel in channels:
        told = await events(stores[1], channel)
        assert "bot" not in told
        handed = [(one, told[place + 1]) for place, one in enumerate(told[:-1]) if one == "released"]
        assert handed == [("released", "claimed")] * 6  # always neighbours


# --------------------------------------------------------------------------- notes


def note(channel: str, text: str = "pays late", *, author: User = EVE, key: str = "") -> Note:
    return Note(new_id(), channel, author, key or new_id(), text, NOW_MS)


async def test_notes_are_kept_in_pages_and_once(store: SqlStore) -> None:
    channel, other = await opened(store), await opened(store)
    notes = [note(channel, f"Notiz {number} — 🙂") for number in range(5)]
    for one in notes:
        assert await store.add_note(one) == (one, False)
    await store.add_note(note(other))
    assert await store.add_note(replace(notes[0], note_id=new_id())) == (notes[0], True)
    with pytest.raises(Conflict):
        await store.add_note(replace(notes[0], note_id=new_id(), text="else"))
    same_key = note(channel, "else", author=FAY, key=notes[0].key)
    assert await store.add_note(same_key) == (same_key, False)
    assert await store.notes(channel, None, 3) == [notes[3], notes[4], same_key]
    assert await store.notes(channel, notes[3].note_id, 9) == notes[:3]
    assert await store.messages_after(channel, 0, 9) == []
    for wrong, error in ((note("conv:01NOSUCH"), NotFound), (note(channel, "a\0b"), Invalid)):
        with pytest.raises(error):
            await store.add_note(wrong)
    assert await store.notes("conv:01NOSUCH", None, 9) == []


async def test_two_workers_that_get_one_note_twice_keep_it_once(harness: Harness) -> None:
    stores = harness.store(), harness.store()
    for store in stores:
        await store.start()
    channel = await opened(stores[0])
    copies = [note(channel, key="k") for _ in range(6)]
    done = await asyncio.gather(*(stores[place % 2].add_note(one) for place, one in enumerate(copies)))
    assert sum(not again for _, again in done) == 1
    assert len({kept.note_id for kept, _ in done}) == 1


# --------------------------------------------------------------------------- search


async def index_all(store: Store) -> int:
    total, after = 0, None
    while behind := await store.unindexed(after, 2):
        after = behind[-1]
        while done := await store.index_words(behind, 3):
            total += done
    return total


async def found(store: Store, text: str | None = None, **which: Any) -> list[Found]:
    words = None if text is None else sought_words(text)
    return await store.search(Search(words, **which))


async def test_words_are_found_however_they_are_written(store: SqlStore) -> None:
    channel = await opened(store)
    texts = [
        "Where is my parcel #4711?",
        "Ich möchte die Rückerstattung, bitte!",
        "返品したいのですが",
        "write to ann.bell@example.com or 'quote\" AND (this)",
        "мой заказ",
    ]
    for place, text in enumerate(texts):
        await store.append(message(channel, text, at_ms=NOW_MS + place))
    assert await found(store, "parcel") == []
    assert await index_all(store) == 5
    assert await index_all(store) == 0
    sought = {
        "PARCEL": 1, "parc": 1, "4711": 1, "parcel where": 1, "parcel bitte": None, "ruckerstattung": 2, "MÖCHTE": 2,
        "返品": 3, "品": 3, "例": None, "example.com": 4, "ann.bell@example": 4, "quote\" OR 'x": None,
        "NEAR and": None, "ЗАКАЗ": 5,
    }  # fmt: skip
    for text, offset in sought.items():
        hits = await found(store, text)
        assert [hit.message.offset for hit in hits] == ([] if offset is None else [offset]), text


async def test_what_is_written_later_is_entered_later(store: SqlStore) -> None:
    first, second = await opened(store), await opened(store)
    await store.append(message(first, "red hat"))
    assert await store.index_words([first, second], 10) == 1
    await store.append(message(first, "red shoe", at_ms=NOW_MS + 2))
    await store.append(message(second, "red coat", at_ms=NOW_MS + 1))
    await store.handoff(handoff(second))
    assert await store.index_words([second], 10) == 2
    assert [(hit.channel, hit.hits) for hit in await found(store, "red")] == [(second, 1), (first, 1)]
    assert await index_all(store) == 1
    hits = await found(store, "red")
    assert [(hit.channel, hit.hits, hit.message.text) for hit in hits] == [
        (first, 2, "red shoe"),
        (second, 1, "red coat"),
    ]
    assert await found(store, "agent") == []  # the system's own words are nobody's


async def test_two_workers_enter_a_message_once(harness: Harness) -> None:
    stores = harness.store(), harness.store()
    for store in stores:
        await store.start()
    channels = [await opened(stores[0]) for _ in range(5)]
    for channel in channels:
        for number in range(4):
            await stores[0].append(message(channel, f"tulip {number}"))
    done = await asyncio.gather(*(stores[place % 2].index_words(channels, 100) for place in range(6)))
    assert sum(done) == 20
    assert [hit.hits for hit in await found(stores[1], "tulip")] == [4] * 5


async def test_search_by_customer_state_time_agent_in_pages(store: SqlStore) -> None:
    mine, resolved, bens = await opened(store), await opened(store), await opened(store, BEN)
    for place, channel in enumerate((mine, resolved, bens)):
        await store.append(message(channel, "hat", sender=BEN if channel == bens else ANN, at_ms=NOW_MS + place))
    await index_all(store)
    await store.claim(claim(mine, EVE))
    await store.resolve(resolution(resolved))
    await store.handoff(handoff(bens, BEN))

    async def channels(text: str | None = "hat", **which: Any) -> list[str]:
        return [hit.channel for hit in await found(store, text, **which)]

    assert await channels() == [bens, resolved, mine]
    assert await channels(customer=ANN.id) == [resolved, mine]
    assert await channels(customer="ben") == [bens]
    assert await channels(agent=EVE.id) == [mine]
    for state, channel in (("claimed", mine), ("resolved", resolved), ("waiting", bens)):
        assert await channels(state=state) == [channel]
    assert await channels(state="bot") == []
    assert await channels(from_ms=NOW_MS + 1, to_ms=NOW_MS + 2) == [resolved]
    (first,) = await found(store, "hat", limit=1)
    assert (first.customer, first.state, first.agent) == (BEN, "waiting", None)
    onward = (first.message.at_ms, first.channel)
    assert await channels(limit=1, before=onward) == [resolved]
    assert await channels(before=onward) == [resolved, mine]
    (held,) = await found(store, "hat", state="claimed")
    assert held.agent == EVE
    assert sorted(await channels(None)) == sorted([bens, resolved, mine])
    assert [hit.message.offset for hit in await found(store, None)] == [2, 2, 2]
    with pytest.raises(Invalid):
        await found(store, None, customer="a\0b")


# --------------------------------------------------------------------------- customers, satisfaction


def rating(channel: str, value: float, by: User = ANN, at_ms: int = NOW_MS) -> Assessment:
    return Assessment(channel, by, value, None, (), at_ms)


async def test_a_customer_with_what_was_before(store: SqlStore) -> None:
    assert await store.customer("no-such-user", 5) is None
    first = await opened(store, metadata={"plan": "old"})
    await store.append(message(first, "my hat", at_ms=NOW_MS + 1))
    await store.append(message(first, "is blue", at_ms=NOW_MS + 2))
    second = await opened(store, metadata={"plan": "gold"})
    await store.append(message(second, "hello", at_ms=NOW_MS + 9))
    await opened(store, BEN)
    await store.assess(rating(first, 0.5))
    await store.assess(rating(first, 0.0, EVE))
    ann = await store.customer(ANN.id, 1)
    assert ann is not None
    assert (ann.user, ann.conversations, ann.rated, ann.mean_rating) == (ANN, 2, 1, 0.5)
    assert ann.metadata == {"plan": "gold"}
    assert [(one.channel, one.first_text, one.rating) for one in ann.past] == [(second, "hello", None)]
    more = await store.customer(ANN.id, 9)
    assert more is not None
    assert [(one.channel, one.messages, one.rating) for one in more.past] == [(second, 1, None), (first, 2, 0.5)]
    assert (await store.opener(first), await store.opener("conv:01NOSUCH")) == (ANN, None)


async def test_ratings_count_for_who_resolved(store: SqlStore) -> None:
    channels = [await opened(store) for _ in range(4)]
    for channel, agent in zip(channels, (EVE, EVE, FAY), strict=False):
        await store.claim(claim(channel, agent))
        await store.resolve(resolution(channel, by=agent))
    await store.resolve(resolution(channels[3]))  # by the customer
    for place, value in enumerate((1.0, 0.75, 0.25, 0.5)):
        await store.assess(rating(channels[place], value, at_ms=NOW_MS + (DAY_MS if place == 1 else 0)))
    await store.assess(rating(channels[0], 0.0, EVE))
    day = NOW_MS // DAY_MS
    eve, fay = (EVE.id, EVE.name), (FAY.id, FAY.name)
    assert await store.satisfaction(0, NOW_MS + 2 * DAY_MS) == [
        Satisfaction(*eve, day, 1, 1.0, 1),
        Satisfaction(*fay, day, 1, 0.25, 0),
        Satisfaction(*eve, day + 1, 1, 0.75, 1),
    ]
    assert len(await store.satisfaction(NOW_MS, NOW_MS + 1)) == 2
    await store.assess(rating(channels[0], 0.25))  # another opinion
    assert [one.total for one in await store.satisfaction(NOW_MS, NOW_MS + 1)] == [0.25, 0.25]


# --------------------------------------------------------------------------- agents and offers


def to(agent: User) -> Decide:
    """Everything that waits to one agent."""
    return lambda facts: [Placement(one.channel, agent.id) for one in facts.waiting]


async def test_agents_and_how_much_they_have(store: SqlStore) -> None:
    await known(store, ANN, EVE, FAY, ADA)
    assert [row.user for row in await store.agents()] == [ADA, EVE, FAY]
    mine, resolved, waiting = [await opened(store) for _ in range(3)]
    for channel in (mine, resolved):
        await store.claim(claim(channel, EVE))
    await store.resolve(resolution(resolved, by=EVE))
    await store.handoff(handoff(waiting))
    await store.set_capacity(FAY.id, 7)
    await store.route(to(EVE), 10, 60_000)
    loads = {row.user.id: (row.claimed, row.offered, row.capacity) for row in await store.agents()}
    assert loads == {ADA.id: (0, 0, None), EVE.id: (1, 1, None), FAY.id: (0, 0, 7)}
    await store.set_capacity(FAY.id, 2)
    await store.set_capacity(FAY.id, None)
    assert {row.capacity for row in await store.agents()} == {None}
    for nobody in (ANN.id, "no-such-user"):
        with pytest.raises(NotFound):
            await store.set_capacity(nobody, 1)


async def test_what_a_decision_is_made_of(store: SqlStore) -> None:
    await known(store, EVE)
    channel = await opened(store)
    await store.answer(answer(await asked(store, channel)))
    await store.handoff(handoff(channel, reason="angry"))
    seen: list[RoutingFacts] = []

    def look(facts: RoutingFacts) -> list[Placement]:
        seen.append(facts)
        return []

    assert await store.route(look, 10, 1_000) == []
    (one,) = seen[0].waiting
    assert (one.channel, one.reason, one.persona, one.analysis["intent"]) == (channel, "angry", "warm", "parcel")
    assert [row.user for row in seen[0].agents] == [EVE]
    assert seen[0].offers == ()


async def test_an_offer_ends_by_refusal_lapse_or_claim(store: SqlStore) -> None:
    await known(store, EVE, FAY)
    channel = await opened(store)
    await store.handoff(handoff(channel))
    assert await store.route(to(EVE), 10, 60_000) == [Placement(channel, EVE.id)]
    assert await store.route(to(FAY), 10, 60_000) == []  # one at a time
    ((offer,), (item,)) = (await store.offers(), await store.queue(10))
    assert (offer.agent_id, offer.state, 0 < offer.left_ms <= 60_000) == (EVE.id, "open", True)
    assert item.offered_to == EVE.id and item.offered_until_ms is not None
    assert not await store.refuse(channel, FAY.id)
    assert await store.refuse(channel, EVE.id)
    assert not await store.refuse(channel, EVE.id)
    assert await store.offers() == []
    assert [one.offered_to for one in await store.queue(10)] == [None]
    told: list[Offer] = []

    def next_one(facts: RoutingFacts) -> list[Placement]:
        told.extend(facts.offers)
        return [Placement(one.channel, FAY.id) for one in facts.waiting]

    assert await store.route(next_one, 10, 1) == [Placement(channel, FAY.id)]
    assert [(one.agent_id, one.state) for one in told] == [(EVE.id, "refused")]
    while await store.offers():
        await asyncio.sleep(0.01)
    told.clear()
    assert await store.route(next_one, 10, 60_000) == [Placement(channel, FAY.id)]
    assert sorted((one.agent_id, one.state) for one in told) == [(EVE.id, "refused"), (FAY.id, "lapsed")]
    await store.claim(claim(channel, EVE))  # whoever wants to
    assert await store.offers() == [] and await store.route(to(FAY), 10, 60_000) == []
    await store.release(release(channel, EVE, to="waiting", at_ms=NOW_MS + 1))
    told.clear()
    assert await store.route(next_one, 10, 60_000) == [Placement(channel, FAY.id)]  # another wait begins anew
    assert told == []


async def test_many_workers_route_as_one(harness: Harness) -> None:
    """Each agent takes three; however many workers route at once, nobody is offered more, and nothing twice."""
    stores = [harness.store() for _ in range(3)]
    for store in stores:
        await store.start()
    await known(stores[0], EVE, FAY)
    channels = [await opened(stores[0]) for _ in range(10)]
    for channel in channels:
        await stores[0].handoff(handoff(channel))
    candidates = [Candidate(EVE.id, 3), Candidate(FAY.id, 3)]

    def decide(facts: RoutingFacts) -> list[Placement]:
        return assign(facts, candidates)

    done = await asyncio.gather(*(store.route(decide, 100, 60_000) for store in stores for _ in range(4)))
    placed = [place for some in done for place in some]
    assert len({place.channel for place in placed}) == len(placed) == 6
    assert Counter(place.agent_id for place in placed) == {EVE.id: 3, FAY.id: 3}
    assert {offer.channel for offer in await stores[1].offers()} == {place.channel for place in placed}
