"""Guardrails: metrics that may not get worse by more than a margin, whatever else gets better.

"No significant harm" is no evidence of no harm: a guardrail is passed only where harm beyond the margin is excluded
(non-inferiority), and is open while the data says neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from adapters.experiments.estimates import Estimate
from adapters.experiments.inference import Inference, contrast_of, varies

Outcome = Literal["passed", "failed", "open"]


@dataclass(frozen=True, slots=True)
class Guardrail:
    """``metric`` (its name) may get worse by at most ``margin``, a share of the control's mean: .02 is two percent."""

    metric: str
    margin: float

    def __post_init__(self) -> None:
        if not 0.0 < self.margin < 1.0:
            raise ValueError(
                f"guardrail {self.metric!r}: give a margin between 0 and 1 (a share), not {self.margin:g}."
            )


@dataclass(frozen=True, slots=True)
class GuardrailResult:
    """``p_value``: one-sided, of harm beyond the margin being excluded."""

    metric: str
    variant: str
    margin: float
    outcome: Outcome
    p_value: float | None


def judged(
    margin: float, sign: float, control: Estimate, treatment: Estimate, inference: Inference
) -> tuple[Outcome, float | None]:
    """θ = sign (T − C) + margin |C| is linear in both means, so no quotient is needed: passed where θ > 0 is
    shown, failed where θ < 0 is. ``sign`` −1 where lower is better. With the p-value of ``GuardrailResult``."""
    allowed = margin if control.mean >= 0.0 else -margin
    spared = contrast_of([(sign, treatment), (allowed - sign, control)])
    if not varies(spared, control, treatment):
        return "passed" if spared.value > 0.0 else "failed" if spared.value < 0.0 else "open", None
    harmed = contrast_of([(-sign, treatment), (sign - allowed, control)])
    p_value = inference.p_above(spared)
    if inference.p_above(harmed) <= inference.alpha:
        return "failed", p_value
    return "passed" if p_value <= inference.alpha else "open", p_value
