"""What the process says about itself: log lines (structlog) and Prometheus metrics.

Log lines never carry what people wrote, nor secrets: values of ``UNSPOKEN`` keys are left out, tracebacks show no
local variables, and libraries, which know nothing of this, are heard from warnings upwards only.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal, Protocol, TextIO

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client import disable_created_metrics as _disable_created_metrics
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from structlog.typing import EventDict, Processor, WrappedLogger

if TYPE_CHECKING:
    from inference.engine import EngineStats

LogFormat = Literal["auto", "text", "json"]
UNSPOKEN: Final = frozenset(
    {
        "text",
        "body",
        "data",
        "comment",
        "token",
        "secret",
        "password",
        "authorization",
        "cookie",
        "api_key",
        "redis_url",
        "database_url",
    }
)
LEFT_OUT = "[left out]"
# uvicorn is not among them: it writes the URL of every connection, with whatever a client puts into it.
OWN_LOGGERS = ("server", "adapters", "inference")

# Upper bounds around the targets: a turn's p50 8 ms and p99 30 ms, an analysis 2 ms, a decision 20 µs.
TURN_MS = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100, 200, 500, 1_000, 2_000, 5_000)
ANALYSIS_MS = (0.1, 0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 20, 50, 100, 200, 500, 1_000)
DECIDE_US = (5, 10, 20, 30, 50, 75, 100, 200, 500, 1_000, 5_000)


def configure_logging(level: str, log_format: LogFormat, stream: TextIO | None = None) -> None:
    """Send the log lines of the process, its libraries included, to ``stream`` (standard error unless said otherwise);
    a later call replaces an earlier one.

    ``level``: "debug", "info", "warning" or "error". Each line carries the context variables bound by
    ``structlog.contextvars`` (such as ``session``), so the lines of one connection can be found together.
    """
    stream = stream or sys.stderr
    as_text = log_format == "text" or (log_format == "auto" and stream.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="%H:%M:%S.%f" if as_text else "iso", utc=not as_text),
        structlog.processors.StackInfoRenderer(),
        _leave_out,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),  # a line below the level costs next to nothing
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    renderers = _text_renderers(stream.isatty()) if as_text else _json_renderers()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    _route(level.upper(), handler)


def _route(level: str, handler: logging.Handler) -> None:
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.WARNING, logging.getLevelName(level)))
    for name in OWN_LOGGERS:
        logging.getLogger(name).setLevel(level)


def _text_renderers(colors: bool) -> Sequence[Processor]:
    # The default formatter prints local variables, which hold people's texts.
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]


def _json_renderers() -> Sequence[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(default=repr)]


def _leave_out(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:  # noqa: ARG001
    for key in UNSPOKEN & event.keys():
        event[key] = LEFT_OUT
    return event


class Metrics:
    """The process's Prometheus metrics, on a registry of their own. Names carry their unit; one call costs about 1 µs.

    Counters only grow; a metric of the whole cluster is the sum over its processes.
    """

    def __init__(self) -> None:
        _disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per metric that nobody reads
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.connections = self._gauge("connections", "Open WebSocket connections.")
        self.frames_in = self._counter("frames_in", "Frames received from clients.")
        self.frames_out = self._counter("frames_out", "Frames written to clients.")
        self.deliveries = self._counter("deliveries", "Frames of a channel handed to its subscribers.")
        self.outbox_drops = self._counter("outbox_drops", "Frames dropped because their reader was too slow.")
        self.messages = self._counter("messages", "Messages stored, by whomever.")
        self.commits = self._counter("commits", "Transactions that stored messages.")
        self.commit_rows = self._counter("commit_rows", "Rows stored by them; divided by commits: the group's size.")
        self.turns = self._counter("turns", "Customer messages answered by the bot.")
        self.turn_ms = self._histogram("turn_ms", "Start of a turn to its answer's commit, in milliseconds.", TURN_MS)
        self.analysis_ms = self._histogram("analysis_ms", "Understanding one text, in milliseconds.", ANALYSIS_MS)
        self.decide_us = self._histogram("decide_us", "Choosing a persona, in microseconds.", DECIDE_US)
        self.rewards = self._counter("rewards", "Reward events learned by the policy.")
        self.errors = Counter(
            "parlance_errors", "Error frames sent, by code (PROTOCOL section 8).", ["code"], registry=self.registry
        )
        self._errors_by_code: dict[int, Counter] = {}

    def error(self, code: int) -> None:
        """Count an error frame of ``code``."""
        counter = self._errors_by_code.get(code)
        if counter is None:
            counter = self._errors_by_code[code] = self.errors.labels(str(code))
        counter.inc()

    def turn(self, *, total_ms: float, analysis_ms: float, decide_us: float | None = None) -> None:
        """Count an answered turn and what it took."""
        self.turns.inc()
        self.turn_ms.observe(total_ms)
        self.analysis_ms.observe(analysis_ms)
        if decide_us is not None:
            self.decide_us.observe(decide_us)

    def commit(self, rows: int) -> None:
        """Count a transaction that stored ``rows`` rows."""
        self.commits.inc()
        self.commit_rows.inc(rows)

    def watch_engine(self, engine: Understanding) -> None:
        """Show the engine's own counts, read when somebody asks for the metrics."""
        self.registry.register(_EngineCollector(engine))

    def render(self) -> bytes:
        """Everything in the Prometheus text format 0.0.4."""
        return generate_latest(self.registry)

    def _counter(self, name: str, meaning: str) -> Counter:
        return Counter(f"parlance_{name}", meaning, registry=self.registry)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(f"parlance_{name}", meaning, registry=self.registry)

    def _histogram(self, name: str, meaning: str, bounds: Sequence[float]) -> Histogram:
        return Histogram(f"parlance_{name}", meaning, registry=self.registry, buckets=tuple(bounds))


class Understanding(Protocol):
    """What can say how much it has understood."""

    def stats(self) -> EngineStats: ...


class _EngineCollector(Collector):
    def __init__(self, engine: Understanding) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        stats = self._engine.stats()
        for name, meaning, value in (
            ("analyses", "Texts that went through the model.", stats.analysed),
            ("analysis_batches", "Runs of the model; analyses divided by these: texts per run.", stats.batches),
            ("analysis_cache_hits", "Texts whose analysis was in the cache.", stats.cache_hits),
            ("analysis_cache_misses", "Texts whose analysis was not in the cache.", stats.cache_misses),
        ):
            yield CounterMetricFamily(f"parlance_{name}", meaning, value=value)
        waiting = "Texts that wait for the model now."
        yield GaugeMetricFamily("parlance_analysis_waiting", waiting, value=stats.waiting)
        ratio = "Share of texts since the start whose analysis was in the cache."
        yield GaugeMetricFamily("parlance_analysis_cache_hit_ratio", ratio, value=stats.hit_rate)
        entries = "Analyses in the cache now."
        yield GaugeMetricFamily("parlance_analysis_cache_entries", entries, value=stats.cache_entries)
