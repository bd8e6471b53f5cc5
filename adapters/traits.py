"""The twelve traits that describe how somebody speaks, each a number from 0 (none of it) to 1 (as much as possible).

The first five are the Big Five (Goldberg 1990); the other seven are what a service conversation varies beside them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from numbers import Real

from adapters.names import suggestion

NEUTRAL = 0.5


@dataclass(frozen=True, slots=True)
class Traits:
    """One personality. A trait that nobody named is neutral (0.5). Raises ``ValueError`` outside of [0, 1]."""

    openness: float = NEUTRAL
    conscientiousness: float = NEUTRAL
    extraversion: float = NEUTRAL
    agreeableness: float = NEUTRAL
    neuroticism: float = NEUTRAL
    empathy: float = NEUTRAL
    supportiveness: float = NEUTRAL
    enthusiasm: float = NEUTRAL
    formality: float = NEUTRAL
    humor: float = NEUTRAL
    verbosity: float = NEUTRAL
    proactivity: float = NEUTRAL

    def __post_init__(self) -> None:
        for name in TRAIT_NAMES:
            object.__setattr__(self, name, _checked(name, getattr(self, name)))

    @classmethod
    def of(cls, values: Mapping[str, float]) -> Traits:
        """Traits by name. ``ValueError`` for an unknown name (with the nearest known one) or a value out of range."""
        for name in values:
            if name not in TRAIT_NAMES:
                raise ValueError(f"there is no trait {name!r}. {suggestion(name, TRAIT_NAMES)}")
        return cls(**values)

    def as_dict(self) -> dict[str, float]:
        """All twelve by name, in the order of ``TRAIT_NAMES``."""
        return asdict(self)


TRAIT_NAMES: tuple[str, ...] = tuple(field.name for field in fields(Traits))


def _checked(name: str, value: object) -> float:
    # A YAML "yes" arrives as True, which Python would take for 1.0.
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"trait {name!r} is {value!r}, which is no number. Give a number from 0 to 1.")
    number = float(value)
    if not (math.isfinite(number) and 0.0 <= number <= 1.0):
        raise ValueError(f"trait {name!r} is {number:g}. Give a number from 0 to 1.")
    return number
