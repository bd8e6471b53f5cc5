"""What ``parlance policy replay`` does: the reward log folded anew, and what its personas earned over time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.policies import Policy
from server.cli.policy_log import fold
from server.store.ports import RewardEvent

PERIODS = 6
"""Columns of the table: as many as a terminal has room for."""


@dataclass(frozen=True, slots=True)
class Cell:
    """``decisions`` with a reward, and its mean; None where there are none."""

    decisions: int
    mean: float | None


@dataclass(frozen=True, slots=True)
class Replayed:
    """``version``: of the last event folded. ``digest``: SHA-256 of the state; the same wherever the same log was
    folded by the same policy. ``passed_over``: events of arms that are gone. ``edges_ms``: of the periods, one more
    than there are. ``arms``: per arm its cell in each period; the first event of a decision says which. ``total``:
    over all."""

    policy: str
    version: int
    digest: str
    events: int
    passed_over: int
    edges_ms: tuple[int, ...]
    arms: dict[str, tuple[Cell, ...]]
    total: dict[str, Cell]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "policy": self.policy,
            "version": self.version,
            "state_sha256": self.digest,
            "events": self.events,
            "events_of_arms_gone": self.passed_over,
            "period_edges_ms": list(self.edges_ms),
            "arms": {
                arm: {
                    "decisions": self.total[arm].decisions,
                    "mean_reward": self.total[arm].mean,
                    "periods": [{"decisions": cell.decisions, "mean_reward": cell.mean} for cell in cells],
                }
                for arm, cells in self.arms.items()
            },
        }


def replay(policy: Policy, events: Sequence[RewardEvent]) -> Replayed:
    """Fold ``events`` into ``policy``, and count them."""
    passed = fold(policy, events)
    first: dict[str, int] = {}
    last: dict[str, RewardEvent] = {}
    for event in events:
        first.setdefault(event.decision_id, event.at_ms)
        last[event.decision_id] = event
    edges = _edges(list(first.values()))
    placed: dict[str, list[tuple[int, float]]] = {arm: [] for arm in policy.arms}
    for decision, event in last.items():
        placed.setdefault(event.arm, []).append((_place(first[decision], edges), event.reward))
    return Replayed(
        policy=policy.name,
        version=events[-1].log_offset if events else 0,
        digest=hashlib.sha256(policy.state()).hexdigest(),
        events=len(events),
        passed_over=passed,
        edges_ms=edges,
        arms={arm: _cells(own) for arm, own in placed.items()},
        total={arm: _cell([reward for _, reward in own]) for arm, own in placed.items()},
    )


def _edges(times_ms: Sequence[int]) -> tuple[int, ...]:
    if not times_ms:
        return ()
    start, end = min(times_ms), max(times_ms) + 1
    return tuple(start + (end - start) * step // PERIODS for step in range(PERIODS + 1))


def _place(at_ms: int, edges: Sequence[int]) -> int:
    return min(PERIODS - 1, (at_ms - edges[0]) * PERIODS // (edges[-1] - edges[0]))


def _cells(placed: Sequence[tuple[int, float]]) -> tuple[Cell, ...]:
    return tuple(_cell([reward for place, reward in placed if place == period]) for period in range(PERIODS))


def _cell(rewards: Sequence[float]) -> Cell:
    return Cell(len(rewards), sum(rewards) / len(rewards) if rewards else None)
