"""The cluster's figures from its workers': pure functions and values.

What is sent between workers can be added up: rates, counts per bucket, sums, sketches. Means and percentiles are made
of it only afterwards, since those of the parts say nothing about those of the whole.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import accumulate
from typing import Any

from server.chat.signals import WorkerFigures
from server.telemetry.process import Usage
from server.telemetry.totals import ANALYSIS_S, TURN_S, Totals

RATE_MS = 5_000
LATENCY_MS = 60_000
MOOD_MS = 300_000
# Conversations counted exactly; above, the estimate's standard error is 1/sqrt(SKETCH_SIZE), 3 %.
SKETCH_SIZE = 1_024
_HASH_BYTES = 6
# A decision's last reward costs about 200 bytes here.
MAX_REWARDS = 10_000


def percentile(bounds: Sequence[float], counts: Sequence[int], share: float) -> float:
    """The value below which ``share`` (in [0, 1]) of the observations lie, by linear interpolation in its bucket.

    ``bounds``: ascending upper bounds; ``counts``: observations per bucket, one more than bounds. The first bucket
    begins at 0; of the last one only its lower bound is known. 0 without observations.
    """
    upto = list(accumulate(counts))
    if not upto or upto[-1] == 0:
        return 0.0
    rank = share * upto[-1]
    place = bisect_left(upto, max(rank, 1e-9))
    if place >= len(bounds):
        return bounds[-1]
    lower = bounds[place - 1] if place else 0.0
    below = upto[place - 1] if place else 0
    return lower + (bounds[place] - lower) * (rank - below) / counts[place]


def sketch(names: Iterable[str]) -> list[int]:
    """The smallest hashes of distinct names, ascending: enough to count the union of many sets. One more than
    ``SKETCH_SIZE`` of them says that there are more.

    K minimum values: Bar-Yossef et al., "Counting distinct elements in a data stream", RANDOM 2002.
    """
    hashes = {int.from_bytes(blake2b(name.encode(), digest_size=_HASH_BYTES).digest()) for name in names}
    return heapq.nsmallest(SKETCH_SIZE + 1, hashes)


def distinct(sketches: Iterable[Sequence[int]]) -> int:
    """How many distinct names the sketched sets have together: exact up to ``SKETCH_SIZE``, then an estimate."""
    together = sorted({value for one in sketches for value in one})
    if len(together) <= SKETCH_SIZE:
        return len(together)
    share = together[SKETCH_SIZE - 1] / float(1 << 8 * _HASH_BYTES)
    return round((SKETCH_SIZE - 1) / share)


@dataclass(frozen=True, slots=True)
class Sample:
    """What had been counted at ``at_ms`` (monotonic)."""

    at_ms: float
    totals: Totals
    usage: Usage


class Window:
    """Samples of the last ``length_ms``, so that the newest can be compared with the oldest; about 30 are kept."""

    def __init__(self, length_ms: float) -> None:
        self._length_ms = length_ms
        self._samples: deque[Sample] = deque()

    def add(self, sample: Sample) -> None:
        """Those that lie closer together than a thirtieth of the window are not kept, but for the first."""
        if self._samples and sample.at_ms - self._samples[-1].at_ms < self._length_ms / 30:
            return
        self._samples.append(sample)
        while len(self._samples) > 1 and sample.at_ms - self._samples[1].at_ms >= self._length_ms:
            self._samples.popleft()

    def oldest(self, now: Sample) -> Sample:
        """What ``now`` is to be compared with; itself where there is nothing else."""
        return self._samples[0] if self._samples else now


class Windows:
    """One worker's counts over the last seconds (rates), minute (latencies) and minutes (moods)."""

    def __init__(self) -> None:
        self._rates, self._latencies, self._moods = Window(RATE_MS), Window(LATENCY_MS), Window(MOOD_MS)

    def add(self, sample: Sample) -> None:
        for window in (self._rates, self._latencies, self._moods):
            window.add(sample)

    def figures(self, worker: str, now: Sample, conversations: Iterable[str]) -> WorkerFigures:
        """What has happened up to ``now``."""
        rates, latencies, moods = (window.oldest(now) for window in (self._rates, self._latencies, self._moods))
        seconds = (now.at_ms - rates.at_ms) / 1000 or float("inf")  # the first sample has no past: nothing per second
        totals, recent, mood = now.totals, latencies.totals, moods.totals
        return WorkerFigures(
            worker=worker,
            connections=totals.connections,
            conversations=sketch(conversations),
            messages_per_s=(totals.messages - rates.totals.messages) / seconds,
            turns_per_s=(totals.turns - rates.totals.turns) / seconds,
            deliveries_per_s=(totals.deliveries - rates.totals.deliveries) / seconds,
            errors_per_s=(totals.errors - rates.totals.errors) / seconds,
            cpu=(now.usage.cpu_s - rates.usage.cpu_s) / seconds,
            rss_bytes=now.usage.rss_bytes,
            outbox_drops=totals.outbox_drops - recent.outbox_drops,
            turn_counts=_less(totals.turn_counts, recent.turn_counts),
            analysis_counts=_less(totals.analysis_counts, recent.analysis_counts),
            sentiment_sum=totals.sentiment_sum - mood.sentiment_sum,
            sentiment_count=totals.sentiment_count - mood.sentiment_count,
            turns=totals.turns - mood.turns,
            handoffs=totals.handoffs - mood.handoffs,
            decisions={name: count - mood.decisions.get(name, 0) for name, count in totals.decisions.items()},
            apologies=totals.apologies - mood.apologies,
        )


