"""Writing and verifying packs, with stand-in files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models_onnx.card import MEASURES, model_card
from models_onnx.errors import PackError
from models_onnx.pack import Calibration, digest, verify_pack, write_pack
from models_onnx.tokens import load_tokenizer

HEADS = ("intent", "sentiment", "emotions", "act")
CURVES = {"urgency": (1.5, -0.5), "toxicity": (1.0, 0.0), "politeness": (0.9, 0.0)}


def _metrics() -> dict[str, Any]:
    drift = {f"{head}_{name}": 0.01 for head in HEADS for name in ("max_probability_change", "label_changed")}
    return {
        **{name: 0.5 for name, _ in MEASURES},
        "goemotions_rows": 2,
        "xed_rows": 1,
        "latency_p50_ms": {"16": 1.9},
        "batch_of_32": {**drift, "embedding_min_cosine": 0.999},
        "embedding_cosine_to_float32": 0.998,
    }


def _described() -> dict[str, Any]:
    return {
        "intents": ("balance", "transfer"),
        "calibration": Calibration(
            dict.fromkeys(HEADS, 1.25), "max_logit", -2.0, 3.0, (0.25,) * 28, CURVES, (0.5,) * 6
        ),
        "metrics": {"int8": _metrics(), "float32": _metrics()},
        "data": [{"name": "toy", "source": "here", "licence": "CC0", "rows_train": 1234}],
        "made_by": {
            "command": "python -m models_onnx.build",
            "torch": "0",
            "onnxruntime": "0",
            "seed": 0,
            "note": "Begun at dusk.",
        },
    }


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "made.onnx"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    shipped = load_tokenizer(Path(__file__).parents[3] / "models_onnx" / "nlu" / "tokenizer.json")
    shipped.enable_padding(length=8)
    shipped.enable_truncation(4)
    shipped.save(str(tmp_path / "made.json"))
    return tmp_path / "made.json"


def test_written_pack_verifies(tmp_path: Path, model: Path, tokenizer: Path) -> None:
    written = write_pack(tmp_path / "nlu", model=model, tokenizer=tokenizer, **_described())
    assert verify_pack(tmp_path / "nlu") == written
    assert written["heads"]["intent"] == {"labels": ["balance", "transfer"], "temperature": 1.25}
    assert written["heads"]["urgency"] == {"scale": 1.5, "bias": -0.5}
    assert written["heads"]["fine_emotions"]["thresholds"] == [0.25] * 28
    assert written["out_of_scope"] == {"score": "max_logit", "scale": -2.0, "bias": 3.0}
    assert not (tmp_path / "nlu.new").exists()


def test_packed_tokenizer_neither_pads_nor_truncates(tmp_path: Path, model: Path, tokenizer: Path) -> None:
    write_pack(tmp_path / "nlu", model=model, tokenizer=tokenizer, **_described())
    packed = json.loads((tmp_path / "nlu" / "tokenizer.json").read_text(encoding="utf-8"))
    assert packed["padding"] is None
    assert packed["truncation"] is None


def test_a_new_pack_replaces_the_old_one_whole(tmp_path: Path, model: Path, tokenizer: Path) -> None:
    folder = tmp_path / "nlu"
    folder.mkdir()
    (folder / "stale").write_text("old", encoding="utf-8")
    write_pack(folder, model=model, tokenizer=tokenizer, **_described())
    assert sorted(path.name for path in folder.iterdir()) == [
        "MODEL_CARD.md",
        "manifest.json",
        "model.onnx",
        "tokenizer.json",
    ]
    assert not (tmp_path / "nlu.old").exists()


def test_too_large_a_pack_is_refused_and_the_old_one_stays(tmp_path: Path, model: Path, tokenizer: Path) -> None:
    folder = tmp_path / "nlu"
    folder.mkdir()
    with pytest.raises(PackError, match="more than 1000: quantise more"):
        write_pack(folder, model=model, tokenizer=tokenizer, max_bytes=1000, **_described())
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_changed_or_missing_file_is_named(tmp_path: Path, model: Path, tokenizer: Path, name: str) -> None:
    folder = tmp_path / "nlu"
    write_pack(folder, model=model, tokenizer=tokenizer, **_described())
    (folder / name).write_bytes(b"other")
    with pytest.raises(PackError, match=f"{name} is not the file"):
        verify_pack(folder)
    (folder / name).unlink()
    with pytest.raises(PackError, match=f"{name} is missing"):
        verify_pack(folder)


def test_digest(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert digest(tmp_path / "empty") == {
        "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "bytes": 0,
    }


def test_card_tells_sources_metrics_and_heads(tmp_path: Path, model: Path, tokenizer: Path) -> None:
    card = model_card(write_pack(tmp_path / "nlu", model=model, tokenizer=tokenizer, **_described()))
    assert "| toy | here | CC0 | 1,234 |" in card
    assert all(text in card for _, text in MEASURES)
    assert "Begun at dusk." in card
    assert "NOT heads" not in card
    assert "Urgency is `sigmoid(1.5 * logit + -0.5)`" in card
    assert max(map(len, (line for line in card.splitlines() if not line.startswith("|")))) <= 112
