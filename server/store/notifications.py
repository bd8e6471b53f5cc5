"""Notifications: one row each, for one user or for everybody, and who has seen them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast, get_args

from sqlalchemy import Connection, Row, and_, bindparam, exists, func, insert, or_, select, update

from server.errors import NotFound
from server.store import codec, schema
from server.store.accounts import BROADCASTS
from server.store.dialect import Database
from server.store.ports import Notice
from server.store.query import Query
from server.wire.frames import Notification
from server.wire.parts import Priority

_notifications, _seen, _users = schema.notifications, schema.broadcasts_seen, schema.users

_PRIORITIES: tuple[Priority, ...] = get_args(Priority)
"""From the least urgent on; a row holds the place."""

_KNOWN = select(_users.c.id).where(_users.c.id == bindparam("user"))
_INSERT = insert(_notifications)
_RECEIVERS = select(func.count()).select_from(_users).where(_users.c.broadcasts_before < bindparam("number"))
_BROADCASTS_BEFORE = select(_users.c.broadcasts_before).where(_users.c.id == bindparam("user")).scalar_subquery()
_OWN = and_(_notifications.c.user_id == bindparam("user"), _notifications.c.seen_at_ms.is_(None))
_EVERYBODYS = and_(
    _notifications.c.broadcast.is_not(None),
    _notifications.c.broadcast > _BROADCASTS_BEFORE,
    ~exists().where(_seen.c.user_id == bindparam("user"), _seen.c.notification_id == _notifications.c.notification_id),
)
_WAITED_FOR = Query(
    select(_users.c.id).where(
        _users.c.id.in_(bindparam("users", expanding=True)),
        or_(
            exists().where(_notifications.c.user_id == _users.c.id, _notifications.c.seen_at_ms.is_(None)),
            exists().where(
                _notifications.c.broadcast.is_not(None),
                _notifications.c.broadcast > _users.c.broadcasts_before,
                ~exists()
                .where(_seen.c.user_id == _users.c.id, _seen.c.notification_id == _notifications.c.notification_id)
                .correlate(_users, _notifications),
            ),
        ),
    ),
    ("users",),
)
_SHOWN = (
    _notifications.c.notification_id,
    _notifications.c.priority,
    _notifications.c.title,
    _notifications.c.body,
    _notifications.c.data_json,
    _notifications.c.at_ms,
)
# Two searches, each through its index, instead of one with an OR that no index serves.
_both = select(*_SHOWN).where(_OWN).union_all(select(*_SHOWN).where(_EVERYBODYS)).subquery("unseen")
_UNSEEN = (
    select(_both, func.count().over().label("total"))
    .order_by(_both.c.priority.desc(), _both.c.at_ms, _both.c.notification_id)
    .limit(bindparam("most"))
)
_FOR_USER = select(_notifications.c.broadcast).where(
    _notifications.c.notification_id == bindparam("notification"),
    or_(_notifications.c.user_id == bindparam("user"), _notifications.c.broadcast > _BROADCASTS_BEFORE),
)
_SEE_OWN = (
    update(_notifications)
    .where(_notifications.c.notification_id == bindparam("notification"), _notifications.c.seen_at_ms.is_(None))
    .values(seen_at_ms=bindparam("now_ms"))
)


class Notifier:
    """Stores notifications and that they were seen."""

    def __init__(self, database: Database) -> None:
        self._count = database.increment(schema.counters, "name", "value").returning(schema.counters.c.value)
        self._see = database.upsert(_seen, ["user_id", "notification_id"], []).returning(_seen.c.notification_id)

    def notify(self, connection: Connection, notice: Notice, data_json: str | None) -> int | NotFound:
        """The number of the broadcast, 0 for a notification of one user."""
        number = None
        if notice.user_id is None:
            number = connection.execute(self._count, {"name": BROADCASTS, "value": 1}).scalar_one()
        elif connection.execute(_KNOWN, {"user": notice.user_id}).first() is None:
            return NotFound(f"There is no user {notice.user_id!r}.")
        connection.execute(
            _INSERT,
            {
                "notification_id": notice.notification_id,
                "user_id": notice.user_id,
                "broadcast": number,
                "priority": _PRIORITIES.index(notice.priority),
                "title": notice.title,
                "body": notice.body,
                "data_json": data_json,
                "at_ms": notice.at_ms,
                "seen_at_ms": None,
            },
        )
        return number or 0

    def see(self, connection: Connection, user_id: str, notification_id: str, at_ms: int) -> bool | NotFound:
        """Whether it was unseen until now."""
        found = connection.execute(_FOR_USER, {"user": user_id, "notification": notification_id}).first()
        if found is None:
            return NotFound(f"You have no notification {notification_id!r}.")
        if found.broadcast is None:
            return connection.execute(_SEE_OWN, {"notification": notification_id, "now_ms": at_ms}).rowcount > 0
        row = {"user_id": user_id, "notification_id": notification_id, "at_ms": at_ms}
        return connection.execute(self._see, row).first() is not None


def receivers(connection: Connection, number: int) -> int:
    """How many users were known when the broadcast was made."""
    return connection.execute(_RECEIVERS, {"number": number}).scalar_one()


def waited_for(connection: Connection, user_ids: Sequence[str]) -> set[str]:
    """Those of the users for whom something is unseen."""
    return {row.id for row in _WAITED_FOR.rows(connection, user_ids)}


def unseen(connection: Connection, user_id: str, limit: int) -> tuple[list[Notification], int]:
    """The most urgent, then oldest, at most ``limit`` (one or more), and the number of all."""
    rows = connection.execute(_UNSEEN, {"user": user_id, "most": limit}).all()
    return [_notification(row, user_id) for row in rows], rows[0].total if rows else 0


def _notification(row: Row[*tuple[Any, ...]], user_id: str) -> Notification:
    return Notification(
        channel=f"user:{user_id}",
        notification_id=row.notification_id,
        priority=_PRIORITIES[cast(int, row.priority)],
        title=row.title,
        body=row.body,
        at_ms=row.at_ms,
        data=None if row.data_json is None else codec.decode_mapping(row.data_json),
    )
