"""Slices of what versions of the model did: adding, reading, folding."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import reduce
from operator import or_
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, delete, select

from server.store import schema
from server.store.slice_ports import Merge, StoredSlice

_slices = schema.model_slices
FOLDED_MAX = 500
"""Slices of one fold: a millisecond's work that a commit of turns may wait for."""

_READ = select(_slices.c.version, _slices.c.from_ms, _slices.c.until_ms, _slices.c.counts_json).order_by(
    _slices.c.from_ms, _slices.c.slice_id
)
# What another worker holds is its to fold, so that two of them never wait for each other.
_SHORTER = (
    select(*_slices.c)
    .where(_slices.c.width_ms < bindparam("width"), _slices.c.from_ms < bindparam("before"))
    .order_by(_slices.c.from_ms, _slices.c.slice_id)
    .limit(FOLDED_MAX)
    .with_for_update(skip_locked=True)
)
_REMOVE = delete(_slices).where(_slices.c.slice_id.in_(bindparam("ids", expanding=True)))

_Row = Row[*tuple[Any, ...]]


def add(connection: Connection, slices: Sequence[StoredSlice], new_id: Callable[[], str], width_ms: int = 0) -> None:
    """One row each."""
    rows = [
        {
            "slice_id": new_id(),
            "version": one.version,
            "width_ms": width_ms,
            "from_ms": one.from_ms,
            "until_ms": one.until_ms,
            "counts_json": one.counts,
        }
        for one in slices
    ]
    if rows:
        connection.execute(_slices.insert(), rows)


def read(connection: Connection) -> list[StoredSlice]:
    """The oldest first."""
    return [StoredSlice(*row) for row in connection.execute(_READ).all()]


def fold(connection: Connection, before_ms: int, width_ms: int, merge: Merge, new_id: Callable[[], str]) -> int:
    """How many shorter ones went."""
    shorter = connection.execute(_SHORTER, {"width": width_ms, "before": before_ms}).all()
    if not shorter:
        return 0
    stretches: dict[tuple[str, int], list[_Row]] = defaultdict(list)
    for row in shorter:
        stretches[row.version, row.from_ms // width_ms].append(row)
    for row in connection.execute(_wide(stretches, width_ms)).all():
        stretches[row.version, row.from_ms // width_ms].append(row)
    connection.execute(_REMOVE, {"ids": [row.slice_id for rows in stretches.values() for row in rows]})
    add(connection, [_merged(rows, merge) for rows in stretches.values()], new_id, width_ms)
    return len(shorter)


def _wide(stretches: dict[tuple[str, int], list[_Row]], width_ms: int) -> Any:
    """Those of the full width that are there for these stretches already."""
    there = reduce(
        or_,
        (
            and_(
                _slices.c.version == version,
                _slices.c.from_ms >= place * width_ms,
                _slices.c.from_ms < (place + 1) * width_ms,
            )
            for version, place in stretches
        ),
    )
    return select(*_slices.c).where(_slices.c.width_ms == width_ms, there).with_for_update(skip_locked=True)


def _merged(rows: Sequence[_Row], merge: Merge) -> StoredSlice:
    first, last = min(row.from_ms for row in rows), max(row.until_ms for row in rows)
    return StoredSlice(rows[0].version, first, last, merge([row.counts_json for row in rows]))
