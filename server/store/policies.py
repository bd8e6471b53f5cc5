"""The logs of policies, rewards and changes in one numbering, and their snapshots."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, cast

import orjson
from sqlalchemy import (
    BigInteger,
    Connection,
    Double,
    LargeBinary,
    Row,
    String,
    Text,
    bindparam,
    delete,
    insert,
    literal_column,
    null,
    select,
    union_all,
)
from sqlalchemy import (
    cast as sql_cast,
)

from server.store import codec, schema
from server.store.dialect import Database
from server.store.policy_ports import PolicyChange, Snapshot, SnapshotReason
from server.store.ports import RewardEvent
from server.store.whom import WHOM, with_whom

_decisions, _log, _changes = schema.decisions, schema.reward_log, schema.policy_changes
_snapshots = schema.policy_snapshots

_EVENTS = select(
    _log.c.policy,
    _log.c.log_offset,
    _log.c.decision_id,
    _decisions.c.arm,
    _decisions.c.features,
    _log.c.reward,
    _log.c.previous,
    _log.c.at_ms,
    _decisions.c.at_ms.label("decided_ms"),
    _decisions.c.propensity,
    _log.c.previous_offset,
    sql_cast(null(), String).label("kind"),
    sql_cast(null(), Text).label("data_json"),
    sql_cast(null(), String).label("changed_by"),
    *WHOM,
).select_from(with_whom(_log.join(_decisions, _log.c.decision_id == _decisions.c.decision_id)))
_EVENTS_AFTER = (
    _EVENTS.where(_log.c.policy == bindparam("of"), _log.c.log_offset > bindparam("position"))
    .order_by(_log.c.log_offset)
    .limit(bindparam("most"))
)
_EVENT = _EVENTS.where(_log.c.policy == bindparam("of"), _log.c.log_offset == bindparam("position"))
_CHANGES_AFTER = (
    select(
        _changes.c.policy,
        _changes.c.log_offset,
        sql_cast(null(), String).label("decision_id"),
        sql_cast(null(), String).label("arm"),
        sql_cast(null(), LargeBinary).label("features"),
        sql_cast(null(), Double).label("reward"),
        sql_cast(null(), Double).label("previous"),
        _changes.c.at_ms,
        sql_cast(null(), BigInteger).label("decided_ms"),
        sql_cast(null(), Double).label("propensity"),
        sql_cast(null(), BigInteger).label("previous_offset"),
        _changes.c.kind,
        _changes.c.data_json,
        _changes.c.changed_by,
        sql_cast(null(), String).label("user"),
        sql_cast(null(), Text).label("metadata_json"),
    )
    .where(_changes.c.policy == bindparam("of"), _changes.c.log_offset > bindparam("position"))
    .order_by(_changes.c.log_offset)
    .limit(bindparam("most"))
)
# One statement, hence one view of the database: two could miss what is committed between them. Each half has its own
# limit, which its index serves.
_BOTH = union_all(_EVENTS_AFTER.subquery("rewards").select(), _CHANGES_AFTER.subquery("changes").select()).subquery()
_LOG_AFTER = select(_BOTH).order_by(_BOTH.c.log_offset).limit(bindparam("most"))
_ALL_CHANGES = select(_changes).where(_changes.c.policy == bindparam("of")).order_by(_changes.c.log_offset)
_ENDS = select(schema.policies.c.policy, schema.policies.c.last_log_offset).order_by(schema.policies.c.policy)

SALT = "policy salt"
"""Among the counters, though it never grows: the table for numbers of the whole database."""
_SALT = select(schema.counters.c.value).where(schema.counters.c.name == literal_column(f"'{SALT}'"))

_OF_POLICY = _snapshots.c.policy == bindparam("of")
_NEWEST = (
    select(*(column for column in _snapshots.c if column.name != "state"))
    .where(_OF_POLICY)
    .order_by(_snapshots.c.log_offset.desc())
    .limit(bindparam("most"))
)
_ONE = select(_snapshots).where(_OF_POLICY, _snapshots.c.log_offset == bindparam("position"))
_SURPLUS = (
    select(_snapshots.c.log_offset)
    .where(_OF_POLICY, _snapshots.c.reason != "manual")
    .order_by(_snapshots.c.log_offset.desc())
    .offset(bindparam("keep"))
)
_LET_GO = delete(_snapshots).where(
    _OF_POLICY, _snapshots.c.reason != "manual", _snapshots.c.log_offset.in_(bindparam("positions", expanding=True))
)


def salt(connection: Connection) -> int | None:
    """The number of ``PolicyStore.policy_salt``, where it has been made."""
    found: int | None = connection.execute(_SALT).scalar_one_or_none()
    return found


class Salter:
    """Makes it, once."""

    def __init__(self, database: Database) -> None:
        self._insert = database.upsert(schema.counters, ["name"], [])

    def __call__(self, connection: Connection) -> int:
        """Whatever is there then, which another worker may have made."""
        connection.execute(self._insert, {"name": SALT, "value": secrets.randbits(63)})
        made = salt(connection)
        assert made is not None  # noqa: S101 - it was inserted, now or before
        return made


def insert_change(connection: Connection, change: PolicyChange, data_json: str) -> None:
    """Write it under its number."""
    connection.execute(
        insert(_changes),
        {
            "policy": change.policy,
            "log_offset": change.log_offset,
            "kind": change.kind,
            "data_json": data_json,
            "changed_by": change.by,
            "at_ms": change.at_ms,
        },
    )


def events_after(connection: Connection, policy: str, log_offset: int, limit: int) -> list[RewardEvent]:
    """The reward events above ``log_offset``, the ``limit`` lowest of them, ascending."""
    values = {"of": policy, "position": log_offset, "most": limit}
    return [_event_of(row) for row in connection.execute(_EVENTS_AFTER, values).all()]


def log_after(connection: Connection, policy: str, log_offset: int, limit: int) -> list[RewardEvent | PolicyChange]:
    """The entries above ``log_offset``, the ``limit`` lowest of them, ascending."""
    values = {"of": policy, "position": log_offset, "most": limit}
    rows = connection.execute(_LOG_AFTER, values).all()
    return [_event_of(row) if row.kind is None else _change_of(row) for row in rows]


def event(connection: Connection, policy: str, log_offset: int) -> RewardEvent | None:
    """The one at ``log_offset``."""
    row = connection.execute(_EVENT, {"of": policy, "position": log_offset}).first()
    return None if row is None else _event_of(row)


def changes(connection: Connection, policy: str) -> list[PolicyChange]:
    """In order."""
    return [_change_of(row) for row in connection.execute(_ALL_CHANGES, {"of": policy}).all()]


def log_ends(connection: Connection) -> dict[str, int]:
    """The last offset by policy."""
    return {row.policy: row.last_log_offset for row in connection.execute(_ENDS).all()}


def snapshots(connection: Connection, policy: str, limit: int) -> list[Snapshot]:
    """The newest first."""
    return [_snapshot_of(row) for row in connection.execute(_NEWEST, {"of": policy, "most": limit}).all()]


def snapshot(connection: Connection, policy: str, log_offset: int) -> Snapshot | None:
    """The one at ``log_offset``, with its state."""
    row = connection.execute(_ONE, {"of": policy, "position": log_offset}).first()
    return None if row is None else _snapshot_of(row, row.state)


class Keeper:
    """Stores snapshots."""

    def __init__(self, database: Database) -> None:
        key = ["policy", "log_offset"]
        rest = [column.name for column in _snapshots.c if column.name not in key]
        self._insert = database.upsert(_snapshots, key, []).returning(_snapshots.c.log_offset)
        self._replace = database.upsert(_snapshots, key, rest).returning(_snapshots.c.log_offset)

    def __call__(self, connection: Connection, snapshot: Snapshot, keep: int) -> bool:
        """Whether it was stored; of those that are not manual the ``keep`` newest stay."""
        row = {
            "policy": snapshot.policy,
            "log_offset": snapshot.log_offset,
            "state": snapshot.state,
            "digest": snapshot.digest,
            "parameters_json": codec.encode_json(dict(snapshot.parameters), "parameters"),
            "reason": snapshot.reason,
            "made_by": snapshot.by,
            "created_ms": snapshot.created_ms,
        }
        statement = self._replace if snapshot.reason == "manual" else self._insert
        stored = connection.execute(statement, row).first() is not None
        surplus = list(connection.scalars(_SURPLUS, {"of": snapshot.policy, "keep": keep}))
        if surplus:
            connection.execute(_LET_GO, {"of": snapshot.policy, "positions": surplus})
        return stored


class Decider:
    """Stores decisions about messages that are there."""

    def __init__(self, database: Database) -> None:
        self._insert = database.upsert(_decisions, ["message_id"], []).returning(_decisions.c.decision_id)

    def __call__(self, connection: Connection, row: Mapping[str, Any]) -> bool:
        """Whether it was stored."""
        return connection.execute(self._insert, row).first() is not None


def _event_of(row: Row[*tuple[Any, ...]]) -> RewardEvent:
    return RewardEvent(
        policy=row.policy,
        log_offset=row.log_offset,
        decision_id=row.decision_id,
        arm=row.arm,
        features=codec.unpack_floats(row.features),
        reward=row.reward,
        previous=row.previous,
        at_ms=row.at_ms,
        decided_ms=row.decided_ms,
        propensity=row.propensity,
        previous_offset=row.previous_offset,
        user=row.user,
        segment=codec.segment_of(row.metadata_json),
    )


def _change_of(row: Row[*tuple[Any, ...]]) -> PolicyChange:
    data = codec.decode_mapping(row.data_json)
    return PolicyChange(row.policy, row.log_offset, row.kind, data, row.changed_by, row.at_ms)


def _snapshot_of(row: Row[*tuple[Any, ...]], state: bytes = b"") -> Snapshot:
    return Snapshot(
        policy=row.policy,
        log_offset=row.log_offset,
        digest=row.digest,
        parameters=orjson.loads(row.parameters_json),
        reason=cast(SnapshotReason, row.reason),
        by=row.made_by,
        created_ms=row.created_ms,
        state=bytes(state),
    )
