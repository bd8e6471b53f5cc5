"""What customers write in the live simulation: lines by mood, and by how the last answer suited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from adapters.names import suggestion
from adapters.simulation.moods import MOOD_NAMES

Says = Mapping[str, Sequence[str]]

REACTIONS = ("pleased", "undecided", "displeased")
NUMBER = "{number}"
LONGEST_LINE = 500


def check_says(says: Says) -> None:
    """``ValueError`` for lines of no mood and no reaction, for none at all and for those that are no message."""
    for name, lines in says.items():
        if name not in (*MOOD_NAMES, *REACTIONS):
            raise ValueError(f"there is no mood {name!r} to say something in. "
                             f"{suggestion(name, (*MOOD_NAMES, *REACTIONS))}")  # fmt: skip
        if not lines:
            raise ValueError(f"'says.{name}' is empty. Give it at least one line, or leave it away.")
        for line in lines:
            if not line.strip() or len(line) > LONGEST_LINE:
                raise ValueError(f"'says.{name}' has the line {line[:40]!r}. Give each 1 to {LONGEST_LINE} characters.")


def line(says: Says, name: str, rng: np.random.Generator) -> str:
    """One of the lines of a mood or a reaction, with a number of its own where it has a place for one."""
    lines = says[name]
    return lines[int(rng.integers(len(lines)))].replace(NUMBER, str(rng.integers(10_000, 100_000)))
