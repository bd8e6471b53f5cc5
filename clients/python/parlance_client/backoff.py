"""How long to stay away.

Full jitter: drawn evenly from [0, min(cap, base · 2^attempt)]. Of the variants that M. Brooker compares ("Exponential
Backoff And Jitter", AWS Architecture Blog, 2015) it spreads a crowd of returning clients best.
"""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """``stable_s``: a connection that was up for so long counts as good, and the delays start over."""

    base_s: float = 0.5
    cap_s: float = 15.0
    stable_s: float = 5.0

    def delay_s(self, attempt: int, rng: random.Random) -> float:
        """``attempt``: how many have failed in a row, from 0."""
        return rng.random() * float(min(self.cap_s, self.base_s * 2 ** min(attempt, 30)))
