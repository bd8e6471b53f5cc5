"""When to stop asking a server that fails, and when to try it again (pure; the clock is an argument).

The circuit breaker of M. Nygard, "Release It!" (2007): closed while all is well; open after ``failures`` in a row, when
nobody asks; after ``open_ms`` one request may try (half open), whose fate decides. Each further failure in a row
doubles the pause, up to ``max_open_ms``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

State = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """``failures`` ≥ 1 in a row open it, for ``open_ms`` at first."""

    failures: int = 5
    open_ms: float = 10_000.0
    max_open_ms: float = 120_000.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """One state; every method gives the next. Times are monotonic milliseconds."""

    rule: BreakerRule
    failed: int = 0
    pause_ms: float = 0.0
    until_ms: float = 0.0
    trying: bool = False

    def state(self, now_ms: float) -> State:
        """As it is at ``now_ms``."""
        if self.pause_ms == 0:
            return "closed"
        return "half_open" if self.trying or now_ms >= self.until_ms else "open"

    def ask(self, now_ms: float) -> tuple[Breaker, bool]:
        """Whether a request may go out now. One that may must be followed by one of the three below."""
        if self.pause_ms == 0:
            return self, True
        if self.trying or now_ms < self.until_ms:
            return self, False
        return replace(self, trying=True), True

    def succeeded(self) -> Breaker:
        """A request did what it should: closed."""
        return Breaker(self.rule)

    def failed_at(self, now_ms: float, *, at_least_ms: float = 0.0) -> Breaker:
        """A request failed. ``at_least_ms``: how long the server wants to be left alone, within ``max_open_ms``."""
        failed = self.failed + 1
        is_first = self.pause_ms == 0
        if is_first and failed < self.rule.failures:
            return replace(self, failed=failed)
        if not is_first and not self.trying:  # one that was under way when it opened tells nothing new
            return replace(self, failed=failed)
        pause_ms = self.rule.open_ms if is_first else self.pause_ms * 2
        pause_ms = min(max(pause_ms, at_least_ms), self.rule.max_open_ms)
        return replace(self, failed=failed, pause_ms=pause_ms, until_ms=now_ms + pause_ms, trying=False)

    def given_up(self) -> Breaker:
        """A request was cancelled: it says nothing about the server."""
        return replace(self, trying=False)
