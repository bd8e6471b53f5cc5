"""Label names of the heads, and the maps from each data set's labels to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

OUT_OF_SCOPE = "oos"
"""CLINC150's name for a text that belongs to none of its 150 intents."""

INTENT_COUNT = 150

SENTIMENTS = ("very_negative", "negative", "neutral", "positive", "very_positive")
SENTIMENT_SCORES = (-1.0, -0.5, 0.0, 0.5, 1.0)

POLARITY_CLASSES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {"negative": (0, 1), "neutral": (2,), "positive": (3, 4)}
)
"""The five-class indices that a three-class label allows; their probabilities are summed."""

EMOTIONS = ("joy", "anger", "fear", "sadness", "surprise", "neutral")

ACTS = ("greeting", "thanks", "goodbye", "question", "request", "complaint", "affirm", "deny", "other")
"""What a turn does in the conversation; the wire's names. `models_onnx.acts` maps the sets' labels to them."""

URGENCY_TARGETS = (0.02, 0.3, 0.75, 0.98)
"""How likely a turn of each level of authored/URGENCY.md is urgent; levels 2 and 3 count as urgent."""

URGENT_LEVEL = 2

# GoEmotions' own Ekman grouping (Demszky et al. 2020, appendix), with disgust joined to anger.
GOEMOTIONS_TO_EMOTION: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("anger", "annoyance", "disapproval", "disgust"), "anger"),
        **dict.fromkeys(("fear", "nervousness"), "fear"),
        **dict.fromkeys(
            (
                *("joy", "amusement", "approval", "excitement", "gratitude", "love", "optimism"),
                *("relief", "pride", "admiration", "desire", "caring"),
            ),
            "joy",
        ),
        **dict.fromkeys(("sadness", "disappointment", "embarrassment", "grief", "remorse"), "sadness"),
        **dict.fromkeys(("surprise", "realization", "confusion", "curiosity"), "surprise"),
        "neutral": "neutral",
    }
)

FINE_EMOTIONS = tuple(GOEMOTIONS_TO_EMOTION)
"""GoEmotions' 28, the internal head's order: grouped as above, not alphabetical."""

# GoEmotions' own grouping by sentiment; the ambiguous ones (surprise, realization, confusion, curiosity) say nothing.
_NEGATIVE_EMOTIONS = ("fear", "nervousness", "remorse", "embarrassment", "disappointment", "sadness", "grief")
_NEGATIVE_ANGER = ("disgust", "anger", "annoyance", "disapproval")
GOEMOTIONS_TO_POLARITY: Mapping[str, str | None] = MappingProxyType(
    {
        name: "negative"
        if name in (*_NEGATIVE_EMOTIONS, *_NEGATIVE_ANGER)
        else {"joy": "positive", "neutral": "neutral"}.get(group)
        for name, group in GOEMOTIONS_TO_EMOTION.items()
    }
)

# Plutchik's trust and anticipation have no counterpart among the six: such labels are dropped.
XED_TO_EMOTION: Mapping[str, str | None] = MappingProxyType(
    {
        "joy": "joy",
        "anger": "anger",
        "disgust": "anger",
        "fear": "fear",
        "sadness": "sadness",
        "surprise": "surprise",
        "neutral": "neutral",
        "trust": None,
        "anticipation": None,
    }
)


def map_emotions(names: Iterable[str], mapping: Mapping[str, str | None]) -> tuple[int, ...]:
    """Sorted, distinct indices into `EMOTIONS`; empty when no label has a counterpart.

    Raises KeyError on a name that the mapping does not know.
    """
    mapped = {mapping[name] for name in names}
    return tuple(sorted(EMOTIONS.index(name) for name in mapped if name is not None))


def stars_to_sentiment(stars: int) -> int:
    """Index into `SENTIMENTS` for 1 to 5 stars."""
    if not 1 <= stars <= 5:
        raise ValueError(f"stars must be 1 to 5, not {stars}")
    return stars - 1


def intent_labels(names: Iterable[str]) -> tuple[str, ...]:
    """The in-scope intent names, sorted: the order of the intent head's outputs."""
    return tuple(sorted(set(names) - {OUT_OF_SCOPE}))
