"""Whether a model's measured metrics are as good as the champion's (pure).

Judged is what the table below knows a direction of. Counts of rows tell nothing of the model, and latencies tell as
much of the machine that measured them; both are shown and never judged.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

TOLERANCE: Final = 0.01
"""A point: what INT8 and a different seed move a metric of some thousand rows by."""

# By the end of a metric's name, or by `_f1_` inside it: `act_f1_greeting` is the F1 of one class.
_HIGHER_IS_BETTER: Final = re.compile(
    r"(.*_)?(accuracy|auroc|auprc|precision|recall|recall_at_[0-9]+|kept|within_one_star|f1|f1_at_half|pearson|spearman"
    r"|min_cosine|cosine_to_float32)|(.*_)?f1_.+"
)
_LOWER_IS_BETTER: Final = re.compile(
    r"(.*_)?(ece|brier|flagged|max_probability_change|mean_probability_change|label_changed)"
)
_ROUNDING: Final = 1e-9  # .97 - .96 is a little more than .01


@dataclass(frozen=True, slots=True)
class Regression:
    """A metric by which the candidate is worse; ``candidate`` is None where it was not measured."""

    metric: str
    champion: float
    candidate: float | None

    def __str__(self) -> str:
        told = "not measured" if self.candidate is None else f"{self.candidate:g}"
        return f"{self.metric}: {told}, the champion has {self.champion:g}"


def regressions(
    champion: Mapping[str, Any], candidate: Mapping[str, Any], tolerance: float = TOLERANCE
) -> list[Regression]:
    """The champion's metrics by which the candidate is worse by more than ``tolerance``, or which it lacks.

    Both are ``metrics["int8"]`` of a manifest; of nested ones (``batch_of_32``) the inner names decide.

    Raises:
        ValueError: a tolerance that is negative or no number.
    """
    if not 0.0 <= tolerance < math.inf:
        raise ValueError(f"{tolerance} is no tolerance")
    theirs = dict(measured(candidate))
    found = []
    for name, value in measured(champion):
        direction = _direction(name)
        other = theirs.get(name)
        if direction and (other is None or direction * (value - other) > tolerance + _ROUNDING):
            found.append(Regression(name, value, other))
    return found


def measured(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every number with its name, inner ones as ``outer.inner``; what is no number is left out."""
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from measured(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            yield f"{prefix}{name}", float(value)


def _direction(name: str) -> int:
    last = name.rpartition(".")[2]
    return 1 if _HIGHER_IS_BETTER.fullmatch(last) else -1 if _LOWER_IS_BETTER.fullmatch(last) else 0
