"""Policies of the settings, made as often as a replay needs one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.personas import Persona
from adapters.policies import Policy
from adapters.priors import warm_start_arm
from server.contents import build_policy, new_seed
from server.settings import Settings


def settings_with(settings: Settings, policy: str, parameters: Mapping[str, Any]) -> Settings:
    """``settings`` for a policy of that name. Their own parameters by name hold for their own algorithm only."""
    own = settings.policy_parameters if policy == settings.policy else {}
    return settings.model_copy(update={"policy": policy, "policy_parameters": {**own, **parameters}})


class SettingsMaker:
    """See ``server.chat.fold.PolicyMaker``."""

    def __init__(self, settings: Settings, personas: tuple[Persona, ...]) -> None:
        self._settings = settings
        self.personas = personas

    def make(self, personas: Sequence[Persona]) -> tuple[Policy, int]:
        """``StartupError`` where the settings fit no policy."""
        seed = new_seed()
        return build_policy(self._settings, tuple(personas), seed), seed

    def add(self, policy: Policy, persona: Persona, among: Sequence[Persona], like: str | None, weight: float) -> None:
        policy.add_arm(persona.name, like, weight, traits=tuple(persona.traits.values()))
        if like is None:
            warm_start_arm(policy, persona.name, {one.name: one.traits for one in among})
