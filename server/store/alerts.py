"""Alerts, silences, who looks after them, and the audit log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Connection, Row, bindparam, exists, func, insert, literal_column, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from ulid import ULID

from server.errors import Conflict, NotFound
from server.store import codec, schema
from server.store.alert_ports import AlertRow, AlertState, AuditRow, Evidence, Severity, SilenceRow
from server.store.batch import Batch
from server.store.dialect import database_now_ms, upsert

MAX_SILENCES = 1_000
DUTY = 1

_alerts, _silences, _duty, _audit = schema.alerts, schema.alert_silences, schema.alert_duty, schema.audit_log
_messages, _turns, _doubts = schema.messages, schema.turns, schema.doubts
_assessments, _users = schema.assessments, schema.users

_NOW = database_now_ms()
_TAKE = (
    update(_duty)
    .where(_duty.c.id == DUTY, or_(_duty.c.worker == bindparam("of"), _duty.c.until_ms <= _NOW))
    .values(worker=bindparam("of"), until_ms=_NOW + bindparam("lease_ms"))
)
# What people said is theirs: whoever looks after the alerts never writes it.
_TOLD = ("severity", "state", "value", "at_ms", "told_steps", "clear_told")
_COLUMNS = ("alert_id", "rule", "about_json", "raised_at_ms", *_TOLD)
_SAVE = {
    "sqlite": Batch(upsert(sqlite.insert(_alerts), _alerts, ["alert_id"], _TOLD), _COLUMNS),
    "postgresql": Batch(upsert(postgresql.insert(_alerts), _alerts, ["alert_id"], _TOLD), _COLUMNS),
}
_NEWEST = select(_alerts).order_by(_alerts.c.alert_id.desc()).limit(bindparam("most"))
# Literals, not parameters: the index of open alerts serves only a query that says so itself.
_UNTOLD = (_alerts.c.told_steps > literal_column("0")) & (_alerts.c.clear_told == literal_column("false"))
_OPEN = select(_alerts).where(or_(_alerts.c.state == literal_column("'raised'"), _UNTOLD)).order_by(_alerts.c.alert_id)
_ONE = select(_alerts).where(_alerts.c.alert_id == bindparam("of"))
_SEEN = (
    update(_alerts)
    .where(_alerts.c.alert_id == bindparam("of"), _alerts.c.state == "raised")
    .values(
        acknowledged_by=bindparam("by"),
        acknowledged_at_ms=bindparam("now_ms"),
        acknowledged_severity=_alerts.c.severity,
    )
)
_SILENCE = select(_silences).where(_silences.c.silence_id == bindparam("of"))
_END = (
    update(_silences)
    .where(_silences.c.silence_id == bindparam("of"), _silences.c.ended_at_ms.is_(None))
    .values(ended_by=bindparam("by"), ended_at_ms=bindparam("now_ms"))
)
_HELD = (
    select(_silences)
    .where(_silences.c.until_ms >= bindparam("since_ms"))
    .order_by(_silences.c.silence_id.desc())
    .limit(MAX_SILENCES)
)
_AUDIT = select(_audit).order_by(_audit.c.number.desc()).limit(bindparam("most"))

_TURNS = select(func.count()).select_from(_turns).where(_turns.c.turn_id >= bindparam("floor"))
_LABELS = select(
    func.count().label("doubted"),
    func.count(_doubts.c.label).label("labelled"),
    func.count().filter(_doubts.c.label == _doubts.c.said).label("agreed"),
).where(_doubts.c.turn_id >= bindparam("floor"))
_RATED = (
    select(func.count().label("ratings"), func.coalesce(func.sum(_assessments.c.rating), 0.0).label("rating_sum"))
    .join_from(_assessments, _users, _users.c.id == _assessments.c.user_id)
    .where(_assessments.c.at_ms >= bindparam("since_ms"), _users.c.kind == literal_column("'customer'"))
)
_SYSTEM = _messages.c.sender_kind == literal_column("'system'")
_said = _messages.alias("said")
_EVENTS = select(func.count(_messages.c.conversation_id.distinct())).where(
    _SYSTEM, _messages.c.message_id >= bindparam("floor")
)


def is_event(event: str, of: Any = _messages) -> Any:
    """Whether a message of the system tells that."""
    # As ``Ledger.say`` writes it.
    return of.c.data_json.like(f'{{"event":"{event}"%')


_TO_A_PERSON = or_(is_event("waiting"), is_event("claimed"))
_HANDED_OVER = _EVENTS.where(_TO_A_PERSON)
_RESOLVED = _EVENTS.where(
    is_event("resolved"),
    ~exists().where(
        _said.c.conversation_id == _messages.c.conversation_id,
        _said.c.sender_kind == literal_column("'system'"),
        or_(is_event("waiting", _said), is_event("claimed", _said)),
    ),
)


def floor_of(since_ms: int) -> str:
    """The least ULID of that millisecond."""
    return str(ULID.from_timestamp(max(0, since_ms) / 1000))[:10] + "0" * 16


def take_duty(connection: Connection, worker: str, lease_ms: int) -> bool:
    """Whether the duty is ``worker``'s now."""
    return connection.execute(_TAKE, {"of": worker, "lease_ms": lease_ms}).rowcount > 0


