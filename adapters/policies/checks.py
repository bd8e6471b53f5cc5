"""Checks of what callers hand to a policy; each error names the thing and says what to give."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real

import numpy as np


def number(name: str, value: object, low: float, high: float) -> float:
    """``value`` as a float in [low, high], or ``ValueError`` naming it."""
    if type(value) is float and low <= value <= high:
        return value  # the usual case, without the cost of asking an abstract base class
    if isinstance(value, bool) or not isinstance(value, Real) or not low <= float(value) <= high:
        raise ValueError(f"{name} is {value!r}: give a number from {low:g} to {high:g}.")
    return float(value)


def optional_number(name: str, value: object, low: float, high: float) -> float | None:
    """``number``, or None for None."""
    return None if value is None else number(name, value, low, high)


def whole(name: str, value: object, least: int) -> int:
    """``value`` as an int from ``least`` on, or ``ValueError`` naming it."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} {value!r}: give a whole number from {least} on.")
    return int(value)


def truth(name: str, value: object) -> bool:
    """``value`` if it is True or False, or ``ValueError`` naming it."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}: give true or false.")
    return value


def short_name(name: str, value: object, most_characters: int) -> str:
    """``value`` as a text of 1 to ``most_characters``, or ``ValueError``."""
    if not isinstance(value, str) or not 0 < len(value) <= most_characters:
        raise ValueError(f"{name} is {value!r:.80}: give a text of 1 to {most_characters} characters, or None.")
    return value


def distinct_names(arms: Sequence[str]) -> tuple[str, ...]:
    """``arms`` as a tuple: at least one, each a name of its own. ``ValueError`` otherwise."""
    if isinstance(arms, str) or not arms or not all(isinstance(arm, str) and arm for arm in arms):
        raise ValueError(f"arms {arms!r}: give a sequence of at least one name.")
    if len(set(arms)) < len(arms):
        raise ValueError(f"arms {tuple(arms)!r}: a name stands twice.")
    return tuple(arms)
