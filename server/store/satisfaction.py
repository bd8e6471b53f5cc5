"""How satisfied customers were with the agents who resolved their conversations, summed in the database."""

from __future__ import annotations

from typing import Final

import orjson
from sqlalchemy import Connection, bindparam, case, func, literal_column, select

from server.store import schema
from server.store.desk_ports import SATISFIED, Satisfaction

DAY_MS: Final = 86_400_000

_assessments, _messages = schema.assessments, schema.messages

_LAST_RESOLVED = (
    select(_messages.c.data_json)
    .where(
        _messages.c.conversation_id == bindparam("conversation"),
        _messages.c.sender_kind == literal_column("'system'"),
        _messages.c.data_json.contains('"resolved"', autoescape=True),
    )
    .order_by(_messages.c.offset.desc())
    .limit(1)
)
# A whole number on every database: SQLite divides integers so, PostgreSQL too.
_DAY = (_assessments.c.at_ms.op("/")(literal_column(str(DAY_MS)))).label("day")
_SUMS = (
    select(
        _assessments.c.agent_id,
        schema.users.c.name,
        _DAY,
        func.count().label("ratings"),
        func.sum(_assessments.c.rating).label("total"),
        func.sum(case((_assessments.c.rating >= literal_column(str(SATISFIED)), 1), else_=0)).label("satisfied"),
    )
    .select_from(_assessments.outerjoin(schema.users, schema.users.c.id == _assessments.c.agent_id))
    .where(
        _assessments.c.agent_id.is_not(None),
        _assessments.c.at_ms >= bindparam("from_ms"),
        _assessments.c.at_ms < bindparam("to_ms"),
    )
    .group_by(_assessments.c.agent_id, schema.users.c.name, _DAY)
    .order_by(_DAY, _assessments.c.agent_id)
)


def resolver(connection: Connection, conversation: str) -> str | None:
    """The agent who resolved the conversation last; None where none has."""
    data = connection.scalar(_LAST_RESOLVED, {"conversation": conversation})
    agent = None if data is None else orjson.loads(data).get("agent")
    return agent["id"] if isinstance(agent, dict) else None


def sums(connection: Connection, from_ms: int, to_ms: int) -> list[Satisfaction]:
    """By day and agent."""
    found = connection.execute(_SUMS, {"from_ms": from_ms, "to_ms": to_ms}).all()
    return [
        Satisfaction(row.agent_id, row.name, int(row.day), row.ratings, float(row.total), int(row.satisfied))
        for row in found
    ]
