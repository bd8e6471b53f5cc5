"""The judgement: verdicts where the log can carry one, typed refusals where it can't."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from adapters.ope import (
    ESTIMATOR_NAMES,
    Evaluation,
    Gates,
    Log,
    LogError,
    Question,
    Reason,
    Refusal,
    estimator_named,
    evaluate,
)
from adapters.ope.diagnostics import diagnose
from tests.unit.adapters.ope.worlds import made


def coin_log(rows: int = 4_000, chances: tuple[float, ...] = (0.5, 0.5), **changes: Any) -> Log:
    """Arm 1 pays 80 %, arm 0 pays 20 %."""
    rng = np.random.default_rng(0)
    actions = rng.choice(len(chances), size=rows, p=chances)
    rewards = (rng.random(rows) < np.where(actions == 1, 0.8, 0.2)).astype(float)
    arms = tuple("abc"[: len(chances)])
    values: dict[str, Any] = {"actions": actions, "rewards": rewards, "probabilities": np.tile(chances, (rows, 1))}
    return Log.of(arms, np.ones((rows, 1)), **(values | changes))


def always(log: Log, arm: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.tile(np.eye(len(log.arms))[arm], (log.rows, 1))


@pytest.mark.parametrize("name", ESTIMATOR_NAMES)
def test_verdicts(name: str) -> None:
    log = coin_log()
    question = Question(estimator_named(name))
    cases = ((always(log, 1), "better", 0.8), (always(log, 0), "worse", 0.2), (log.probabilities, "unclear", 0.5))
    for target, verdict, value in cases:
        found = evaluate(log, target, question)
        assert isinstance(found, Evaluation)
        assert found.verdict == verdict
        assert found.target.value == pytest.approx(value, abs=0.05)
        low, high = found.target.bounds.interval
        assert low <= value <= high
        assert found.difference.value == found.target.value - found.logged.value


def test_rewards_in_other_units() -> None:
    log = coin_log()
    dollars = Log.of(
        log.arms,
        log.contexts,
        log.actions,
        10.0 * log.rewards - 5.0,
        log.probabilities,
        reward_low=-5.0,
        reward_high=5.0,
    )
    for name in ESTIMATOR_NAMES:
        question = Question(estimator_named(name))
        plain, scaled = evaluate(log, always(log, 1), question), evaluate(dollars, always(log, 1), question)
        assert isinstance(plain, Evaluation) and isinstance(scaled, Evaluation)
        for end in (0, 1):
            for kind in ("interval", "sequence"):
                before, after = (getattr(found.target.bounds, kind)[end] for found in (plain, scaled))
                assert after == pytest.approx(10.0 * before - 5.0)
                before, after = (getattr(found.difference.bounds, kind)[end] for found in (plain, scaled))
                assert after == pytest.approx(10.0 * before)


def refused(log: Log, target: Any, name: str = "dr", gates: Gates | None = None) -> Refusal:
    found = evaluate(log, target, Question(estimator_named(name), gates=gates or Gates()))
    assert isinstance(found, Refusal)
    return found


class TestRefusals:
    def test_too_few_rows(self) -> None:
        for rows in (0, 1, 99):
            log = coin_log(rows)
            assert refused(log, always(log, 1)).reason is Reason.TOO_FEW_ROWS

    def test_deterministic_logging(self) -> None:
        log = coin_log(chances=(0.0, 1.0))
        found = refused(log, always(log, 1))
        assert found.reason is Reason.DETERMINISTIC_LOGGING and "policy_floor" in found.text

    def test_missing_arms(self) -> None:
        log = coin_log(chances=(0.5, 0.5, 0.0))
        target = np.tile([0.5, 0.25, 0.25], (log.rows, 1))
        found = refused(log, target)
        assert found.reason is Reason.MISSING_ARMS and "c (25%)" in found.text
        assert found.diagnostics.covered == pytest.approx(0.75)

    def test_one_row_that_carries_everything(self) -> None:
        chances = np.tile([1.0 - 1e-5, 1e-5], (2_000, 1))
        actions = np.zeros(2_000, dtype=int)
        actions[7] = 1
        log = coin_log(2_000, actions=actions, rewards=np.ones(2_000), probabilities=chances)
        target = np.tile([0.2, 0.8], (2_000, 1))
        assert refused(log, target).reason is Reason.WEIGHTS_TOO_LARGE
        open_gates = Gates(max_share=1.0)
        assert refused(log, target, gates=open_gates).reason is Reason.TOO_FEW_EFFECTIVE_ROWS

    def test_probabilities_that_were_not_drawn_by(self) -> None:
        log = coin_log()
        lied = Log.of(log.arms, log.contexts, log.actions, log.rewards, np.tile([0.4, 0.6], (log.rows, 1)))
        found = refused(lied, always(log, 1))
        assert found.reason is Reason.WRONG_PROBABILITIES and "more often" in found.text and "'a'" in found.text

    def test_honest_logs_are_not_called_liars(self) -> None:
        worst = max(abs(diagnose(made(seed, 500)[1], made(seed, 500)[0].target).draws_z) for seed in range(50))
        assert 1.0 < worst < Gates().max_draws_z

    def test_only_ips_can_do_with_the_drawn_arms_probability(self) -> None:
        log = coin_log()
        chances = np.where(np.arange(2) == log.actions[:, None], log.probabilities, np.nan)
        partly = Log.of(log.arms, log.contexts, log.actions, log.rewards, chances)
        for name in ESTIMATOR_NAMES:
            found = evaluate(partly, always(log, 1), Question(estimator_named(name)))
            if name == "ips":
                assert isinstance(found, Evaluation) and found.verdict == "better"
                assert found.diagnostics.covered is None
            else:
                assert isinstance(found, Refusal) and found.reason is Reason.UNKNOWN_PROBABILITIES


class TestDiagnostics:
    def test_of_uniform_logging(self) -> None:
        log = coin_log()
        found = diagnose(log, always(log, 1))
        ones = int(log.actions.sum())
        assert found.effective_rows == pytest.approx(ones) and found.largest_weight == 2.0
        assert found.largest_share == pytest.approx(1.0 / ones)
        assert (found.covered, found.uncovered_arms, found.certain) == (1.0, (), 0.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rewards": np.full(10, 1.5)}, "row 1: the reward is not from 0 to 1"),
        ({"rewards": np.full(10, np.nan)}, "row 1: the reward"),
        ({"actions": np.full(10, 2)}, "row 1: the arm"),
        ({"actions": np.full(10, 0.5)}, "whole numbers"),
        ({"probabilities": np.tile([0.5, 0.4], (10, 1))}, "row 1: the probabilities do not sum to 1"),
        ({"probabilities": np.tile([1.5, -0.5], (10, 1)), "actions": np.zeros(10, int)}, "row 1"),
        ({"probabilities": np.full((10, 2), np.nan)}, "row 1: the drawn arm's"),
        ({"probabilities": np.ones((10, 3))}, "not of one length"),
    ],
)
def test_logs_that_contradict_themselves(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(LogError, match=said):
        coin_log(10, **changes)


def test_targets_that_contradict_themselves() -> None:
    log, question = coin_log(200), Question(estimator_named("ips"))
    for target, said in (
        (np.ones((200, 2)), "do not sum to 1"),
        (np.tile([1.5, -0.5], (200, 1)), "negative"),
        (np.full((200, 2), np.nan), "no number"),
        (np.ones((199, 2)), "shape"),
    ):
        with pytest.raises(LogError, match=said):
            evaluate(log, target, question)
    with pytest.raises(ValueError, match="alpha"):
        Question(estimator_named("ips"), alpha=0.0)
