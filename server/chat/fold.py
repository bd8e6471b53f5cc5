"""One step of the fold: what a policy makes of an entry of its log (DESIGN's law 5). No I/O."""

from __future__ import annotations

from typing import Literal

import numpy as np
import structlog

from adapters.policies import Policy
from adapters.policies.base import MAX_NAME_CHARACTERS
from server.store.ports import RewardEvent

Skipped = Literal["arm", "features", "invalid"]
"""Why nothing can be learned from an event: the persona is gone, it has more features than are known here, or the
policy refuses it."""

_log = structlog.get_logger(__name__)


def learn(policy: Policy, event: RewardEvent) -> Skipped | None:
    """Let ``policy`` learn ``event``; None, or why it learned nothing.

    Features are only ever appended, so an older release's shorter context is this one's with zeros behind it. Time and
    propensity are the decision's, not the reward's: a late reward must not look like news.
    """
    if event.arm not in policy.arms:
        return "arm"
    missing = policy.dim - len(event.features)
    if missing < 0:
        return "features"
    x = np.pad(np.asarray(event.features, dtype=np.float64), (0, missing))
    try:
        policy.learn(
            event.arm,
            x,
            event.reward,
            event.previous,
            at_ms=event.decided_ms,
            propensity=event.propensity,
            user=known(event.user),
            segment=known(event.segment),
        )
    except ValueError as error:  # the log is what it is: one bad row must not stop the fold
        _log.warning("reward not learned", policy=event.policy, log_offset=event.log_offset, reason=str(error))
        return "invalid"
    return None


def known(name: str | None) -> str | None:
    """Tokens of other systems may name anybody; who has no name or one without end is nobody to a policy."""
    return name if name is not None and 0 < len(name) <= MAX_NAME_CHARACTERS else None
