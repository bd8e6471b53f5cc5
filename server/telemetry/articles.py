"""What articles and the knowledge's caches do, as metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge


class Figures(Protocol):
    """What a version of an article did, as the store counts it."""

    @property
    def article_id(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def shown(self) -> int: ...

    @property
    def solved(self) -> int: ...

    @property
    def thumbs_up(self) -> int: ...

    @property
    def thumbs_down(self) -> int: ...

    @property
    def handoffs(self) -> int: ...


class ArticleMetrics:
    """Part of ``Metrics``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        meaning = "Answers of the cluster in 30 days that cite an article, by what is known of them."
        self.answers = Gauge(
            "parlance_knowledge_article_answers", meaning, ("article", "version", "what"), registry=registry
        )
        meaning = "Share of the cluster's questions in 30 days that an article answered; 0 while there are none."
        self.coverage = Gauge("parlance_knowledge_coverage_ratio", meaning, registry=registry)
        meaning = "Look-ups in the caches of the knowledge, by cache and whether it was there."
        self.cache = Counter("parlance_knowledge_cache", meaning, ("cache", "result"), registry=registry)

    def show(self, figures: Sequence[Figures]) -> None:
        """These, and no others."""
        self.answers.clear()
        for one in figures:
            counts = {
                "shown": one.shown,
                "solved": one.solved,
                "thumbs_up": one.thumbs_up,
                "thumbs_down": one.thumbs_down,
                "handed_off": one.handoffs,
            }
            for what, count in counts.items():
                self.answers.labels(one.article_id, str(one.version), what).set(count)

    def cover(self, questions: int, answered: int) -> None:
        """Show how many of so many questions an article answered."""
        self.coverage.set(answered / questions if questions else 0.0)

    def looked_up(self, cache: str, *, hit: bool) -> None:
        """Count a look-up."""
        self.cache.labels(cache, "hit" if hit else "miss").inc()
