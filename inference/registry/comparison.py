"""Whether two versions say the same of a text (pure)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from inference.analysis import Analysis


def _emotion(analysis: Analysis) -> str:
    return max(analysis.emotions, key=analysis.emotions.__getitem__)


_SAID: Final[dict[str, Callable[[Analysis], str]]] = {
    "intent": lambda analysis: analysis.intent,
    "act": lambda analysis: analysis.act,
    "sentiment": lambda analysis: analysis.sentiment.label,
    "emotion": _emotion,
}

HEADS: Final = tuple(_SAID)
"""What is compared: the likeliest label of each."""


def disagreements(one: Analysis, other: Analysis) -> tuple[str, ...]:
    """The ``HEADS`` whose likeliest label differs.

    Where only one of them knows the user's own intents, intents can't be compared.
    """
    apart = (one.sure is None) != (other.sure is None)
    return tuple(head for head, said in _SAID.items() if said(one) != said(other) and not (apart and head == "intent"))
