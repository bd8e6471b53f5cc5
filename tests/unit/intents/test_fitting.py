"""The classifiers do what their formulas say, and temperature and threshold what their names say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression

from inference.intents import fitting
from tests.unit.intents.support import clouds


def test_logistic_regression_finds_what_sklearn_finds() -> None:
    table = clouds(spread=2.0)
    ridge = 0.3
    own = fitting.fit_logistic(table.x, table.targets, table.weights, 6, ridge, max_iterations=500)
    peer = LogisticRegression(C=1 / ridge, max_iter=2_000, tol=1e-8).fit(table.x.astype(float), table.targets)
    mine = fitting.softmax(table.x @ own[:-1] + own[-1], 1.0)
    assert np.abs(mine - peer.predict_proba(table.x)).max() < 0.01


def test_kernel_ridge_finds_what_sklearn_finds() -> None:
    table = clouds(spread=2.0)
    weights = np.linspace(0.5, 2.0, len(table.x), dtype=np.float32)
    dual = fitting.fit_kernel(table.x, table.targets, weights, 6, 0.1)
    peer = KernelRidge(alpha=0.1, kernel="rbf", gamma=fitting.GAMMA / 2)
    peer.fit(table.x.astype(float), fitting.one_hot(table.targets, 6), sample_weight=weights)
    assert np.abs(fitting.kernel(table.x, table.x) @ dual - peer.predict(table.x)).max() < 1e-3


def test_a_weight_of_two_is_the_row_twice() -> None:
    table = clouds(classes=3, each=4)
    doubled = np.r_[np.arange(12), 0]
    weights = table.weights.copy()
    weights[0] = 2.0
    once = fitting.fit_kernel(table.x, table.targets, weights, 3, 0.1)
    twice = fitting.fit_kernel(table.x[doubled], table.targets[doubled], np.ones(13, dtype=np.float32), 3, 0.1)
    probe = clouds(classes=3, each=4, seed=1).x
    by_weight = fitting.kernel(probe, table.x) @ once
    by_row = fitting.kernel(probe, table.x[doubled]) @ twice
    assert np.allclose(by_weight, by_row, atol=1e-4)


@given(st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_fitted_temperature_is_the_best_of_many(seed: int) -> None:
    rng = np.random.default_rng(seed)
    targets = rng.integers(4, size=60)
    scores = (3 * rng.normal(size=(60, 4)) + 2 * fitting.one_hot(targets, 4)).astype(np.float32)

    def entropy(temperature: float) -> float:
        return float(-np.log(fitting.softmax(scores, temperature)[np.arange(60), targets]).mean())

    found = fitting.fit_temperature(scores, targets)
    assert entropy(found) <= min(entropy(one) for one in np.geomspace(0.05, 15.0, 40)) + 1e-4


class TestThreshold:
    def test_lies_between_what_is_known_and_what_is_foreign(self) -> None:
        known, foreign = np.array([0.7, 0.8, 0.9]), np.array([0.2, 0.3, 0.4])
        assert 0.4 < fitting.fit_threshold(known, np.ones(3, dtype=bool), foreign) <= 0.7

    def test_wrong_answers_count_as_misses(self) -> None:
        known, foreign = np.array([0.5, 0.55, 0.9, 0.95]), np.array([0.6])
        right = np.array([False, False, True, True])
        assert 0.6 < fitting.fit_threshold(known, right, foreign) <= 0.9

    @given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.lists(st.floats(0, 1), min_size=1, max_size=30))
    def test_is_a_probability(self, known: list[float], foreign: list[float]) -> None:
        found = fitting.fit_threshold(np.array(known), np.ones(len(known), dtype=bool), np.array(foreign))
        assert 0.0 <= found <= 1.0


@pytest.mark.parametrize("temperature", [0.01, 1.0, 20.0])
def test_softmax_of_large_scores_stays_finite(temperature: float) -> None:
    found = fitting.softmax(np.array([[1e4, -1e4, 0.0]], dtype=np.float32), temperature)
    assert np.isfinite(found).all()
    assert found.sum() == pytest.approx(1.0)
