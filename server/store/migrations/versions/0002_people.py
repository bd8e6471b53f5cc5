"""Accounts, hand-off, receipts, assessments and notifications.

Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _extend_users()
    _extend_conversations()
    _move_read_offsets()
    _index_late_messages()
    op.create_table(
        "counters",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "assessments",
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("rating", sa.Double(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("categories_json", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_assessments_conversation_id")),
        sa.PrimaryKeyConstraint("conversation_id", "user_id", name=op.f("pk_assessments")),
    )
    _create_notifications()


def _extend_users() -> None:
    with op.batch_alter_table("users") as batch:
        batch.add_column(sa.Column("status", sa.String(length=16), nullable=False, server_default="online"))
        batch.add_column(sa.Column("status_text", sa.Text(), nullable=True))
        batch.add_column(sa.Column("last_seen_ms", sa.BigInteger(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("tokens_from_ms", sa.BigInteger(), nullable=False, server_default="0"))
        batch.add_column(sa.Column("banned", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch.add_column(sa.Column("revocation", sa.BigInteger(), nullable=True))
        batch.add_column(sa.Column("absent_since_ms", sa.BigInteger(), nullable=True))
        batch.add_column(sa.Column("broadcasts_before", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute("UPDATE users SET last_seen_ms = created_at_ms")
    # The defaults were for the rows that were there; from now on every INSERT says what it means.
    with op.batch_alter_table("users") as batch:
        for name in ("status", "last_seen_ms", "tokens_from_ms", "banned", "broadcasts_before"):
            batch.alter_column(name, server_default=None)
        batch.create_check_constraint(op.f("ck_users_status"), "status IN ('online', 'away', 'busy', 'invisible')")
    op.create_index(
        "uq_users_revocation",
        "users",
        ["revocation"],
        unique=True,
        sqlite_where=sa.text("revocation IS NOT NULL"),
        postgresql_where=sa.text("revocation IS NOT NULL"),
    )


def _extend_conversations() -> None:
    op.add_column("conversations", sa.Column("waiting_since_ms", sa.BigInteger(), nullable=True))
    op.add_column("conversations", sa.Column("waiting_reason", sa.Text(), nullable=True))
    op.execute("UPDATE conversations SET waiting_since_ms = at_ms WHERE state = 'waiting'")
    for name, columns, state in (
        ("ix_conversations_waiting", ["waiting_since_ms", "id"], "waiting"),
        ("ix_conversations_claimed", ["id"], "claimed"),
    ):
        op.create_index(
            name,
            "conversations",
            columns,
            sqlite_where=sa.text(f"state = '{state}'"),
            postgresql_where=sa.text(f"state = '{state}'"),
        )
    op.create_index(
        "ix_turns_open",
        "turns",
        ["conversation_id", "offset"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )


def _move_read_offsets() -> None:
    op.create_table(
        "receipts",
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("delivered_offset", sa.BigInteger(), nullable=False),
        sa.Column("read_offset", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversations.id"], name=op.f("fk_receipts_conversation_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_receipts_user_id")),
        sa.PrimaryKeyConstraint("conversation_id", "user_id", name=op.f("pk_receipts")),
    )
    op.execute(
        "INSERT INTO receipts (conversation_id, user_id, delivered_offset, read_offset, at_ms) "
        "SELECT conversation_id, user_id, read_offset, read_offset, joined_at_ms FROM members WHERE read_offset > 0"
    )
    with op.batch_alter_table("members") as batch:
        batch.drop_column("read_offset")
    op.create_index(op.f("ix_members_user_id"), "members", ["user_id"])


def _index_late_messages() -> None:
    op.create_index(
        "ix_messages_late",
        "messages",
        ["conversation_id", "sender_id", "offset"],
        sqlite_where=sa.text('"offset" > 256'),
        postgresql_where=sa.text('"offset" > 256'),
    )


def _create_notifications() -> None:
    op.create_table(
        "notifications",
        sa.Column("notification_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(), nullable=True),
        sa.Column("broadcast", sa.BigInteger(), nullable=True),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("data_json", sa.Text(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("seen_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(user_id IS NULL) = (broadcast IS NOT NULL)", name=op.f("ck_notifications_receiver")),
        sa.CheckConstraint("priority BETWEEN 0 AND 3", name=op.f("ck_notifications_priority")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_notifications_user_id")),
        sa.PrimaryKeyConstraint("notification_id", name=op.f("pk_notifications")),
    )
    for name, column, unique, where in (
        ("ix_notifications_unseen", "user_id", False, "user_id IS NOT NULL AND seen_at_ms IS NULL"),
        ("uq_notifications_broadcast", "broadcast", True, "broadcast IS NOT NULL"),
    ):
        op.create_index(
            name,
            "notifications",
            [column],
            unique=unique,
            sqlite_where=sa.text(where),
            postgresql_where=sa.text(where),
        )
    op.create_table(
        "broadcasts_seen",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("notification_id", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["notification_id"], ["notifications.notification_id"], name=op.f("fk_broadcasts_seen_notification_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_broadcasts_seen_user_id")),
        sa.PrimaryKeyConstraint("user_id", "notification_id", name=op.f("pk_broadcasts_seen")),
    )
