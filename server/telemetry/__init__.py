"""What the process says about itself: log lines and Prometheus metrics (docs/metrics.md)."""

from server.telemetry.logs import LEFT_OUT, OWN_LOGGERS, UNSPOKEN, LogFormat, configure_logging
from server.telemetry.metrics import Metrics
from server.telemetry.process import Usage, process_usage
from server.telemetry.totals import ANALYSIS_S, TURN_S, Totals

__all__ = [
    "ANALYSIS_S",
    "LEFT_OUT",
    "OWN_LOGGERS",
    "TURN_S",
    "UNSPOKEN",
    "LogFormat",
    "Metrics",
    "Totals",
    "Usage",
    "configure_logging",
    "process_usage",
]
