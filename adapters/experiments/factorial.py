"""Two factors at once: every combination is a variant, every user tells something about both factors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.experiments.estimates import Estimate
from adapters.experiments.inference import Comparison, Inference, contrast_of, varies

JOINT = "×"


@dataclass(frozen=True, slots=True)
class Factor:
    """``levels``: the first is the base. Names hold no ``×``."""

    name: str
    levels: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.levels) < 2 or len(set(self.levels)) < len(self.levels) or JOINT in "".join(self.levels):
            raise ValueError(
                f"factor {self.name!r}: give at least two different levels, without {JOINT!r} in their names."
            )


def combinations(first: Factor, second: Factor) -> tuple[str, ...]:
    """The names of the variants, the two bases' first."""
    return tuple(f"{one}{JOINT}{other}" for one in first.levels for other in second.levels)


@dataclass(frozen=True, slots=True)
class Effect:
    """``name``: of the factor, or both for an interaction; ``level`` against the base."""

    name: str
    level: str
    comparison: Comparison


def effects(
    first: Factor, second: Factor, estimates: Mapping[str, Estimate], inference: Inference
) -> tuple[Effect, ...]:
    """Main effects, averaged over the levels of the other factor, and interactions: how much a level's effect changes
    with the other factor's. ``estimates`` by variant. Read main effects only where interactions are small."""
    missing = [name for name in combinations(first, second) if name not in estimates]
    if missing:
        raise ValueError(f"no estimate of {', '.join(missing)}: every combination needs units.")
    found = []
    for factor, other, ordered in ((first, second, True), (second, first, False)):
        for level in factor.levels[1:]:
            terms = []
            for beside in other.levels:
                share = 1.0 / len(other.levels)
                terms.append((share, estimates[_joined(level, beside, ordered)]))
                terms.append((-share, estimates[_joined(factor.levels[0], beside, ordered)]))
            found.append(Effect(factor.name, level, _compared(terms, inference)))
    a, b = first.levels[0], second.levels[0]
    for one in first.levels[1:]:
        for two in second.levels[1:]:
            terms = [
                (1.0, estimates[_joined(one, two)]),
                (-1.0, estimates[_joined(one, b)]),
                (-1.0, estimates[_joined(a, two)]),
                (1.0, estimates[_joined(a, b)]),
            ]
            found.append(Effect(f"{first.name} {JOINT} {second.name}", _joined(one, two), _compared(terms, inference)))
    return tuple(found)


def _joined(level: str, beside: str, ordered: bool = True) -> str:
    return f"{level}{JOINT}{beside}" if ordered else f"{beside}{JOINT}{level}"


def _compared(terms: Sequence[tuple[float, Estimate]], inference: Inference) -> Comparison:
    contrast = contrast_of(list(terms))
    if not varies(contrast, *(own for _, own in terms)):
        return Comparison(contrast.value, None, None, "contrast")
    return Comparison(contrast.value, inference.interval(contrast), inference.p_value(contrast), "contrast")
