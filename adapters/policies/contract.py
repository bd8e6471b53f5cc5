"""What every policy promises. One contract suite (tests/contract/policies) holds all of them to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike, NDArray


class Decision(Struct, frozen=True, eq=False, gc=False):
    """One choice, with all that an off-policy estimate needs later. A struct, since a frozen dataclass takes half a
    microsecond more to make.

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


@dataclass(frozen=True, slots=True, eq=False)
class Observation:
    """One ``learn`` call, for ``learn_many``: the same values, and the same meaning."""

    arm: str
    x: ArrayLike
    reward: float
    previous: float | None = None
    at_ms: float | None = None
    propensity: float | None = None
    user: str | None = None
    segment: str | None = None


class Policy(Protocol):
    """Chooses an arm for a context, and learns from rewards.

    - **Honest**: ``probabilities`` are exactly those that the arm was drawn with; they sum to 1, none of an allowed
      arm lies under the policy's ``floor``, and those of the others are 0.
    - **A fold**: what was learned is a function of the ``learn`` calls (and of arms added, removed, merged) alone.
      Time is the events': choosing takes no clock, so what was learned is as old as the last event. Choosing changes
      nothing but the random generator, so workers that learned the same calls in the same order agree to the bit (on
      like hardware). Without change detection the order matters to rounding only.
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
        """In the order of ``probabilities``; paused ones too."""

    @property
    def paused(self) -> frozenset[str]:
        """The arms that are not drawn. Like the seed they are the worker's own, and no part of ``state``."""

    @property
    def dim(self) -> int:
        """Length of a context."""

    @property
    def version(self) -> int:
        """Number of ``learn`` calls that made this state."""

    def choose(
        self,
        x: ArrayLike,
        allowed: Collection[str] | None = None,
        user: str | None = None,
        segment: str | None = None,
    ) -> Decision:
        """Draw an arm for the context ``x``, float64 (dim,), finite. ``allowed``: the arms that may be drawn this time,
        None for all; paused ones are not, and ``ValueError`` when none is left. ``user``, ``segment``: whom it is for,
        names of 1 to 256 characters, None where that is not known; only ``personal`` looks at them, and for somebody
        whom it does not know it chooses as if there were none."""

    def learn(
        self,
        arm: str,
        x: ArrayLike,
        reward: float,
        previous: float | None = None,
        *,
        at_ms: float | None = None,
        propensity: float | None = None,
        user: str | None = None,
        segment: str | None = None,
    ) -> None:
        """Fold in the reward of a decision that took ``arm`` in context ``x``.

        ``previous`` is the same decision's reward as learned before, when it has become ``reward`` now: then only
        the difference is learned, so that in the end the path of corrections leaves no trace but in ``version``.
        ``at_ms``: when the decision was taken (Unix time; the same for all its corrections), which is what a half-life
        counts from; None: it counts in full. ``propensity``: that ``arm`` had then; only EXP3 learns from it, and takes
        its present one for None. ``user``, ``segment``: whom the decision was for, as in ``choose``.
        """

    def learn_many(self, observations: Sequence[Observation]) -> None:
        """``learn`` them in order, or none of them; the same to rounding, and for long batches faster."""

    def explain(
        self,
        x: ArrayLike,
        names: Sequence[str] = (),
        allowed: Collection[str] | None = None,
        user: str | None = None,
        segment: str | None = None,
    ) -> tuple[ArmExplanation, ...]:
        """One explanation per arm, in the order of ``arms``; ``names`` are the context's (dim of them).
        ``adapters.policies.words`` says it in plain words."""

    def add_arm(
        self, arm: str, like: str | None = None, weight: float = 1.0, traits: Sequence[float] | None = None
    ) -> None:
        """A new arm, the last in the order. It knows nothing, or what ``like`` has learned, each event counting
        ``weight`` in [0, 1] of one. ``traits``: for policies that share between like arms; others ignore them."""

    def remove_arm(self, arm: str) -> None:
        """Forget an arm and all that was learned of it. Not the last one that is not paused."""

    def pause(self, arm: str) -> None:
        """Draw ``arm`` no more; it still learns. Not the last one."""

    def resume(self, arm: str) -> None:
        """Draw ``arm`` again."""

    def state(self) -> bytes:
        """All that was learned, exactly: a policy that loads it goes on as this one would (but for the draws).
        ``codec.to_json`` and ``codec.from_json`` turn it into text that people can read, and back."""

    def load(self, state: bytes) -> None:
        """Replace what was learned. ``ValueError``, and nothing changed, for bytes that are damaged or of another
        algorithm, other arms, another dimension or other parameters that shape the learning."""

    def merge(self, states: Sequence[bytes], since: bytes | None = None) -> None:
        """Add what other policies have learned from other parts of a log; ``since`` is the state that they all
        began from, which counts once. Changes that they detected are not carried over. ``ValueError`` as ``load``."""
