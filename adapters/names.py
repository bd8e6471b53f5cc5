"""Errors that name the nearest known name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def suggestion(name: object, known: Iterable[str]) -> str:
    """A sentence that helps after an unknown ``name``: the nearest of ``known``, or all of them."""
    names = list(known)
    near = get_close_matches(str(name), names, n=1, cutoff=0.6)
    return f"Did you mean {near[0]!r}?" if near else f"Known names: {', '.join(names) or 'none'}."
