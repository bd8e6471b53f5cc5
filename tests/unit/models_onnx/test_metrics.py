"""Metrics against values worked out by hand, and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import auc, f1_score, roc_auc_score

from models_onnx.metrics import (
    accuracy,
    auroc,
    caught_at,
    expected_calibration_error,
    logsumexp,
    macro_f1,
    multilabel_macro_f1,
    pearson,
    roc_curve,
    sigmoid,
    softmax,
)


def test_softmax_sums_to_one_and_survives_large_logits() -> None:
    probabilities = softmax(np.array([[1000.0, 1000.0], [0.0, math.log(3.0)]]))
    assert probabilities == pytest.approx(np.array([[0.5, 0.5], [0.25, 0.75]]))


def test_temperature_softens() -> None:
    logits = np.array([[0.0, 2.0]])
    assert softmax(logits, 2.0) == pytest.approx(softmax(logits / 2.0))


def test_logsumexp() -> None:
    assert logsumexp(np.array([[0.0, 0.0], [1000.0, 0.0]])) == pytest.approx(np.array([math.log(2.0), 1000.0]))


def test_accuracy() -> None:
    assert accuracy(np.array([0, 1, 2]), np.array([0, 1, 1])) == pytest.approx(2 / 3)


def test_macro_f1_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    predicted, truth = rng.integers(0, 6, 500), rng.integers(0, 6, 500)
    assert macro_f1(predicted, truth, 6) == pytest.approx(f1_score(truth, predicted, average="macro"))


def test_macro_f1_leaves_an_absent_class_out() -> None:
    assert macro_f1(np.array([0, 0]), np.array([0, 0]), 6) == 1.0


def test_auroc_is_scikit_learns_with_ties() -> None:
    rng = np.random.default_rng(1)
    scores, positive = rng.integers(0, 10, 400).astype(np.float64), rng.random(400) < 0.2
    assert auroc(scores, positive) == pytest.approx(roc_auc_score(positive, scores))


def test_auroc_of_one_side_only_is_not_a_number() -> None:
    assert math.isnan(auroc(np.array([1.0]), np.array([True])))


def test_calibration_error_of_a_sure_and_right_classifier_is_zero() -> None:
    assert expected_calibration_error(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 1])) == 0.0


def test_calibration_error_by_hand() -> None:
    probabilities = np.array([[0.8, 0.2]] * 4)
    assert expected_calibration_error(probabilities, np.array([0, 0, 1, 1])) == pytest.approx(0.3)


def test_sigmoid_survives_large_logits() -> None:
    assert sigmoid(np.array([-1000.0, 0.0, math.log(3.0), 1000.0])) == pytest.approx([0.0, 0.5, 0.75, 1.0])


def test_multilabel_macro_f1_is_scikit_learns() -> None:
    rng = np.random.default_rng(2)
    called, present = rng.random((300, 4)) < 0.3, rng.random((300, 4)) < 0.4
    assert multilabel_macro_f1(called, present) == pytest.approx(f1_score(present, called, average="macro"))


def test_pearson_of_a_line_is_one() -> None:
    values = np.array([1.0, 4.0, 2.0])
    assert pearson(values, 3.0 * values - 7.0) == pytest.approx(1.0)
    assert pearson(values, -values) == pytest.approx(-1.0)


def test_caught_where_most_of_the_others_are_kept() -> None:
    inside = np.arange(100, dtype=np.float64)
    scores = np.concatenate([inside, [94.0, 96.0, 200.0]])
    assert caught_at(scores, np.arange(103) >= 100, kept=0.95) == pytest.approx(2 / 3)


def test_the_curve_encloses_the_area() -> None:
    generator = np.random.default_rng(2)
    scores, positive = np.round(generator.normal(size=300), 1), generator.random(300) < 0.3  # with ties
    false, true = roc_curve(scores + positive, positive)
    assert (false[0], true[0], false[-1], true[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert (np.diff(false) >= 0).all()
    assert (np.diff(true) >= 0).all()
    assert auc(false, true) == pytest.approx(auroc(scores + positive, positive))
