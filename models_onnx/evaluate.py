"""Measures a model's outputs on the validation splits, head by head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from models_onnx.builders import OUTLIER, Example
from models_onnx.calibrate import SCORES, choose_score, fit_bias, fit_logistic, fit_temperature
from models_onnx.evaluate_tones import (
    Examples,
    Outputs,
    act_metrics,
    act_temperature,
    fine_metrics,
    fine_thresholds,
    fit_curves,
    tone_metrics,
)
from models_onnx.labels import EMOTIONS, POLARITY_CLASSES, SENTIMENTS
from models_onnx.metrics import (
    Floats,
    Ints,
    accuracy,
    auroc,
    caught_at,
    expected_calibration_error,
    macro_f1,
    softmax,
)
from models_onnx.pack import Calibration

SENTIMENT_SETS = ("dynasent", "uci_sentences", "reviews_clothing")
EMOTION_SETS = ("goemotions", "xed")


def calibrate(outputs: Outputs, examples: Examples) -> Calibration:
    """Temperatures, and the out-of-scope curve, fitted on these rows."""
    intent = np.asarray(outputs["clinc150"]["intent"], dtype=np.float64)
    truth = _intents(examples)
    outside = truth == OUTLIER
    score = choose_score(intent, outside)
    scale, offset = fit_logistic(SCORES[score](intent), outside)
    inside = ~outside
    feelings, felt = _single_emotions(outputs, examples, EMOTION_SETS)
    bias = fit_bias(feelings, felt)
    return Calibration(
        temperatures={
            "intent": _temperature(intent[inside], [(label,) for label in truth[inside]]),
            "sentiment": _sentiment_temperature(outputs, examples),
            "emotions": _temperature(feelings + np.array(bias), [(int(label),) for label in felt]),
            "act": act_temperature(outputs, examples),
        },
        score=score,
        scale=scale,
        bias=offset,
        thresholds=fine_thresholds(outputs, examples),
        curves=fit_curves(outputs, examples),
        emotions_bias=bias,
    )


def evaluate(outputs: Outputs, examples: Examples, calibration: Calibration) -> dict[str, Any]:
    """Every metric of the model card, on these rows."""
    measured = (
        _intent_metrics(outputs, examples, calibration)
        | _emotion_metrics(outputs, examples, calibration)
        | _sentiment_metrics(outputs, examples, calibration)
        | act_metrics(outputs, examples, calibration)
        | fine_metrics(outputs, examples, calibration)
        | tone_metrics(outputs, examples, calibration)
    )
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in measured.items()}


def _intents(examples: Examples) -> Ints:
    return np.array([OUTLIER if row.intent is None else row.intent for row in examples["clinc150"]])


def _temperature(logits: Floats, labels: Sequence[tuple[int, ...]], weights: Floats | None = None) -> float:
    allowed = np.zeros(logits.shape, dtype=np.bool_)
    for index, label in enumerate(labels):
        allowed[index, list(label)] = True
    return fit_temperature(logits, allowed, np.ones(len(labels)) if weights is None else weights)


def _sentiment_temperature(outputs: Outputs, examples: Examples) -> float:
    logits = np.concatenate([np.asarray(outputs[name]["sentiment"], dtype=np.float64) for name in SENTIMENT_SETS])
    labels = [row.sentiments or () for name in SENTIMENT_SETS for row in examples[name]]
    # sets of different sizes count alike
    weights = np.concatenate([np.full(len(examples[name]), 1.0 / len(examples[name])) for name in SENTIMENT_SETS])
    return _temperature(logits, labels, weights)


def _single_emotions(outputs: Outputs, examples: Examples, names: Sequence[str]) -> tuple[Floats, Ints]:
    """Logits and truths of the rows that have exactly one of the six emotions after mapping."""
    logits: list[Floats] = []
    truth: list[int] = []
    for name in names:
        kept = [index for index, row in enumerate(examples[name]) if row.emotions and len(row.emotions) == 1]
        logits.append(np.asarray(outputs[name]["emotions"], dtype=np.float64)[kept])
        truth += [(examples[name][index].emotions or (0,))[0] for index in kept]
    return np.concatenate(logits), np.array(truth)


def _intent_metrics(outputs: Outputs, examples: Examples, calibration: Calibration) -> dict[str, Any]:
    logits, truth = np.asarray(outputs["clinc150"]["intent"], dtype=np.float64), _intents(examples)
    outside = truth == OUTLIER
    inside = ~outside
    score = SCORES[calibration.score](logits)
    flagged = calibration.scale * score + calibration.bias > 0.0
    confidence = softmax(logits[inside], calibration.temperatures["intent"])
    return {
        "clinc150_in_scope_accuracy": accuracy(logits[inside].argmax(axis=1), truth[inside]),
        "clinc150_oos_auroc": auroc(-score, outside),
        "clinc150_oos_recall": float(flagged[outside].mean()),
        "clinc150_oos_recall_at_95": caught_at(-score, outside, kept=0.95),
        "clinc150_in_scope_kept": float(1.0 - flagged[inside].mean()),
        "intent_ece": expected_calibration_error(confidence, truth[inside]),
        "clinc150_in_scope_rows": int(inside.sum()),
        "clinc150_oos_rows": int(outside.sum()),
    }


def _emotion_metrics(outputs: Outputs, examples: Examples, calibration: Calibration) -> dict[str, Any]:
    measured: dict[str, Any] = {}
    bias = np.array(calibration.emotions_bias)
    for name, sets in (("emotions", EMOTION_SETS), ("goemotions", ("goemotions",)), ("xed", ("xed",))):
        logits, truth = _single_emotions(outputs, examples, sets)
        predicted = (logits + bias).argmax(axis=1)
        measured[f"{name}_macro_f1"] = macro_f1(predicted, truth, len(EMOTIONS))
        measured[f"{name}_accuracy"] = accuracy(predicted, truth)
        measured[f"{name}_rows"] = len(truth)
    logits, truth = _single_emotions(outputs, examples, EMOTION_SETS)
    logits = logits + bias
    for index, label in enumerate(EMOTIONS):
        measured[f"emotions_f1_{label}"] = macro_f1(
            (logits.argmax(axis=1) != index).astype(np.int64), (truth != index).astype(np.int64), 1
        )
    confidence = softmax(logits, calibration.temperatures["emotions"])
    measured["emotions_ece"] = expected_calibration_error(confidence, truth)
    return measured


def _polarities(outputs: Outputs, name: str, temperature: float) -> Floats:
    """[rows, 3]: probabilities of negative, neutral, positive."""
    fine = softmax(np.asarray(outputs[name]["sentiment"], dtype=np.float64), temperature)
    return np.stack([fine[:, list(group)].sum(axis=1) for group in POLARITY_CLASSES.values()], axis=1)


def _polarity(row: Example) -> int:
    first = (row.sentiments or (0,))[0]
    return next(index for index, group in enumerate(POLARITY_CLASSES.values()) if first in group)


def _sentiment_metrics(outputs: Outputs, examples: Examples, calibration: Calibration) -> dict[str, Any]:
    temperature = calibration.temperatures["sentiment"]
    coarse = {name: _polarities(outputs, name, temperature) for name in SENTIMENT_SETS}
    truth = {name: np.array([_polarity(row) for row in examples[name]]) for name in SENTIMENT_SETS}
    stars = np.array([(row.sentiments or (0,))[0] for row in examples["reviews_clothing"]])
    given = np.asarray(outputs["reviews_clothing"]["sentiment"]).argmax(axis=1)
    every, all_truth = np.concatenate(list(coarse.values())), np.concatenate(list(truth.values()))
    binary = coarse["uci_sentences"][:, [0, 2]].argmax(axis=1) * 2
    return {
        "sentiment_macro_f1": macro_f1(every.argmax(axis=1), all_truth, 3),
        "dynasent_macro_f1": macro_f1(coarse["dynasent"].argmax(axis=1), truth["dynasent"], 3),
        "uci_accuracy": accuracy(binary, truth["uci_sentences"]),
        "reviews_accuracy": accuracy(given, stars),
        "reviews_within_one_star": float((np.abs(given - stars) <= 1).mean()),
        "reviews_macro_f1": macro_f1(given, stars, len(SENTIMENTS)),
        "sentiment_ece": expected_calibration_error(every, all_truth),
        **{f"{name}_rows": len(examples[name]) for name in SENTIMENT_SETS},
    }
