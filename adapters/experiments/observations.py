"""Recorded observations, and their totals per unit of randomisation.

Nothing here is computed from a summary: a test needs every unit's own value, and users who were randomised as a whole
count once each, however many turns they had. Turns of a user resemble each other, and a test that takes them for
independent finds differences that are not there (26 % false alarms, measured)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.experiments.metrics import Metric

Doubles = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_CROSSED_SHARE = 0.01
"""Units seen in two variants are left out; above this share, what split them is broken."""


@dataclass(frozen=True, slots=True, eq=False)
class Observations:
    """Rows as recorded, each of one unit. ``variants``: names. ``unit`` (rows,) numbers the units from 0, ``variant``
    (rows,) the variants. ``columns``: float64 (rows,) by name, NaN where unknown. ``by_policy``: whether a policy that
    learns chose the variants, so that they are no randomised groups."""

    variants: tuple[str, ...]
    unit: Ints
    variant: Ints
    columns: Mapping[str, Doubles]
    by_policy: bool = False


class Recorder:
    """Gathers observations block by block; names become numbers on the way."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._units: dict[str, int] = {}
        self._variants: dict[str, int] = {}
        self._unit: list[Ints] = []
        self._variant: list[Ints] = []
        self._columns: dict[str, list[Doubles]] = {name: [] for name in columns}

    def add(self, units: Sequence[str], variants: Sequence[str], columns: Mapping[str, Doubles]) -> None:
        """One block: a name of unit and variant, and a number of each column, per row."""
        self._unit.append(_numbered(self._units, units))
        self._variant.append(_numbered(self._variants, variants))
        for name, blocks in self._columns.items():
            blocks.append(columns[name])

    def observations(self, *, by_policy: bool = False) -> Observations:
        """All blocks as one. ``ValueError`` where nothing was added."""
        if not self._units:
            raise ValueError("there are no observations.")
        names = sorted(self._variants)
        rank = np.empty(len(names), dtype=np.int64)
        rank[[self._variants[name] for name in names]] = np.arange(len(names))
        columns = {name: np.concatenate(blocks) for name, blocks in self._columns.items()}
        return Observations(
            tuple(names), np.concatenate(self._unit), rank[np.concatenate(self._variant)], columns, by_policy
        )


def _numbered(known: dict[str, int], names: Sequence[str]) -> Ints:
    return np.fromiter((known.setdefault(name, len(known)) for name in names), dtype=np.int64, count=len(names))


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """Which unit had which variant. ``variant`` (units,): its number, −1 for the ``crossed`` ones, which were seen in
    several. ``counts``: units by variant, without the crossed."""

    variant: Ints
    crossed: int
    counts: Ints


def units_of(observations: Observations) -> Units:
    """Each unit's variant."""
    size, names = int(observations.unit.max()) + 1, len(observations.variants)
    lowest = np.full(size, names, dtype=np.int64)
    highest = np.full(size, -1, dtype=np.int64)
    np.minimum.at(lowest, observations.unit, observations.variant)
    np.maximum.at(highest, observations.unit, observations.variant)
    variant = np.where(lowest == highest, lowest, -1)
    crossed = int((lowest < highest).sum())
    return Units(variant, crossed, np.bincount(variant[variant >= 0], minlength=names))


@dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """One metric per unit of one variant: ``numerator`` (n,) and, of a ratio, ``denominator`` (n,); ``covariate`` (n,)
    or None. ``unknown``: units without a known value, which are left out."""

    numerator: Doubles
    denominator: Doubles | None
    covariate: Doubles | None
    unknown: int


def totals_of(observations: Observations, units: Units, metric: Metric, covariate: str | None = None) -> list[Totals]:
    """The totals of each variant, in the order of ``observations.variants``.

    A unit's covariate is the mean of what is known of it; where nothing is, the mean over all units, which adjusts
    nothing."""
    numerator, denominator = _totals(observations, units, metric)
    before = None if covariate is None else _filled(_means(observations, units, covariate), units)
    found = []
    for place in range(len(observations.variants)):
        own = units.variant == place
        known = own & ~np.isnan(numerator)
        if denominator is not None:
            known &= ~np.isnan(denominator)
        found.append(
            Totals(
                numerator[known],
                None if denominator is None else denominator[known],
                None if before is None else before[known],
                int(own.sum() - known.sum()),
            )
        )
    return found


def _totals(observations: Observations, units: Units, metric: Metric) -> tuple[Doubles, Doubles | None]:
    if metric.per is not None:
        # A row counts where both are known; else a missing denominator would raise the ratio.
        both = ~np.isnan(observations.columns[metric.column]) & ~np.isnan(observations.columns[metric.per])
        return tuple(_sums(observations, units, name, both)[0] for name in metric.columns)  # type: ignore[return-value]
    if metric.kind == "binary":
        # Known and true once is true; not true but partly unknown is known as far as it was seen.
        means = _means(observations, units, metric.column)
        return np.where(np.isnan(means), np.nan, (means > 0.0).astype(np.float64)), None
    if metric.total == "sum":
        return _sums(observations, units, metric.column)[0], None
    return _means(observations, units, metric.column), None


def _sums(
    observations: Observations, units: Units, column: str, rows: NDArray[np.bool_] | None = None
) -> tuple[Doubles, Ints]:
    """Sums, NaN where nothing is known, and how many known rows each is of."""
    values = observations.columns[column]
    known = ~np.isnan(values) if rows is None else rows
    size = len(units.variant)
    counts = np.bincount(observations.unit[known], minlength=size)
    sums = np.bincount(observations.unit[known], weights=values[known], minlength=size)
    return np.where(counts > 0, sums, np.nan), counts


def _means(observations: Observations, units: Units, column: str) -> Doubles:
    sums, counts = _sums(observations, units, column)
    means: Doubles = sums / np.maximum(counts, 1)
    return means


def _filled(values: Doubles, units: Units) -> Doubles:
    known = ~np.isnan(values) & (units.variant >= 0)
    return np.where(np.isnan(values), float(values[known].mean()) if known.any() else 0.0, values)
