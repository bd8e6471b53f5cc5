"""Label maps: every source label lands where the model card says."""

from __future__ import annotations

import pytest

from models_onnx.labels import (
    EMOTIONS,
    GOEMOTIONS_TO_EMOTION,
    POLARITY_CLASSES,
    SENTIMENT_SCORES,
    SENTIMENTS,
    XED_TO_EMOTION,
    intent_labels,
    map_emotions,
    stars_to_sentiment,
)


def test_goemotions_has_28_labels_and_reaches_all_six() -> None:
    assert len(GOEMOTIONS_TO_EMOTION) == 28
    assert set(GOEMOTIONS_TO_EMOTION.values()) == set(EMOTIONS)


def test_xed_has_plutchiks_eight_and_neutral() -> None:
    assert len(XED_TO_EMOTION) == 9
    assert set(XED_TO_EMOTION.values()) - {None} == set(EMOTIONS)


@pytest.mark.parametrize("mapping", [GOEMOTIONS_TO_EMOTION, XED_TO_EMOTION])
def test_disgust_is_anger(mapping: dict[str, str | None]) -> None:
    assert mapping["disgust"] == "anger"


def test_two_labels_of_one_emotion_are_one() -> None:
    assert map_emotions(["annoyance", "disgust"], GOEMOTIONS_TO_EMOTION) == (EMOTIONS.index("anger"),)


def test_two_emotions_come_sorted() -> None:
    found = map_emotions(["sadness", "joy"], GOEMOTIONS_TO_EMOTION)
    assert found == (EMOTIONS.index("joy"), EMOTIONS.index("sadness"))


def test_labels_without_counterpart_vanish() -> None:
    assert map_emotions(["trust", "anticipation"], XED_TO_EMOTION) == ()
    assert map_emotions(["trust", "fear"], XED_TO_EMOTION) == (EMOTIONS.index("fear"),)


def test_unknown_emotion_is_an_error() -> None:
    with pytest.raises(KeyError, match="boredom"):
        map_emotions(["boredom"], XED_TO_EMOTION)


def test_stars_are_the_five_classes() -> None:
    assert [SENTIMENTS[stars_to_sentiment(stars)] for stars in (1, 3, 5)] == [
        "very_negative",
        "neutral",
        "very_positive",
    ]


@pytest.mark.parametrize("stars", [0, 6, -1])
def test_impossible_stars(stars: int) -> None:
    with pytest.raises(ValueError, match="1 to 5"):
        stars_to_sentiment(stars)


def test_polarity_classes_part_the_five() -> None:
    assert sorted(index for group in POLARITY_CLASSES.values() for index in group) == list(range(5))
    for group, sign in (("negative", -1), ("neutral", 0), ("positive", 1)):
        signs = {(score > 0) - (score < 0) for score in (SENTIMENT_SCORES[index] for index in POLARITY_CLASSES[group])}
        assert signs == {sign}


def test_intents_are_sorted_and_without_out_of_scope() -> None:
    assert intent_labels(["transfer", "oos", "balance", "transfer"]) == ("balance", "transfer")
