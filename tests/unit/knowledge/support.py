"""Articles and rows in few words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from server.contents import article_of
from server.knowledge.index import Filters, Index, Question, Row
from server.knowledge.passages import cut
from server.knowledge.values import Article, entries_of

MODEL = "nlu-1"
NOW = Filters(0)
DIM = 4


def article(body: str, name: str = "returns", front: str = "title: Returns\ncategory: shop") -> Article:
    return article_of(f"{name}.md", f"---\n{front}\n---\n{body}")


def rows(articles: Sequence[Article], vectors: Mapping[str, Sequence[float]], **changes: Any) -> list[Row]:
    """All rows; ``vectors`` by entry id, the others have none."""
    made: list[Row] = []
    for one in articles:
        for entry in entries_of(one, cut(one)):
            vector = vectors.get(entry.entry_id)
            values: dict[str, Any] = {
                "number": len(made) + 1,
                "entry_id": entry.entry_id,
                "kind": entry.kind,
                "article_id": one.article_id,
                "version": 1,
                "title": one.title,
                "category": one.category,
                "language": one.language,
                "expires_ms": one.expires_ms,
                "heading": entry.heading,
                "text": entry.text,
                "embedded": entry.embedded,
                "variants": entry.variants,
                "model": None if vector is None else MODEL,
                "embedding": None if vector is None else np.array(vector, dtype=np.float32),
            }
            made.append(Row(**{**values, **changes}))
    return made


def index(articles: Sequence[Article], vectors: Mapping[str, Sequence[float]], **changes: Any) -> Index:
    return Index(rows(articles, vectors, **changes), MODEL, DIM)


def asked(text: str, vector: Sequence[float] | None = None, by_words: Sequence[int] = ()) -> Question:
    return Question(text, None if vector is None else np.array(vector, dtype=np.float32), by_words)
