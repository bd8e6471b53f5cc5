"""Logits to calibrated probabilities (pure).

Temperature scaling as in Guo et al. 2017, *On Calibration of Modern Neural Networks*: one temperature a head, which
changes how sure the model is and never what it says. All in double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import exp, log, tanh
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from inference.analysis import EMOTIONS, Act, Sentiment
from inference.coherence import coherent
from inference.manifest import SENTIMENTS, Curve, EmotionHead, Head, Heads, Manifest, OutOfScope, SentimentHead

Floats = NDArray[np.float32]
LIKELIEST = 5


class RawOutputs(NamedTuple):
    """What the model gives for a batch: float32 [batch, columns]; logits but for the embedding."""

    embedding: Floats
    intent: Floats
    sentiment: Floats
    emotions: Floats
    act: Floats | None = None
    urgency: Floats | None = None
    politeness: Floats | None = None
    toxicity: Floats | None = None

    def of(self, rows: slice | Sequence[int]) -> RawOutputs:
        """Some rows of the batch."""
        given = {name: values[rows] for name, values in self._asdict().items() if values is not None}
        return RawOutputs(**given)


Runner = Callable[[NDArray[np.int64], NDArray[np.int64]], RawOutputs]
"""``(input_ids, attention_mask) -> outputs``, both int64 [batch, tokens]."""


class Readings(NamedTuple):
    """What the heads say about one text."""

    intents: tuple[tuple[str, float], ...]
    out_of_scope: float
    sentiment: Sentiment
    emotions: dict[str, float]
    embedding: Floats
    acts: dict[Act, float] | None = None
    urgency: float | None = None
    politeness: float | None = None
    toxicity: float | None = None


def softmax(logits: Sequence[float], temperature: float = 1.0) -> list[float]:
    """Probabilities of one row of finite logits.

    Plain Python on purpose: for one row of 150 an array's fixed costs are twice the work.
    """
    top = max(logits)
    weights = [exp((logit - top) / temperature) for logit in logits]
    total = sum(weights)
    return [weight / total for weight in weights]


def sigmoid(x: float) -> float:
    """The logistic function, without overflow."""
    if x >= 0:
        return 1.0 / (1.0 + exp(-x))
    small = exp(x)
    return small / (1.0 + small)


def out_of_scope(logits: Sequence[float], scope: OutOfScope, top: float | None = None) -> float:
    """Probability in [0, 1] that the text belongs to no intent, from one row of raw intent logits; ``top``: the
    largest of them, where it is known."""
    score = max(logits) if top is None else top
    if scope.score == "logsumexp":
        score += log(sum([exp(logit - score) for logit in logits]))
    return sigmoid(scope.scale * score + scope.bias)


def largest(logits: Sequence[float]) -> list[float]:
    """The ``LIKELIEST`` largest, the largest first."""
    return sorted(logits, reverse=True)[:LIKELIEST]


def intents(logits: Sequence[float], head: Head, best: Sequence[float] | None = None) -> tuple[tuple[str, float], ...]:
    """The ``LIKELIEST`` likeliest labels of one row with their probabilities; equal ones in the order of the labels.

    ``best``: ``largest(logits)``, where it is known.
    """
    best = largest(logits) if best is None else best
    places = [logits.index(logit) for logit in best]
    if len(set(places)) < len(places):  # equal logits
        places = sorted(range(len(logits)), key=lambda index: -logits[index])[:LIKELIEST]
    temperature, top = head.temperature, best[0]
    total = sum([exp((logit - top) / temperature) for logit in logits])
    return tuple([(head.labels[index], exp((logits[index] - top) / temperature) / total) for index in places])


def sentiment(
    logits: Sequence[float],
    head: SentimentHead,
    emotions: Mapping[str, float] | None = None,
    acts: Mapping[Act, float] | None = None,
) -> Sentiment:
    """The likeliest label, its probability, and the expected score, within what ``emotions`` and ``acts`` allow (see
    ``coherent``)."""
    probabilities = softmax(logits, head.temperature)
    if emotions is not None:
        probabilities = coherent(probabilities, emotions, acts)
    confidence = max(probabilities)
    score = sum([p * s for p, s in zip(probabilities, head.scores, strict=True)])
    return Sentiment(SENTIMENTS[probabilities.index(confidence)], max(-1.0, min(1.0, score)), confidence)


def emotions(logits: Sequence[float], head: EmotionHead) -> dict[str, float]:
    """Emotion → probability, summing to 1, in the order of ``EMOTIONS``."""
    if head.bias:
        logits = [logit + bias for logit, bias in zip(logits, head.bias, strict=True)]
    found = dict(zip(head.labels, softmax(logits, head.temperature), strict=True))
    return {name: found[name] for name in EMOTIONS}


def read(raw: RawOutputs, manifest: Manifest) -> list[Readings]:
    """One ``Readings`` a row of the batch."""
    heads, scope = manifest.heads, manifest.out_of_scope
    tones = _tones(raw, heads)
    spoken = raw.act.tolist() if heads.act is not None and raw.act is not None else None
    embeddings = [_read_only(raw.embedding[0])] if len(raw.embedding) == 1 else [own(row) for row in raw.embedding]
    rows = zip(raw.intent.tolist(), raw.sentiment.tolist(), raw.emotions.tolist(), embeddings, strict=True)
    found = []
    for index, (intent, mood, feelings, embedding) in enumerate(rows):
        best, felt = largest(intent), emotions(feelings, heads.emotions)
        said = None if heads.act is None or spoken is None else acts(spoken[index], heads.act)
        found.append(
            Readings(
                intents(intent, heads.intent, best),
                out_of_scope(intent, scope, best[0]),
                sentiment(mood, heads.sentiment, felt, said),
                felt,
                embedding,
                said,
                *[values[index] if values is not None else None for values in tones],
            )
        )
    return found


def acts(logits: Sequence[float], head: Head) -> dict[Act, float]:
    """Act → probability, summing to 1."""
    return cast("dict[Act, float]", dict(zip(head.labels, softmax(logits, head.temperature), strict=True)))


def _tones(raw: RawOutputs, heads: Heads) -> list[list[float] | None]:
    """Urgency in [0, 1], politeness in [-1, 1], toxicity in [0, 1], a value a row each, as far as the pack has them."""
    return [
        _bent(raw.urgency, heads.urgency, sigmoid),
        _bent(raw.politeness, heads.politeness, tanh),
        _bent(raw.toxicity, heads.toxicity, sigmoid),
    ]


def _bent(column: Floats | None, curve: Curve | None, bend: Callable[[float], float]) -> list[float] | None:
    if column is None or curve is None:
        return None
    return [bend(curve.scale * x + curve.bias) for (x,) in column.tolist()]


def own(row: Floats) -> Floats:
    """A read-only copy: a view would keep its whole batch alive in the cache."""
    return _read_only(row.copy())


def _read_only(row: Floats) -> Floats:
    row.setflags(write=False)  # cached arrays are shared
    return row
