"""Agents, their capacities, and offers of waiting conversations."""

from __future__ import annotations

from typing import Any, Final, cast

import orjson
from sqlalchemy import Connection, Row, bindparam, delete, exists, func, literal_column, select, update

from server.errors import NotFound
from server.store import codec, schema
from server.store.claims import LAST_ANALYSIS
from server.store.dialect import Database, database_now_ms
from server.store.routing_ports import AgentRow, Decide, Offer, OfferState, Placement, RoutingFacts, Waiting
from server.wire.parts import Kind, Status, User

LOCK: Final = "routing"

_users, _capacities, _offers = schema.users, schema.agent_capacities, schema.offers
_conversations, _messages = schema.conversations, schema.messages

_IS_AGENT = _users.c.kind.in_([literal_column("'agent'"), literal_column("'admin'")])
_CLAIMED = (
    select(func.count())
    .select_from(_conversations)
    .where(
        _conversations.c.state == literal_column("'claimed'"),
        _conversations.c.agent_id == _users.c.id,
        ~_conversations.c.resolved,
    )
    .correlate(_users)
    .scalar_subquery()
)
_STANDS = (
    (_conversations.c.id == _offers.c.conversation_id)
    & (_conversations.c.state == literal_column("'waiting'"))
    & (_conversations.c.waiting_since_ms == _offers.c.waiting_since_ms)
)
_IS_OPEN = _offers.c.state == literal_column("'open'")
_OFFERED = (
    select(func.count())
    .select_from(_offers.join(_conversations, _STANDS))
    .where(_IS_OPEN, _offers.c.agent_id == _users.c.id, _offers.c.until_ms > database_now_ms())
    .correlate(_users)
    .scalar_subquery()
)
_AGENTS = (
    select(
        _users.c.id,
        _users.c.kind,
        _users.c.name,
        _users.c.status,
        _users.c.status_text,
        _users.c.last_seen_ms,
        _capacities.c.capacity,
        _CLAIMED.label("claimed"),
        _OFFERED.label("offered"),
    )
    .select_from(_users.outerjoin(_capacities, _capacities.c.user_id == _users.c.id))
    .where(_IS_AGENT, ~_users.c.banned)
    .order_by(_users.c.name, _users.c.id)
)
_AGENT = select(_users.c.id).where(_users.c.id == bindparam("user"), _IS_AGENT)
_FORGET = delete(_capacities).where(_capacities.c.user_id == bindparam("user"))

_LAST_TURN = (
    select(_messages.c.turn_json)
    .where(_messages.c.conversation_id == _conversations.c.id, _messages.c.turn_json.is_not(None))
    .order_by(_messages.c.offset.desc())
    .limit(1)
    .correlate(_conversations)
    .scalar_subquery()
)
_WAITING = (
    select(
        _conversations.c.id,
        _conversations.c.waiting_since_ms,
        _conversations.c.waiting_reason,
        LAST_ANALYSIS.label("analysis_json"),
        _LAST_TURN.label("turn_json"),
    )
    .where(_conversations.c.state == literal_column("'waiting'"))
    .order_by(_conversations.c.waiting_since_ms, _conversations.c.id)
    .limit(bindparam("most"))
)
_OFFERS = select(
    _offers.c.conversation_id,
    _offers.c.agent_id,
    _offers.c.waiting_since_ms,
    _offers.c.state,
    (_offers.c.until_ms - database_now_ms()).label("left_ms"),
).select_from(_offers.join(_conversations, _STANDS))
_OPEN_OFFERS = _OFFERS.where(_IS_OPEN, _offers.c.until_ms > database_now_ms()).order_by(_offers.c.conversation_id)
_LAPSE = (
    update(_offers).where(_IS_OPEN, _offers.c.until_ms <= database_now_ms()).values(state=literal_column("'lapsed'"))
)
# Of waits that are over: they say nothing any more.
_CLEAR = delete(_offers).where(~exists(select(literal_column("1")).where(_STANDS).correlate(_offers)))
_REFUSE = (
    update(_offers)
    .where(
        _IS_OPEN,
        _offers.c.conversation_id == bindparam("conversation"),
        _offers.c.agent_id == bindparam("agent"),
    )
    .values(state=literal_column("'refused'"))
)


