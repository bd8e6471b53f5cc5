"""Bandit policies, one algorithm a file, made by name: ``make_policy("linucb", arms=("a", "b"), dim=32, seed=0)``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence

from adapters.names import suggestion
from adapters.policies.contract import ArmExplanation, Decision, Observation, Policy
from adapters.policies.epsilon_greedy import EpsilonGreedy
from adapters.policies.exp3 import EXP3
from adapters.policies.fixed import Fixed
from adapters.policies.hybrid import HybridLinUCB
from adapters.policies.learner import DEFAULTS
from adapters.policies.lints import LinTS
from adapters.policies.linucb import LinUCB
from adapters.policies.personal import Personal
from adapters.policies.round_robin import RoundRobin
from adapters.policies.squarecb import SquareCB
from adapters.policies.thompson import Thompson
from adapters.policies.ucb1 import UCB1
from adapters.policies.uniform import Uniform
from adapters.policies.words import in_words

__all__ = [
    "POLICY_NAMES",
    "ArmExplanation",
    "Decision",
    "Observation",
    "Policy",
    "in_words",
    "make_policy",
    "parameters_of",
]

_POLICIES: dict[str, Callable[..., Policy]] = {
    "linucb": LinUCB,
    "lints": LinTS,
    "hybrid": HybridLinUCB,
    "personal": Personal,
    "squarecb": SquareCB,
    "epsilon_greedy": EpsilonGreedy,
    "ucb1": UCB1,
    "thompson": Thompson,
    "exp3": EXP3,
    "round_robin": RoundRobin,
    "uniform": Uniform,
    "fixed": Fixed,
}
POLICY_NAMES: tuple[str, ...] = tuple(_POLICIES)


def make_policy(name: str, arms: Sequence[str], dim: int, seed: int, **parameters: object) -> Policy:
    """A policy that has learned nothing yet.

    ``arms``: distinct names. ``dim``: length of the contexts. ``seed`` ≥ 0: of this worker's draws; give every worker
    its own. ``parameters``: the algorithm's (see its class). ``ValueError`` names what is unknown or out of range.
    """
    known = parameters_of(name)
    for parameter in parameters:
        if parameter not in known:
            raise ValueError(f"policy {name!r} has no parameter {parameter!r}. {suggestion(parameter, known)}")
    return _POLICIES[name](arms, dim, seed, **parameters)


def parameters_of(name: str) -> dict[str, object]:
    """The parameters of a policy with their defaults, those of its own first. ``ValueError`` names the nearest policy
    to an unknown one."""
    if name not in _POLICIES:
        raise ValueError(f"there is no policy {name!r}. {suggestion(name, POLICY_NAMES)}")
    parameters = inspect.signature(_POLICIES[name]).parameters.values()
    own = {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
    takes_common = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
    return own | DEFAULTS if takes_common else own
