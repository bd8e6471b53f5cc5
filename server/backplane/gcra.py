"""GCRA, the generic cell rate algorithm (ITU-T I.371, "virtual scheduling"): a token bucket kept as one number.

That number is the theoretical arrival time: when the bucket is full again. It lies at most ``burst * every`` ahead.
``server.backplane.redis.limiter`` says the same in Lua; a test compares the two.
"""

from __future__ import annotations


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
