"""Which rows a head is judged by, and what it answers there; the figures of each class; what the manifest keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.analysis import EMOTIONS
from inference.manifest import SENTIMENTS, EmotionHead, Head, Heads, SentimentHead
from models_onnx.builders import Example
from models_onnx.data import read_split
from models_onnx.judged import Judged, judge
from models_onnx.labels import ACTS
from models_onnx.per_class import per_class
from tests.train.toy import INTENTS, write_toy_data

HEADS = Heads(
    intent=Head(INTENTS, 1.0),
    sentiment=SentimentHead(SENTIMENTS, 1.0, (-1.0, -0.5, 0.0, 0.5, 1.0)),
    emotions=EmotionHead(EMOTIONS, 2.0),
    act=Head(tuple(reversed(ACTS)), 1.0),
)
WIDTHS = {"intent": len(INTENTS), "sentiment": 5, "emotions": 6, "act": len(ACTS)}


@pytest.fixture(scope="module")
def validation(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Sequence[Example]]:
    return read_split(write_toy_data(tmp_path_factory.mktemp("data")), "val", INTENTS)


def knowing(rows: Sequence[Example]) -> dict[str, NDArray[np.float32]]:
    """What a model gives that knows every label; its acts stand in ``HEADS``' order."""
    made = {name: np.zeros((len(rows), width), np.float32) for name, width in WIDTHS.items()}
    for index, row in enumerate(rows):
        if row.intent is not None and row.intent >= 0:
            made["intent"][index, row.intent] = 9.0
        made["emotions"][index, list(row.emotions or ())] = 9.0
        made["sentiment"][index, list(row.sentiments or ())[:1]] = 9.0
        if row.act is not None:
            made["act"][index] = 9.0 * np.array(row.act)[::-1]
    return made


@pytest.fixture(scope="module")
def judged(validation: Mapping[str, Sequence[Example]]) -> dict[str, Judged]:
    return judge({name: knowing(rows) for name, rows in validation.items()}, validation, HEADS)


def test_who_knows_all_is_right_everywhere(judged: dict[str, Judged]) -> None:
    assert list(judged) == ["intent", "act", "emotions", "sentiment", "polarity"]
    for view in judged.values():
        assert view.right.all()
        assert view.macro_f1 == 1.0
        assert view.confusion.trace() == len(view.texts) == len(view.truth)
        assert view.probabilities.sum(axis=1) == pytest.approx(1.0)


def test_rows_without_a_truth_take_no_part(judged: dict[str, Judged]) -> None:
    assert len(judged["intent"].texts) == 8  # ten, and two out of scope
    assert "Soon ." not in judged["emotions"].texts  # anticipation is none of the six
    assert len(judged["sentiment"].texts) == 5  # the reviews
    assert len(judged["polarity"].texts) == 5 + 3 + 2


def test_the_temperature_is_the_heads(judged: dict[str, Judged]) -> None:
    weight = np.exp(9.0 / 2.0)
    assert judged["emotions"].probabilities.max(axis=1) == pytest.approx(weight / (weight + 5.0))


def test_without_the_head_there_is_no_view(validation: Mapping[str, Sequence[Example]]) -> None:
    older = Heads(HEADS.intent, HEADS.sentiment, HEADS.emotions)
    found = judge({name: knowing(rows) for name, rows in validation.items()}, validation, older)
    assert "act" not in found


def test_each_class_is_told(judged: dict[str, Judged]) -> None:
    told = per_class(judged)
    assert set(told["act"]) == set(ACTS)
    assert set(told["polarity"]) == {"negative", "neutral", "positive"}
    assert told["intent"]["weather"] == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "rows": 2}


def test_a_mistake_shows_in_both_classes() -> None:
    view = Judged(("a", "b"), ("x", "y", "z"), np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]))
    assert per_class({"head": view})["head"] == {
        "a": {"precision": 1.0, "recall": 0.5, "f1": 0.6667, "rows": 2},
        "b": {"precision": 0.5, "recall": 1.0, "f1": 0.6667, "rows": 1},
    }


def test_data_must_be_there(tmp_path: Path) -> None:
    from models_onnx.errors import DataError

    with pytest.raises(DataError, match="point --data at the folder"):
        read_split(tmp_path, "val", INTENTS)
