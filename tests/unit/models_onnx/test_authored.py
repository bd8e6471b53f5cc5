"""What was written for the model: whole, apart from what measures, and composed as meant."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_onnx.acts import share
from models_onnx.authored import expanded, read_authored
from models_onnx.builders import Example
from models_onnx.compose import composed, load_phrases
from models_onnx.errors import DataError
from models_onnx.labels import ACTS, URGENCY_TARGETS


def test_every_act_and_level_is_there_many_times() -> None:
    rows = list(read_authored("train"))
    assert min(Counter(row["act"] for row in rows).values()) >= 25
    assert len(Counter(row["act"] for row in rows)) == len(ACTS)
    assert min(Counter(row["urgency"] for row in rows).values()) >= 100


def test_no_text_stands_twice_nor_in_two_splits() -> None:
    texts = {split: [row["text"].lower() for row in read_authored(split)] for split in ("train", "val", "blind")}
    assert len(texts["blind"]) == 300
    every = [text for found in texts.values() for text in found]
    assert [text for text, count in Counter(every).items() if count > 1] == []


def test_nothing_authored_is_nearly_a_blind_turn() -> None:
    blind = [set(row["text"].lower().split()) for row in read_authored("blind")]
    for split in ("train", "val"):
        for row in read_authored(split):
            words = set(re.findall(r"[\w']+", row["text"].lower()))
            near = [turn for turn in blind if len(words) > 4 and len(words & turn) > 0.7 * len(words | turn)]
            assert not near, row["text"]


def test_alternatives_come_once_each() -> None:
    assert expanded("the {red|blue} {cup|jar|pot} broke") == [
        "the red cup broke",
        "the blue jar broke",
        "the red pot broke",
    ]
    assert expanded("plain {text}") == ["plain {text}"]


@pytest.mark.parametrize("line", ["shout\t1\thello", "deny\t4\tno", "deny\t0\t ", "no tabs"])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "shop.tsv").write_text(f"# remark\n\n{line}\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"shop\.tsv, line 3: expected an act"):
        list(read_authored("train", tmp_path))


def _row(text: str, act: str, level: int, source: str = "authored") -> Example:
    return Example(text, source, act=share(**{act: 1.0}), urgency=URGENCY_TARGETS[level])


def _sets(*authored: Example, dogo: tuple[Example, ...] = ()) -> dict[str, list[Example]]:
    return {"authored": list(authored), "bitext": [], "nlupp": [], "multidogo": list(dogo)}


@given(st.integers(0, 500))
def test_an_ordinary_sentence_comes_hurried_and_not(seed: int) -> None:
    hurried, calm = composed(_sets(_row("please send me the invoice.", "request", 1)), seed)
    assert hurried.urgency == URGENCY_TARGETS[2] and calm.urgency in URGENCY_TARGETS[:2]
    phrases = load_phrases()
    assert any(phrase.strip() in hurried.text for side in phrases["hurry"].values() for phrase in side)
    assert "please send me the invoice" in hurried.text and "please send me the invoice" in calm.text


def test_what_is_urgent_already_only_gets_courtesies() -> None:
    (kept,) = composed(_sets(_row("the house is flooding", "request", 3), _row("ok", "affirm", 0)), 0)
    assert kept.urgency == URGENCY_TARGETS[3]


def test_real_sentences_with_a_word_of_time_or_loss_are_left_alone() -> None:
    plain = _row("can you update my address", "request", 1, "multidogo")
    lost = _row("i lost my card please help", "request", 1, "multidogo")
    texts = [row.text for row in composed(_sets(dogo=(plain, lost)), 0)]
    assert len(texts) == 3 and all("update my address" in text for text in texts)


def test_the_same_seed_composes_the_same() -> None:
    sets = _sets(*(_row(f"please send number {number}", "request", 1) for number in range(20)))
    assert composed(sets, 1) == composed(sets, 1) != composed(sets, 2)
