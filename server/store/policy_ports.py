"""What is kept of a policy beside its rewards.

Part of ``ports.Store``, whose text says what holds for every method.
"""

from __future__ import annotations

from typing import Literal, Protocol

Repeats = Literal["last", "first", "sum"]
"""What becomes of a part of a reward that is told again: the later value, the first, or all added up, at most 1."""


class PolicyStore(Protocol):
    """What ``ports.Store`` promises of policies."""

    async def default_rewards(self, policy: str, reward: float, before_ms: int, at_ms: int, limit: int) -> int:
        """Give ``reward``, in [0, 1], to decisions of ``policy`` that were taken before ``before_ms`` and have none: an
        event each, at most ``limit``, the oldest first. How many; rows that another worker holds are its to reward."""
