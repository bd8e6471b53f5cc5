"""The inbox of doubts: reading, judging, letting go."""

from __future__ import annotations

from typing import Any, cast

import orjson
from sqlalchemy import Connection, Row, bindparam, case, delete, func, literal_column, select, update

from server.errors import NotFound
from server.store import codec, schema
from server.store.inbox_ports import Agreement, Doubt, DoubtState, InboxItem, Judgement

_doubts, _messages = schema.doubts, schema.messages

DOUBT_COLUMNS = ("turn_id", "at_ms", "said", "confidence", "guesses_json", "out_of_scope", "language", "model", "state")
"""What a new doubt has; nobody has judged it yet."""

_IN_STATE = _doubts.c.state == bindparam("state")
_ITEMS = select(
    *_doubts.c,
    _messages.c.conversation_id,
    _messages.c.offset,
    _messages.c.text,
    _messages.c.at_ms.label("asked_at_ms"),
).join_from(_doubts, _messages, _messages.c.message_id == _doubts.c.turn_id)
_NEWEST = _ITEMS.order_by(_doubts.c.turn_id.desc()).limit(bindparam("most"))
_ITEM = _ITEMS.where(_doubts.c.turn_id == bindparam("turn"))
_JUDGE = (
    update(_doubts)
    .where(_doubts.c.turn_id == bindparam("turn"))
    .values(
        state=bindparam("now_state"),
        label=bindparam("now_label"),
        judged_by=bindparam("by"),
        judged_at_ms=bindparam("at"),
    )
)
# Literals, not parameters: the index of open doubts serves only a query that says so itself.
_IS_OPEN = _doubts.c.state == literal_column("'open'")
_IS_LABELLED = _doubts.c.state == literal_column("'labelled'")
_LABELS = select(_doubts.c.label).distinct().where(_IS_LABELLED).order_by(_doubts.c.label)
_COUNT_OPEN = select(func.count()).select_from(_doubts).where(_IS_OPEN)
# Rows that another worker holds are its to let go, so that two workers never wait for each other.
_OLD = (
    select(_doubts.c.turn_id)
    .where(~_IS_LABELLED, _doubts.c.at_ms < bindparam("before_ms"))
    .order_by(_doubts.c.turn_id)
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_SURPLUS = (
    select(_doubts.c.turn_id)
    .where(_IS_OPEN)
    .order_by(_doubts.c.turn_id.desc())
    .offset(bindparam("keep"))
    .limit(bindparam("most"))
    .with_for_update(skip_locked=True)
)
_LET_GO = delete(_doubts).where(_doubts.c.turn_id.in_(bindparam("ids", expanding=True)))
_AGREEMENT = (
    select(
        _doubts.c.model,
        func.count().label("labelled"),
        func.sum(case((_doubts.c.label == _doubts.c.said, 1), else_=0)).label("agreed"),
    )
    .where(_IS_LABELLED, _doubts.c.at_ms >= bindparam("since_ms"))
    .group_by(_doubts.c.model)
    .order_by(_doubts.c.model)
)


def row_of(turn_id: str, at_ms: int, doubt: Doubt) -> tuple[object, ...]:
    """Values in the order of ``DOUBT_COLUMNS``."""
    guesses = codec.encode_json([list(guess) for guess in doubt.guesses], "guesses")
    told = (doubt.said, doubt.confidence, guesses, doubt.out_of_scope, doubt.language, doubt.model)
    return (turn_id, at_ms, *told, "open")


def items(
    connection: Connection, state: DoubtState | None, model: str | None, before: str | None, limit: int
) -> list[InboxItem]:
    """The newest first."""
    query, values = _NEWEST, {"most": limit, "state": state, "model": model, "before": before}
    if state is not None:
        query = query.where(_IN_STATE)
    if model is not None:
        query = query.where(_doubts.c.model == bindparam("model"))
    if before is not None:
        query = query.where(_doubts.c.turn_id < bindparam("before"))
    given = {name: value for name, value in values.items() if value is not None}
    return [_item_of(row) for row in connection.execute(query, given).all()]


def judge(connection: Connection, judgement: Judgement) -> InboxItem | NotFound:
    """The item as it stands then, or an error where there is none."""
    values = {
        "turn": judgement.turn_id,
        "now_state": "dismissed" if judgement.label is None else "labelled",
        "now_label": judgement.label,
        "by": judgement.by,
        "at": judgement.at_ms,
    }
    if connection.execute(_JUDGE, values).rowcount == 0:
        return NotFound(f"There is no turn {judgement.turn_id!r} in the inbox; it may have lapsed.")
    return _item_of(connection.execute(_ITEM, {"turn": judgement.turn_id}).one())


def labels(connection: Connection) -> list[str]:
    """Ascending."""
    return [str(name) for name in connection.scalars(_LABELS)]


def count_open(connection: Connection) -> int:
    """How many wait."""
    return connection.execute(_COUNT_OPEN).scalar_one()


def lapse(connection: Connection, before_ms: int, keep: int, limit: int) -> int:
    """How many went."""
    old = list(connection.scalars(_OLD, {"before_ms": before_ms, "most": limit}))
    surplus = list(connection.scalars(_SURPLUS, {"keep": keep, "most": limit}))
    ids = sorted({*old, *surplus})
    if ids:
        connection.execute(_LET_GO, {"ids": ids})
    return len(ids)


def agreement(connection: Connection, since_ms: int | None = None) -> list[Agreement]:
    """By model."""
    found = connection.execute(_AGREEMENT, {"since_ms": 0 if since_ms is None else since_ms}).all()
    return [Agreement(row.model, row.labelled, row.agreed) for row in found]


def _item_of(row: Row[*tuple[Any, ...]]) -> InboxItem:
    guesses = tuple((str(name), float(probability)) for name, probability in orjson.loads(row.guesses_json))
    return InboxItem(
        turn_id=row.turn_id,
        channel=codec.channel_of(row.conversation_id),
        offset=row.offset,
        at_ms=row.asked_at_ms,
        text=row.text,
        doubt=Doubt(row.said, row.confidence, guesses, row.out_of_scope, row.language, row.model),
        state=cast(DoubtState, row.state),
        label=row.label,
        judged_by=row.judged_by,
        judged_at_ms=row.judged_at_ms,
    )
