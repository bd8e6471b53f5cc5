"""What versions did on every worker: counts of a stretch of time that add up, whoever made them and in whatever order.

A worker's own figures end with it. Counts in slices are stored, so drift is measured over all workers and across
restarts against what a version said at first, not against what it said since the last deployment of the server.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from inference.analysis import Analysis
from inference.registry.psi import CONFIDENCE_BINS, LABEL_BINS, REFERENCE_TURNS, WINDOW_TURNS, psi

FINEST_US: Final = 100.0
STEPS_PER_OCTAVE: Final = 4
"""Bins of latency grow by a factor of 1.19: a quantile is at most 9 % beside the truth."""


@dataclass(slots=True)
class Counts:
    """``answered`` texts; of these ``labels`` by intent and ``confidence`` by tenths; ``latency`` of those that went
    through the model, by bin. ``compared`` as a shadow, ``disagreed`` by head, ``dropped`` and ``failed`` likewise."""

    answered: int = 0
    compared: int = 0
    dropped: int = 0
    failed: int = 0
    confidence_sum: float = 0.0
    confidence: Counter[int] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    latency: Counter[int] = field(default_factory=Counter)
    disagreed: Counter[str] = field(default_factory=Counter)

    def answer(self, analysis: Analysis) -> None:
        """A text was read for an answer."""
        sure = analysis.intent_confidence
        sure = 0.0 if math.isnan(sure) else min(1.0, max(0.0, sure))
        self.answered += 1
        self.confidence_sum += sure
        self.confidence[min(CONFIDENCE_BINS - 1, int(sure * CONFIDENCE_BINS))] += 1
        self.labels[analysis.intent] += 1
        self.took(analysis)

    def took(self, analysis: Analysis) -> None:
        """So long it was read for, for an answer or as a shadow."""
        if not analysis.cached:
            self.latency[_latency_bin(analysis.latency_us)] += 1

    def add(self, other: Counts) -> None:
        """Count what ``other`` counted."""
        self.answered += other.answered
        self.compared += other.compared
        self.dropped += other.dropped
        self.failed += other.failed
        self.confidence_sum += other.confidence_sum
        for mine, theirs in (
            (self.confidence, other.confidence),
            (self.labels, other.labels),
            (self.latency, other.latency),
            (self.disagreed, other.disagreed),
        ):
            mine.update(theirs)  # type: ignore[arg-type]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was counted."""
        return not (self.answered or self.compared or self.dropped or self.failed)

    def latency_us(self, quantile: float) -> float | None:
        """That quantile, in (0, 1), to within 9 %; None without a text."""
        left = quantile * self.latency.total()
        for place in sorted(self.latency):
            left -= self.latency[place]
            if left <= 0:
                return FINEST_US * math.exp2((place + 0.5) / STEPS_PER_OCTAVE)
        return None


@dataclass(frozen=True, slots=True)
class Slice:
    """What one version did between two moments; milliseconds since the Unix epoch."""

    version: str
    from_ms: int
    until_ms: int
    counts: Counts


def total(counts: Iterable[Counts]) -> Counts:
    """All together."""
    summed = Counts()
    for one in counts:
        summed.add(one)
    return summed


def to_json(counts: Counts) -> bytes:
    """For the database."""
    return msgspec.json.encode(counts)


def from_json(content: bytes | str) -> Counts:
    """What ``to_json`` gave; ``ValueError`` for anything else."""
    read = msgspec.json.decode(content, type=_Stored)
    return Counts(
        answered=read.answered,
        compared=read.compared,
        dropped=read.dropped,
        failed=read.failed,
        confidence_sum=read.confidence_sum,
        confidence=Counter(read.confidence),
        labels=Counter(read.labels),
        latency=Counter(read.latency),
        disagreed=Counter(read.disagreed),
    )


def merge_json(contents: Sequence[bytes | str]) -> bytes:
    """Many as one."""
    return to_json(total(map(from_json, contents)))


def drift(
    slices: Sequence[Slice], *, reference_turns: int = REFERENCE_TURNS, window_turns: int = WINDOW_TURNS
) -> dict[str, float]:
    """PSI of ``class`` and ``confidence`` as ``DriftWindow`` tells them, for one version: whole slices, the first ones
    until they hold ``reference_turns``, against the last ones until they hold ``window_turns``. Empty where there are
    not enough for both."""
    ordered = sorted(slices, key=lambda one: (one.from_ms, one.until_ms))
    first = _until(ordered, reference_turns)
    last = _until(ordered[len(first) :][::-1], window_turns)
    if not first or not last:
        return {}
    expected, actual = (total(one.counts for one in part) for part in (first, last))
    # By name among the equally frequent, so that every worker makes the same bins.
    frequent = sorted(expected.labels, key=lambda label: (-expected.labels[label], label))[: LABEL_BINS - 1]
    return {
        "class": psi(_binned(expected.labels, frequent), _binned(actual.labels, frequent)),
        "confidence": psi(
            *([part.confidence[place] for place in range(CONFIDENCE_BINS)] for part in (expected, actual))
        ),
    }


class _Stored(msgspec.Struct):
    answered: int
    compared: int
    dropped: int
    failed: int
    confidence_sum: float
    confidence: dict[int, int]
    labels: dict[str, int]
    latency: dict[int, int]
    disagreed: dict[str, int]


def _latency_bin(latency_us: float) -> int:
    return max(0, int(STEPS_PER_OCTAVE * math.log2(max(latency_us, FINEST_US) / FINEST_US)))


def _until(slices: Sequence[Slice], turns: int) -> list[Slice]:
    """The first ones that hold so many turns; none where all of them together don't."""
    found: list[Slice] = []
    for one in slices:
        found.append(one)
        turns -= one.counts.answered
        if turns <= 0:
            return found
    return []


def _binned(labels: Mapping[str, int], frequent: Sequence[str]) -> list[int]:
    named = [labels.get(label, 0) for label in frequent]
    unused = [0] * (LABEL_BINS - 1 - len(named))
    return [*named, *unused, sum(labels.values()) - sum(named)]
