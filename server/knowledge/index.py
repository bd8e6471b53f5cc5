"""The search of one process: every active row with its embedding, in one matrix (pure).

An ``Index`` never changes: what is new makes a new one, and whoever still searches the old one finishes there. With a
``Graph`` it compares only the rows that this proposes, and those that it does not hold.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from server.knowledge.coverage import Stems
from server.knowledge.fusion import fuse
from server.knowledge.values import EntryKind, Tone

Floats = NDArray[np.float32]
Cosines = Floats | Mapping[int, float]
"""By place: of all rows, or of those that matter."""

POOL: Final = 60
"""Rows of each ranking that are fused."""
CANDIDATES: Final = 8
"""Articles that are looked at closely."""
PROPOSED: Final = 2 * POOL
"""Rows that a graph is asked for: some of them are of other languages, or gone."""

WORDED_ROWS: Final = 500
"""Rows that the full text is to rank: each costs 2 µs, and a word of every tenth row of thousands says little."""

NEVER: Final = 2**63 - 1
COVERAGE_WEIGHT: Final = 0.2
"""Of a question's words beside its embedding, when an article's best passage is picked."""

CONTINUED_MALUS: Final = 0.1
"""For a further piece of a section, which begins in the middle of a thought."""

# Logistic regression over (best cosine among passages, best among asks, best coverage), and its intercept: see
# ``measure.tuned`` and docs/knowledge.md.
WEIGHTS: Final = (1.4, 12.6, 2.2)
INTERCEPT: Final = -10.5
BY_WORDS_INTERCEPT: Final = -3.3
"""Of an article that nobody has embedded yet, or a question: by words alone the best article is right for .6 of the
questions of which it has .6 of the words, good enough to be offered (.12) and never to be answered with (.3)."""


class Graph(Protocol):
    """Proposes rows that are about the nearest, without comparing all."""

    @property
    def model(self) -> str:
        """Whose embeddings it is of."""

    @property
    def held(self) -> Collection[int]:
        """The numbers of its rows; some may be gone."""

    def nearest(self, embedding: Floats, count: int) -> list[int]:
        """Numbers, the nearest first; fewer where it does not hold as many."""


@dataclass(frozen=True, slots=True)
class Row:
    """An active entry as the store holds it. ``number``: its own, given anew at each change. ``embedding``: float32
    (dim,), unit length, by ``model``; None while it has none."""

    number: int
    entry_id: str
    kind: EntryKind
    article_id: str
    version: int
    title: str
    category: str
    language: str
    expires_ms: int | None
    heading: str
    text: str
    embedded: str
    variants: Mapping[Tone, str] = field(default_factory=dict)
    model: str | None = None
    embedding: Floats | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """``embedding``: float32 (dim,), unit length, by the index's model, or None to go by words alone. ``by_words``: row
    numbers in the order of the full-text search."""

    text: str
    embedding: Floats | None
    by_words: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Filters:
    """``now_ms``: what has expired by then is not found. None: any language, any category."""

    now_ms: int
    language: str | None = None
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """An article that may answer. ``confidence``: how likely it does, in [0, 1]; ``passage``: its best one;
    ``opening``: its first. ``cosine``: of its best row; ``coverage``: the share of the question's weighted words that
    its best row has; ``fused``: the reciprocal-rank sum by which it came among the candidates."""

    article_id: str
    version: int
    title: str
    category: str
    confidence: float
    passage: Row
    opening: Row
    cosine: float
    coverage: float
    fused: float


class Index:
    """``model``: the embedding that questions must have. Rows embedded by another one are found by words
    alone. ``before``: an earlier state; what it has read of rows that are still there is not read again."""

    def __init__(self, rows: Sequence[Row], model: str, dim: int, before: Index | None = None) -> None:
        self.model = model
        self._matrix: Floats = np.zeros((len(rows), dim), dtype=np.float32)
        self.rows = tuple(self._filed(place, row) for place, row in enumerate(rows))
        self._has_embedding: NDArray[np.bool_] = np.any(self._matrix, axis=1)
        self._place = {row.number: place for place, row in enumerate(self.rows)}
        self._articles: dict[str, list[int]] = {}
        for place, row in enumerate(self.rows):
            self._articles.setdefault(row.article_id, []).append(place)
        self._expires = np.array([NEVER if row.expires_ms is None else row.expires_ms for row in self.rows], np.int64)
        self._languages = _codes([row.language for row in self.rows])
        self._categories = _codes([row.category for row in self.rows])
        texts = ((row.number, row.embedded) for row in self.rows)
        self._stems: Stems = Stems(texts, None if before is None else before._stems)
        self._graph: Graph | None = None
        self._loose = np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    def _filed(self, place: int, row: Row) -> Row:
        """The row with its embedding in the matrix only, so that it is in memory once."""
        if row.embedding is None or row.model != self.model or row.embedding.shape != self._matrix.shape[1:]:
            return row
        self._matrix[place] = row.embedding
        return replace(row, embedding=self._matrix[place])

    @property
    def dim(self) -> int:
        """Dimensions of its embeddings."""
        return int(self._matrix.shape[1])

    @property
    def numbers(self) -> Collection[int]:
        """Of its rows."""
        return self._place.keys()

    def unchanged_until(self, now_ms: int) -> int:
        """When the next of its rows expires; ``NEVER`` where none does."""
        later = self._expires[self._expires > now_ms]
        return int(later.min()) if len(later) else NEVER

    @property
    def articles(self) -> int:
        """How many there are."""
        return len(self._articles)

    @property
    def embedded(self) -> int:
        """How many rows this index finds by meaning."""
        return int(np.count_nonzero(self._has_embedding))

    @property
    def loose(self) -> int:
        """How many rows its graph does not hold."""
        return len(self._loose)

    def with_graph(self, graph: Graph | None) -> Index:
        """The same index, searched by ``graph``, or exactly where that is None, or of another model."""
        other = copy.copy(self)
        other._graph = graph if graph is not None and graph.model == self.model else None
        held = set(graph.held) if other._graph is not None and graph is not None else set()
        loose = [] if not held else [place for place, row in enumerate(self.rows) if row.number not in held]
        other._loose = np.array(loose, dtype=np.int64)
        return other

    def vectors(self, without: Graph) -> tuple[list[int], Floats]:
        """Numbers and embeddings of the rows that ``without`` does not hold, but for those without an embedding."""
        held = without.held
        places = [at for at, row in enumerate(self.rows) if row.number not in held and self._matrix[at].any()]
        return [self.rows[at].number for at in places], self._matrix[places]

    def telling(self, words: Sequence[str]) -> list[str]:
        """Those of a question's words that are worth a full-text search, the rarest first: as many as together stand in
        ``WORDED_ROWS`` rows, and the rarest that is there at all."""
        chosen: list[str] = []
        standing = 0
        for count, word in sorted((self._stems.count(word), word) for word in words):
            if standing and standing + count > WORDED_ROWS:
                break
            standing += count
            chosen.append(word)
        return chosen

    def nearest(self, embedding: Floats, filters: Filters, limit: int) -> list[tuple[int, float]]:
        """Row numbers with their cosines, the nearest first; exactly those where there is no graph."""
        near, _ = self._ranked(embedding, self._mask(filters), limit)
        cosines = self._of(embedding, near)
        return [(self.rows[place].number, cosines[place]) for place in near]

    def search(self, question: Question, filters: Filters, limit: int) -> list[Hit]:
        """Articles, the surest first."""
        if not self.rows:
            return []
        mask = self._mask(filters)
        nearest, exact = self._ranked(question.embedding, mask, POOL)
        near = [self.rows[place].article_id for place in nearest]
        worded = [
            place for number in question.by_words if (place := self._place.get(number)) is not None and mask[place]
        ]
        pooled = fuse((near, [self.rows[place].article_id for place in worded]))[:CANDIDATES]
        candidates = [[place for place in self._articles[article] if mask[place]] for article, _ in pooled]
        near_by = [place for places in candidates for place in places]
        cosines: Cosines = self._of(question.embedding, near_by) if exact is None else exact
        covered = dict(zip(near_by, self._stems.coverage(question.text, near_by).tolist(), strict=True))
        asked = self._is_comparable(question.embedding)
        hits = [
            self._hit(places, fused, cosines, covered, by_meaning=asked and bool(self._has_embedding[places].any()))
            for places, (_, fused) in zip(candidates, pooled, strict=True)
        ]
        hits.sort(key=lambda hit: -hit.confidence)
        return hits[:limit]

    def _ranked(self, embedding: Floats | None, mask: NDArray[np.bool_], limit: int) -> tuple[list[int], Floats | None]:
        """Places of the nearest rows, and every row's cosine where that had to be computed."""
        if self._graph is not None and embedding is not None and self._is_comparable(embedding):
            proposed = self._proposed(self._graph, embedding, mask, limit)
            if len(proposed) >= min(limit, int(np.count_nonzero(mask))):
                return proposed[:limit], None
        cosines = self._cosines(embedding, mask)
        return _largest(cosines, limit), cosines

    def _proposed(self, graph: Graph, embedding: Floats, mask: NDArray[np.bool_], limit: int) -> list[int]:
        """Those of the graph and those that it does not hold, the nearest first."""
        numbers = graph.nearest(embedding, max(PROPOSED, 2 * limit))
        found = [place for number in numbers if (place := self._place.get(number)) is not None]
        places = np.concatenate([np.array(found, dtype=np.int64), self._loose])
        places = np.unique(places[mask[places]])
        cosines = self._matrix[places] @ embedding
        return [int(place) for place in places[np.argsort(-cosines, kind="stable")]]

    def _is_comparable(self, embedding: Floats | None) -> bool:
        return embedding is not None and embedding.shape == self._matrix.shape[1:]

    def _of(self, embedding: Floats | None, places: Sequence[int]) -> dict[int, float]:
        """Cosines of some rows."""
        if embedding is None or embedding.shape != self._matrix.shape[1:]:
            return dict.fromkeys(places, 0.0)
        values = self._matrix[list(places)] @ embedding
        return dict(zip(places, values.tolist(), strict=True))

    def _cosines(self, embedding: Floats | None, mask: NDArray[np.bool_]) -> Floats:
        if embedding is None or embedding.shape != self._matrix.shape[1:]:
            return np.where(mask, np.float32(0.0), np.float32(-2.0))
        # One thread: on busy cores those of BLAS wait for each other, 34 against 2 ms (measured, 10,000 rows).
        with _blas().limit(limits=1, user_api="blas"):
            cosines: Floats = self._matrix @ embedding
        cosines[~mask] = -2.0
        return cosines

    def _mask(self, filters: Filters) -> NDArray[np.bool_]:
        mask: NDArray[np.bool_] = self._expires > filters.now_ms
        if filters.language is not None:
            mask &= self._languages[1] == self._languages[0].get(filters.language, -1)
        if filters.category is not None:
            mask &= self._categories[1] == self._categories[0].get(filters.category, -1)
        return mask

    def _promise(self, place: int, cosines: Cosines, covered: Mapping[int, float]) -> float:
        """How well a passage would do as the answer, among those of its article."""
        continued = "." in self.rows[place].entry_id
        return float(cosines[place]) + COVERAGE_WEIGHT * covered[place] - CONTINUED_MALUS * continued

    def _hit(
        self,
        places: Sequence[int],
        fused: float,
        cosines: Cosines,
        covered: Mapping[int, float],
        *,
        by_meaning: bool,
    ) -> Hit:
        passages = [place for place in places if self.rows[place].kind == "passage"] or places
        asks = [place for place in places if self.rows[place].kind == "ask"] or places
        best = max(passages, key=lambda place: self._promise(place, cosines, covered))
        coverage = max(covered[place] for place in places)
        by_passage, by_ask = (max(float(cosines[place]) for place in some) for some in (passages, asks))
        row = self.rows[best]
        return Hit(
            article_id=row.article_id,
            version=row.version,
            title=row.title,
            category=row.category,
            confidence=confidence(by_passage, by_ask, coverage) if by_meaning else confidence_by_words(coverage),
            passage=row,
            opening=self.rows[passages[0]],
            cosine=max(by_passage, by_ask),
            coverage=coverage,
            fused=fused,
        )


