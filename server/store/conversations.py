"""Opening conversations, and how one looks to a user."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Row, ScalarSelect, bindparam, func, insert, literal_column, select

from server.errors import Conflict, NotFound
from server.store import codec, schema
from server.store.batch import Batch
from server.store.dialect import Database
from server.store.lookup import Lookup
from server.store.operations import OpenOp
from server.store.ports import Head, Opened
from server.store.query import Query
from server.wire.parts import Conversation, Kind, LastMessage, State, User

_conversations, _members, _messages = schema.conversations, schema.members, schema.messages
_receipts, _users = schema.receipts, schema.users
_last = _messages.alias("last")
_agent = _users.alias("agent")
_own = _messages.alias("own")

FOR_EVER_MS = 2**63 - 1

_READ_OFFSET = func.coalesce(_receipts.c.read_offset, 0)


def _own_unread(*where: ColumnElement[bool]) -> ScalarSelect[int]:
    unread = (_own.c.conversation_id == _conversations.c.id, _own.c.offset > _READ_OFFSET)
    return select(func.count()).where(*unread, *where).correlate(_conversations, _receipts).scalar_subquery()


# Up to there few rows are looked at, by their offsets; the empty text keeps the index of keys away, which would lead
# through all that the user ever wrote. From there on there is an index that tells the user's from the others'.
_OWN_UNREAD = _own_unread(
    _own.c.offset <= literal_column(str(schema.LONG)), _own.c.sender_id.concat("") == bindparam("user_id")
) + _own_unread(_own.c.offset > literal_column(str(schema.LONG)), _own.c.sender_id == bindparam("user_id"))
_VIEW = select(
    _conversations.c.id,
    _conversations.c.state,
    _conversations.c.resolved,
    _conversations.c.at_ms,
    _conversations.c.last_offset,
    _READ_OFFSET.label("read_offset"),
    (_conversations.c.last_offset - _READ_OFFSET - _OWN_UNREAD).label("unread"),
    _agent.c.id.label("agent_id"),
    _agent.c.kind.label("agent_kind"),
    _agent.c.name.label("agent_name"),
    _last.c.sender_id,
    _last.c.sender_kind,
    _last.c.sender_name,
    _last.c.text.label("last_text"),
    _last.c.at_ms.label("last_at_ms"),
).select_from(
    _conversations.outerjoin(
        _receipts,
        (_receipts.c.conversation_id == _conversations.c.id) & (_receipts.c.user_id == bindparam("user_id")),
    )
    .outerjoin(
        _last,
        (_last.c.conversation_id == _conversations.c.id) & (_last.c.offset == _conversations.c.last_offset),
    )
    .outerjoin(_agent, _agent.c.id == _conversations.c.agent_id)
)
_VIEW_ONE = _VIEW.where(_conversations.c.id == bindparam("conversation"))
_NEWEST = (_conversations.c.at_ms.desc(), _conversations.c.id.desc())
_IDS_OF = (
    select(_conversations.c.id)
    .join_from(_members, _conversations, _members.c.conversation_id == _conversations.c.id)
    .where(_members.c.user_id == bindparam("user_id"), _conversations.c.at_ms < bindparam("before_ms"))
    .order_by(*_NEWEST)
    .limit(bindparam("most"))
)
# The page is found first: what a conversation looks like is worked out for the rows that are shown only.
_page = _IDS_OF.subquery("page")
_VIEW_OF = _VIEW.where(_conversations.c.id.in_(select(_page.c.id))).order_by(*_NEWEST)
_ranked = (
    select(
        _members.c.user_id,
        _conversations.c.id,
        func.row_number().over(partition_by=_members.c.user_id, order_by=_NEWEST).label("place"),
    )
    .join_from(_members, _conversations, _members.c.conversation_id == _conversations.c.id)
    .where(_members.c.user_id.in_(bindparam("users", expanding=True)))
    .subquery("ranked")
)
_IDS_OF_MANY = Query(
    select(_ranked.c.user_id, _ranked.c.id)
    .where(_ranked.c.place <= bindparam("most"))
    .order_by(_ranked.c.user_id, _ranked.c.place),
    ("users", "most"),
)
_MEMBERS_OF = (
    select(_users.c.id, _users.c.kind, _users.c.name)
    .join_from(_members, _users, _members.c.user_id == _users.c.id)
    .where(_members.c.conversation_id == bindparam("conversation"))
    .order_by(_members.c.joined_at_ms, _members.c.user_id)
    .limit(bindparam("most"))
)
_BY_KEY = select(_conversations.c.id, _conversations.c.epoch, _conversations.c.metadata_digest).where(
    _conversations.c.opener_id == bindparam("opener"), _conversations.c.open_key == bindparam("key")
)
_HEADS = Query(
    select(_conversations.c.id, _conversations.c.epoch, _conversations.c.last_offset).where(
        _conversations.c.id.in_(bindparam("ids", expanding=True))
    ),
    ("ids",),
)
_FIND_MEMBERS = Lookup(
    _members,
    by=(_members.c.conversation_id, _members.c.user_id),
    columns=(_members.c.conversation_id, _members.c.user_id),
)
_JOIN = Batch(insert(_members), ("conversation_id", "user_id", "joined_at_ms"))
_NEW = (
    "id", "epoch", "state", "claim_number", "resolved", "last_offset", "opener_id", "open_key", "metadata_json",
    "metadata_digest", "created_at_ms", "at_ms",
)  # fmt: skip


class Opener:
    """Opens conversations; the opener's row in ``users`` is there already."""

    def __init__(self, database: Database) -> None:
        opening = database.upsert(_conversations, ["opener_id", "open_key"], []).returning(_conversations.c.id)
        self._open = Query(opening, _NEW)

    def __call__(self, connection: Connection, op: OpenOp) -> Opened | Conflict:
        """The new conversation, the one that the key opened before, or a conflict."""
        opening = op.opening
        if self._open.rows(connection, *_new_row(op)):
            _JOIN.run(connection, [(op.conversation, opening.user.id, opening.at_ms)])
            return Opened(_fresh(op), opening.epoch, duplicate=False)
        first = connection.execute(_BY_KEY, {"opener": opening.user.id, "key": opening.key}).one()
        if first.metadata_digest != op.digest:
            return Conflict(f"The key {opening.key!r} opened a conversation with other metadata.")
        return Opened(view(connection, first.id, opening.user.id), first.epoch, duplicate=True)


