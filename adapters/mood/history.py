"""A series of sentiment scores in a few numbers: where it goes, how far, how unsteadily, and how often it was where."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Literal

RECENT_TURNS = 5
WINDOW_TURNS = 10
# One or two messages are no swing of moods.
MIN_TURNS_FOR_VOLATILITY = 3
# The ledger keeps four decimals: what is smaller is rounding, not a change of mood.
RESOLUTION = 1e-3
# Of the fitted line, from its first to its last message; below that nobody would speak of a trend.
STEADY_BELOW = 0.1
# The five labels as equal fifths of [-1, 1].
LABELS: Mapping[str, float] = MappingProxyType(
    {"very_negative": -0.6, "negative": -0.2, "neutral": 0.2, "positive": 0.6, "very_positive": math.inf}
)

Direction = Literal["falling", "steady", "rising"]


@dataclass(frozen=True, slots=True)
class Outlook:
    """``mean`` in [-1, 1]. ``change`` in [-2, 2]: how far the least-squares line goes from the first score to the last;
    ``direction`` says it in a word and ``magnitude`` is its size. ``volatility`` in [0, 1]: the standard deviation.
    ``swing``: the mean step from one score to the next, in [0, 2]. ``distribution``: the share of each of ``LABELS``.
    """

    turns: int
    mean: float
    direction: Direction
    change: float
    volatility: float
    swing: float
    distribution: Mapping[str, float]

    @property
    def magnitude(self) -> float:
        return abs(self.change)


def outlook(scores: Sequence[float]) -> Outlook:
    """The summary of scores in [-1, 1], the earliest first; of none: all zero and steady."""
    change = _fitted_change(scores)
    direction: Direction = "steady" if abs(change) < STEADY_BELOW else "rising" if change > 0 else "falling"
    steps = [abs(later - earlier) for earlier, later in pairwise(scores)]
    return Outlook(
        turns=len(scores),
        mean=_mean(scores),
        direction=direction,
        change=change,
        volatility=_deviation(scores),
        swing=_mean(steps),
        distribution=_distribution(scores),
    )


def recent_change(scores: Sequence[float]) -> float:
    """How far the last ``RECENT_TURNS`` lie above (below: negative) the last ``WINDOW_TURNS``, in [-1, 1]; 0 while
    both are the same turns, and for less than ``RESOLUTION``."""
    window = scores[-WINDOW_TURNS:]
    change = _mean(window[-RECENT_TURNS:]) - _mean(window)
    return change if abs(change) >= RESOLUTION else 0.0


def volatility(scores: Sequence[float]) -> float:
    """Standard deviation of the last ``WINDOW_TURNS``, in [0, 1]; 0 with fewer than ``MIN_TURNS_FOR_VOLATILITY``."""
    window = scores[-WINDOW_TURNS:]
    return _deviation(window) if len(window) >= MIN_TURNS_FOR_VOLATILITY else 0.0


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values) if values else 0.0


def _deviation(values: Sequence[float]) -> float:
    middle = _mean(values)
    return math.sqrt(_mean([(value - middle) ** 2 for value in values]))


def _fitted_change(scores: Sequence[float]) -> float:
    """Slope of the least-squares line times the steps between the first score and the last."""
    if len(scores) < 2:
        return 0.0
    middle, mean = (len(scores) - 1) / 2.0, _mean(scores)
    spread = math.fsum((index - middle) ** 2 for index in range(len(scores)))
    slope = math.fsum((index - middle) * (score - mean) for index, score in enumerate(scores)) / spread
    return min(max(slope * (len(scores) - 1), -2.0), 2.0)


def _distribution(scores: Sequence[float]) -> dict[str, float]:
    counts = dict.fromkeys(LABELS, 0)
    for score in scores:
        counts[label_of(score)] += 1
    return {label: count / len(scores) if scores else 0.0 for label, count in counts.items()}


def label_of(score: float) -> str:
    """The label of a score; one on a border has the lower one's, one that is no number is neutral."""
    return next((label for label, top in LABELS.items() if score <= top), "neutral")
