"""The features of a decision as a person would name them, for explanations."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

FEATURE_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "constant": "what it earns on average",
        "question": "that something is asked",
        "request": "that something is to be done",
        "complaint": "that it is a complaint",
        "courtesy": "that it is a courtesy",
        "yes_or_no": "that it is a yes or no",
        "sentiment": "the mood",
        "sentiment_confidence": "how clear the mood is",
        "joy": "joy",
        "anger": "anger",
        "fear": "fear",
        "sadness": "sadness",
        "surprise": "surprise",
        "urgency": "urgency",
        "politeness": "politeness",
        "toxicity": "insults",
        "understood": "how well the message was understood",
        "length": "the message's length",
        "exclamations": "exclamation marks",
        "questions": "question marks",
        "emoji": "emoji",
        "uppercase": "capital letters",
        "turn": "how long they have talked",
        "sentiment_change": "the mood's last change",
        "sentiment_trend": "the mood's trend",
        "pace": "how long the customer takes to write",
        "last_rating": "the last thumb",
        "resolved_before": "that all was resolved once",
        "hour_sine": "the time of day (morning or evening)",
        "hour_cosine": "the time of day (night or day)",
        "weekday_sine": "the weekday (early or late in the week)",
        "weekday_cosine": "the weekday (near Monday or not)",
        "engagement": "how engaged the customer is",
        "question_rate": "how often the customer asks",
        "visits": "how often the customer comes",
        "customer_openness": "a hint of the customer's openness",
        "customer_conscientiousness": "a hint of the customer's conscientiousness",
        "customer_extraversion": "a hint of the customer's extraversion",
        "customer_agreeableness": "a hint of the customer's agreeableness",
        "customer_neuroticism": "a hint of the customer's neuroticism",
    }
)
