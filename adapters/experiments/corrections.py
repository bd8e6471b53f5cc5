"""Many comparisons at once: ten metrics at α = .05 give a false alarm in 40 % of all experiments without an effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from scipy import stats

from adapters.names import suggestion


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: the chance of even one false alarm stays at α, however the tests depend (Holm 1979)."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: of the alarms, the share that is false stays at α (Benjamini and Hochberg 1995)."""
    return [float(p) for p in stats.false_discovery_control(np.asarray(p_values), method="bh")] if p_values else []


CORRECTIONS: Mapping[str, Callable[[Sequence[float]], list[float]]] = MappingProxyType(
    {"holm": holm, "bh": benjamini_hochberg, "none": list}
)


def adjusted(name: str, p_values: Sequence[float | None]) -> list[float | None]:
    """By the correction ``name``; what is None is no test, counts for none, and stays None."""
    if name not in CORRECTIONS:
        raise ValueError(f"there is no correction {name!r}. {suggestion(name, CORRECTIONS)}")
    known = iter(CORRECTIONS[name]([p for p in p_values if p is not None]))
    return [None if p is None else next(known) for p in p_values]
