"""What one of several processes does to a deployment; light to import."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from inference.registry import deployment as states
from inference.registry.state import State


def promote_many(folder: Path, who: str, times: int) -> int:
    """``times`` promotions, each of a name of its own."""
    state = State(folder, now_ms=lambda: 0, lock_timeout_s=60.0)
    for number in range(times):
        name = f"{who}-{number}"
        state.change(partial(states.promote, version=name), action=f"promote {name}", forced=())
    return times
