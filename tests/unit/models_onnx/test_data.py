"""Reading data files: what becomes of a row, and what is said of a bad one."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from models_onnx.acts import settled
from models_onnx.builders import OUTLIER, clinc, review_text
from models_onnx.data import read_intent_labels, read_rows, read_split
from models_onnx.errors import DataError
from models_onnx.labels import ACTS, EMOTIONS, FINE_EMOTIONS
from models_onnx.sources import OUTLIER_MIN_WORDS, SOURCES, WEAK_MOOD_WEIGHT
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


def test_emotions_are_six_and_twenty_eight_and_a_weak_polarity(data: Path) -> None:
    rows = [{"text": "Lovely!", "emotions": ["love", "joy"]}, {"text": "Hm", "emotions": ["anger", "joy"]}]
    write_lines(data / "goemotions" / "train.jsonl.gz", rows)
    plain, mixed = read_split(data, "train", read_intent_labels(data))["goemotions"]
    assert plain.fine_emotions == tuple(sorted(FINE_EMOTIONS.index(name) for name in ("love", "joy")))
    assert plain.sentiments == (3, 4) and plain.sentiment_weight < 1.0
    assert mixed.sentiments is None


def test_a_plain_question_is_weakly_calm_and_small_talk_says_nothing() -> None:
    build = clinc(("order_status", "thank_you"))
    (asking,) = build({"text": "where is my order?", "intent": "order_status"})
    (thanking,) = build({"text": "thanks a lot", "intent": "thank_you"})
    assert (asking.emotions, asking.emotion_weight) == ((EMOTIONS.index("neutral"),), WEAK_MOOD_WEIGHT)
    assert thanking.emotions is None


def test_votes_become_shares_and_mixed_ones_count_for_both_sides(data: Path) -> None:
    votes = {"positive": 3, "negative": 0, "neutral": 1, "mixed": 1}
    write_lines(data / "dynasent" / "train.jsonl.gz", [{"text": "Fine.", "sentiment": "positive", "votes": votes}])
    (row,) = read_split(data, "train", read_intent_labels(data))["dynasent"]
    assert row.votes == pytest.approx((0.1, 0.2, 0.7))


def test_copies_of_a_turn_are_one_example_with_the_mean_of_their_acts(data: Path) -> None:
    rows = [{"text": text, "intent": intent} for text, intent in (("Ok", "confirmation"), ("ok", "confirmation"))]
    rows += [{"text": "ok", "intent": "rejection"}, {"text": "OK", "intent": "thankyou"}]
    write_lines(data / "multidogo" / "train.jsonl.gz", rows)
    (row,) = read_split(data, "train", read_intent_labels(data))["multidogo"]
    assert row.act is not None
    assert {name: share for name, share in zip(ACTS, row.act, strict=True) if share} == {
        "thanks": 0.25,
        "affirm": 0.5,
        "deny": 0.25,
    }
    assert settled(row.act) is None


def test_tones_are_read_and_html_is_undone(data: Path) -> None:
    write_lines(data / "politeness" / "train.jsonl.gz", [{"text": "so&#44 now &amp; here?", "politeness": -1.5}])
    rows = [{"text": "you fool", "label": "hate"}, {"text": "tea", "label": "neither"}]
    write_lines(data / "offensive" / "train.jsonl.gz", rows)
    found = read_split(data, "train", read_intent_labels(data))
    assert [(row.text, row.politeness) for row in found["politeness"]] == [("so, now & here?", -1.5)]
    assert [row.toxicity for row in found["offensive"]] == [1.0, 0.0]


def test_blind_turns_are_for_measuring_only(data: Path) -> None:
    intents = read_intent_labels(data)
    assert "blind" not in read_split(data, "train", intents)
    assert len(read_split(data, "val", intents)["blind"]) == 300


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
    "content",
    [b"not gzip", gzip.compress(b'{"text": "x"}\n' * 50)[:-12], gzip.compress(b"\xff\xfe")],
    ids=[
        "no gzip",
        "cut off",
        "no UTF-8",
    ],  # gzip's bytes hold the time, and every test process has to find the same names
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
