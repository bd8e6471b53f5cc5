"""Whether turns are traced. Without that nothing of OpenTelemetry is imported."""

from __future__ import annotations

import os

from server.settings import Settings
from server.telemetry.tracing import Tracing


def tracing_of(settings: Settings, worker: str) -> Tracing:
    """Raises ``StartupError`` for an exporter that there is not."""
    if not settings.traces:
        return Tracing()
    from server.tracing.provider import make_provider
    from server.tracing.traces import Traces

    return Traces(
        make_provider(worker, os.environ),
        database="postgresql" if settings.shares_database else "sqlite",
        provider_name=settings.language_writer,
        model_url=settings.language_url,
    )
