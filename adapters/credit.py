"""Credit over a conversation by λ-return, for goals that show at its end only: was it resolved, how was it rated.

The return of the t-th of T answers is ``G_t = (1 − λ) Σ_n λⁿ⁻¹ V_t + λᵀ⁻ᵗ g = (1 − λᵀ⁻ᵗ) V_t + λᵀ⁻ᵗ g`` (Sutton and
Barto 2018, §12.1) with the outcome g, and for V_t the reward that the answer has earned itself: a bandit has no critic
of later turns. λ = 1 gives every answer the outcome, λ = 0 the last one alone.

A server that combines a reward from weighted parts takes ``credit_weights`` as weights of the outcome
(``RewardWeights``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_CREDIT = 0.01  # less would change a reward by less than its rounding in any picture
MOST_ANSWERS = 50


@dataclass(frozen=True, slots=True)
class Correction:
    """The reward of the answer ``index`` (from 0) is ``reward`` from now on; ``previous``: as learned before, None when
    nothing was."""

    index: int
    previous: float | None
    reward: float


def credit_weights(answers: int, lambda_: float) -> tuple[float, ...]:
    """λᵀ⁻¹, …, λ, 1 for ``answers`` ≥ 0; 0 where it would be below ``LEAST_CREDIT``. ``ValueError`` for a λ out of
    [0, 1]."""
    if not 0.0 <= lambda_ <= 1.0:
        raise ValueError(f"lambda {lambda_!r}: give a number from 0 to 1.")
    of_all = (lambda_**later for later in reversed(range(answers)))
    return tuple(credit if credit >= LEAST_CREDIT else 0.0 for credit in of_all)


def reach(lambda_: float) -> int:
    """How many of the last answers have a credit, at most ``MOST_ANSWERS``: longer conversations are nobody's to read
    again for a hundredth of a reward."""
    if lambda_ in (0.0, 1.0):
        return MOST_ANSWERS if lambda_ else 1
    return min(1 + math.floor(math.log(LEAST_CREDIT) / math.log(lambda_) + 1e-9), MOST_ANSWERS)


def credited(rewards: Sequence[float | None], outcome: float, lambda_: float) -> tuple[Correction, ...]:
    """What a conversation's end changes of its answers' rewards, in [0, 1] and in their order; None: not known yet, so
    the outcome is all there is. Answers that gain or lose nothing are left out. ``ValueError`` for what is out of
    range."""
    for value in (outcome, *(reward for reward in rewards if reward is not None)):
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"reward or outcome {value!r}: give numbers from 0 to 1.")
    found = []
    for index, (own, credit) in enumerate(zip(rewards, credit_weights(len(rewards), lambda_), strict=True)):
        reward = outcome if own is None else (1.0 - credit) * own + credit * outcome
        if credit > 0.0 and reward != own:
            found.append(Correction(index, own, reward))
    return tuple(found)
