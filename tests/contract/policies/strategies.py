"""Contexts, rewards and reward logs for properties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from adapters.policies import Policy
from tests.contract.policies.cases import ARMS, DIM

Vector = NDArray[np.float64]

# For every policy's every configuration, so fewer examples each; and how long one takes is never a failure.
law = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

numbers = st.floats(-1.0, 1.0, allow_subnormal=False)
rewards = st.floats(0.0, 1.0, allow_subnormal=False)
contexts = st.lists(numbers, min_size=DIM, max_size=DIM).map(np.array)


@dataclass(frozen=True)
class Event:
    arm: str
    x: Vector
    reward: float
    previous: float | None = None


events = st.builds(Event, st.sampled_from(ARMS), contexts, rewards)
logs = st.lists(events, max_size=30)


def fold(policy: Policy, log: list[Event]) -> Policy:
    for event in log:
        policy.learn(event.arm, event.x, event.reward, event.previous)
    return policy
