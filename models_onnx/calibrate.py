"""Fits temperatures and the out-of-scope curve on validation logits. Numpy only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models_onnx.metrics import Floats, Ints, auroc, logsumexp, macro_f1, softmax

SCORES: dict[str, Callable[[Floats], Floats]] = {
    "max_logit": lambda logits: np.asarray(logits.max(axis=-1), dtype=np.float64),
    "logsumexp": logsumexp,
}

BIAS_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
BIAS_ROUNDS = 30


def fit_temperature(logits: Floats, allowed: NDArray[np.bool_], weights: Floats) -> float:
    """The temperature of the least negative log-likelihood, by a grid that is refined three times.

    `allowed` [rows, classes] marks the classes that a row's label permits: one, or several whose
    probabilities are summed. `weights` [rows].
    """
    low, high = np.log(0.2), np.log(5.0)
    best = 0.0
    for _ in range(4):
        grid = np.linspace(low, high, 25)
        losses = [_negative_log_likelihood(logits / np.exp(value), allowed, weights) for value in grid]
        best = float(grid[int(np.argmin(losses))])
        width = (high - low) / 24
        low, high = best - width, best + width
    return round(float(np.exp(best)), 4)


def fit_bias(logits: Floats, truth: Ints) -> tuple[float, ...]:
    """What to add to each class's logits, [classes], so that rare classes are called neither too often nor too seldom.

    Training weighs rare classes up. The bias of the greatest likelihood takes all of that back, and with it much of
    their recall; of the steps from nothing to there the one with the best macro-F1 is taken.
    """
    whole = _likeliest_bias(logits, truth)
    steps = [whole * share for share in BIAS_SHARES]
    best = max(steps, key=lambda bias: macro_f1((logits + bias).argmax(axis=1), truth, logits.shape[1]))
    return tuple(round(float(value), 4) for value in best)


def _likeliest_bias(logits: Floats, truth: Ints) -> Floats:
    """Where the likelihood is greatest, each class's mean probability is its share of the rows."""
    shares = np.bincount(truth, minlength=logits.shape[1]) / len(truth)
    allowed, weights = np.eye(logits.shape[1], dtype=np.bool_)[truth], np.ones(len(truth))
    bias = np.zeros(logits.shape[1])
    for _ in range(BIAS_ROUNDS):
        temperature = fit_temperature(logits + bias, allowed, weights)
        expected = softmax(logits + bias, temperature).mean(axis=0)
        bias += temperature * np.log(np.maximum(shares, 1e-6) / expected)
    return np.asarray(bias - bias.mean(), dtype=np.float64)


def _negative_log_likelihood(logits: Floats, allowed: NDArray[np.bool_], weights: Floats) -> float:
    permitted = np.where(allowed, logits, -1e9)
    return float(((logsumexp(logits) - logsumexp(permitted)) * weights).sum() / weights.sum())


def choose_score(logits: Floats, outside: NDArray[np.bool_]) -> str:
    """The name in `SCORES` that separates out-of-scope rows best; low scores mean outside."""
    return max(SCORES, key=lambda name: auroc(-SCORES[name](logits), outside))


def fit_logistic(score: Floats, outside: NDArray[np.bool_], *, ridge: float = 1e-3) -> tuple[float, float]:
    """`scale` and `bias` of sigmoid(scale * score + bias), by Newton's method.

    Rows inside and outside weigh the same in sum, so that 0.5 is where the two are equally likely,
    however rare out-of-scope rows are in the data.
    """
    weights = np.where(outside, 0.5 / max(1, outside.sum()), 0.5 / max(1, (~outside).sum()))
    centre, spread = float(score.mean()), float(score.std()) or 1.0
    design = np.stack([(score - centre) / spread, np.ones_like(score)], axis=1)
    beta = np.zeros(2)
    for _ in range(50):
        chance = 1.0 / (1.0 + np.exp(-np.clip(design @ beta, -30.0, 30.0)))
        gradient = design.T @ (weights * (chance - outside)) + ridge * beta
        curvature = (design * (weights * chance * (1.0 - chance))[:, None]).T @ design + ridge * np.eye(2)
        beta -= np.linalg.solve(curvature, gradient)
    scale = float(beta[0]) / spread
    return round(scale, 6), round(float(beta[1]) - scale * centre, 6)


def fit_thresholds(probabilities: Floats, present: NDArray[np.bool_]) -> tuple[float, ...]:
    """For each class the probability from which calling it present gives the best F1, both [rows, classes].

    Where a class never occurs it is .5.
    """
    return tuple(_threshold(probabilities[:, index], present[:, index]) for index in range(present.shape[1]))


def _threshold(probability: Floats, present: NDArray[np.bool_]) -> float:
    if not present.any():
        return 0.5
    order = np.argsort(-probability, kind="stable")
    hits = np.cumsum(present[order])
    f1 = 2.0 * hits / (np.arange(1, len(order) + 1) + present.sum())
    best = int(f1.argmax())
    following = probability[order[best + 1]] if best + 1 < len(order) else 0.0
    # between the last that is called present and the next, so that rounding cannot move the last one out
    return round(float((probability[order[best]] + following) / 2.0), 6)
