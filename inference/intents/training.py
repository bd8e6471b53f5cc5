"""A set of intents → a classifier that knows how sure it is (pure, deterministic).

What is chosen (ridge) and fitted (temperature, threshold) is measured on examples that were held out, and for the
threshold on whole intents that were held out: to the rest, their examples are what a text without an intent is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.intents import fitting
from inference.intents.fitting import Doubles, Floats, Ints
from inference.intents.table import Table, folds_of

KERNEL_UP_TO: Final = 2_500
"""Rows. Beyond, closed form costs seconds and its file megabytes, and logistic regression has caught up."""
RIDGES: Final = {"kernel": (0.05, 0.1, 0.3), "logistic": (0.1, 0.05)}
FOLDS: Final = 5
FOREIGN_PARTS: Final = 4
SHORT_ITERATIONS: Final = 40
"""Enough to compare ridges and confidences: .3 points below the last fit on Banking77."""
LONG_ITERATIONS: Final = 80


@dataclass(frozen=True, slots=True)
class Classifier:
    """``kind`` "kernel": ``weights`` (rows of support, classes); "logistic": (385, classes), ``support`` is empty."""

    kind: str
    weights: Floats
    support: Floats

    def scores(self, x: Floats) -> Floats:
        """Embeddings (texts, 384) → scores (texts, classes)."""
        if self.kind == "kernel":
            found: Floats = fitting.kernel(x, self.support) @ self.weights
        else:
            found = x @ self.weights[:-1] + self.weights[-1]
        return found


@dataclass(frozen=True, slots=True)
class Fitted:
    """A classifier with all that was chosen. ``accuracy`` and ``calibration_error`` are of held-out examples."""

    classifier: Classifier
    ridge: float
    temperature: float
    threshold: float
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Scores of examples by classifiers that have not seen them. ``rows`` are the table's."""

    rows: Ints
    scores: Floats


def fit(table: Table, *, seed: int = 0) -> Fitted:
    """Choose the ridge, fit, and measure how sure to be.

    One thread does the sums: more of them wait for each other on a busy machine, up to eight times as long.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        rng = np.random.default_rng(seed)
        kind = "kernel" if len(table.texts) <= KERNEL_UP_TO else "logistic"
        folds = folds_of(table, FOLDS, rng)
        tested = range(FOLDS) if kind == "kernel" else range(1)
        held = {ridge: _held_out(table, folds, tested, kind, ridge) for ridge in RIDGES[kind]}
        ridge = max(held, key=lambda one: _accuracy(table, held[one]))
        best = held[ridge]
        temperature = fitting.fit_temperature(best.scores, table.targets[best.rows])
        foreign = _foreign(table, kind, ridge, temperature, rng)
        known = fitting.softmax(best.scores, temperature)
        right = known.argmax(axis=1) == table.targets[best.rows]
        sure = known.max(axis=1)
        threshold = fitting.fit_threshold(sure, right, foreign)
        classifier = _fit(table, np.ones(len(table.texts), dtype=bool), kind, ridge, iterations=LONG_ITERATIONS)
    figures = {
        "held_out": float(len(right)),
        "accuracy": float(right.mean()),
        "calibration_error": calibration_error(sure, right),
        "answered": float((sure >= threshold).mean()),
        "right_of_answered": float(right[sure >= threshold].mean()) if (sure >= threshold).any() else 0.0,
    }
    if len(foreign):
        figures["foreign_refused"] = float((foreign < threshold).mean())
    return Fitted(classifier, ridge, temperature, threshold, figures)


def cross_validated(table: Table, fitted: Fitted, *, folds: int, seed: int = 0) -> tuple[Ints, Doubles]:
    """Every example's first row, and its probabilities by a classifier that has not seen the example.

    Ridge and temperature are ``fitted``'s, chosen on the same examples: three numbers, which can't learn them by heart.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        split = folds_of(table, folds, np.random.default_rng(seed))
        held = _held_out(table, split, range(folds), fitted.classifier.kind, fitted.ridge)
    return held.rows, fitting.softmax(held.scores, fitted.temperature)


def calibration_error(confidence: Doubles, right: NDArray[np.bool_], bins: int = 15) -> float:
    """Expected calibration error, equal-width bins (Guo et al. 2017)."""
    places = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    counts = np.bincount(places, minlength=bins)
    gaps = np.bincount(places, weights=confidence, minlength=bins) - np.bincount(places, weights=right, minlength=bins)
    return float(np.abs(gaps).sum() / max(counts.sum(), 1))


def _held_out(table: Table, folds: Ints, tested: range, kind: str, ridge: float) -> HeldOut:
    first = table.first
    rows: list[Ints] = []
    scores: list[Floats] = []
    for fold in tested:
        own = first[folds[first] == fold]
        if len(own):
            classifier = _fit(table, folds != fold, kind, ridge, iterations=SHORT_ITERATIONS)
            rows.append(own)
            scores.append(classifier.scores(table.x[own]))
    return HeldOut(np.concatenate(rows), np.concatenate(scores))


def _accuracy(table: Table, held: HeldOut) -> float:
    return float((held.scores.argmax(axis=1) == table.targets[held.rows]).mean())


def _foreign(table: Table, kind: str, ridge: float, temperature: float, rng: np.random.Generator) -> Doubles:
    """Confidences of examples whose whole intent was held out, a part of the intents at a time."""
    part_of = rng.permutation(len(table.labels)) % min(FOREIGN_PARTS, len(table.labels))
    first = table.first
    sure = []
    for part in range(int(part_of.max()) + 1 if kind == "kernel" else 1):
        kept = np.flatnonzero(part_of != part)
        if len(kept) < 2:
            continue
        own = first[part_of[table.targets[first]] == part]
        classifier = _fit(table, part_of[table.targets] != part, kind, ridge, iterations=SHORT_ITERATIONS)
        scores = classifier.scores(table.x[own])[:, kept]
        sure.append(fitting.softmax(scores, temperature).max(axis=1))
    return np.concatenate(sure) if sure else np.zeros(0)


def _fit(table: Table, chosen: NDArray[np.bool_], kind: str, ridge: float, *, iterations: int) -> Classifier:
    x, targets, weights = table.rows(chosen)
    classes = len(table.labels)
    if kind == "kernel":
        return Classifier(kind, fitting.fit_kernel(x, targets, weights, classes, ridge), x)
    found = fitting.fit_logistic(x, targets, weights, classes, ridge, max_iterations=iterations)
    return Classifier(kind, found, np.zeros((0, x.shape[1]), dtype=np.float32))
