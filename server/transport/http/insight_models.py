"""The values of moods and personas for FastAPI and its OpenAPI document."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from adapters.mood.history import LABELS, Direction
from server.transport.http.models import Json, Model
from server.wire import examples

_SHARES = dict(zip(LABELS, (0.25, 0.25, 0.25, 0.25, 0.0), strict=True))


class FeltMessage(Model):
    example: ClassVar[Json | None] = {
        "channel": examples.CHANNEL, "offset": 1, "at_ms": examples.AT_MS, "score": -0.48,
    }  # fmt: skip
    channel: str = Field(description="The conversation.")
    offset: int = Field(description="Of the customer's message.")
    at_ms: int = Field(description="When it was written; milliseconds since the Unix epoch.")
    score: float = Field(description="Its sentiment, in [-1, 1].")


class MoodOutlook(Model):
    """How the mood went over the last messages that were understood, at most 200."""

    example: ClassVar[Json | None] = {
        "turns": 4,
        "mean": -0.2,
        "direction": "rising",
        "change": 0.9,
        "magnitude": 0.9,
        "volatility": 0.43,
        "swing": 0.4,
        "distribution": _SHARES,
        "messages": [FeltMessage.example],
    }
    turns: int = Field(description="Messages that the figures are of.")
    mean: float = Field(description="Mean sentiment, in [-1, 1]; 0 for none.")
    direction: Direction = Field(description="Where the line fitted through them goes; steady below a change of .1.")
    change: float = Field(description="How far that line goes from the first message to the last, in [-2, 2].")
    magnitude: float = Field(description="The size of the change.")
    volatility: float = Field(description="Standard deviation, in [0, 1].")
    swing: float = Field(description="Mean step from one message to the next, in [0, 2].")
    distribution: dict[str, float] = Field(description="Share of very negative to very positive, fifths of [-1, 1].")
    messages: list[FeltMessage] = Field(description="The messages, the earliest first.")


class Persona(Model):
    example: ClassVar[Json | None] = {
        "name": "warm",
        "title": "Warm",
        "description": "A kind neighbour who listens first.",
        "traits": {"empathy": 0.95, "humor": 0.35},
    }
    name: str = Field(description="As `turn.persona` names it.")
    title: str = Field(description="What people see.")
    description: str = Field(description="For whoever chooses between them.")
    traits: dict[str, float] = Field(description="All twelve, in [0, 1].")


class Personas(Model):
    example: ClassVar[Json | None] = {"items": [Persona.example]}
    items: list[Persona] = Field(description="In the order of the file.")


class SimilarPersona(Model):
    example: ClassVar[Json | None] = {"name": "calm", "similarity": 0.87, "differences": {"enthusiasm": -0.2}}
    name: str = Field(description="The persona.")
    similarity: float = Field(description="1 less the root mean square difference of the traits.")
    differences: dict[str, float] = Field(
        description="The up to three traits in which it differs most: what it has more of them, or less."
    )


class SimilarPersonas(Model):
    example: ClassVar[Json | None] = {"items": [SimilarPersona.example]}
    items: list[SimilarPersona] = Field(description="The nearest first.")


class SimilarConversation(Model):
    example: ClassVar[Json | None] = {"channel": examples.CHANNEL, "distance": 0.41, "decisions": 6}
    channel: str = Field(description="The conversation.")
    distance: float = Field(description="Root mean square difference of the mean contexts, in standard deviations.")
    decisions: int = Field(description="How many decisions of it were compared.")


class SimilarConversations(Model):
    example: ClassVar[Json | None] = {"items": [SimilarConversation.example]}
    items: list[SimilarConversation] = Field(description="The nearest first.")
