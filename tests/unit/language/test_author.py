"""The author among fakes: what it asks, what it stores, and that the built-in answer always stands ready."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

from adapters.personas import Persona
from adapters.traits import Traits
from inference.pii import personal
from server.backplane.memory import MemoryBackplane
from server.backplane.ports import Envelope
from server.chat.language.author import Author
from server.chat.language.book import parse_prompts
from server.chat.language.breaker import BreakerRule
from server.chat.language.budget import Budget, Prices
from server.chat.language.ports import Abandoned
from server.chat.language.rules import AuthorRules, Deadlines, Doubt
from server.chat.language.values import Ended, Passage, StreamEvent, Text, Used, WriterFailure, WritingRequest
from server.chat.writer import BuiltInWriter, Written
from server.clock import ManualClock
from server.errors import Unavailable
from server.fanout.hub import Fanout, Ledger
from server.store.ports import Answer, OpenTurn, Store
from server.store.usage_ports import Amount, ContextWish, LanguageContext, ModelUsage, RatedTurn, Spent
from server.telemetry import Metrics
from server.wire.frames import Message
from server.wire.parts import ExperimentRef, Turn, User
from tests.unit.writer.support import book

ROOT = Path(__file__).resolve().parents[3]
BOOK = parse_prompts(
    yaml.safe_load((ROOT / "server/chat/language/prompts/en.yaml").read_text(encoding="utf-8")), "en.yaml"
)
BUILTIN = BuiltInWriter(book())
ALICE = User("alice", "customer", "Alice")
BOT = User("bot", "bot", "Parlance")
ASKED = Message("conv:c", "e", 3, "m3", 5, ALICE, "where is it?")
WRITTEN = Written("Which order?", ("p1",), ("#1",), "question", "order_status", {"order": "#4711"})
ANSWER = Answer(
    turn=OpenTurn("m3", 1, ASKED),
    sender=BOT,
    text=WRITTEN.text,
    message_id="a1",
    at_ms=10,
    data={"suggestions": ["#1"]},
    shown=Turn("d1", "calm", "linucb", 1, 0.5, total_us=10),
    decision=None,
    analysis={"sentiment": {"label": "negative", "score": -0.4}, "emotions": {"anger": 0.7, "neutral": 0.3}},
    notes={"phrases": ["p1"], "known": {"order": "#4711"}, "asked_back": False},
)
Said = Sequence[StreamEvent | Exception]
HELLO: Said = (Text("It is "), Text("on its way."), Ended(), Used(50, 5))


@dataclass
class FakeStore:
    """Keeps what is abandoned."""

    context: LanguageContext = field(default_factory=lambda: LanguageContext((), False, (), Spent()))
    wishes: list[ContextWish] = field(default_factory=list)
    abandoned: list[ModelUsage | None] = field(default_factory=list)
    away: bool = False

    async def language_context(self, wish: ContextWish) -> LanguageContext:
        if self.away:
            raise Unavailable("the database is away")
        self.wishes.append(wish)
        return self.context

    async def abandon(self, turn: OpenTurn, used: ModelUsage | None = None) -> bool:
        self.abandoned.append(used)
        return True


class FakeWriter:
    """Says what stands next in ``streams``; the last one for ever."""

    model = "fake"

    def __init__(self, *streams: Said) -> None:
        self.streams = list(streams or (HELLO,))
        self.requests: list[WritingRequest] = []
        self.gate: asyncio.Event | None = None
        self.ended = 0

    async def stream(self, request: WritingRequest) -> AsyncIterator[StreamEvent]:
        self.requests.append(request)
        try:
            for event in self.streams.pop(0) if len(self.streams) > 1 else self.streams[0]:
                if isinstance(event, Exception):
                    raise event
                yield event
                if self.gate is not None:
                    await self.gate.wait()
        finally:
            self.ended += 1

    async def close(self) -> None:
        pass


class House:
    """An author among its fakes, with a real fan-out in between."""

    def __init__(self, writer: FakeWriter, rules: AuthorRules) -> None:
        self.writer = writer
        self.store = FakeStore()
        self.clock = ManualClock()
        self.metrics = Metrics()
        self.fanout = Fanout(cast(Ledger, None), MemoryBackplane(), lambda _: None)
        self.heard: list[dict[str, Any]] = []
        ids = count()
        self.author = Author(
            writer=writer,
            book=BOOK,
            rules=rules,
            personas={"calm": Persona("calm", "Calm", "", Traits().as_dict(), {})},
            store=cast(Store, self.store),
            fanout=self.fanout,
            clock=self.clock,
            rng=random.Random(1),
            new_id=lambda: f"id{next(ids)}",
            metrics=self.metrics,
            personal=personal,
            cache_entries=2,
            builtin=BUILTIN,
        )

    def hear(self, envelope: Envelope) -> None:
        self.heard.append(msgspec.json.decode(envelope.body))

    async def rewrite(
        self, answer: Answer = ANSWER, written: Written = WRITTEN, passages: Sequence[Passage] = ()
    ) -> tuple[Answer, Written]:
        return await self.author.rewrite(answer, written, passages=passages)

    async def message(self, sender: User, offset: int, **more: Any) -> None:
        await self.fanout.publish_message(Message("conv:c", "e", offset, f"m{offset}", 6, sender, "text", **more))

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"parlance_language_{name}", labels) or 0.0


Make = Callable[..., House]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    houses: list[House] = []

    def made(*streams: Said, **rules: Any) -> House:
        house = House(FakeWriter(*streams), AuthorRules("Parlance", **{"retries": 0, **rules}))
        houses.append(house)
        return house

    yield made
    for house in houses:
        await house.fanout.close()


async def opened(house: House) -> House:
    await house.fanout.start()
    await house.fanout.watch("conv:c", house.hear)
    return house


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


# ------------------------------------------------------------------ what is given again

PASSAGES = (Passage("tracking", "Tracking", "It is on its way."),)


def asking(turn_id: str, text: str = "where is it?", **changes: Any) -> Answer:
    """Another customer's first turn, or another turn."""
    turn = OpenTurn(turn_id, 1, replace_text(ASKED, text))
    return replace(ANSWER, turn=turn, **changes)


