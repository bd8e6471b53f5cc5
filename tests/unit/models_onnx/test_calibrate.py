"""Calibration finds what generated the data."""

from __future__ import annotations

import numpy as np
import pytest

from models_onnx.calibrate import SCORES, choose_score, fit_bias, fit_logistic, fit_temperature, fit_thresholds
from models_onnx.metrics import macro_f1, softmax


def _one_hot(truth: np.ndarray, classes: int) -> np.ndarray:
    return np.asarray(np.eye(classes, dtype=np.bool_)[truth])


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 2.5])
def test_temperature_is_recovered(true_temperature: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0.0, 2.0, (20_000, 5))
    chances = softmax(logits, true_temperature).cumsum(axis=1)
    truth = np.minimum((chances < rng.random((20_000, 1))).sum(axis=1), 4)
    found = fit_temperature(logits, _one_hot(truth, 5), np.ones(len(truth)))
    assert found == pytest.approx(true_temperature, rel=0.05)


def _skewed() -> tuple[np.ndarray, np.ndarray]:
    """Rows of a frequent and two rare classes, whose logits speak up for the rare ones."""
    rng = np.random.default_rng(0)
    truth = rng.choice(3, 6_000, p=[0.8, 0.1, 0.1])
    return rng.normal(0.0, 1.0, (6_000, 3)) + 2.0 * np.eye(3)[truth] + np.array([-1.5, 1.0, 1.0]), truth


def test_the_bias_takes_back_what_was_given_to_rare_classes() -> None:
    logits, truth = _skewed()
    bias = np.array(fit_bias(logits, truth))
    assert bias[0] > 0 > max(bias[1:])
    assert macro_f1((logits + bias).argmax(axis=1), truth, 3) > macro_f1(logits.argmax(axis=1), truth, 3) + 0.1


def test_a_class_that_never_occurs_leaves_the_bias_finite() -> None:
    logits, truth = _skewed()
    assert np.isfinite(fit_bias(logits, np.minimum(truth, 1))).all()


def test_several_allowed_classes_count_together() -> None:
    logits = np.array([[2.0, 2.0, 0.0]] * 10)
    allowed = np.array([[True, True, False]] * 10)
    assert fit_temperature(logits, allowed, np.ones(10)) == pytest.approx(0.2, rel=0.2)


def test_weights_of_zero_silence_rows() -> None:
    logits = np.array([[3.0, 0.0], [3.0, 0.0]])
    allowed = np.array([[True, False], [False, True]])
    sure = fit_temperature(logits, allowed, np.array([1.0, 0.0]))
    unsure = fit_temperature(logits, allowed, np.array([1.0, 1.0]))
    assert sure < unsure


def test_logistic_puts_a_half_between_the_sides_however_rare_one_is() -> None:
    rng = np.random.default_rng(0)
    inside, outside = rng.normal(8.0, 1.0, 5000), rng.normal(4.0, 1.0, 100)
    score = np.concatenate([inside, outside])
    scale, bias = fit_logistic(score, np.arange(len(score)) >= 5000)
    assert scale < 0
    assert -bias / scale == pytest.approx(6.0, abs=0.4)


def test_logistic_stays_finite_when_sides_part_fully_or_scores_are_equal() -> None:
    outside = np.array([True, False])
    assert all(np.isfinite(fit_logistic(np.array([0.0, 9.0]), outside)))
    assert all(np.isfinite(fit_logistic(np.array([1.0, 1.0]), outside)))


def test_the_better_score_is_chosen() -> None:
    logits = np.array([[5.0, 0.0, 0.0], [4.9, 4.9, 4.9]])
    assert choose_score(logits, np.array([False, True])) == "max_logit"
    logits = np.array([[3.0, 3.0, 3.0], [3.5, -9.0, -9.0]])
    assert choose_score(logits, np.array([False, True])) == "logsumexp"


def test_scores_are_one_number_a_row() -> None:
    for score in SCORES.values():
        assert score(np.zeros((4, 7))).shape == (4,)


def test_thresholds_give_the_best_f1_of_each_class() -> None:
    probabilities = np.array([[0.9, 0.3], [0.4, 0.2], [0.3, 0.1], [0.1, 0.4]])
    present = np.array([[True, False], [True, True], [False, False], [False, True]])
    first, second = fit_thresholds(probabilities, present)
    assert first == pytest.approx(0.35)  # both found, nobody else
    assert second == pytest.approx(0.15)  # two of three right beats one of one


def test_a_class_that_never_occurs_needs_a_half() -> None:
    assert fit_thresholds(np.array([[0.7], [0.1]]), np.array([[False], [False]])) == (0.5,)
