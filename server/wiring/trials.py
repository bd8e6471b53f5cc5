"""Experiments: what acts on turns, what changes them, and what stops them by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from adapters.experiments.assignment import BanditHoldOut
from adapters.features import FEATURE_NAMES
from adapters.policies import Policy, make_policy
from server.chat.examiner import Examiner
from server.chat.experiment_office import ExperimentOffice
from server.chat.experiments import Experiments
from server.chat.relief import Relief
from server.chat.treatments import Abilities
from server.chat.trials import Trials
from server.wire.parts import User
from server.wiring.ground import Ground, new_id


@dataclass(frozen=True, slots=True)
class Laboratory:
    """``office`` answers admins over HTTP; ``examiner`` looks at what runs."""

    office: ExperimentOffice
    examiner: Examiner


def abilities(personas: tuple[str, ...], intents: Callable[[], Collection[str]]) -> Abilities:
    """What variants may change here. Parameters of a language model: none, as long as there is none."""

    def made(name: str, parameters: Mapping[str, Any]) -> Policy:
        seed = int(np.random.SeedSequence().entropy % 2**32)  # type: ignore[operator]
        return make_policy(name, personas, len(FEATURE_NAMES), seed, **parameters)

    return Abilities(personas, intents, made)


def prepare_trials(ground: Ground, can: Abilities, identity: User) -> Trials:
    """``identity``: in whose name conversations are handed over."""
    settings = ground.settings
    share = settings.policy_holdout
    relieve = Relief(
        store=ground.store,
        fanout=ground.fanout,
        identity=identity,
        clock=ground.clock,
        new_id=new_id,
        metrics=ground.metrics,
    )
    return Trials(
        store=ground.store,
        signals=ground.signals,
        clock=ground.clock,
        metrics=ground.metrics,
        can=can,
        relieve=relieve,
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
