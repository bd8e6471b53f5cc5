"""Turns of emoji alone, of which the model has read nothing."""

from __future__ import annotations

import numpy as np
import pytest

from inference import heads
from inference.analysis import EMOTIONS
from inference.heads import RawOutputs, Readings
from inference.wordless import MEANT, wordless
from tests.unit.inference.support import MANIFEST
from tests.unit.registry.engines import engine


def readings(seed: int = 0) -> Readings:
    rng = np.random.default_rng(seed)
    raw = RawOutputs(*(rng.normal(0, 4, (1, width)).astype(np.float32) for width in MANIFEST.widths.values()))
    return heads.read(raw, MANIFEST)[0]


@pytest.mark.parametrize("mood", EMOTIONS)
def test_the_mood_is_likeliest_and_the_rest_is_shared_as_it_was(mood: str) -> None:
    said = readings(3)
    found = wordless(said, mood).emotions
    assert sum(found.values()) == pytest.approx(1.0)
    assert found[mood] == MEANT
    others = [name for name in EMOTIONS if name != mood]
    assert sorted(others, key=found.__getitem__) == sorted(others, key=said.emotions.__getitem__)


def test_nothing_told_is_nothing_changed() -> None:
    said = readings()
    assert wordless(said, "") is said
    assert wordless(said, "surprise").sentiment == said.sentiment


@pytest.mark.parametrize(
    ("text", "label", "emotion"),
    [
        ("😡😡", "negative", "anger"), ("❤️", "positive", "joy"), ("💔 ...", "negative", "sadness"),
        ("!!! 😱", "negative", "fear"), ("👎👍", "negative", "anger"),
    ],
)  # fmt: skip
def test_emoji_alone_are_felt(text: str, label: str, emotion: str) -> None:
    [found] = engine("1").analyse_now([text])
    assert found.sentiment.label == label
    assert max(found.emotions, key=found.emotions.__getitem__) == emotion


def test_beside_words_the_model_is_heard() -> None:
    one, other = engine("1").analyse_now(["thanks 😡", "thanks 😊"])
    assert one.sentiment == other.sentiment
