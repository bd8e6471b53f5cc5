"""Small tools that the benchmarks share: percentiles, timing two ways of doing one thing, tables."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Duel:
    """Nanoseconds per call of two ways, each the median of its rounds; ``ratio`` is peer / ours: above 1 ours won."""

    ours_ns: float
    peer_ns: float
    ratio: float

    @property
    def winner(self) -> str:
        """A difference within 5 % is called even: that is the noise of a quiet machine."""
        return "even" if abs(math.log(self.ratio)) < math.log(1.05) else ("ours" if self.ratio > 1 else "peer")


def duel(ours: Callable[[], object], peer: Callable[[], object], *, rounds: int = 15, round_s: float = 0.02) -> Duel:
    """Time both in turns, so that a disturbance of the machine meets both; the ratio is the median of the rounds'."""
    calls = max(1, int(round_s / max(_time(ours, 50), 1e-9)))
    _time(peer, 50)
    pairs = [(_time(ours, calls), _time(peer, calls)) for _ in range(rounds)]
    return Duel(
        ours_ns=statistics.median(pair[0] for pair in pairs) * 1e9,
        peer_ns=statistics.median(pair[1] for pair in pairs) * 1e9,
        ratio=statistics.median(pair[1] / pair[0] for pair in pairs),
    )


def _time(call: Callable[[], object], calls: int) -> float:
    """Seconds per call."""
    started = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - started) / calls


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank (no interpolation); NaN of nothing. ``share`` in [0, 1]."""
    if not values:
        return math.nan
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def percentiles(values: Sequence[float]) -> dict[str, float | None]:
    """p50, p95 and p99, rounded to three decimals (milliseconds to microseconds); None of nothing."""
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {name: round(percentile(values, share), 3) if values else None for name, share in shares.items()}


def print_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[object]], *, texts: int = 1) -> None:
    """A table on standard output; the first ``texts`` columns are texts, the others numbers."""
    table = Table()
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="left" if place < texts else "right")
    for row in rows:
        table.add_row(*(_shown(cell) for cell in row))
    terminal = Console()
    console = terminal if terminal.is_terminal else Console(width=160)  # a file has no width of its own
    console.print(title, style="bold", markup=False, highlight=False)
    console.print(table)


def _shown(cell: object) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.2f}"
    return str(cell)
