"""The SDK as the standard environment sets it up: OTEL_* and nothing of our own (opentelemetry.io/docs/specs/otel)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from server import __version__
from server.errors import StartupError

PROTOCOLS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc", "http/json": "otlp_json_http"}


def make_provider(worker: str, environ: Mapping[str, str]) -> TracerProvider:
    """``worker`` becomes ``service.instance.id``. Sampler, batches and limits: the SDK reads them itself.

    Raises ``StartupError`` for an exporter that is not installed.
    """
    about: dict[str, str] = {"service.version": __version__, "service.instance.id": worker}
    if "OTEL_SERVICE_NAME" not in environ and "service.name=" not in environ.get("OTEL_RESOURCE_ATTRIBUTES", ""):
        about["service.name"] = "parlance"
    provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
    for name in filter(None, map(str.strip, environ.get("OTEL_TRACES_EXPORTER", "otlp").split(","))):
        if name != "none":
            provider.add_span_processor(BatchSpanProcessor(_exporter(name, environ)))
    return provider


def _exporter(name: str, environ: Mapping[str, str]) -> SpanExporter:
    if name == "otlp":
        general = environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
        protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", general)
        name = PROTOCOLS.get(protocol, protocol)
    for found in entry_points(group="opentelemetry_traces_exporter", name=name):
        exporter: SpanExporter = found.load()()
        return exporter
    raise StartupError(
        f"traces: no exporter {name!r} is installed.",
        "Set OTEL_TRACES_EXPORTER to otlp (and OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf), console or none, or "
        "install the package of that exporter.",
    )