async def test_a_first_question_gets_the_same_answer_again_until_articles_change(make: Make) -> None:
    house = await opened(make())
    first, _ = await house.rewrite(asking("m1"), passages=PASSAGES)
    again, _ = await house.rewrite(asking("m2", " Where is it"), passages=PASSAGES)
    assert again.text == first.text and again.data == first.data
    assert first.usage is not None and again.usage is None
    assert len(house.writer.requests) == 1
    house.author.forget()
    await house.rewrite(asking("m3"), passages=PASSAGES)
    assert len(house.writer.requests) == 2
    told = house.metrics.render().decode()
    assert 'parlance_knowledge_cache_total{cache="answers",result="hit"} 1.0' in told
    assert 'parlance_knowledge_cache_total{cache="answers",result="miss"} 2.0' in told


async def test_what_depends_on_more_than_the_question_is_asked_anew(make: Make) -> None:
    house = await opened(make())
    shown = Turn("d1", "calm", "linucb", 1, 0.5, experiment=ExperimentRef("e", "b"))
    other_mood = {"sentiment": {"label": "positive", "score": 0.4}}
    asked = [
        (asking("m1"), PASSAGES),
        (asking("m2"), (Passage("tracking", "Tracking", "It is late."),)),
        (asking("m3"), ()),
        (asking("m4"), ()),
        (asking("m5", analysis=other_mood), PASSAGES),
        (asking("m6", shown=shown), PASSAGES),
        (asking("m7", "where is it, ann@example.org?"), PASSAGES),
        (asking("m8", "where is it, ann@example.org?"), PASSAGES),
    ]
    for answer, passages in asked:
        await house.rewrite(answer, passages=passages)
    assert len(house.writer.requests) == len(asked)
    house.store.context = LanguageContext((ASKED,), False, (), Spent())
    await house.rewrite(asking("m9"), passages=PASSAGES)
    assert len(house.writer.requests) == len(asked) + 1


async def test_an_answer_that_was_withdrawn_is_not_kept(make: Make) -> None:
    house = await opened(make())
    house.writer.streams = [(WriterFailure("server", "500"),), (WriterFailure("server", "500"),), HELLO]
    await house.rewrite(asking("m1"), passages=PASSAGES)
    said, _ = await house.rewrite(asking("m2"), passages=PASSAGES)
    assert said.usage is not None


