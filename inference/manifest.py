"""``manifest.json`` of a packed model: what the files are and what the outputs mean (pure)."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, get_args

import msgspec

from inference.analysis import EMOTIONS, Act, SentimentLabel

SCHEMA = 1
MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
SENTIMENTS: tuple[SentimentLabel, ...] = get_args(SentimentLabel)
ACTS: tuple[Act, ...] = get_args(Act)

Temperature = Annotated[float, msgspec.Meta(gt=0.0)]
Count = Annotated[int, msgspec.Meta(ge=1)]


class PackedFile(msgspec.Struct, frozen=True):
    """SHA-256 (hex) and size of one file beside the manifest."""

    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    bytes: Annotated[int, msgspec.Meta(ge=0)]


class Head(msgspec.Struct, frozen=True):
    """Labels in the order of the output's columns; the logits are divided by ``temperature``."""

    labels: Annotated[tuple[str, ...], msgspec.Meta(min_length=2)]
    temperature: Temperature


class EmotionHead(Head, frozen=True):
    """``bias`` is added to the logits before they are divided: one a label, or none at all."""

    bias: tuple[float, ...] = ()


class SentimentHead(Head, frozen=True):
    """``scores`` gives each label its place in [-1, 1]."""

    scores: tuple[Annotated[float, msgspec.Meta(ge=-1.0, le=1.0)], ...]


class Curve(msgspec.Struct, frozen=True):
    """A head of one column ``x``: ``f(scale * x + bias)``, the logistic function or, for politeness, tanh."""

    scale: float
    bias: float


class Heads(msgspec.Struct, frozen=True):
    """The classifiers on top of the shared encoder. Packs before 1.1.0 have the first three only."""

    intent: Head
    sentiment: SentimentHead
    emotions: EmotionHead
    act: Head | None = None
    urgency: Curve | None = None
    politeness: Curve | None = None
    toxicity: Curve | None = None

    @property
    def tones(self) -> dict[str, Curve]:
        """The heads of one column that the pack has."""
        found = {"urgency": self.urgency, "politeness": self.politeness, "toxicity": self.toxicity}
        return {name: curve for name, curve in found.items() if curve is not None}


class OutOfScope(msgspec.Struct, frozen=True):
    """Out of scope is ``sigmoid(scale * score + bias)``; the score is taken from the raw intent logits."""

    score: Literal["max_logit", "logsumexp"]
    scale: float
    bias: float


class Manifest(msgspec.Struct, frozen=True):
    """A whole manifest; fields that this version does not know are ignored."""

    schema: int
    name: Annotated[str, msgspec.Meta(min_length=1)]
    version: Annotated[str, msgspec.Meta(min_length=1)]
    max_tokens: Annotated[int, msgspec.Meta(ge=8, le=512)]
    embedding_dim: Count
    pad_id: Annotated[int, msgspec.Meta(ge=0)]
    files: dict[str, PackedFile]
    heads: Heads
    out_of_scope: OutOfScope
    metrics: dict[str, Any] = {}

    @property
    def model(self) -> str:
        """Name and version as every analysis carries them: ``nlu-1.0.0``."""
        return f"{self.name}-{self.version}"

    @property
    def widths(self) -> dict[str, int]:
        """Columns of each model output."""
        heads = self.heads
        return {
            "embedding": self.embedding_dim,
            "intent": len(heads.intent.labels),
            "sentiment": len(heads.sentiment.labels),
            "emotions": len(heads.emotions.labels),
            **({"act": len(heads.act.labels)} if heads.act is not None else {}),
            **dict.fromkeys(heads.tones, 1),
        }


class _Versioned(msgspec.Struct):
    schema: int


def parse_manifest(content: bytes) -> Manifest:
    """The manifest in ``content``; ValueError says what is wrong and where (``$.heads.intent…``)."""
    schema = msgspec.json.decode(content, type=_Versioned).schema
    if schema != SCHEMA:
        raise ValueError(f"has schema {schema}, this program reads schema {SCHEMA}")
    manifest = msgspec.json.decode(content, type=Manifest)
    for problem in _problems(manifest):
        raise ValueError(problem)
    return manifest


def _problems(manifest: Manifest) -> list[str]:
    heads, scope = manifest.heads, manifest.out_of_scope
    missing = [name for name in (MODEL_FILE, TOKENIZER_FILE) if name not in manifest.files]
    checks = {
        f"lists no {' and no '.join(missing)} under `files`": not missing,
        "names a file outside of its folder": all("/" not in n and "\\" not in n for n in manifest.files),
        f"has sentiment labels other than {', '.join(SENTIMENTS)}": heads.sentiment.labels == SENTIMENTS,
        "has not one sentiment score a label": len(heads.sentiment.scores) == len(SENTIMENTS),
        f"has emotion labels other than {', '.join(EMOTIONS)}": sorted(heads.emotions.labels) == sorted(EMOTIONS),
        "has not one emotion bias a label": len(heads.emotions.bias) in (0, len(heads.emotions.labels)),
        "has an emotion bias that is not finite": all(map(math.isfinite, heads.emotions.bias)),
        f"has act labels other than {', '.join(ACTS)}": heads.act is None or sorted(heads.act.labels) == sorted(ACTS),
        "has a curve that is not finite": all(
            math.isfinite(curve.scale) and math.isfinite(curve.bias) for curve in heads.tones.values()
        ),
        "has the same intent label twice": len(set(heads.intent.labels)) == len(heads.intent.labels),
        "has an out_of_scope that is not finite": math.isfinite(scope.scale) and math.isfinite(scope.bias),
    }
    return [problem for problem, holds in checks.items() if not holds]
