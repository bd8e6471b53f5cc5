"""Findings: each mistake is found where it stands, with its remedy, and a sound set has none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.intents.parsing import parse_intents
from inference.intents.validate import Finding, validate

HOURS = ["when are you open", "opening hours", "open on Sundays?", "until when today", "closed on holidays?"]
RETURNS = ["send it back", "I want to return this", "return label", "it doesn't fit", "how do returns work"]


def found(document: dict[str, Any], embed: Any = None) -> list[Finding]:
    return validate(parse_intents({"a.yaml": document}), embed)


def with_hours(*more: str, **others: list[str]) -> dict[str, Any]:
    return {"intents": {"hours": [*HOURS, *more], "returns": RETURNS, **others}}


def test_a_sound_set_has_no_findings() -> None:
    assert found(with_hours()) == []


@pytest.mark.parametrize(
    ("document", "level", "code", "place", "said"),
    [
        ({"intents": {"hours": HOURS}}, "error", "one_intent", "intents.hours", "only intent"),
        (with_hours(lone=["hello", "Hello!"]), "error", "too_few", "intents.lone", "'lone' has 1 different example"),
        (with_hours(pair=["hello", "good day"]), "warning", "few", "intents.pair", "'pair' has 2 different examples"),
        (with_hours("..."), "error", "empty", "intents.hours.examples[6]", "no word"),
        (with_hours(""), "error", "empty", "intents.hours.examples[6]", "no word"),
        (with_hours("why " * 200), "error", "too_long", "intents.hours.examples[6]", "799 characters"),
        (with_hours("Opening hours!"), "warning", "duplicate", "intents.hours.examples[6]", "stands here twice"),
        (with_hours("Send it back."), "error", "conflict", "intents.returns.examples[1]", "stands in 'hours' too"),
        (with_hours() | {"lookups": {"product": ["tent"]}}, "warning", "unused", "product", "no example uses"),
        (
            with_hours("{product}") | {"lookups": {"product": ["tent"]}},
            "warning",
            "only_slots",
            "examples[6]",
            "nothing but",
        ),
        (
            with_hours(many=[f"text number {number}" for number in range(101)]),
            "warning",
            "lopsided",
            "intents.hours",
            "another one 101",
        ),
    ],
)
def test_each_mistake_is_found(document: dict[str, Any], level: str, code: str, place: str, said: str) -> None:
    one = next(finding for finding in found(document) if finding.code == code)
    assert (one.level, one.place.endswith(place)) == (level, True), one
    assert said in one.problem
    assert one.remedy.endswith(".")


def test_errors_come_first() -> None:
    levels = [finding.level for finding in found(with_hours("Opening hours!", "...", lone=["hello"]))]
    assert levels == sorted(levels)
    assert set(levels) == {"error", "warning"}


class TestAlike:
    @staticmethod
    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        """Texts about tents lie close together, all others on axes of their own."""
        rows = np.eye(len(texts), 200, dtype=np.float32)
        for row, text in enumerate(texts):
            if "tent" in text:
                rows[row] = 0.1 * rows[row]
                rows[row, 199] = 1.0
        unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit

    def test_near_identical_examples_in_two_intents(self) -> None:
        document = with_hours("is the tent there", tents=[*(f"other {n}" for n in "abcde"), "have you got the tent"])
        (one,) = found(document, self.embed)
        assert (one.level, one.code, one.place) == ("warning", "alike", "a.yaml: intents.tents.examples[6]")
        assert "nearly what 'is the tent there' (hours) says: 0.99" in one.problem
        assert "a.yaml: intents.hours.examples[6]" in one.remedy

    def test_within_one_intent_they_are_welcome(self) -> None:
        assert found(with_hours("is the tent there", "have you got the tent"), self.embed) == []

    def test_the_same_text_is_told_once_as_a_conflict(self) -> None:
        codes = [one.code for one in found(with_hours("a tent", tents=[*"abcde", "A tent!"]), self.embed)]
        assert codes == ["conflict"]
