"""What is said of a judgement, and policies that act by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from adapters.ope import Evaluation, Log, Question, Reason, Refusal, estimator_named, evaluate, evaluate_alone, in_words
from adapters.ope.targets import Replayed
from tests.unit.adapters.ope.worlds import made

QUESTION = Question(estimator_named("dr"))


def coins(rows: int, pays: tuple[float, float] = (0.2, 0.8)) -> Log:
    rng = np.random.default_rng(0)
    actions = rng.integers(2, size=rows)
    rewards = (rng.random(rows) < np.array(pays)[actions]).astype(float)
    return Log.of(("cool", "warm"), np.ones((rows, 1)), actions, rewards, np.full((rows, 2), 0.5))


def test_the_verdict_comes_first() -> None:
    log = coins(3_000)
    warm, cool = np.tile([0.0, 1.0], (3_000, 1)), np.tile([1.0, 0.0], (3_000, 1))
    said = in_words(evaluate(log, warm, QUESTION))
    assert said.startswith("Better, at a chance of 0.05 to be wrong, however often one looks. The target would have")
    assert "a difference of +0." in said
    assert in_words(evaluate(log, cool, QUESTION)).startswith("Worse, ")
    assert in_words(evaluate(log, log.probabilities, QUESTION)).startswith("Can't tell: ")
    assert in_words(evaluate(log.taking(slice(0, 50)), warm[:50], QUESTION)).startswith("Refused: 50 decisions have")


def test_what_makes_a_figure_doubtful_is_said() -> None:
    world, _ = made(3, 8_000, arms=3, dim=1)
    blind = Log.of(world.arms, np.zeros((8_000, 1)), world.actions, world.rewards, world.probabilities)
    found = evaluate(blind, world.target, Question(estimator_named("dm")))
    assert isinstance(found, Evaluation)
    low, high = found.target.bounds.interval
    assert ("outside of its interval" in in_words(found)) == (not low <= found.target.value <= high)
    shut = Log.of(("cool", "warm", "new"), np.ones((2_000, 1)), *_drawn(2_000), np.tile([0.5, 0.5, 0.0], (2_000, 1)))
    said = in_words(evaluate(shut, np.tile([0.49, 0.49, 0.02], (2_000, 1)), QUESTION))
    assert "2.0% of what the target would do had no chance in the log: new (2.0%)." in said


def _drawn(
    rows: int,
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    log = coins(rows)
    return log.actions, log.rewards


class TestActingAlone:
    def test_a_value_with_bounds(self) -> None:
        log = coins(4_000)
        kept = np.flatnonzero(log.actions == 1)
        found = evaluate_alone(log, Replayed(kept, 0.0), QUESTION)
        assert isinstance(found, Evaluation)
        assert (found.estimator, found.verdict) == ("rejection", "better")
        assert found.target.value == pytest.approx(0.8, abs=0.05)
        assert found.difference.bounds.interval[0] < 0.3 < found.difference.bounds.interval[1]
        assert found.diagnostics.effective_rows == len(kept)

    def test_refusals(self) -> None:
        log = coins(4_000)
        few = evaluate_alone(log, Replayed(np.arange(20), 0.0), QUESTION)
        clipped = evaluate_alone(log, Replayed(np.arange(2_000), 0.3), QUESTION)
        assert isinstance(few, Refusal) and few.reason is Reason.TOO_FEW_EFFECTIVE_ROWS
        assert isinstance(clipped, Refusal) and clipped.reason is Reason.WEIGHTS_TOO_LARGE
        assert "30.0% of the weights are above the ceiling" in clipped.text
