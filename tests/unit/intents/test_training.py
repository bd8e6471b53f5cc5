"""Training: what is held out is really held out, the result is the same each time, and it is as sure as it is right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.intents import training
from inference.intents.fitting import softmax
from inference.intents.table import AUTHORED, folds_of, tabulate
from inference.intents.training import calibration_error, cross_validated, fit
from tests.unit.intents.support import clouds, embed, shop


class TestTable:
    table = tabulate(shop(), embed)

    def test_variants_share_their_examples_weight_and_group(self) -> None:
        rows = [row for row, text in enumerate(self.table.texts) if text.startswith(("return the", "bring back the"))]
        texts = {self.table.texts[row] for row in rows}
        assert texts == {"return the tent", "return the stove", "bring back the tent", "bring back the stove"}
        assert len({int(self.table.groups[row]) for row in rows}) == 1
        whole = self.table.weights[self.table.texts.index("send it back")]
        assert self.table.weights[rows].sum() == pytest.approx(whole)

    def test_name_and_ask_are_rows_but_no_examples(self) -> None:
        authored = {text for text, group in zip(self.table.texts, self.table.groups, strict=True) if group == AUTHORED}
        # "Send it back" is an example already, the ask of hours its first one, and that of stock its name.
        assert authored == {"hours", "returns", "stock"}
        assert len(self.table.first) == 10

    @given(st.integers(2, 10), st.integers(0, 1_000))
    def test_folds_part_examples_evenly_and_keep_variants_together(self, folds: int, seed: int) -> None:
        table = self.table
        found = folds_of(table, folds, np.random.default_rng(seed))
        assert (found[table.groups == AUTHORED] == -1).all()
        assert ((found >= 0) & (found < folds))[table.groups != AUTHORED].all()
        for group in range(len(table.first)):
            assert len(set(found[table.groups == group].tolist())) == 1
        for target in range(3):
            own = table.first[table.targets[table.first] == target]
            assert np.ptp(np.bincount(found[own], minlength=folds)) <= 1


@pytest.mark.parametrize("kind", ["kernel", "logistic"])
class TestFit:
    @pytest.fixture(autouse=True)
    def _kind(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(training, "KERNEL_UP_TO", 10**6 if kind == "kernel" else 0)

    def test_learns_what_can_be_learned(self, kind: str) -> None:
        fitted = fit(clouds())
        probe = clouds(seed=0, each=200)
        right = fitted.classifier.scores(probe.x).argmax(axis=1) == probe.targets
        assert fitted.classifier.kind == kind
        assert right.mean() > 0.97

    def test_is_deterministic(self, kind: str) -> None:
        first, second = fit(clouds()), fit(clouds())
        assert first.classifier.weights.tobytes() == second.classifier.weights.tobytes()
        assert (first.temperature, first.threshold) == (second.temperature, second.threshold)

    def test_refuses_texts_of_other_intents(self, kind: str) -> None:
        table = clouds(classes=8, each=20)
        known = table.targets < 6
        part = replace(
            table,
            labels=table.labels[:6],
            texts=table.texts[: known.sum()],
            x=table.x[known],
            targets=table.targets[known],
            weights=table.weights[known],
            groups=table.groups[known],
        )
        fitted = fit(part)
        sure = softmax(fitted.classifier.scores(table.x), fitted.temperature).max(axis=1)
        assert (sure[known] >= fitted.threshold).mean() > 0.9
        assert (sure[~known] < fitted.threshold).mean() > 0.9

    def test_labels_at_random_are_told_as_such(self, kind: str) -> None:
        table = clouds(each=40)
        shuffled = replace(table, targets=np.random.default_rng(0).permutation(table.targets))
        assert fit(shuffled).figures["accuracy"] < 0.3
        rows, probabilities = cross_validated(shuffled, fit(shuffled), folds=4)
        assert (probabilities.argmax(axis=1) == shuffled.targets[rows]).mean() < 0.3

    def test_cross_validation_tests_each_example_once(self, kind: str) -> None:
        table = clouds()
        rows, probabilities = cross_validated(table, fit(table), folds=5)
        assert sorted(rows.tolist()) == table.first.tolist()
        assert np.allclose(probabilities.sum(axis=1), 1.0)
        assert (probabilities.argmax(axis=1) == table.targets[rows]).mean() > 0.95

    def test_two_intents_of_two_examples_are_enough(self, kind: str) -> None:
        fitted = fit(clouds(classes=2, each=2))
        assert 0.0 <= fitted.threshold <= 1.0


def test_many_examples_are_learned_by_logistic_regression() -> None:
    assert fit(clouds(classes=4, each=training.KERNEL_UP_TO // 4 + 1)).classifier.kind == "logistic"


@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=20)
def test_calibration_error_of_honest_confidence_is_small(seed: int) -> None:
    rng = np.random.default_rng(seed)
    confidence = rng.random(20_000)
    right = rng.random(20_000) < confidence
    assert calibration_error(confidence, right) < 0.03
    assert calibration_error(np.full(20_000, 0.99), right) > 0.4