def _less(counts: Sequence[int], earlier: Sequence[int]) -> list[int]:
    return [now - then for now, then in zip(counts, earlier, strict=True)]


class RecentRewards:
    """The mean reward of each persona's decisions. Every worker learns from all, so this is never added up."""

    def __init__(self) -> None:
        self._recent: OrderedDict[str, tuple[int, str, float]] = OrderedDict()
        self._sums: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def __len__(self) -> int:
        """Decisions at hand."""
        return len(self._recent)

    def add(self, decision_id: str, arm: str, reward: float, previous: float | None, at_ms: int) -> None:
        """A decision's reward is ``reward`` from ``at_ms`` (wall clock) on."""
        self._sums[arm] = self._sums.get(arm, 0.0) + reward - (previous or 0.0)
        self._counts[arm] = self._counts.get(arm, 0) + (previous is None)
        self._recent[decision_id] = (at_ms, arm, reward)
        self._recent.move_to_end(decision_id)
        # Those that are too old to be asked for go too: kept until there are too many, they would grow for hours.
        while len(self._recent) > MAX_REWARDS or at_ms - next(iter(self._recent.values()))[0] > MOOD_MS:
            self._recent.popitem(last=False)

    def means(self, now_ms: int) -> dict[str, float]:
        """Over the decisions rewarded in the last ``MOOD_MS``; where a persona has none, over all of its own."""
        found: dict[str, list[float]] = {}
        for at_ms, arm, reward in self._recent.values():
            if now_ms - at_ms <= MOOD_MS:
                found.setdefault(arm, []).append(reward)
        means = {arm: self._sums[arm] / count for arm, count in self._counts.items() if count}
        return means | {arm: sum(rewards) / len(rewards) for arm, rewards in found.items()}


def cluster(reports: Sequence[WorkerFigures], rewards: Mapping[str, float], at_ms: int) -> dict[str, Any]:
    """The data of a ``metrics`` event (PROTOCOL §7). What nothing is known about is 0."""
    turns, handoffs = sum(one.turns for one in reports), sum(one.handoffs for one in reports)
    moods = sum(one.sentiment_count for one in reports)
    return {
        "at_ms": at_ms,
        "workers": len(reports),
        "connections": sum(one.connections for one in reports),
        "conversations": distinct(one.conversations for one in reports),
        "messages_per_s": round(sum(one.messages_per_s for one in reports), 2),
        "turns_per_s": round(sum(one.turns_per_s for one in reports), 2),
        "turn_ms": _latencies(TURN_S, [one.turn_counts for one in reports]),
        "analysis_ms": _latencies(ANALYSIS_S, [one.analysis_counts for one in reports]),
        "deliveries_per_s": round(sum(one.deliveries_per_s for one in reports), 2),
        "outbox_drops": sum(one.outbox_drops for one in reports),
        "sentiment_mean": round(sum(one.sentiment_sum for one in reports) / moods, 4) if moods else 0.0,
        "escalation_rate": round(handoffs / max(turns, handoffs, 1), 4),
        "personas": _personas([one.decisions for one in reports], rewards),
        "errors_per_s": round(sum(one.errors_per_s for one in reports), 2),
        "cpu": round(sum(one.cpu for one in reports), 4),
        "rss_bytes": sum(one.rss_bytes for one in reports),
        "per_worker": [_worker(one) for one in sorted(reports, key=lambda one: one.worker)],
    }


def _worker(one: WorkerFigures) -> dict[str, Any]:
    health = one.health
    told = {
        "worker": one.worker,
        "connections": one.connections,
        "turns_per_s": round(one.turns_per_s, 2),
        "errors_per_s": round(one.errors_per_s, 2),
        "cpu": round(one.cpu, 4),
        "rss_bytes": one.rss_bytes,
        "started_ms": health.started_ms,
        "version": health.version,
        "model": health.model,
        "policy_version": health.policy_version,
        "redis_away": health.redis_away,
        "model_away": health.model_away,
        "disk_free": health.disk_free,
    }
    return {name: value for name, value in told.items() if value is not None}


def _latencies(bounds: Sequence[float], parts: Sequence[Sequence[int]]) -> dict[str, float]:
    fitting = [counts for counts in parts if len(counts) == len(bounds) + 1]  # not another release's buckets
    counts = [sum(column) for column in zip(*fitting, strict=True)]
    return {f"p{share}": round(percentile(bounds, counts, share / 100) * 1000, 3) for share in (50, 95, 99)}


def _personas(parts: Sequence[Mapping[str, int]], rewards: Mapping[str, float]) -> dict[str, dict[str, float]]:
    counts: dict[str, int] = {}
    for part in parts:
        for name, count in part.items():
            counts[name] = counts.get(name, 0) + count
    total = sum(counts.values())
    return {
        name: {"share": round(count / total, 4), "reward": round(rewards.get(name, 0.0), 4)}
        for name, count in sorted(counts.items())
        if count
    }
