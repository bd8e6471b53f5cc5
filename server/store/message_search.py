"""Search over messages: SQLite's FTS5 and PostgreSQL's tsvector behind one set of functions.

Both keep the words of ``plain_words``, so that they find the same. The words of a conversation are entered in the order
of its offsets under a lock on how far it has come: what is missed once is found by the next call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from sqlalchemy import BindParameter, Connection, Row, bindparam, func, insert, literal_column, select, text, update

from server.knowledge.plain_words import words_of
from server.store import codec, schema
from server.store.dialect import Database
from server.store.query import run_many
from server.store.search_ports import Found, Search
from server.wire.parts import Kind, State, User

_conversations, _messages = schema.conversations, schema.messages
_searched, _rows = schema.searched, schema.search_rows

_BEHIND = (
    select(_conversations.c.id)
    .outerjoin(_searched, _searched.c.conversation_id == _conversations.c.id)
    .where(
        _conversations.c.id > bindparam("after"),
        _conversations.c.last_offset > func.coalesce(_searched.c.last_offset, 0),
    )
    .order_by(_conversations.c.id)
    .limit(bindparam("most"))
)
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_LOCK = (
    select(_searched.c.conversation_id)
    .where(_searched.c.conversation_id.in_(_IDS))
    .order_by(_searched.c.conversation_id)
    .with_for_update()
)
_NEW = (
    select(
        _messages.c.message_id,
        _messages.c.conversation_id,
        _messages.c.offset,
        _messages.c.sender_kind,
        _messages.c.text,
    )
    .join_from(_searched, _messages, _messages.c.conversation_id == _searched.c.conversation_id)
    .where(_searched.c.conversation_id.in_(_IDS), _messages.c.offset > _searched.c.last_offset)
    .order_by(_messages.c.conversation_id, _messages.c.offset)
    .limit(bindparam("most"))
)
_ADD_ROWS = insert(_rows).returning(_rows.c.number, _rows.c.message_id)
_ADVANCE = (
    update(_searched)
    .where(_searched.c.conversation_id == bindparam("conversation"))
    .values(last_offset=bindparam("position"))
)
_SQLITE_ADD: Final = "INSERT INTO message_text (rowid, words) VALUES (?, ?)"
_PG_ADD: Final = (
    "INSERT INTO message_text (number, words) SELECT number, array_to_tsvector(string_to_array(words, ' ')) "
    "FROM unnest($1::INTEGER[], $2::TEXT[]) AS new (number, words)"
)


class Indexer:
    """Enters messages into the search."""

    def __init__(self, database: Database) -> None:
        self._begin = database.upsert(_searched, ["conversation_id"], [])

    def __call__(self, connection: Connection, conversations: Sequence[str], limit: int) -> int:
        """How many messages were entered. A few statements, however many there are: others wait for the commit."""
        ids = sorted(set(conversations))
        if not ids:
            return 0
        connection.execute(self._begin, [{"conversation_id": one, "last_offset": 0} for one in ids])
        connection.execute(_LOCK, {"ids": ids}).all()
        new = connection.execute(_NEW, {"ids": ids, "most": limit}).all()
        if not new:
            return 0
        words = {row.message_id: words_of(row.text) for row in new if row.sender_kind != "system"}
        _add(connection, {message_id: " ".join(found) for message_id, found in words.items() if found})
        last = {row.conversation_id: row.offset for row in new}  # they ascend
        connection.execute(
            _ADVANCE, [{"conversation": conversation, "position": offset} for conversation, offset in last.items()]
        )
        return len(new)


def _add(connection: Connection, words: Mapping[str, str]) -> None:
    if not words:
        return
    added = connection.execute(_ADD_ROWS, [{"message_id": message_id} for message_id in words]).all()
    rows = [(row.number, words[row.message_id]) for row in added]
    if _is_sqlite(connection):
        run_many(connection, _SQLITE_ADD, rows)
    else:
        run_many(connection, _PG_ADD, ([number for number, _ in rows], [text for _, text in rows]))


def unindexed(connection: Connection, after: str, limit: int) -> list[str]:
    """Channels, ascending."""
    return [codec.channel_of(found) for found in connection.scalars(_BEHIND, {"after": after, "most": limit})]


# --------------------------------------------------------------------------- finding

_customer, _agent = schema.users.alias("customer"), schema.users.alias("agent")
_FOUND = (
    select(
        *codec.MESSAGE_COLUMNS,
        _conversations.c.state,
        _conversations.c.resolved,
        _customer.c.id.label("customer_id"),
        _customer.c.kind.label("customer_kind"),
        _customer.c.name.label("customer_name"),
        _agent.c.id.label("agent_id"),
        _agent.c.kind.label("agent_kind"),
        _agent.c.name.label("agent_name"),
    )
    .join_from(_messages, _conversations, _conversations.c.id == _messages.c.conversation_id)
    .join(_customer, _customer.c.id == _conversations.c.opener_id)
    .outerjoin(_agent, _agent.c.id == _conversations.c.agent_id)
)
_NEWEST = (_messages.c.at_ms.desc(), _messages.c.conversation_id.desc())
_SQLITE_HITS: Final = "SELECT rowid AS number FROM message_text WHERE message_text MATCH :words"
_PG_HITS: Final = "SELECT number FROM message_text WHERE words @@ CAST(CAST(:words AS TEXT) AS TSQUERY)"
_MEMBER = (
    select(literal_column("1"))
    .where(
        schema.members.c.conversation_id == _conversations.c.id,
        schema.members.c.user_id == bindparam("agent"),
    )
    .correlate(_conversations)
    .exists()
)


def search(connection: Connection, search: Search) -> list[Found]:
    """Newest first."""
    values: dict[str, object] = {"most": search.limit}
    conditions: list[Any] = []
    if search.customer is not None:
        values |= {"customer": search.customer, "customer_name": search.customer.lower()}
        conditions.append(
            (_customer.c.id == bindparam("customer")) | (func.lower(_customer.c.name) == bindparam("customer_name"))
        )
    if search.agent is not None:
        values["agent"] = search.agent
        conditions.append(_MEMBER)
    if search.state == "resolved":
        conditions.append(_conversations.c.resolved)
    elif search.state is not None:
        values["state"] = search.state
        conditions += [_conversations.c.state == bindparam("state"), ~_conversations.c.resolved]
    for name, column in (
        ("from_ms", _messages.c.at_ms >= bindparam("from_ms")),
        ("to_ms", _messages.c.at_ms < bindparam("to_ms")),
    ):
        if (value := getattr(search, name)) is not None:
            values[name] = value
            conditions.append(column)
    if search.words is None:
        query = _FOUND.add_columns(literal_column("1").label("hits"))
        conditions.append(_messages.c.offset == _conversations.c.last_offset)
    else:
        values["words"] = _query(connection, search.words)
        query, more = _with_words(connection, conditions)
        conditions = more
    if search.before is not None:
        at_ms, channel = search.before
        values |= {"before_ms": at_ms, "before_id": channel.removeprefix(codec.CHANNEL_PREFIX)}
        conditions.append(
            (_messages.c.at_ms < bindparam("before_ms"))
            | ((_messages.c.at_ms == bindparam("before_ms")) & (_messages.c.conversation_id < bindparam("before_id")))
        )
    query = query.where(*conditions).order_by(*_NEWEST).limit(bindparam("most"))
    return [_found(row) for row in connection.execute(query, values).all()]


def _with_words(connection: Connection, conditions: list[Any]) -> tuple[Any, list[Any]]:
    """Of each conversation the newest message that has the words and meets the conditions."""
    hits = text(_SQLITE_HITS if _is_sqlite(connection) else _PG_HITS).columns(_rows.c.number).subquery("hits")
    best = (
        select(
            _messages.c.conversation_id,
            func.max(_messages.c.offset).label("newest"),
            func.count().label("hits"),
        )
        .join_from(hits, _rows, _rows.c.number == hits.c.number)
        .join(_messages, _messages.c.message_id == _rows.c.message_id)
        .join(_conversations, _conversations.c.id == _messages.c.conversation_id)
        .join(_customer, _customer.c.id == _conversations.c.opener_id)
        .where(*conditions)
        .group_by(_messages.c.conversation_id)
        .subquery("best")
    )
    query = _FOUND.add_columns(best.c.hits).join(
        best, (best.c.conversation_id == _messages.c.conversation_id) & (best.c.newest == _messages.c.offset)
    )
    return query, []


def _query(connection: Connection, words: Sequence[str]) -> str:
    """Every word must begin one of the message's. They hold letters and digits only."""
    if _is_sqlite(connection):
        return " AND ".join(f'"{word}"*' for word in words)
    return " & ".join(f"'{word}':*" for word in words)


def _found(row: Row[*tuple[Any, ...]]) -> Found:
    agent = None if row.agent_id is None else User(row.agent_id, cast(Kind, row.agent_kind), row.agent_name)
    return Found(
        channel=codec.channel_of(row.conversation_id),
        state=cast(State, row.state),
        resolved=bool(row.resolved),
        agent=agent,
        customer=User(row.customer_id, cast(Kind, row.customer_kind), row.customer_name),
        message=codec.message_of(row),
        hits=row.hits,
    )


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"
