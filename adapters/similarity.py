"""What is like what: personas by their traits, conversations by their contexts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.features import FEATURE_NAMES

# When a conversation took place says nothing of what it was like.
_SILENT = ("constant", "hour_sine", "hour_cosine", "weekday_sine", "weekday_cosine")
TELLING = np.array([name not in _SILENT for name in FEATURE_NAMES])
MOST_DIFFERENCES = 3


@dataclass(frozen=True, slots=True)
class NearPersona:
    """``similarity`` in [0, 1]: 1 less the root mean square difference of the traits. ``differences``: the traits in
    which it differs most, with how much more (less: negative) of them it has, the largest first."""

    name: str
    similarity: float
    differences: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class NearContext:
    """The ``index`` of a context and its ``distance``: the root mean square difference over the features that differ
    at all among those compared, each in its standard deviations; 0 for the same."""

    index: int
    distance: float


def nearest_personas(
    traits: Mapping[str, float], others: Mapping[str, Mapping[str, float]], count: int
) -> list[NearPersona]:
    """The ``count`` nearest of ``others`` (traits in [0, 1] by persona), the nearest first, by name where equal."""
    found = [_near(name, traits, other) for name, other in others.items()]
    return sorted(found, key=lambda near: (-near.similarity, near.name))[:count]


def _near(name: str, traits: Mapping[str, float], other: Mapping[str, float]) -> NearPersona:
    steps = [(trait, other[trait] - value) for trait, value in traits.items()]
    distance = math.sqrt(math.fsum(step * step for _, step in steps) / len(steps))
    largest = sorted((step for step in steps if abs(step[1]) > 1e-9), key=lambda step: (-abs(step[1]), step[0]))
    return NearPersona(name, 1.0 - distance, tuple(largest[:MOST_DIFFERENCES]))


def nearest_contexts(context: Sequence[float], others: Sequence[Sequence[float]], count: int) -> list[NearContext]:
    """The ``count`` nearest of ``others``, the nearest first. Contexts of older releases, which are shorter, are taken
    to have zeros at their end; what stands beyond the features known here is left out."""
    if not others:
        return []
    table = np.array([_padded(one) for one in (context, *others)])[:, TELLING]
    spread = table.std(axis=0)
    moving = spread > 1e-9
    steps = (table[1:, moving] - table[0, moving]) / spread[moving]
    distances = np.sqrt((steps**2).mean(axis=1)) if moving.any() else np.zeros(len(others))
    order = np.argsort(distances, kind="stable")[:count]
    return [NearContext(int(index), float(distances[index])) for index in order]


def _padded(context: Sequence[float]) -> NDArray[np.float64]:
    known = np.zeros(len(FEATURE_NAMES))
    values = np.asarray(context, dtype=np.float64)[: len(known)]
    known[: len(values)] = values
    return known
