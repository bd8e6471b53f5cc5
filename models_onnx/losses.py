"""Targets of a batch as tensors, and the loss of each head. A row without a label adds nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from models_onnx.data import OUTLIER, Example
from models_onnx.labels import EMOTIONS, SENTIMENTS
from models_onnx.network import Outputs

DISTILLATION_WEIGHT = 3.0  # 1 - cosine is small beside a cross-entropy


class Targets(NamedTuple):
    """All [batch, classes] but the weights [batch]; a weight of zero marks an absent label."""

    intent: Tensor
    intent_weight: Tensor
    emotions: Tensor
    sentiments: Tensor
    sentiment_weight: Tensor
    teacher: Tensor
    teacher_weight: Tensor


def make_targets(
    rows: Sequence[Example], intents: int, teachers: Sequence[Tensor | None], emotion_weights: Tensor
) -> Targets:
    """`emotion_weights` [6] are folded into the emotion targets; `teachers` are embeddings [384] or None."""
    count = len(rows)
    intent, weight = torch.zeros(count, intents), torch.zeros(count)
    emotions = torch.zeros(count, len(EMOTIONS))
    sentiments, sentiment_weight = torch.ones(count, len(SENTIMENTS)), torch.zeros(count)
    teacher = torch.zeros(count, 384)
    for index, row in enumerate(rows):
        if row.intent is not None:
            intent[index] = 1.0 / intents if row.intent == OUTLIER else F.one_hot(torch.tensor(row.intent), intents)
            weight[index] = row.intent_weight
        if row.emotions is not None:
            emotions[index, list(row.emotions)] = 1.0 / len(row.emotions)
        if row.sentiments is not None:
            sentiments[index] = 0.0
            sentiments[index, list(row.sentiments)] = 1.0
            sentiment_weight[index] = 1.0
        if (embedding := teachers[index]) is not None:
            teacher[index] = embedding
    teacher_weight = torch.tensor([float(embedding is not None) for embedding in teachers])
    return Targets(intent, weight, emotions * emotion_weights, sentiments, sentiment_weight, teacher, teacher_weight)


def total_loss(outputs: Outputs, targets: Targets) -> Tensor:
    """Sum of the heads' losses, each averaged over ALL rows, so that a row counts the same in any batch."""
    count = len(targets.intent)
    intent = -(targets.intent * F.log_softmax(outputs.intent, dim=-1)).sum(-1) @ targets.intent_weight
    emotions = -(targets.emotions * F.log_softmax(outputs.emotions, dim=-1)).sum()
    log_likelihood = F.log_softmax(outputs.sentiment, dim=-1)
    # a label of three classes says only that the sum of its fine classes is likely
    allowed = torch.logsumexp(log_likelihood.masked_fill(targets.sentiments == 0.0, -1e4), dim=-1)
    sentiment = -(allowed @ targets.sentiment_weight)
    distance = (1.0 - (outputs.embedding * targets.teacher).sum(-1)) @ targets.teacher_weight
    return torch.as_tensor((intent + emotions + sentiment + DISTILLATION_WEIGHT * distance) / count)


def emotion_class_weights(rows: Sequence[Example]) -> Tensor:
    """[6], the inverse square root of each class's frequency, scaled to a mean of 1 over the rows."""
    counts = torch.ones(len(EMOTIONS))
    for row in rows:
        for emotion in row.emotions or ():
            counts[emotion] += 1.0 / len(row.emotions or (0,))
    weights = counts.rsqrt()
    return torch.as_tensor(weights * counts.sum() / (weights * counts).sum())
