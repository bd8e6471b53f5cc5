"""What every policy promises. One contract suite (tests/contract/policies) holds all of them to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """One choice, with all that an off-policy estimate needs later.

    ``propensity`` is the probability that ``arm`` had: its entry in ``probabilities`` (float64 (arms,), in the
    order of the policy's arms, read-only). ``version`` is the policy's, before the choice.
    """

    arm: str
    propensity: float
    probabilities: NDArray[np.float64]
    version: int


@dataclass(frozen=True, slots=True)
class ArmExplanation:
    """Why an arm stands where it does for one context.

    ``score = exploit + explore``: the reward expected, and the credit for not being sure. ``features``: names and
    contributions to ``exploit`` of those that weigh most, the heaviest first; a negative one speaks against the arm.
    """

    arm: str
    probability: float
    score: float
    exploit: float
    explore: float
    features: tuple[tuple[str, float], ...]


class Policy(Protocol):
    """Chooses an arm for a context, and learns from rewards.

    - **Honest**: ``probabilities`` are exactly those that the arm was drawn with; they sum to 1, none lies under the
      policy's ``floor``.
    - **A fold**: what was learned is a function of the ``learn`` calls alone. Choosing changes nothing but the
      random generator, so workers that learned the same calls in the same order agree to the bit (on like hardware).
    - **Own randomness**: ``state`` does not hold the generator. Two workers that load one state draw differently, as
      long as they were made with different seeds.
    - **Bad input** raises ``ValueError`` and changes nothing.
    - One thread at a time; no input and no output of a policy shares memory with it that could change.
    """

    @property
    def name(self) -> str:
        """The algorithm, as in ``make_policy``."""

    @property
    def arms(self) -> tuple[str, ...]:
        """In the order of ``probabilities``."""

    @property
    def dim(self) -> int:
        """Length of a context."""

    @property
    def version(self) -> int:
        """Number of ``learn`` calls that made this state."""

    def choose(self, x: ArrayLike) -> Decision:
        """Draw an arm for the context ``x``, float64 (dim,), finite."""

    def learn(self, arm: str, x: ArrayLike, reward: float, previous: float | None = None) -> None:
        """Fold in the reward of a decision that took ``arm`` in context ``x``.

        ``previous`` is the same decision's reward as learned before, when it has become ``reward`` now: then only
        the difference is learned, so that in the end the path of corrections leaves no trace but in ``version``.
        """

    def explain(self, x: ArrayLike, names: Sequence[str] = ()) -> tuple[ArmExplanation, ...]:
        """One explanation per arm, in the order of ``arms``; ``names`` are the context's (dim of them)."""

    def state(self) -> bytes:
        """All that was learned, exactly: a policy that loads it goes on as this one would (but for the draws)."""

    def load(self, state: bytes) -> None:
        """Replace what was learned. ``ValueError``, and nothing changed, for bytes that are damaged or of another
        algorithm, other arms, another dimension or other parameters that shape the learning."""