def _new_row(op: OpenOp) -> tuple[object, ...]:
    """Values in the order of ``_NEW``."""
    new = op.opening
    return (
        *(op.conversation, new.epoch, "bot", 0, False, 0, new.user.id, new.key, op.metadata_json, op.digest),
        *(new.at_ms, new.at_ms),
    )


def _fresh(op: OpenOp) -> Conversation:
    return Conversation(
        channel=codec.channel_of(op.conversation),
        state="bot",
        resolved=False,
        at_ms=op.opening.at_ms,
        offset=0,
        read_offset=0,
        unread=0,
    )


def view(connection: Connection, conversation: str, user_id: str) -> Conversation:
    """The conversation as ``user_id`` sees it. ``NotFound``."""
    row = connection.execute(_VIEW_ONE, {"conversation": conversation, "user_id": user_id}).first()
    if row is None:
        raise NotFound(f"There is no conversation {conversation!r}.")
    return _as_seen(row)


def listed(connection: Connection, user_id: str, before_ms: int | None, limit: int) -> list[Conversation]:
    """Those that ``user_id`` is a member of, newest activity first."""
    values = {"user_id": user_id, "before_ms": FOR_EVER_MS if before_ms is None else before_ms, "most": limit}
    return [_as_seen(row) for row in connection.execute(_VIEW_OF, values).all()]


def channels_of(connection: Connection, pairs: Sequence[tuple[str, int]]) -> dict[tuple[str, int], list[str]]:
    """By user and limit, the channels that the user is a member of, newest activity first."""
    users, most = sorted({user_id for user_id, _ in pairs}), max(limit for _, limit in pairs)
    found: dict[str, list[str]] = defaultdict(list)
    for user_id, conversation in _IDS_OF_MANY.rows(connection, users, most):
        found[user_id].append(codec.channel_of(conversation))
    return {(user_id, limit): found[user_id][:limit] for user_id, limit in pairs}


def members(connection: Connection, conversation: str, limit: int) -> list[User]:
    """By the time they joined."""
    rows = connection.execute(_MEMBERS_OF, {"conversation": conversation, "most": limit}).all()
    return [User(row.id, cast(Kind, row.kind), row.name) for row in rows]


def _as_seen(row: Row[*tuple[Any, ...]]) -> Conversation:
    return Conversation(
        channel=codec.channel_of(row.id),
        state=cast(State, row.state),
        resolved=row.resolved,
        at_ms=row.at_ms,
        offset=row.last_offset,
        read_offset=row.read_offset,
        unread=row.unread,
        agent=None if row.agent_id is None else User(row.agent_id, cast(Kind, row.agent_kind), row.agent_name),
        last=_last_message(row),
    )


def _last_message(row: Row[*tuple[Any, ...]]) -> LastMessage | None:
    if row.sender_id is None:
        return None
    sender = User(row.sender_id, cast(Kind, row.sender_kind), row.sender_name)
    return LastMessage(offset=row.last_offset, sender=sender, text=row.last_text, at_ms=row.last_at_ms)


def heads(connection: Connection, conversations: Sequence[str]) -> dict[str, Head]:
    """Epoch and last offset of each conversation that exists."""
    return {row.id: Head(row.epoch, row.last_offset) for row in _HEADS.rows(connection, conversations)}


def memberships(connection: Connection, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], bool]:
    """Which pairs of conversation and user are memberships; the others are left out."""
    return {(row.conversation_id, row.user_id): True for row in _FIND_MEMBERS.rows(connection, pairs)}
