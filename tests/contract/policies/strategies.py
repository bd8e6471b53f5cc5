"""Contexts, rewards and reward logs for properties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from adapters.policies import Observation, Policy
from adapters.policies.forgetting import DAY_MS
from tests.contract.policies.cases import ARMS, DIM

Vector = NDArray[np.float64]
Event = Observation

# For every policy's every configuration, so few examples each; and how long one takes is never a failure.
law = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])

FIRST_MS = 1_790_000_000_000.0

numbers = st.floats(-1.0, 1.0, allow_subnormal=False)
rewards = st.floats(0.0, 1.0, allow_subnormal=False)
contexts = st.lists(numbers, min_size=DIM, max_size=DIM).map(np.array)
times = st.floats(FIRST_MS, FIRST_MS + 10 * DAY_MS)
propensities = st.floats(0.01, 1.0)


def _event(arm: str, x: Vector, reward: float, at_ms: float, propensity: float) -> Event:
    return Event(arm, x, reward, at_ms=at_ms, propensity=propensity)


events = st.builds(_event, st.sampled_from(ARMS), contexts, rewards, times, propensities)
logs = st.lists(events, max_size=12)


def fold(policy: Policy, log: Sequence[Event]) -> Policy:
    for event in log:
        policy.learn(event.arm, event.x, event.reward, event.previous, at_ms=event.at_ms, propensity=event.propensity)
    return policy


def scores(policy: Policy, x: Vector) -> list[float]:
    return [number for e in policy.explain(x) for number in (e.exploit, e.explore)]