def confidence(by_passage: float, by_ask: float, coverage: float) -> float:
    """How likely an article answers, by its best cosines and its best coverage."""
    features = np.array([by_passage, by_ask, coverage])
    return float(1.0 / (1.0 + np.exp(-(features @ np.array(WEIGHTS) + INTERCEPT))))


def confidence_by_words(coverage: float) -> float:
    """The same where no cosines are known."""
    return float(1.0 / (1.0 + np.exp(-(WEIGHTS[2] * coverage + BY_WORDS_INTERCEPT))))


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def _largest(values: Floats, count: int) -> list[int]:
    """Places of the largest values above -2, the largest first."""
    count = min(count, len(values))
    places = np.argpartition(values, len(values) - count)[len(values) - count :] if count else np.array([], np.int64)
    ordered = places[np.argsort(-values[places], kind="stable")]
    return [int(place) for place in ordered if values[place] > -2.0]


def _codes(names: Sequence[str]) -> tuple[dict[str, int], NDArray[np.int32]]:
    known: dict[str, int] = {}
    codes = [known.setdefault(name, len(known)) for name in names]
    return known, np.array(codes, dtype=np.int32)


Outcome = Literal["answered", "offered", "nothing"]
"""What the bot does with what was found."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is known about a question: the article that ``answer``s, or the ``nearest`` ones, to be offered. ``others``
    are worth reading beside the answer. All empty where nothing comes close."""

    answer: Hit | None = None
    nearest: tuple[Hit, ...] = ()
    others: tuple[Hit, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """What the bot does with it."""
        return "answered" if self.answer else "offered" if self.nearest else "nothing"


NOTHING_FOUND: Final = Found()
MAX_OFFERED: Final = 2


def judge(hits: Sequence[Hit], answer_from: float, offer_from: float) -> Found:
    """``hits`` in falling order of confidence, against the two thresholds."""
    close = tuple(hit for hit in hits if hit.confidence >= offer_from)
    if close and close[0].confidence >= answer_from:
        return Found(answer=close[0], others=close[1 : 1 + MAX_OFFERED])
    return Found(nearest=close[:MAX_OFFERED])
