"""The metrics' values as plain numbers, for whoever adds them up (``server.chat.rollup``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

# Upper bounds around the targets: a turn's p50 8 ms and p99 30 ms, an analysis 2 ms.
TURN_S = (
    *(0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008, 0.01, 0.015, 0.02, 0.03, 0.05),
    *(0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
)
ANALYSIS_S = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.006, 0.008, 0.012, 0.02),
    *(0.05, 0.1, 0.2, 0.5, 1.0),
)


@dataclass(frozen=True, slots=True)
class Totals:
    """What has been counted since the start; ``connections`` is now.

    ``turn_counts`` and ``analysis_counts``: observations per bucket of ``TURN_S`` and ``ANALYSIS_S`` (not cumulative),
    the last one above the last bound. ``decisions``: answers by persona.
    """

    connections: int = 0
    messages: int = 0
    turns: int = 0
    deliveries: int = 0
    outbox_drops: int = 0
    errors: int = 0
    handoffs: int = 0
    sentiment_sum: float = 0.0
    sentiment_count: int = 0
    turn_counts: tuple[int, ...] = (0,) * (len(TURN_S) + 1)
    analysis_counts: tuple[int, ...] = (0,) * (len(ANALYSIS_S) + 1)
    decisions: Mapping[str, int] = field(default_factory=dict)
    apologies: int = 0
