"""One decision in plain words: which arm was drawn, what was expected of it, and which features spoke for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from adapters.policies.contract import ArmExplanation, Decision

UNLIKELY = 0.1  # an arm drawn with less than this was taken to learn about it


def in_words(
    decision: Decision,
    explanations: Sequence[ArmExplanation],
    barred: Mapping[str, str] | None = None,
    called: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """A few English sentences on ``decision``; ``explanations`` are ``explain``'s for the same context and arms, made
    before anything else was learned. ``barred``: arms that a rule took away, with its name (``adapters.allowed``).
    ``called``: what features are called in plain words, where that is another name than the explanations'.
    ``ValueError`` when the decision's arm is not among the explanations."""
    own = next((one for one in explanations if one.arm == decision.arm), None)
    if own is None:
        raise ValueError(f"the explanations have no arm {decision.arm!r}: explain the decision's own policy.")
    sentences = [f"{own.arm} was drawn with {_percent(decision.propensity)}.", *_expected(own, called)]
    others = [one for one in explanations if one is not own and one.probability > 0.0]
    if others:
        second = max(others, key=lambda one: (one.probability, one.score))
        sentences.append(_compared(own, second))
    closed = [one.arm for one in explanations if one.probability == 0.0 and one is not own]
    if closed:
        sentences.append(f"Without a chance this time: {_closed(closed, barred or {})}.")
    return " ".join(sentences)


def _closed(arms: Sequence[str], barred: Mapping[str, str]) -> str:
    """Names, those of one rule together."""
    by_rule: dict[str | None, list[str]] = {}
    for arm in arms:
        by_rule.setdefault(barred.get(arm), []).append(arm)
    return "; ".join(
        ", ".join(names) + (f" (by the rule {rule!r})" if rule is not None else "") for rule, names in by_rule.items()
    )


def _expected(own: ArmExplanation, called: Mapping[str, str]) -> list[str]:
    if own.exploit == own.explore == 0.0 and not own.features:
        return ["Nothing that was learned had a part in it."]
    sentences = [f"Its reward is expected to be {own.exploit:.2f}"]
    sentences[0] += f", unsure by {own.explore:.2f}." if own.explore else "."
    for spoke, sign in (("For", 1.0), ("Against", -1.0)):
        told = [f"{called.get(name, name)} ({value:+.2f})" for name, value in own.features if value * sign > 0.0]
        if told:
            sentences.append(f"{spoke} it spoke {', '.join(told)}.")
    return sentences


def _compared(own: ArmExplanation, other: ArmExplanation) -> str:
    chance = f"{other.arm} ({_percent(other.probability)}, expected {other.exploit:.2f})"
    if other.probability > own.probability and own.probability < UNLIKELY:
        return f"The likeliest was {chance}; {own.arm} was taken to go on learning about it."
    return f"The likeliest was {chance}." if other.probability > own.probability else f"Next came {chance}."


def _percent(probability: float) -> str:
    return f"{100.0 * probability:.3g} %"