class Router:
    """Offers waiting conversations, one caller at a time."""

    def __init__(self, database: Database) -> None:
        self._lock = database.increment(schema.counters, "name", "value")
        columns = ["waiting_since_ms", "state", "until_ms"]
        self._save = database.upsert(_offers, ["conversation_id", "agent_id"], columns)

    def __call__(self, connection: Connection, decide: Decide, limit: int, offer_ms: int) -> list[Placement]:
        """What was placed."""
        connection.execute(self._lock, {"name": LOCK, "value": 1})  # the row's lock is held until the commit
        connection.execute(_LAPSE)
        connection.execute(_CLEAR)
        waiting = tuple(_waiting(row) for row in connection.execute(_WAITING, {"most": limit}).all())
        if not waiting:
            return []
        offers = tuple(_offer(row) for row in connection.execute(_OFFERS).all())
        wanted = decide(RoutingFacts(waiting, tuple(agents(connection)), offers))
        since = {one.channel: one.waiting_since_ms for one in waiting}
        taken = {one.channel for one in offers if one.state == "open"}
        placed: list[Placement] = []
        now_ms = connection.scalar(select(database_now_ms())) or 0
        for place in wanted:
            if place.channel not in since or place.channel in taken:
                continue
            taken.add(place.channel)
            placed.append(place)
            values = {
                "conversation_id": place.channel.removeprefix(codec.CHANNEL_PREFIX),
                "agent_id": place.agent_id,
                "waiting_since_ms": since[place.channel],
                "state": "open",
                "until_ms": now_ms + offer_ms,
            }
            connection.execute(self._save, values)
        return placed


class Capacities:
    """Stores how much agents take on."""

    def __init__(self, database: Database) -> None:
        self._save = database.upsert(_capacities, ["user_id"], ["capacity"])

    def __call__(self, connection: Connection, user: str, capacity: int | None) -> NotFound | None:
        """An error for somebody who is no agent."""
        if connection.execute(_AGENT, {"user": user}).first() is None:
            return NotFound(f"There is no agent {user!r}.")
        if capacity is None:
            connection.execute(_FORGET, {"user": user})
        else:
            connection.execute(self._save, {"user_id": user, "capacity": capacity})
        return None


def agents(connection: Connection) -> list[AgentRow]:
    """By name."""
    return [
        AgentRow(
            user=User(row.id, cast(Kind, row.kind), row.name),
            status=cast(Status, row.status),
            status_text=row.status_text,
            last_seen_ms=row.last_seen_ms,
            capacity=row.capacity,
            claimed=row.claimed,
            offered=row.offered,
        )
        for row in connection.execute(_AGENTS).all()
    ]


def open_offers(connection: Connection) -> list[Offer]:
    """Those that have not lapsed."""
    return [_offer(row) for row in connection.execute(_OPEN_OFFERS).all()]


def refuse(connection: Connection, conversation: str, agent: str) -> bool:
    """Whether it was offered until now."""
    return connection.execute(_REFUSE, {"conversation": conversation, "agent": agent}).rowcount > 0


def _offer(row: Row[*tuple[Any, ...]]) -> Offer:
    return Offer(
        channel=codec.channel_of(row.conversation_id),
        agent_id=row.agent_id,
        waiting_since_ms=row.waiting_since_ms,
        state=cast(OfferState, row.state),
        left_ms=row.left_ms,
    )


def _waiting(row: Row[*tuple[Any, ...]]) -> Waiting:
    turn = {} if row.turn_json is None else orjson.loads(row.turn_json)
    return Waiting(
        channel=codec.channel_of(row.id),
        waiting_since_ms=row.waiting_since_ms,
        reason=row.waiting_reason,
        analysis=codec.decode_mapping(row.analysis_json),
        persona=turn.get("persona"),
    )
