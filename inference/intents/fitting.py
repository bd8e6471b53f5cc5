"""The two classifiers on frozen embeddings, temperature and threshold (pure, deterministic).

SciPy is imported by what fits: a server that only applies a trained set starts without it.

Few texts: kernel ridge regression with a Gaussian kernel, which is solved in closed form. Many: multinomial logistic
regression by L-BFGS. docs/intents.md shows what each gives on how many examples.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

GAMMA: Final = 2.0
"""Of exp(-γ (1 - cosine)); 1 and 3 are half a point worse or the same on Banking77."""
TEMPERATURES: Final = (0.01, 20.0)
ASKING_COSTS: Final = 0.5
FOREIGN_SHARE: Final = 0.2


def kernel(left: Floats, right: Floats) -> Floats:
    """Gaussian kernel of unit rows, (rows of left, rows of right), in (0, 1]."""
    values: Floats = np.exp(GAMMA * (left @ right.T - 1.0))
    return values


def fit_kernel(x: Floats, targets: Ints, weights: Floats, classes: int, ridge: float) -> Floats:
    """Dual weights (rows, classes) of ridge regression on one column of 0 and 1 per class.

    ``x``: unit rows; a row's ``weight`` of 2 counts like the row standing there twice.
    """
    from scipy.linalg import solve

    gram = kernel(x, x).astype(np.float64)
    gram[np.diag_indices_from(gram)] += ridge / weights
    dual: Floats = solve(gram, one_hot(targets, classes), assume_a="pos").astype(np.float32)
    return dual


def fit_logistic(
    x: Floats,
    targets: Ints,
    weights: Floats,
    classes: int,
    ridge: float,
    *,
    start: Floats | None = None,
    max_iterations: int = 100,
) -> Floats:
    """(columns of x + 1, classes); the last row is the bias, which is not penalised.

    Minimises the weighted cross-entropy plus ``ridge / 2`` times the squared weights. ``start``: another fit of the
    same shape, to begin from.
    """
    from scipy.optimize import minimize

    shape = (x.shape[1] + 1, classes)
    hot = one_hot(targets, classes).astype(np.float32)
    rows = np.arange(len(x))

    def loss(flat: Doubles) -> tuple[float, Doubles]:
        at = flat.reshape(shape).astype(np.float32)
        logits = x @ at[:-1] + at[-1]
        logits -= logits.max(axis=1, keepdims=True)
        shares = np.exp(logits)
        totals = shares.sum(axis=1, keepdims=True)
        entropy = float(weights @ (np.log(totals[:, 0]) - logits[rows, targets]))
        slope = (shares / totals - hot) * weights[:, None]
        gradient = np.empty(shape)
        gradient[:-1] = x.T @ slope + ridge * at[:-1]
        gradient[-1] = slope.sum(axis=0)
        return entropy + 0.5 * ridge * float(np.square(at[:-1], dtype=np.float64).sum()), gradient.ravel()

    begin = np.zeros(shape) if start is None else start.astype(np.float64)
    options = {"maxiter": max_iterations, "ftol": 1e-7}
    found = minimize(loss, begin.ravel(), jac=True, method="L-BFGS-B", options=options)
    fitted: Floats = found.x.reshape(shape).astype(np.float32)
    return fitted


def one_hot(targets: Ints, classes: int) -> Doubles:
    """(rows, classes) of 0 and 1."""
    hot = np.zeros((len(targets), classes))
    hot[np.arange(len(targets)), targets] = 1.0
    return hot


def softmax(scores: NDArray[np.floating], temperature: float) -> Doubles:
    """Probabilities, row by row."""
    scaled = scores.astype(np.float64) / temperature
    shares = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: Doubles = shares / shares.sum(axis=1, keepdims=True)
    return probabilities


def fit_temperature(scores: Floats, targets: Ints) -> float:
    """The temperature with the least cross-entropy on held-out scores (Guo et al. 2017)."""
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(targets))

    def entropy(log_temperature: float) -> float:
        chosen = softmax(scores, float(np.exp(log_temperature)))[rows, targets]
        return float(-np.log(np.maximum(chosen, 1e-12)).mean())

    low, high = np.log(TEMPERATURES)
    return float(np.exp(minimize_scalar(entropy, bounds=(low, high), method="bounded").x))


def fit_threshold(known: Doubles, right: NDArray[np.bool_], foreign: Doubles) -> float:
    """The confidence from which on an intent is believed: about the one with the least cost (Chow 1970).

    A wrong answer costs 1, asking a customer back who was understood costs ``ASKING_COSTS``, and ``FOREIGN_SHARE`` of
    the texts in a chat are taken to belong to no intent. Of the thresholds whose cost is within one standard error of
    the least, which few examples can't tell apart, it is the lowest: the one that asks the least.

    Args:
        known: confidences of held-out texts of the intents; ``right`` where the likeliest intent was the true one.
        foreign: confidences of texts that belong to no intent; may be empty.
    """
    candidates = np.unique(np.round(np.concatenate([known, foreign]), 3))
    of_known = np.where(known < candidates[:, None], ASKING_COSTS, ~right)
    of_foreign = (foreign >= candidates[:, None]) if len(foreign) else np.zeros((len(candidates), 1))
    costs = (1.0 - FOREIGN_SHARE) * of_known.mean(axis=1) + FOREIGN_SHARE * of_foreign.mean(axis=1)
    best = int(np.argmin(costs))
    spread = np.hypot(
        (1.0 - FOREIGN_SHARE) * of_known[best].std() / np.sqrt(len(known)),
        FOREIGN_SHARE * of_foreign[best].std() / np.sqrt(of_foreign.shape[1]),
    )
    return float(candidates[np.argmax(costs <= costs[best] + spread)])
