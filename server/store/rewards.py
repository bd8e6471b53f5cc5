"""What a group commit does to rewards: a pure function of the locked decisions (DESIGN's law 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from server.store.operations import ChangeOp, DefaultOp, RewardOp
from server.store.policy_ports import PolicyChange, Repeats
from server.store.ports import RewardEvent
from server.store.prepare import check_unit_interval


@dataclass(frozen=True, slots=True)
class DecisionState:
    """A locked decision; ``reward`` is None until its parts say something, ``log_offset`` is that of its last event."""

    decision_id: str
    policy: str
    arm: str
    features: tuple[float, ...]
    propensity: float
    decided_ms: int
    parts: Mapping[str, float]
    reward: float | None
    log_offset: int | None = None


@dataclass(slots=True)
class RewardPlan:
    """``events`` stand in the order of the operations, None where nothing changed; ``changes`` follow them in the log.

    What is appended by this plan counts from -1 downwards per policy; ``numbered`` moves it behind the log's end.
    """

    events: list[RewardEvent | None] = field(default_factory=list)
    changed: dict[str, DecisionState] = field(default_factory=dict)
    gains: dict[str, int] = field(default_factory=dict)
    changes: list[PolicyChange] = field(default_factory=list)

    def next_offset(self, policy: str) -> int:
        """Of one more entry."""
        count = self.gains[policy] = self.gains.get(policy, 0) + 1
        return -count

    def numbered(self, log_ends: Mapping[str, int]) -> NumberedPlan:
        """With final offsets; ``log_ends`` are the policies' last ones before this plan."""

        def final(policy: str, log_offset: int) -> int:
            return log_ends[policy] - log_offset if log_offset < 0 else log_offset

        def event_of(event: RewardEvent) -> RewardEvent:
            before = event.previous_offset
            return replace(
                event,
                log_offset=final(event.policy, event.log_offset),
                previous_offset=None if before is None else final(event.policy, before),
            )

        return NumberedPlan(
            [None if event is None else event_of(event) for event in self.events],
            [
                state if state.log_offset is None else replace(state, log_offset=final(state.policy, state.log_offset))
                for state in self.changed.values()
            ],
            [replace(change, log_offset=final(change.policy, change.log_offset)) for change in self.changes],
        )


@dataclass(frozen=True, slots=True)
class NumberedPlan:
    """What to write."""

    events: list[RewardEvent | None]
    decisions: list[DecisionState]
    changes: list[PolicyChange]


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


def plan_change(plan: RewardPlan, operation: ChangeOp) -> None:
    """Append a change behind whatever is there."""
    change = operation.change
    plan.changes.append(replace(change, log_offset=plan.next_offset(change.policy)))


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
        return {**known, **{name: min(1.0, known.get(name, 0.0) + value) for name, value in told.items()}}
    return {**known, **told}


def _log(plan: RewardPlan, decision: DecisionState, reward: float, at_ms: int) -> RewardEvent:
    """The event by which the decision's reward becomes ``reward``."""
    log_offset = plan.next_offset(decision.policy)
    plan.changed[decision.decision_id] = replace(decision, reward=reward, log_offset=log_offset)
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
        previous_offset=decision.log_offset,
    )
