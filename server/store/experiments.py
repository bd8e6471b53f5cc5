"""Experiments as documents: one row each with the revision that holds, and every revision in a log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Connection, Row, bindparam, func, insert, literal_column, select, update

from server.errors import Conflict, NotFound
from server.store import codec, schema
from server.store.dialect import database_now_ms
from server.store.experiment_ports import ExperimentRow, ExperimentState, Refuse

_experiments, _log = schema.experiments, schema.experiment_log

_ROWS = select(_log)
_CURRENT = _ROWS.join(
    _experiments, (_experiments.c.id == _log.c.experiment_id) & (_experiments.c.revision == _log.c.revision)
).order_by(_log.c.experiment_id)
_ONE = _CURRENT.where(_log.c.experiment_id == bindparam("experiment"))
_IN_STATES = _CURRENT.where(_experiments.c.state.in_(bindparam("states", expanding=True)))
_HISTORY = _ROWS.where(_log.c.experiment_id == bindparam("experiment")).order_by(_log.c.revision)
_KNOWN = select(_experiments.c.id).where(_experiments.c.id == bindparam("experiment"))
# In the order of their ids, as whoever locks one by one does. Drafts too: two of them may be started at once.
_LOCK_OPEN = (
    select(_experiments.c.id)
    .where(_experiments.c.state != literal_column("'completed'"))
    .order_by(_experiments.c.id)
    .with_for_update()
)
_ADVANCE = (
    update(_experiments)
    .where(_experiments.c.id == bindparam("experiment"), _experiments.c.revision == bindparam("before"))
    .values(revision=bindparam("now_revision"), state=bindparam("now_state"))
)
# Revisions only grow and no experiment is ever removed, so their sum tells whether anything has changed.
_VERSION = select(func.coalesce(func.sum(_experiments.c.revision), 0))
_NOW = database_now_ms()
_LOOK = (
    update(_experiments)
    .where(_experiments.c.id == bindparam("experiment"), _experiments.c.looked_at_ms <= _NOW - bindparam("every"))
    .values(looked_at_ms=_NOW)
)


def put(connection: Connection, row: ExperimentRow, refuse: Refuse | None = None) -> Conflict | None:
    """Store a revision; an error where it is not the next one, or is refused."""
    if refuse is not None:
        connection.execute(_LOCK_OPEN)
        reason = refuse(several(connection, ("running", "paused")))
        if reason is not None:
            return Conflict(reason)
    if row.revision == 1:
        if connection.execute(_KNOWN, {"experiment": row.id}).first() is not None:
            return Conflict(f"There is an experiment {row.id!r} already; give another id.")
        connection.execute(insert(_experiments).values(id=row.id, revision=1, state=row.state, looked_at_ms=0))
    else:
        given = {"experiment": row.id, "before": row.revision - 1}
        changed = connection.execute(_ADVANCE, {**given, "now_revision": row.revision, "now_state": row.state})
        if changed.rowcount == 0:
            return Conflict(f"The experiment {row.id!r} was changed meanwhile; look at it again.")
    connection.execute(
        insert(_log).values(
            experiment_id=row.id,
            revision=row.revision,
            state=row.state,
            document_json=codec.encode_json(dict(row.document), "experiment"),
            verb=row.verb,
            by_id=row.by,
            note=row.note,
            at_ms=row.at_ms,
        )
    )
    return None


def one(connection: Connection, experiment_id: str) -> ExperimentRow | None:
    """As it stands."""
    found = connection.execute(_ONE, {"experiment": experiment_id}).first()
    return None if found is None else _row_of(found)


def several(connection: Connection, states: Sequence[ExperimentState] | None) -> list[ExperimentRow]:
    """By id."""
    if states is None:
        return [_row_of(row) for row in connection.execute(_CURRENT).all()]
    return [_row_of(row) for row in connection.execute(_IN_STATES, {"states": list(states)}).all()]


def history(connection: Connection, experiment_id: str) -> list[ExperimentRow]:
    """Every revision, ascending."""
    return [_row_of(row) for row in connection.execute(_HISTORY, {"experiment": experiment_id}).all()]


def version(connection: Connection) -> int:
    """Grows with every change."""
    return int(connection.execute(_VERSION).scalar_one())


def take_look(connection: Connection, experiment_id: str, every_ms: int) -> bool:
    """Whether the caller may look now."""
    return connection.execute(_LOOK, {"experiment": experiment_id, "every": every_ms}).rowcount > 0


def unknown(experiment_id: str) -> NotFound:
    """There is none of this id."""
    return NotFound(f"There is no experiment {experiment_id!r}.")


def _row_of(row: Row[*tuple[Any, ...]]) -> ExperimentRow:
    return ExperimentRow(
        id=row.experiment_id,
        revision=row.revision,
        state=cast(ExperimentState, row.state),
        document=codec.decode_mapping(row.document_json),
        verb=row.verb,
        by=row.by_id,
        at_ms=row.at_ms,
        note=row.note,
    )
