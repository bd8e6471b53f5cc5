"""What a group commit does to rewards: a pure function of the locked decisions (DESIGN's law 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adapters.rewards import CREDIT
from server.store.operations import DefaultOp, RewardOp
from server.store.policy_ports import Repeats
from server.store.ports import RewardEvent
from server.store.prepare import check_unit_interval


@dataclass(frozen=True, slots=True)
class DecisionState:
    """A locked decision; ``reward`` is None until its parts say something. ``user``, ``segment``: whom it was for."""

    decision_id: str
    policy: str
    arm: str
    features: tuple[float, ...]
    propensity: float
    decided_ms: int
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


def plan_defaults(plan: RewardPlan, decisions: Iterable[DecisionState], operation: DefaultOp) -> int:
    """Add to ``plan`` the reward of ``operation`` for those of ``decisions`` that have none by then. How many."""
    before = len(plan.events)
    for found in decisions:
        decision = plan.changed.get(found.decision_id, found)
        if decision.reward is None:
            plan.events.append(_log(plan, decision, operation.reward, operation.at_ms))
    return len(plan.events) - before


def _merge(plan: RewardPlan, decision: DecisionState, operation: RewardOp) -> RewardEvent | None:
    # Sorted by name: a sum of floats depends on its order, and the order of arrival must not matter.
    parts = dict(sorted(_joined(decision.parts, operation.found.parts, operation.repeats).items()))
    reward = operation.combine(parts)
    if reward is None:
        reward = decision.reward
    else:
        check_unit_interval("combined reward", reward)
    merged = replace(decision, parts=parts)
    if parts != decision.parts:
        plan.changed[decision.decision_id] = merged
    if reward is None or reward == decision.reward:
        return None
    return _log(plan, merged, reward, operation.at_ms)


def _joined(known: Mapping[str, float], told: Mapping[str, float], repeats: Repeats) -> dict[str, float]:
    if repeats == "first":
        return {**told, **known}
    if repeats == "sum":
        sums = {name: min(1.0, known.get(name, 0.0) + value) for name, value in told.items()}
        return {**known, **sums, **{name: told[name] for name in (CREDIT,) if name in told}}  # a share, and no part
    return {**known, **told}


def _log(plan: RewardPlan, decision: DecisionState, reward: float, at_ms: int) -> RewardEvent:
    """The event by which the decision's reward becomes ``reward``."""
    plan.changed[decision.decision_id] = replace(decision, reward=reward)
    log_offset = plan.gains[decision.policy] = plan.gains.get(decision.policy, 0) + 1
    return RewardEvent(
        policy=decision.policy,
        log_offset=log_offset,
        decision_id=decision.decision_id,
        arm=decision.arm,
        features=decision.features,
        reward=reward,
        previous=decision.reward,
        at_ms=at_ms,
        decided_ms=decision.decided_ms,
        propensity=decision.propensity,
        user=decision.user,
        segment=decision.segment,
    )
