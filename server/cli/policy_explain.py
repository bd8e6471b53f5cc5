"""What ``parlance policy explain`` does: the policy as it was at a decision, asked why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from adapters.features import FEATURE_NAMES
from adapters.policies import ArmExplanation, Decision, in_words
from server.cli.policy_log import PolicyLog, fitted, fold
from server.errors import NotFound
from server.store.decision_ports import LoggedDecision

SAME = 1e-6
"""Probabilities that differ by less are the same: sums in another order differ by less than that."""


@dataclass(frozen=True, slots=True)
class Explained:
    """``arms``: of the policy as replayed to the decision's version. ``apart``: the largest difference between logged
    and replayed probabilities; above ``SAME`` the policy has been set up anew since."""

    decision: LoggedDecision
    arms: tuple[ArmExplanation, ...]
    apart: float
    words: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        made = self.decision
        logged = dict(zip(made.arms, made.probabilities, strict=True))
        return {
            "decision_id": made.decision_id,
            "policy": made.policy,
            "version": made.version,
            "at_ms": made.at_ms,
            "arm": made.arm,
            "propensity": made.propensity,
            "reward": made.reward,
            "words": self.words,
            "replayed_exactly": self.apart <= SAME,
            "largest_difference": self.apart,
            "arms": [
                {
                    "arm": arm.arm,
                    "probability": logged.get(arm.arm, 0.0),
                    "replayed_probability": arm.probability,
                    "score": arm.score,
                    "exploit": arm.exploit,
                    "explore": arm.explore,
                    "features": dict(arm.features),
                }
                for arm in self.arms
            ],
        }


def explain(log: PolicyLog, decision_id: str) -> Explained:
    """Fold the reward log up to the decision's version and ask for its context. ``NotFound``: no such decision, or
    nobody there any more to ask about."""
    decision = log.decision(decision_id)
    log.name = decision.policy
    policy = log.policy(log.algorithm, {})
    if decision.arm not in policy.arms:
        raise NotFound(f"{decision.arm!r} is no persona any more, so nothing is left to explain.")
    fold(policy, log.events(decision.version))
    logged = dict(zip(decision.arms, decision.probabilities, strict=True))
    open_arms = [arm for arm in policy.arms if logged.get(arm, 0.0) > 0.0]
    allowed = None if len(open_arms) == len(policy.arms) else open_arms
    arms = policy.explain(fitted(decision.features, policy.dim), FEATURE_NAMES, allowed)
    apart = max(
        *(abs(arm.probability - logged.get(arm.arm, 0.0)) for arm in arms),
        *(logged[arm] for arm in decision.arms if arm not in policy.arms),
        0.0,
    )
    chances = np.array([logged.get(arm, 0.0) for arm in policy.arms])
    drawn = Decision(decision.arm, decision.propensity, chances, decision.version)
    return Explained(decision, arms, apart, _words(drawn, arms, apart))


def _words(drawn: Decision, arms: Sequence[ArmExplanation], apart: float) -> str:
    said = in_words(drawn, arms)
    if apart > SAME:
        said += (
            f" Replayed with today's settings and personas the chances differ by up to {apart:.3g}: these are today's"
            " reasons, not quite those of then."
        )
    return said
