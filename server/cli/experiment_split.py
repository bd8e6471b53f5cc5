"""How a file says which variant a unit had: by one column, or by those of two factors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from adapters.names import suggestion
from server.errors import StartupError

if TYPE_CHECKING:
    from adapters.experiments.factorial import Factor

_TWO = 2


@dataclass(frozen=True, slots=True)
class Split:
    """``columns``: of the variant, or of two factors, whose ``bases`` are the levels to compare with."""

    columns: tuple[str, ...]
    control: str
    bases: tuple[str, ...] = ()

    def factors(self, variants: Sequence[str]) -> tuple[Factor, ...]:
        """Those whose combinations the ``variants`` are; none where one column names them. ``StartupError`` for a base
        that nobody had, and for combinations that nobody had: without those no effect can be told from another."""
        if not self.bases:
            return ()
        from adapters.experiments.factorial import JOINT, Factor, combinations

        found = []
        for place, (column, base) in enumerate(zip(self.columns, self.bases, strict=True)):
            levels = sorted({name.split(JOINT)[place] for name in variants})
            if base not in levels:
                raise StartupError(f"--factor {column}={base}: no row has that level.", suggestion(base, levels))
            if len(levels) < _TWO:
                raise StartupError(f"--factor {column}: every row has {base!r}.", "Give a column that varies.")
            found.append(Factor(column, (base, *(level for level in levels if level != base))))
        missing = sorted(set(combinations(*found)) - set(variants))
        if missing:
            raise StartupError(
                f"No row has {', '.join(missing)}: every combination of both factors needs units.",
                "Leave rows of levels away that were not combined, or compare one --variant column.",
            )
        return tuple(found)


def split_of(variant: str | None, control: str | None, factors: Sequence[str]) -> Split:
    """Of the options. ``StartupError`` where they don't go together."""
    if not factors:
        if variant is None or control is None:
            raise StartupError(
                "Which variant did each unit have?", "Give --variant and --control, or two factors with --factor."
            )
        return Split((variant,), control)
    if variant is not None or control is not None:
        raise StartupError("Two factors make the variants.", "Leave --variant and --control away, or give no --factor.")
    pairs = [text.rpartition("=") for text in factors]
    named = {column: base for column, _, base in pairs if column and base}
    if len(factors) != _TWO or len(named) != _TWO:
        raise StartupError(
            f"--factor {' --factor '.join(factors)}: give two factors, each with its base level.",
            "Write them like --factor tone=today --factor length=short.",
        )
    from adapters.experiments.factorial import JOINT

    return Split(tuple(named), JOINT.join(named.values()), tuple(named.values()))
