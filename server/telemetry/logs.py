"""Log lines (structlog), JSON or text.

They never carry what people wrote, nor secrets: values of ``UNSPOKEN`` keys are left out, tracebacks show no
local variables, and libraries, which know nothing of this, are heard from warnings upwards only.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

LogFormat = Literal["auto", "text", "json"]
UNSPOKEN: Final = frozenset(
    {
        "text",
        "last_text",
        "title",
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


def configure_logging(level: str, log_format: LogFormat, stream: TextIO | None = None) -> None:
    """Send the log lines of the process, its libraries included, to ``stream`` (standard error unless said otherwise);
    a later call replaces an earlier one.

    ``level``: "debug", "info", "warning" or "error". Each line carries the context variables bound by
    ``structlog.contextvars``: ``session`` on those of one connection, ``turn`` and ``channel`` on those of one turn.
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
        cache_logger_on_first_use=True,
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
