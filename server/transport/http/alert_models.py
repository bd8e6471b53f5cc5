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
    alert_id: str
    rule: str
    severity: Severity
    state: Literal["raised", "cleared"]
    at_ms: int = Field(description="Its last change.")
    value: float = Field(description="In the measure's unit, at that change.")
    raised_at_ms: int
    measure: str | None = Field(None, description="What the rule looks at; missing where the rule is gone.")
    unit: str | None = None
    direction: Literal["above", "below"] | None = None
    threshold: float | None = Field(None, description="Beyond which it is raised at this severity.")
    meaning: str | None = None
    acknowledged_by: str | None = None
    acknowledged_at_ms: int | None = None
    silenced_until_ms: int | None = Field(None, description="Until when nobody is told of it.")


class AlertPage(Model):
    """Alerts, the newest first."""

    example: ClassVar[Json | None] = {"items": [ALERT], "more": False}
    items: list[Alert]
    more: bool


class Bounds(Model):
    """Beyond `raise` an alert begins, before `clear` it is over."""

    example: ClassVar[Json | None] = {"raise": 0.4, "clear": 0.35}
    raise_: float = Field(alias="raise")
    clear: float


class AlertRule(Model):
    """A rule as its file has it."""

    example: ClassVar[Json | None] = RULE
    name: str
    about: str
    measure: str
    unit: str
    direction: Literal["above", "below"]
    thresholds: dict[Severity, Bounds]
    for_s: float
    clear_for_s: float
    at_least: int
    group: str
    escalation: str


class AlertRules(Model):
    """The rules in use, in their file's order."""

    example: ClassVar[Json | None] = {"items": [RULE]}
    items: list[AlertRule]


class SetSilence(Model):
    example: ClassVar[Json | None] = {"rule": "many_*", "for_s": 3_600, "reason": "A campaign began; we expect it."}
    rule: str = Field(min_length=1, max_length=64, description="A rule's name; `*` and `?` stand for any letters.")
    for_s: Annotated[float, Field(gt=0, le=2_592_000)] | None = Field(None, description="How long from now on.")
    until_ms: int | None = Field(None, description="Or until when.")
    reason: str = Field("", max_length=500)


class Silence(Model):
    """Nobody is told of alerts of these rules; they are still raised, and shown."""

    example: ClassVar[Json | None] = SILENCE
    silence_id: str
    rule: str
    until_ms: int
    by: str
    at_ms: int
    reason: str
    ended_by: str | None = None
    ended_at_ms: int | None = None


class Silences(Model):
    """Those that hold, the newest first."""

    example: ClassVar[Json | None] = {"items": [SILENCE]}
    items: list[Silence]


class Change(Model):
    """Somebody changed something."""

    example: ClassVar[Json | None] = CHANGE
    number: int = Field(description="Grows with every change.")
    at_ms: int
    by: str = Field(description="A user's id.")
    kind: str = Field(description="The kind of that user then.")
    action: str = Field(description="The operation's name in this document, such as `promote_model`.")
    subject: str = Field(description="The path that was asked.")
    detail: Json = Field(description="What was given, without secrets.")


class Changes(Model):
    """The audit log, the newest first."""

    example: ClassVar[Json | None] = {"items": [CHANGE], "more": False}
    items: list[Change]
    more: bool
