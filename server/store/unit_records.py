"""What the users of an experiment did since they were first shown it, added up per user by the database.

Every query is about the users of one page, so that none keeps a connection for long, however many there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, case, distinct, exists, func, or_, select, union_all

from server.store import schema
from server.store.experiment_ports import UnitRecord, Window

_exposures, _turns, _messages = schema.exposures, schema.trial_turns, schema.messages
_conversations, _events = schema.conversations, schema.goal_events
_ratings, _assessments = schema.ratings, schema.assessments

DAY_MS = 86_400_000
"""A return is a turn a day after the exposure, or later."""

_OURS = and_(
    _exposures.c.experiment_id == bindparam("experiment"),
    _exposures.c.at_ms <= bindparam("until"),
    _exposures.c.unit > bindparam("after"),
)
PAGE = (
    select(_exposures.c.unit, _exposures.c.variant, _exposures.c.at_ms)
    .where(_OURS)
    .order_by(_exposures.c.unit)
    .limit(bindparam("most"))
)
_ON_PAGE = and_(_OURS, _exposures.c.unit <= bindparam("last"))
_OWN_TURN = and_(
    _turns.c.user_id == _exposures.c.unit,
    _turns.c.at_ms >= _exposures.c.at_ms,
    _turns.c.at_ms <= bindparam("until"),
)
_REPLIES = _turns.c.reply_to_ms >= _exposures.c.at_ms
_RETURNS = and_(
    _turns.c.at_ms >= _exposures.c.at_ms + DAY_MS, _turns.c.at_ms <= _exposures.c.at_ms + bindparam("retention")
)

TALKS = (
    select(
        _exposures.c.unit,
        _turns.c.conversation_id,
        func.count().label("turns"),
        func.sum(case((_REPLIES, 1), else_=0)).label("replies"),
        func.sum(case((_REPLIES, _turns.c.sentiment_score), else_=0.0)).label("sentiment_sum"),
        func.sum(_turns.c.response_ms).label("response_ms_sum"),
        func.sum(case((_RETURNS, 1), else_=0)).label("returns"),
        func.max(_turns.c.at_ms).label("last_ms"),
        _conversations.c.resolved,
    )
    .join_from(_exposures, _turns, _OWN_TURN)
    .join(_conversations, _conversations.c.id == _turns.c.conversation_id)
    .where(_ON_PAGE)
    .group_by(_exposures.c.unit, _turns.c.conversation_id, _conversations.c.resolved)
)
_TALKS = (
    select(_exposures.c.unit, _exposures.c.at_ms, _turns.c.conversation_id)
    .distinct()
    .join_from(_exposures, _turns, _OWN_TURN)
    .where(_ON_PAGE)
    .subquery("talks")
)
# As ``Ledger.say`` writes it: to the queue, or taken over from the bot.
_TO_A_PERSON = or_(_messages.c.data_json.like('{"event":"waiting"%'), _messages.c.data_json.like('{"event":"claimed"%'))
HANDOFFS = (
    select(_TALKS.c.unit, func.count().label("handoffs"))
    .where(
        exists().where(
            _messages.c.conversation_id == _TALKS.c.conversation_id,
            _messages.c.sender_kind == "system",
            _messages.c.at_ms >= _TALKS.c.at_ms,
            _messages.c.at_ms <= bindparam("until"),
            _TO_A_PERSON,
        )
    )
    .group_by(_TALKS.c.unit)
)
_RATED_TALKS = select(_TALKS.c.unit, _assessments.c.rating).join_from(
    _TALKS,
    _assessments,
    and_(
        _assessments.c.conversation_id == _TALKS.c.conversation_id,
        _assessments.c.user_id == _TALKS.c.unit,
        _assessments.c.at_ms >= _TALKS.c.at_ms,
        _assessments.c.at_ms <= bindparam("until"),
    ),
)
_RATED_ANSWERS = (
    select(_exposures.c.unit, _ratings.c.rating)
    .join_from(_exposures, _turns, _OWN_TURN)
    .join(
        _ratings,
        and_(
            _ratings.c.message_id == _turns.c.message_id,
            _ratings.c.user_id == _exposures.c.unit,
            _ratings.c.at_ms <= bindparam("until"),
        ),
    )
    .where(_ON_PAGE)
)
_RATED = union_all(_RATED_TALKS, _RATED_ANSWERS).subquery("rated")
RATINGS = select(_RATED.c.unit, func.sum(_RATED.c.rating).label("rating_sum"), func.count().label("ratings")).group_by(
    _RATED.c.unit
)
GOALS = (
    select(_exposures.c.unit, func.count(distinct(_events.c.key)).label("goals"))
    .join_from(
        _exposures,
        _events,
        and_(
            _events.c.user_id == _exposures.c.unit,
            _events.c.name == bindparam("goal"),
            _events.c.at_ms >= _exposures.c.at_ms,
            _events.c.at_ms <= bindparam("until"),
        ),
    )
    .where(_ON_PAGE)
    .group_by(_exposures.c.unit)
)


def values_of(window: Window, after: str | None) -> dict[str, Any]:
    """The parameters that every query takes."""
    return {"experiment": window.experiment_id, "until": window.until_ms, "after": after or ""}


def page(connection: Connection, values: Mapping[str, Any], limit: int) -> dict[str, UnitRecord]:
    """The users of one page, by unit, ascending; nothing is known yet of what they did."""
    rows = connection.execute(PAGE, {**values, "most": limit}).all()
    return {row.unit: UnitRecord(row.unit, row.variant, row.at_ms) for row in rows}


def add_talks(connection: Connection, found: dict[str, UnitRecord], window: Window, values: Mapping[str, Any]) -> None:
    """Add what was said; an answer that may still be replied to counts neither way."""
    given = {**values, "retention": window.retention_ms}
    for row in connection.execute(TALKS, given).all():
        record = found.get(row.unit)
        if record is None:  # exposed since the page was read
            continue
        record.conversations += 1
        record.turns += row.turns
        record.replies += row.replies
        record.answers += row.turns - (row.last_ms > window.settled_before_ms)
        record.sentiment_sum += row.sentiment_sum
        record.sentiments += row.replies
        record.response_ms_sum += int(row.response_ms_sum)
        record.returns += row.returns
        record.resolved += bool(row.resolved)


def add_sums(
    connection: Connection, found: dict[str, UnitRecord], query: Select[Any], values: Mapping[str, Any]
) -> None:
    """Add the columns of ``HANDOFFS``, ``RATINGS`` or ``GOALS``, whose names are the record's."""
    for row in connection.execute(query, dict(values)).all():
        record = found.get(row.unit)
        if record is not None:
            for name, value in row._mapping.items():
                setattr(record, name, value)
