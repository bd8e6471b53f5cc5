"""How long the search of the knowledge takes: ``python -m loadtest.bench_knowledge [--rows N …] [--json]``.

Made-up passages of the length of real ones, with embeddings that lie about as many centres as there are articles,
stand in a SQLite store and in the index of a worker. Each question is searched as in a turn: full text in the store's
thread, then the exact product with every embedding, fusion, and a close look at the best articles. Beside it the parts:
the product alone, full text alone. The approximate search is measured beside the exact one, and how much of that one's
first ten it finds: for questions near to an article, and for such as are near to none (``recall_far``).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from loadtest.measure import print_table
from server.clock import SystemClock
from server.knowledge.graph import RowGraph
from server.knowledge.index import Filters, Floats, Index, Question, Row
from server.knowledge.values import Article, Entry
from server.store.sql import SqlStore, sqlite_url

ROWS = (10_000, 100_000)
QUESTIONS = 300
DIM = 384
PASSAGES = 10
"""Of an article, so that rows are ten times the articles."""

VOCABULARY = 20_000
SMALL_WORDS = 100
"""The most frequent ones; half of a text, and stop words."""

MODEL = "made-up"
FILTERS = Filters(0, language="en")


class Corpus:
    """Words as rare as in a language (Zipf's law), and directions."""

    def __init__(self, rows: int, seed: int = 7) -> None:
        self.rows = rows
        self._rng = np.random.default_rng(seed)
        chances = 1.0 / np.arange(1, VOCABULARY + 1)
        self._chances = chances / chances.sum()
        self._letters = random.Random(seed)
        self._words = [self._word() for _ in range(VOCABULARY)]
        self._centres = self.directions(max(1, rows // PASSAGES))

    def text(self, words: int) -> str:
        """A text of so many words."""
        drawn = self._rng.choice(VOCABULARY, size=words, p=self._chances)
        return " ".join(self._words[place] for place in drawn)

    def question(self, words: int) -> str:
        """Words that are not small ones: those are left out of a question before it comes to the search."""
        drawn = self._rng.choice(VOCABULARY, size=8 * words, p=self._chances)
        return " ".join([self._words[place] for place in drawn if place >= SMALL_WORDS][:words])

    def near(self, article: int, noise: float) -> Floats:
        """A direction close to an article's."""
        vector = self._centres[article] + noise * self.directions(1)[0]
        found: Floats = (vector / np.linalg.norm(vector)).astype(np.float32)
        return found

    def directions(self, count: int) -> Floats:
        """Any, (count, dim), unit length."""
        vectors = self._rng.standard_normal((count, DIM)).astype(np.float32)
        found: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return found

    def _word(self) -> str:
        return "".join(self._letters.choices("abcdefghijklmnopqrstuvwxyz", k=self._letters.randint(3, 9)))


async def fill(store: SqlStore, corpus: Corpus) -> list[Row]:
    """Publish the articles, and give each row its embedding."""
    for number in range(corpus.rows // PASSAGES):
        name = f"a{number}"
        article = Article(name, corpus.text(5), "shop", corpus.text(3) + name, "-")
        entries = [
            Entry(f"{name}#{piece}", "passage", corpus.text(2), corpus.text(55), corpus.text(1))
            for piece in range(PASSAGES)
        ]
        version, _ = await store.save_article(article, "bench", 0)
        for state in ("approved", "active"):
            await store.set_article_state(name, version.version, state, by="bench", at_ms=0, entries=entries)
    rows: list[Row] = []
    while page := await store.knowledge_rows(0, rows[-1].number if rows else 0, 5_000):
        rows += [_embedded(row, corpus) for _, row in page]
    return rows


def _embedded(row: Row, corpus: Corpus) -> Row:
    values = {name: getattr(row, name) for name in row.__slots__}
    vector = corpus.near(int(row.article_id[1:]), 0.8)
    return Row(**{**values, "model": MODEL, "embedding": vector, "embedded": f"{row.title} {row.text}"})


async def measured(ask: Callable[[int], Coroutine[Any, Any, object]], count: int) -> dict[str, float]:
    """Milliseconds of each call, one after the other: the median and the 95th percentile."""
    for warm in range(10):
        await ask(warm)
    took = []
    for place in range(count):
        started = time.perf_counter()
        await ask(place)
        took.append((time.perf_counter() - started) * 1_000)
    return {"p50_ms": float(np.percentile(took, 50)), "p95_ms": float(np.percentile(took, 95))}


async def run(rows: int, questions: int) -> dict[str, Any]:
    """The figures of one size."""
    corpus = Corpus(rows)
    with tempfile.TemporaryDirectory() as folder:
        store = SqlStore(sqlite_url(Path(folder) / "bench.db"), clock=SystemClock(), new_id=str, timeout_s=600.0)
        await store.start()
        started = time.perf_counter()
        held = await fill(store, corpus)
        fill_s = time.perf_counter() - started
        started = time.perf_counter()
        index = Index(held, MODEL, DIM)
        index_s = time.perf_counter() - started
        rng = random.Random(1)
        asked = [
            (corpus.question(5), corpus.near(rng.randrange(rows // PASSAGES), 0.8)) for _ in range(max(questions, 10))
        ]

        async def turn(place: int) -> object:
            text, vector = asked[place % len(asked)]
            by_words = await store.search_words(text.split(), "en", 60)
            question = Question(text, vector, by_words)
            return await asyncio.to_thread(index.search, question, FILTERS, 5)

        async def product(place: int) -> object:
            return index.nearest(asked[place % len(asked)][1], FILTERS, 5)

        async def full_text(place: int) -> object:
            return await store.search_words(asked[place % len(asked)][0].split(), "en", 60)

        found = {
            "rows": len(held),
            "fill_s": fill_s,
            "index_s": index_s,
            "exact_top_5": await measured(product, questions),
            "full_text": await measured(full_text, questions),
            "turn": await measured(turn, questions),
            "approximate": approximate(index, [vector for _, vector in asked], list(corpus.directions(len(asked)))),
        }
        await store.close()
    return found


def approximate(index: Index, near: Sequence[Floats], far: Sequence[Floats]) -> dict[str, Any]:
    """The graph beside the index; seconds and milliseconds of processor time, which a busy machine hardly touches."""
    graph = RowGraph(MODEL, DIM)
    started = time.process_time()
    graph.add(*index.vectors(graph))
    build_s = time.process_time() - started
    other = index.with_graph(graph)
    return {
        "build_s": build_s,
        "recall_at_10": recall(index, other, near),
        "recall_far": recall(index, other, far),
        "exact": processor_ms(lambda vector: index.nearest(vector, FILTERS, 10), near),
        "approximate": processor_ms(lambda vector: other.nearest(vector, FILTERS, 10), near),
    }


def recall(exact: Index, other: Index, asked: Sequence[Floats]) -> float:
    """Share of the exact first ten that ``other`` has among its own."""
    found = 0
    for vector in asked:
        truth = {number for number, _ in exact.nearest(vector, FILTERS, 10)}
        found += len(truth & {number for number, _ in other.nearest(vector, FILTERS, 10)})
    return found / (10 * len(asked))


def processor_ms(ask: Callable[[Floats], object], asked: Sequence[Floats]) -> dict[str, float]:
    """Of each call, in this thread."""
    took = []
    for vector in asked:
        started = time.thread_time()
        ask(vector)
        took.append((time.thread_time() - started) * 1_000)
    return {"p50_ms": float(np.percentile(took, 50)), "p95_ms": float(np.percentile(took, 95))}


def report(sizes: Sequence[int] = ROWS, questions: int = QUESTIONS) -> dict[str, Any]:
    """All sizes."""
    return {"sizes": [asyncio.run(run(size, questions)) for size in sizes]}


def show(results: dict[str, Any]) -> None:
    """Print what ``report`` gave as a table."""
    cells = [
        (
            f"{size['rows']:,}",
            *(
                f"{size[part][figure]:.2f}"
                for part in ("exact_top_5", "full_text", "turn")
                for figure in ("p50_ms", "p95_ms")
            ),
            f"{size['index_s']:.2f}",
        )
        for size in results["sizes"]
    ]
    headings = ("passages", "exact p50", "p95 ms", "full text p50", "p95 ms", "in a turn p50", "p95 ms", "index s")
    print_table("search of the knowledge", headings, cells)
    cells = [
        (
            f"{size['rows']:,}",
            f"{part['recall_at_10']:.4f}",
            f"{part['recall_far']:.4f}",
            *(f"{part[how][figure]:.2f}" for how in ("exact", "approximate") for figure in ("p50_ms", "p95_ms")),
            f"{part['build_s']:.0f}",
        )
        for size in results["sizes"]
        for part in [size["approximate"]]
    ]
    headings = ("passages", "recall@10", "far", "exact p50", "p95 ms", "approximate p50", "p95 ms", "built in s")
    print_table("approximate, processor time", headings, cells)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(
        prog="python -m loadtest.bench_knowledge", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--rows", type=int, nargs="+", default=ROWS, help="passages (default 10,000 and 100,000)")
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="questions of each size")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON instead of a table")
    options = parser.parse_args(arguments)
    results = report(options.rows, options.questions)
    if options.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)


if __name__ == "__main__":
    main()
