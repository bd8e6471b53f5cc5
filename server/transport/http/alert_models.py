"""The values of ``/v1/alerts`` and ``/v1/audit`` for FastAPI and its OpenAPI document."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from server.transport.http.models import Json, Model, _describe
from server.wire import examples

ALERT: Json = {
    "alert_id": "01JB9Z0000000000000000000A",
    "rule": "many_handoffs",
    "severity": "warning",
    "state": "raised",
    "at_ms": examples.AT_MS,
    "value": 0.44,
    "raised_at_ms": examples.AT_MS,
    "measure": "handoffs",
    "unit": "share",
    "direction": "above",
    "threshold": 0.4,
    "meaning": "Customers ask for a person.",
}
SILENCE: Json = {
    "silence_id": "01JB9Z0000000000000000000S",
    "rule": "many_*",
    "until_ms": examples.AT_MS + 3_600_000,
    "by": "root",
    "at_ms": examples.AT_MS,
    "reason": "A campaign began; we expect it.",
}
CHANGE: Json = {
    "number": 42,
    "at_ms": examples.AT_MS,
    "by": "root",
    "kind": "admin",
    "action": "promote_model",
    "subject": "/v1/models/promote",
    "detail": {"version": "nlu-1.2.0"},
}
RULE: Json = {
    "name": "many_handoffs",
    "about": "Customers ask for a person.",
    "measure": "handoffs",
    "unit": "share",
    "direction": "above",
    "thresholds": {"warning": {"raise": 0.4, "clear": 0.35}},
    "for_s": 60.0,
    "clear_for_s": 300.0,
    "at_least": 20,
    "group": "quality",
    "escalation": "default",
}

Severity = Literal["warning", "critical"]


class Alert(Model):
    """An alert; what it is about besides its rule, such as `version`, stands beside."""

    model_config = ConfigDict(strict=True, extra="allow", json_schema_extra=_describe)
    example: ClassVar[Json | None] = ALERT
    alert_id: str = Field(description="The same from its raise to its clear.")
    rule: str = Field(description="The rule's name.")
    severity: Severity = Field(description="How bad it is, or was when it was cleared.")
    state: Literal["raised", "cleared"] = Field(description="Whether it stands.")
    at_ms: int = Field(description="Its last change; milliseconds since the Unix epoch.")
    value: float = Field(description="In the measure's unit, at that change.")
    raised_at_ms: int = Field(description="When it was raised; likewise.")
    measure: str | None = Field(None, description="What the rule looks at; missing where the rule is gone.")
    unit: str | None = Field(None, description="The measure's.")
    direction: Literal["above", "below"] | None = Field(None, description="On which side of the threshold it is bad.")
    threshold: float | None = Field(None, description="Beyond which it is raised at this severity.")
    meaning: str | None = Field(None, description="What the rule's author says about it.")
    acknowledged_by: str | None = Field(None, description="The id of who sees to it.")
    acknowledged_at_ms: int | None = Field(None, description="Since when; milliseconds since the Unix epoch.")
    silenced_until_ms: int | None = Field(None, description="Until when nobody is told of it; likewise.")


class AlertPage(Model):
    """Alerts, the newest first."""

    example: ClassVar[Json | None] = {"items": [ALERT], "more": False}
    items: list[Alert] = Field(description="The alerts.")
    more: bool = Field(description="Whether there are older ones.")


class Bounds(Model):
    """Beyond `raise` an alert begins, before `clear` it is over."""

    example: ClassVar[Json | None] = {"raise": 0.4, "clear": 0.35}
    raise_: float = Field(alias="raise", description="In the measure's unit.")
    clear: float = Field(description="Likewise; on the good side of the other.")


class AlertRule(Model):
    """A rule as its file has it."""

    example: ClassVar[Json | None] = RULE
    name: str = Field(description="As alerts name it.")
    about: str = Field(description="What its author says about it.")
    measure: str = Field(description="What it looks at.")
    unit: str = Field(description="The measure's.")
    direction: Literal["above", "below"] = Field(description="On which side of the thresholds it is bad.")
    thresholds: dict[Severity, Bounds] = Field(description="By severity.")
    for_s: float = Field(description="How long a value must be beyond one, in seconds.")
    clear_for_s: float = Field(description="How long it must be well again, in seconds.")
    at_least: int = Field(description="Observations below which a value says nothing.")
    group: str = Field(description="Alerts of a group are told in one letter; empty: alone.")
    escalation: str = Field(description="The ladder of who is told.")


class AlertRules(Model):
    """The rules in use, in their file's order."""

    example: ClassVar[Json | None] = {"items": [RULE]}
    items: list[AlertRule] = Field(description="The rules.")


class SetSilence(Model):
    example: ClassVar[Json | None] = {"rule": "many_*", "for_s": 3_600.0, "reason": "A campaign began; we expect it."}
    rule: str = Field(min_length=1, max_length=64, description="A rule's name; `*` and `?` stand for any letters.")
    for_s: Annotated[float, Field(gt=0, le=2_592_000)] | None = Field(
        None, description="How long from now on, in seconds; this or `until_ms`."
    )
    until_ms: int | None = Field(None, description="Until when; milliseconds since the Unix epoch.")
    reason: str = Field("", max_length=500, description="Why, for whoever asks later.")


class Silence(Model):
    """Nobody is told of alerts of these rules; they are still raised, and shown."""

    example: ClassVar[Json | None] = SILENCE
    silence_id: str = Field(description="To end it with.")
    rule: str = Field(description="A rule's name; `*` and `?` stand for any letters.")
    until_ms: int = Field(description="Until when; milliseconds since the Unix epoch.")
    by: str = Field(description="The id of who asked for it.")
    at_ms: int = Field(description="When that was; milliseconds since the Unix epoch.")
    reason: str = Field(description="Why; may be empty.")
    ended_by: str | None = Field(None, description="The id of who ended it before its time.")
    ended_at_ms: int | None = Field(None, description="When that was; milliseconds since the Unix epoch.")


class Silences(Model):
    """Those that hold, the newest first."""

    example: ClassVar[Json | None] = {"items": [SILENCE]}
    items: list[Silence] = Field(description="The silences.")


class Change(Model):
    """Somebody changed something."""

    example: ClassVar[Json | None] = CHANGE
    number: int = Field(description="Grows with every change.")
    at_ms: int = Field(description="When; milliseconds since the Unix epoch.")
    by: str = Field(description="A user's id.")
    kind: str = Field(description="The kind of that user then.")
    action: str = Field(description="The operation's name in this document, such as `promote_model`.")
    subject: str = Field(description="The path that was asked.")
    detail: Json = Field(description="What was given, without secrets.")


class Changes(Model):
    """The audit log, the newest first."""

    example: ClassVar[Json | None] = {"items": [CHANGE], "more": False}
    items: list[Change] = Field(description="The changes.")
    more: bool = Field(description="Whether there are older ones.")
