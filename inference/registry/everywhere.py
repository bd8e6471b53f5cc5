"""What each version does for customers now, over all workers (pure)."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from inference.registry.comparison import HEADS
from inference.registry.paired import Z_95
from inference.registry.psi import Level, level
from inference.registry.slices import Slice, drift, total

PERIOD_MS: Final = 86_400_000
"""A day has every hour's customers once."""

MIN_RECENT_LABELS: Final = 30


@dataclass(frozen=True, slots=True)
class Agreed:
    """Of a version's unsure turns that people ``labelled``, so many had been said right; ``recent_…`` those of the last
    days among them."""

    labelled: int = 0
    agreed: int = 0
    recent_labelled: int = 0
    recent_agreed: int = 0

    @property
    def has_fallen(self) -> bool:
        """Whether people agree less with it than before, beyond chance: the 95 % interval of the difference lies below
        zero, with labels enough on both sides."""
        before = self.labelled - self.recent_labelled
        # The two counts are read one after the other, and somebody may label in between.
        before_agreed = min(max(0, self.agreed - self.recent_agreed), before)
        if min(before, self.recent_labelled) < MIN_RECENT_LABELS:
            return False
        old, new = before_agreed / before, self.recent_agreed / self.recent_labelled
        lowest_old, _ = wilson(before_agreed, before)
        _, highest_new = wilson(self.recent_agreed, self.recent_labelled)
        # Newcombe's hybrid of two score intervals (Statistics in Medicine 17, 1998, method 10).
        return new - old + math.hypot(highest_new - new, old - lowest_old) < 0.0


@dataclass(frozen=True, slots=True)
class ClusterFigures:
    """Of the last day: ``answered`` texts, ``share`` of those of all versions, latencies (None: no text went through
    the model), mean ``confidence`` of the intent; ``compared`` and the others as ``VersionFigures`` has them.

    Since the version is in use: ``labelled`` and ``agreed`` (``agreement`` their quotient with its 95 % interval), and
    ``psi`` with ``drift``, what the larger index means (None before there are turns enough).
    """

    answered: int
    share: float
    latency_p50_us: float | None
    latency_p95_us: float | None
    confidence: float | None
    compared: int
    disagreed: Mapping[str, int]
    dropped: int
    failed: int
    labelled: int
    agreed: int
    agreement: float | None
    agreement_low: float | None
    agreement_high: float | None
    agreement_fell: bool
    psi: Mapping[str, float]
    drift: Level | None


def everywhere(slices: Sequence[Slice], agreed: Mapping[str, Agreed], now_ms: int) -> dict[str, ClusterFigures]:
    """By version, of those that did anything or were labelled. ``slices``: all that are stored."""
    by_version: dict[str, list[Slice]] = defaultdict(list)
    for one in slices:
        by_version[one.version].append(one)
    today = {
        version: total(one.counts for one in by_version[version] if one.until_ms > now_ms - PERIOD_MS)
        for version in sorted({*by_version, *agreed})
    }
    answered = sum(counts.answered for counts in today.values())
    found = {}
    for version, counts in today.items():
        said, index = agreed.get(version, Agreed()), drift(by_version[version])
        low, high = wilson(said.agreed, said.labelled) if said.labelled else (None, None)
        found[version] = ClusterFigures(
            answered=counts.answered,
            share=counts.answered / answered if answered else 0.0,
            latency_p50_us=counts.latency_us(0.5),
            latency_p95_us=counts.latency_us(0.95),
            confidence=counts.confidence_sum / counts.answered if counts.answered else None,
            compared=counts.compared,
            disagreed={head: counts.disagreed[head] for head in HEADS},
            dropped=counts.dropped,
            failed=counts.failed,
            labelled=said.labelled,
            agreed=said.agreed,
            agreement=said.agreed / said.labelled if said.labelled else None,
            agreement_low=low,
            agreement_high=high,
            agreement_fell=said.has_fallen,
            psi=index,
            drift=level(max(index.values())) if index else None,
        )
    return found


def wilson(hits: int, trials: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson's score interval of a share, within [0, 1].

    Raises:
        ValueError: no trials, or more hits than trials.
    """
    if not 0 <= hits <= trials or trials < 1:
        raise ValueError(f"{hits} of {trials} is no share")
    share, squared = hits / trials, z * z
    middle = (share + squared / (2 * trials)) / (1 + squared / trials)
    half = z / (1 + squared / trials) * math.sqrt(share * (1 - share) / trials + squared / (4 * trials * trials))
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))
