"""The context of a decision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.features import FEATURE_NAMES, FEATURES, TurnView, features
from tests.unit.adapters.laws import law

any_float = st.floats()  # NaN and infinity among them
odd_views = st.builds(
    TurnView,
    act=st.sampled_from(("question", "complaint", "affirm")) | st.text(max_size=5),
    sentiment_score=any_float,
    sentiment_confidence=any_float,
    emotions=st.dictionaries(st.sampled_from(("joy", "anger", "neutral", "else")), any_float),
    urgency=any_float,
    politeness=any_float,
    toxicity=any_float,
    intent_confidence=any_float,
    out_of_scope=any_float,
    text_code_points=st.integers(),
    words=st.integers(),
    exclamations=st.integers(),
    questions=st.integers(),
    emoji=st.integers(),
    uppercase_share=any_float,
    turn_number=st.integers(),
    previous_sentiment_score=st.none() | any_float,
    sentiment_trend=any_float,
    mean_gap_s=st.none() | any_float,
    last_rating=st.none() | any_float,
    resolved_before=st.booleans(),
    hour_of_day=any_float,
    weekday=st.integers(),
    mean_words=any_float,
    question_rate=any_float,
    visits=st.integers(),
    personality=st.dictionaries(st.sampled_from(("openness", "neuroticism", "else")), any_float),
)


def of(view: TurnView) -> dict[str, float]:
    return dict(zip(FEATURE_NAMES, features(view).tolist(), strict=True))


def test_the_order_is_part_of_the_decision_log() -> None:
    """Contexts of old decisions are replayed by it: extend at the end, never reorder."""
    assert " ".join(FEATURE_NAMES) == (
        "constant question request complaint courtesy yes_or_no sentiment sentiment_confidence joy anger fear sadness"
        " surprise urgency politeness toxicity understood length exclamations questions emoji uppercase turn"
        " sentiment_change sentiment_trend pace last_rating resolved_before hour_sine hour_cosine weekday_sine"
        " weekday_cosine engagement question_rate visits customer_openness customer_conscientiousness"
        " customer_extraversion customer_agreeableness customer_neuroticism"
    )


@law
@given(odd_views)
def test_every_number_is_finite_and_in_its_range(view: TurnView) -> None:
    vector = features(view)

    assert vector.dtype == np.float64
    assert vector.shape == (len(FEATURES),)
    assert np.isfinite(vector).all()
    for feature, value in zip(FEATURES, vector, strict=True):
        assert -1.0 <= feature.low <= value <= feature.high <= 1.0


@law
@given(odd_views)
def test_the_same_view_gives_a_new_array_with_the_same_numbers(view: TurnView) -> None:
    first, second = features(view), features(view)

    assert (first == second).all()
    assert not np.shares_memory(first, second)


def test_everything_neutral_is_zero_but_for_the_constant_and_the_clock() -> None:
    nonzero = {name for name, value in of(TurnView()).items() if abs(value) > 1e-12}

    assert nonzero == {"constant", "hour_cosine", "weekday_cosine"}


@pytest.mark.parametrize(
    ("change", "name", "value"),
    [
        ({"act": "question"}, "question", 1.0),
        ({"act": "request"}, "request", 1.0),
        ({"act": "complaint"}, "complaint", 1.0),
        ({"act": "goodbye"}, "courtesy", 1.0),
        ({"act": "deny"}, "yes_or_no", 1.0),
        ({"sentiment_score": -0.4}, "sentiment", -0.4),
        ({"sentiment_confidence": 0.7}, "sentiment_confidence", 0.7),
        ({"emotions": {"anger": 0.9}}, "anger", 0.9),
        ({"emotions": {"joy": 0.9}}, "joy", 0.9),
        ({"emotions": {"fear": 0.9}}, "fear", 0.9),
        ({"emotions": {"sadness": 0.9}}, "sadness", 0.9),
        ({"emotions": {"surprise": 0.9}}, "surprise", 0.9),
        ({"urgency": 0.8}, "urgency", 0.8),
        ({"politeness": -0.2}, "politeness", -0.2),
        ({"toxicity": 0.3}, "toxicity", 0.3),
        ({"intent_confidence": 0.8, "out_of_scope": 0.5}, "understood", 0.4),
        ({"text_code_points": 8_000}, "length", 1.0),
        ({"exclamations": 2}, "exclamations", 0.5),
        ({"questions": 6}, "questions", 0.75),
        ({"emoji": 1, "words": 3}, "emoji", 0.25),
        ({"emoji": 1}, "emoji", 1.0),
        ({"uppercase_share": 0.6}, "uppercase", 0.6),
        ({"turn_number": 6}, "turn", 0.5),
        ({"sentiment_score": 0.5, "previous_sentiment_score": -0.5}, "sentiment_change", 0.5),
        ({"sentiment_trend": -0.3}, "sentiment_trend", -0.3),
        ({"mean_gap_s": 1.5}, "pace", -1.0),
        ({"mean_gap_s": 0.0}, "pace", -1.0),
        ({"mean_gap_s": 30.0}, "pace", 0.0),
        ({"mean_gap_s": 86_400.0}, "pace", 1.0),
        ({"last_rating": 0.0}, "last_rating", -1.0),
        ({"last_rating": 1.0}, "last_rating", 1.0),
        ({"resolved_before": True}, "resolved_before", 1.0),
        ({"hour_of_day": 6.0}, "hour_sine", 1.0),
        ({"hour_of_day": 0.0}, "hour_cosine", 1.0),
        ({"hour_of_day": 24.0}, "hour_cosine", 1.0),
        ({"weekday": 0}, "weekday_cosine", 1.0),
        ({"weekday": 1}, "weekday_sine", 0.7818314824680298),
        ({"mean_words": 10.0, "mean_gap_s": 1.5}, "engagement", 0.5**0.5),
        ({"mean_words": 10.0}, "engagement", 0.5),
        ({"mean_words": 500.0, "mean_gap_s": 900.0}, "engagement", 0.0),
        ({"question_rate": 0.3}, "question_rate", 0.3),
        ({"visits": 3}, "visits", 0.5),
        ({"personality": {"openness": -0.2}}, "customer_openness", -0.2),
        ({"personality": {"conscientiousness": 0.2}}, "customer_conscientiousness", 0.2),
        ({"personality": {"extraversion": 0.2}}, "customer_extraversion", 0.2),
        ({"personality": {"agreeableness": 0.2}}, "customer_agreeableness", 0.2),
        ({"personality": {"neuroticism": 0.2}}, "customer_neuroticism", 0.2),
    ],
    ids=str,
)
def test_each_number_means_what_it_says(change: dict[str, object], name: str, value: float) -> None:
    assert of(replace(TurnView(), **change))[name] == pytest.approx(value)  # type: ignore[arg-type]


def test_every_feature_has_a_meaning() -> None:
    assert all(feature.meaning for feature in FEATURES)
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES)


def test_the_page_about_features_says_what_they_are() -> None:
    page = (Path(__file__).parents[3] / "docs" / "features.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{one.name}` | {one.low:g} to {one.high:g} | {one.meaning} |" for one in FEATURES]


def test_midnight_is_near_midnight_and_sunday_near_monday() -> None:
    late, early = features(TurnView(hour_of_day=23.9)), features(TurnView(hour_of_day=0.1))
    noon = features(TurnView(hour_of_day=12.0))
    assert np.linalg.norm(late - early) < 0.1 < np.linalg.norm(late - noon)

    monday, thursday, sunday = (features(TurnView(weekday=day)) for day in (0, 3, 6))
    assert np.linalg.norm(monday - sunday) < np.linalg.norm(monday - thursday)
