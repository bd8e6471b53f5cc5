"""Whether what the model says drifts: the population stability index over labels and over confidence (pure).

PSI = sum of (actual share - expected share) * ln(actual share / expected share) over the bins, with the usual
thresholds: below .1 nothing of note, from .25 on another population (N. Siddiqi, Credit Risk Scorecards, 2006).

Without any drift PSI is about chi-squared with bins - 1 degrees of freedom, times 1/n + 1/m for samples of n and m
(B. Yurdakul, Statistical Properties of Population Stability Index, 2018). The thresholds are meant for some ten bins:
150 of them, 500 turns and chance alone come to .3. So the most frequent labels are bins, and the others share one.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

WATCH: Final = 0.1
ALARM: Final = 0.25
REFERENCE_TURNS: Final = 1_000
WINDOW_TURNS: Final = 500
"""By chance alone ten bins give .027 with these sizes, and above .065 once in a hundred."""

CONFIDENCE_BINS: Final = 10
LABEL_BINS: Final = 10
_SMOOTHING: Final = 1.0  # Laplace's: an empty bin would make the index infinite

Level = Literal["ok", "watch", "alarm"]


def psi(expected_counts: Sequence[int], actual_counts: Sequence[int]) -> float:
    """The index of two samples over the same bins; 0 for equal shares, never negative, the same both ways round.

    Raises:
        ValueError: no bins, another number of them, or a negative count.
    """
    if len(expected_counts) != len(actual_counts) or not expected_counts:
        raise ValueError(f"{len(expected_counts)} and {len(actual_counts)} bins can't be compared")
    expected, actual = _shares(expected_counts), _shares(actual_counts)
    return math.fsum((a - e) * math.log(a / e) for e, a in zip(expected, actual, strict=True))


def level(index: float) -> Level:
    """What an index means."""
    return "alarm" if index >= ALARM else "watch" if index >= WATCH else "ok"


def _empty() -> tuple[list[int], list[int]]:
    return [0] * LABEL_BINS, [0] * CONFIDENCE_BINS


@dataclass(slots=True)
class DriftWindow:
    """The last ``window_turns`` turns against the first ``reference_turns``.

    Two of the same sizes that saw the same turns are equal. Under 10 KB with the default sizes.
    """

    reference_turns: int = REFERENCE_TURNS
    window_turns: int = WINDOW_TURNS
    turns: int = 0
    _labels: Counter[str] = field(default_factory=Counter)
    _bins: dict[str, int] = field(default_factory=dict)
    _expected: tuple[list[int], list[int]] = field(default_factory=_empty)
    _actual: tuple[list[int], list[int]] = field(default_factory=_empty)
    _window: deque[int] = field(default_factory=deque)

    def __post_init__(self) -> None:
        if self.reference_turns < 1 or self.window_turns < 1:
            raise ValueError("a reference and a window have one turn at least")

    def add(self, label: str, confidence: float) -> None:
        """Count one turn. ``confidence`` beyond [0, 1] falls into the nearest bin; NaN is not counted."""
        if math.isnan(confidence):
            return
        place = min(CONFIDENCE_BINS - 1, max(0, int(min(1.0, max(0.0, confidence)) * CONFIDENCE_BINS)))
        self.turns += 1
        if self.turns <= self.reference_turns:
            self._learn(label, place)
        else:
            self._slide(self._bins.get(label, LABEL_BINS - 1), place)

    @property
    def ready(self) -> bool:
        """Whether reference and window are full; before that there is no index."""
        return len(self._window) == self.window_turns

    def psi(self) -> dict[str, float]:
        """The index of the labels (``class``: the nine most frequent of the reference, the others together) and of the
        ``confidence`` (ten bins of equal width); empty before window and reference are full."""
        if not self.ready:
            return {}
        return dict(zip(("class", "confidence"), map(psi, self._expected, self._actual), strict=True))

    def _learn(self, label: str, place: int) -> None:
        self._labels[label] += 1
        self._expected[1][place] += 1
        if self.turns == self.reference_turns:
            # By name among the equally frequent, so that the order of arrival does not matter.
            ranked = sorted(self._labels.items(), key=lambda item: (-item[1], item[0]))
            self._bins = {name: index for index, (name, _) in enumerate(ranked[: LABEL_BINS - 1])}
            for name, count in ranked:
                self._expected[0][self._bins.get(name, LABEL_BINS - 1)] += count
            self._labels.clear()

    def _slide(self, label_bin: int, place: int) -> None:
        if self.ready:
            for counts, old in zip(self._actual, divmod(self._window.popleft(), CONFIDENCE_BINS), strict=True):
                counts[old] -= 1
        self._window.append(label_bin * CONFIDENCE_BINS + place)
        self._actual[0][label_bin] += 1
        self._actual[1][place] += 1


def _shares(counts: Sequence[int]) -> list[float]:
    if min(counts) < 0:
        raise ValueError("a count is negative")
    total = sum(counts) + _SMOOTHING * len(counts)
    return [(count + _SMOOTHING) / total for count in counts]
