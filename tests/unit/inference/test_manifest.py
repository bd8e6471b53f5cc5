"""Every malformed manifest is a ValueError that says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.analysis import EMOTIONS
from inference.manifest import SENTIMENTS, parse_manifest

Change = Callable[[dict[str, Any]], object]


def good() -> dict[str, Any]:
    return {
        "schema": 1,
        "name": "nlu",
        "version": "1.2.0",
        "max_tokens": 128,
        "embedding_dim": 384,
        "pad_id": 0,
        "files": {
            "model.onnx": {"sha256": "a" * 64, "bytes": 3},
            "tokenizer.json": {"sha256": "b" * 64, "bytes": 4},
        },
        "heads": {
            "intent": {"labels": ["balance", "weather"], "temperature": 1.1},
            "sentiment": {"labels": list(SENTIMENTS), "temperature": 1, "scores": [-1, -0.5, 0, 0.5, 1]},
            "emotions": {"labels": list(EMOTIONS), "temperature": 0.9},
        },
        "out_of_scope": {"score": "max_logit", "scale": -1.5, "bias": 4},
        "metrics": {"anything": {"goes": 1}},
        "made_by": {"unknown": "fields are ignored"},
    }


def test_a_good_one() -> None:
    manifest = parse_manifest(json.dumps(good()).encode())
    assert manifest.model == "nlu-1.2.0"
    assert manifest.widths == {"embedding": 384, "intent": 2, "sentiment": 5, "emotions": 6}


def test_the_order_of_emotions_is_the_models_own() -> None:
    data = good()
    data["heads"]["emotions"]["labels"].reverse()
    assert parse_manifest(json.dumps(data).encode()).heads.emotions.labels == EMOTIONS[::-1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.pop("schema"), "schema"),
        (lambda d: d.update(schema=7), "has schema 7, this program reads schema 1"),
        (lambda d: d.pop("heads"), "heads"),
        (lambda d: d.update(name=""), r"\$.name"),
        (lambda d: d.update(max_tokens=2), r"\$.max_tokens"),
        (lambda d: d.update(max_tokens=100_000), r"\$.max_tokens"),
        (lambda d: d.update(pad_id=-1), r"\$.pad_id"),
        (lambda d: d["files"].pop("model.onnx"), "lists no model.onnx"),
        (lambda d: d["files"]["model.onnx"].update(sha256="x"), r"\$.files"),
        (lambda d: d["files"].update({"../x": d["files"]["model.onnx"]}), "outside of its folder"),
        (lambda d: d["heads"]["intent"].update(temperature=0), r"\$.heads.intent.temperature"),
        (lambda d: d["heads"]["intent"].update(labels=["one"]), r"\$.heads.intent.labels"),
        (lambda d: d["heads"]["intent"].update(labels=["one", "one"]), "the same intent label twice"),
        (lambda d: d["heads"]["sentiment"]["labels"].reverse(), "sentiment labels other than"),
        (lambda d: d["heads"]["sentiment"]["scores"].pop(), "one sentiment score a label"),
        (lambda d: d["heads"]["sentiment"].update(scores=[-2, 0, 0, 0, 1]), r"\$.heads.sentiment.scores"),
        (lambda d: d["heads"]["emotions"]["labels"].pop(), "emotion labels other than"),
        (lambda d: d["heads"]["emotions"].update(bias=[0.5]), "not one emotion bias a label"),
        (lambda d: d["out_of_scope"].update(score="entropy"), r"\$.out_of_scope.score"),
    ],
)
def test_what_is_wrong_is_said(change: Change, said: str) -> None:
    data = good()
    change(data)
    with pytest.raises(ValueError, match=said):
        parse_manifest(json.dumps(data).encode())


@given(st.binary() | st.text().map(str.encode))
def test_any_other_bytes_are_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_manifest(content)


@given(st.data())
def test_any_value_in_any_place_parses_or_is_a_value_error(data: st.DataObject) -> None:
    manifest = good()
    place = data.draw(st.sampled_from(sorted(manifest)))
    manifest[place] = data.draw(st.none() | st.integers() | st.floats() | st.text() | st.lists(st.integers()))
    try:
        parse_manifest(json.dumps(manifest).encode())
    except ValueError:
        pass
    else:
        assert place in {"name", "version", "max_tokens", "embedding_dim", "pad_id", "made_by", "schema"}
