"""Language models' use: one row per turn that asked one, sums over them, and what a turn reads before it asks."""

from __future__ import annotations

from typing import Any, Final

import orjson
from sqlalchemy import Connection, Select, bindparam, case, func, insert, literal_column, select

from server.store import history, schema
from server.store.batch import Batch
from server.store.usage_ports import Amount, ContextWish, LanguageContext, ModelUsage, RatedTurn, Spent, UsageSum

_usage, _messages, _ratings = schema.model_usage, schema.messages, schema.ratings

COLUMNS = tuple(column.name for column in _usage.c)
INSERT = Batch(insert(_usage), COLUMNS)

_SUMS = (
    func.coalesce(func.sum(_usage.c.prompt_tokens + _usage.c.completion_tokens), 0),
    func.coalesce(func.sum(_usage.c.cost_micros), 0),
)
_SINCE = _usage.c.at_ms >= bindparam("since_ms")
_SPENT_HERE = select(*_SUMS).where(_usage.c.conversation_id == bindparam("conversation"))
_SPENT_BY_USER = select(*_SUMS).where(_usage.c.user_id == bindparam("user"), _SINCE)
_SPENT_BY_ALL = select(*_SUMS).where(_SINCE)
_WRITTEN_ON = (
    select(_messages.c.offset)
    .where(
        _messages.c.conversation_id == bindparam("conversation"),
        _messages.c.offset > bindparam("position"),
        _messages.c.sender_kind == literal_column("'customer'"),
    )
    .limit(1)
)
_METADATA = select(schema.conversations.c.metadata_json).where(schema.conversations.c.id == bindparam("conversation"))
MAX_PREFERENCES: Final = 8
_question = _messages.alias("question")
_RATED = (
    select(_question.c.text.label("question"), _messages.c.text.label("answer"))
    .join_from(_ratings, _messages, _ratings.c.message_id == _messages.c.message_id)
    .join(_question, _messages.c.answers == _question.c.message_id)
    .where(_ratings.c.user_id == bindparam("user"), _ratings.c.rating >= bindparam("rating_from"))
    .order_by(_ratings.c.at_ms.desc(), _ratings.c.message_id.desc())
    .limit(bindparam("most"))
)
_GROUPS = (_usage.c.model, _usage.c.persona, _usage.c.variant)
_BY_MODEL = (
    select(
        *_GROUPS,
        func.count().label("uses"),
        func.sum(case((_usage.c.outcome == literal_column("'answered'"), 1), else_=0)).label("answered"),
        func.sum(_usage.c.prompt_tokens).label("prompt_tokens"),
        func.sum(_usage.c.completion_tokens).label("completion_tokens"),
        func.sum(_usage.c.cost_micros).label("cost_micros"),
        func.avg(_usage.c.first_token_ms).label("first_token_ms"),
        func.avg(_usage.c.total_ms).label("total_ms"),
    )
    .where(_SINCE, _usage.c.at_ms < bindparam("until_ms"))
    .group_by(*_GROUPS)
    .order_by(_usage.c.model, _usage.c.persona, func.coalesce(_usage.c.variant, literal_column("''")))
)


def row_of(turn_id: str, conversation: str, usage: ModelUsage) -> tuple[object, ...]:
    """Values in the order of ``COLUMNS``."""
    return (
        usage.usage_id,
        turn_id,
        conversation,
        usage.user_id,
        usage.model,
        usage.persona,
        usage.variant,
        usage.outcome,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.estimated,
        usage.cost_micros,
        usage.first_token_ms,
        usage.total_ms,
        usage.tries,
        usage.at_ms,
    )


def context(connection: Connection, conversation: str, wish: ContextWish) -> LanguageContext:
    """All that a turn wants to know."""
    here = {"conversation": conversation, "position": wish.offset}
    rated = {"user": wish.user_id, "rating_from": wish.rating_from, "most": wish.rated}
    return LanguageContext(
        window=tuple(history.before(connection, conversation, wish.offset, wish.window)),
        written_on=connection.execute(_WRITTEN_ON, here).first() is not None,
        rated=tuple(RatedTurn(*row) for row in connection.execute(_RATED, rated)) if wish.rated else (),
        spent=None if wish.since_ms is None else _spent(connection, conversation, wish.user_id, wish.since_ms),
        preferences=preferences_of(connection.scalar(_METADATA, {"conversation": conversation})),
    )


def preferences_of(metadata_json: str | None) -> tuple[str, ...]:
    """``preferences`` of a conversation's metadata, which whoever opened it gave: a list of texts, or texts and numbers
    by name. What is neither is passed over (pure)."""
    metadata = orjson.loads(metadata_json) if metadata_json else None
    found = metadata.get("preferences") if isinstance(metadata, dict) else None
    if isinstance(found, dict):
        found = [f"{name}: {value}" for name, value in found.items() if _says_something(value)]
    texts = [one.strip() for one in found if isinstance(one, str)] if isinstance(found, list) else []
    return tuple(text for text in texts if text)[:MAX_PREFERENCES]


def _says_something(value: object) -> bool:
    return isinstance(value, str | int | float) and value != "" and not isinstance(value, bool)


def _spent(connection: Connection, conversation: str, user_id: str, since_ms: int) -> Spent:
    return Spent(
        conversation=_amount(connection, _SPENT_HERE, conversation=conversation),
        user=_amount(connection, _SPENT_BY_USER, user=user_id, since_ms=since_ms),
        everybody=_amount(connection, _SPENT_BY_ALL, since_ms=since_ms),
    )


def _amount(connection: Connection, query: Select[Any], **values: object) -> Amount:
    tokens, cost_micros = connection.execute(query, values).one()
    return Amount(int(tokens), int(cost_micros))


def sums(connection: Connection, since_ms: int, until_ms: int) -> list[UsageSum]:
    """By model, persona and variant."""
    return [
        UsageSum(
            row.model,
            row.persona,
            row.variant,
            int(row.uses),
            int(row.answered),
            int(row.prompt_tokens),
            int(row.completion_tokens),
            int(row.cost_micros),
            None if row.first_token_ms is None else float(row.first_token_ms),
            float(row.total_ms),
        )
        for row in connection.execute(_BY_MODEL, {"since_ms": since_ms, "until_ms": until_ms}).all()
    ]
