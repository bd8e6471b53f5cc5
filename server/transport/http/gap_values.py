"""Gaps, frequent questions, coverage and articles' figures as JSON, for HTTP and for the command line; apart from the
routes, so that the command needs no FastAPI."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from server.chat.gaps import Coverage, Frequent, Gap
from server.store.question_ports import ArticleFigures, Cluster


def gap(one: Gap) -> dict[str, Any]:
    """A gap, without what is not known."""
    cluster = one.cluster
    told = {
        **_asked(cluster),
        "state": cluster.state,
        "article": cluster.article_id,
        "changed_by": cluster.changed_by or None,
        "changed_ms": cluster.changed_ms or None,
        "troubled": cluster.troubled,
        "troubles": dict(cluster.troubles),
        "satisfaction": _rounded(cluster.satisfaction),
        "impact": _rounded(one.impact),
        "priority": round(one.priority, 4),
        "examples": list(one.examples),
    }
    return {name: value for name, value in told.items() if value is not None}


def frequent(one: Frequent) -> dict[str, Any]:
    """A question that many ask."""
    articles = [{"article": article, "answers": times} for article, times in one.articles]
    return {**_asked(one.cluster), "articles": articles, "examples": list(one.examples)}


def coverage(found: Coverage) -> dict[str, Any]:
    """With its days, without what is not known."""
    told = {
        "since_ms": found.since_ms,
        "questions": found.questions,
        "answered": found.answered,
        "offered": found.offered,
        "solved": found.solved,
        "handoffs": found.handoffs,
        "coverage": _rounded(found.share),
        "satisfaction": _rounded(found.satisfaction),
        "days": [
            {name: value for name, value in asdict(day).items() if name not in ("known", "satisfaction")}
            for day in found.days
        ],
    }
    return {name: value for name, value in told.items() if value is not None}


def figures(one: ArticleFigures) -> dict[str, Any]:
    """What a version did."""
    told = asdict(one)
    return {"article": told.pop("article_id"), **told}


def _asked(cluster: Cluster) -> dict[str, Any]:
    return {
        "gap": cluster.number,
        "name": cluster.name,
        "questions": cluster.turns,
        "people": cluster.people,
        "answered": cluster.answered,
        "solved": cluster.solved,
        "first_ms": cluster.first_ms,
        "last_ms": cluster.last_ms,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
