"""Whether of two versions that read the same texts one is right less often (pure).

The texts are the same, so what each reads right is no independent sample: only the texts on which they differ tell
anything. The interval is Tango's score interval for the difference of paired proportions (T. Tango, Statistics in
Medicine 17, 1998): it holds its 95 % where few texts differ, where Wald's is far too narrow, and it leaves 0 out
exactly where McNemar's test without correction finds a difference.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

Z_95: Final = 1.959963984540054
MIN_LABELS: Final = 50
"""Below it even twelve points are chance: the interval is as wide as that."""

_HALVINGS: Final = 60  # of an interval of length 1: to the last digit of a double


@dataclass(frozen=True, slots=True)
class Paired:
    """``labels`` texts, of which the champion and the candidate read so many right; ``gained`` only the candidate did,
    ``lost`` only the champion. ``low`` and ``high``: the 95 % interval of ``difference``, all in [-1, 1]."""

    labels: int
    champion_right: int
    candidate_right: int
    gained: int
    lost: int
    low: float
    high: float

    @property
    def difference(self) -> float:
        """The candidate's share less the champion's."""
        return (self.gained - self.lost) / self.labels

    @property
    def is_enough(self) -> bool:
        """Whether there are labels enough to judge by."""
        return self.labels >= MIN_LABELS

    @property
    def is_worse(self) -> bool:
        """Whether the candidate is worse beyond chance, on labels enough."""
        return self.is_enough and self.high < 0.0

    def __str__(self) -> str:
        interval = f"{100 * self.difference:+.1f} points, 95 % interval {100 * self.low:+.1f} to {100 * self.high:+.1f}"
        return (
            f"of {self.labels} turns that people labelled it reads {self.candidate_right} right, the champion "
            f"{self.champion_right} ({interval})"
        )


def paired(right: list[tuple[bool, bool]]) -> Paired:
    """``right``: of each text, whether the champion and whether the candidate was right; at least one.

    Raises:
        ValueError: no texts.
    """
    gained = sum(candidate and not champion for champion, candidate in right)
    lost = sum(champion and not candidate for champion, candidate in right)
    low, high = score_interval(gained, lost, len(right))
    champion_right = sum(champion for champion, _ in right)
    return Paired(len(right), champion_right, champion_right + gained - lost, gained, lost, low, high)


def score_interval(gained: int, lost: int, pairs: int, z: float = Z_95) -> tuple[float, float]:
    """Tango's interval of (gained - lost) / pairs, within [-1, 1].

    Raises:
        ValueError: no pairs, or more that differ than there are.
    """
    if pairs < 1 or min(gained, lost) < 0 or gained + lost > pairs:
        raise ValueError(f"{gained} and {lost} of {pairs} pairs can't differ")
    return -_upper(lost, gained, pairs, z), _upper(gained, lost, pairs, z)


def _upper(gained: int, lost: int, pairs: int, z: float) -> float:
    """The largest difference that the data don't refute: the statistic falls as the difference grows."""
    low, high = (gained - lost) / pairs, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _statistic(gained, lost, pairs, middle) > -z:
            low = middle
        else:
            high = middle
    return high


def _statistic(gained: int, lost: int, pairs: int, difference: float) -> float:
    """Tango's score statistic: about standard normal where ``difference`` is the true one."""
    linear = -gained - lost + (2 * pairs - gained + lost) * difference
    constant = -lost * difference * (1.0 - difference)
    root = math.sqrt(max(0.0, linear * linear - 8 * pairs * constant))
    only_champion = (root - linear) / (4 * pairs)
    variance = pairs * (2 * only_champion + difference * (1.0 - difference))
    away = gained - lost - pairs * difference
    if variance <= 0.0:
        return 0.0 if away == 0.0 else math.copysign(math.inf, away)
    return away / math.sqrt(variance)
