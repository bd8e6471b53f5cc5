"""Calibrates and measures act, the 28 emotions, urgency, politeness and toxicity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models_onnx.acts import settled
from models_onnx.builders import Example
from models_onnx.calibrate import fit_logistic, fit_temperature, fit_thresholds
from models_onnx.labels import ACTS, FINE_EMOTIONS, URGENCY_TARGETS, URGENT_LEVEL
from models_onnx.metrics import (
    Floats,
    Ints,
    accuracy,
    auroc,
    expected_calibration_error,
    macro_f1,
    multilabel_macro_f1,
    pearson,
    sigmoid,
    softmax,
)
from models_onnx.pack import Calibration

Examples = Mapping[str, Sequence[Example]]
Outputs = Mapping[str, Mapping[str, NDArray[np.float32]]]
"""Raw outputs by data set, then by output name."""

ACT_SETS = ("clinc150", "multidogo", "bitext", "nlupp", "authored")
"""The mixed validation of acts; MultiDoGO with each text once."""

POLITENESS_SCALE = 0.65  # of tanh: a request that its annotators found one deviation more polite than usual gets .6
CALM_SETS = ("clinc150", "multidogo")
"""Service texts, taken for harmless: what a toxic text stands out from in a chat."""


def _logits(outputs: Outputs, names: Sequence[str], head: str) -> Floats:
    return np.concatenate([np.asarray(outputs[name][head], dtype=np.float64) for name in names])


def _column(outputs: Outputs, name: str, head: str) -> Floats:
    return np.asarray(outputs[name][head], dtype=np.float64)[:, 0]


def _acts(outputs: Outputs, examples: Examples, names: Sequence[str]) -> tuple[Floats, Ints]:
    """Logits and truths of the rows that have one act."""
    truth = [settled(row.act) for name in names for row in examples[name]]
    kept = [index for index, act in enumerate(truth) if act is not None]
    return _logits(outputs, names, "act")[kept], np.array([act for act in truth if act is not None])


def act_temperature(outputs: Outputs, examples: Examples) -> float:
    """Fitted on the mixed validation."""
    logits, truth = _acts(outputs, examples, ACT_SETS)
    return fit_temperature(logits, np.eye(len(ACTS), dtype=np.bool_)[truth], np.ones(len(truth)))


def act_metrics(outputs: Outputs, examples: Examples, calibration: Calibration) -> dict[str, Any]:
    """Macro-F1 on the mixed validation, on what was authored alone, and on the blind turns."""
    logits, truth = _acts(outputs, examples, ACT_SETS)
    measured: dict[str, Any] = {
        "act_macro_f1": macro_f1(logits.argmax(axis=1), truth, len(ACTS)),
        "act_accuracy": accuracy(logits.argmax(axis=1), truth),
        "act_rows": len(truth),
        "act_ece": expected_calibration_error(softmax(logits, calibration.temperatures["act"]), truth),
    }
    for index, label in enumerate(ACTS):
        called, present = logits.argmax(axis=1) == index, truth == index
        measured[f"act_f1_{label}"] = multilabel_macro_f1(called[:, None], present[:, None])
    for name in ("authored", "blind"):
        logits, truth = _acts(outputs, examples, (name,))
        measured[f"act_{name}_macro_f1"] = macro_f1(logits.argmax(axis=1), truth, len(ACTS))
        measured[f"act_{name}_accuracy"] = accuracy(logits.argmax(axis=1), truth)
        measured[f"{name}_rows"] = len(truth)
    return measured


def _fine(outputs: Outputs, examples: Examples) -> tuple[Floats, NDArray[np.bool_]]:
    present = np.zeros((len(examples["goemotions"]), len(FINE_EMOTIONS)), dtype=np.bool_)
    for index, row in enumerate(examples["goemotions"]):
        present[index, list(row.fine_emotions or ())] = True
    return sigmoid(_logits(outputs, ("goemotions",), "fine_emotions")), present


def fine_thresholds(outputs: Outputs, examples: Examples) -> tuple[float, ...]:
    """The thresholds of the 28, each for its best F1."""
    return fit_thresholds(*_fine(outputs, examples))


def fine_metrics(outputs: Outputs, examples: Examples, calibration: Calibration) -> dict[str, Any]:
    """Macro-F1 of the 28 with the calibration's thresholds, and with .5 for all."""
    probabilities, present = _fine(outputs, examples)
    return {
        "fine_emotions_macro_f1": multilabel_macro_f1(probabilities >= np.array(calibration.thresholds), present),
        "fine_emotions_macro_f1_at_half": multilabel_macro_f1(probabilities >= 0.5, present),
    }


def _urgent(examples: Examples, name: str) -> NDArray[np.bool_]:
    return np.array([(row.urgency or 0.0) >= URGENCY_TARGETS[URGENT_LEVEL] for row in examples[name]])


def _toxic(examples: Examples) -> NDArray[np.bool_]:
    return np.array([(row.toxicity or 0.0) > 0.5 for row in examples["offensive"]])


def fit_curves(outputs: Outputs, examples: Examples) -> dict[str, tuple[float, float]]:
    """Scale and bias of urgency, toxicity and politeness. The blind turns take no part."""
    toxic = _column(outputs, "offensive", "toxicity")
    calm = np.concatenate([_column(outputs, name, "toxicity") for name in CALM_SETS])
    truth = np.concatenate([_toxic(examples), np.zeros(len(calm), dtype=np.bool_)])
    return {
        "urgency": fit_logistic(_column(outputs, "authored", "urgency"), _urgent(examples, "authored")),
        "toxicity": fit_logistic(np.concatenate([toxic, calm]), truth),
        "politeness": (POLITENESS_SCALE, 0.0),
    }


def tone_metrics(outputs: Outputs, examples: Examples, calibration: Calibration) -> dict[str, Any]:
    """Urgency on the blind turns and on what was authored, toxicity, politeness."""
    scale, bias = calibration.curves["toxicity"]
    chat = sigmoid(scale * _column(outputs, "multidogo", "toxicity") + bias)
    polite = np.array([row.politeness or 0.0 for row in examples["politeness"]])
    measured: dict[str, Any] = {
        "politeness_pearson": pearson(_column(outputs, "politeness", "politeness"), polite),
        "toxicity_auroc": auroc(_column(outputs, "offensive", "toxicity"), _toxic(examples)),
        "toxicity_chat_flagged": float((chat >= 0.5).mean()),
        "politeness_rows": len(polite),
        "offensive_rows": len(examples["offensive"]),
    }
    for name in ("blind", "authored"):
        urgent = _urgent(examples, name)
        measured[f"urgency_{name}_auroc"] = auroc(_column(outputs, name, "urgency"), urgent)
        measured[f"urgency_{name}_urgent_rows"] = int(urgent.sum())
    return measured
