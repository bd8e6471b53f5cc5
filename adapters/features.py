"""The context of a decision: ``len(FEATURES)`` numbers from the analysis, the conversation so far and the clock.

Every number is scaled to [0, 1] or [-1, 1], so that one ridge suits all, and is never NaN or infinite, whatever the
view holds: a value that is missing or no number counts as neutral, one out of range as the end of its range. The
order is part of the decision log: add at the end, never reorder. docs/features.md is made of ``FEATURES``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

FAST_GAP_S = 1.5
SLOW_GAP_S = 600.0
LONGEST_TEXT = 8_000  # code points, the protocol's limit
USUAL_WORDS = 10.0  # of a chat message, at the median
USUAL_VISITS = 3.0


@dataclass(frozen=True, slots=True)
class TurnView:
    """What a decision may know about one customer message.

    ``act``, scores and ``emotions`` as in the analysis: ``sentiment_score`` and ``politeness`` in [-1, 1], the other
    scores in [0, 1]. Counts are of this message. ``turn_number`` is 1 for the conversation's first. The
    ``previous_sentiment_score`` is the message's before, ``sentiment_trend`` in [-1, 1] the direction over the last
    few, ``mean_gap_s`` the customer's mean response time in seconds, ``last_rating`` in [0, 1] the latest given in this
    conversation; None: there is none yet. ``resolved_before``: the conversation was resolved once. ``hour_of_day`` in
    [0, 24) and ``weekday`` (0 Monday … 6 Sunday) are the customer's where known, else the server's.

    ``mean_words`` of the customer's last few messages, this one among them, and ``question_rate`` in [0, 1], the share
    of them that ask something. ``visits``: the conversations that the customer opened before this one.
    ``personality``: indicators of the Big Five from the customer's words, each in [-1, 1], where there are some.
    """

    act: str = "other"
    sentiment_score: float = 0.0
    sentiment_confidence: float = 0.0
    emotions: Mapping[str, float] = field(default_factory=dict)
    urgency: float = 0.0
    politeness: float = 0.0
    toxicity: float = 0.0
    intent_confidence: float = 0.0
    out_of_scope: float = 0.0
    text_code_points: int = 0
    words: int = 0
    exclamations: int = 0
    questions: int = 0
    emoji: int = 0
    uppercase_share: float = 0.0
    turn_number: int = 1
    previous_sentiment_score: float | None = None
    sentiment_trend: float = 0.0
    mean_gap_s: float | None = None
    last_rating: float | None = None
    resolved_before: bool = False
    hour_of_day: float = 12.0
    weekday: int = 0
    mean_words: float = 0.0
    question_rate: float = 0.0
    visits: int = 0
    personality: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Feature:
    """One number of the context: what it means, its range, and how a view gives it (before it is clamped)."""

    name: str
    meaning: str
    low: float
    high: float
    of: Callable[[TurnView], float]


def features(view: TurnView) -> NDArray[np.float64]:
    """The context of ``view``: float64 (len(FEATURES),), in the order of ``FEATURE_NAMES``; a new array."""
    return np.array([_clamped(of(view), low, high) for of, low, high in _COLUMNS])


def _clamped(value: float, low: float, high: float) -> float:
    if low <= value <= high:
        return value
    if value > high:
        return high
    return low if value < low else 0.0  # NaN is in no relation to anything


def _act(*names: str) -> Callable[[TurnView], float]:
    return lambda view: float(view.act in names)


def _emotion(name: str) -> Callable[[TurnView], float]:
    return lambda view: view.emotions.get(name, 0.0)


def _saturating(count: float, half: float) -> float:
    """0 at 0, 1/2 at ``half``, towards 1 beyond: the second exclamation mark says more than the twentieth."""
    return count / (count + half) if 0.0 < count < math.inf else float(count > 0.0)


def _understood(view: TurnView) -> float:
    return _clamped(view.intent_confidence, 0.0, 1.0) * (1.0 - _clamped(view.out_of_scope, 0.0, 1.0))


def _length(view: TurnView) -> float:
    return math.log1p(_clamped(view.text_code_points, 0.0, LONGEST_TEXT)) / math.log1p(LONGEST_TEXT)


def _emoji_share(view: TurnView) -> float:
    emoji = _clamped(view.emoji, 0.0, LONGEST_TEXT)
    return _saturating(emoji, _clamped(view.words, 0.0, LONGEST_TEXT))


def _sentiment_change(view: TurnView) -> float:
    return (
        0.0 if view.previous_sentiment_score is None else (view.sentiment_score - view.previous_sentiment_score) / 2.0
    )


def _pace(view: TurnView) -> float:
    """-1 at ``FAST_GAP_S``, 1 at ``SLOW_GAP_S``, linear in the logarithm between: 30 s stand in the middle."""
    if view.mean_gap_s is None or math.isnan(view.mean_gap_s):
        return 0.0
    gap_s = _clamped(view.mean_gap_s, FAST_GAP_S, SLOW_GAP_S)
    return 2.0 * math.log(gap_s / FAST_GAP_S) / math.log(SLOW_GAP_S / FAST_GAP_S) - 1.0


def _engagement(view: TurnView) -> float:
    """The geometric mean of how much the customer writes and how promptly: neither alone is interest."""
    volume = _saturating(_clamped(view.mean_words, 0.0, LONGEST_TEXT), USUAL_WORDS)
    return math.sqrt(volume * (1.0 - _pace(view)) / 2.0)


def _personality(name: str) -> Callable[[TurnView], float]:
    return lambda view: view.personality.get(name, 0.0)


def _angle(value: float, period: float) -> float:
    return 2.0 * math.pi * math.fmod(value, period) / period if math.isfinite(value) else math.nan


_HINT = "a weak hint from the customer's words; 0 for few of them"

FEATURES: tuple[Feature, ...] = (
    Feature("constant", "always 1: what an arm is worth on average", 1, 1, lambda _: 1.0),
    Feature("question", "1 when the message asks something", 0, 1, _act("question")),
    Feature("request", "1 when it asks for something to be done", 0, 1, _act("request")),
    Feature("complaint", "1 when it complains", 0, 1, _act("complaint")),
    Feature("courtesy", "1 for a greeting, thanks or a goodbye", 0, 1, _act("greeting", "thanks", "goodbye")),
    Feature("yes_or_no", "1 when it affirms or denies", 0, 1, _act("affirm", "deny")),
    Feature("sentiment", "very negative to very positive", -1, 1, lambda view: view.sentiment_score),
    Feature("sentiment_confidence", "how sure the model is of it", 0, 1, lambda view: view.sentiment_confidence),
    Feature("joy", "probability of the emotion", 0, 1, _emotion("joy")),
    Feature("anger", "probability of the emotion", 0, 1, _emotion("anger")),
    Feature("fear", "probability of the emotion", 0, 1, _emotion("fear")),
    Feature("sadness", "probability of the emotion", 0, 1, _emotion("sadness")),
    Feature("surprise", "probability of the emotion", 0, 1, _emotion("surprise")),
    Feature("urgency", "how pressing it is", 0, 1, lambda view: view.urgency),
    Feature("politeness", "rude to polite", -1, 1, lambda view: view.politeness),
    Feature("toxicity", "how insulting it is", 0, 1, lambda view: view.toxicity),
    Feature("understood", "the intent's probability times that of being in scope", 0, 1, _understood),
    Feature("length", "logarithm of its code points; 0 empty, 1 at 8,000", 0, 1, _length),
    Feature("exclamations", "n / (n + 2) exclamation marks", 0, 1, lambda view: _saturating(view.exclamations, 2.0)),
    Feature("questions", "n / (n + 2) question marks", 0, 1, lambda view: _saturating(view.questions, 2.0)),
    Feature("emoji", "emoji among emoji and words", 0, 1, _emoji_share),
    Feature("uppercase", "share of its letters in upper case", 0, 1, lambda view: view.uppercase_share),
    Feature("turn", "n / (n + 5) turns before this one", 0, 1, lambda view: _saturating(view.turn_number - 1, 5.0)),
    Feature("sentiment_change", "half the step from the message before; 0 when first", -1, 1, _sentiment_change),
    Feature("sentiment_trend", "direction over the last messages", -1, 1, lambda view: view.sentiment_trend),
    Feature("pace", "mean response time: -1 to 1.5 s, 0 at 30 s or unknown, 1 from 600 s", -1, 1, _pace),
    Feature(
        "last_rating",
        "thumb down to thumb up; 0 when none was given",
        -1,
        1,
        lambda view: 0.0 if view.last_rating is None else 2.0 * view.last_rating - 1.0,
    ),
    Feature("resolved_before", "1 when it was resolved once", 0, 1, lambda view: float(view.resolved_before)),
    Feature("hour_sine", "1 at six in the morning", -1, 1, lambda view: math.sin(_angle(view.hour_of_day, 24.0))),
    Feature("hour_cosine", "1 at midnight, -1 at noon", -1, 1, lambda view: math.cos(_angle(view.hour_of_day, 24.0))),
    Feature(
        "weekday_sine", "of the week's angle, from Monday", -1, 1, lambda view: math.sin(_angle(view.weekday, 7.0))
    ),
    Feature("weekday_cosine", "1 on Mondays", -1, 1, lambda view: math.cos(_angle(view.weekday, 7.0))),
    Feature(
        "engagement",
        "geometric mean of words a message, w / (w + 10), and promptness, (1 - pace) / 2",
        0,
        1,
        _engagement,
    ),
    Feature("question_rate", "share of the last messages that ask something", 0, 1, lambda view: view.question_rate),
    Feature("visits", "n / (n + 3) conversations before", 0, 1, lambda view: _saturating(view.visits, USUAL_VISITS)),
    Feature("customer_openness", _HINT, -1, 1, _personality("openness")),
    Feature("customer_conscientiousness", _HINT, -1, 1, _personality("conscientiousness")),
    Feature("customer_extraversion", _HINT, -1, 1, _personality("extraversion")),
    Feature("customer_agreeableness", _HINT, -1, 1, _personality("agreeableness")),
    Feature("customer_neuroticism", _HINT, -1, 1, _personality("neuroticism")),
)
FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
_COLUMNS = tuple((feature.of, feature.low, feature.high) for feature in FEATURES)
