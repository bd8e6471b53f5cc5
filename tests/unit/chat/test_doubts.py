"""Which turns go into the inbox."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference.analysis import Analysis
from server.chat.doubts import UNDERSTOOD, DoubtRule
from server.chat.writer.conditions import Kind
from server.store.inbox_ports import NO_INTENT, Doubt
from tests.unit.chat.test_memory import analysis

RULE = DoubtRule(confidence=0.4, out_of_scope=0.5)


def read(**changes: object) -> Analysis:
    guesses = (("refund", 0.31), ("parcel", np.float32(0.25)))
    usual = {"intent": "refund", "intent_confidence": 0.31, "intents": guesses, "out_of_scope": 0.1, "model": "nlu-1"}
    return replace(analysis(), **{**usual, **changes})  # type: ignore[arg-type]


def test_what_the_inbox_knows() -> None:
    found = RULE.doubt(read(), "clarification", asked_back=False)
    assert found == Doubt("refund", 0.31, (("refund", 0.31), ("parcel", 0.25)), 0.1, "en", "nlu-1")
    assert all(type(probability) is float for _, probability in found.guesses)  # JSON takes no NumPy


@pytest.mark.parametrize(
    ("changes", "doubted"),
    [
        ({"intent_confidence": 0.39}, True),
        ({"intent_confidence": 0.4}, False),
        ({"intent_confidence": 0.65, "out_of_scope": 0.5}, True),
        ({"intent_confidence": 0.65, "out_of_scope": 0.49}, False),
        ({"intent_confidence": 0.7, "out_of_scope": 0.9}, False),
        ({"intent_confidence": 0.9, "intent": NO_INTENT}, True),
        ({"intent_confidence": 0.9, "sure": False}, True),
        ({"intent_confidence": 0.2, "out_of_scope": 0.9, "sure": True}, False),
    ],
)
def test_the_thresholds(changes: dict[str, object], doubted: bool) -> None:
    assert (RULE.doubt(read(**changes), "question", asked_back=False) is not None) is doubted


@pytest.mark.parametrize("kind", sorted(UNDERSTOOD))
def test_courtesies_and_details_are_understood(kind: Kind) -> None:
    assert RULE.doubt(read(sure=False), kind, asked_back=False) is None


def test_a_person_wished_for_and_one_offered() -> None:
    assert RULE.doubt(read(sure=False), "handover", asked_back=False) is None
    assert RULE.doubt(read(sure=False), "handover", asked_back=True) is not None


def test_what_is_foreign_to_the_model_was_said_to_be_so() -> None:
    lost = RULE.doubt(read(out_of_scope=0.8), "out_of_scope", asked_back=False)
    assert lost is not None and lost.said == NO_INTENT
    own = RULE.doubt(read(out_of_scope=0.8, sure=False), "clarification", asked_back=False)
    assert own is not None and own.said == "refund"
