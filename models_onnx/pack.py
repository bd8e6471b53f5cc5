"""The packed model: a folder of `model.onnx`, `tokenizer.json`, `manifest.json` and `MODEL_CARD.md`."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from inference.manifest import Heads
from models_onnx.card import model_card
from models_onnx.errors import PackError
from models_onnx.labels import ACTS, EMOTIONS, FINE_EMOTIONS, SENTIMENT_SCORES, SENTIMENTS
from models_onnx.tokens import PAD_ID, load_tokenizer

SCHEMA = 1
NAME = "nlu"
VERSION = "1.3.0"
MAX_TOKENS = 128
EMBEDDING_DIM = 384
MAX_PACK_BYTES = 30_000_000
PACKED_FILES = ("model.onnx", "tokenizer.json")

PerClass = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Head → label → `precision`, `recall`, `f1` (None where they have no meaning) and `rows`."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns raw logits into probabilities.

    `temperatures` divides the logits of each head. Out of scope is
    `sigmoid(scale * score + bias)`, the score being taken from the raw intent logits. `thresholds` [28]: a fine
    emotion is present where the sigmoid of its logit is at least this. `curves` gives a scale and a bias each:
    urgency and toxicity are `sigmoid(scale * logit + bias)`, politeness is `tanh(scale * output + bias)`.
    `emotions_bias` [6] is added to the emotions' logits before they are divided.
    """

    temperatures: Mapping[str, float]
    score: str
    scale: float
    bias: float
    thresholds: Sequence[float]
    curves: Mapping[str, tuple[float, float]]
    emotions_bias: Sequence[float]


def digest(path: Path) -> dict[str, Any]:
    """SHA-256 and size of a file, as the manifest records them."""
    content = path.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def manifest(
    folder: Path,
    *,
    name: str = NAME,
    intents: tuple[str, ...],
    calibration: Calibration,
    metrics: Mapping[str, Any],
    data: list[dict[str, Any]],
    made_by: Mapping[str, Any],
    per_class: Callable[[Heads], PerClass] | None = None,
) -> dict[str, Any]:
    """The manifest of the files in `folder`; its `heads` give labels in the order of the outputs.

    `per_class` measures each class with these heads, calibrated as the server will.
    """
    temperatures = calibration.temperatures
    described = {
        "schema": SCHEMA,
        "name": name,
        "version": VERSION,
        "max_tokens": MAX_TOKENS,
        "embedding_dim": EMBEDDING_DIM,
        "pad_id": PAD_ID,
        "files": {file: digest(folder / file) for file in PACKED_FILES},
        "heads": {
            "intent": {"labels": list(intents), "temperature": temperatures["intent"]},
            "sentiment": {
                "labels": list(SENTIMENTS),
                "temperature": temperatures["sentiment"],
                "scores": list(SENTIMENT_SCORES),
            },
            "emotions": {
                "labels": list(EMOTIONS),
                "temperature": temperatures["emotions"],
                "bias": list(calibration.emotions_bias),
            },
            "fine_emotions": {"labels": list(FINE_EMOTIONS), "thresholds": list(calibration.thresholds)},
            "act": {"labels": list(ACTS), "temperature": temperatures["act"]},
            **{tone: {"scale": scale, "bias": bias} for tone, (scale, bias) in calibration.curves.items()},
        },
        "out_of_scope": {"score": calibration.score, "scale": calibration.scale, "bias": calibration.bias},
        "metrics": dict(metrics),
        "data": data,
        "made_by": dict(made_by),
    }
    if per_class is not None:
        described["per_class"] = per_class(msgspec.convert(described["heads"], Heads))
    return described


def write_pack(
    folder: Path, *, model: Path, tokenizer: Path, max_bytes: int = MAX_PACK_BYTES, **described: Any
) -> dict[str, Any]:
    """Fills `folder` and returns the manifest; `described` is what `manifest` takes.

    The pack is built beside the old one and swapped in, so that nobody loads half of it.
    Raises PackError when the whole is larger than `max_bytes`.
    """
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    shutil.copyfile(model, fresh / "model.onnx")
    load_tokenizer(tokenizer).save(str(fresh / "tokenizer.json"))
    described_pack = manifest(fresh, **described)
    (fresh / "manifest.json").write_text(json.dumps(described_pack, indent=1) + "\n", encoding="utf-8")
    (fresh / "MODEL_CARD.md").write_text(model_card(described_pack), encoding="utf-8")
    size = sum(file.stat().st_size for file in fresh.iterdir())
    if size > max_bytes:
        raise PackError(f"{fresh} has {size} bytes, more than {max_bytes}: quantise more of the model")
    _swap(fresh, folder)
    return described_pack


def _swap(fresh: Path, folder: Path) -> None:
    old = folder.with_name(folder.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.replace(old)
    fresh.replace(folder)
    shutil.rmtree(old, ignore_errors=True)


def verify_pack(folder: Path) -> dict[str, Any]:
    """The manifest of a pack whose files have the recorded digests; PackError names the first that has not."""
    described: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for name, recorded in described["files"].items():
        path = folder / name
        if not path.is_file():
            raise PackError(f"{path} is missing: build or fetch the pack again")
        if digest(path) != recorded:
            raise PackError(f"{path} is not the file that the manifest describes: build or fetch the pack again")
    return described
