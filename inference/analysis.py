"""What the model and the rules say about one text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Act = Literal["greeting", "thanks", "goodbye", "question", "request", "complaint", "affirm", "deny", "other"]
SentimentLabel = Literal["very_negative", "negative", "neutral", "positive", "very_positive"]
EMOTIONS = ("joy", "anger", "fear", "sadness", "surprise", "neutral")


@dataclass(frozen=True, slots=True)
class Sentiment:
    """``score`` in [-1, 1]; ``confidence`` is the label's probability."""

    label: SentimentLabel
    score: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Entity:
    """A span of the normalised text, in code points: ``text == source[start:end]``."""

    type: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Analysis:
    """One understood text.

    ``out_of_scope``, ``urgency``, ``toxicity`` in [0, 1]; ``politeness`` in [-1, 1]; ``emotions`` sum to 1.
    ``intents``: the five likeliest with their probabilities, the likeliest first. ``embedding``: float32 (384,),
    unit length, for retrieval; it never leaves the process with ``to_wire``. ``sure``: whether the user's own intents,
    which ``intent`` is then one of, are sure of it; None where there are none, and ``intent`` is the model's.
    ``language_confidence``: of ``language``, in [0, 1], 0 where that is ``und``; for those who answer, not on the wire.
    """

    intent: str
    intent_confidence: float
    intents: tuple[tuple[str, float], ...]
    out_of_scope: float
    act: Act
    sentiment: Sentiment
    emotions: dict[str, float]
    urgency: float
    politeness: float
    toxicity: float
    language: str
    entities: tuple[Entity, ...]
    model: str
    cached: bool
    latency_us: int
    embedding: NDArray[np.float32] = field(repr=False, compare=False)
    sure: bool | None = None
    language_confidence: float = 1.0

    def to_wire(self) -> dict[str, Any]:
        """The ``analysis`` object of PROTOCOL §5, numbers rounded to four decimals."""
        return {
            "intent": self.intent,
            "intent_confidence": round(self.intent_confidence, 4),
            "out_of_scope": round(self.out_of_scope, 4),
            "act": self.act,
            "sentiment": {
                "label": self.sentiment.label,
                "score": round(self.sentiment.score, 4),
                "confidence": round(self.sentiment.confidence, 4),
            },
            "emotions": {name: round(value, 4) for name, value in self.emotions.items()},
            "urgency": round(self.urgency, 4),
            "politeness": round(self.politeness, 4),
            "toxicity": round(self.toxicity, 4),
            "language": self.language,
            "entities": [
                {"type": entity.type, "text": entity.text, "start": entity.start, "end": entity.end}
                for entity in self.entities
            ],
            "model": self.model,
            "cached": self.cached,
            "latency_us": self.latency_us,
        }
