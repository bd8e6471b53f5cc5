"""A judgement in plain English."""

from __future__ import annotations

from adapters.ope.evaluate import Estimate, Evaluation
from adapters.ope.refusal import Refusal


def in_words(found: Evaluation | Refusal) -> str:
    """A few sentences: the verdict first."""
    if isinstance(found, Refusal):
        return f"Refused: {found.text}"
    return " ".join([_verdict(found), _compared(found), *_remarks(found)])


def _verdict(found: Evaluation) -> str:
    if found.verdict == "unclear":
        return "Can't tell: the log fits a better policy as well as a worse one."
    return f"{found.verdict.capitalize()}, at a chance of {found.alpha:.3g} to be wrong, however often one looks."


def _compared(found: Evaluation) -> str:
    return (
        f"The target would have earned {_shown(found.target)} a decision, the log earned {_shown(found.logged)}: "
        f"a difference of {_shown(found.difference, sign='+')}."
    )


def _remarks(found: Evaluation) -> list[str]:
    seen, said = found.diagnostics, []
    low, high = found.target.bounds.interval
    if not low <= found.target.value <= high:
        said.append("The estimate lies outside of its interval: it leans on a model, or on weights, that are off.")
    if seen.covered is not None and seen.covered < 1.0 - 1e-9:
        arms = ", ".join(f"{arm} ({share:.1%})" for arm, share in seen.uncovered_arms[:3])
        said.append(f"{1.0 - seen.covered:.1%} of what the target would do had no chance in the log: {arms}.")
    if found.verdict == "unclear" and seen.effective_rows < 0.1 * seen.rows:
        said.append(f"The {seen.rows:,} decisions say as much as {seen.effective_rows:,.0f} of the target's own.")
    return said


def _shown(estimate: Estimate, sign: str = "") -> str:
    low, high = estimate.bounds.interval
    return f"{estimate.value:{sign}.4f} ({low:{sign}.4f} … {high:{sign}.4f})"
