"""Wall-clock forgetting: what was learned a half-life ago counts half.

Forward decay (Cormode, Shkapenyuk, Srivastava, Xu 2009): an event decided at t weighs 2^((t − L) / half-life) with a
landmark L that all events share, so sums of weighted events depend on the set of events only, not on their order, and
those of several workers can be added. L moves in steps of the absolute clock, when an event of a later step arrives;
then every sum shrinks by one factor. Within a step only the ridge is out of proportion, by one per cent at most.
"""

from __future__ import annotations

import math

STEPS_PER_HALF_LIFE = 64
DAY_MS = 86_400_000.0


class Forgetting:
    """``half_life_days`` > 0, None: never forget. ``landmark_ms``: L as Unix time, 0 before the first event."""

    def __init__(self, half_life_days: float | None) -> None:
        self.landmark_ms = 0.0
        self._half_life_ms = math.inf if half_life_days is None else half_life_days * DAY_MS
        self._step_ms = self._half_life_ms / STEPS_PER_HALF_LIFE

    def advance(self, at_ms: float) -> float:
        """Move the landmark on to the step of ``at_ms``; the factor by which all that was learned shrinks."""
        if self._half_life_ms == math.inf:
            return 1.0
        landmark_ms = max(math.floor(at_ms / self._step_ms) * self._step_ms, self.landmark_ms)
        factor = self.between(self.landmark_ms, landmark_ms)
        self.landmark_ms = landmark_ms
        return factor

    def weight(self, at_ms: float) -> float:
        """Of an event decided at ``at_ms``, from 0 (long ago) to a little over 1 (in the landmark's step)."""
        return 1.0 if self._half_life_ms == math.inf else self.between(at_ms, self.landmark_ms)

    def between(self, earlier_ms: float, later_ms: float) -> float:
        """What counted 1 at ``earlier_ms`` counts at ``later_ms``; what has no time (0) does not age."""
        if earlier_ms == 0.0 or later_ms == 0.0:
            return 1.0
        return float(2.0 ** ((earlier_ms - later_ms) / self._half_life_ms))
