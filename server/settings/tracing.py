"""The setting of traces; part of ``server.settings.model.Settings``."""

from __future__ import annotations

from pydantic import BaseModel

from server.settings.types import setting


class TraceSettings(BaseModel):
    """Where they go is said by the OTEL_* environment (docs/traces.md)."""

    traces: bool = setting(
        False, "Traces of turns by OpenTelemetry, which needs the extra parlance[otel]; OTEL_* say where they go."
    )
