"""Turns as customers in a mood write them: views drawn around those that ``adapters.priors`` imagines."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from adapters.features import TurnView
from adapters.priors import MOODS

_VIEWS = {mood.name: mood.view for mood in MOODS}
MOOD_NAMES: tuple[str, ...] = tuple(_VIEWS)
EMOTION_NAMES = ("joy", "anger", "fear", "sadness", "surprise", "neutral")
CODE_POINTS_PER_WORD = 5.2
# What the mood leaves open is spread over the other emotions, a little of each.
_EMOTIONS = {
    name: [8.0 * max(view.emotions.get(emotion, 0.0), 0.02) for emotion in EMOTION_NAMES]
    for name, view in _VIEWS.items()
}

SPREAD = 0.15
"""Standard deviation of the scores around their mood's: about what the model says of texts that people call alike."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Where in a conversation a turn stands; as in ``TurnView``."""

    turn_number: int
    previous_sentiment_score: float | None
    mean_gap_s: float | None
    hour_of_day: float
    weekday: int


def centre(mood: str, moment: Moment) -> TurnView:
    """A turn exactly as its mood has it. ``KeyError`` for no mood of ``MOOD_NAMES``."""
    return replace(
        _VIEWS[mood],
        turn_number=moment.turn_number,
        previous_sentiment_score=moment.previous_sentiment_score,
        mean_gap_s=moment.mean_gap_s,
        hour_of_day=moment.hour_of_day,
        weekday=moment.weekday,
    )


def drawn(mood: str, moment: Moment, rng: np.random.Generator) -> TurnView:
    """A turn in that mood, as it may come."""
    view = _VIEWS[mood]
    sentiment, confidence, urgency, politeness, toxicity, sure, longer, shouted = rng.normal(0.0, SPREAD, 8).tolist()
    exclamations, questions, emoji = rng.poisson((view.exclamations, view.questions, view.emoji)).tolist()
    words = max(1, round(view.words * math.exp(3.0 * longer)))
    return replace(
        view,
        sentiment_score=_clipped(view.sentiment_score + sentiment, -1.0),
        sentiment_confidence=_clipped(view.sentiment_confidence + confidence, 0.0),
        emotions=_emotions(mood, rng),
        urgency=_clipped(view.urgency + urgency, 0.0),
        politeness=_clipped(view.politeness + politeness, -1.0),
        toxicity=_clipped(view.toxicity + toxicity / 2.0, 0.0),
        intent_confidence=_clipped(view.intent_confidence + sure, 0.0),
        out_of_scope=rng.beta(1.0, 9.0),
        words=words,
        text_code_points=round(words * CODE_POINTS_PER_WORD),
        exclamations=exclamations,
        questions=questions,
        emoji=emoji,
        uppercase_share=_clipped(view.uppercase_share + abs(shouted) / 3.0, 0.0),
        turn_number=moment.turn_number,
        previous_sentiment_score=moment.previous_sentiment_score,
        mean_gap_s=moment.mean_gap_s,
        hour_of_day=moment.hour_of_day,
        weekday=moment.weekday,
    )


def _emotions(mood: str, rng: np.random.Generator) -> dict[str, float]:
    """Probabilities around the mood's: a Dirichlet distribution, as gamma variables over their sum."""
    parts = rng.standard_gamma(_EMOTIONS[mood]).tolist()
    whole = sum(parts) or 1.0
    return {name: part / whole for name, part in zip(EMOTION_NAMES, parts, strict=True)}


def _clipped(value: float, low: float) -> float:
    return min(max(value, low), 1.0)
