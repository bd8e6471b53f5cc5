"""The values of language models' use for FastAPI and its OpenAPI document."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from server.transport.http.models import Json, Model

_FIGURES = {
    "uses": 12,
    "answered": 11,
    "prompt_tokens": 9600,
    "completion_tokens": 840,
    "cost": 0.0129,
    "first_token_ms": 310.5,
    "total_ms": 1840.0,
}


class UsageFigures(Model):
    example: ClassVar[Json | None] = _FIGURES
    uses: int = Field(description="Turns that asked a model.")
    answered: int = Field(description="Turns whose answer was the model's.")
    prompt_tokens: int = Field(description="Tokens of prompts.")
    completion_tokens: int = Field(description="Tokens of answers.")
    cost: float = Field(description="In the currency of the prices set.")
    first_token_ms: float | None = Field(description="Mean time to the first token; null where none came.")
    total_ms: float | None = Field(description="Mean time to the end of the answer; null for no uses.")


class UsageItem(UsageFigures):
    example: ClassVar[Json | None] = {"model": "small", "persona": "warm", "variant": None, **_FIGURES}
    model: str | None = Field(None, description="The model, where it is told apart.")
    persona: str | None = Field(None, description="The persona, where it is told apart.")
    variant: str | None = Field(None, description="The variant of an experiment; null where the turn was part of none.")


class Usage(Model):
    """What language models were used for."""

    example: ClassVar[Json | None] = {"items": [UsageItem.example], "total": _FIGURES}
    items: list[UsageItem] = Field(description="The dearest first, then the most used.")
    total: UsageFigures = Field(description="All of them together.")
