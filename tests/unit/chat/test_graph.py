"""The approximate search: what it finds is what the exact one finds, but for a little; whatever the graph holds."""

from __future__ import annotations

import asyncio
import builtins
from typing import Any

import numpy as np
import pytest

from server.chat import approximation
from server.chat.approximation import WASTE, Approximation
from server.knowledge.graph import GraphMissing
from server.knowledge.graph import RowGraph as Graph
from server.knowledge.index import Filters, Floats, Index, Question, Row

DIM, ROWS = 32, 1_500
FILTERS = Filters(0)


def vectors(count: int, seed: int = 1) -> Floats:
    """Ten about each of some centres."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((max(1, count // 10), DIM))
    made = np.repeat(centres, 10, axis=0)[:count] + 0.5 * rng.standard_normal((count, DIM))
    found: Floats = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)
    return found


def row(number: int, vector: Floats | None, **changes: Any) -> Row:
    values: dict[str, Any] = {
        "number": number, "entry_id": f"a{number // 10}#{number}", "kind": "passage", "article_id": f"a{number // 10}",
        "version": 1, "title": "T", "category": "shop", "language": "en", "expires_ms": None, "heading": "",
        "text": "text", "embedded": f"words {number}", "model": "nlu-1", "embedding": vector, **changes,
    }  # fmt: skip
    return Row(**values)


VECTORS = vectors(ROWS)
INDEX = Index([row(number, VECTORS[number]) for number in range(ROWS)], "nlu-1", DIM)


@pytest.fixture(scope="module")
def graph() -> Graph:
    made = Graph("nlu-1", DIM)
    made.add(*INDEX.vectors(made))
    return made


def recall(exact: Index, other: Index, count: int = 10) -> float:
    found = 0
    for asked in VECTORS[::50]:
        truth = {number for number, _ in exact.nearest(asked, FILTERS, count)}
        found += len(truth & {number for number, _ in other.nearest(asked, FILTERS, count)})
    return found / (count * len(VECTORS[::50]))


def test_it_finds_what_the_exact_search_finds(graph: Graph) -> None:
    other = INDEX.with_graph(graph)
    assert (len(graph), other.loose, INDEX.loose) == (ROWS, 0, 0)
    assert recall(INDEX, other) >= 0.97
    asked = VECTORS[7]
    exactly = dict(INDEX.nearest(asked, FILTERS, 3))
    assert dict(other.nearest(asked, FILTERS, 3)) == pytest.approx(exactly)
    question = Question("words 7", asked, [7])
    exact, approximate = INDEX.search(question, FILTERS, 5), other.search(question, FILTERS, 5)
    assert [hit.article_id for hit in approximate] == [hit.article_id for hit in exact]
    assert [hit.confidence for hit in approximate] == pytest.approx([hit.confidence for hit in exact])


def test_what_the_graph_does_not_hold_yet_is_compared(graph: Graph) -> None:
    fresh = row(ROWS, VECTORS[0])
    grown = Index([*INDEX.rows, fresh], "nlu-1", DIM).with_graph(graph)
    assert grown.loose == 1
    assert {number for number, _ in grown.nearest(VECTORS[0], FILTERS, 2)} == {0, ROWS}


def test_what_is_gone_or_filtered_is_not_found(graph: Graph) -> None:
    less = Index([one for one in INDEX.rows if one.number % 2], "nlu-1", DIM).with_graph(graph)
    assert all(number % 2 for number, _ in less.nearest(VECTORS[0], FILTERS, 10))
    french = [row(number, VECTORS[number], language="fr" if number < 5 else "en") for number in range(ROWS)]
    by_language = Index(french, "nlu-1", DIM).with_graph(graph)
    found = by_language.nearest(VECTORS[900], Filters(0, language="fr"), 9)
    assert sorted(number for number, _ in found) == [*range(5)]


def test_another_models_graph_and_another_models_question_are_not_used(graph: Graph) -> None:
    other = Index(INDEX.rows, "nlu-2", DIM).with_graph(graph)
    assert other.loose == 0 and other.nearest(VECTORS[0], FILTERS, 1)[0][1] == 0.0
    question = Question("words 7", None, [7])
    assert INDEX.with_graph(graph).search(question, FILTERS, 1)[0].article_id == "a0"


def test_an_empty_graph_proposes_nothing() -> None:
    empty = Graph("nlu-1", DIM)
    assert empty.nearest(VECTORS[0], 5) == []
    assert INDEX.with_graph(empty).nearest(VECTORS[3], FILTERS, 1)[0][0] == 3
    empty.add([1, 2], VECTORS[1:3], lambda: True)
    assert len(empty) == 0


# ------------------------------------------------------------------ beside a worker's index


async def test_it_grows_beside_and_is_attached_then() -> None:
    beside = Approximation("approximate")
    assert beside.attached(INDEX) is INDEX
    assert await beside.grow(INDEX) and not await beside.grow(INDEX)
    assert beside.attached(INDEX).loose == 0
    more = Index([*INDEX.rows, row(ROWS, VECTORS[0])], "nlu-1", DIM)
    assert beside.attached(more).loose == 1
    assert await beside.grow(more) and beside.attached(more).loose == 0


async def test_it_is_made_anew_for_another_model_or_when_much_is_gone() -> None:
    beside = Approximation("approximate")
    await beside.grow(INDEX)
    kept = [one for one in INDEX.rows if one.number >= ROWS * WASTE + 10]
    less = Index(kept, "nlu-1", DIM)
    assert await beside.grow(less)
    graph = beside.attached(less)._graph
    assert graph is not None and len(graph.held) == len(kept)
    again = [row(number, VECTORS[number], model="nlu-2") for number in range(50)]
    assert await beside.grow(Index(again, "nlu-2", DIM))


@pytest.mark.parametrize("kind", ["exact", "auto"])
async def test_few_rows_need_none(kind: Any) -> None:
    beside = Approximation(kind)
    assert not await beside.grow(INDEX) and beside.attached(INDEX) is INDEX


async def test_many_rows_without_the_library_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(approximation, "MANY_ROWS", 10)
    monkeypatch.setattr(approximation, "is_available", lambda: False)
    beside = Approximation("auto")
    assert not await beside.grow(INDEX) and beside.attached(INDEX) is INDEX


async def test_closing_stops_it() -> None:
    beside = Approximation("approximate")
    beside.close()
    await asyncio.wait_for(beside.grow(INDEX), 5)
    assert beside.attached(INDEX).loose == 0 and beside.attached(INDEX).nearest(VECTORS[3], FILTERS, 1)[0][0] == 3


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **more: Any) -> Any:
        if name.startswith("usearch"):
            raise ImportError(name)
        return real(name, *arguments, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(GraphMissing, match="pip install"):
        Graph("nlu-1", DIM)
