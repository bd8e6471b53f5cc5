"""A data directory whose knowledge is large: the demo shop's articles, which answer, among thousands that don't.

The others' texts are half of the shop's own words and half of made-up ones, so that the full text finds as much as in a
real knowledge; their embeddings are made up, by the name of the model that the server uses.
"""

from __future__ import annotations

import asyncio
import random
import re
from pathlib import Path
from typing import Final

from loadtest.bench_knowledge import PASSAGES, Corpus
from loadtest.peers.catalog import SECRET
from loadtest.processes import parlance
from loadtest.scripts import Script, ScriptBook
from server import knowledge
from server.clock import SystemClock
from server.knowledge.values import Article, Entry
from server.store.sql import SqlStore, sqlite_url

DEMO: Final = Path(knowledge.__file__).parent / "demo"
AT_ONCE: Final = 32
EMBEDDED_AT_ONCE: Final = 1_000
WORDS: Final = 55


def questions() -> ScriptBook:
    """What the demo's articles answer, each a conversation's one turn."""
    lines = [line.split("\t") for file in ("tuning", "test") for line in _lines(DEMO / "questions" / f"{file}.tsv")]
    asked = [question for question, article in lines if article != "-"]
    return ScriptBook(tuple(Script(text, "shop", "calm", (text,)) for text in asked), {})


def stock(data_dir: Path, passages: int) -> None:
    """Fill a new data directory so that at least so many passages are active and embedded. ``StartError``."""
    with parlance(data_dir, {"PARLANCE_SECRET": SECRET, "PARLANCE_DEMO": "true"}):
        pass  # it opens once the demo's articles are embedded
    asyncio.run(_fill(data_dir, passages))


def _lines(file: Path) -> list[str]:
    return [line for line in file.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]


async def _fill(data_dir: Path, passages: int) -> None:
    url = sqlite_url(data_dir / "parlance.db")
    store = SqlStore(url, clock=SystemClock(), new_id=str, timeout_s=600.0)
    await store.start()
    try:
        there = await store.knowledge_figures()
        (model,) = there.embedded
        missing = max(0, passages - there.rows["passage"])
        corpus, words = Corpus(missing), _Words()
        for first in range(0, -(-missing // PASSAGES), AT_ONCE):
            last = min(first + AT_ONCE, -(-missing // PASSAGES))
            await asyncio.gather(*(_publish(store, number, corpus, words) for number in range(first, last)))
        while waiting := await store.rows_to_embed(model, 0, EMBEDDED_AT_ONCE):
            vectors = corpus.directions(len(waiting)).astype("<f4")
            rows = [(number, vector.tobytes()) for (number, _), vector in zip(waiting, vectors, strict=True)]
            await store.embed_rows(model, rows)
    finally:
        await store.close()


class _Words:
    """Texts in the shop's own words, as frequent as there."""

    def __init__(self, seed: int = 7) -> None:
        texts = (file.read_text(encoding="utf-8") for file in sorted(DEMO.glob("*/*.md")))
        self._words = [word for text in texts for word in re.findall(r"[a-z]{2,}", text.lower())]
        self._rng = random.Random(seed)

    def text(self, words: int) -> str:
        return " ".join(self._rng.choices(self._words, k=words))


async def _publish(store: SqlStore, number: int, corpus: Corpus, words: _Words) -> None:
    name, title = f"made-up-{number}", words.text(4)
    texts = [f"{words.text(WORDS // 2)} {corpus.text(WORDS // 2)}" for _ in range(PASSAGES)]
    entries = [Entry(f"{name}#{piece}", "passage", "", text, f"{title}. {text}") for piece, text in enumerate(texts)]
    await store.save_article(Article(name, title, "made-up", name, "-"), "bench", 0)
    await store.set_article_state(name, 1, "approved", by="bench", at_ms=0)
    await store.set_article_state(name, 1, "active", by="bench", at_ms=0, entries=entries)
