"""The author among fakes: what it asks, what it stores, and that the built-in answer always stands ready."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from server.chat.language.breaker import BreakerRule
from server.chat.language.budget import Budget, Prices
from server.chat.language.ports import Abandoned
from server.chat.language.rules import AuthorRules, Deadlines
from server.chat.language.values import Ended, Passage, StreamEvent, Text, WriterFailure, WritingRequest
from server.chat.writer import Written
from server.errors import Unavailable
from server.store.ports import Answer, OpenTurn
from server.store.usage_ports import Amount, LanguageContext, RatedTurn, Spent
from server.wire.frames import Message
from server.wire.parts import ExperimentRef, Turn, User
from tests.unit.language.house import (
    ALICE,
    ANSWER,
    ASKED,
    BOOK,
    BOT,
    HELLO,
    WRITTEN,
    FakeWriter,
    House,
    Make,
    Said,
    opened,
)


async def test_the_answer_is_the_models_and_the_rest_stays(make: Make) -> None:
    house = await opened(make(prices=Prices(1.0, 2.0)))
    answer, written = await house.rewrite()
    assert answer.text == written.text == "It is on its way."
    assert (answer.message_id, answer.data) == ("a1", {"suggestions": ["#1"]})
    assert (answer.notes["phrases"], answer.notes["known"]) == ([], {"order": "#4711"})
    assert (written.phrases, written.intent, written.known) == ((), "order_status", {"order": "#4711"})
    usage = answer.usage
    assert usage is not None
    assert (usage.outcome, usage.prompt_tokens, usage.completion_tokens, usage.cost_micros) == ("answered", 50, 5, 60)
    assert [(one["attempt"], one["seq"], one["text"]) for one in house.heard] == [
        (0, 0, "It is"),
        (0, 1, " on its way."),
    ]
    assert house.writer.ended == 1


async def test_uncounted_tokens_are_estimated(make: Make) -> None:
    house = await opened(make((Text("It is on its way."), Ended())))
    usage = (await house.rewrite())[0].usage
    assert usage is not None and usage.estimated
    assert usage.prompt_tokens == house.writer.requests[0].prompt.tokens
    assert usage.completion_tokens > 3


async def test_a_variants_parameters_are_the_models(make: Make) -> None:
    house = await opened(make())
    await house.author.rewrite(ANSWER, WRITTEN, parameters={"temperature": 1.2, "max_tokens": 64.0})
    (request,) = house.writer.requests
    assert request.parameters == replace(BOOK.parameters, temperature=1.2, max_tokens=64)
    assert isinstance(request.parameters.max_tokens, int), "servers want a whole number"
    assert request.prompt.messages, "the rest is as ever"


async def test_the_prompt_knows_chat_name_mood_and_liked_answers(make: Make) -> None:
    house = await opened(make())
    window = (
        Message("conv:c", "e", 1, "m1", 1, ALICE, "hello"),
        Message("conv:c", "e", 2, "m2", 2, User("s", "system", "S"), "somebody joined"),
    )
    house.store.context = LanguageContext(window, False, (RatedTurn("is it free?", "it is"),), None)
    await house.rewrite()
    system, chat = house.writer.requests[0].prompt.messages
    for part in ("Alice", "negative, with anger", "is it free?", "it is"):
        assert part in system.content
    assert "hello" in chat.content and "somebody joined" not in chat.content


@pytest.mark.parametrize(
    ("written", "changes"), [(replace(WRITTEN, kind="handover"), {}), (WRITTEN, {"shown": None})]
)  # fmt: skip
async def test_some_answers_are_never_the_models(make: Make, written: Written, changes: dict[str, Any]) -> None:
    house = await opened(make())
    answer = replace(ANSWER, **changes)
    assert await house.rewrite(answer, written) == (answer, written)
    assert house.writer.requests == []


@pytest.mark.parametrize(
    ("stream", "reason", "deltas"),
    [
        ((WriterFailure("server", "500"),), "server", 0),
        ((Text("It "), WriterFailure("cut", "cut")), "cut", 2),
        ((Text("It "), ValueError("a bug of theirs")), "server", 2),
        ((Text("It is on"),), "cut", 2),
    ],
)
async def test_a_failure_is_the_built_in_answer(make: Make, stream: Said, reason: str, deltas: int) -> None:
    house = await opened(make(stream))
    answer, written = await house.rewrite()
    assert (answer.text, written) == (WRITTEN.text, WRITTEN)
    assert answer.usage is not None and answer.usage.outcome == "failed"
    assert len(house.heard) == deltas
    if deltas:
        assert (house.heard[-1]["attempt"], house.heard[-1]["seq"], house.heard[-1]["text"]) == (1, 0, WRITTEN.text)
    labels = {"model": "fake", "persona": "calm", "variant": "", "outcome": "failed", "reason": reason}
    assert house.count("answers_total", **labels) == 1


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        ((Ended(),), "empty"),
        ((Text("no end of a sentence"), Ended("length")), "length"),
        ((Text("I can"), Ended("filtered")), "filtered"),
        ((Text(BOOK.system[-1].text.replace("{mark}", "")), Ended()), "leak"),
    ],
)
async def test_a_useless_answer_is_withdrawn(make: Make, stream: Said, reason: str) -> None:
    house = await opened(make(stream))
    answer, written = await house.rewrite()
    assert (answer.text, written) == (WRITTEN.text, WRITTEN)
    labels = {"model": "fake", "persona": "calm", "variant": "", "outcome": "replaced", "reason": reason}
    assert house.count("answers_total", **labels) == 1
    assert house.heard == [] or house.heard[-1]["text"] == WRITTEN.text


async def test_what_is_cut_at_the_limit_ends_with_a_sentence(make: Make) -> None:
    house = await opened(make((Text("It is late. It will come to"), Ended("length"))))
    assert (await house.rewrite())[0].text == "It is late."


# ------------------------------------------------------------------ passages

DELIVERY = Passage("art-1#p2", "Delivery", "Parcels take three to five working days and cost 4.90 euros.")


async def test_citations_go_with_the_answer(make: Make) -> None:
    house = await opened(make((Text("Parcels take three to five working days [1]. [4]"), Ended())))
    answer, _ = await house.author.rewrite(ANSWER, WRITTEN, passages=(DELIVERY,))
    assert answer.text == "Parcels take three to five working days [1]."
    assert answer.data is not None
    assert answer.data["citations"] == [{"number": 1, "passage": "art-1#p2", "title": "Delivery"}]
    assert "You have no documents" not in house.writer.requests[0].prompt.messages[0].content


async def test_what_is_known_of_a_cited_passage_stays(make: Make) -> None:
    known = [{"article": "art-1", "version": 3, "passage": "art-1#p2", "score": 0.9}, {"passage": "other"}]
    built_in = replace(ANSWER, data={"suggestions": ["#1"], "citations": known})
    house = await opened(make((Text("Parcels take three to five working days [1]."), Ended()), HELLO))
    answer, _ = await house.author.rewrite(built_in, WRITTEN, passages=(DELIVERY,))
    assert answer.data is not None
    assert answer.data["citations"] == [
        {"article": "art-1", "version": 3, "passage": "art-1#p2", "score": 0.9, "title": "Delivery", "number": 1}
    ]
    uncited, _ = await house.author.rewrite(replace(built_in, turn=OpenTurn("t2", 1, ASKED)), WRITTEN)
    assert uncited.data == {"suggestions": ["#1"]}, "the built-in answer's citations are not the model's"


async def test_what_the_passages_do_not_bear_out_is_withdrawn(make: Make) -> None:
    house = await opened(make((Text("Our drones deliver overnight from Iceland for 99 crowns."), Ended())))
    answer, _ = await house.author.rewrite(ANSWER, WRITTEN, passages=(DELIVERY,))
    assert answer.text == WRITTEN.text
    labels = {"model": "fake", "persona": "calm", "variant": "", "outcome": "replaced", "reason": "ungrounded"}
    assert house.count("answers_total", **labels) == 1


async def test_preferences_stand_in_the_prompt(make: Make) -> None:
    house = await opened(make())
    await house.author.rewrite(ANSWER, WRITTEN, preferences=("likes short answers",))
    assert "likes short answers" in house.writer.requests[0].prompt.messages[0].content
    house.store.context = replace(house.store.context, preferences=("write to ann@example.org", "size: 41"))
    await house.author.rewrite(replace(ANSWER, turn=OpenTurn("t3", 1, ASKED)), WRITTEN)
    (told,) = (one.prompt.messages[0].content for one in house.writer.requests[1:])
    assert "size: 41" in told and "ann@example.org" not in told  # kept from models like all that is personal


# ------------------------------------------------------------------ nobody waits any more


async def streaming(house: House) -> asyncio.Task[tuple[Answer, Written]]:
    """An answer of which the first word is out."""
    house.writer.gate = asyncio.Event()
    task = asyncio.create_task(house.rewrite())
    while not house.heard:
        await asyncio.sleep(0)
    return task


async def test_a_claim_ends_it(make: Make) -> None:
    house = await opened(make())
    task = await streaming(house)
    await house.message(User("system", "system", "S"), 4, data={"event": "claimed"})
    with pytest.raises(Abandoned):
        await task
    (used,) = house.store.abandoned
    assert used is not None and used.outcome == "interrupted"
    assert house.heard[-1]["aborted"] is True
    assert house.writer.ended == 1


async def test_a_customer_who_writes_on_ends_it(make: Make) -> None:
    house = await opened(make())
    task = await streaming(house)
    await house.message(ALICE, 4)
    with pytest.raises(Abandoned):
        await task


@pytest.mark.parametrize(
    ("sender", "offset", "data"),
    [(User("ann", "agent", "Ann"), 4, None), (BOT, 4, None), (ALICE, 3, None),
     (User("system", "system", "S"), 4, {"event": "waiting"})],
)  # fmt: skip
async def test_other_messages_do_not(make: Make, sender: User, offset: int, data: dict[str, Any] | None) -> None:
    house = await opened(make())
    task = await streaming(house)
    await house.message(sender, offset, data=data)
    assert house.writer.gate is not None
    house.writer.gate.set()
    assert (await task)[0].text == "It is on its way."


async def test_who_has_written_on_already_is_not_asked_for(make: Make) -> None:
    house = await opened(make())
    house.store.context = LanguageContext((), True, (), None)
    with pytest.raises(Abandoned):
        await house.rewrite()
    assert (house.store.abandoned, house.writer.requests) == ([None], [])


async def test_a_worker_that_stops_tells_that_no_message_comes(make: Make) -> None:
    house = await opened(make())
    task = await streaming(house)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert house.heard[-1]["aborted"] is True
    assert house.store.abandoned == [], "the turn stays open for the next worker"


# ------------------------------------------------------------------ limits


async def test_the_circuit_spares_a_server_that_fails(make: Make) -> None:
    rule = BreakerRule(failures=2, open_ms=100)
    house = await opened(make((WriterFailure("server", "500"),), breaker=rule))
    for number in range(3):
        await house.rewrite(replace(ANSWER, turn=OpenTurn(f"t{number}", 1, ASKED)))
    assert len(house.writer.requests) == 2
    assert house.count("skipped_total", reason="breaker") == 1
    assert house.count("breaker_state") == 2
    house.clock.advance(100)
    house.writer.streams = [HELLO]
    answer, _ = await house.rewrite(replace(ANSWER, turn=OpenTurn("t9", 1, ASKED)))
    assert answer.text == "It is on its way."
    assert house.count("breaker_state") == 0


async def test_a_try_that_is_interrupted_leaves_the_circuit_to_the_next(make: Make) -> None:
    house = await opened(make((WriterFailure("server", "500"),), breaker=BreakerRule(failures=1, open_ms=100)))
    await house.rewrite()
    house.clock.advance(100)
    house.store.away = True
    with pytest.raises(Unavailable):
        await house.rewrite(replace(ANSWER, turn=OpenTurn("t2", 1, ASKED)))
    house.store.away = False
    house.writer.streams = [HELLO]
    assert (await house.rewrite(replace(ANSWER, turn=OpenTurn("t3", 1, ASKED))))[0].text == "It is on its way."


async def test_a_spent_budget_is_told(make: Make) -> None:
    house = await opened(make(budget=Budget(user=Amount(5_000, 0))))
    house.store.context = LanguageContext((), False, (), Spent(user=Amount(4_900, 0)))
    answer, written = await house.rewrite()
    assert (answer.text, written) == (WRITTEN.text, WRITTEN)
    assert answer.data == {"suggestions": ["#1"], "budget": {"scope": "user", "unit": "tokens"}}
    assert house.writer.requests == []
    assert house.store.wishes[0].since_ms is not None


async def test_what_is_under_way_counts(make: Make) -> None:
    house = await opened(make(budget=Budget(user=Amount(1_300, 0))))
    task = await streaming(house)
    elsewhere = Message("conv:d", "e", 1, "m9", 5, ALICE, "and here?")
    answer, _ = await house.rewrite(replace(ANSWER, turn=OpenTurn("m9", 1, elsewhere)))
    assert answer.data is not None and answer.data["budget"] == {"scope": "user", "unit": "tokens"}
    assert house.writer.gate is not None
    house.writer.gate.set()
    assert (await task)[0].text == "It is on its way."


async def test_who_comes_on_top_does_not_wait(make: Make) -> None:
    house = await opened(make(max_streams=1))
    task = await streaming(house)
    answer, _ = await house.rewrite(replace(ANSWER, turn=OpenTurn("m9", 1, ASKED)))
    assert answer.text == WRITTEN.text
    assert house.count("skipped_total", reason="busy") == 1
    assert house.writer.gate is not None
    house.writer.gate.set()
    await task


async def test_an_answer_that_was_not_stored_is_not_asked_for_again(make: Make) -> None:
    house = await opened(make())
    first, _ = await house.rewrite()
    again, _ = await house.rewrite(replace(ANSWER, message_id="a2", turn=OpenTurn("m3", 2, ASKED)))
    assert len(house.writer.requests) == 1
    assert (again.message_id, again.text, again.turn.lease_number) == (first.message_id, first.text, 2)


async def test_a_variant_stands_in_request_and_usage(make: Make) -> None:
    house = await opened(make())
    shown = Turn("d1", "calm", "linucb", 1, 0.5, ExperimentRef("exp", "short"), total_us=10)
    answer, _ = await house.rewrite(replace(ANSWER, shown=shown))
    assert house.writer.requests[0].variant == "short"
    assert answer.usage is not None and answer.usage.variant == "short"


@pytest.mark.parametrize(
    ("deadlines", "stream", "reason"),
    [
        (Deadlines(first_token_s=0.01), (), "first_token"),
        (Deadlines(silence_s=0.01), (Text("It "),), "silence"),
        (Deadlines(whole_s=0.01), (Text("It "),), "whole"),
        (Deadlines(first_token_s=0.01), (Text(""), Text("")), "first_token"),
    ],
)
async def test_every_wait_has_its_end(make: Make, deadlines: Deadlines, stream: Said, reason: str) -> None:
    class Silent(FakeWriter):
        async def stream(self, request: WritingRequest) -> AsyncIterator[StreamEvent]:
            for event in stream:
                assert not isinstance(event, Exception)
                yield event
            await asyncio.Event().wait()

    house = House(Silent(), AuthorRules("Parlance", retries=0, deadlines=deadlines))
    await opened(house)
    await house.rewrite()
    labels = {"model": "fake", "persona": "calm", "variant": "", "outcome": "failed", "reason": reason}
    assert house.count("answers_total", **labels) == 1
    await house.fanout.close()
