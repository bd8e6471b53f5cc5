"""Users: their rows in a group commit, and reading them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Connection, bindparam, false, func, literal_column, select, update

from server.store import schema
from server.store.account_plan import AccountPlan
from server.store.batch import Batch
from server.store.dialect import Database, database_now_ms
from server.store.ports import Account, Revocation
from server.store.query import Query
from server.wire.parts import Kind, Status, User

_users, _counters = schema.users, schema.counters

REVOCATIONS = "revocations"
BROADCASTS = "broadcasts"

_ACCOUNT_COLUMNS = (
    _users.c.id,
    _users.c.kind,
    _users.c.name,
    _users.c.status,
    _users.c.status_text,
    _users.c.last_seen_ms,
    _users.c.tokens_from_ms,
    _users.c.banned,
)
_of_ids = select(*_ACCOUNT_COLUMNS).where(_users.c.id.in_(bindparam("ids", expanding=True))).order_by(_users.c.id)
_ACCOUNTS = Query(_of_ids, ("ids",))
# The key never changes, so rows that refer to it need not wait.
_LOCK_ACCOUNTS = Query(_of_ids.with_for_update(key_share=True), ("ids",))
_LIST_ACCOUNTS = (
    select(*_ACCOUNT_COLUMNS).where(_users.c.id > bindparam("after")).order_by(_users.c.id).limit(bindparam("most"))
)
_CHANGE = Batch(
    update(_users)
    .where(_users.c.id == bindparam("of"))
    .values(
        status=bindparam("now_status"),
        status_text=bindparam("now_text"),
        last_seen_ms=bindparam("now_seen_ms"),
        tokens_from_ms=bindparam("now_from_ms"),
        banned=bindparam("now_banned"),
    ),
    ("now_status", "now_text", "now_seen_ms", "now_from_ms", "now_banned", "of"),
)
_NUMBER = Batch(
    update(_users).where(_users.c.id == bindparam("of")).values(revocation=bindparam("number")), ("number", "of")
)
_BEGIN_ABSENCE = (
    update(_users)
    .where(_users.c.id.in_(bindparam("ids", expanding=True)), _users.c.absent_since_ms.is_(None))
    .values(absent_since_ms=database_now_ms())
)
_END_ABSENCE = (
    update(_users)
    .where(_users.c.id.in_(bindparam("ids", expanding=True)), _users.c.absent_since_ms.is_not(None))
    .values(absent_since_ms=None)
)
_LAST_NUMBER = select(_counters.c.value).where(_counters.c.name == REVOCATIONS)
_REVOKED_AFTER = (
    select(_users.c.revocation, _users.c.id, _users.c.tokens_from_ms, _users.c.banned)
    .where(_users.c.revocation.is_not(None), _users.c.revocation > bindparam("position"))
    .order_by(_users.c.revocation)
    .limit(bindparam("most"))
)
_INSERTED = ("new_id", "new_kind", "new_name", "new_created_ms", "new_seen_ms")


class Accounts:
    """Writes a commit's users: ``lock`` all, then ``save`` and ``meet`` who comes, then ``write`` what changes."""

    def __init__(self, database: Database) -> None:
        self._save = Batch(_with_new_row(database, ["kind", "name"]), _INSERTED)
        self._meet = Batch(_with_new_row(database, []), _INSERTED)
        self._count = database.increment(_counters, "name", "value").returning(_counters.c.value)

    def lock(self, connection: Connection, user_ids: Collection[str]) -> dict[str, Account]:
        """The accounts of those users that exist, locked until the commit."""
        return {row.id: _account_of(row) for row in _LOCK_ACCOUNTS.rows(connection, sorted(user_ids))}

    def save(self, connection: Connection, users: Mapping[str, tuple[User, int]]) -> None:
        """Insert, or update kind and name."""
        self._save.run(connection, _new_rows(users))

    def meet(self, connection: Connection, users: Mapping[str, tuple[User, int]]) -> None:
        """Insert those who are not known."""
        self._meet.run(connection, _new_rows(users))

    def write(self, connection: Connection, plan: AccountPlan) -> None:
        """Store the plan of locked accounts."""
        rows = [
            (one.status, one.status_text, one.last_seen_ms, one.tokens_from_ms, one.banned, one.user.id)
            for _, one in sorted(plan.changed.items())
        ]
        _CHANGE.run(connection, rows)
        for statement, ids in ((_END_ABSENCE, plan.present), (_BEGIN_ABSENCE, plan.absent)):
            if ids:
                connection.execute(statement, {"ids": sorted(ids)})
        if plan.revoked:
            # The counter's row stays locked until the commit: a number is never seen before a lower one.
            values = {"name": REVOCATIONS, "value": len(plan.revoked)}
            first = connection.execute(self._count, values).scalar_one() - len(plan.revoked) + 1
            _NUMBER.run(connection, list(enumerate(plan.revoked, first)))


def _with_new_row(database: Database, update_columns: Sequence[str]) -> Any:
    broadcasts = select(func.coalesce(func.max(_counters.c.value), literal_column("0"))).where(
        _counters.c.name == literal_column(f"'{BROADCASTS}'")
    )
    return database.upsert(_users, ["id"], update_columns).values(
        id=bindparam("new_id"),
        kind=bindparam("new_kind"),
        name=bindparam("new_name"),
        created_at_ms=bindparam("new_created_ms"),
        status=literal_column("'online'"),
        last_seen_ms=bindparam("new_seen_ms"),
        tokens_from_ms=literal_column("0"),
        banned=false(),
        broadcasts_before=broadcasts.scalar_subquery(),
    )


def _new_rows(users: Mapping[str, tuple[User, int]]) -> list[tuple[object, ...]]:
    return [(user.id, user.kind, user.name, at_ms, at_ms) for _, (user, at_ms) in sorted(users.items())]


def _account_of(row: Any) -> Account:
    return Account(
        user=User(row.id, cast(Kind, row.kind), row.name),
        status=cast(Status, row.status),
        status_text=row.status_text,
        last_seen_ms=row.last_seen_ms,
        tokens_from_ms=row.tokens_from_ms,
        banned=row.banned,
    )


def accounts(connection: Connection, user_ids: Sequence[str]) -> dict[str, Account]:
    """Those of the users that are known."""
    return {row.id: _account_of(row) for row in _ACCOUNTS.rows(connection, user_ids)}


def list_accounts(connection: Connection, after: str, limit: int) -> list[Account]:
    """By user id, ascending, those behind ``after``."""
    return [_account_of(row) for row in connection.execute(_LIST_ACCOUNTS, {"after": after, "most": limit}).all()]


def revocations_after(connection: Connection, number: int, limit: int) -> tuple[int, list[Revocation]]:
    """Numbers are told one too high, so that 0 stands for "from now on" even before the first revocation."""
    if number <= 0:
        return (connection.execute(_LAST_NUMBER).scalar() or 0) + 1, []
    rows = connection.execute(_REVOKED_AFTER, {"position": number - 1, "most": limit}).all()
    last = rows[-1].revocation + 1 if rows else number
    return last, [Revocation(row.id, row.tokens_from_ms, row.banned) for row in rows]
