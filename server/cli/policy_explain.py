"""What ``parlance policy explain`` does: the policy as it was at a decision, asked why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from adapters.allowed import allowed as allowed_by
from adapters.experiments.changes import Change
from adapters.feature_words import FEATURE_WORDS
from adapters.features import FEATURE_NAMES
from adapters.policies import ArmExplanation, Decision, in_words
from server.chat.constraints import logged_situation
from server.chat.fold import known, pseudonym
from server.chat.variant_policies import is_learning, named_by
from server.cli.policy_log import PolicyLog, fitted
from server.errors import NotFound
from server.store.decision_ports import LoggedDecision
from server.store.policy_ports import PolicyMode

SAME = 1e-6
"""Probabilities that differ by less are the same: sums in another order differ by less than that."""


@dataclass(frozen=True, slots=True)
class Explained:
    """``arms``: of the policy as replayed to the decision's version. ``apart``: the largest difference between logged
    and replayed probabilities; above ``SAME`` the policy has been set up anew since. No arms and None where no policy
    that learns has chosen."""

    decision: LoggedDecision
    arms: tuple[ArmExplanation, ...]
    apart: float | None
    words: str

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        made = self.decision
        logged = dict(zip(made.arms, made.probabilities, strict=True))
        return {
            "decision_id": made.decision_id,
            "policy": made.policy,
            "mode": made.mode,
            "version": made.version,
            "at_ms": made.at_ms,
            "arm": made.arm,
            "propensity": made.propensity,
            "reward": made.reward,
            "words": self.words,
            "replayed_exactly": None if self.apart is None else self.apart <= SAME,
            "largest_difference": self.apart,
            "arms": [
                {
                    "arm": arm.arm,
                    "probability": logged.get(arm.arm, 0.0),
                    "replayed_probability": arm.probability,
                    "score": arm.score,
                    "exploit": arm.exploit,
                    "explore": arm.explore,
                    "features": dict(arm.features),
                }
                for arm in self.arms
            ],
        }


def explain(log: PolicyLog, decision_id: str) -> Explained:
    """Fold the reward log up to the decision's version and ask for its context. ``NotFound``: no such decision, or
    nobody there any more to ask about."""
    decision = log.decision(decision_id)
    log.name = decision.policy
    preface = ""
    if ":" in decision.policy:
        own = log.own_policy
        words = _without_learning(decision, own)
        if words is not None:
            return Explained(decision, (), None, words)
        preface = _of_variant(decision.policy)
    fold = log.state_at(decision.version, None if preface else log.algorithm)
    policy = fold.policy
    if decision.arm not in policy.arms:
        raise NotFound(f"{decision.arm!r} is no persona any more, so nothing is left to explain.")
    logged = dict(zip(decision.arms, decision.probabilities, strict=True))
    open_arms = [arm for arm in policy.arms if logged.get(arm, 0.0) > 0.0]
    allowed = None if len(open_arms) == len(policy.arms) else open_arms
    asked = log.asked(decision_id)
    user, segment = pseudonym(asked.user, fold.salt), known(asked.segment)
    arms = policy.explain(fitted(decision.features, policy.dim), FEATURE_NAMES, allowed, user, segment)
    apart = max(
        *(abs(arm.probability - logged.get(arm.arm, 0.0)) for arm in arms),
        *(logged[arm] for arm in decision.arms if arm not in policy.arms),
        0.0,
    )
    chances = np.array([logged.get(arm, 0.0) for arm in policy.arms])
    drawn = Decision(decision.arm, decision.propensity, chances, decision.version)
    barred = allowed_by(log.rules, logged_situation(asked), policy.arms).barred
    # Of today's rules, those that tell of arms that had no chance then.
    closed = {arm: rule for arm, rule in barred.items() if logged.get(arm, 0.0) == 0.0}
    said = in_words(drawn, arms, closed, FEATURE_WORDS)
    return Explained(decision, arms, apart, preface + _words(decision.mode, said, apart))


def _of_variant(log: str) -> str:
    experiment, variant = named_by(log) or ("", "")
    return f"The variant {variant} of the experiment {experiment} has a policy of its own. "


def _without_learning(decision: LoggedDecision, own: Change | None) -> str | None:
    """Why a persona was taken that no policy had learned to take; None where one had. ``NotFound``: nobody knows."""
    named, chance = named_by(decision.policy), f"{decision.propensity:.1%}"
    if named is None:
        policy, _, kind = decision.policy.rpartition(":")
        if kind != "holdout":
            raise NotFound(f"Nothing is known of the log {decision.policy!r}: no policy and no experiment has made it.")
        return (
            f"The customer is in the hold-out of {policy}: a hash of the name gave {decision.arm}, as it might have"
            f" given each of {len(decision.arms)} personas with the same chance of {chance}, for as long as the"
            " customer comes. No message changes it, and the policy learns nothing from it."
        )
    if own is None:
        raise NotFound(
            f"The log {decision.policy!r} is of an experiment that can't be read any more: nothing is left to explain."
        )
    if own.kind == "persona":
        return f"{_gives(*named)} the persona {decision.arm}, to everybody who is in it; nothing was drawn."
    if is_learning(own):
        return None
    return f"{_gives(*named)} whom {own.values.get('name')} draws, which learns nothing: {decision.arm} had {chance}."


def _gives(experiment: str, variant: str) -> str:
    return f"The variant {variant} of the experiment {experiment} gives"


def _words(mode: PolicyMode, said: str, apart: float) -> str:
    if mode == "log_only":
        return f"{said} The policy only watched then: every persona was drawn alike."
    if mode == "apprentice":
        return f"An agent chose then, and the policy learned from it. What it thought of the choice itself: {said}"
    if apart > SAME:
        said += (
            f" Replayed with today's settings and personas the chances differ by up to {apart:.3g}: these are today's"
            " reasons, not quite those of then."
        )
    return said