def save(connection: Connection, rows: Sequence[AlertRow]) -> None:
    """Insert or change."""
    values = [
        (
            *(row.alert_id, row.rule, codec.encode_json(dict(row.about), "about"), row.raised_at_ms),
            *(row.severity, row.state, row.value, row.at_ms, row.told_steps, row.clear_told),
        )
        for row in rows
    ]
    if values:
        _SAVE[connection.dialect.name].run(connection, values)


def page(connection: Connection, state: AlertState | None, before: str | None, limit: int) -> list[AlertRow]:
    """The newest first."""
    query = _NEWEST
    if state is not None:
        query = query.where(_alerts.c.state == state)
    if before is not None:
        query = query.where(_alerts.c.alert_id < before)
    return [_alert_of(row) for row in connection.execute(query, {"most": limit}).all()]


def open_ones(connection: Connection) -> list[AlertRow]:
    """The oldest first."""
    return [_alert_of(row) for row in connection.execute(_OPEN).all()]


def acknowledge(connection: Connection, alert_id: str, by: str, at_ms: int) -> AlertRow | NotFound | Conflict:
    """The alert as it stands then, or an error."""
    changed = connection.execute(_SEEN, {"of": alert_id, "by": by, "now_ms": at_ms}).rowcount
    row = connection.execute(_ONE, {"of": alert_id}).first()
    if row is None:
        return NotFound(f"There is no alert {alert_id!r}.")
    return _alert_of(row) if changed else Conflict(f"The alert {alert_id!r} is over; there is nothing to acknowledge.")


def add_silence(connection: Connection, row: SilenceRow) -> None:
    """Keep it."""
    connection.execute(
        insert(_silences).values(
            silence_id=row.silence_id,
            rule=row.rule,
            until_ms=row.until_ms,
            by_id=row.by,
            at_ms=row.at_ms,
            reason=row.reason,
        )
    )


def end_silence(connection: Connection, silence_id: str, by: str, at_ms: int) -> SilenceRow | NotFound:
    """As it is then, or an error."""
    connection.execute(_END, {"of": silence_id, "by": by, "now_ms": at_ms})
    row = connection.execute(_SILENCE, {"of": silence_id}).first()
    return NotFound(f"There is no silence {silence_id!r}.") if row is None else _silence_of(row)


def silences(connection: Connection, since_ms: int) -> list[SilenceRow]:
    """The newest first."""
    return [_silence_of(row) for row in connection.execute(_HELD, {"since_ms": since_ms}).all()]


def evidence(connection: Connection, since_ms: int, labels_since_ms: int) -> Evidence:
    """Sums over the stretches of time."""
    labels = {"floor": floor_of(labels_since_ms)}
    recent = {"floor": floor_of(since_ms)}
    judged = connection.execute(_LABELS, labels).one()
    rated = connection.execute(_RATED, {"since_ms": since_ms}).one()
    return Evidence(
        answered=connection.execute(_TURNS, labels).scalar_one(),
        doubted=judged.doubted,
        labelled=judged.labelled,
        agreed=judged.agreed,
        ratings=rated.ratings,
        rating_sum=float(rated.rating_sum),
        resolved=connection.execute(_RESOLVED, recent).scalar_one(),
        handed_over=connection.execute(_HANDED_OVER, recent).scalar_one(),
    )


def add_audit(connection: Connection, row: AuditRow) -> None:
    """Note it."""
    connection.execute(
        insert(_audit).values(
            at_ms=row.at_ms,
            by_id=row.by,
            by_kind=row.kind,
            action=row.action,
            subject=row.subject,
            detail_json=codec.encode_json(dict(row.detail), "detail"),
        )
    )


def audit(connection: Connection, by: str | None, action: str | None, before: int | None, limit: int) -> list[AuditRow]:
    """The newest first."""
    query = _AUDIT
    if by is not None:
        query = query.where(_audit.c.by_id == by)
    if action is not None:
        query = query.where(_audit.c.action == action)
    if before is not None:
        query = query.where(_audit.c.number < before)
    return [
        AuditRow(
            row.at_ms,
            row.by_id,
            row.by_kind,
            row.action,
            row.subject,
            codec.decode_mapping(row.detail_json),
            row.number,
        )
        for row in connection.execute(query, {"most": limit}).all()
    ]


def _alert_of(row: Row[*tuple[Any, ...]]) -> AlertRow:
    return AlertRow(
        alert_id=row.alert_id,
        rule=row.rule,
        severity=cast(Severity, row.severity),
        state=cast(AlertState, row.state),
        value=row.value,
        raised_at_ms=row.raised_at_ms,
        at_ms=row.at_ms,
        about=codec.decode_mapping(row.about_json),
        acknowledged_by=row.acknowledged_by,
        acknowledged_at_ms=row.acknowledged_at_ms,
        acknowledged_severity=cast(Severity | None, row.acknowledged_severity),
        told_steps=row.told_steps,
        clear_told=bool(row.clear_told),
    )


def _silence_of(row: Row[*tuple[Any, ...]]) -> SilenceRow:
    return SilenceRow(
        silence_id=row.silence_id,
        rule=row.rule,
        until_ms=row.until_ms,
        by=row.by_id,
        at_ms=row.at_ms,
        reason=row.reason,
        ended_by=row.ended_by,
        ended_at_ms=row.ended_at_ms,
    )
