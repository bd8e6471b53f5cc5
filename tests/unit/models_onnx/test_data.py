"""Reading data files: what becomes of a row, and what is said of a bad one."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from models_onnx.data import OUTLIER, OUTLIER_MIN_WORDS, SOURCES, read_intent_labels, read_rows, read_split, review_text
from models_onnx.errors import DataError
from models_onnx.labels import EMOTIONS
from tests.train.toy import INTENTS, write_lines, write_toy_data


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_toy_data(tmp_path)


def test_every_set_is_read(data: Path) -> None:
    found = read_split(data, "train", read_intent_labels(data))
    assert set(found) == set(SOURCES)
    assert all(found.values())


def test_intents_and_outliers(data: Path) -> None:
    intents = read_intent_labels(data)
    assert intents == tuple(sorted(INTENTS))
    rows = read_split(data, "train", intents)["clinc150"]
    assert {row.intent for row in rows} == {OUTLIER, *range(len(intents))}
    assert all(row.intent_weight == 1.0 for row in rows)


def test_long_text_of_another_set_is_a_light_outlier(data: Path) -> None:
    write_lines(
        data / "goemotions" / "train.jsonl.gz",
        [{"text": "word " * OUTLIER_MIN_WORDS, "emotions": ["joy"]}, {"text": "thanks a lot", "emotions": ["joy"]}],
    )
    long, short = read_split(data, "train", read_intent_labels(data))["goemotions"]
    assert long.intent == OUTLIER and 0 < long.intent_weight < 1
    assert short.intent is None


def test_rows_without_one_of_the_six_emotions_are_dropped(data: Path) -> None:
    write_lines(
        data / "xed" / "train.jsonl.gz",
        [{"text": "I wait.", "emotions": ["anticipation"]}, {"text": "No!", "emotions": ["trust", "fear"]}],
    )
    (row,) = read_split(data, "train", read_intent_labels(data))["xed"]
    assert row.emotions == (EMOTIONS.index("fear"),)


def test_polarity_allows_both_strengths_and_other_languages_are_dropped(data: Path) -> None:
    write_lines(
        data / "uci_sentences" / "train.jsonl.gz",
        [{"text": "Bạn ơi", "sentiment": "negative"}, {"text": "Café was lovely", "sentiment": "positive"}],
    )
    (row,) = read_split(data, "train", read_intent_labels(data))["uci_sentences"]
    assert row.sentiments == (3, 4)


def test_titles_are_examples_in_training_only(data: Path) -> None:
    review = {"text": "Fits well.", "title": "Lovely dress", "stars": 5}
    for split in ("train", "val"):
        write_lines(data / "reviews_clothing" / f"{split}.jsonl.gz", [review, {**review, "title": ""}])
    intents = read_intent_labels(data)
    texts = [row.text for row in read_split(data, "train", intents)["reviews_clothing"]]
    assert texts == ["Lovely dress. Fits well.", "Lovely dress", "Fits well."]
    assert len(read_split(data, "val", intents)["reviews_clothing"]) == 2


def test_review_text_joins_what_there_is() -> None:
    assert review_text(" Good ", "Warm. ") == "Good. Warm."
    assert review_text("", "Warm.") == "Warm."


def test_limit_rows(data: Path) -> None:
    found = read_split(data, "train", read_intent_labels(data), limit_rows=2)
    assert len(found["dynasent"]) == 2


def test_blank_texts_are_skipped(data: Path) -> None:
    rows = [{"text": "  ", "sentiment": "neutral"}, {"text": "ok", "sentiment": "neutral"}]
    write_lines(data / "dynasent" / "train.jsonl.gz", rows)
    assert [row.text for row in read_split(data, "train", read_intent_labels(data))["dynasent"]] == ["ok"]


def test_missing_file_names_file_and_option(data: Path) -> None:
    path = data / "xed" / "val.jsonl.gz"
    path.unlink()
    with pytest.raises(DataError, match=r"xed/val\.jsonl\.gz is missing: point --data"):
        read_split(data, "val", read_intent_labels(data))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{oops", "not JSON"),
        ("[1]", "an object is expected"),
        ('{"text": 3}', "field 'text' must be of type str"),
        ("{}", "field 'text' must be of type str"),
    ],
)
def test_malformed_line_names_file_and_line(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "train.jsonl.gz"
    path.write_bytes(gzip.compress(f'{{"text": "fine"}}\n{line}\n'.encode()))
    with pytest.raises(DataError) as caught:
        list(read_rows(path, {"text": str}))
    assert f"{path}, line 2: " in str(caught.value)
    assert said in str(caught.value)
    assert "repair or delete the line" in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"not gzip", gzip.compress(b'{"text": "x"}\n' * 50)[:-12], gzip.compress(b"\xff\xfe")]
)
def test_broken_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "train.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        list(read_rows(path, {"text": str}))


def test_unknown_label_names_file_and_line(data: Path) -> None:
    write_lines(data / "xed" / "train.jsonl.gz", [{"text": "Yes", "emotions": ["boredom"]}])
    with pytest.raises(DataError, match=r"train\.jsonl\.gz, line 1: unknown label .*boredom"):
        read_split(data, "train", read_intent_labels(data))


def test_set_without_a_usable_row(data: Path) -> None:
    write_lines(data / "xed" / "train.jsonl.gz", [{"text": "Yes", "emotions": ["trust"]}])
    with pytest.raises(DataError, match="no usable row"):
        read_split(data, "train", read_intent_labels(data))
