"""The values of ``/v1/experiments`` and ``/v1/events`` for FastAPI and its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from server.transport.http.models import Json, Key, Model, UserId
from server.wire import examples

EXAMPLE: Json = {
    "id": "tone-1",
    "hypothesis": "Customers rate a friendly tone higher.",
    "variants": [
        {"name": "today", "weight": 1, "changes": []},
        {"name": "friendly", "weight": 1, "changes": [{"kind": "writer_style", "values": {"tone": "friendly"}}]},
    ],
    "metrics": ["satisfaction", "engagement_rate"],
    "guardrails": {"handoff_rate": 0.05},
}
STATES = Literal["draft", "running", "paused", "completed"]


class EditDraft(Model):
    example: ClassVar[Json | None] = {"revision": 1, "experiment": EXAMPLE}
    revision: int = Field(ge=1, description="The one that was read; 409 where somebody was faster.")
    experiment: Json = Field(description="The whole experiment (docs/experiments.md) or `template`; its id stays.")


class Ramp(Model):
    example: ClassVar[Json | None] = {"exposure": 0.5}
    exposure: Annotated[float, Field(ge=0, le=1)] = Field(
        description="Share of the eligible who take part; it never falls once started."
    )


class Complete(Model):
    example: ClassVar[Json | None] = {"winner": "friendly", "note": "Shown in the pilot."}
    winner: Annotated[str, Field(max_length=64)] | None = Field(
        None, description="The variant that everybody gets from now on; left out: what there was before."
    )
    note: Annotated[str, Field(max_length=500)] | None = Field(None, description="Why, for the history.")


class Revision(Model):
    example: ClassVar[Json | None] = {
        "revision": 2,
        "state": "running",
        "verb": "start",
        "by": "root",
        "at_ms": examples.AT_MS,
    }
    revision: int = Field(description="Counts from 1, one more with each change.")
    state: STATES = Field(description="What it was from then on.")
    verb: str = Field(description="What was done.")
    by: str = Field(description="Who did it; `parlance` for the automatic stop, `cli` for a command.")
    at_ms: int = Field(description="When; milliseconds since the Unix epoch.")
    note: str | None = Field(None, description="Why.")


class ExperimentDocument(Model):
    """An experiment as it was written, with its state. docs/experiments.md explains every key."""

    example: ClassVar[Json | None] = {
        **EXAMPLE,
        "state": "running",
        "revision": 2,
        "changed_by": "root",
        "changed_at_ms": examples.AT_MS,
    }
    id: str = Field(description="1 to 64 small letters, digits, - or _.")
    hypothesis: str | None = Field(None, description="What is expected, in words.")
    variants: list[Json] = Field(description="`name`, `weight` and `changes`; the first is the control.")
    factors: list[Json] | None = Field(
        None,
        description="Two, whose `levels` (like variants) are crossed into the variants; none for other experiments.",
    )
    metrics: list[str] = Field(description="The first decides, the others explain.")
    guardrails: dict[str, float] | None = Field(
        None, description="Metrics that may get worse by at most this share of the control's mean."
    )
    salt: str | None = Field(None, description="Of the assignment; empty: the id.")
    exposure: float | None = Field(None, description="Share of the eligible who take part.")
    slice: Json | None = Field(None, description="`layer`, `start` and `end` in millionths.")
    rules: list[Json] | None = Field(None, description="Who is eligible: `attribute`, `operator`, `values`.")
    hold_outs: list[Json] | None = Field(None, description="Whose users take no part: `name`, `share`.")
    method: Literal["sequential", "fixed"] | None = Field(None, description="How it is read.")
    alpha: float | None = Field(None, description="Chance of a false alarm.")
    min_units: int | None = Field(None, description="Users a variant before any verdict.")
    planned_units: int | None = Field(None, description="Users of all variants, as planned.")
    max_days: float | None = Field(None, description="It is stopped then.")
    minimum_effect: float | None = Field(None, description="Relative difference of interest.")
    goal: str | None = Field(None, description="The event that `conversion` counts.")
    retention_days: float | None = Field(None, description="Within which a return counts for `retention`.")
    state: STATES = Field(description="draft, running, paused or completed.")
    started_ms: int | None = Field(None, description="Its first start; milliseconds since the Unix epoch.")
    completed_ms: int | None = Field(None, description="Its end; milliseconds since the Unix epoch.")
    winner: str | None = Field(None, description="The variant that everybody gets.")
    revision: int = Field(description="Counts from 1, one more with each change.")
    changed_by: str = Field(description="Who changed it last.")
    changed_at_ms: int = Field(description="When; milliseconds since the Unix epoch.")
    history: list[Revision] | None = Field(None, description="Every revision, where one experiment is asked for.")


class ExperimentList(Model):
    example: ClassVar[Json | None] = {"items": [ExperimentDocument.example]}
    items: list[ExperimentDocument] = Field(description="By id.")


class Template(Model):
    example: ClassVar[Json | None] = {"name": "response_style", "experiment": {**EXAMPLE, "id": "response_style"}}
    name: str = Field(description="As `template` of a new experiment.")
    experiment: Json = Field(description="The draft that it makes.")


class TemplateList(Model):
    example: ClassVar[Json | None] = {"items": [Template.example]}
    items: list[Template] = Field(description="What there is to start from.")


class ExperimentVerdict(Model):
    example: ClassVar[Json | None] = {
        "action": "continue",
        "reason": "friendly has 61 units of the 100 that a variant needs at least.",
    }
    action: Literal["continue", "stop", "blocked"] = Field(description="What follows.")
    winner: str | None = Field(None, description="The variant to keep, where one is decided on.")
    reason: str = Field(description="The rule that decided, in words.")


class ExperimentReport(Model):
    """The analysis; keys as `parlance experiment analyse --json` gives them."""

    example: ClassVar[Json | None] = {
        "experiment": "tone-1",
        "state": "running",
        "until_ms": examples.AT_MS,
        "days": 3.2,
        "units": {"today": 64, "friendly": 61},
        "srm_p_value": 0.79,
        "blocked": [],
        "verdict": ExperimentVerdict.example,
        "insights": ["friendly has 61 units of the 100 that a variant needs at least."],
    }
    experiment: str = Field(description="Its id.")
    state: STATES = Field(description="draft, running, paused or completed.")
    until_ms: int = Field(description="What is recorded up to then counts; milliseconds since the Unix epoch.")
    days: float | None = Field(None, description="Since the start.")
    units: dict[str, int] = Field(description="Users by variant.")
    crossed_units: int | None = Field(None, description="Users seen in several variants, who are left out.")
    srm_p_value: float | None = Field(None, description="Of the sample ratio; below 0.001 the report is blocked.")
    blocked: list[str] | None = Field(None, description="Why nothing may be concluded; empty where something may.")
    control: str | None = Field(None, description="The variant that the others are held against.")
    method: str | None = Field(None, description="sequential or fixed.")
    alpha: float | None = Field(None, description="Chance of a false alarm, over all comparisons.")
    correction: str | None = Field(None, description="Of many comparisons.")
    covariate: str | None = Field(None, description="What adjusted the values.")
    metrics: dict[str, dict[str, Any]] | None = Field(None, description="By metric and variant.")
    effects: dict[str, list[Json]] | None = Field(
        None, description="Of two factors, by metric: each level against its base, and the interactions."
    )
    definitions: dict[str, Json] | None = Field(None, description="What each metric is, with unit and direction.")
    guardrails: list[Json] | None = Field(None, description="Which hold: passed, failed or open.")
    verdict: ExperimentVerdict = Field(description="What follows by the stated rules.")
    insights: list[str] = Field(description="The same in sentences.")


class GoalEvent(Model):
    example: ClassVar[Json | None] = {"user_id": "carl", "name": "order_placed", "key": "order-4711"}
    user_id: UserId = Field(description="Who did it.")
    name: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="What was done: small letters, digits, '_', '.' or '-'."
    )
    key: Key | None = Field(None, description="Of the user, or the header Idempotency-Key: told again it counts once.")
    at_ms: int | None = Field(None, description="When; milliseconds since the Unix epoch. Left out: now.")


class EventTaken(Model):
    example: ClassVar[Json | None] = {
        "user_id": "carl",
        "name": "order_placed",
        "key": "order-4711",
        "duplicate": False,
    }
    user_id: str = Field(description="Who did it.")
    name: str = Field(description="What was done.")
    key: str = Field(description="The key that it was told with.")
    duplicate: bool = Field(description="Whether it was told before.")
