"""Bandit policies, one algorithm a file, made by name: ``make_policy("linucb", arms=("a", "b"), dim=32, seed=0)``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence

from adapters.names import suggestion
from adapters.policies.contract import ArmExplanation, Decision, Policy
from adapters.policies.fixed import Fixed
from adapters.policies.linucb import LinUCB
from adapters.policies.uniform import Uniform

__all__ = ["POLICY_NAMES", "ArmExplanation", "Decision", "Policy", "make_policy", "parameters_of"]

_POLICIES: dict[str, Callable[..., Policy]] = {
    "linucb": LinUCB,
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
    """The parameters of a policy with their defaults. ``ValueError`` names the nearest policy to an unknown one."""
    if name not in _POLICIES:
        raise ValueError(f"there is no policy {name!r}. {suggestion(name, POLICY_NAMES)}")
    parameters = inspect.signature(_POLICIES[name]).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is inspect.Parameter.KEYWORD_ONLY}
