"""What the bot remembers, and that a rebuilt memory is the one that was lost."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.features import FEATURE_NAMES, features
from adapters.rewards import Before
from inference.analysis import Analysis, Sentiment
from server.chat.memory import REMEMBERED_TURNS, LastAnswer, Memories, Memory, before_of, rebuild, turn_view
from server.chat.writer import Spoken, Written
from server.store.ports import PastTurn

SAYINGS = ("", "hi", "WHERE is my parcel?", "I'm worried, maybe it's lost; we need it", "c'est perdu")


def analysis(score: float = 0.0, intent: str = "order_status") -> Analysis:
    return Analysis(
        intent=intent,
        intent_confidence=0.9,
        intents=((intent, 0.9),),
        out_of_scope=0.1,
        act="question",
        sentiment=Sentiment("neutral", score, 0.8),
        emotions={"joy": 0.1, "anger": 0.5, "fear": 0.1, "sadness": 0.1, "surprise": 0.1, "neutral": 0.1},
        urgency=0.2,
        politeness=0.3,
        toxicity=0.0,
        language="en",
        entities=(),
        model="nlu-1.0.0",
        cached=False,
        latency_us=1_000,
        embedding=np.zeros(384, dtype=np.float32),
    )


@given(st.lists(st.tuples(st.floats(-1, 1), st.sampled_from(["a", "b", None]), st.sampled_from(SAYINGS)), max_size=30))
def test_a_rebuilt_memory_equals_the_lived_one(turns: list[tuple[float, str | None, str]]) -> None:
    lived, past = Memory(), []
    for number, (score, intent, text) in enumerate(turns):
        heard = analysis(round(score, 4))
        asked_ms, answered_ms = number * 10_000, number * 10_000 + 500
        lived.mood = {"urgent": round(abs(score), 4)}
        lived.hear(heard, text, asked_ms)
        spoken = (None, Spoken("de", formal=number % 2 == 0), Spoken("en"))[number % 3]
        known = {"order_id": f"#{number}"}
        written = Written("hello", (f"p{number}",), (), "greeting", intent, known, spoken=spoken)
        notes = lived.notes(written)
        lived.answered(
            LastAnswer(f"d{number}", before_of(heard.to_wire(), number + 1, asked_ms, answered_ms), answered_ms),
            written,
            0,
        )
        past.append(PastTurn(f"t{number}", f"d{number}", "warm", text, heard.to_wire(), notes, asked_ms, answered_ms))
    assert rebuild(past) == lived


def test_an_apology_leaves_no_decision() -> None:
    memory = rebuild([PastTurn("t", None, None, "sorry", {}, {"phrases": ["e1"]}, 0, 10)])
    assert memory.last == LastAnswer(None, Before(0.0, "other", 1, 0.01), 10)
    assert list(memory.used_phrases) == ["e1"]


def test_what_is_said_again_was_said_last() -> None:
    memory = Memory()
    for phrases in (["a", "b"], ["c"], ["a"]):
        memory.say(phrases)
    assert list(memory.used_phrases) == ["b", "c", "a"]


def test_the_view_counts_what_was_written() -> None:
    memory = Memory()
    text = "WHERE is my order?! 😡"
    memory.hear(analysis(-0.5), text, 0)
    view = turn_view(memory, analysis(-0.5), text, now_ms=1_700_000_000_000)
    assert (view.words, view.exclamations, view.questions, view.emoji) == (5, 1, 1, 1)
    assert view.text_code_points == len(text)
    assert view.uppercase_share == pytest.approx(5 / 14)
    assert (view.turn_number, view.previous_sentiment_score, view.mean_gap_s) == (1, None, None)
    assert view.weekday == 1
    assert view.hour_of_day == pytest.approx(22 + 13 / 60)
    assert features(view).shape == (len(FEATURE_NAMES),)


def test_the_trend_looks_at_the_last_three_against_those_before() -> None:
    memory = Memory()
    for score in (0.5, 0.5, 0.5, -0.5, -0.5, -0.5):
        memory.hear(analysis(score), "x", 0)
    assert turn_view(memory, analysis(-0.5), "x", 0).sentiment_trend == pytest.approx(-0.5)


def test_gaps_are_the_customers_time_to_write() -> None:
    memory = Memory()
    memory.hear(analysis(), "x", 0)
    memory.answered(LastAnswer("d", Before(0.0), 1_000), Written("hello", (), (), "greeting"), 2)
    memory.hear(analysis(), "x", 5_000)
    assert turn_view(memory, analysis(), "", 0).mean_gap_s == 4.0


def test_the_view_knows_the_customer() -> None:
    memory = Memory(visits=2)
    memory.hear(analysis(), "I'm so worried", 0)
    memory.hear(replace(analysis(), act="request"), "send it to my mother at once", 0)
    view = turn_view(memory, analysis(), "", 0)
    assert (view.mean_words, view.question_rate, view.visits) == (5.0, 0.5, 2)
    assert view.personality["neuroticism"] > 0.1
    assert turn_view(Memory(), analysis(), "", 0).visits == 0


def test_only_the_last_turns_weigh() -> None:
    memory = Memory()
    for _ in range(REMEMBERED_TURNS + 5):
        memory.hear(analysis(0.1), "x", 0)
    assert len(memory.scores) == REMEMBERED_TURNS
    assert memory.turns == REMEMBERED_TURNS + 5


def test_memories_drop_the_least_recently_used() -> None:
    memories = Memories(2)
    for channel in ("a", "b"):
        memories.put(channel, Memory())
    assert memories.get("a") is not None
    memories.put("c", Memory())
    assert memories.get("b") is None
    assert len(memories.all()) == 2
    memories.forget("a")
    memories.forget("a")
    assert memories.get("a") is None
