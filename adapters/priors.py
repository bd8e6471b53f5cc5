"""What a policy believes before anybody has chatted: personas suit moods by their traits.

A fresh bandit knows nothing and would be playful with the angry. So every policy starts from a few imagined turns, one
per mood, each rewarded by how well a persona's traits suit it. They count like any other turn: a handful of real
rewards outweighs them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.features import FEATURE_NAMES, TurnView, features
from adapters.policies.contract import Policy

# The best-suited persona's imagined reward and the worst's: a lean, around the middle where real rewards lie too.
BEST_REWARD = 0.7
WORST_REWARD = 0.3
# An imagined turn has no time of day; what is unknown of its customer is 0 by itself.
_TIMELESS = [FEATURE_NAMES.index(name) for name in ("hour_sine", "hour_cosine", "weekday_sine", "weekday_cosine")]


@dataclass(frozen=True, slots=True)
class Mood:
    """An imagined turn, and the traits that suit it: positive weights ask for a trait, negative ones for its lack."""

    name: str
    view: TurnView
    wants: Mapping[str, float]


def _view(act: str, sentiment: float, emotion: str, **changes: float) -> TurnView:
    emotions = {emotion: 0.8} if emotion == "neutral" else {emotion: 0.7, "neutral": 0.2}
    values: dict[str, float] = {"words": 8, "text_code_points": 40, "intent_confidence": 0.8} | changes
    return TurnView(
        act=act, sentiment_score=sentiment, sentiment_confidence=0.7, emotions=emotions, **values  # type: ignore[arg-type]
    )  # fmt: skip


MOODS: tuple[Mood, ...] = (
    Mood(
        "angry",
        _view("complaint", -0.7, "anger", urgency=0.5, politeness=-0.4, exclamations=2),
        {"empathy": 1, "supportiveness": 1, "agreeableness": 0.5, "neuroticism": -1, "humor": -2, "enthusiasm": -2},
    ),
    Mood(
        "insulting",
        _view("complaint", -0.8, "anger", politeness=-0.8, toxicity=0.7, uppercase_share=0.5, exclamations=2),
        {"neuroticism": -2, "conscientiousness": 1, "agreeableness": 1, "humor": -2, "enthusiasm": -1},
    ),
    Mood(
        "sad",
        _view("other", -0.6, "sadness"),
        {"empathy": 3, "supportiveness": 1, "agreeableness": 1, "enthusiasm": -0.5, "humor": -2},
    ),
    Mood(
        "afraid",
        _view("question", -0.4, "fear", urgency=0.6),
        {"supportiveness": 1, "conscientiousness": 1, "neuroticism": -1, "humor": -2, "enthusiasm": -1},
    ),
    Mood(
        "in a hurry",
        _view("request", -0.1, "neutral", urgency=0.9, words=6, text_code_points=30),
        {"verbosity": -3, "conscientiousness": 1, "humor": -1},
    ),
    Mood(
        "glad",
        _view("thanks", 0.8, "joy", exclamations=1, politeness=0.5),
        {"enthusiasm": 2, "extraversion": 1, "humor": 0.5, "formality": -0.5},
    ),
    Mood(
        "chatty",
        _view("greeting", 0.3, "joy", emoji=1, words=4, text_code_points=20),
        {"humor": 1, "extraversion": 1, "enthusiasm": 0.5, "formality": -1},
    ),
    Mood(
        "formal",
        _view("request", 0.1, "neutral", politeness=0.8, words=16, text_code_points=90),
        {"formality": 2, "conscientiousness": 1, "humor": -1},
    ),
    Mood(
        "curious",
        _view("question", 0.1, "surprise", words=20, text_code_points=120, questions=1),
        {"verbosity": 1.5, "openness": 1, "conscientiousness": 1, "proactivity": 0.5},
    ),
    Mood(
        "matter-of-fact",
        _view("question", 0.0, "neutral", questions=1),
        {"conscientiousness": 1, "agreeableness": 0.5, "verbosity": -0.5, "humor": -0.5},
    ),
)


def suitability(traits: Mapping[str, float], wants: Mapping[str, float]) -> float:
    """How well traits in [0, 1] suit a mood: in [-1, 1], 0 for neutral traits."""
    return sum(weight * (2.0 * traits[name] - 1.0) for name, weight in wants.items()) / sum(map(abs, wants.values()))


def prior_turns(
    personas: Mapping[str, Mapping[str, float]],
) -> Iterator[tuple[NDArray[np.float64], dict[str, float]]]:
    """Per mood its context, float64 (len(FEATURES),), and each persona's imagined reward in [0, 1].

    ``personas``: traits by name. Personas that suit a mood equally well get the same reward.
    """
    for mood in MOODS:
        x = features(mood.view)
        x[_TIMELESS] = 0.0
        suits = {name: suitability(traits, mood.wants) for name, traits in personas.items()}
        low, high = min(suits.values()), max(suits.values())
        span = high - low or 1.0
        yield (
            x,
            {name: WORST_REWARD + (BEST_REWARD - WORST_REWARD) * (suit - low) / span for name, suit in suits.items()},
        )


def warm_start(policy: Policy, personas: Mapping[str, Mapping[str, float]]) -> None:
    """Let ``policy`` learn the imagined turns; the same personas give the same start on every worker."""
    for x, rewards in prior_turns(personas):
        for name, reward in rewards.items():
            policy.learn(name, x, reward)
