"""Every policy, in the configurations that the contract must hold for."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from adapters.policies import Policy, make_policy

ARMS = ("warm", "professional", "concise", "playful")
DIM = 3


@dataclass(frozen=True)
class Case:
    """``floor``: what the policy promises with these parameters."""

    name: str
    floor: float
    parameters: dict[str, object] = field(default_factory=dict)

    def make(self, arms: tuple[str, ...] = ARMS, dim: int = DIM, seed: int = 0) -> Policy:
        return make_policy(self.name, arms=arms, dim=dim, seed=seed, **self.parameters)

    def __str__(self) -> str:
        return "-".join([self.name, *(f"{key}={value}" for key, value in self.parameters.items())])


CASES = (
    Case("linucb", 0.01),
    Case("linucb", 0.0, {"floor": 0.0}),
    Case("linucb", 0.05, {"floor": 0.05, "epsilon": 0.2, "alpha": 2.0, "ridge": 0.1}),
    Case("linucb", 0.25, {"floor": 0.25}),
    Case("uniform", 0.25),
    Case("fixed", 0.0),
    Case("fixed", 0.1, {"arm": "concise", "floor": 0.1}),
)
every_policy = pytest.mark.parametrize("case", CASES, ids=str)
