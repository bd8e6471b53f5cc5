"""Every policy, in the configurations that the contract must hold for."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from adapters.policies import Policy, make_policy

ARMS = ("warm", "professional", "concise", "playful")
DIM = 3
TRAITS = {"warm": (0.9, 0.2), "professional": (0.1, 0.8), "playful": (0.8, 0.1)}


@dataclass(frozen=True)
class Case:
    """``floor``: what the policy promises with these parameters."""

    name: str
    floor: float
    parameters: dict[str, object] = field(default_factory=dict)

    def make(self, arms: tuple[str, ...] = ARMS, dim: int = DIM, seed: int = 0) -> Policy:
        return make_policy(self.name, arms=arms, dim=dim, seed=seed, **self.parameters)

    @property
    def detects(self) -> bool:
        """What was learned depends on the order of the log."""
        return bool(self.parameters.get("detect_changes"))

    @property
    def forgets(self) -> bool:
        return self.parameters.get("half_life_days") is not None

    @property
    def is_constant(self) -> bool:
        return self.name in ("uniform", "fixed", "round_robin")

    @property
    def shares(self) -> bool:
        """Arms learn from each other."""
        return self.name == "hybrid"

    def __str__(self) -> str:
        return "-".join([self.name, *(f"{key}={value}" for key, value in self.parameters.items())])


CASES = (
    Case("linucb", 0.01),
    Case("linucb", 0.0, {"floor": 0.0, "alpha": 0.0}),
    Case("linucb", 0.05, {"floor": 0.05, "epsilon": 0.2, "alpha": 2.0, "ridge": 0.1}),
    Case("linucb", 0.1, {"floor": 0.1, "half_life_days": 2.0}),
    Case("linucb", 0.01, {"half_life_days": 2.0, "detect_changes": True}),
    Case("lints", 0.01),
    Case("lints", 0.0, {"floor": 0.0, "alpha": 1.0, "half_life_days": 2.0}),
    Case("hybrid", 0.01, {"traits": TRAITS}),
    Case("hybrid", 0.0, {"floor": 0.0, "half_life_days": 2.0, "sharing": 0.9}),
    Case("personal", 0.01, {"traits": TRAITS}),
    Case("personal", 0.0, {"floor": 0.0, "half_life_days": 2.0, "users": 2.0}),
    Case("squarecb", 0.01),
    Case("squarecb", 0.0, {"floor": 0.0, "gamma": 100.0, "half_life_days": 2.0}),
    Case("epsilon_greedy", 0.01),
    Case("epsilon_greedy", 0.0, {"floor": 0.0, "epsilon": 0.0, "half_life_days": 2.0, "detect_changes": True}),
    Case("ucb1", 0.01),
    Case("ucb1", 0.0, {"floor": 0.0, "half_life_days": 2.0}),
    Case("thompson", 0.01),
    Case("thompson", 0.0, {"floor": 0.0, "half_life_days": 2.0}),
    Case("thompson", 0.01, {"likelihood": "gaussian", "noise": 0.2}),
    Case("exp3", 0.01),
    Case("exp3", 0.05, {"floor": 0.05, "rate": 3.0, "half_life_days": 2.0}),
    Case("round_robin", 0.0),
    Case("round_robin", 0.1, {"floor": 0.1}),
    Case("uniform", 0.25),
    Case("fixed", 0.0),
    Case("fixed", 0.1, {"arm": "concise", "floor": 0.1}),
)
every_policy = pytest.mark.parametrize("case", CASES, ids=str)
every_learner = pytest.mark.parametrize("case", [case for case in CASES if not case.is_constant], ids=str)
