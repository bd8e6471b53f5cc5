"""What a group commit does to rewards: a pure function of the locked decisions (DESIGN's law 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from server.store.operations import RewardOp
from server.store.ports import RewardEvent
from server.store.prepare import check_unit_interval


@dataclass(frozen=True, slots=True)
class DecisionState:
    """A locked decision; ``reward`` is None until its parts say something. ``user``, ``segment``: whom it was for."""

    decision_id: str
    policy: str
    arm: str
    features: tuple[float, ...]
    parts: Mapping[str, float]
    reward: float | None
    user: str | None = None
    segment: str | None = None


@dataclass(slots=True)
class RewardPlan:
    """``events`` stand in the order of the operations, None where nothing changed. Their ``log_offset`` counts
    from 1 per policy within this plan; ``numbered`` moves them behind the log's end."""

    events: list[RewardEvent | None] = field(default_factory=list)
    changed: dict[str, DecisionState] = field(default_factory=dict)
    gains: dict[str, int] = field(default_factory=dict)

    def numbered(self, log_ends: Mapping[str, int]) -> list[RewardEvent | None]:
        """The events with their final ``log_offset``; ``log_ends`` are the policies' last ones before this plan."""
        return [
            None if event is None else replace(event, log_offset=log_ends[event.policy] + event.log_offset)
            for event in self.events
        ]


def plan_rewards(decisions: Mapping[str, DecisionState], operations: Sequence[RewardOp]) -> RewardPlan:
    """Merge each operation's parts into its decision, and log every change of a reward."""
    plan = RewardPlan()
    for operation in operations:
        decision_id = operation.found.decision_id
        decision = plan.changed.get(decision_id) or decisions.get(decision_id)
        plan.events.append(None if decision is None else _merge(plan, decision, operation))
    return plan


def _merge(plan: RewardPlan, decision: DecisionState, operation: RewardOp) -> RewardEvent | None:
    # Sorted by name: a sum of floats depends on its order, and the order of arrival must not matter.
    parts = dict(sorted({**decision.parts, **operation.found.parts}.items()))
    reward = operation.combine(parts)
    if reward is None:
        reward = decision.reward
    else:
        check_unit_interval("combined reward", reward)
    if parts != decision.parts or reward != decision.reward:
        plan.changed[decision.decision_id] = replace(decision, parts=parts, reward=reward)
    if reward is None or reward == decision.reward:
        return None
    log_offset = plan.gains[decision.policy] = plan.gains.get(decision.policy, 0) + 1
    return RewardEvent(
        policy=decision.policy,
        log_offset=log_offset,
        decision_id=decision.decision_id,
        arm=decision.arm,
        features=decision.features,
        reward=reward,
        previous=decision.reward,
        at_ms=operation.at_ms,
        user=decision.user,
        segment=decision.segment,
    )
