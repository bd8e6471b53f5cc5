"""Language models' use is stored with answers and abandoned turns, and what a turn reads before it asks one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from server.store.ports import OpenTurn, Rating
from server.store.sql import SqlStore
from server.store.usage_ports import Amount, ContextWish, LanguageContext, ModelUsage, RatedTurn, Spent, UsageSum
from tests.contract.store.harness import Harness, new_id
from tests.contract.store.people import ANN, BEN, EVE, NOW_MS, answer, asked, claim, message, opened, release

USAGE = ModelUsage("", ANN.id, "tiny", "warm", None, "answered", 100, 20, False, 7, 250, 900, 1, NOW_MS)


def used(**changes: Any) -> ModelUsage:
    return replace(USAGE, usage_id=new_id(), **changes)


async def look(store: SqlStore, channel: str, offset: int = 1_000, **changes: Any) -> LanguageContext:
    wish = ContextWish(channel, offset, ANN.id, window=10, rated=3, rating_from=0.75, since_ms=NOW_MS)
    return await store.language_context(replace(wish, **changes))


async def test_usage_is_stored_in_its_answers_commit(store: SqlStore) -> None:
    turn = await asked(store, await opened(store))
    commits = store.stats.commits
    assert await store.answer(answer(turn, usage=used())) is not None
    assert store.stats.commits == commits + 1
    assert await store.model_usage(NOW_MS, NOW_MS + 1) == [
        UsageSum("tiny", "warm", None, 1, 1, 100, 20, 7, 250.0, 900.0)
    ]


async def test_no_answer_no_usage(store: SqlStore) -> None:
    turn = await asked(store, await opened(store))
    await store.answer(answer(turn))
    assert await store.answer(answer(turn, usage=used())) is None
    assert await store.model_usage(0, NOW_MS * 2) == []


async def test_sums_are_by_model_persona_and_variant(store: SqlStore) -> None:
    channel = await opened(store)
    uses = [
        used(),
        used(total_ms=1_100, first_token_ms=None, outcome="failed", prompt_tokens=0, completion_tokens=0),
        used(variant="short"),
        used(model="large", at_ms=NOW_MS + 50),
        used(at_ms=NOW_MS + 100),
    ]
    for use in uses:
        await store.answer(answer(await asked(store, channel), usage=use))
    found = await store.model_usage(NOW_MS, NOW_MS + 100)
    assert [(one.model, one.variant, one.uses) for one in found] == [
        ("large", None, 1),
        ("tiny", None, 2),
        ("tiny", "short", 1),
    ]
    assert (found[1].answered, found[1].first_token_ms, found[1].total_ms) == (1, 250.0, 1_000.0)


async def test_an_abandoned_turn_gives_way_to_the_next(store: SqlStore) -> None:
    channel = await opened(store)
    first, second = await asked(store, channel, "wait"), await asked(store, channel, "where is it?")
    assert await store.answer(answer(second)) is None, "the first is open still"
    assert await store.abandon(first, used(outcome="interrupted"))
    assert not await store.abandon(first), "it is dropped already"
    assert await store.answer(answer(first)) is None
    assert await store.answer(answer(second)) is not None
    assert [one.answered for one in await store.model_usage(0, NOW_MS * 2)] == [0]


async def test_only_its_holder_abandons_a_turn(store: SqlStore) -> None:
    channel = await opened(store)
    first, second = await asked(store, channel), await asked(store, channel)
    assert not await store.abandon(second), "an earlier one is open"
    assert not await store.abandon(replace(first, lease_number=first.lease_number + 1))
    assert await store.answer(answer(first)) is not None


async def test_what_was_used_for_a_turn_that_a_claim_dropped_is_kept(store: SqlStore) -> None:
    channel = await opened(store)
    turn = await asked(store, channel)
    await store.claim(claim(channel))
    assert not await store.abandon(turn, used(outcome="interrupted"))
    await store.release(release(channel, EVE))
    assert len(await store.model_usage(0, NOW_MS * 2)) == 1


async def test_the_window_ends_before_the_turn_and_tells_who_wrote_on(store: SqlStore) -> None:
    channel = await opened(store)
    first = await asked(store, channel, "one")
    await store.answer(answer(first, "two"))
    third = await asked(store, channel, "three")
    found = await look(store, channel, third.message.offset)
    assert [one.text for one in found.window] == ["one", "two"]
    assert not found.written_on
    await store.append(message(channel, "an agent's word", sender=EVE))
    assert not (await look(store, channel, third.message.offset)).written_on
    await asked(store, channel, "five")
    assert (await look(store, channel, third.message.offset)).written_on
    newest = await look(store, channel, third.message.offset, window=1)
    assert [one.text for one in newest.window] == ["two"]


async def test_what_was_spent_is_counted_where_it_was_spent(store: SqlStore) -> None:
    here, there, others = await opened(store), await opened(store), await opened(store, BEN)
    yesterday = used(at_ms=NOW_MS - 1)
    for channel, use in ((here, used()), (here, yesterday), (there, used()), (others, used(user_id=BEN.id))):
        await store.answer(answer(await asked(store, channel), usage=use))
    found = await look(store, here)
    assert found.spent == Spent(Amount(240, 14), Amount(240, 14), Amount(360, 21))
    assert (await look(store, here, since_ms=None)).spent is None


async def test_liked_answers_are_the_askers_own_and_the_newest_first(store: SqlStore) -> None:
    channel = await opened(store)

    async def rated(question: str, rating: float, by: str = ANN.id, at_ms: int = NOW_MS) -> None:
        turn: OpenTurn = await asked(store, channel, question)
        said = await store.answer(answer(turn, f"about {question}"))
        assert said is not None
        await store.rate(Rating(said.message_id, by, rating, None, at_ms, in_every_conversation=True))

    await rated("old", 1.0, at_ms=NOW_MS + 1)
    await rated("bad", 0.0, at_ms=NOW_MS + 2)
    await rated("staff's", 1.0, by=EVE.id, at_ms=NOW_MS + 3)
    await rated("new", 0.75, at_ms=NOW_MS + 4)
    assert (await look(store, channel)).rated == (RatedTurn("new", "about new"), RatedTurn("old", "about old"))
    assert [one.question for one in (await look(store, channel, rated=1)).rated] == ["new"]
    assert (await look(store, channel, rated=0)).rated == ()


async def test_what_the_opener_says_of_the_customer_is_read(store: SqlStore) -> None:
    listed = await opened(store, metadata={"page": "/", "preferences": ["likes short answers", 7, " ", "vegan"]})
    named = await opened(store, metadata={"preferences": {"language": "German", "size": 41, "vip": True, "note": ""}})
    nothing = await opened(store, metadata={"preferences": "short"})
    found = [(await look(store, channel)).preferences for channel in (listed, named, nothing, await opened(store))]
    assert found == [("likes short answers", "vegan"), ("language: German", "size: 41"), (), ()]


async def test_an_unknown_conversation_has_nothing(store: SqlStore, harness: Harness) -> None:
    assert await look(store, "conv:none") == LanguageContext((), False, (), Spent())
