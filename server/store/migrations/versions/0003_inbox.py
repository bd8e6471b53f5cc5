"""The inbox: turns that nobody was sure of, for people to relabel.

Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "doubts",
        sa.Column("turn_id", sa.String(length=64), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("said", sa.String(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("guesses_json", sa.Text(), nullable=False),
        sa.Column("out_of_scope", sa.Double(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("label", sa.String(), nullable=True),
        sa.Column("judged_by", sa.String(), nullable=True),
        sa.Column("judged_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('open', 'labelled', 'dismissed')", name=op.f("ck_doubts_state")),
        sa.CheckConstraint("(state = 'labelled') = (label IS NOT NULL)", name=op.f("ck_doubts_label")),
        sa.ForeignKeyConstraint(["turn_id"], ["turns.turn_id"], name=op.f("fk_doubts_turn_id")),
        sa.PrimaryKeyConstraint("turn_id", name=op.f("pk_doubts")),
    )
    op.create_index(
        "ix_doubts_open",
        "doubts",
        ["turn_id"],
        sqlite_where=sa.text("state = 'open'"),
        postgresql_where=sa.text("state = 'open'"),
    )
