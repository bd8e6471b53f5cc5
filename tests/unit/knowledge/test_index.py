"""The search of one process."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.knowledge.index import NOTHING_FOUND, WORDED_ROWS, Filters, Hit, Index, confidence, judge
from server.knowledge.words import content_words, stems
from tests.unit.knowledge.support import DIM, MODEL, NOW, article, asked, index, rows

RETURNS = article("You have thirty days.\n\n# By post\nPrint the label.", "returns")
PAYING = article("Cards and cash.", "paying", "title: Paying\ncategory: money\ntags: [card]\nasks: [May I use PayPal?]")
EAST, NORTH, UP = [1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0]
VECTORS = {"returns": EAST, "returns#by-post": NORTH, "paying": UP, "paying?1": [0, 0, 0.6, 0.8]}


def test_the_nearest_come_first_with_their_cosines() -> None:
    found = index([RETURNS, PAYING], VECTORS).nearest(np.array([0.6, 0.8, 0, 0], np.float32), NOW, 2)
    assert [(number, round(cosine, 4)) for number, cosine in found] == [(2, 0.8), (1, 0.6)]


@given(st.integers(1, 60), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_the_nearest_are_those_of_a_full_sort(count: int, limit: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((count, DIM)).astype(np.float32)
    one = rows([PAYING], {})[0]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    many = [
        type(one)(**{**{name: getattr(one, name) for name in one.__slots__}, "number": place, "entry_id": str(place),
                     "model": MODEL, "embedding": vector})
        for place, vector in enumerate(vectors)
    ]  # fmt: skip
    query = rng.standard_normal(DIM).astype(np.float32)
    query /= np.linalg.norm(query)
    found = Index(many, MODEL, DIM).nearest(query, NOW, limit)
    wanted = np.sort(vectors @ query)[::-1][:limit]
    assert [cosine for _, cosine in found] == pytest.approx(wanted.tolist(), abs=1e-5)


def test_an_article_is_found_by_its_passage_and_tells_it() -> None:
    (first, *_) = index([RETURNS, PAYING], VECTORS).search(asked("print label", NORTH, [2]), NOW, 5)
    assert (first.article_id, first.passage.entry_id, first.opening.entry_id) == (
        "returns",
        "returns#by-post",
        "returns",
    )
    assert first.coverage == 1.0 and first.cosine == pytest.approx(1.0)


def test_an_article_is_found_by_how_customers_ask_but_tells_a_passage() -> None:
    (first, *_) = index([RETURNS, PAYING], VECTORS).search(asked("PayPal?", [0, 0, 0.6, 0.8]), NOW, 5)
    assert (first.article_id, first.passage.entry_id) == ("paying", "paying")


def test_words_alone_find_too() -> None:
    found = index([RETURNS, PAYING], {}).search(asked("cards", None, [3]), NOW, 5)
    assert found[0].article_id == "paying" and 0.12 <= found[0].confidence < 0.3  # offered


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(0), {"returns", "paying"}),
        (Filters(0, category="money"), {"paying"}),
        (Filters(0, category="other"), set()),
        (Filters(0, language="en"), {"returns", "paying"}),
        (Filters(0, language="de"), set()),
        (Filters(10), set()),
    ],
)
def test_filters_hold(filters: Filters, found: set[str]) -> None:
    searched = index([RETURNS, PAYING], VECTORS, expires_ms=10)
    hits = searched.search(asked("cards and labels", EAST, [1, 2, 3]), filters, 5)
    assert {hit.article_id for hit in hits} == found
    assert {searched.rows[number - 1].article_id for number, _ in searched.nearest(
        np.array(EAST, np.float32), filters, 9
    )} == found  # fmt: skip


def test_another_models_rows_are_found_by_words_only() -> None:
    other = index([RETURNS, PAYING], VECTORS, model="nlu-2")
    assert other.embedded == 0
    assert other.search(asked("days", EAST, [1]), NOW, 1)[0].cosine == 0.0


def test_embeddings_of_other_dimensions_do_no_harm() -> None:
    odd = index([PAYING], {"paying": [1.0, 0.0]})
    assert odd.embedded == 0 and odd.search(asked("cards", [1.0, 0.0], [1]), NOW, 1)[0].article_id == "paying"


def test_an_empty_index_finds_nothing() -> None:
    empty = Index((), MODEL, DIM)
    assert empty.search(asked("x", EAST), NOW, 5) == [] and empty.nearest(np.array(EAST, np.float32), NOW, 3) == []
    assert (len(empty), empty.articles, empty.embedded) == (0, 0, 0)


@given(*[st.floats(-1, 1)] * 3, st.floats(0, 0.5))
def test_confidence_is_a_chance_and_grows(passage: float, ask: float, coverage: float, more: float) -> None:
    before = confidence(passage, ask, coverage)
    assert 0.0 <= before <= 1.0
    assert confidence(passage + more, ask, coverage) >= before
    assert confidence(passage, ask + more, coverage) >= before
    assert confidence(passage, ask, coverage + more) >= before


def hit(confidence: float) -> Hit:
    row = rows([PAYING], {})[0]
    return Hit("paying", 1, "Paying", "money", confidence, row, row, 0.0, 0.0, 0.0)


def test_the_thresholds_judge() -> None:
    sure, close, far = hit(0.3), hit(0.12), hit(0.11)
    assert judge([], 0.3, 0.12) == NOTHING_FOUND == judge([far], 0.3, 0.12)
    assert judge([sure, close, far], 0.3, 0.12).answer is sure
    assert judge([sure, close, far], 0.3, 0.12).others == (close,)
    assert judge([close, close, close], 0.3, 0.12).nearest == (close, close)
    assert judge([close], 0.3, 0.12).answer is None


def test_words_that_say_nothing_are_left_out() -> None:
    assert content_words("Where's my parcel? It's the PARCEL from Zürich, isn’t it") == ["parcel", "zürich"]
    assert stems("delivered") == stems("delivery") == {"deliv"}
    assert content_words("") == [] and stems("the of") == frozenset()


def test_a_section_is_told_from_its_beginning_unless_its_end_is_far_better() -> None:
    long = article("One two three four five six seven eight nine ten. " * 10, "returns")
    near, far = [0.95, 0.3122, 0, 0], [0.0, 1.0, 0, 0]
    for first, told in ((near, "returns"), (far, "returns.2")):
        searched = index([long], {"returns": first, "returns.2": EAST})
        (hit,) = searched.search(asked("anything", EAST), NOW, 1)
        assert hit.passage.entry_id == told and hit.cosine == pytest.approx(1.0)


def test_words_of_every_other_row_are_not_searched_where_there_are_rarer_ones() -> None:
    (one,) = rows([article("Parcels.", "sending", "title: Parcels\ncategory: shop")], {})[:1]
    texts = ["parcel"] * (WORDED_ROWS + 1) + ["label parcel"] * 3
    many = Index([replace(one, number=at, embedded=text) for at, text in enumerate(texts)], MODEL, DIM)
    assert many.telling(["parcel", "label"]) == ["label"]
    assert many.telling(["parcels", "unheard"]) == ["unheard", "parcels"]  # else nothing would be found
    assert many.telling(["parcel"]) == ["parcel"] and many.telling([]) == []
    few = index([RETURNS, PAYING], {})
    assert set(few.telling(["cards", "label", "days"])) == {"cards", "label", "days"}
