"""Logits to calibrated probabilities (pure).

Temperature scaling as in Guo et al. 2017, *On Calibration of Modern Neural Networks*: one temperature a head, which
changes how sure the model is and never what it says. All in double precision.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inference.analysis import EMOTIONS, Sentiment
from inference.manifest import SENTIMENTS, Head, Manifest, OutOfScope, SentimentHead

Floats = NDArray[np.float32]
LIKELIEST = 5


class RawOutputs(NamedTuple):
    """What the model gives for a batch: float32 [batch, columns]; logits but for the embedding."""

    embedding: Floats
    intent: Floats
    sentiment: Floats
    emotions: Floats


Runner = Callable[[NDArray[np.int64], NDArray[np.int64]], RawOutputs]
"""``(input_ids, attention_mask) -> outputs``, both int64 [batch, tokens]."""


class Readings(NamedTuple):
    """What the heads say about one text."""

    intents: tuple[tuple[str, float], ...]
    out_of_scope: float
    sentiment: Sentiment
    emotions: dict[str, float]
    embedding: Floats


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


def out_of_scope(logits: Sequence[float], scope: OutOfScope) -> float:
    """Probability in [0, 1] that the text belongs to no intent, from one row of raw intent logits."""
    score = max(logits)
    if scope.score == "logsumexp":
        score += log(sum([exp(logit - score) for logit in logits]))
    return sigmoid(scope.scale * score + scope.bias)


def intents(logits: Sequence[float], head: Head) -> tuple[tuple[str, float], ...]:
    """The ``LIKELIEST`` likeliest labels of one row with their probabilities; equal ones in the order of the labels."""
    best = sorted(logits, reverse=True)[:LIKELIEST]
    places = [logits.index(logit) for logit in best]
    if len(set(places)) < len(places):  # equal logits
        places = sorted(range(len(logits)), key=lambda index: -logits[index])[:LIKELIEST]
    temperature, top = head.temperature, best[0]
    total = sum([exp((logit - top) / temperature) for logit in logits])
    return tuple([(head.labels[index], exp((logits[index] - top) / temperature) / total) for index in places])


def sentiment(logits: Sequence[float], head: SentimentHead) -> Sentiment:
    """The likeliest label, its probability, and the expected score."""
    probabilities = softmax(logits, head.temperature)
    confidence = max(probabilities)
    score = sum([p * s for p, s in zip(probabilities, head.scores, strict=True)])
    return Sentiment(SENTIMENTS[probabilities.index(confidence)], max(-1.0, min(1.0, score)), confidence)


def emotions(logits: Sequence[float], head: Head) -> dict[str, float]:
    """Emotion → probability, summing to 1, in the order of ``EMOTIONS``."""
    found = dict(zip(head.labels, softmax(logits, head.temperature), strict=True))
    return {name: found[name] for name in EMOTIONS}


def read(raw: RawOutputs, manifest: Manifest) -> list[Readings]:
    """One ``Readings`` a row of the batch."""
    heads, scope = manifest.heads, manifest.out_of_scope
    rows = zip(raw.intent.tolist(), raw.sentiment.tolist(), raw.emotions.tolist(), raw.embedding, strict=True)
    return [
        Readings(
            intents=intents(intent, heads.intent),
            out_of_scope=out_of_scope(intent, scope),
            sentiment=sentiment(mood, heads.sentiment),
            emotions=emotions(feelings, heads.emotions),
            embedding=own(embedding),
        )
        for intent, mood, feelings, embedding in rows
    ]


def own(row: Floats) -> Floats:
    """A read-only copy: a view would keep its whole batch alive in the cache, and cached arrays are shared."""
    copy = row.copy()
    copy.setflags(write=False)
    return copy
