"""What customers thought of it and how conversations ended, by hour or day, counted in the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnClause, Connection, bindparam, case, exists, func, literal_column, or_, select

from server.store import schema
from server.store.alerts import floor_of, is_event
from server.store.desk_ports import SATISFIED
from server.store.live_ports import Outcome

_assessments, _messages, _ratings, _users = schema.assessments, schema.messages, schema.ratings, schema.users
_said = _messages.alias("said")
_CUSTOMER = _users.c.kind == literal_column("'customer'")
_SYSTEM: ColumnClause[str] = literal_column("'system'")
_TO_A_PERSON = or_(is_event("waiting"), is_event("claimed"))


def _place(at_ms: Any, span_ms: int) -> Any:
    # A whole number on every database: both divide integers so.
    return at_ms.op("/")(literal_column(str(span_ms))).label("place")


def _rated(span_ms: int) -> Any:
    place = _place(_assessments.c.at_ms, span_ms)
    return (
        select(
            place,
            func.count().label("ratings"),
            func.sum(_assessments.c.rating).label("rating_sum"),
            func.sum(case((_assessments.c.rating >= literal_column(str(SATISFIED)), 1), else_=0)).label("satisfied"),
        )
        .join_from(_assessments, _users, _users.c.id == _assessments.c.user_id)
        .where(_assessments.c.at_ms >= bindparam("since_ms"), _CUSTOMER)
        .group_by(place)
    )


def _thumbs(span_ms: int) -> Any:
    place = _place(_ratings.c.at_ms, span_ms)
    half: ColumnClause[float] = literal_column("0.5")
    return (
        select(
            place,
            func.sum(case((_ratings.c.rating > half, 1), else_=0)).label("thumbs_up"),
            func.sum(case((_ratings.c.rating < half, 1), else_=0)).label("thumbs_down"),
        )
        .join_from(_ratings, _users, _users.c.id == _ratings.c.user_id)
        # Along the primary key: an answer is older than what is thought of it, seldom by more than a span.
        .where(_ratings.c.message_id >= bindparam("floor"), _ratings.c.at_ms >= bindparam("since_ms"), _CUSTOMER)
        .group_by(place)
    )


def _ended(span_ms: int) -> Any:
    place = _place(_messages.c.at_ms, span_ms)
    met_a_person = exists().where(
        _said.c.conversation_id == _messages.c.conversation_id,
        _said.c.sender_kind == _SYSTEM,
        or_(is_event("waiting", _said), is_event("claimed", _said)),
    )
    alone = case((is_event("resolved") & ~met_a_person, _messages.c.conversation_id))
    handed = case((_TO_A_PERSON, _messages.c.conversation_id))
    return (
        select(
            place,
            func.count(alone.distinct()).label("resolved"),
            func.count(handed.distinct()).label("handed_over"),
        )
        .where(
            _messages.c.sender_kind == _SYSTEM,
            _messages.c.message_id >= bindparam("floor"),
            or_(is_event("resolved"), _TO_A_PERSON),
        )
        .group_by(place)
    )


def by_span(connection: Connection, since_ms: int, span_ms: int) -> list[Outcome]:
    """The earliest first; spans without anything are left out. ``span_ms`` stands in the statement."""
    floor = floor_of(since_ms)
    found: dict[int, dict[str, Any]] = {}
    queries = (
        (_rated(span_ms), {"since_ms": since_ms}),
        (_thumbs(span_ms), {"since_ms": since_ms, "floor": floor}),
        (_ended(span_ms), {"floor": floor}),
    )
    for query, given in queries:
        for row in connection.execute(query, given).mappings():
            values = {name: value for name, value in row.items() if name != "place"}
            found.setdefault(int(row["place"]), {}).update(values)
    return [
        Outcome(
            at_ms=place * span_ms,
            ratings=int(values.get("ratings", 0)),
            rating_sum=float(values.get("rating_sum", 0.0)),
            satisfied=int(values.get("satisfied", 0)),
            thumbs_up=int(values.get("thumbs_up", 0)),
            thumbs_down=int(values.get("thumbs_down", 0)),
            resolved=int(values.get("resolved", 0)),
            handed_over=int(values.get("handed_over", 0)),
        )
        for place, values in sorted(found.items())
    ]
