"""How sure a difference is: the port that the fixed-horizon and the sequential reading share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from adapters.experiments.estimates import Estimate


@dataclass(frozen=True, slots=True)
class Contrast:
    """An estimate of something that would be 0 if nothing were different: ``value`` with the squared standard error
    ``variance``, ``df`` degrees of freedom and ``units`` units behind it."""

    value: float
    variance: float
    df: float
    units: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """``ci``: interval of the difference at 1 − α. ``p_value``: two-sided. Both None where nothing varies."""

    difference: float
    ci: tuple[float, float] | None
    p_value: float | None
    method: str


class Inference(Protocol):
    """A way to read contrasts at one level α."""

    @property
    def name(self) -> str:
        """fixed or sequential."""
        ...

    @property
    def alpha(self) -> float:
        """The level."""
        ...

    def interval(self, contrast: Contrast) -> tuple[float, float]:
        """At 1 − α, two-sided. ``contrast.variance`` > 0."""
        ...

    def p_value(self, contrast: Contrast) -> float:
        """Two-sided."""
        ...

    def p_above(self, contrast: Contrast) -> float:
        """One-sided: of a value as high as this if the truth were at most 0."""
        ...

    def compare(self, control: Estimate, treatment: Estimate) -> Comparison:
        """Treatment minus control."""
        ...


def contrast_of(terms: list[tuple[float, Estimate]]) -> Contrast:
    """The weighted sum of independent estimates, with Welch–Satterthwaite degrees of freedom."""
    variance = sum(weight**2 * own.variance for weight, own in terms)
    below = sum((weight**2 * own.variance) ** 2 / (own.units - 1) for weight, own in terms)
    df = variance**2 / below if below > 0.0 else float(sum(own.units - 1 for _, own in terms))
    return Contrast(
        sum(weight * own.mean for weight, own in terms), variance, df, sum(own.units for weight, own in terms if weight)
    )


def varies(contrast: Contrast, *estimates: Estimate) -> bool:
    """Whether there is variation beyond rounding."""
    size = max(abs(own.mean) for own in estimates)
    return contrast.variance > (1e-14 * size) ** 2
