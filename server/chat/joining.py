"""How rewards join the decision that they are about: how long it waits, and what it gets when nothing comes."""

from __future__ import annotations

from dataclasses import dataclass

from server.store.policy_ports import Repeats


@dataclass(frozen=True, slots=True)
class RewardJoin:
    """A decision waits ``window_ms`` (None: for ever) for its rewards. One that has none by then gets ``default``, in
    [0, 1], or is censored (None): nothing is learned from it. What comes later is late, and counts unless
    ``ignore_late``. ``repeats``: what becomes of a part that is told again.
    """

    window_ms: int | None = None
    default: float | None = None
    ignore_late: bool = False
    repeats: Repeats = "last"

    def is_late(self, decided_ms: int, now_ms: int) -> bool:
        """``decided_ms``: 0 where nobody knows; then it is not."""
        return self.window_ms is not None and decided_ms > 0 and now_ms - decided_ms > self.window_ms
