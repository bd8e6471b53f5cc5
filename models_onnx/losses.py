"""Targets of a batch as tensors, and the loss of each head. A row without a label adds nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from models_onnx.builders import OUTLIER, Example
from models_onnx.labels import ACTS, EMOTIONS, FINE_EMOTIONS, POLARITY_CLASSES, SENTIMENTS
from models_onnx.network import Outputs

DISTILLATION_WEIGHT = 3.0  # 1 - cosine is small beside a cross-entropy
SMOOTHING = 0.05  # share of an act's target that goes to all classes alike
HEAD_WEIGHTS: Mapping[str, float] = {
    "intent": 1.0,
    "emotions": 1.0,
    "fine_emotions": 0.3,  # a sum over 28 yes-or-no questions
    "sentiment": 1.0,
    "act": 0.7,
    "urgency": 0.7,
    "politeness": 3.0,  # squares of about .7
    "toxicity": 0.7,
}
_GROUPS = [list(group) for group in POLARITY_CLASSES.values()]


class Targets(NamedTuple):
    """All [batch, classes] but the weights [batch]; a weight of zero marks an absent label."""

    intent: Tensor
    intent_weight: Tensor
    emotions: Tensor
    fine_emotions: Tensor
    fine_weight: Tensor
    sentiments: Tensor
    sentiment_weight: Tensor
    votes: Tensor
    act: Tensor
    tones: Tensor
    """[batch, 3]: urgency and toxicity as probabilities, politeness as it is."""
    tone_weights: Tensor
    teacher: Tensor
    teacher_weight: Tensor


def make_targets(
    rows: Sequence[Example], intents: int, teachers: Sequence[Tensor | None], emotion_weights: Tensor
) -> Targets:
    """`emotion_weights` [6] are folded into the emotion targets; `teachers` are embeddings [384] or None."""
    count = len(rows)
    intent, weight = torch.zeros(count, intents), torch.zeros(count)
    emotions, fine, fine_weight = (
        torch.zeros(count, len(EMOTIONS)),
        torch.zeros(count, len(FINE_EMOTIONS)),
        weight.clone(),
    )
    sentiments, sentiment_weight = torch.ones(count, len(SENTIMENTS)), weight.clone()
    votes, act, tones, tone_weights = (torch.zeros(count, width) for width in (3, len(ACTS), 3, 3))
    teacher = torch.zeros(count, 384)
    for index, row in enumerate(rows):
        if row.intent is not None:
            intent[index] = _intent_target(row.intent, intents)
            weight[index] = row.intent_weight
        if row.emotions is not None:
            emotions[index, list(row.emotions)] = row.emotion_weight / len(row.emotions)
        if row.fine_emotions is not None:
            fine[index, list(row.fine_emotions)] = 1.0
            fine_weight[index] = 1.0
        if row.sentiments is not None:
            sentiments[index] = 0.0
            sentiments[index, list(row.sentiments)] = 1.0
            sentiment_weight[index] = row.sentiment_weight
        if row.votes is not None:
            votes[index] = torch.tensor(row.votes)
        if row.act is not None:
            act[index] = torch.tensor(row.act) * (1.0 - SMOOTHING) + SMOOTHING / len(ACTS)
        tones[index], tone_weights[index] = _tones(row)
        if (embedding := teachers[index]) is not None:
            teacher[index] = embedding
    teacher_weight = torch.tensor([float(embedding is not None) for embedding in teachers])
    return Targets(
        *(intent, weight, emotions * emotion_weights, fine, fine_weight, sentiments, sentiment_weight, votes),
        *(act, tones, tone_weights, teacher, teacher_weight),
    )


def _intent_target(intent: int, intents: int) -> Tensor:
    """All classes alike for a text of none; no smoothing otherwise, which would blur exactly that difference."""
    if intent == OUTLIER:
        return torch.full((intents,), 1.0 / intents)
    target = torch.zeros(intents)
    target[intent] = 1.0
    return target


def _tones(row: Example) -> tuple[Tensor, Tensor]:
    found = (row.urgency, row.toxicity, row.politeness)
    weights = (row.urgency_weight, row.toxicity_weight, 1.0)
    known = [0.0 if value is None else weight for value, weight in zip(found, weights, strict=True)]
    return torch.tensor([value or 0.0 for value in found]), torch.tensor(known)


def total_loss(outputs: Outputs, targets: Targets) -> Tensor:
    """Sum of the heads' losses, each averaged over ALL rows, so that a row counts the same in any batch."""
    weights = HEAD_WEIGHTS
    distance = (1.0 - (outputs.embedding * targets.teacher).sum(-1)) @ targets.teacher_weight
    cross_entropy = -(targets.intent * F.log_softmax(outputs.intent, dim=-1)).sum(-1) @ targets.intent_weight
    parts = (
        DISTILLATION_WEIGHT * distance,
        weights["intent"] * cross_entropy,
        -weights["emotions"] * (targets.emotions * F.log_softmax(outputs.emotions, dim=-1)).sum(),
        -weights["act"] * (targets.act * F.log_softmax(outputs.act, dim=-1)).sum(),
        weights["fine_emotions"] * _fine_emotions(outputs, targets),
        weights["sentiment"] * _sentiment(outputs, targets),
        _tone_loss(outputs, targets),
    )
    return torch.as_tensor(sum(parts) / len(targets.intent))


