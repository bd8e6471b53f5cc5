"""Clocks as arguments (DESIGN's law 6).

``mono_ms`` never goes back and is for time-outs; ``now_ms`` is the wall clock and is for stamps and expiry only.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Protocol


class Clock(Protocol):
    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch; may jump."""

    def mono_ms(self) -> float:
        """Milliseconds since some start; never goes back."""


class SystemClock:
    """The machine's own clocks."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def mono_ms(self) -> float:
        return time.monotonic() * 1_000.0


@dataclass(slots=True)
class ManualClock:
    """A clock that moves when told to: replays, simulations and tests."""

    wall_ms: int = 1_700_000_000_000
    monotonic_ms: float = field(default=0.0)

    def now_ms(self) -> int:
        return self.wall_ms

    def mono_ms(self) -> float:
        return self.monotonic_ms

    def advance(self, ms: float) -> None:
        """Let ``ms`` milliseconds pass on both clocks."""
        self.wall_ms += int(ms)
        self.monotonic_ms += ms
