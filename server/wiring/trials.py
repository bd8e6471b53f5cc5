"""Experiments: what acts on turns, what changes them, and what stops them by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.experiments.assignment import BanditHoldOut
from adapters.experiments.changes import Change
from adapters.features import FEATURE_NAMES
from adapters.personas import Persona
from adapters.policies import POLICY_NAMES, Policy, make_policy
from server.chat.examiner import Examiner
from server.chat.experiment_office import ExperimentOffice
from server.chat.experiments import Experiments
from server.chat.language.book import BOUNDS
from server.chat.learning import Learner
from server.chat.relief import Relief
from server.chat.treatments import Abilities
from server.chat.trials import Trials
from server.chat.variant_policies import STILL_POLICIES, VariantPolicies, parameters_in
from server.contents import new_seed
from server.errors import StartupError
from server.settings import Settings
from server.wire.parts import User
from server.wiring.ground import Ground, new_id
from server.wiring.language import BUILT_IN
from server.wiring.policies import SettingsMaker, settings_with


@dataclass(frozen=True, slots=True)
class Laboratory:
    """``office`` answers admins over HTTP; ``examiner`` looks at what runs."""

    office: ExperimentOffice
    examiner: Examiner


def abilities(settings: Settings, personas: tuple[Persona, ...], intents: Callable[[], Collection[str]]) -> Abilities:
    """What variants may change here. Parameters of a language model: none where there is none."""
    names = tuple(persona.name for persona in personas)

    def made(name: str, parameters: Mapping[str, Any]) -> Policy:
        if name in STILL_POLICIES or name not in POLICY_NAMES:
            return make_policy(name, names, len(FEATURE_NAMES), new_seed(), **parameters)
        try:
            return SettingsMaker(settings_with(settings, name, parameters), personas).make(personas)[0]
        except StartupError as error:
            raise ValueError(str(error)) from error

    return Abilities(
        personas=names,
        intents=intents,
        make_policy=made,
        parameters=() if settings.language_writer == BUILT_IN else tuple(BOUNDS),
        learns=settings.policy_mode != "apprentice",
    )


def variant_policies(
    settings: Settings, personas: tuple[Persona, ...], learner: Callable[[str, SettingsMaker], Learner]
) -> VariantPolicies:
    """Policies of variants, made as the server's is, but for what the variant says. ``learner``: of a log's name."""

    def made(log: str, change: Change) -> Learner:
        return learner(log, SettingsMaker(settings_with(settings, *parameters_in(change)), personas))

    return VariantPolicies(made)


def relief_of(ground: Ground, identity: User) -> Relief:
    """``identity``: in whose name conversations are handed over."""
    return Relief(
        store=ground.store,
        fanout=ground.fanout,
        identity=identity,
        clock=ground.clock,
        new_id=new_id,
        metrics=ground.metrics,
    )


def prepare_trials(ground: Ground, can: Abilities, identity: User, policies: VariantPolicies) -> Trials:
    """``identity``: in whose name conversations are handed over."""
    settings = ground.settings
    share = settings.policy_holdout
    return Trials(
        store=ground.store,
        signals=ground.signals,
        clock=ground.clock,
        metrics=ground.metrics,
        can=can,
        relieve=relief_of(ground, identity),
        policies=policies,
        hold_out=BanditHoldOut(settings.policy, share) if share else None,
        sole_worker=not settings.shares_database,
    )


def open_laboratory(ground: Ground, trials: Trials, can: Abilities) -> Laboratory:
    """What admins ask for, and what runs by itself."""
    settings = ground.settings
    experiments = Experiments(
        store=ground.store, clock=ground.clock, can=can, silence_ms=settings.silence_ms, changed=trials.tell
    )
    examiner = Examiner(
        store=ground.store,
        experiments=experiments,
        metrics=ground.metrics,
        every_ms=settings.experiment_look_s * 1_000,
        stops=settings.experiment_auto_stop,
    )
    return Laboratory(ExperimentOffice(experiments=experiments, store=ground.store, clock=ground.clock), examiner)
