"""Experiments: documents with their history, exposures, what the turns of these users told, and goal events.

Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    _documents()
    _records()


def _documents() -> None:
    op.create_table(
        "experiments",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("looked_at_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("state IN ('draft', 'running', 'paused', 'completed')", name=op.f("ck_experiments_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_experiments")),
    )
    op.create_table(
        "experiment_log",
        sa.Column("experiment_id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("document_json", sa.Text(), nullable=False),
        sa.Column("verb", sa.String(length=16), nullable=False),
        sa.Column("by_id", sa.String(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["experiment_id"], ["experiments.id"], name=op.f("fk_experiment_log_experiment_id")),
        sa.PrimaryKeyConstraint("experiment_id", "revision", name=op.f("pk_experiment_log")),
    )


def _records() -> None:
    op.create_table(
        "exposures",
        sa.Column("experiment_id", sa.String(length=64), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("variant", sa.String(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("experiment_id", "unit", name=op.f("pk_exposures")),
    )
    op.create_index(op.f("ix_exposures_unit"), "exposures", ["unit"])
    op.create_table(
        "trial_turns",
        sa.Column("turn_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("conversation_id", sa.String(length=64), nullable=False),
        sa.Column("message_id", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("response_ms", sa.BigInteger(), nullable=False),
        sa.Column("sentiment_score", sa.Double(), nullable=False),
        sa.Column("reply_to_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("turn_id", name=op.f("pk_trial_turns")),
    )
    op.create_index("ix_trial_turns_user", "trial_turns", ["user_id", "at_ms"])
    op.create_table(
        "goal_events",
        sa.Column("user_id", sa.String(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_goal_events")),
    )
