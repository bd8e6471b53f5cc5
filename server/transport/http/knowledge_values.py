"""Knowledge as JSON, for HTTP and for the command line; apart from the routes, so that the command needs no FastAPI."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from server.knowledge.index import Hit
from server.store.knowledge_ports import Version, VersionChange


def shown(version: Version) -> dict[str, Any]:
    """A version, without what it does not have."""
    told = asdict(version)
    told = {"article": told.pop("article_id"), **told, "tags": list(version.tags)}
    return {name: value for name, value in told.items() if value is not None}


def change(one: VersionChange) -> dict[str, Any]:
    """Who did what."""
    return asdict(one)


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
