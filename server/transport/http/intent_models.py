"""The values of ``/v1/intents`` for FastAPI and its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from server.transport.http.models import Json, Model
from server.wire import examples

_TRAINED: Json = {
    "digest": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
    "at_ms": examples.AT_MS,
    "intents": 12,
    "threshold": 0.77,
    "figures": {"accuracy": 0.78, "answered": 0.675, "right_of_answered": 0.904},
    "model": "nlu-1.0.0",
    "fresh": True,
}


class IntentExample(Model):
    example: ClassVar[Json | None] = {"text": "the tent smells of mould", "here": True}
    text: str = Field(description="What a customer might write.")
    here: bool = Field(description="Whether it was added over HTTP or from the inbox, and so can be removed here.")


class OwnIntent(Model):
    example: ClassVar[Json | None] = {
        "intent": "damaged",
        "ask": "Something arrived broken",
        "count": 11,
        "examples": [IntentExample.example],
    }
    intent: str = Field(description="Its name.")
    ask: str = Field(description="The text of its button.")
    count: int = Field(description="Examples that it has.")
    examples: list[IntentExample] = Field(description="The last 50 of them.")


class IntentFinding(Model):
    example: ClassVar[Json | None] = {
        "level": "warning",
        "code": "few",
        "place": "inbox.yaml: intents.wrong_item",
        "problem": "'wrong_item' has 2 different examples",
        "remedy": "Add what customers really write, up to ten or more",
    }
    level: Literal["error", "warning"] = Field(description="An error keeps them from being learned.")
    code: str = Field(description="docs/intents.md lists them.")
    place: str = Field(description="File and entry.")
    problem: str = Field(description="What is wrong.")
    remedy: str = Field(description="What to do.")


class TrainedSet(Model):
    example: ClassVar[Json | None] = _TRAINED
    digest: str = Field(description="SHA-256 of the file.")
    at_ms: int = Field(description="When it was written; milliseconds since the Unix epoch.")
    intents: int = Field(description="Intents that it tells apart.")
    threshold: float = Field(description="Confidence from which on it answers.")
    figures: dict[str, float] = Field(description="On held-out examples: `accuracy`, `answered`, and so on.")
    model: str = Field(description="The model whose embedding it reads.")
    fresh: bool = Field(description="Whether it has learned the folder as it is now.")


class OwnIntents(Model):
    """The folder of examples, and what was learned of it."""

    example: ClassVar[Json | None] = {
        "known": ["damaged", "order_status"],
        "intents": [OwnIntent.example],
        "findings": [IntentFinding.example],
        "changed": False,
        "used": _TRAINED,
        "candidate": None,
        "can_roll_back": False,
    }
    missing: str | None = Field(None, description="Settings without which nothing can be changed here.")
    known: list[str] = Field(description="Intents that are understood now, and labels that were given.")
    intents: list[OwnIntent] = Field(description="By name.")
    findings: list[IntentFinding] = Field(description="What is wrong with them, errors first.")
    changed: bool = Field(description="Whether what is in use has learned something else.")
    used: TrainedSet | None = Field(None, description="What answers.")
    candidate: TrainedSet | None = Field(None, description="What was trained and waits to be activated.")
    can_roll_back: bool = Field(False, description="Whether something was in use before.")


class AddExample(Model):
    example: ClassVar[Json | None] = {"text": "the tent smells of mould"}
    text: Annotated[str, Field(min_length=1, max_length=500)] = Field(description="What a customer might write.")
    new: bool = Field(False, description="True: an intent of this name is wanted where there is none yet.")


class ExamplesChanged(Model):
    example: ClassVar[Json | None] = {"added": 1, "removed": 0, "present": 0, "unfit": 0}
    added: int = Field(description="Examples written.")
    removed: int = Field(description="Examples taken out; one that moved counts as both.")
    present: int = Field(description="Left as they were.")
    unfit: int = Field(description="Texts that can be no examples: without a word, or too long.")


class ActivateIntents(Model):
    example: ClassVar[Json | None] = {"digest": _TRAINED["digest"]}
    digest: str = Field(description="Of the candidate that was looked at.", min_length=64, max_length=64)
