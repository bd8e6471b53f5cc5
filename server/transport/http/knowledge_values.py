"""Knowledge as JSON, for HTTP and for the command line; apart from the routes, so that the command needs no FastAPI."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from server.knowledge.index import Hit
from server.knowledge.values import Article, Passage
from server.store.knowledge_ports import Version, VersionChange


def shown(version: Version) -> dict[str, Any]:
    """A version, without what it does not have."""
    told = asdict(version)
    told = {"article": told.pop("article_id"), **told, "tags": list(version.tags)}
    return {name: value for name, value in told.items() if value is not None}


def change(one: VersionChange) -> dict[str, Any]:
    """Who did what."""
    return asdict(one)


def preview(article: Article, passages: Sequence[Passage]) -> dict[str, Any]:
    """What an article would be found by and answer with."""
    return {
        "title": article.title,
        "asks": list(article.asks),
        "variants": dict(article.variants),
        "passages": [
            {"passage": one.passage_id, "heading": one.heading, "text": one.text, "words": one.words}
            for one in passages
        ],
    }


def hit(one: Hit) -> dict[str, Any]:
    """What a question found."""
    return {
        "article": one.article_id,
        "version": one.version,
        "title": one.title,
        "category": one.category,
        "passage": one.passage.entry_id,
        "text": one.passage.text,
        "score": round(one.confidence, 4),
    }