def _fine_emotions(outputs: Outputs, targets: Targets) -> Tensor:
    losses = F.binary_cross_entropy_with_logits(outputs.fine_emotions, targets.fine_emotions, reduction="none")
    return torch.as_tensor(losses.sum(-1) @ targets.fine_weight)


def _sentiment(outputs: Outputs, targets: Targets) -> Tensor:
    """Annotators' votes where there are any; else the label, which may allow several of the five classes.

    A label of three classes says only that the sum of its fine classes is likely.
    """
    log_likelihood = F.log_softmax(outputs.sentiment, dim=-1)
    allowed = torch.logsumexp(log_likelihood.masked_fill(targets.sentiments == 0.0, -1e4), dim=-1)
    coarse = torch.stack([torch.logsumexp(log_likelihood[:, group], dim=-1) for group in _GROUPS], dim=-1)
    voted = targets.votes.sum(-1)
    gains = voted * (targets.votes * coarse).sum(-1) + (1.0 - voted) * allowed
    return -(gains @ targets.sentiment_weight)


def _tone_loss(outputs: Outputs, targets: Targets) -> Tensor:
    urgency, toxicity = (
        HEAD_WEIGHTS[name]
        * F.binary_cross_entropy_with_logits(logits.squeeze(-1), targets.tones[:, column], reduction="none")
        for column, (name, logits) in enumerate((("urgency", outputs.urgency), ("toxicity", outputs.toxicity)))
    )
    politeness = HEAD_WEIGHTS["politeness"] * (outputs.politeness.squeeze(-1) - targets.tones[:, 2]).square()
    return torch.as_tensor((torch.stack([urgency, toxicity, politeness], dim=-1) * targets.tone_weights).sum())


def teaching_loss(outputs: Outputs, taught: Mapping[str, Tensor]) -> Tensor:
    """Distance from what an ensemble says of every row, labelled or not; `taught` is `teach.ensemble`'s."""
    total = outputs.intent.new_zeros(())
    for name, weight in HEAD_WEIGHTS.items():
        logits, target = getattr(outputs, name), taught[name]
        if name == "politeness":
            total = total + weight * (logits - target).square().sum()
        elif name in ("fine_emotions", "urgency", "toxicity"):
            # the entropy of the target is taken off, so that agreement costs nothing
            loss = F.binary_cross_entropy_with_logits(logits, target, reduction="sum")
            total = total + weight * (loss - F.binary_cross_entropy(target, target, reduction="sum"))
        else:
            total = total + weight * F.kl_div(F.log_softmax(logits, dim=-1), target, reduction="sum")
    return torch.as_tensor(total / len(outputs.intent))


def emotion_class_weights(rows: Sequence[Example]) -> Tensor:
    """[6], the inverse square root of each class's frequency, scaled to a mean of 1 over the rows."""
    counts = torch.ones(len(EMOTIONS))
    for row in rows:
        if row.emotion_weight == 1.0:  # the others' labels are a guess
            for emotion in row.emotions or ():
                counts[emotion] += 1.0 / len(row.emotions or (0,))
    weights = counts.rsqrt()
    return torch.as_tensor(weights * counts.sum() / (weights * counts).sum())
