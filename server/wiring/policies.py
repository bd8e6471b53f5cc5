"""Policies of the settings, made as often as a replay needs one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.personas import Persona
from adapters.policies import POLICY_NAMES, Policy
from adapters.priors import warm_start_arm
from server.chat.policies import Makers
from server.chat.variant_policies import STILL_POLICIES, deciding_change, is_learning, parameters_in
from server.contents import build_policy, new_seed
from server.settings import Settings
from server.store.ports import Store


def settings_with(settings: Settings, policy: str, parameters: Mapping[str, Any]) -> Settings:
    """``settings`` for a policy of that name. Their own parameters by name hold for their own algorithm only."""
    own = settings.policy_parameters if policy == settings.policy else {}
    return settings.model_copy(update={"policy": policy, "policy_parameters": {**own, **parameters}})


def makers(settings: Settings, personas: tuple[Persona, ...], store: Store) -> Makers:
    """Of each log's policy: the settings', a variant's that learns, and another algorithm's that was used before."""

    async def maker_of(log: str) -> SettingsMaker | None:
        if log == settings.policy:
            return SettingsMaker(settings, personas)
        change = await deciding_change(store, log)
        if change is not None and is_learning(change):
            return SettingsMaker(settings_with(settings, *parameters_in(change)), personas)
        is_known = log in POLICY_NAMES and log not in STILL_POLICIES
        return SettingsMaker(settings_with(settings, log, {}), personas) if is_known else None

    return maker_of


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
