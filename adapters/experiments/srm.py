"""Sample-ratio mismatch: are there as many units in each variant as were sent there?

Where not, some are missing, and hardly by chance: then the groups differ by who is missing, and no figure of them can
be trusted (Fabijan et al. 2019, https://doi.org/10.1145/3292500.3330722)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

SRM_ALPHA = 0.001
"""Low, since every experiment is tested, at every look."""


def srm_p_value(counts: Sequence[int], weights: Sequence[float]) -> float:
    """Chi-squared of ``counts`` against shares like ``weights`` (> 0, as many)."""
    observed, shares = np.asarray(counts, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    if observed.shape != shares.shape or len(observed) < 2 or not (shares > 0.0).all() or observed.sum() <= 0.0:
        raise ValueError("give a positive weight for each of at least two variants, and at least one unit.")
    return float(stats.chisquare(observed, observed.sum() * shares / shares.sum()).pvalue)
