"""The tables of alerts and of the audit log. Apart from ``schema``, whose metadata they are part of."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    and_,
    literal_column,
    or_,
)


class AlertTables(NamedTuple):
    """``duty`` has one row: who looks after the alerts, until when in the database's time. ``edits``: documents of the
    bot that people edit while it runs."""

    alerts: Table
    silences: Table
    duty: Table
    audit: Table
    edits: Table


def alert_tables(metadata: MetaData) -> AlertTables:
    """Add them to ``metadata``."""
    return AlertTables(_alerts(metadata), _silences(metadata), _duty(metadata), _audit(metadata), _edits(metadata))


def _alerts(metadata: MetaData) -> Table:
    alerts = Table(
        "alerts",
        metadata,
        Column("alert_id", String(64), primary_key=True),
        Column("rule", String(64), nullable=False),
        Column("about_json", Text, nullable=False),
        Column("severity", String(16), nullable=False),
        Column("state", String(16), nullable=False),
        Column("value", Double, nullable=False),
        Column("raised_at_ms", BigInteger, nullable=False),
        Column("at_ms", BigInteger, nullable=False),
        Column("acknowledged_by", String),
        Column("acknowledged_at_ms", BigInteger),
        Column("acknowledged_severity", String(16)),
        Column("told_steps", Integer, nullable=False),
        Column("clear_told", Boolean, nullable=False),
        CheckConstraint("state IN ('raised', 'cleared')", name="state"),
        CheckConstraint("severity IN ('warning', 'critical')", name="severity"),
    )
    # Those that stand, and those of whose end somebody has yet to hear.
    untold = and_(alerts.c.told_steps > literal_column("0"), alerts.c.clear_told == literal_column("false"))
    is_open = or_(alerts.c.state == literal_column("'raised'"), untold)
    Index("ix_alerts_open", alerts.c.alert_id, sqlite_where=is_open, postgresql_where=is_open)
    return alerts


def _silences(metadata: MetaData) -> Table:
    return Table(
        "alert_silences",
        metadata,
        Column("silence_id", String(64), primary_key=True),
        Column("rule", String(64), nullable=False),
        Column("until_ms", BigInteger, nullable=False, index=True),
        Column("by_id", String, nullable=False),
        Column("at_ms", BigInteger, nullable=False),
        Column("reason", Text, nullable=False),
        Column("ended_by", String),
        Column("ended_at_ms", BigInteger),
    )


def _duty(metadata: MetaData) -> Table:
    return Table(
        "alert_duty",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("worker", String(64), nullable=False),
        Column("until_ms", BigInteger, nullable=False),  # the database's clock, never a worker's
    )


def _edits(metadata: MetaData) -> Table:
    return Table(
        "edits",
        metadata,
        Column("kind", String(32), primary_key=True),
        Column("revision", Integer, primary_key=True, autoincrement=False),
        Column("document_json", Text),
        Column("by_id", String, nullable=False),
        Column("at_ms", BigInteger, nullable=False),
    )


def _audit(metadata: MetaData) -> Table:
    audit = Table(
        "audit_log",
        metadata,
        Column("number", Integer, primary_key=True),
        Column("at_ms", BigInteger, nullable=False),
        Column("by_id", String, nullable=False),
        Column("by_kind", String(16), nullable=False),
        Column("action", String(64), nullable=False),
        Column("subject", String, nullable=False),
        Column("detail_json", Text, nullable=False),
    )
    Index("ix_audit_log_by_id", audit.c.by_id, audit.c.number)
    return audit
