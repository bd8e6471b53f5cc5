"""How often something may happen: GCRA, the generic cell rate algorithm (ITU-T I.371, "virtual scheduling").

A token bucket kept as one number, the theoretical arrival time: when the bucket is full again. It lies at most
``burst * every`` ahead. ``server.backplane.redis.limiter`` says the same in Lua; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    """``burst`` actions at once, then one every ``every_ms``. ``name`` tells quotas apart."""

    name: str
    burst: int
    every_ms: float

    def __post_init__(self) -> None:
        if self.burst < 1 or not self.every_ms > 0:
            raise ValueError(
                f"Quota {self.name!r} has burst {self.burst} and every_ms {self.every_ms}: use a burst of at least 1 "
                "and an every_ms above 0."
            )

    @classmethod
    def per_second(cls, name: str, rate: float, burst: int) -> Quota:
        """``rate`` actions a second in the long run."""
        return cls(name, burst, 1_000 / rate)

    @classmethod
    def per_minute(cls, name: str, rate: float, burst: int) -> Quota:
        """``rate`` actions a minute in the long run."""
        return cls(name, burst, 60_000 / rate)


def gcra(full_at: float, now: float, *, burst: int, every: float, cost: int) -> tuple[float, float]:
    """Charge ``cost`` actions at the time ``now``; all times in one unit.

    ``full_at`` is what the previous charge returned, or any time up to ``now`` at first. Returns the new ``full_at``
    and how long to wait: 0 when the charge was made. A cost above the burst counts as the whole burst. A ``full_at``
    further ahead than a full debt (the clock was set back) counts as one.

    Law: any window of length ``w`` sees at most ``burst + w / every`` actions charged.
    """
    debt_at = min(max(full_at, now), now + burst * every)
    charged_at = debt_at + min(cost, burst) * every
    wait = charged_at - burst * every - now
    return (debt_at, wait) if wait > 0 else (charged_at, 0.0)
