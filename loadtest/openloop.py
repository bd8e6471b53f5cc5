"""A steady load: messages start at fixed times whatever the answers do, so a slow server can't slow its measurement."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from loadtest.measure import percentiles
from parlance_client.encoding import EncodingName
from parlance_client.errors import ParlanceError

WARM_UP_S = 2.0


@dataclass(frozen=True, slots=True)
class Load:
    """``connections`` share ``rate_per_s`` messages evenly for ``seconds``.

    ``claimed``: an agent has claimed every conversation, so that no bot answers; what is written is understood for
    staff, in the background.
    """

    connections: int = 1_000
    rate_per_s: float = 100.0
    seconds: float = 20.0
    encoding: EncodingName = "json"
    claimed: bool = False


@dataclass(slots=True)
class Tally:
    """What one run saw. ``round_trips_ms``: message sent → its direct answer; ``cited``: the share of the bot's answers
    that name an article."""

    round_trips_ms: list[float] = field(default_factory=list)
    answers_ms: list[float] = field(default_factory=list)
    lags_ms: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    took_s: float = 0.0
    cpu_s: float | None = None
    cited: float | None = None

    def figures(self) -> dict[str, Any]:
        """Plain values, without the answers where there were none to wait for."""
        done = len(self.round_trips_ms)
        figures: dict[str, Any] = {
            "messages": done,
            "failures": len(self.failures),
            "achieved_per_s": round(done / self.took_s, 1) if self.took_s else 0.0,
            "round_trip_ms": percentiles(self.round_trips_ms),
            "generator_lag_ms": percentiles(self.lags_ms),
            "server_cpu_ms_per_message": round(self.cpu_s * 1e3 / done, 3) if self.cpu_s is not None and done else None,
        }
        if self.answers_ms:
            figures["answer_ms"] = percentiles(self.answers_ms)
        if self.cited is not None:
            figures["cited"] = round(self.cited, 3)
        if self.failures:
            figures["first_failure"] = self.failures[0]
        return figures


Turn = Callable[[int], Awaitable[None]]
"""Sends one message on connection ``number % connections`` and waits for what answers it."""


class Costed(Protocol):
    """A server whose processor time (seconds so far) may be known."""

    def cpu_s(self) -> float | None: ...


async def drive(server: Costed, load: Load, turn: Callable[[int, Tally], Awaitable[None]]) -> Tally:
    """Warm up, then measure ``turn`` at the load's rate."""
    warm_up = Tally()
    await _open_loop(int(WARM_UP_S * load.rate_per_s), load.rate_per_s, lambda number: turn(number, warm_up), warm_up)
    tally = Tally()
    cpu_s, started_s = server.cpu_s(), time.perf_counter()
    await _open_loop(int(load.seconds * load.rate_per_s), load.rate_per_s, lambda number: turn(number, tally), tally)
    tally.took_s, cpu_after_s = time.perf_counter() - started_s, server.cpu_s()
    tally.cpu_s = cpu_after_s - cpu_s if cpu_s is not None and cpu_after_s is not None else None
    return tally


async def _open_loop(count: int, rate_per_s: float, turn: Turn, tally: Tally) -> None:
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    async with asyncio.TaskGroup() as turns:
        for number in range(count):
            due_s = started_s + number / rate_per_s
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            tally.lags_ms.append(max(0.0, loop.time() - due_s) * 1e3)
            turns.create_task(_guarded(turn, number, tally))


async def _guarded(turn: Turn, number: int, tally: Tally) -> None:
    try:
        await turn(number)
    except (ParlanceError, TimeoutError) as failed:
        tally.failures.append(f"{type(failed).__name__}: {failed}")
