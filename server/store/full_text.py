"""Full text of knowledge: SQLite's FTS5 and PostgreSQL's tsvector behind one set of functions.

Both find a word in its other forms, weigh titles above headings above text, and count rare words most: FTS5 by BM25;
``ts_rank`` knows no frequencies, so that each word's rank is weighted by its inverse document frequency.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, text

from server.store.query import fetch

# Text search configurations of PostgreSQL by language; others are "simple".
_CONFIGS: Final = {
    "da": "danish", "de": "german", "en": "english", "es": "spanish", "fi": "finnish", "fr": "french",
    "hu": "hungarian", "it": "italian", "nl": "dutch", "no": "norwegian", "pt": "portuguese", "ro": "romanian",
    "ru": "russian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip
_CONFIG_OF: Final = " ".join(f"WHEN '{code}' THEN '{name}'" for code, name in _CONFIGS.items())
_PG_CONFIG: Final = f"CAST(CASE language {_CONFIG_OF} ELSE 'simple' END AS regconfig)"

# An article's title counts for its passages: with it, all that the article is found by would crowd out other articles.
_TITLE: Final = "CASE kind WHEN 'passage' THEN title ELSE '' END"
_SQLITE_ADD: Final = text(
    f"INSERT INTO knowledge_text (rowid, title, heading, text) "  # noqa: S608  our own names
    f"SELECT number, {_TITLE}, heading, text FROM knowledge_rows WHERE article_id = :article"
)
# What it held has to be told word by word: FTS5 keeps the index only.
_SQLITE_DROP: Final = text(
    f"INSERT INTO knowledge_text (knowledge_text, rowid, title, heading, text) "  # noqa: S608  likewise
    f"SELECT 'delete', number, {_TITLE}, heading, text FROM knowledge_rows WHERE article_id = :article"
)
_SQLITE_SEARCH: Final = (
    "SELECT rowid FROM knowledge_text WHERE knowledge_text MATCH ? ORDER BY bm25(knowledge_text, 2.0, 1.5, 1.0), rowid "
    "LIMIT ?"
)
_PG_ADD: Final = text(
    f"INSERT INTO knowledge_text (number, document) SELECT number, "  # noqa: S608  our own names
    f"setweight(to_tsvector({_PG_CONFIG}, {_TITLE}), 'A') || setweight(to_tsvector({_PG_CONFIG}, heading), 'B') || "
    f"setweight(to_tsvector({_PG_CONFIG}, text), 'C') FROM knowledge_rows WHERE article_id = :article"
)
# Weights are those of D, C, B, A; 1 divides by the length's logarithm.
_PG_SEARCH: Final = """
WITH asked AS (
    SELECT DISTINCT query FROM (SELECT plainto_tsquery($1::regconfig, word) AS query FROM unnest($2::TEXT[]) AS word)
    AS parsed WHERE numnode(query) > 0
), hits AS (
    SELECT asked.query, knowledge_text.number,
        ts_rank('{0.1, 0.5, 0.75, 1.0}', knowledge_text.document, asked.query, 1) AS rank
    FROM asked JOIN knowledge_text ON knowledge_text.document @@ asked.query
), frequencies AS (
    SELECT query, ln(1 + (SELECT count(*) FROM knowledge_text)::FLOAT / count(*)) AS weight FROM hits GROUP BY query
)
SELECT hits.number FROM hits JOIN frequencies USING (query)
GROUP BY hits.number ORDER BY sum(hits.rank * frequencies.weight) DESC, hits.number LIMIT $3
"""


def add(connection: Connection, article_id: str) -> None:
    """Let the words of an article's rows be found, which have just been inserted."""
    connection.execute(_SQLITE_ADD if _is_sqlite(connection) else _PG_ADD, {"article": article_id})


def drop(connection: Connection, article_id: str) -> None:
    """Forget the words of an article's rows, which will be deleted next."""
    if _is_sqlite(connection):  # elsewhere they go with their rows
        connection.execute(_SQLITE_DROP, {"article": article_id})


def search(connection: Connection, words: Sequence[str], language: str, limit: int) -> list[int]:
    """See ``knowledge_ports.KnowledgeStore.search_words``."""
    if not words:
        return []
    if _is_sqlite(connection):
        query = " OR ".join('"' + word.replace('"', '""') + '"' for word in words)
        rows = fetch(connection, _SQLITE_SEARCH, (query, limit))
    else:
        rows = fetch(connection, _PG_SEARCH, (_CONFIGS.get(language, "simple"), list(words), limit))
    return [int(row[0]) for row in rows]


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"
