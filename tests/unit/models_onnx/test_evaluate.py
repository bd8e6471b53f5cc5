"""Calibration and metrics of every head on outputs whose quality is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from models_onnx.builders import OUTLIER, Example
from models_onnx.data import read_intent_labels, read_split
from models_onnx.evaluate import calibrate, evaluate
from models_onnx.labels import ACTS, EMOTIONS, FINE_EMOTIONS, URGENCY_TARGETS
from tests.train.toy import INTENTS, write_toy_data

Arrays = Mapping[str, NDArray[np.float32]]


@pytest.fixture(scope="module")
def validation(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Sequence[Example]]:
    data = write_toy_data(tmp_path_factory.mktemp("data"), copies=4)
    return read_split(data, "val", read_intent_labels(data))


def _knowing(rows: Sequence[Example], sharpness: float) -> Arrays:
    """Outputs of a model that knows every label and is as sure as `sharpness` says."""
    count = len(rows)
    made = {name: np.zeros((count, width), np.float32) for name, width in _widths().items()}
    for index, row in enumerate(rows):
        if row.intent not in (None, OUTLIER):
            made["intent"][index, row.intent] = sharpness
        for name, labels in (("emotions", row.emotions), ("sentiment", row.sentiments)):
            made[name][index, list(labels or ())] = sharpness
        made["fine_emotions"][index] = -sharpness
        made["fine_emotions"][index, list(row.fine_emotions or ())] = sharpness
        if row.act is not None:
            made["act"][index] = sharpness * np.array(row.act)
        made["urgency"][index] = sharpness * ((row.urgency or 0.0) - 0.5)
        made["toxicity"][index] = sharpness * ((row.toxicity or 0.0) - 0.5)
        made["politeness"][index] = row.politeness or 0.0
    return made


def _widths() -> dict[str, int]:
    wide = {"intent": len(INTENTS), "sentiment": 5, "emotions": len(EMOTIONS), "act": len(ACTS)}
    return wide | {"fine_emotions": len(FINE_EMOTIONS), "urgency": 1, "toxicity": 1, "politeness": 1}


def test_a_model_that_knows_all_measures_one_everywhere(validation: Mapping[str, Sequence[Example]]) -> None:
    outputs = {name: _knowing(rows, 9.0) for name, rows in validation.items()}
    measured = evaluate(outputs, validation, calibrate(outputs, validation))
    perfect = (
        *("clinc150_in_scope_accuracy", "clinc150_oos_auroc", "clinc150_oos_recall_at_95", "emotions_macro_f1"),
        *("act_macro_f1", "act_blind_macro_f1", "act_authored_accuracy", "urgency_blind_auroc"),
        *("urgency_authored_auroc", "politeness_pearson", "toxicity_auroc"),
    )
    assert {name: measured[name] for name in perfect} == pytest.approx(dict.fromkeys(perfect, 1.0))
    assert measured["toxicity_chat_flagged"] == 0.0
    assert measured["act_ece"] < 0.02


def test_a_model_that_knows_nothing_measures_chance(validation: Mapping[str, Sequence[Example]]) -> None:
    generator = np.random.default_rng(0)
    outputs = {
        name: {head: generator.normal(size=(len(rows), width)).astype(np.float32) for head, width in _widths().items()}
        for name, rows in validation.items()
    }
    measured = evaluate(outputs, validation, calibrate(outputs, validation))
    assert measured["act_blind_accuracy"] < 0.3
    assert 0.35 < measured["urgency_blind_auroc"] < 0.65
    assert abs(measured["politeness_pearson"]) < 0.8


def test_blind_turns_change_no_calibration(validation: Mapping[str, Sequence[Example]]) -> None:
    outputs = {name: _knowing(rows, 3.0) for name, rows in validation.items()}
    plain = calibrate(outputs, validation)
    spoiled = {head: -array for head, array in outputs["blind"].items()}
    assert calibrate({**outputs, "blind": spoiled}, validation) == plain


def test_a_model_too_sure_is_cooled_and_one_too_unsure_warmed(validation: Mapping[str, Sequence[Example]]) -> None:
    temperatures = []
    for sharpness in (30.0, 1.0):
        outputs = {name: dict(_knowing(rows, sharpness)) for name, rows in validation.items()}
        for found in outputs.values():
            found["act"][::5] = np.roll(found["act"][::5], 1, axis=1)  # a fifth is wrong
        temperatures.append(calibrate(outputs, validation).temperatures["act"])
    assert temperatures[0] > 1.5
    assert temperatures[1] < 1.0


def test_half_an_urgency_lies_between_the_levels(validation: Mapping[str, Sequence[Example]]) -> None:
    outputs = {name: _knowing(rows, 10.0) for name, rows in validation.items()}
    scale, bias = calibrate(outputs, validation).curves["urgency"]
    calm, urgent = (10.0 * (URGENCY_TARGETS[level] - 0.5) for level in (1, 2))
    assert scale > 0
    assert scale * calm + bias < 0.0 < scale * urgent + bias
