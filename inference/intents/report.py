"""What a test of intents says: accuracy and calibration, each intent, each error (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.confusion import class_figures, confusion_of
from inference.intents.fitting import Doubles, Ints
from inference.intents.training import calibration_error


def report(
    labels: Sequence[str], texts: Sequence[str], targets: Ints, probabilities: Doubles, threshold: float
) -> dict[str, Any]:
    """The test of ``texts`` whose true labels are ``targets``, as JSON values; ``probabilities`` (texts, labels).

    ``answered``: the share at or above the threshold; of ``intents``, precision and F1 are null where they have no
    meaning; ``errors`` come the surest first; ``confusion[i][j]``: texts of label i that were taken for label j.
    """
    guesses = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    right = guesses == targets
    sure = confidence >= threshold
    confusion = confusion_of(targets, guesses, len(labels))
    intents = _intents(labels, confusion)
    f1 = [row["f1"] or 0.0 for row in intents if row["examples"]]
    return {
        "examples": len(texts),
        "accuracy": _share(right),
        "macro_f1": round(float(np.mean(f1)), 4),
        "calibration_error": round(calibration_error(confidence, right), 4),
        "threshold": round(threshold, 4),
        "answered": _share(sure),
        "right_of_answered": _share(right[sure]) if sure.any() else None,
        "intents": intents,
        "errors": _errors(labels, texts, targets, probabilities),
        "labels": list(labels),
        "confusion": confusion.tolist(),
    }


def _intents(labels: Sequence[str], confusion: Ints) -> list[dict[str, Any]]:
    return [
        {"intent": label, "examples": own.rows, "precision": own.precision, "recall": own.recall, "f1": own.f1}
        for label, own in zip(labels, class_figures(confusion), strict=True)
    ]


def _errors(labels: Sequence[str], texts: Sequence[str], targets: Ints, probabilities: Doubles) -> list[dict[str, Any]]:
    guesses = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(guesses != targets)
    return [
        {
            "text": texts[row],
            "intent": labels[targets[row]],
            "taken_for": labels[guesses[row]],
            "confidence": round(float(probabilities[row].max()), 4),
        }
        for row in sorted(wrong.tolist(), key=lambda row: -float(probabilities[row].max()))
    ]


def _share(values: NDArray[np.bool_]) -> float:
    return round(float(values.mean()), 4)
