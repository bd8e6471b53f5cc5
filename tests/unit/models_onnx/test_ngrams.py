"""The linear part beside the encoder: what it counts, and what it learns of a few rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_onnx.builders import Example
from models_onnx.labels import EMOTIONS
from models_onnx.ngrams import COLUMNS, CROWDING, FEWEST, MIN_TEXTS, PLACES, VOCABULARY, counted, fit_table, places

CLS, SEP = 101, 102
PLEASE, NOW, JOY_WORD, FEAR_WORD, RARE = 3531, 2085, 6569, 3571, 9999
Ids = st.lists(st.integers(1, VOCABULARY - 1), min_size=1, max_size=60)


def text(*words: int) -> list[int]:
    return [CLS, *words, SEP]


@given(Ids)
def test_every_piece_and_every_pair_has_a_place(ids: list[int]) -> None:
    found = places(ids)
    assert found[: len(ids)].tolist() == ids
    assert len(found) == 2 * len(ids) - 1
    assert (found[len(ids) :] >= VOCABULARY).all() and (found < PLACES).all()


def test_the_order_of_a_pair_counts() -> None:
    assert places([PLEASE, NOW])[2] != places([NOW, PLEASE])[2]


@given(Ids)
def test_a_text_is_weighed_by_its_length_and_a_short_one_by_the_least(ids: list[int]) -> None:
    count = 2 * len(ids) - 1
    assert counted([ids]).sum() == pytest.approx(count * max(count, FEWEST) ** -CROWDING)


def test_long_texts_do_not_drown_short_ones() -> None:
    rows = counted([[PLEASE] * 10, [PLEASE] * 100])
    assert rows[1].sum() < 10 ** (1 - CROWDING) * rows[0].sum() * 1.1


@pytest.fixture(scope="module")
def table() -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    polite = [(text(PLEASE, word), 0.8) for word in range(2000, 2020)]
    rude = [(text(NOW, word), -0.8) for word in range(2000, 2020)]
    joy = [text(JOY_WORD, word) for word in range(2000, 2020)]
    fear = [text(FEAR_WORD, word) for word in range(2000, 2010)]
    neutral = [text(RARE, 2000)] * (MIN_TEXTS - 1)
    felt = [*[(0, ids) for ids in joy], *[(2, ids) for ids in fear], *[(5, ids) for ids in neutral]]
    examples = {
        "politeness": [Example("", "politeness", politeness=value) for _, value in polite + rude],
        "xed": [Example("", "xed", emotions=(emotion,)) for emotion, _ in felt],
        "banking77": [Example("", "banking77")],
    }
    ids = {"politeness": [ids for ids, _ in polite + rude], "xed": [ids for _, ids in felt], "banking77": [text(7)]}
    return fit_table(examples, ids)


def test_what_marks_a_polite_request_is_learnt(table: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
    column = table[:, COLUMNS["politeness"]][:, 0]
    assert column[PLEASE] > 0.0 > column[NOW]
    assert abs(column[2005]) < 0.1 * column[PLEASE]  # stands in both kinds alike


def test_what_marks_an_emotion_is_learnt(table: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
    columns = table[:, COLUMNS["emotions"]]
    assert EMOTIONS[int(columns[JOY_WORD].argmax())] == "joy"
    assert EMOTIONS[int(columns[FEAR_WORD].argmax())] == "fear"
    said = counted([text(FEAR_WORD, 2003)]) @ columns
    assert EMOTIONS[int(said.argmax())] == "fear"


def test_what_is_rare_or_unseen_says_nothing(table: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> None:
    assert not table[RARE].any()
    assert not table[20_000].any()
    assert not table[0].any()  # padding
