"""How much arms are alike by their traits: the prior covariance that policies which share between arms begin with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from adapters.policies.checks import number

Traits = Sequence[float] | None


def traits_of(arms: Sequence[str], given: Mapping[str, Sequence[float]] | None) -> list[Traits]:
    """One row per arm, None for an arm without. ``ValueError`` for traits of what is no arm."""
    for arm in given or {}:
        if arm not in arms:
            raise ValueError(f"traits of {arm!r}, which is no arm.")
    return [(given or {}).get(arm) for arm in arms]


def checked_traits(rows: Sequence[Traits]) -> list[Traits]:
    """Rows of as many numbers in [0, 1] each; ``ValueError`` otherwise."""
    checked: list[Traits] = [
        None if row is None else [number("a trait", value, 0.0, 1.0) for value in row] for row in rows
    ]
    if len({len(row) for row in checked if row is not None}) > 1:
        raise ValueError("the arms' traits differ in number: give each arm as many.")
    return checked


def likeness(rows: Sequence[Traits], sharing: float) -> NDArray[np.float64]:
    """``G = (1 − s) I + s Φ Φᵀ``, float64 (arms, arms), positive definite for s < 1, with 1 for an arm and itself.

    Φ: the traits in [-1, 1], around 0, beside a constant that all arms share; each row of length 1.
    """
    count = max((len(row) for row in rows if row is not None), default=0)
    filled = [[1.0, *([0.0] * count if row is None else (2.0 * value - 1.0 for value in row))] for row in rows]
    phi = np.array(filled)
    phi /= np.linalg.norm(phi, axis=1, keepdims=True)
    alike: NDArray[np.float64] = (1.0 - sharing) * np.eye(len(rows)) + sharing * phi @ phi.T
    return alike
