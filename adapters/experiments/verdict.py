"""Stop or go on, and who won, by rules that are written down before the data is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from adapters.experiments.plan import Plan
from adapters.experiments.rows import Findings, Row

Action = Literal["continue", "stop", "blocked"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``winner``: the variant to keep, the control where all others are worse; None where nothing is decided."""

    action: Action
    winner: str | None
    reason: str


def decide(found: Findings) -> Verdict:
    """The rules, in order; the first that applies decides.

    1. What blocks the report blocks the verdict. 2. Too few units, or a fixed horizon not reached: continue. 3.
    Variants better on the first metric with no failed guardrail: the best whose guardrails have all passed wins. 4.
    Every other variant worse, or past a guardrail: the control wins. 5. No variant can still reach the minimum effect:
    stop, no winner. 6. The longest time is over, or the fixed horizon is reached: stop, no winner. 7. Else continue.
    """
    plan = found.plan
    if found.blocked:
        return Verdict("blocked", None, found.blocked[0])
    early = _too_early(plan, found.units)
    over = found.days is not None and found.days >= plan.max_days
    if early and not over:
        return Verdict("continue", None, early)
    if early:
        return Verdict("stop", None, f"{plan.max_days:g} days are over, and there is too little: {early}")
    state = _State(found)
    return state.won() or state.lost() or state.too_small() or _at_the_end(plan, over)


def _too_early(plan: Plan, counts: Mapping[str, int]) -> str:
    for variant, units in counts.items():
        if units < plan.min_units:
            return f"{variant} has {units:,} units of the {plan.min_units:,} that a variant needs at least."
    total = sum(counts.values())
    if plan.inference.name == "fixed" and plan.planned_units is not None and total < plan.planned_units:
        return f"{total:,} of {plan.planned_units:,} planned units: a fixed horizon is read once, at its end."
    return ""


def _at_the_end(plan: Plan, over: bool) -> Verdict:
    if over:
        return Verdict(
            "stop", None, f"{plan.max_days:g} days are over without a clear difference in {plan.primary.name}."
        )
    if plan.inference.name == "fixed":
        return Verdict("stop", None, f"No clear difference in {plan.primary.name} at the horizon.")
    return Verdict("continue", None, f"No clear difference in {plan.primary.name} yet.")


class _State:
    """The first metric's comparisons beside their guardrails."""

    def __init__(self, found: Findings) -> None:
        plan, rows = found.plan, found.rows
        self._plan = plan
        self._control = next(r for r in rows if (r.metric, r.variant) == (plan.primary.name, plan.control))
        self._rows = [r for r in rows if r.metric == plan.primary.name and r.variant != plan.control]
        self._outcomes = {
            row.variant: {result.outcome for result in found.guardrails if result.variant == row.variant}
            for row in self._rows
        }

    def won(self) -> Verdict | None:
        better = [row for row in self._rows if row.significant and row.better and not self._failed(row)]
        safe = [row for row in better if self._outcomes[row.variant] <= {"passed"}]
        name = self._plan.primary.name
        if safe:
            best = max(safe, key=lambda row: abs(row.difference or 0.0))
            return Verdict("stop", best.variant, f"{best.variant} is better on {name}, and no guardrail forbids it.")
        if better:
            waiting = ", ".join(row.variant for row in better)
            return Verdict("continue", None, f"{waiting}: better on {name}, but a guardrail is not yet shown to hold.")
        return None

    def lost(self) -> Verdict | None:
        if not all(self._failed(row) or (row.significant and row.better is False) for row in self._rows):
            return None
        reason = f"Every other variant is worse on {self._plan.primary.name} or breaks a guardrail."
        return Verdict("stop", self._plan.control, reason)

    def too_small(self) -> Verdict | None:
        least, mean = self._plan.minimum_effect, self._control.mean
        if least is None or not mean:
            return None
        sign, needed = self._plan.primary.sign, least * abs(mean)
        for row in self._rows:
            if row.ci is None or (max(sign * row.ci[0], sign * row.ci[1]) >= needed and not self._failed(row)):
                return None
        return Verdict("stop", None, f"No variant can reach the minimum effect of {least:.1%}: keep what is simplest.")

    def _failed(self, row: Row) -> bool:
        return "failed" in self._outcomes[row.variant]
