"""Logits to probabilities: against scipy, and by their laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import expit, logsumexp
from scipy.special import softmax as reference

from inference import heads
from inference.analysis import EMOTIONS
from inference.heads import RawOutputs
from inference.manifest import SENTIMENTS, EmotionHead, Head, OutOfScope, SentimentHead
from tests.unit.inference.support import INTENTS, MANIFEST

finite = st.floats(-1e4, 1e4, width=32)
logits = st.lists(finite, min_size=2, max_size=150)
temperatures = st.floats(0.05, 20)
SENTIMENT = SentimentHead(SENTIMENTS, 1.0, (-1.0, -0.5, 0.0, 0.5, 1.0))


@given(logits, temperatures)
def test_softmax_is_scipys(row: list[float], temperature: float) -> None:
    expected = reference(np.array(row, dtype=np.float64) / temperature)
    assert heads.softmax(row, temperature) == pytest.approx(expected.tolist(), rel=1e-9, abs=1e-12)


@given(logits, temperatures)
def test_temperature_changes_how_sure_and_not_what(row: list[float], temperature: float) -> None:
    found = heads.softmax(row, temperature)
    assert sum(found) == pytest.approx(1)
    assert found[row.index(max(row))] == max(found)


@given(st.floats(-1e6, 1e6))
def test_sigmoid_is_scipys(x: float) -> None:
    assert heads.sigmoid(x) == pytest.approx(float(expit(x)), rel=1e-12, abs=1e-300)


@given(logits, st.floats(-5, 5), st.floats(-50, 50))
def test_out_of_scope_by_the_largest_logit(row: list[float], scale: float, bias: float) -> None:
    found = heads.out_of_scope(row, OutOfScope("max_logit", scale, bias))
    assert found == pytest.approx(float(expit(scale * max(row) + bias)), abs=1e-9)


@given(logits, st.floats(-5, 5), st.floats(-50, 50))
def test_out_of_scope_by_logsumexp(row: list[float], scale: float, bias: float) -> None:
    found = heads.out_of_scope(row, OutOfScope("logsumexp", scale, bias))
    assert found == pytest.approx(float(expit(scale * logsumexp(row) + bias)), abs=1e-9)


@given(st.lists(finite, min_size=2, max_size=150), temperatures)
def test_the_likeliest_intents(row: list[float], temperature: float) -> None:
    names = tuple(f"intent_{index}" for index in range(len(row)))
    found = heads.intents(row, Head(names, temperature))
    probabilities = reference(np.array(row, dtype=np.float64) / temperature)
    order = np.argsort(-np.array(row), kind="stable")[:5]
    assert [name for name, _ in found] == [names[index] for index in order]
    assert [p for _, p in found] == pytest.approx([float(probabilities[index]) for index in order], rel=1e-9, abs=1e-12)


def test_equal_intents_stand_in_the_order_of_the_labels() -> None:
    found = heads.intents([1.0] * 6, Head(INTENTS, 1.0))
    assert [name for name, _ in found] == list(INTENTS[:5])


@given(st.lists(st.floats(-20, 20), min_size=5, max_size=5))
def test_the_sentiment_score_is_the_expectation(row: list[float]) -> None:
    found = heads.sentiment(row, SENTIMENT)
    probabilities = reference(np.array(row))
    assert found.score == pytest.approx(float(probabilities @ SENTIMENT.scores), abs=1e-9)
    assert found.confidence == pytest.approx(float(probabilities.max()))
    assert -1 <= found.score <= 1


@pytest.mark.parametrize(("place", "label"), list(enumerate(SENTIMENTS)))
def test_the_sentiment_label_is_the_likeliest(place: int, label: str) -> None:
    row = [0.0] * 5
    row[place] = 30.0
    found = heads.sentiment(row, SENTIMENT)
    assert (found.label, round(found.score, 6)) == (label, SENTIMENT.scores[place])


@given(st.lists(st.floats(-20, 20), min_size=6, max_size=6), st.permutations(EMOTIONS))
def test_emotions_stand_by_name_and_sum_to_one(row: list[float], labels: list[str]) -> None:
    found = heads.emotions(row, EmotionHead(tuple(labels), 2.0))
    assert tuple(found) == EMOTIONS
    assert sum(found.values()) == pytest.approx(1)
    assume(len(set(row)) == len(row))
    assert max(found, key=lambda name: found[name]) == labels[row.index(max(row))] or max(row) - sorted(row)[-2] < 1e-9


@given(st.lists(st.floats(-20, 20), min_size=6, max_size=6), st.lists(st.floats(-3, 3), min_size=6, max_size=6))
def test_a_bias_is_as_good_as_other_logits(row: list[float], bias: list[float]) -> None:
    found = heads.emotions(row, EmotionHead(EMOTIONS, 2.0, tuple(bias)))
    moved = [logit + extra for logit, extra in zip(row, bias, strict=True)]
    assert found == heads.emotions(moved, EmotionHead(EMOTIONS, 2.0))


def test_a_batch_gives_a_reading_a_row_that_owns_its_embedding() -> None:
    rng = np.random.default_rng(0)
    raw = RawOutputs(*(rng.normal(size=(3, width)).astype(np.float32) for width in MANIFEST.widths.values()))
    found = heads.read(raw, MANIFEST)
    assert len(found) == 3
    for row, reading in enumerate(found):
        alone = heads.read(raw.of(slice(row, row + 1)), MANIFEST)[0]
        assert reading[:4] == alone[:4]
        assert reading.embedding.tolist() == raw.embedding[row].tolist()
        assert reading.embedding.base is None
        with pytest.raises(ValueError, match="read-only"):
            reading.embedding[0] = 0
