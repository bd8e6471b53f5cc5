"""Measures of classifiers. Pure functions of arrays; probabilities are [rows, classes], truths [rows]."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.reliability import reliability

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Probabilities along the last axis."""
    scaled = logits / temperature
    exponents = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=-1, keepdims=True), dtype=np.float64)


def logsumexp(logits: Floats) -> Floats:
    """[rows, classes] -> [rows]."""
    peak = logits.max(axis=-1)
    return np.asarray(peak + np.log(np.exp(logits - peak[:, None]).sum(axis=-1)), dtype=np.float64)


def accuracy(predicted: Ints, truth: Ints) -> float:
    """Share of equal entries."""
    return float((predicted == truth).mean())


def macro_f1(predicted: Ints, truth: Ints, classes: int) -> float:
    """Unweighted mean of the classes' F1; a class that is neither predicted nor true is left out."""
    scores = []
    for label in range(classes):
        hits = int(((predicted == label) & (truth == label)).sum())
        claimed, actual = int((predicted == label).sum()), int((truth == label).sum())
        if claimed + actual:
            scores.append(2.0 * hits / (claimed + actual))
    return float(np.mean(scores))


def sigmoid(logits: Floats) -> Floats:
    """The logistic function, elementwise, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)), dtype=np.float64)


def multilabel_macro_f1(called: NDArray[np.bool_], present: NDArray[np.bool_]) -> float:
    """Unweighted mean of the classes' F1, both [rows, classes]; a class neither called nor present is left out."""
    hits, total = (called & present).sum(axis=0), called.sum(axis=0) + present.sum(axis=0)
    return float((2.0 * hits[total > 0] / total[total > 0]).mean())


def pearson(first: Floats, second: Floats) -> float:
    """Pearson's correlation of two columns [rows]."""
    return float(np.corrcoef(first, second)[0, 1])


def caught_at(scores: Floats, positive: NDArray[np.bool_], *, kept: float) -> float:
    """Share of positive rows above the score below which `kept` of the negative rows lie."""
    return float((scores[positive] > np.quantile(scores[~positive], kept)).mean())


def auroc(scores: Floats, positive: NDArray[np.bool_]) -> float:
    """Chance that a positive row scores above a negative one; ties count a half (Mann–Whitney)."""
    positives, negatives = np.sort(scores[positive]), scores[~positive]
    if not len(positives) or not len(negatives):
        return float("nan")
    below = np.searchsorted(positives, negatives, side="left")
    above_or_tied = np.searchsorted(positives, negatives, side="right")
    wins = (len(positives) - above_or_tied).sum() + 0.5 * (above_or_tied - below).sum()
    return float(wins / (len(positives) * len(negatives)))


def roc_curve(scores: Floats, positive: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """False and true positive rates as the threshold falls, from (0, 0) to (1, 1); equal scores are one step."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    true, false = np.cumsum(positive[order])[ends], np.cumsum(~positive[order])[ends]
    return (
        np.concatenate([[0.0], false / max(1, int((~positive).sum()))]),
        np.concatenate([[0.0], true / max(1, int(positive.sum()))]),
    )


def expected_calibration_error(probabilities: Floats, truth: Ints, bins: int = 15) -> float:
    """Mean gap between confidence and accuracy over equal-width bins (Guo et al. 2017)."""
    return reliability(probabilities.max(axis=-1), probabilities.argmax(axis=-1) == truth, bins).error