PRIVATE = "Write to alice@example.org or call +49 30 1234567, my card is 4111 1111 1111 1111"


async def test_personal_data_is_kept_from_the_model_and_comes_back(make: Make) -> None:
    said = (Text("I'll note [ema"), Text("il-1] and [phone-1] for the card "), Text("[card-1] and [email-9]."), Ended())
    house = make(said)
    asked = replace(ANSWER, turn=OpenTurn("m3", 1, replace_text(ASKED, PRIVATE)))
    answer, _ = await house.rewrite(asked)
    prompt = "\n".join(message.content for message in house.writer.requests[0].prompt.messages)
    for value in ("alice@example.org", "1234567", "4111"):
        assert value not in prompt
    for placeholder in ("[email-1]", "[phone-1]", "[card-1]"):
        assert placeholder in prompt
    assert answer.text == "I'll note alice@example.org and +49 30 1234567 for the card [card] and [email]."
    assert "4111" not in repr(house.writer.requests[0])


async def test_the_same_value_is_the_same_placeholder_in_all_of_the_prompt(make: Make) -> None:
    house = make()
    earlier = Message("conv:c", "e", 1, "m1", 1, ALICE, "I am ALICE@example.org, not bob@example.org")
    house.store.context = LanguageContext((earlier,), False, (RatedTurn("mine: bob@example.org?", "Yes."),), Spent())
    await house.rewrite(replace(ANSWER, turn=OpenTurn("m3", 1, replace_text(ASKED, "alice@example.org"))))
    prompt = "\n".join(message.content for message in house.writer.requests[0].prompt.messages)
    assert "I am [email-1], not [email-2]" in prompt and "mine: [email-2]?" in prompt


async def test_personal_data_goes_out_where_the_operator_wants_it(make: Make) -> None:
    house = make(redact_prompts=False)
    await house.rewrite(replace(ANSWER, turn=OpenTurn("m3", 1, replace_text(ASKED, PRIVATE))))
    prompt = "\n".join(message.content for message in house.writer.requests[0].prompt.messages)
    assert "alice@example.org" in prompt and "placeholder" not in prompt.lower()


@pytest.mark.parametrize(("doubt", "kind"), [("clarify", "clarification"), ("handover", "handover")])
async def test_what_is_not_borne_out_is_asked_about_or_left_to_a_person(make: Make, doubt: Doubt, kind: str) -> None:
    house = make((Text("Parcels to Mars take 99 years and cost 700 euros [1]."), Ended()), doubt=doubt)
    passage = Passage("p", "Delivery", "Standard delivery takes three days.")
    answer, written = await house.author.rewrite(ANSWER, WRITTEN, passages=[passage])
    assert written.kind == kind and answer.text == written.text != WRITTEN.text
    assert (written.intent, written.known) == (WRITTEN.intent, WRITTEN.known)
    assert answer.notes["asked_back"] is (kind == "clarification") and answer.notes["phrases"] == list(written.phrases)
    assert answer.usage is not None and answer.usage.outcome == "replaced"


async def test_meaning_is_judged_beside_words_and_its_failure_is_no_failure(make: Make) -> None:
    asked: list[Sequence[str]] = []

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        asked.append(texts)
        if len(asked) > 1:
            raise RuntimeError("closed")
        return np.eye(8, dtype=np.float32)[[0] * len(texts)]

    passage = Passage("p", "Delivery", "Standard delivery takes three days. It costs 5 euros.")
    said = (Text("Standard delivery takes three days [1]."), Ended())
    for _ in range(2):
        house = make(said)
        house.author._embed = embed
        answer, _written = await house.author.rewrite(ANSWER, WRITTEN, passages=[passage])
        assert answer.text == "Standard delivery takes three days [1]."
    assert list(asked[0]) == [
        "Standard delivery takes three days.",
        "Standard delivery takes three days.",
        "It costs 5 euros.",
    ]


def replace_text(message: Message, text: str) -> Message:
    return msgspec.structs.replace(message, text=text)
