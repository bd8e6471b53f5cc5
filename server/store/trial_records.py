"""What turns tell experiments, written with their answers; and goal events."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from server.errors import Conflict
from server.store import schema
from server.store.batch import Batch
from server.store.experiment_ports import GoalEvent
from server.store.operations import AnswerOp

_exposures, _events = schema.exposures, schema.goal_events

TURN_COLUMNS = tuple(column.name for column in schema.trial_turns.c)
"""What a turn's record has, in the order of ``turn_row``."""

_EXPOSED = tuple(column.name for column in _exposures.c)
# The first exposure stays: who has been recorded elsewhere meanwhile is passed over.
_EXPOSE = {
    "sqlite": Batch(sqlite.insert(_exposures).on_conflict_do_nothing(), _EXPOSED),
    "postgresql": Batch(postgresql.insert(_exposures).on_conflict_do_nothing(), _EXPOSED),
}
_OF_USER = select(_exposures.c.experiment_id, _exposures.c.variant).where(_exposures.c.unit == bindparam("user"))
_EVENT = select(_events.c.name).where(_events.c.user_id == bindparam("user"), _events.c.key == bindparam("of"))


def turn_row(op: AnswerOp) -> tuple[object, ...]:
    """The record of an answered turn that is part of an experiment."""
    answer, trial = op.answer, op.answer.trial
    assert trial is not None  # noqa: S101 - the caller chose so
    of = (answer.turn.turn_id, trial.user_id, op.conversation, answer.message_id, answer.at_ms)
    return (*of, trial.response_ms, trial.sentiment_score, trial.reply_to_ms)


def expose(connection: Connection, answers: Sequence[AnswerOp]) -> None:
    """Note first exposures, in the order of their keys: two workers may wait for each other, but not in a circle."""
    rows = {
        (one.experiment_id, one.unit): (one.experiment_id, one.unit, one.variant, one.at_ms)
        for op in reversed(answers)
        if op.answer.trial is not None
        for one in op.answer.trial.exposures
    }
    if rows:
        _EXPOSE[connection.dialect.name].run(connection, [rows[key] for key in sorted(rows)])


def exposures_of(connection: Connection, user_id: str) -> dict[str, str]:
    """Variants by experiment."""
    return {row.experiment_id: row.variant for row in connection.execute(_OF_USER, {"user": user_id}).all()}


def add_event(connection: Connection, event: GoalEvent) -> bool | Conflict:
    """Whether it is new; an error where its key has another name."""
    stored = connection.execute(_EVENT, {"user": event.user_id, "of": event.key}).scalar_one_or_none()
    if stored is None:
        values = {"user_id": event.user_id, "key": event.key, "name": event.name, "at_ms": event.at_ms}
        connection.execute(insert(_events).values(**values))
        return True
    if stored != event.name:
        return Conflict(f"The key {event.key!r} was used for the event {stored!r} of this user.")
    return False
