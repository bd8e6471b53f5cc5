"""The committed packs: whole, small, and as good as they were."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models_onnx.card import model_card
from models_onnx.labels import ACTS, EMOTIONS, FINE_EMOTIONS, INTENT_COUNT, SENTIMENT_SCORES, SENTIMENTS
from models_onnx.pack import EMBEDDING_DIM, MAX_PACK_BYTES, MAX_TOKENS, verify_pack
from models_onnx.runtime import open_session, run_all
from models_onnx.tokens import encode, load_tokenizer

PACKS = Path(__file__).parents[3] / "models_onnx"
QUANTISATION_LOSS = {"nlu": 0.005, "nlu-fast": 0.008}
FAST_COSTS = {
    **{"clinc150_in_scope_accuracy": 0.012, "clinc150_oos_recall_at_95": 0.031, "act_macro_f1": 0.024},
    **{"dynasent_macro_f1": 0.055, "uci_accuracy": 0.015, "reviews_within_one_star": 0.011},
    "politeness_pearson": 0.03,  # it has no linear part over n-grams
}
FAST_COSTS_AT_MOST = 0.0101  # a point, where nothing else is said
HEAD_MEASURES = (
    *("clinc150_in_scope_accuracy", "clinc150_oos_auroc"),
    *("emotions_macro_f1", "goemotions_macro_f1", "xed_macro_f1"),
    *("sentiment_macro_f1", "dynasent_macro_f1", "uci_accuracy", "reviews_accuracy", "reviews_within_one_star"),
    *("act_macro_f1", "fine_emotions_macro_f1", "urgency_blind_auroc", "toxicity_auroc", "politeness_pearson"),
)
REACHED = {
    **{"clinc150_in_scope_accuracy": 0.965, "clinc150_oos_auroc": 0.975, "clinc150_oos_recall_at_95": 0.88},
    **{"act_macro_f1": 0.85, "emotions_macro_f1": 0.615, "fine_emotions_macro_f1": 0.48},
    **{"dynasent_macro_f1": 0.69, "uci_accuracy": 0.92, "reviews_within_one_star": 0.93},
    **{"politeness_pearson": 0.61, "toxicity_auroc": 0.97, "urgency_blind_auroc": 0.85},
}
MOST_MISCALIBRATED = {"intent_ece": 0.02, "act_ece": 0.03, "sentiment_ece": 0.03, "emotions_ece": 0.03}


@pytest.fixture(scope="module", params=["nlu", "nlu-fast"])
def pack(request: pytest.FixtureRequest) -> Path:
    return PACKS / str(request.param)


@pytest.fixture(scope="module")
def manifest(pack: Path) -> Mapping[str, Any]:
    return verify_pack(pack)


def int8_of(name: str) -> Mapping[str, Any]:
    metrics: Mapping[str, Any] = verify_pack(PACKS / name)["metrics"]["int8"]
    return metrics


def test_pack_is_small(pack: Path) -> None:
    assert sum(file.stat().st_size for file in pack.iterdir()) < MAX_PACK_BYTES


def test_labels_and_constants(manifest: Mapping[str, Any]) -> None:
    heads = manifest["heads"]
    assert len(set(heads["intent"]["labels"])) == INTENT_COUNT
    assert heads["sentiment"]["labels"] == list(SENTIMENTS)
    assert heads["sentiment"]["scores"] == list(SENTIMENT_SCORES)
    assert heads["emotions"]["labels"] == list(EMOTIONS)
    assert heads["act"]["labels"] == list(ACTS)
    assert len(heads["fine_emotions"]["thresholds"]) == len(FINE_EMOTIONS)
    assert all(0.2 < head["temperature"] < 5 for head in heads.values() if "temperature" in head)
    assert (manifest["schema"], manifest["max_tokens"], manifest["embedding_dim"]) == (1, MAX_TOKENS, EMBEDDING_DIM)
    assert manifest["out_of_scope"]["scale"] < 0


@pytest.mark.parametrize("measure", REACHED)
def test_no_recorded_metric_falls_below_what_was_reached(measure: str) -> None:
    assert int8_of("nlu")[measure] >= REACHED[measure]


@pytest.mark.parametrize("measure", REACHED)
def test_the_fast_one_stays_near(measure: str) -> None:
    cost = int8_of("nlu")[measure] - int8_of("nlu-fast")[measure]
    assert cost <= FAST_COSTS.get(measure, FAST_COSTS_AT_MOST)


@pytest.mark.parametrize("measure", MOST_MISCALIBRATED)
def test_confidence_is_honest(manifest: Mapping[str, Any], measure: str) -> None:
    assert manifest["metrics"]["int8"][measure] <= MOST_MISCALIBRATED[measure]


@pytest.mark.parametrize("measure", HEAD_MEASURES)
def test_quantisation_costs_little(manifest: Mapping[str, Any], measure: str) -> None:
    metrics = manifest["metrics"]
    assert metrics["float32"][measure] - metrics["int8"][measure] <= QUANTISATION_LOSS[manifest["name"]]


def test_card_is_the_manifests(pack: Path) -> None:
    manifest = json.loads((pack / "manifest.json").read_text(encoding="utf-8"))
    assert (pack / "MODEL_CARD.md").read_text(encoding="utf-8") == model_card(manifest)


def test_every_source_has_a_licence(manifest: Mapping[str, Any]) -> None:
    assert len(manifest["data"]) == 13
    assert all(source["licence"] and source["source"] and source["rows_train"] for source in manifest["data"])


TEXTS = (
    ("how do i say thank you in french", "intent", "translate"),
    ("what is the balance of my checking account", "intent", "balance"),
    ("This is the worst thing I have ever bought. Terrible.", "sentiment", "very_negative"),
    ("I am so happy, thank you!", "emotions", "joy"),
    ("I am furious, this is outrageous", "emotions", "anger"),
    ("where is my order #4711", "emotions", "neutral"),
    ("can you tell me when the shop opens", "act", "question"),
    ("thanks a lot", "act", "thanks"),
)


def test_plain_texts_are_understood(pack: Path, manifest: Mapping[str, Any]) -> None:
    rows = encode(load_tokenizer(pack / "tokenizer.json"), [text for text, _, _ in TEXTS], MAX_TOKENS)
    found = run_all(open_session(pack / "model.onnx"), rows)
    for index, (_, head, label) in enumerate(TEXTS):
        assert manifest["heads"][head]["labels"][int(found[head][index].argmax())] == label


def test_company_changes_no_answer(pack: Path) -> None:
    texts = [text for text, _, _ in TEXTS] + ["??? !!! 😡 " * 40, "word " * 200]
    rows = encode(load_tokenizer(pack / "tokenizer.json"), texts, MAX_TOKENS)
    session = open_session(pack / "model.onnx")
    alone, together = run_all(session, rows), run_all(session, rows, batch=len(rows))
    for name in alone:
        assert np.allclose(alone[name], together[name], atol=1e-4), name
    assert np.allclose(np.linalg.norm(alone["embedding"], axis=1), 1.0, atol=1e-5)


def test_recorded_batches_answer_as_each_alone(manifest: Mapping[str, Any]) -> None:
    drift = manifest["metrics"]["int8"]["batch_of_32"]
    assert max(value for name, value in drift.items() if name.endswith("_max_probability_change")) <= 0.02


def test_longest_text_runs_and_shapes_hold(pack: Path) -> None:
    rows = encode(load_tokenizer(pack / "tokenizer.json"), ["word " * 500, "hi"], MAX_TOKENS)
    assert len(rows[0]) == MAX_TOKENS
    found = run_all(open_session(pack / "model.onnx"), rows, batch=2)
    assert {name: array.shape for name, array in found.items()} == {
        "embedding": (2, EMBEDDING_DIM),
        "intent": (2, INTENT_COUNT),
        "sentiment": (2, len(SENTIMENTS)),
        "emotions": (2, len(EMOTIONS)),
        "fine_emotions": (2, len(FINE_EMOTIONS)),
        "act": (2, len(ACTS)),
        **dict.fromkeys(("urgency", "politeness", "toxicity"), (2, 1)),
    }
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in found.values())
