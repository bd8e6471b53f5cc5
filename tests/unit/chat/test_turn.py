"""The turn: understand, decide, answer, and the reward of the turn before."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from adapters.allowed import Rule
from adapters.features import FEATURE_NAMES
from adapters.mood import parse_mood_rules
from adapters.policies import make_policy
from inference.errors import EngineBusy, EngineClosed, EngineFailed, EngineTimeout
from server.chat.reactions import Reactions
from server.clock import ManualClock
from server.errors import Unavailable
from server.store.inbox_ports import Doubt
from server.store.ports import Answer, PastTurn, RewardParts
from server.wire.frames import Message
from server.wire.parts import User
from tests.unit.chat.answering import PERSONAS, FakeAuthor, House, turn
from tests.unit.chat.test_memory import analysis


@pytest.fixture
def house() -> House:
    return House()


async def test_an_answer_carries_its_decision_and_what_was_understood(house: House) -> None:
    house.engine.results = [analysis(-0.5)]
    await house.bot().answer(turn(1), False)
    (answer,) = house.store.answers
    assert answer.decision is not None
    assert answer.decision.arm in answer.decision.arms
    assert answer.decision.probabilities == (0.5, 0.5)
    assert len(answer.decision.features) == len(FEATURE_NAMES)
    assert answer.analysis == analysis(-0.5).to_wire()
    assert answer.data == {"suggestions": ["More?"]}
    assert answer.shown is not None
    assert (answer.shown.persona, answer.shown.propensity) == (answer.decision.arm, 0.5)
    (pushed,) = house.fanout.messages
    assert (pushed.text, pushed.reply_to) == ("answer 1", "m1")


async def test_what_is_doubtful_goes_to_the_inbox_with_its_answer(house: House) -> None:
    doubtful = replace(analysis(), intent_confidence=0.2)
    house.engine.results = [analysis(), doubtful]
    bot = house.bot()
    await bot.answer(turn(1), False)
    await bot.answer(turn(3), False)
    sure, unsure = house.store.answers
    assert sure.doubt is None
    assert unsure.doubt == Doubt("order_status", 0.2, (("order_status", 0.9),), 0.1, "en", "nlu-1.0.0")


async def test_the_analysis_goes_to_staff_and_names_its_author(house: House) -> None:
    house.engine.results = [analysis()]
    await house.bot().answer(turn(1), False)
    (event,) = house.fanout.envelopes
    assert (event.audience, event.author, event.offset) == ("staff", "alice", 0)
    body: dict[str, Any] = msgspec.json.decode(event.body)
    assert (body["name"], body["data"]["message_id"]) == ("analysis", "m1")


async def test_the_next_turn_rewards_the_one_before(house: House) -> None:
    house.engine.results = [analysis(-0.5), analysis(0.5)]
    bot = house.bot()
    await bot.answer(turn(1), False)
    assert house.store.rewards == []
    await bot.answer(turn(3), False)
    (found,) = house.store.rewards
    first = house.store.answers[0].decision
    assert first is not None
    assert found.decision_id == first.decision_id
    assert found.parts["sentiment"] == 1.0
    assert found.parts.keys() == {"sentiment", "reply", "length", "answer_time"}
    assert found.decided_ms == first.at_ms


async def test_a_rated_conversation_rewards_its_last_answer(house: House) -> None:
    house.engine.results = [analysis(0.5)]
    bot = house.bot()
    await house.reactions.on_assessed("conv:c", 0.25)  # nothing has been answered yet
    await bot.answer(turn(1), False)
    await house.reactions.on_assessed("conv:c", 0.75)
    (found,) = house.store.rewards
    assert found.parts == {"rating": 0.75}


async def test_a_reward_is_there_to_share_its_answers_commit(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    answer, waiting = house.store.answer, []

    async def committed(given: Answer) -> Message | None:
        await asyncio.sleep(0)  # the group writer takes what this tick's other callers submit
        waiting.append(len(house.store.rewards))
        return await answer(given)

    monkeypatch.setattr(house.store, "answer", committed)
    house.engine.results = [analysis(), analysis()]
    bot = house.bot()
    await bot.answer(turn(1), False)
    await bot.answer(turn(3), False)
    assert waiting == [0, 1]


async def test_the_writer_knows_what_was_said(house: House) -> None:
    house.engine.results = [analysis(), analysis()]
    bot = house.bot()
    await bot.answer(turn(1), False)
    await bot.answer(turn(3), False)
    second = house.writer.situations[1]
    assert set(second.used) == {"p1"}
    assert (second.turn_number, second.previous_intent, dict(second.known)) == (2, "order_status", {"order": "#1"})


async def test_after_a_restart_the_writer_knows_it_too(house: House) -> None:
    notes = {"intent": "order_status", "phrases": ["p9"], "known": {"order": "#1"}}
    house.store.past = [PastTurn("t", "d", "warm", "hi", analysis(-0.2).to_wire(), notes, 0, 10)]
    house.engine.results = [analysis()]
    await house.bot().answer(turn(3), False)
    (situation,) = house.writer.situations
    assert set(situation.used) == {"p9"}
    assert situation.turn_number == 2
    assert house.store.rewards[0].decision_id == "d"


@pytest.mark.parametrize("name", ["Guest", "Alice"])
async def test_guests_are_not_called_guest(house: House, name: str) -> None:
    house.engine.results = [analysis()]
    await house.bot().answer(turn(1, User("u", "customer", name)), False)
    assert house.writer.situations[0].customer_name == (None if name == "Guest" else name)


@pytest.mark.parametrize("failure", [EngineTimeout("late"), EngineBusy("full"), EngineFailed("broken")])
async def test_without_the_model_the_bot_apologises_and_learns_nothing(house: House, failure: Exception) -> None:
    house.engine.results = [analysis(), failure, analysis()]
    bot = house.bot()
    for offset in (1, 3, 5):
        await bot.answer(turn(offset), True)
    apology = house.store.answers[1]
    assert (apology.text, apology.decision, apology.shown, apology.analysis) == ("sorry", None, None, {})
    assert house.fanout.messages[1].turn is None
    assert apology.notes["known"] == {"order": "#1"}
    assert len(house.store.answers) == 3


@pytest.mark.parametrize("failure", [EngineTimeout("late"), EngineBusy("full"), ValueError("a bug")])
async def test_a_failure_is_no_answer_before_the_last_try(house: House, failure: Exception) -> None:
    house.engine.results = [failure]
    with pytest.raises(type(failure)):
        await house.bot().answer(turn(1), False)
    assert house.store.answers == []


@pytest.mark.parametrize("last_try", [True, False])
async def test_a_closing_engine_leaves_the_turn_to_the_next_worker(house: House, last_try: bool) -> None:
    house.engine.results = [EngineClosed("closing")]
    with pytest.raises(EngineClosed):
        await house.bot().answer(turn(1), last_try)
    assert house.store.answers == []


async def test_what_was_written_before_an_answer_does_not_reward_it(house: House) -> None:
    house.engine.results = [analysis(-0.5), analysis(0.5)]
    bot = house.bot()
    await bot.answer(turn(1), False)
    await bot.answer(turn(2, at_ms=ManualClock().wall_ms - 5), False)
    assert house.store.rewards == []


async def test_a_turn_answered_elsewhere_is_let_go(house: House) -> None:
    house.engine.results = [analysis(), analysis()]
    house.store.open_turns = False
    bot = house.bot()
    await bot.answer(turn(3), False)
    await bot.answer(turn(5), False)
    assert house.fanout.messages == []
    assert house.store.reads == 2, "what was heard in vain must not be remembered"


async def test_a_store_that_is_away_fails_the_turn_and_forgets_what_was_heard(house: House) -> None:
    house.engine.results = [analysis(), analysis()]
    bot = house.bot()
    house.store.away = True
    with pytest.raises(Unavailable):
        await bot.answer(turn(1), False)
    house.store.away = False
    await bot.answer(turn(1), False)
    assert house.writer.situations[1].turn_number == 1


async def test_another_writers_words_are_stored_and_remembered(house: House) -> None:
    house.author = FakeAuthor()
    house.engine.results = [analysis(), analysis()]
    bot = house.bot()
    await bot.answer(turn(1), False)
    await bot.answer(turn(3), False)
    assert [answer.text for answer in house.store.answers] == ["better words"] * 2
    assert house.writer.situations[1].used == (), "the built-in writer's phrases were not said"
    assert dict(house.writer.situations[1].known) == {"order": "#1"}


@pytest.mark.parametrize("last_try", [True, False])
async def test_an_abandoned_turn_is_no_failure_and_was_not_heard(house: House, last_try: bool) -> None:
    house.author = FakeAuthor(abandons=True)
    house.engine.results = [analysis(), analysis()]
    bot = house.bot()
    assert not await bot.answer(turn(1), last_try)
    assert not await bot.answer(turn(3), last_try)
    assert (house.store.answers, house.fanout.messages) == ([], [])
    assert house.store.reads == 1, "the second turn does not trust what the first one heard"


@pytest.mark.parametrize(
    ("act", "value"),
    [(lambda one: one.on_resolved("conv:c", True), 1.0), (lambda one: one.on_resolved("conv:c", False), 0.0)],
)
async def test_a_resolution_rewards_the_last_answer(
    house: House, act: Callable[[Reactions], Any], value: float
) -> None:
    house.engine.results = [analysis()]
    bot = house.bot()
    await bot.answer(turn(1), False)
    await act(house.reactions)
    assert house.store.rewards[0].parts == {"resolved": value}


PAST = [PastTurn(f"t{i}", f"d{i}" if i != 2 else None, "warm", "hi", {}, {}, i, i + 1) for i in range(4)]


@pytest.mark.parametrize("part", ["resolved", "rating"])
async def test_how_it_ended_is_credited_to_the_answers_before_the_last(house: House, part: str) -> None:
    house.store.past, house.credit_lambda = PAST, 0.5
    house.bot()
    reactions = house.reactions
    await (reactions.on_resolved("conv:c", True) if part == "resolved" else reactions.on_assessed("conv:c", 1.0))
    last, *earlier = house.store.rewards
    assert (last.decision_id, last.parts) == ("d3", {part: 1.0})
    assert {one.decision_id: one.parts for one in earlier} == {
        "d0": {part: 1.0, "credit": 0.25},
        "d1": {part: 1.0, "credit": 0.5},
    }


async def test_without_credit_it_is_the_last_answers_alone(house: House) -> None:
    house.store.past = PAST
    house.bot()
    await house.reactions.on_assessed("conv:c", 0.25)
    assert [(one.decision_id, one.parts) for one in house.store.rewards] == [("d3", {"rating": 0.25})]


async def test_a_rule_takes_personas_away_and_the_log_says_so(house: House) -> None:
    house.rules = (Rule("no warmth for partners", {"segment": frozenset({"partner"})}, never=frozenset({"warm"})),)
    house.store.of_segment = "partner"
    house.engine.results = [analysis() for _ in range(10)]
    bot = house.bot()
    for number in range(10):
        await bot.answer(turn(2 * number + 1), False)
    made = [answer.decision for answer in house.store.answers]
    assert {(one.arm, one.probabilities, one.propensity) for one in made if one is not None} == {
        ("calm", (1.0, 0.0), 1.0)
    }
    assert house.store.reads == 1  # the segment, once, before the first message


async def test_a_rule_that_would_leave_nobody_does_not_silence_the_bot(house: House) -> None:
    house.rules = (Rule("only the calm", only=frozenset({"calm"})),)
    house.policy.pause("calm")
    house.engine.results = [analysis()]
    await house.bot().answer(turn(1), False)
    (answer,) = house.store.answers
    assert answer.decision is not None
    assert answer.decision.arm == "warm"


async def test_nobody_looks_for_segments_that_nobody_asks_for(house: House) -> None:
    house.rules = (Rule("anything", {"act": frozenset({"greeting"})}, never=frozenset({"warm"})),)
    house.store.of_segment = "partner"
    house.engine.results = [analysis()]
    await house.bot().answer(turn(1), False)
    assert house.store.reads == 0


async def test_a_policy_that_knows_people_is_told_whom_it_is_for(house: House) -> None:
    house.policy = make_policy("personal", ("calm", "warm"), len(FEATURE_NAMES), 1, alpha=0.0, floor=0.0)
    for number in range(40):
        arm, reward = ("warm", 1.0) if number % 2 else ("calm", 0.0)
        house.policy.learn(arm, np.eye(len(FEATURE_NAMES))[0], reward, user="alice", segment="trial")
        house.policy.learn(arm, np.eye(len(FEATURE_NAMES))[0], 1.0 - reward, user=f"u{number // 2}")
    house.store.of_segment = "trial"
    house.engine.results = [analysis()]
    bot = house.bot()
    await bot.answer(turn(1), False)
    (answer,) = house.store.answers
    assert answer.decision is not None
    x = np.array(answer.decision.features)
    hers = house.policy.choose(x, user="alice", segment="trial")
    assert answer.decision.probabilities == tuple(hers.probabilities.tolist())
    assert hers.arm == "warm"


async def test_a_rating_is_a_feature_of_the_next_decision(house: House) -> None:
    house.engine.results = [analysis(), analysis()]
    bot = house.bot()
    await bot.answer(turn(1), False)
    first = house.store.answers[0].decision
    assert first is not None
    await house.reactions.on_rating(RewardParts(first.decision_id, {"feedback": 1.0}, "conv:c"))
    await bot.answer(turn(3), False)
    second = house.store.answers[1].decision
    assert second is not None
    rated = FEATURE_NAMES.index("last_rating")
    assert (first.features[rated], second.features[rated]) == (0.0, 1.0)
    assert house.store.rewards[0].parts == {"feedback": 1.0}
    assert np.isfinite(second.features).all()


async def test_what_other_workers_have_answered_meanwhile_is_read_anew(house: House) -> None:
    house.sole_worker = False
    house.engine.results = [analysis(0.0), analysis(0.0), analysis(0.0)]
    bot = house.bot()
    await bot.answer(turn(1), False)
    await bot.answer(turn(3), False)
    assert house.store.reads == 0, "before the first message there is nothing"
    await bot.answer(turn(7), False)  # 5 and 6 were somebody else's
    assert house.store.reads == 1


ANGER = {"name": "angry", "when": "sentiment <= -0.5", "traits": {"empathy": 0.2, "humor": -0.2}}


async def test_the_mood_bends_the_persona_that_speaks_and_fades(house: House) -> None:
    house.mood_rules = parse_mood_rules({"half_life_turns": 1, "rules": [ANGER]})
    house.engine.results = [analysis(-0.8), analysis(0.0), analysis(0.0)]
    bot = house.bot()
    for offset in (1, 3):
        await bot.answer(turn(offset), False)
    angry, calmer = house.writer.situations
    assert (angry.persona.traits["empathy"], angry.persona.traits["humor"]) == (0.7, 0.3)
    assert calmer.persona.traits["empathy"] == pytest.approx(0.6)
    first, second = (answer.shown for answer in house.store.answers)
    assert first is not None and first.mood is not None and second is not None and second.mood is not None
    assert first.persona in ("calm", "warm"), "the name stays the base's"
    assert first.mood.traits == {"empathy": 0.2, "humor": -0.2}
    assert (first.mood.rules[0].name, first.mood.rules[0].because) == (
        "angry",
        "sentiment is -0.80 (sentiment <= -0.5)",
    )
    assert second.mood.rules[0].strength == 0.5
    assert first.for_customer().mood is None
    assert house.store.answers[1].notes["mood"] == {"angry": 0.5}


async def test_another_worker_goes_on_with_the_mood(house: House) -> None:
    house.mood_rules = parse_mood_rules({"half_life_turns": 1, "rules": [ANGER]})
    house.store.past = [PastTurn("t", "d", "warm", "hi", analysis(-0.2).to_wire(), {"mood": {"angry": 1.0}}, 0, 10)]
    house.engine.results = [analysis(0.0)]
    await house.bot().answer(turn(3), False)
    assert house.writer.situations[0].persona.traits["empathy"] == pytest.approx(0.6)


async def test_where_no_rule_counts_the_persona_speaks_as_it_is(house: House) -> None:
    house.mood_rules = parse_mood_rules({"rules": [ANGER]})
    house.engine.results = [analysis(0.0)]
    await house.bot().answer(turn(1), False)
    assert house.writer.situations[0].persona in PERSONAS
    (answer,) = house.store.answers
    assert answer.shown is not None and answer.shown.mood is None


async def test_how_often_the_customer_came_is_asked_once(house: House) -> None:
    house.store.opened = 4
    house.engine.results = [analysis(), analysis()]
    bot = house.bot()
    await bot.answer(turn(1), False)
    await bot.answer(turn(3), False)
    assert house.store.counts == 1
    visits = FEATURE_NAMES.index("visits")
    seen = [answer.decision.features[visits] for answer in house.store.answers if answer.decision is not None]
    assert seen == [0.5, 0.5], "three came before this one"


async def test_a_store_that_can_not_say_how_often_delays_no_answer(house: House) -> None:
    house.store.opened = None
    house.engine.results = [analysis()]
    assert await house.bot().answer(turn(1), False)


async def test_a_refused_answer_is_told(house: House) -> None:
    house.engine.results = [analysis(0.0), analysis(0.0)]
    bot = house.bot()
    house.store.open_turns = False
    assert not await bot.answer(turn(1), False)
    house.store.open_turns = True
    assert await bot.answer(turn(1), False)


async def test_asking_for_a_human_rewards_the_last_answer(house: House) -> None:
    house.engine.results = [analysis(0.0)]
    bot = house.bot()
    await bot.answer(turn(1), False)
    await house.reactions.on_handoff("conv:c")
    assert "handoff" in house.store.rewards[-1].parts
