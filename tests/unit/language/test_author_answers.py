"""The author: what it may say again, what it keeps from the model, and what it doubts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from server.chat.language.rules import Doubt
from server.chat.language.values import Ended, Passage, Text, WriterFailure
from server.store.ports import Answer, OpenTurn
from server.store.usage_ports import LanguageContext, RatedTurn, Spent
from server.wire.frames import Message
from server.wire.parts import ExperimentRef, Turn
from tests.unit.language.house import (
    ALICE,
    ANSWER,
    ASKED,
    HELLO,
    WRITTEN,
    Make,
    opened,
    replace_text,
)

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
