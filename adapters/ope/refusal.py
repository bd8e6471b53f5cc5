"""When a log can't carry an answer, and why: the reasons are types, so that programs can tell them apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from adapters.ope.diagnostics import Diagnostics
from adapters.ope.estimator import Estimator
from adapters.ope.log import Log


class Reason(Enum):
    """Why there is no answer."""

    TOO_FEW_ROWS = "too_few_rows"
    DETERMINISTIC_LOGGING = "deterministic_logging"
    UNKNOWN_PROBABILITIES = "unknown_probabilities"
    WRONG_PROBABILITIES = "wrong_probabilities"
    MISSING_ARMS = "missing_arms"
    WEIGHTS_TOO_LARGE = "weights_too_large"
    TOO_FEW_EFFECTIVE_ROWS = "too_few_effective_rows"


@dataclass(frozen=True, slots=True)
class Refusal:
    """``text``: what is wrong, and what would help."""

    reason: Reason
    text: str
    diagnostics: Diagnostics


@dataclass(frozen=True, slots=True)
class Gates:
    """What a log must reach. Bounds hold without most of these: then they are so wide that they say nothing, or hang on
    a handful of rows. ``min_covered``: of the target's probability. ``max_share``: of all weight, on one row.
    ``max_draws_z``: deviations between draws and probabilities; 5 come up by chance once in a million logs."""

    min_rows: int = 100
    min_effective_rows: float = 50.0
    max_share: float = 0.1
    min_covered: float = 0.95
    max_certain: float = 0.9
    max_draws_z: float = 6.0

    def refusal(self, log: Log, found: Diagnostics, estimator: Estimator) -> Refusal | None:
        """The first reason against an answer, None where there is none."""
        for reason, text in self._against(log, found, estimator):
            return Refusal(reason, text, found)
        return None

    def _against(self, log: Log, found: Diagnostics, estimator: Estimator) -> Iterator[tuple[Reason, str]]:
        if found.rows < self.min_rows:
            yield (
                Reason.TOO_FEW_ROWS,
                f"{found.rows:,} decisions have a known reward, and {self.min_rows:,} are the least. Wait for more.",
            )
        if found.certain > self.max_certain:
            yield (
                Reason.DETERMINISTIC_LOGGING,
                f"{found.certain:.0%} of the arms were taken with probability 1, so the log says nothing about others. "
                "Log with a floor (policy_floor) first.",
            )
        if estimator.asks_all_probabilities and not log.is_complete:
            yield (
                Reason.UNKNOWN_PROBABILITIES,
                f"{estimator.name} needs the probabilities of all arms, and the log has the drawn arm's only. Use ips.",
            )
        if abs(found.draws_z) > self.max_draws_z:
            often = "more" if found.draws_z > 0.0 else "less"
            yield (
                Reason.WRONG_PROBABILITIES,
                f"arm {found.draws_arm!r} was drawn {often} often than its logged probabilities say, by "
                f"{abs(found.draws_z):.0f} deviations: these are not what the arms were drawn by.",
            )
        if found.covered is not None and found.covered < self.min_covered:
            arms = ", ".join(f"{arm} ({share:.0%})" for arm, share in found.uncovered_arms[:3])
            yield (
                Reason.MISSING_ARMS,
                f"only {found.covered:.0%} of what the target would do had a chance in the log. Without one: {arms}.",
            )
        if found.largest_share > self.max_share:
            yield (
                Reason.WEIGHTS_TOO_LARGE,
                f"one decision carries {found.largest_share:.0%} of all weight ({found.largest_weight:,.1f}): the "
                "target does what the log hardly ever did. Try one nearer to it, or log with a higher floor.",
            )
        if found.effective_rows < self.min_effective_rows:
            yield (
                Reason.TOO_FEW_EFFECTIVE_ROWS,
                f"the {found.rows:,} decisions say as much as {found.effective_rows:,.0f} of the target's own, and "
                f"{self.min_effective_rows:,.0f} are the least. Wait for more, or try a target nearer to the log.",
            )
