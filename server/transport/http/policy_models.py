"""The values of ``/v1/policies`` for FastAPI and its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from server.transport.http.models import Json, Model
from server.wire import examples

Place = Annotated[int, Field(ge=0, le=2**53 - 1)]
PersonaName = Annotated[str, Field(min_length=1, max_length=32)]


class RollBack(Model):
    example: ClassVar[Json | None] = {"to": 12_000}
    to: Place = Field(description="A snapshot's `version`, or any place of the log up to its end; 0: as if new.")


class AddArm(Model):
    example: ClassVar[Json | None] = {
        "persona": {"name": "sunny", "title": "Sunny", "description": "Light-hearted.", "traits": {}, "style": {}},
        "like": "warm",
        "weight": 0.5,
    }
    persona: Json = Field(description="Name, title, description, traits and style, as in `personas.yaml`.")
    like: PersonaName | None = Field(None, description="A persona from whose rewards it starts; left out: from none.")
    weight: Annotated[float, Field(ge=0, le=1)] = Field(1.0, description="How much these count of its own.")


class PolicySnapshot(Model):
    """What a policy had made of its log up to a place."""

    example: ClassVar[Json | None] = {
        "version": 12_000,
        "reason": "interval",
        "by": "worker-1",
        "created_ms": examples.AT_MS,
        "digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "algorithm": "linucb",
        "arms": ["calm", "warm"],
        "features": 32,
    }
    version: int = Field(description="The last entry of the log that it knows.")
    reason: Literal["interval", "shutdown", "manual"] = Field(description="Why it was made.")
    by: str = Field(description="The worker or the user who made it.")
    created_ms: int = Field(description="When; milliseconds since the Unix epoch.")
    digest: str = Field(description="SHA-256 of its state, hexadecimal.")
    algorithm: str = Field(description="The policy's algorithm.")
    arms: list[str] = Field(description="Its personas, in order.")
    features: int = Field(description="Length of its contexts.")


class PolicyChanged(Model):
    """An entry of a policy's log that is no reward."""

    example: ClassVar[Json | None] = {
        "version": 12_345,
        "kind": "rollback",
        "by": "root",
        "at_ms": examples.AT_MS,
        "to": 12_000,
    }
    version: int = Field(description="Its place in the log.")
    kind: str = Field(description="`rollback`, or of a persona `add`, `remove`, `pause`, `resume`.")
    by: str = Field(description="Who did it.")
    at_ms: int = Field(description="When; milliseconds since the Unix epoch.")
    to: int | None = Field(None, description="Where a rollback went back to.")
    arm: str | None = Field(None, description="Which persona.")


class PolicySummary(Model):
    example: ClassVar[Json | None] = {
        "policy": "linucb",
        "version": 12_345,
        "used": True,
        "arms": ["calm", "warm"],
        "paused": [],
    }
    policy: str = Field(description="The log's name: the setting `policy` when it began, or `experiment:ID:VARIANT`.")
    version: int = Field(description="Entries in its log.")
    used: bool = Field(description="Whether it is the one that chooses.")
    arms: list[str] | None = Field(None, description="Its personas; none where nothing learns from the log.")
    paused: list[str] | None = Field(None, description="Those that are not drawn.")


class PolicyDetail(PolicySummary):
    example: ClassVar[Json | None] = {
        **(PolicySummary.example or {}),
        "snapshots": [PolicySnapshot.example],
        "changes": [PolicyChanged.example],
    }
    snapshots: list[PolicySnapshot] = Field(description="The newest first.")
    changes: list[PolicyChanged] = Field(description="In the log's order.")


class PolicyList(Model):
    example: ClassVar[Json | None] = {"items": [PolicySummary.example]}
    items: list[PolicySummary] = Field(description="By name.")
